//! The outbox: notifications are written in the same transaction as the row they tell of.

use crate::Level;
use serde::{Deserialize, Serialize};

/// A notification to be put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// The sink's name in the configuration, such as `chatwork`.
    pub sink: String,
    /// The event's level.
    pub level: Level,
    /// What the sink renders; the row's id is filled in when it is stored.
    pub payload: Payload,
}

/// Everything that a message shows; redacted, and kept in the outbox as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Payload {
    /// The row's id; 0 until it is stored.
    pub id: i64,
    /// The event's identity beyond this database, used as idempotency key.
    pub uid: String,
    /// `low` … `critical`.
    pub level: Level,
    /// Local time, `YYYY-MM-DD HH:MM:SS`.
    pub time: String,
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Login name.
    pub user: String,
    /// Host name.
    pub host: String,
    /// Working directory.
    pub directory: String,
    /// The command, redacted.
    pub command: String,
    /// Whether something was redacted.
    pub redacted: bool,
    /// The title of the leading rule, in English and Japanese.
    pub title_en: String,
    /// The title in Japanese.
    pub title_ja: String,
    /// Ids of all rules that matched, leading one first.
    pub rules: Vec<String>,
    /// The leading rule's category.
    pub category: String,
    /// ATT&CK techniques.
    pub attack: Vec<String>,
    /// The session.
    pub session_id: String,
    /// The SSH client, where known.
    pub ssh_client: Option<String>,
}

/// Puts one notification into the outbox, inside the transaction that stores its row.
pub(super) fn insert(
    db: &rusqlite::Connection,
    id: i64,
    frame: &super::commit::Frame,
    new: &NewNotification,
) -> rusqlite::Result<()> {
    let uid = super::commit::identity(frame, id);
    let payload = Payload { id, uid, ..new.payload.clone() };
    let payload =
        serde_json::to_string(&payload).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let sql = "INSERT INTO notifications (command_id, sink, level, created_at_ns, updated_at_ns, payload) \
               VALUES (?1, ?2, ?3, ?4, ?4, ?5)";
    db.prepare_cached(sql)?.execute((id, &new.sink, new.level.as_str(), frame.now, payload))?;
    Ok(())
}
