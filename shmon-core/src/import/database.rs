//! The databases of atuin and of the system before shmon.

use super::{Owner, Piece, Sink};
use crate::record::Event;
use crate::store::is_record;
use crate::{Error, ErrorKind, Result, time};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Opens `path` for reading, sees to it that it has these columns, and counts its rows.
fn open(path: &Path, table: &str, columns: &[&str]) -> Result<(Connection, u64)> {
    std::fs::metadata(path).map_err(|e| Error::io("read the database", path, e))?;
    let fail = |e| failed(path, e);
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fail)?;
    let read = || -> rusqlite::Result<Vec<String>> {
        let mut statement = db.prepare("SELECT name FROM pragma_table_info(?1)")?;
        statement.query_map([table], |row| row.get(0))?.collect()
    };
    let names = read().map_err(fail)?;
    if let Some(missing) = columns.iter().find(|column| !names.iter().any(|name| name == *column)) {
        let message = format!("this is another kind of database: there is no {table}.{missing}");
        return Err(Error::new(ErrorKind::Invalid, message).at(path));
    }
    let count = db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
    let count = count.map(i64::cast_unsigned).map_err(fail)?;
    Ok((db, count))
}

fn failed(path: &Path, e: rusqlite::Error) -> Error {
    crate::store::failed("read the database", path, e)
}

fn bytes(row: &rusqlite::Row<'_>, column: usize) -> Option<Vec<u8>> {
    match row.get_ref(column) {
        Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(bytes.to_vec()),
        _ => None,
    }
}

fn text(row: &rusqlite::Row<'_>, column: usize) -> String {
    bytes(row, column).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn number(row: &rusqlite::Row<'_>, column: usize) -> Option<i64> {
    row.get(column).ok()
}

/// Gives each row of `sql` to `event`; `Err` is why a row is no entry.
fn rows(
    path: &Path,
    (db, count): (Connection, u64),
    sql: &str,
    sink: Sink<'_>,
    event: &dyn Fn(&rusqlite::Row<'_>) -> std::result::Result<Event, String>,
) -> Result<()> {
    let mut statement = db.prepare(sql).map_err(|e| failed(path, e))?;
    let mut rows = statement.query([]).map_err(|e| failed(path, e))?;
    let mut read = 0;
    while let Some(row) = rows.next().map_err(|e| failed(path, e))? {
        read += 1;
        let piece = match event(row) {
            Ok(event) => Piece::Event(Box::new(event)),
            Err(message) => Piece::Bad(read, message),
        };
        sink(piece, (read, count))?;
    }
    Ok(())
}

/// atuin's `history`: times and durations in nanoseconds, -1 where one isn't known, `hostname` is `HOST:USER`.
pub(super) fn atuin(path: &Path, sink: Sink<'_>) -> Result<()> {
    let columns = ["id", "timestamp", "duration", "exit", "command", "cwd", "session", "hostname"];
    let db = open(path, "history", &columns)?;
    let sql = format!("SELECT {} FROM history ORDER BY timestamp, rowid", columns.join(", "));
    rows(path, db, &sql, sink, &|row| {
        let command = bytes(row, 4).ok_or("there is no command")?;
        let started_at = number(row, 1).ok_or("'timestamp' is no number")?;
        let (id, place) = (text(row, 0), text(row, 7));
        let (host, user) = place.split_once(':').unwrap_or((&place, ""));
        Ok(Event {
            key: if id.is_empty() { String::new() } else { format!("import:atuin:{id}") },
            session_id: text(row, 6),
            command,
            working_directory: text(row, 5),
            started_at,
            duration: number(row, 2).filter(|n| *n >= 0),
            exit_status: number(row, 3).filter(|n| *n >= 0).and_then(|n| i32::try_from(n).ok()),
            user: user.to_owned(),
            host: host.to_owned(),
            ..Event::default()
        })
    })
}

/// The nine columns of the system before shmon; its levels are not taken over, the rules of today decide.
pub(super) fn ticket(path: &Path, owner: &Owner, sink: Sink<'_>) -> Result<()> {
    let columns = ["id", "session_id", "command", "working_directory", "execution_time", "created_at"];
    let db = open(path, "command_logs", &columns)?;
    if is_record(&db.0).map_err(|e| failed(path, e))? {
        let message = "this is a record of shmon itself: give it as [store] path, or read it with --home";
        return Err(Error::new(ErrorKind::Invalid, message).at(path));
    }
    let sql = format!("SELECT {} FROM command_logs ORDER BY id", columns.join(", "));
    rows(path, db, &sql, sink, &|row| {
        let command = bytes(row, 2).ok_or("there is no command")?;
        let at = [4, 5].into_iter().find_map(|column| time::parse_local(&text(row, column)));
        Ok(Event {
            session_id: text(row, 1),
            command,
            working_directory: text(row, 3),
            started_at: at.ok_or("neither execution_time nor created_at is a time")?,
            user: owner.user.clone(),
            uid: owner.uid,
            host: owner.host.clone(),
            ..Event::default()
        })
    })
}
