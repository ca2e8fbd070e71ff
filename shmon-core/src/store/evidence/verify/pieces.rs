//! Verification on several processors: each takes a piece of the evidence.
//!
//! An entry's hash covers the hash that the entry before has in the database, so pieces are checked without each other.
//! That is enough to see that all is well; where anything isn't, it is all read again as one piece, which says what it is.

use super::edge::{Edge, Part};
use super::{LateEnd, Report, Verifier};
use crate::store::evidence::canonical::{Hash, Kind};
use crate::store::evidence::note::Note;
use crate::store::{Store, open};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Entries that are worth a thread of their own.
const WORTH: i64 = 100_000;
/// Pieces begin at multiples of it, so that they share few subtrees.
const ALIGNED: i64 = 1 << 16;
/// Threads at most: they read one file.
const MOST: usize = 8;
/// How often other connections try to see the same state of the database, while others write.
const TRIES: usize = 20;

/// Entries and rows that are checked together: each from the first number up to the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) entries: (i64, i64),
    pub(super) rows: (i64, i64),
    /// The hash of the entry before.
    pub(super) previous: Hash,
}

impl Piece {
    /// Everything.
    fn whole() -> Piece {
        Piece { entries: (i64::MIN, i64::MAX), rows: (i64::MIN, i64::MAX), previous: [0; 32] }
    }

    pub(super) fn is_first(&self) -> bool {
        self.entries.0 == i64::MIN
    }

    pub(super) fn entries_before(&self) -> i64 {
        if self.is_first() { 0 } else { self.entries.0 - 1 }
    }

    /// The last row before.
    pub(super) fn row_before(&self) -> i64 {
        if self.is_first() { 0 } else { self.rows.0 - 1 }
    }
}

/// How the work is divided.
#[derive(Debug, Clone, Copy)]
struct Division {
    threads: usize,
    worth: i64,
    aligned: i64,
}

pub(super) fn verify(
    store: &Store,
    anchors: &[Note],
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<Report> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST);
    verify_by(store, anchors, Division { threads, worth: WORTH, aligned: ALIGNED }, progress)
}

fn verify_by(
    store: &Store,
    anchors: &[Note],
    division: Division,
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<Report> {
    let tx = store.db.unchecked_transaction()?;
    let (last, _) = state(&tx)?;
    let total = last.cast_unsigned();
    let pieces = cut(&tx, last, division)?;
    let mut report = None;
    if pieces.len() > 1
        && let Some(others) = others(store, &tx, pieces.len() - 1)
    {
        report = side_by_side(&tx, others, &pieces, anchors, &mut |done| progress(done, total))?;
    }
    let report = match report {
        Some(report) => report,
        None => {
            let mut verifier = Verifier::new(&tx, anchors.to_vec(), Piece::whole())?;
            let mut done = 0;
            verifier.walk(&mut |more| {
                done += more;
                progress(done, total);
            })?;
            verifier.report()?
        }
    };
    progress(total, total);
    Ok(report)
}

/// Pieces of about the same size, of entries up to `last`.
fn cut(db: &Connection, last: i64, division: Division) -> rusqlite::Result<Vec<Piece>> {
    let Division { threads, worth, aligned } = division;
    let count = i64::try_from(threads).unwrap_or(1).min(last / worth).max(1);
    let mut pieces = vec![Piece::whole()];
    for number in 1..count {
        let at = last / count * number / aligned * aligned;
        let sql = "SELECT leaf FROM evidence WHERE sequence = ?1";
        let leaf = db.query_row(sql, [at], |row| row.get(0)).optional();
        let sql =
            "SELECT row_id FROM evidence WHERE sequence <= ?1 AND kind = ?2 ORDER BY sequence DESC LIMIT 1";
        let row = db.query_row(sql, (at, Kind::Command as i64), |row| row.get::<_, i64>(0)).optional();
        // Where they can't be read somebody edited them: one piece says so.
        let (Ok(Some(leaf)), Ok(Some(row)), Some(before)) = (leaf, row, pieces.last_mut()) else {
            return Ok(vec![Piece::whole()]);
        };
        (before.entries.1, before.rows.1) = (at, row);
        let rows = (row.saturating_add(1), i64::MAX);
        pieces.push(Piece { entries: (at + 1, i64::MAX), rows, previous: leaf });
    }
    Ok(pieces)
}

/// What changes whenever anything that the evidence covers is written.
fn state(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let sql = "SELECT (SELECT coalesce(max(sequence), 0) FROM evidence), (SELECT coalesce(max(number), 0) FROM checkpoints)";
    db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Further connections that see what `db` sees; `None` where there are none.
fn others(store: &Store, db: &Connection, count: usize) -> Option<Vec<Connection>> {
    let wanted = state(db).ok()?;
    let mut others = Vec::new();
    for _ in 0..TRIES {
        let other = open::connect(&store.path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        // The transaction ends with the connection.
        other.execute_batch("BEGIN").ok()?;
        if state(&other).ok()? == wanted {
            others.push(other);
        }
        if others.len() == count {
            return (!store.moved()).then_some(others);
        }
    }
    None
}

/// Checks all pieces at once; `None` where something isn't as it should be.
fn side_by_side(
    db: &Connection,
    others: Vec<Connection>,
    pieces: &[Piece],
    anchors: &[Note],
    progress: &mut dyn FnMut(u64),
) -> rusqlite::Result<Option<Report>> {
    let Some((first, rest)) = pieces.split_first() else { return Ok(None) };
    let done = &AtomicU64::new(0);
    let mut whole = Verifier::new(db, anchors.to_vec(), *first)?;
    let walked = std::thread::scope(|scope| -> rusqlite::Result<Vec<Walked>> {
        let threads: Vec<_> = rest
            .iter()
            .zip(others)
            .map(|(piece, db)| {
                scope.spawn(move || {
                    let mut verifier = Verifier::new(&db, anchors.to_vec(), *piece)?;
                    verifier.walk(&mut |more| {
                        done.fetch_add(more, Ordering::Relaxed);
                    })?;
                    Ok(verifier.walked())
                })
            })
            .collect();
        whole.walk(&mut |more| progress(done.fetch_add(more, Ordering::Relaxed) + more))?;
        while threads.iter().any(|thread| !thread.is_finished()) {
            progress(done.load(Ordering::Relaxed));
            std::thread::sleep(Duration::from_millis(20));
        }
        // A thread that panicked answers as an empty one, whose entries are then missed.
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Ok(Walked::default()))).collect()
    })?;
    for piece in walked {
        if !whole.absorb(piece) {
            return Ok(None);
        }
    }
    if !whole.report.problems.is_empty() {
        return Ok(None);
    }
    // The pieces' borders are of this state of the database, and so is what follows.
    let report = whole.report()?;
    Ok(report.problems.is_empty().then_some(report))
}

/// What a piece that is not the first found.
#[derive(Default)]
pub(super) struct Walked {
    rows: u64,
    pruned: u64,
    last_row: i64,
    edge: Option<Edge>,
    parts: Vec<(i64, Part)>,
    ends: HashMap<i64, Vec<u8>>,
    late_ends: Vec<LateEnd>,
    attested: HashSet<(Kind, i64)>,
}

impl Verifier<'_> {
    /// What others have to know of it; without an edge where something is wrong.
    fn walked(self) -> Walked {
        let fine = self.report.problems.is_empty();
        Walked {
            rows: self.report.rows,
            pruned: self.report.pruned,
            last_row: self.last_row,
            edge: fine.then_some(self.edge),
            parts: self.parts,
            ends: self.ends,
            late_ends: self.late_ends,
            attested: self.attested,
        }
    }

    /// Takes over what the next piece found; false where something is wrong.
    fn absorb(&mut self, piece: Walked) -> bool {
        let Some(edge) = piece.edge else { return false };
        for end in piece.late_ends {
            let Some(values) = self.ends.remove(&end.row) else {
                if self.ranges.contains(end.row) {
                    continue;
                }
                return false;
            };
            if self.hash(Kind::End, end.sequence, end.row, &end.previous, &values) != end.leaf {
                return false;
            }
        }
        for (size, part) in &piece.parts {
            self.roots.insert(*size, Some(self.edge.root_with(part)));
        }
        self.edge.append(&edge);
        self.ends.extend(piece.ends);
        self.attested.extend(piece.attested);
        self.report.rows += piece.rows;
        self.report.pruned += piece.pruned;
        self.last_row = piece.last_row;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ending, Event, Record};
    use crate::store::{Entry, Prune, StoreOptions};
    use crate::verdict::Verdict;

    /// Rows, of which some ended much later, some are pruned, with many checkpoints.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        let key = |n: i64| format!("b:{n}");
        for from in (0..600).step_by(60) {
            let command = |n: i64| {
                let event = Event {
                    key: key(n),
                    command: format!("command {n}").into_bytes(),
                    session_id: "s".into(),
                    started_at: n + 1,
                    exit_status: (n % 3 == 0).then_some(0),
                    ..Event::default()
                };
                Entry::Command(Box::new(Record::new(event, Verdict::default())), Vec::new())
            };
            store.commit(&(from..from + 60).map(command).collect::<Vec<_>>()).unwrap();
            // Ends of rows that are far back.
            let ends = (from - 300..from - 240)
                .filter(|n| *n >= 0 && n % 3 == 1)
                .map(|n| Entry::End(Ending { key: key(n), exit_status: Some(1), ..Ending::default() }));
            store.commit(&ends.collect::<Vec<_>>()).unwrap();
            store.checkpoint().unwrap();
        }
        store.prune(&Prune::new(41), &mut |_| {}).unwrap();
        (folder, store)
    }

    fn by(store: &Store, threads: usize) -> Report {
        let mut last = (0, 0);
        let division = Division { threads, worth: 40, aligned: 16 };
        let report = verify_by(store, &[], division, &mut |done, total| last = (done, total)).unwrap();
        assert_eq!(last.0, last.1, "the progress ends at its end");
        report
    }

    #[test]
    fn pieces_say_what_the_whole_says() {
        let (_folder, store) = store();
        let whole = by(&store, 1);
        assert!(whole.problems.is_empty(), "{whole:?}");
        assert_eq!((whole.rows, whole.pruned), (560, 40));
        let (last, _) = state(&store.db).unwrap();
        for threads in 2..=9 {
            let pieces = cut(&store.db, last, Division { threads, worth: 40, aligned: 16 }).unwrap();
            assert_eq!(pieces.len(), threads);
            let tx = store.db.unchecked_transaction().unwrap();
            let others = others(&store, &tx, threads - 1).unwrap();
            let report = side_by_side(&tx, others, &pieces, &[], &mut |_| {}).unwrap();
            assert_eq!(report.as_ref(), Some(&whole), "{threads} pieces");
        }
    }

    #[test]
    fn pieces_find_what_the_whole_finds() {
        let (folder, store) = store();
        store.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        for sql in [
            "UPDATE command_logs SET command = 'ls' WHERE id = 480",
            "UPDATE command_logs SET exit_status = 0 WHERE id = 50",
            "UPDATE command_logs SET exit_status = 0 WHERE id = 242",
            "DELETE FROM command_logs WHERE id = 280",
            "INSERT INTO command_logs (command) VALUES ('planted')",
            "UPDATE evidence SET leaf = zeroblob(32) WHERE sequence = 16 * 20",
            "DELETE FROM evidence WHERE sequence = 400",
            "DELETE FROM checkpoints WHERE number = 9",
            "INSERT INTO tombstones VALUES (9, 1, 1, 'x', x'00000000000001900000000000000190'); DELETE FROM command_logs WHERE id = 400",
        ] {
            let copy = folder.path().join("copy.db");
            std::fs::copy(folder.path().join("monitor.db"), &copy).unwrap();
            Connection::open(&copy).unwrap().execute_batch(sql).unwrap();
            let store = Store::open_read(&copy).unwrap();
            let whole = by(&store, 1);
            assert!(!whole.problems.is_empty(), "{sql}");
            for threads in [2, 5] {
                assert_eq!(by(&store, threads), whole, "{sql}");
            }
        }
    }
}
