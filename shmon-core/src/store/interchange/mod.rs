//! Rows as other systems take them: OCSF, the Elastic Common Schema, OTLP.

mod ecs;
mod ocsf;
mod otlp;

use super::Row;
use crate::text;
use serde_json::{Map, Value, json};

impl Row {
    /// The row as an event of OCSF 1.8, class Process Activity (1007), with the command as it was typed if `reveal`,
    /// otherwise with its secrets replaced. <https://schema.ocsf.io/1.8.0/classes/process_activity>
    pub fn to_ocsf(&self, reveal: bool) -> Value {
        ocsf::event(self, reveal)
    }

    /// The row as a document of the Elastic Common Schema 9.4; `reveal` as above.
    /// <https://www.elastic.co/docs/reference/ecs/ecs-field-reference>
    pub fn to_ecs(&self, reveal: bool) -> Value {
        ecs::document(self, reveal)
    }

    /// Rows as one request of OTLP/HTTP (`POST /v1/logs`), in JSON; `reveal` as above. A receiver knows a record that it
    /// gets twice by `log.record.uid`. <https://opentelemetry.io/docs/specs/otlp/>
    pub fn to_otlp(rows: &[Row], reveal: bool) -> Value {
        otlp::request(rows, reveal)
    }

    /// The command as it may be shown.
    fn text(&self, reveal: bool) -> String {
        if reveal { String::from_utf8_lossy(&self.command).into_owned() } else { self.shown().into_owned() }
    }

    /// Address and port of the SSH client.
    fn source(&self) -> Option<(std::net::IpAddr, Option<u16>)> {
        let client = self.ssh_client.as_deref()?;
        let mut words = client.split([' ', ',']).filter(|word| !word.is_empty());
        let address = words.next()?.parse().ok()?;
        Some((address, words.next().and_then(|port| port.parse().ok())))
    }
}

/// An object without what is not known: receivers tell an absent field from an empty one.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let known = fields.into_iter().filter(|(_, value)| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    });
    Value::Object(known.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// What a person reads in a list of events: one line.
fn message(row: &Row, reveal: bool) -> Value {
    json!(text::visible(&row.text(reveal)))
}
