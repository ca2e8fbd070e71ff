//! Removing old rows on purpose, with a tombstone in the evidence, so that verification still holds.

use super::evidence::canonical::Kind;
use super::evidence::chain::Chain;
use super::{Store, row, session_counts};
use crate::record::UnixNanos;
use crate::{Level, Result, time};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Which rows are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Prune {
    /// Rows whose command was accepted before this instant.
    pub before: UnixNanos,
    /// Rows of this level and above stay.
    pub keep: Option<Level>,
}

impl Prune {
    /// Rows older than `before`, whatever their level.
    pub fn new(before: UnixNanos) -> Prune {
        Prune { before, keep: None }
    }

    fn condition(&self) -> String {
        format!("started_at_ns < {} AND {}", self.before, removable(self.keep))
    }

    fn describe(&self) -> String {
        description(&format!("older than {}", row::rfc3339(self.before)), self.keep)
    }
}

/// Rows that may go at all, in SQL.
pub(super) fn removable(keep: Option<Level>) -> String {
    // What wasn't delivered yet stays, so that its notification can still be explained.
    let mut sql =
        "id NOT IN (SELECT command_id FROM notifications WHERE state = 'pending' AND command_id IS NOT NULL)"
            .to_owned();
    if let Some(keep) = keep {
        let kept = Level::ALL.iter().filter(|l| **l >= keep).map(|l| format!("'{l}'")).collect::<Vec<_>>();
        let _ = write!(sql, " AND risk_level NOT IN ({})", kept.join(", "));
    }
    sql
}

/// Why rows were removed, as their tombstone says.
pub(super) fn description(reason: &str, keep: Option<Level>) -> String {
    keep.map_or_else(|| reason.to_owned(), |keep| format!("{reason}, below level {keep}"))
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Pruned {
    /// How many rows.
    pub rows: u64,
    /// How many tombstones tell of them.
    pub tombstones: u64,
}

/// Rows of one transaction: so few that a prompt's command waits milliseconds, not seconds.
pub(super) const BATCH: usize = 5000;

impl Store {
    /// How many rows [`Store::prune`] would remove.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) when the database can't be read.
    pub fn prunable(&self, prune: &Prune) -> Result<u64> {
        let sql = format!("SELECT count(*) FROM command_logs WHERE {}", prune.condition());
        let count = self.db.query_row(&sql, [], |row| row.get::<_, i64>(0));
        count.map(i64::cast_unsigned).map_err(|e| super::failed("read the database", &self.path, e))
    }

    /// Removes rows, with their findings and delivered notifications; their hashes stay, and a tombstone in the
    /// evidence says which they were and why. Ends with a checkpoint. `progress` gets the rows removed so far.
    ///
    /// # Errors
    /// As [`Store::commit`]; what was removed until then stays removed, with its tombstones.
    pub fn prune(&mut self, prune: &Prune, progress: &mut dyn FnMut(u64)) -> Result<Pruned> {
        let mut pruned = Pruned::default();
        loop {
            let (condition, description) = (prune.condition(), prune.describe());
            let removed = self.write("remove old rows", |tx| remove(tx, &condition, &description, BATCH))?;
            if removed == 0 {
                break;
            }
            pruned.rows += removed as u64;
            pruned.tombstones += 1;
            progress(pruned.rows);
        }
        if pruned.rows > 0 {
            self.checkpoint()?;
        }
        Ok(pruned)
    }

    /// Gives free pages back to the file system, in steps that other writers fit between.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn vacuum(&mut self) -> Result<()> {
        loop {
            let left = self.write("give pages back", |tx| {
                let free = |tx: &Connection| {
                    tx.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
                };
                let before = free(tx)?;
                let mut step = tx.prepare("PRAGMA incremental_vacuum(1000)")?;
                let mut rows = step.query([])?;
                while rows.next()?.is_some() {}
                let after = free(tx)?;
                // A database that was made without incremental vacuum gives nothing back.
                Ok(if after < before { after } else { 0 })
            })?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

/// Removes the first `batch` rows of those that `condition` names, and writes their tombstone; how many there were.
pub(super) fn remove(
    tx: &Connection,
    condition: &str,
    description: &str,
    batch: usize,
) -> rusqlite::Result<usize> {
    let sql = format!("SELECT id FROM command_logs NOT INDEXED WHERE {condition} ORDER BY id LIMIT {batch}");
    let ids: Vec<i64> =
        tx.prepare(&sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if ids.is_empty() {
        return Ok(0);
    }
    // Only what is counted can be taken out of the counts.
    session_counts::catch_up(tx)?;
    forget_sessions(tx, &ids)?;
    for sql in [
        "DELETE FROM findings WHERE command_id = ?1",
        "DELETE FROM notifications WHERE command_id = ?1",
        "DELETE FROM command_text WHERE rowid = ?1",
        "DELETE FROM command_logs WHERE id = ?1",
    ] {
        let mut delete = tx.prepare_cached(sql)?;
        for id in &ids {
            delete.execute([id])?;
        }
    }
    let ranges = Ranges::of(&ids).to_bytes();
    let (now, count) = (time::now(), i64::try_from(ids.len()).unwrap_or(i64::MAX));
    let sql = "INSERT INTO tombstones (created_at_ns, rows, description, ranges) VALUES (?1, ?2, ?3, ?4)";
    tx.prepare_cached(sql)?.execute((now, count, description, &ranges))?;
    let values = [
        ValueRef::Integer(now),
        ValueRef::Integer(count),
        ValueRef::Text(description.as_bytes()),
        ValueRef::Blob(&ranges),
    ];
    Chain::resume(tx)?.append(Kind::Tombstone, tx.last_insert_rowid(), values)?;
    Ok(ids.len())
}

/// Takes rows out of their sessions' counts; a session without rows goes.
fn forget_sessions(tx: &Connection, ids: &[i64]) -> rusqlite::Result<()> {
    let mut sessions: HashMap<String, [i64; 4]> = HashMap::new();
    let mut read = tx.prepare_cached("SELECT session_id, risk_level FROM command_logs WHERE id = ?1")?;
    for id in ids {
        let (session, level): (Option<String>, Option<String>) =
            read.query_row([id], |row| Ok((row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default())))?;
        let level = level.and_then(|level| level.parse().ok()).unwrap_or(Level::Low);
        sessions.entry(session.unwrap_or_default()).or_default()[level as usize] += 1;
    }
    let mut update = tx.prepare_cached(
        "UPDATE sessions SET commands = commands - ?2, medium = medium - ?3, high = high - ?4, critical = critical - ?5 \
         WHERE session_id = ?1",
    )?;
    let mut delete = tx.prepare_cached("DELETE FROM sessions WHERE session_id = ?1 AND commands <= 0")?;
    for (session, counts) in sessions {
        let [_, medium, high, critical] = counts;
        update.execute((&session, counts.iter().sum::<i64>(), medium, high, critical))?;
        delete.execute([&session])?;
    }
    Ok(())
}

/// Ids of removed rows as ranges, both ends included, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    fn of(sorted: &[i64]) -> Ranges {
        let mut ranges: Vec<(i64, i64)> = Vec::new();
        for id in sorted {
            match ranges.last_mut() {
                Some((_, end)) if *end + 1 == *id => *end = *id,
                _ => ranges.push((*id, *id)),
            }
        }
        Ranges(ranges)
    }

    /// Pairs of big-endian numbers.
    fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(start, end)| [start.to_be_bytes(), end.to_be_bytes()]).flatten().collect()
    }

    /// Reads what one tombstone holds; nothing of another type.
    pub(super) fn parse(value: ValueRef<'_>) -> Ranges {
        let ValueRef::Blob(bytes) = value else { return Ranges::default() };
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_be_bytes);
        let pairs = bytes.chunks_exact(16).map(|pair| pair.split_at(8));
        Ranges(pairs.map(|(start, end)| (number(start), number(end))).collect())
    }

    /// The first row of them.
    pub(super) fn first(&self) -> Option<i64> {
        self.0.first().map(|(start, _)| *start)
    }

    /// The ranges of all tombstones.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Ranges> {
        let mut ranges = Vec::new();
        let mut statement = db.prepare("SELECT ranges FROM tombstones")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            ranges.extend(Ranges::parse(row.get_ref(0)?).0);
        }
        ranges.sort_unstable();
        Ok(Ranges(ranges))
    }

    /// Ranges of different tombstones never overlap: a row is removed once.
    pub(super) fn contains(&self, id: i64) -> bool {
        let after = self.0.partition_point(|(start, _)| *start <= id);
        after.checked_sub(1).and_then(|i| self.0.get(i)).is_some_and(|(_, end)| id <= *end)
    }
}
