//! The Elastic Common Schema.

use super::{message, object};
use crate::store::{Row, row};
use serde_json::{Value, json};

pub(super) fn document(row: &Row, reveal: bool) -> Value {
    // What a rule found is an alert, as detection engines have it.
    let kind = if row.rules.is_empty() { "event" } else { "alert" };
    let (outcome, ended) = match row.exit_status {
        None => ("unknown", false),
        Some(0) => ("success", true),
        Some(_) => ("failure", true),
    };
    let types = if ended { json!(["start", "end"]) } else { json!(["start"]) };
    let end = row.duration.map(|nanos| row::rfc3339(row.started_at.saturating_add(nanos)));
    let source = row
        .source()
        .map(|(ip, port)| object([("address", json!(ip)), ("ip", json!(ip)), ("port", json!(port))]));
    object([
        ("@timestamp", json!(row::rfc3339(row.started_at))),
        ("ecs", json!({"version": "9.4.0"})),
        ("message", message(row, reveal)),
        (
            "event",
            object([
                ("id", json!(row.uid_text())),
                ("kind", json!(kind)),
                ("category", json!(["process"])),
                ("type", types),
                ("action", json!("command")),
                ("outcome", json!(outcome)),
                ("provider", json!("shmon")),
                ("start", json!(row::rfc3339(row.started_at))),
                ("end", json!(end)),
                ("duration", json!(row.duration)),
                ("created", json!(row::rfc3339(row.recorded_at))),
                ("sequence", json!(row.id)),
                ("severity", json!(row.level as u8)),
                ("hash", json!(row.command_hash)),
            ]),
        ),
        ("log", json!({"level": row.level.as_str()})),
        (
            "process",
            object([
                ("command_line", json!(row.text(reveal))),
                ("exit_code", json!(row.exit_status)),
                ("working_directory", json!(row.working_directory)),
                ("interactive", json!(row.tty.is_some())),
                ("entity_id", json!(row.uid_text())),
                ("parent", object([("pid", json!(row.pid)), ("name", json!(row.shell))])),
            ]),
        ),
        ("user", object([("name", json!(row.user)), ("id", json!(row.uid.map(|uid| uid.to_string())))])),
        ("host", object([("name", json!(row.host))])),
        ("source", json!(source)),
        ("rule", object([("id", json!(row.rules))])),
        (
            "labels",
            object([
                ("shmon_session", json!(row.session_id)),
                ("shmon_level", json!(row.level.as_str())),
                ("shmon_excluded", json!(row.excluded.to_string())),
                ("shmon_redacted", json!((row.redacted.is_some() && !reveal).to_string())),
            ]),
        ),
    ])
}
