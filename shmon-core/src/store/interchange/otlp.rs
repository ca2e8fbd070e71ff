//! OTLP/HTTP: log records in JSON. Names are in lowerCamelCase, numbers of 64 bits are strings (protobuf's JSON mapping).

use crate::Level;
use crate::store::Row;
use serde_json::{Value, json};

pub(super) fn request(rows: &[Row], reveal: bool) -> Value {
    // One resource for each host, in the order of their first rows.
    let mut hosts: Vec<(&str, Vec<Value>)> = Vec::new();
    for row in rows {
        let record = record(row, reveal);
        match hosts.iter_mut().find(|(host, _)| *host == row.host) {
            Some((_, records)) => records.push(record),
            None => hosts.push((&row.host, vec![record])),
        }
    }
    let scope = json!({"name": "shmon", "version": env!("CARGO_PKG_VERSION")});
    let resources: Vec<Value> = hosts
        .into_iter()
        .map(|(host, records)| {
            json!({
                "resource": {"attributes": [text("service.name", "shmon"), text("host.name", host)]},
                "scopeLogs": [{"scope": scope, "logRecords": records}],
            })
        })
        .collect();
    json!({"resourceLogs": resources})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn truth(key: &str, value: bool) -> Value {
    json!({"key": key, "value": {"boolValue": value}})
}

fn record(row: &Row, reveal: bool) -> Value {
    // INFO, WARN, ERROR and ERROR2: a command is not the end of a program, which FATAL stands for.
    let severity = match row.level {
        Level::Low => 9,
        Level::Medium => 13,
        Level::High => 17,
        Level::Critical => 18,
    };
    let command = row.text(reveal);
    let mut attributes = vec![
        text("log.record.uid", &row.uid_text()),
        text("process.command_line", &command),
        text("process.working_directory", &row.working_directory),
        text("process.user.name", &row.user),
        text("session.id", &row.session_id),
        text("shmon.level", row.level.as_str()),
        truth("shmon.sensitive", row.sensitive),
        truth("shmon.excluded", row.excluded),
        truth("shmon.redacted", row.redacted.is_some() && !reveal),
    ];
    attributes.extend(row.exit_status.map(|status| number("process.exit.code", status.into())));
    attributes.extend(row.pid.map(|pid| number("process.parent_pid", pid.into())));
    attributes.extend(row.uid.map(|uid| number("process.user.id", uid.into())));
    attributes.extend(row.duration.map(|nanos| number("shmon.duration_ns", nanos)));
    if !row.rules.is_empty() {
        let rules: Vec<Value> = row.rules.iter().map(|rule| json!({"stringValue": rule})).collect();
        attributes.push(json!({"key": "shmon.rules", "value": {"arrayValue": {"values": rules}}}));
    }
    json!({
        "timeUnixNano": row.started_at.to_string(),
        "observedTimeUnixNano": row.recorded_at.to_string(),
        "severityNumber": severity,
        "severityText": row.level.as_str(),
        "eventName": "shmon.command",
        "body": {"stringValue": command},
        "attributes": attributes,
    })
}
