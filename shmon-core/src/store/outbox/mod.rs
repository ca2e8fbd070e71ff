//! The outbox: notifications are written in the same transaction as the row they tell of.

// What the worker alone asks for; without it the outbox is filled, and shown, and waits.
#[cfg(feature = "notify")]
mod deliver;
mod status;
#[cfg(feature = "notify")]
mod triage;

#[cfg(feature = "notify")]
pub(crate) use deliver::{Batch, Claim, Members, SETTLE};
pub use status::{Notification, SinkState, State, Waiting};
#[cfg(feature = "notify")]
pub(crate) use triage::{Plan, Untriaged};

use crate::record::UnixNanos;
use crate::{Error, ErrorKind, Level};
use rusqlite::Connection;
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

/// What a notification tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A command.
    #[default]
    Alert,
    /// A day.
    Digest,
    /// That notifications arrive.
    Test,
}

/// Everything that a message shows; redacted, and kept in the outbox as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Payload {
    /// What it tells of.
    pub kind: Kind,
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
    /// The newest checkpoint of the evidence when the message was made, where its sink carries one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Further lines, as a digest has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}

/// Puts one notification into the outbox, inside the transaction that stores its row.
pub(super) fn insert(
    db: &Connection,
    id: i64,
    frame: &super::commit::Frame,
    new: &NewNotification,
) -> rusqlite::Result<()> {
    let uid = super::commit::identity(db, id)?;
    put(db, Some(id), frame.now, new, Payload { id, uid, ..new.payload.clone() }).map(drop)
}

fn put(
    db: &Connection,
    command: Option<i64>,
    now: UnixNanos,
    new: &NewNotification,
    payload: Payload,
) -> rusqlite::Result<i64> {
    let payload =
        serde_json::to_string(&payload).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    let sql = "INSERT INTO notifications (command_id, sink, level, created_at_ns, updated_at_ns, payload) \
               VALUES (?1, ?2, ?3, ?4, ?4, ?5)";
    db.prepare_cached(sql)?.execute((command, &new.sink, new.level.as_str(), now, payload))?;
    Ok(db.last_insert_rowid())
}

impl super::Store {
    /// Puts a notification that tells of no command into the outbox.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be written.
    pub fn enqueue(&mut self, notification: &NewNotification, now: UnixNanos) -> crate::Result<i64> {
        let payload = notification.payload.clone();
        self.write("write the outbox", |tx| put(tx, None, now, notification, payload))
    }
}

/// What is kept as text in the outbox, read back; a payload that isn't readable gives an empty one, so that one bad row
/// holds up no other.
pub(crate) fn parse_payload(text: &str) -> Payload {
    serde_json::from_str(text).unwrap_or_default()
}

fn unknown_id(id: i64) -> Error {
    Error::new(ErrorKind::Invalid, format!("there is no notification {id}: `shmon notify status` lists them"))
}
