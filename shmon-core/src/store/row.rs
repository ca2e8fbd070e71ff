//! One stored command as it is read, and its JSON form.

use crate::Level;
use crate::record::UnixNanos;
use rusqlite::types::ValueRef;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// Which event this is, among all events of all databases: storing it again elsewhere changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[non_exhaustive]
pub struct Identity {
    /// The host on which it happened.
    pub host: String,
    /// The database's epoch: random, new after a restore.
    pub epoch: String,
    /// The row's id.
    pub sequence: i64,
}

/// One stored command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Row {
    /// The row's id, `Database ID` in notifications.
    pub id: i64,
    /// The epoch that the row belongs to.
    pub epoch: String,
    /// The shell session.
    pub session_id: String,
    /// The command, byte for byte (with its secrets replaced where `[redact] store` is set).
    pub command: Vec<u8>,
    /// The command with its secrets replaced; `None` where nothing had to be.
    pub redacted: Option<String>,
    /// SHA-256 of `command` in hexadecimal; older rows of the ticket's system hold what that wrote.
    pub command_hash: String,
    /// The folder in which it was typed.
    pub working_directory: String,
    /// Local time, `YYYY-MM-DD HH:MM:SS`.
    pub execution_time: String,
    /// The level.
    pub level: Level,
    /// Level high or critical, or a secret is in the text.
    pub sensitive: bool,
    /// Local time, `YYYY-MM-DD HH:MM:SS`.
    pub created_at: String,
    /// When it was accepted.
    pub started_at: UnixNanos,
    /// When the row was written.
    pub recorded_at: UnixNanos,
    /// In nanoseconds; `None` while it runs or where it isn't known.
    pub duration: Option<i64>,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// Login name.
    pub user: String,
    /// User id.
    pub uid: Option<u32>,
    /// Name of the host.
    pub host: String,
    /// Terminal.
    pub tty: Option<String>,
    /// Process id of the shell.
    pub pid: Option<u32>,
    /// Process id of the shell's parent.
    pub ppid: Option<u32>,
    /// What captured it.
    pub shell: String,
    /// Address and port of the SSH client.
    pub ssh_client: Option<String>,
    /// The session that this one was started from.
    pub parent_session: Option<String>,
    /// Noise.
    pub excluded: bool,
    /// Something in the command could not be resolved.
    pub partial: bool,
    /// Ids of the rules that matched, leading one first.
    pub rules: Vec<String>,
}

/// The columns of [`Row::read`], in its order.
pub(super) const COLUMNS: &str = "id, session_id, command_logs.command, command_hash, working_directory, execution_time, \
     risk_level, is_sensitive, created_at, started_at_ns, recorded_at_ns, duration_ns, exit_status, user, uid, host, \
     tty, pid, ppid, shell, ssh_client, parent_session, command_bytes, redacted, excluded, partial, rule_ids";

impl Row {
    /// Reads a row of [`COLUMNS`]. A value of another type than we write (somebody edited it) is shown as well as it
    /// can be: reading never fails over content, `shmon verify` names it.
    pub(super) fn read(row: &rusqlite::Row<'_>, epochs: &[(i64, String)]) -> rusqlite::Result<Row> {
        let id = row.get(0)?;
        let text = |i| row.get_ref(i).map(lossy);
        let integer = |i| row.get_ref(i).map(integer);
        let small = |i| row.get_ref(i).map(|v| integer_of(v).and_then(|n| u32::try_from(n).ok()));
        let command = match row.get_ref(22)? {
            ValueRef::Blob(bytes) => bytes.to_vec(),
            _ => match row.get_ref(2)? {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
                other => lossy(other).unwrap_or_default().into_bytes(),
            },
        };
        let epoch = epochs.iter().rev().find(|(first, _)| *first <= id).map(|(_, epoch)| epoch.clone());
        Ok(Row {
            id,
            epoch: epoch.unwrap_or_default(),
            session_id: text(1)?.unwrap_or_default(),
            command,
            redacted: text(23)?,
            command_hash: text(3)?.unwrap_or_default(),
            working_directory: text(4)?.unwrap_or_default(),
            execution_time: text(5)?.unwrap_or_default(),
            level: text(6)?.and_then(|level| level.parse().ok()).unwrap_or_default(),
            sensitive: integer(7)? != 0,
            created_at: text(8)?.unwrap_or_default(),
            started_at: integer(9)?,
            recorded_at: integer(10)?,
            duration: integer_of(row.get_ref(11)?),
            exit_status: integer_of(row.get_ref(12)?).and_then(|n| i32::try_from(n).ok()),
            user: text(13)?.unwrap_or_default(),
            uid: small(14)?,
            host: text(15)?.unwrap_or_default(),
            tty: text(16)?,
            pid: small(17)?,
            ppid: small(18)?,
            shell: text(19)?.unwrap_or_default(),
            ssh_client: text(20)?,
            parent_session: text(21)?,
            excluded: integer(24)? != 0,
            partial: integer(25)? != 0,
            rules: text(26)?.map(|ids| ids.split(' ').map(str::to_owned).collect()).unwrap_or_default(),
        })
    }

    /// Which event this is, among all events of all databases.
    pub fn identity(&self) -> Identity {
        Identity { host: self.host.clone(), epoch: self.epoch.clone(), sequence: self.id }
    }

    /// The identity as one word, `EPOCH-SEQUENCE`: the idempotency key of notifications and exports.
    pub fn uid_text(&self) -> String {
        format!("{}-{}", self.epoch, self.id)
    }

    /// What may be shown to others: the command with its secrets replaced, invalid UTF-8 replaced too.
    pub fn shown(&self) -> std::borrow::Cow<'_, str> {
        match &self.redacted {
            Some(redacted) => std::borrow::Cow::Borrowed(redacted),
            None => String::from_utf8_lossy(&self.command),
        }
    }

    /// The row as one JSON object (`docs/store.md`), with the command as it was typed if `reveal`, otherwise with its
    /// secrets replaced.
    pub fn to_json(&self, reveal: bool) -> Json<'_> {
        Json { row: self, reveal }
    }
}

/// A row on its way to JSON.
#[derive(Debug, Clone, Copy)]
pub struct Json<'a> {
    row: &'a Row,
    reveal: bool,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.row;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &row.id)?;
        map.serialize_entry("identity", &row.identity())?;
        map.serialize_entry("time", &rfc3339(row.started_at))?;
        map.serialize_entry("level", row.level.as_str())?;
        if self.reveal {
            match std::str::from_utf8(&row.command) {
                Ok(text) => map.serialize_entry("command", text)?,
                Err(_) => {
                    map.serialize_entry("command", &String::from_utf8_lossy(&row.command))?;
                    map.serialize_entry("command_bytes", &super::commit::hex(&row.command))?;
                }
            }
        } else {
            map.serialize_entry("command", &row.shown())?;
        }
        map.serialize_entry("redacted", &(row.redacted.is_some() && !self.reveal))?;
        map.serialize_entry("command_hash", &row.command_hash)?;
        map.serialize_entry("rules", &row.rules)?;
        map.serialize_entry("sensitive", &row.sensitive)?;
        map.serialize_entry("excluded", &row.excluded)?;
        map.serialize_entry("partial", &row.partial)?;
        map.serialize_entry("exit_status", &row.exit_status)?;
        map.serialize_entry("duration_ns", &row.duration)?;
        map.serialize_entry("session_id", &row.session_id)?;
        map.serialize_entry("parent_session", &row.parent_session)?;
        map.serialize_entry("working_directory", &row.working_directory)?;
        map.serialize_entry("execution_time", &row.execution_time)?;
        map.serialize_entry("created_at", &row.created_at)?;
        map.serialize_entry("started_at_ns", &row.started_at)?;
        map.serialize_entry("recorded_at_ns", &row.recorded_at)?;
        map.serialize_entry("user", &row.user)?;
        map.serialize_entry("uid", &row.uid)?;
        map.serialize_entry("host", &row.host)?;
        map.serialize_entry("tty", &row.tty)?;
        map.serialize_entry("pid", &row.pid)?;
        map.serialize_entry("ppid", &row.ppid)?;
        map.serialize_entry("shell", &row.shell)?;
        map.serialize_entry("ssh_client", &row.ssh_client)?;
        map.end()
    }
}

/// UTC as `2025-06-28T08:50:30.123456789Z`.
pub(super) fn rfc3339(nanos: UnixNanos) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or_default().to_string()
}

fn lossy(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(n) => Some(n.to_string()),
        ValueRef::Real(n) => Some(n.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn integer_of(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(n) => Some(n),
        ValueRef::Null => None,
        other => lossy(other).and_then(|text| text.trim().parse().ok()),
    }
}

fn integer(value: ValueRef<'_>) -> i64 {
    integer_of(value).unwrap_or(0)
}
