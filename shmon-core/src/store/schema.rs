//! The tables, and the numbered steps that bring an older database up to date.

use super::StoreOptions;
use rusqlite::Connection;

/// The version that this program writes (`PRAGMA user_version`).
pub(super) const VERSION: i64 = 1;

pub(super) const V1: &str = "
CREATE TABLE command_logs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  session_id TEXT,
  command TEXT NOT NULL,
  command_hash TEXT,
  working_directory TEXT,
  execution_time TEXT,
  risk_level TEXT,
  is_sensitive INTEGER DEFAULT 0,
  created_at TEXT
);
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
  payload TEXT NOT NULL
);
";

pub(super) fn prepare(db: &Connection, options: &StoreOptions) -> rusqlite::Result<()> {
    let _ = (options, VERSION);
    db.execute_batch(V1)
}
