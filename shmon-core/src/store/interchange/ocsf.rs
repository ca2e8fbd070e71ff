//! OCSF 1.8: Process Activity.

use super::{message, object};
use crate::Level;
use crate::store::Row;
use serde_json::{Value, json};

const CLASS: u32 = 1007;
/// A process was launched.
const LAUNCH: u32 = 1;

pub(super) fn event(row: &Row, reveal: bool) -> Value {
    let milliseconds = |nanos: i64| nanos.div_euclid(1_000_000);
    let severity = match row.level {
        Level::Critical => 5,
        Level::High => 4,
        Level::Medium => 3,
        Level::Low if row.rules.is_empty() => 1,
        Level::Low => 2,
    };
    let status = match row.exit_status {
        None => 0,
        Some(0) => 1,
        Some(_) => 2,
    };
    let user = object([("name", json!(row.user)), ("uid", json!(row.uid.map(|uid| uid.to_string())))]);
    let shell = object([("pid", json!(row.pid)), ("name", json!(row.shell))]);
    let session = object([("uid", json!(row.session_id)), ("terminal", json!(row.tty))]);
    let source = row.source().map(|(ip, port)| object([("ip", json!(ip)), ("port", json!(port))]));
    object([
        ("class_uid", json!(CLASS)),
        ("class_name", json!("Process Activity")),
        ("category_uid", json!(1)),
        ("category_name", json!("System Activity")),
        ("activity_id", json!(LAUNCH)),
        ("activity_name", json!("Launch")),
        ("type_uid", json!(CLASS * 100 + LAUNCH)),
        ("time", json!(milliseconds(row.started_at))),
        ("duration", json!(row.duration.map(milliseconds))),
        ("severity_id", json!(severity)),
        ("status_id", json!(status)),
        ("exit_code", json!(row.exit_status)),
        ("message", message(row, reveal)),
        (
            "metadata",
            json!({
                "version": "1.8.0",
                "uid": row.uid_text(),
                "sequence": row.id,
                "logged_time": milliseconds(row.recorded_at),
                "product": {"name": "shmon", "vendor_name": "shmon", "version": env!("CARGO_PKG_VERSION")},
            }),
        ),
        ("actor", object([("user", user.clone()), ("session", session), ("process", shell.clone())])),
        ("device", json!({"hostname": row.host, "type_id": 0})),
        ("src_endpoint", json!(source)),
        (
            "process",
            object([
                // One line may run several processes, or none: it has an identity, and no number of the kernel's.
                ("uid", json!(row.uid_text())),
                ("cmd_line", json!(row.text(reveal))),
                ("working_directory", json!(row.working_directory)),
                ("user", user),
                ("parent_process", shell),
            ]),
        ),
        (
            "unmapped",
            json!({
                "level": row.level.as_str(),
                "rules": row.rules,
                "sensitive": row.sensitive,
                "excluded": row.excluded,
                "partial": row.partial,
                "redacted": row.redacted.is_some() && !reveal,
                "command_hash": row.command_hash,
                "parent_session": row.parent_session,
            }),
        ),
    ])
}
