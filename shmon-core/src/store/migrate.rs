//! Bringing the ticket's own database (nine columns) up to date, in one transaction, with a copy of the file beside it.

use super::evidence::canonical::Kind;
use super::evidence::chain::Chain;
use super::schema::{self, COVERED_COLUMNS, State, TICKET_COLUMNS};
use super::{Notice, commit, failed, file};
use crate::record::UnixNanos;
use crate::{Error, ErrorKind, Level, Result, time};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The table's name while it is being built, and the name under which a table with columns that we don't know is kept.
const NEW: &str = "command_logs_new";
const KEPT: &str = "command_logs_before_shmon";

pub(super) fn from_ticket(db: &mut Connection, path: &Path) -> Result<Notice> {
    let fail = |e| failed("bring the database up to date", path, e);
    let backup = copy(db, path)?;
    // A rename must not rewrite the views and triggers of the old system: they go on naming `command_logs`.
    db.execute_batch("PRAGMA legacy_alter_table = ON").map_err(fail)?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let rows = rebuild(&tx).map_err(fail)?;
    tx.commit().map_err(fail)?;
    db.execute_batch("PRAGMA legacy_alter_table = OFF; PRAGMA auto_vacuum = INCREMENTAL; VACUUM")
        .map_err(fail)?;
    Ok(Notice::Migrated { rows, backup })
}

/// A complete copy, whatever journal mode the old file is in; an earlier copy is never overwritten.
fn copy(db: &Connection, path: &Path) -> Result<PathBuf> {
    let stamp: String = time::local(time::now()).chars().filter(char::is_ascii_digit).collect();
    let mut backup = file::beside(path, &format!(".before-shmon-{stamp}"));
    let mut count = 1;
    while backup.exists() {
        count += 1;
        backup = file::beside(path, &format!(".before-shmon-{stamp}-{count}"));
    }
    file::create(&backup)?;
    let fail = |e| failed("copy the database before it is brought up to date", &backup, e);
    db.backup(rusqlite::MAIN_DB, &backup, None::<fn(rusqlite::backup::Progress)>).map_err(fail)?;
    let copy = Connection::open(&backup).map_err(fail)?;
    let check: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
    if check != "ok" {
        return Err(Error::new(ErrorKind::Corrupt, format!("the database is damaged: {check}")).at(path));
    }
    Ok(backup)
}

/// Brings our own tables of an older version up to date, in one transaction. It only adds tables, columns and indexes,
/// so no copy is made: `command_logs` is as it was.
pub(super) fn from_version(db: &mut Connection, path: &Path, deadline: Instant) -> Result<()> {
    let fail = |e| failed("bring the database up to date", path, e);
    let tx = super::begin(db, deadline).map_err(fail)?;
    // Another process may have done it while we waited.
    let State::Old(now) = schema::state(&tx).map_err(fail)? else { return Ok(()) };
    for step in schema::STEPS.iter().skip(usize::try_from(now - 1).unwrap_or(0)) {
        tx.execute_batch(step).map_err(fail)?;
    }
    schema::stamp(&tx).map_err(fail)?;
    tx.commit().map_err(fail)
}

fn rebuild(tx: &Transaction<'_>) -> rusqlite::Result<u64> {
    let columns = columns(tx)?;
    tx.execute_batch(&schema::command_table(NEW))?;
    tx.execute_batch(schema::TABLES)?;
    let objects = dependants(tx)?;
    let rows = copy_rows(tx, &columns)?;
    if columns.iter().all(|c| TICKET_COLUMNS.contains(&c.as_str())) {
        tx.execute_batch("DROP TABLE command_logs")?;
    } else {
        tx.execute_batch(&format!("ALTER TABLE command_logs RENAME TO {KEPT}"))?;
        // Their names are needed again for the new table.
        for (kind, name, _) in &objects {
            tx.execute_batch(&format!("DROP {kind} IF EXISTS \"{}\"", name.replace('"', "\"\"")))?;
        }
    }
    tx.execute_batch(&format!("ALTER TABLE {NEW} RENAME TO command_logs"))?;
    tx.execute_batch(schema::INDEXES)?;
    for (_, _, sql) in &objects {
        // An index over a column that the new table doesn't have isn't needed by anyone.
        let _ = tx.execute_batch(sql);
    }
    schema::stamp(tx)?;
    Ok(rows)
}

fn columns(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("SELECT name FROM pragma_table_info('command_logs')")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// The old system's own indexes and triggers: kind, name, SQL.
fn dependants(db: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema \
               WHERE tbl_name = 'command_logs' AND type IN ('index', 'trigger') AND sql IS NOT NULL";
    let mut statement = db.prepare(sql)?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

/// Copies every row with its id, and gives each its evidence.
fn copy_rows(tx: &Transaction<'_>, columns: &[String]) -> rusqlite::Result<u64> {
    let wanted: Vec<&str> = TICKET_COLUMNS
        .iter()
        .map(|c| if columns.iter().any(|have| have == c) { *c } else { "NULL" })
        .collect();
    let mut read = tx.prepare(&format!("SELECT {} FROM command_logs ORDER BY id", wanted.join(", ")))?;
    let marks = vec!["?"; COVERED_COLUMNS.len() + 1].join(", ");
    let insert = format!("INSERT INTO {NEW} (id, {}) VALUES ({marks})", COVERED_COLUMNS.join(", "));
    let mut insert = tx.prepare(&insert)?;
    let mut chain = Chain::resume(tx)?;
    let now = time::now();
    let mut sessions = tx.prepare(
        "INSERT INTO sessions (session_id, first_id, last_id, started_at_ns, last_at_ns, commands, worst, medium, high,
           critical)
         VALUES (?1, ?2, ?2, ?3, ?3, 1, ?4, ?4 = 1, ?4 = 2, ?4 = 3)
         ON CONFLICT (session_id) DO UPDATE SET last_id = excluded.last_id, commands = commands + 1,
           medium = medium + excluded.medium, high = high + excluded.high, critical = critical + excluded.critical,
           started_at_ns = min(started_at_ns, excluded.started_at_ns),
           last_at_ns = max(last_at_ns, excluded.last_at_ns), worst = max(worst, excluded.worst)",
    )?;
    let mut count = 0;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut values: Vec<Value> = (1..TICKET_COLUMNS.len())
            .map(|i| row.get_ref(i).map(|value| owned(value, i == 2)))
            .collect::<rusqlite::Result<_>>()?;
        let (level, at) = tidy(&mut values);
        values.push(Value::Integer(at));
        values.push(Value::Integer(now));
        values.resize(COVERED_COLUMNS.len(), Value::Null);
        if let Some(exact) = values.get(1).and_then(exact_bytes) {
            values[20] = Value::Blob(exact.clone());
            values[1] = Value::Text(commit::Kept::bytes_of(&exact).text.into_owned());
        }
        let id_and_values = std::iter::once(ToSqlOutput::Owned(Value::Integer(id)));
        insert.execute(params_from_iter(
            id_and_values.chain(values.iter().map(|v| ToSqlOutput::Borrowed(ValueRef::from(v)))),
        ))?;
        chain.append(Kind::Command, id, values.iter().map(ValueRef::from))?;
        if let Some(Value::Text(session)) = values.first() {
            sessions.execute((session, id, at, level as u8))?;
        }
        count += 1;
    }
    Ok(count)
}

/// The value; text that isn't UTF-8 becomes a blob where its bytes are `wanted`, otherwise readable text.
fn owned(value: ValueRef<'_>, wanted: bool) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) if wanted => Value::Blob(bytes.to_vec()),
            Err(_) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
        },
    }
}

/// Bytes of a command that the `command` column can't show as they are.
fn exact_bytes(command: &Value) -> Option<Vec<u8>> {
    match command {
        Value::Blob(bytes) => Some(bytes.clone()),
        Value::Text(text) if text.contains('\0') => Some(text.clone().into_bytes()),
        _ => None,
    }
}

/// Levels in lower case, a command where there was none, and the instant of the row's local time.
fn tidy(values: &mut [Value]) -> (Level, UnixNanos) {
    let mut level = Level::Low;
    if let Some(Value::Text(text)) = values.get_mut(5)
        && let Ok(known) = text.parse::<Level>()
    {
        level = known;
        known.as_str().clone_into(text);
    }
    if let Some(command @ Value::Null) = values.get_mut(1) {
        *command = Value::Text(String::new());
    }
    let time_of = |i: usize| match values.get(i) {
        Some(Value::Text(text)) => time::parse_local(text),
        _ => None,
    };
    // Index 4 is execution_time, 7 created_at; a database may have only one of them filled.
    (level, time_of(4).or_else(|| time_of(7)).unwrap_or(0))
}
