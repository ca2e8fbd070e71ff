//! The tables: `command_logs` begins with the ticket's nine columns in its order, everything else follows.

use rusqlite::Connection;
use std::collections::HashSet;

/// The version that this program writes (`PRAGMA user_version`); 0 is the ticket's own database. Each step from one
/// version to the next is in [`STEPS`].
pub(super) const VERSION: i64 = 3;

/// How a database of version N becomes one of version N + 1, beginning with version 1. Each runs in a transaction; what
/// they do to rows that are covered by the evidence must not change a covered value.
pub(super) const STEPS: [&str; 2] = [
    // 2: sessions know how many of their commands have each level; hosts and parents are found by an index. The text
    // index is filled by the writers, a piece with each commit.
    "ALTER TABLE sessions ADD COLUMN medium INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN high INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN critical INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET (medium, high, critical) = (
  SELECT coalesce(sum(risk_level = 'medium'), 0), coalesce(sum(risk_level = 'high'), 0),
    coalesce(sum(risk_level = 'critical'), 0)
  FROM command_logs c WHERE c.session_id = sessions.session_id
);
CREATE INDEX session_by_parent ON sessions(parent_session) WHERE parent_session IS NOT NULL;
CREATE INDEX command_by_host ON command_logs(host, started_at_ns);",
    // 3: the text index knows where a command ends, so that texts of one and two characters are found by it. It is filled
    // anew.
    "INSERT INTO command_text (command_text) VALUES ('delete-all');
DELETE FROM meta WHERE name = 'indexed_to';",
];

/// `PRAGMA application_id`: "shmn", so that `file` and we tell our databases from others.
pub(super) const APPLICATION_ID: i64 = 0x7368_6d6e;

/// The ticket's columns, in order.
pub(super) const TICKET_COLUMNS: [&str; 9] = [
    "id",
    "session_id",
    "command",
    "command_hash",
    "working_directory",
    "execution_time",
    "risk_level",
    "is_sensitive",
    "created_at",
];

/// What the evidence of a command covers, in the order of its canonical bytes and of the inserting statement.
/// `docs/evidence.md` documents this order: it never changes within one evidence version.
pub(super) const COVERED_COLUMNS: [&str; 25] = [
    "session_id",
    "command",
    "command_hash",
    "working_directory",
    "execution_time",
    "risk_level",
    "is_sensitive",
    "created_at",
    "started_at_ns",
    "recorded_at_ns",
    "user",
    "uid",
    "host",
    "tty",
    "pid",
    "ppid",
    "shell",
    "ssh_client",
    "parent_session",
    "event_key",
    "command_bytes",
    "redacted",
    "excluded",
    "partial",
    "rule_ids",
];

/// The table of commands under the name `{name}`: a migration builds it beside the old one.
pub(super) fn command_table(name: &str) -> String {
    format!(
        "CREATE TABLE {name} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT,
  command TEXT NOT NULL,
  command_hash TEXT,
  working_directory TEXT,
  execution_time TEXT,
  risk_level TEXT,
  is_sensitive INTEGER DEFAULT 0,
  created_at TEXT,
  started_at_ns INTEGER,
  recorded_at_ns INTEGER,
  duration_ns INTEGER,
  exit_status INTEGER,
  user TEXT,
  uid INTEGER,
  host TEXT,
  tty TEXT,
  pid INTEGER,
  ppid INTEGER,
  shell TEXT,
  ssh_client TEXT,
  parent_session TEXT,
  event_key TEXT,
  command_bytes BLOB,
  redacted TEXT,
  excluded INTEGER DEFAULT 0,
  partial INTEGER DEFAULT 0,
  rule_ids TEXT
);"
    )
}

/// Every filter of a search is answered in the order of time by one of these.
pub(super) const INDEXES: &str = "
CREATE UNIQUE INDEX command_by_key ON command_logs(event_key) WHERE event_key IS NOT NULL;
CREATE INDEX command_by_time ON command_logs(started_at_ns);
CREATE INDEX command_by_session ON command_logs(session_id, started_at_ns);
CREATE INDEX command_by_level ON command_logs(risk_level, started_at_ns);
CREATE INDEX command_by_user ON command_logs(user, started_at_ns);
CREATE INDEX command_by_host ON command_logs(host, started_at_ns);
CREATE INDEX command_by_directory ON command_logs(working_directory, started_at_ns);
CREATE INDEX command_by_failure ON command_logs(exit_status, started_at_ns) WHERE exit_status <> 0;
";

/// Everything beside `command_logs`.
pub(super) const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE epochs (
  number INTEGER PRIMARY KEY,
  epoch TEXT NOT NULL UNIQUE,
  first_row INTEGER NOT NULL,
  started_at_ns INTEGER NOT NULL,
  reason TEXT NOT NULL
);
CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  parent_session TEXT,
  user TEXT,
  uid INTEGER,
  host TEXT,
  tty TEXT,
  pid INTEGER,
  shell TEXT,
  ssh_client TEXT,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  started_at_ns INTEGER NOT NULL,
  last_at_ns INTEGER NOT NULL,
  commands INTEGER NOT NULL,
  worst INTEGER NOT NULL,
  medium INTEGER NOT NULL DEFAULT 0,
  high INTEGER NOT NULL DEFAULT 0,
  critical INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX session_by_time ON sessions(last_at_ns);
CREATE INDEX session_by_parent ON sessions(parent_session) WHERE parent_session IS NOT NULL;
CREATE TABLE rules (
  number INTEGER PRIMARY KEY,
  rule TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL,
  attack TEXT NOT NULL,
  title_en TEXT NOT NULL,
  title_ja TEXT NOT NULL
);
CREATE TABLE findings (
  command_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  rule INTEGER NOT NULL REFERENCES rules(number),
  level TEXT NOT NULL,
  span_start INTEGER NOT NULL,
  span_end INTEGER NOT NULL,
  PRIMARY KEY (command_id, position)
) WITHOUT ROWID;
CREATE INDEX finding_by_rule ON findings(rule, command_id);
CREATE TABLE notifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  command_id INTEGER,
  sink TEXT NOT NULL,
  level TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending',
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at_ns INTEGER NOT NULL,
  next_attempt_ns INTEGER NOT NULL DEFAULT 0,
  updated_at_ns INTEGER NOT NULL DEFAULT 0,
  message_id TEXT,
  error TEXT,
  payload TEXT NOT NULL,
  fold TEXT,
  solo INTEGER NOT NULL DEFAULT 1,
  batch INTEGER
);
CREATE INDEX notification_open ON notifications(sink, id) WHERE state IN ('pending', 'sending', 'unknown');
CREATE INDEX notification_new ON notifications(id) WHERE fold IS NULL;
CREATE INDEX notification_batch ON notifications(batch) WHERE batch IS NOT NULL;
CREATE INDEX notification_by_command ON notifications(command_id);
CREATE TABLE notify_sinks (
  sink TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  blocked_until_ns INTEGER NOT NULL DEFAULT 0,
  updated_at_ns INTEGER NOT NULL DEFAULT 0,
  sent_at_ns INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  digest_day TEXT
) WITHOUT ROWID;
CREATE TABLE notify_folds (
  sink TEXT NOT NULL,
  fold TEXT NOT NULL,
  until_ns INTEGER NOT NULL,
  alone INTEGER NOT NULL,
  PRIMARY KEY (sink, fold)
) WITHOUT ROWID;
CREATE TABLE notify_requests (
  scope TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  post INTEGER NOT NULL
);
CREATE INDEX notify_request_by_scope ON notify_requests(scope, at_ns);
CREATE VIRTUAL TABLE command_text USING fts5 (
  command, content = '', contentless_delete = 1, tokenize = 'trigram', detail = 'none'
);
CREATE TABLE evidence (
  sequence INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  row_id INTEGER NOT NULL,
  leaf BLOB NOT NULL
);
CREATE TABLE tree (
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, position)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
  number INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,
  created_at_ns INTEGER NOT NULL,
  key BLOB NOT NULL,
  next_key BLOB NOT NULL,
  note TEXT NOT NULL
);
CREATE TABLE tombstones (
  number INTEGER PRIMARY KEY,
  created_at_ns INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  description TEXT NOT NULL,
  ranges BLOB NOT NULL
);
";

/// Creates all tables in an empty database, inside the caller's transaction.
pub(super) fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&command_table("command_logs"))?;
    db.execute_batch(INDEXES)?;
    db.execute_batch(TABLES)?;
    stamp(db)
}

/// Tables and indexes that a record has and this file lacks, because somebody removed them.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Names of tables: what they held is gone.
    pub(super) tables: Vec<&'static str>,
    /// Names of indexes, and the statements that make them again.
    pub(super) indexes: Vec<(&'static str, &'static str)>,
}

/// Compares a database of this version with what [`create`] makes.
pub(super) fn missing(db: &Connection) -> rusqlite::Result<Missing> {
    let mut statement =
        db.prepare_cached("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")?;
    let there = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<HashSet<String>>>()?;
    let mut missing = Missing::default();
    if !there.contains("command_logs") {
        missing.tables.push("command_logs");
    }
    for sql in INDEXES.split_inclusive(';').chain(TABLES.split_inclusive(';')) {
        let words = sql.trim_start().strip_prefix("CREATE ").unwrap_or_default();
        let name = |words: &'static str| words.split([' ', '(']).next().unwrap_or_default();
        if let Some(table) = words.strip_prefix("TABLE ").or_else(|| words.strip_prefix("VIRTUAL TABLE ")) {
            missing.tables.extend(Some(name(table)).filter(|name| !there.contains(*name)));
        } else if let Some(index) =
            words.strip_prefix("INDEX ").or_else(|| words.strip_prefix("UNIQUE INDEX "))
        {
            missing.indexes.extend(Some((name(index), sql)).filter(|(name, _)| !there.contains(*name)));
        }
    }
    Ok(missing)
}

/// Fails where `command_logs` lacks a column.
pub(super) fn has_columns(db: &Connection) -> rusqlite::Result<()> {
    let columns = COVERED_COLUMNS.join(", ");
    db.prepare_cached(&format!("SELECT id, {columns}, exit_status, duration_ns FROM command_logs")).map(drop)
}

/// Writes version and application id; takes part in the transaction.
pub(super) fn stamp(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"))
}

/// Whether this is a record of shmon's own, of any version.
pub(crate) fn is_record(db: &Connection) -> rusqlite::Result<bool> {
    Ok(db.pragma_query_value(None, "application_id", |r| r.get::<_, i64>(0))? == APPLICATION_ID)
}

/// What a database file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No table at all.
    Empty,
    /// Our tables of this version.
    Current,
    /// Our tables of an older version.
    Old(i64),
    /// The ticket's own database.
    Ticket,
    /// Our tables of a newer version.
    Newer(i64),
    /// Another program's database.
    Foreign,
}

/// Looks at version, application id and tables.
pub(super) fn state(db: &Connection) -> rusqlite::Result<State> {
    let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let application: i64 = db.pragma_query_value(None, "application_id", |r| r.get(0))?;
    if application == APPLICATION_ID && version == VERSION {
        return Ok(State::Current);
    }
    if application == APPLICATION_ID && (1..VERSION).contains(&version) {
        return Ok(State::Old(version));
    }
    if version > VERSION && (application == APPLICATION_ID || has_commands(db)?) {
        return Ok(State::Newer(version));
    }
    if has_commands(db)? {
        return Ok(State::Ticket);
    }
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    Ok(if tables == 0 { State::Empty } else { State::Foreign })
}

fn has_commands(db: &Connection) -> rusqlite::Result<bool> {
    let mut columns = db.prepare("SELECT name FROM pragma_table_info('command_logs')")?;
    let names = columns.query_map([], |r| r.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(["id", "command"].iter().all(|want| names.iter().any(|name| name == want)))
}
