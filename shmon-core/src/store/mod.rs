//! The record in SQLite: `command_logs` begins with the ticket's nine columns, further tables stand beside it.
//!
//! Writers take a lock of their own around each transaction (see `file.rs`), so that a hundred shells at once wait their
//! turn instead of meeting in SQLite. Readers never wait for writers: the database is in WAL mode.

mod anchor;
mod backup;
mod commit;
mod evidence;
mod file;
mod interchange;
mod lead;
mod limit;
mod migrate;
mod open;
pub mod outbox;
mod place;
mod plan;
mod prune;
mod query;
mod row;
mod schema;
mod session_counts;
mod sessions;
mod stats;
mod text_index;

pub use anchor::Anchor;
pub use evidence::proof::{Proof, Proven};
pub use evidence::verify::{Problem, Report};
pub use open::Notice;
pub(crate) use place::Place;
pub use prune::{Prune, Pruned};
pub use query::{Order, Pages, Query, Rows};
pub use row::{Identity, Row};
pub(crate) use schema::is_record;
pub use sessions::{Lineage, Session, SessionQuery};
pub use stats::{Count, Slice, Slot, Stats};

use crate::config::{Config, Durability};
use crate::record::{Ending, Record};
use crate::{Error, ErrorKind, Level, Result, time};
use commit::{Batch, Frame};
use file::{FileId, WriterLock};
use outbox::NewNotification;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The write-ahead log is copied into the database when it has about so many pages, as SQLite does by itself.
const LOG_PAGES: usize = 1000;
/// Pages that a commit writes: table, indexes, session, evidence, place …
const PAGES_OF_COMMIT: usize = 14;
/// … and those that another entry in it adds at most, while its indexes are small.
const PAGES_OF_ENTRY: usize = 7;

/// How a database is opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StoreOptions {
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// Replace secrets in the database too.
    pub redact: bool,
    /// Where checkpoints are kept beside the record.
    pub anchors: Vec<Anchor>,
    /// How long lies between two checkpoints that are kept there at least.
    pub anchor_interval: Duration,
    /// The size in bytes at which the oldest rows are removed after a commit.
    pub max_bytes: Option<u64>,
    /// Rows of this level and above are never removed for the size.
    pub keep: Option<Level>,
    /// How long a write waits for other writers before it fails with [`ErrorKind::Locked`]; 10 seconds where not set.
    pub lock_timeout: Option<Duration>,
}

impl StoreOptions {
    /// What the configuration says.
    pub fn of(config: &Config) -> StoreOptions {
        StoreOptions {
            durability: config.store.durability,
            redact: config.redact.store,
            anchors: config.evidence.anchor.clone(),
            anchor_interval: Duration::from_secs(config.evidence.anchor_interval),
            max_bytes: config.store.max_size.map(|size| size.0),
            keep: config.store.keep,
            lock_timeout: None,
        }
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout.unwrap_or(Duration::from_secs(10))
    }
}

/// A database that is open for writing and reading.
pub struct Store {
    db: Connection,
    path: PathBuf,
    options: StoreOptions,
    /// `None` where the database was opened for reading alone.
    lock: Option<Arc<WriterLock>>,
    file: Option<FileId>,
    notices: Vec<Notice>,
    /// Pages of the write-ahead log that no commit has copied into the database, where commits leave that undone.
    log_pages: Option<usize>,
    /// A commit of ours left its rows to be counted.
    uncounted: bool,
}

/// One thing to be stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Entry {
    /// A command that was accepted, with the notifications that go into the outbox in the same transaction.
    Command(Box<Record>, Vec<NewNotification>),
    /// The end of a command.
    End(Ending),
}

/// Whether somebody waits for a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nobody does.
    Steady,
    /// A shell does, for the rows, their evidence, notifications and place: the sums over rows (`sessions`, the index of the
    /// text) follow with the next commit, or with [`Store::catch_up`].
    Hurried,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The row's id; 0 for an ending whose command isn't stored.
    pub id: i64,
    /// The same event was stored before, or an ending without its command; nothing was changed.
    pub duplicate: bool,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.moved() {
            // The last connection's end deletes the write-ahead log by its name, which belongs to another file now.
            let _ = self.db.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

impl Store {
    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file's name stands for another file now (renamed, restored, begun anew): a reader opens it again.
    /// Writers follow by themselves.
    pub fn moved(&self) -> bool {
        FileId::of(&self.path) != self.file
    }

    /// The options it was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// What happened while the database was opened that people should be told: a damaged file set aside, a
    /// migration, a new epoch. Empties the list.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The epoch that new rows belong to: random, made with the database, new after a restore.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn epoch(&self) -> Result<String> {
        open::current_epoch(&self.db).map_err(|e| failed("read the epoch", &self.path, e))
    }

    /// The connection, for the stages that keep their tables in the same file. Write with `Store::write`.
    #[allow(dead_code)]
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Runs `work` in one write transaction, after the writers before it; commits what it did, or nothing if it fails.
    ///
    /// # Errors
    /// [`ErrorKind::Full`], [`ErrorKind::ReadOnly`], [`ErrorKind::Locked`], [`ErrorKind::Corrupt`] or
    /// [`ErrorKind::Store`], with `action` in the message; nothing was written then.
    pub(crate) fn write<T>(
        &mut self,
        action: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        self.write_then(action, work, || ()).map(|(value, ())| value)
    }

    /// As [`Store::write`]; `after` runs when the transaction is committed and the lock is still held.
    fn write_then<T, A>(
        &mut self,
        action: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
        after: impl FnOnce() -> A,
    ) -> Result<(T, A)> {
        let deadline = Instant::now() + self.options.lock_timeout();
        loop {
            let Some(lock) = self.lock.clone() else {
                return Err(Error::new(ErrorKind::ReadOnly, "opened for reading only").at(&self.path));
            };
            let held = lock.take(deadline)?;
            // Checked under the lock: who sets a file aside holds it too.
            if self.moved() {
                drop(held);
                self.reopen()?;
                continue;
            }
            let result = transact(&self.db, deadline, work).map_err(|e| failed(action, &self.path, e));
            if result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Corrupt) {
                drop(held);
                // Opening again checks the file and sets it aside, so that the caller's next try is written.
                file::suspect(&self.path);
                self.reopen()?;
            }
            return result.map(|value| (value, after()));
        }
    }

    /// Which file it is (device and inode), whatever its name; `None` where it is gone.
    pub(crate) fn file(&self) -> Option<(u64, u64)> {
        self.file.map(FileId::numbers)
    }

    /// Opens the database again where its name stands for another file now.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        if self.moved() { self.reopen() } else { Ok(()) }
    }

    /// The places up to which spools are recorded in this database, by name.
    pub(crate) fn places(&self) -> Result<Vec<(String, String)>> {
        place::read(&self.db).map_err(|e| failed("read the database", &self.path, e))
    }

    /// Opens the database again, because its name stands for another file now: rows that go into a file that was
    /// renamed or deleted under a running recorder would be lost.
    fn reopen(&mut self) -> Result<()> {
        let mut fresh = Store::open(&self.path, self.options.clone())?;
        fresh.notices.splice(0..0, self.notices.drain(..));
        if self.log_pages.is_some() {
            fresh.copy_later()?;
        }
        // What this one left may be in the file that it opens.
        fresh.uncounted = self.uncounted;
        *self = fresh;
        Ok(())
    }

    /// Stores a batch in one transaction: all or nothing. Answers in the order of `entries`.
    ///
    /// An event whose key is stored already changes nothing, so a batch may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::Full`], [`ErrorKind::ReadOnly`], [`ErrorKind::Locked`], [`ErrorKind::Corrupt`] or
    /// [`ErrorKind::Store`] when the database can't be written; nothing was stored then.
    pub fn commit(&mut self, entries: &[Entry]) -> Result<Vec<Stored>> {
        let stored = self.commit_up_to(entries, &[], Pace::Steady)?;
        self.checkpoint_after(entries);
        Ok(stored)
    }

    /// As [`Store::commit`]; `places` say up to where spools were read for it, and are kept in the same transaction. Who
    /// waits for the commit is told before [`Store::checkpoint_after`], which is the caller's next step.
    pub(crate) fn commit_up_to(
        &mut self,
        entries: &[Entry],
        places: &[Place],
        pace: Pace,
    ) -> Result<Vec<Stored>> {
        if entries.is_empty() && places.is_empty() {
            return Ok(Vec::new());
        }
        let (redact, hurry) = (self.options.redact, pace == Pace::Hurried);
        let stored = self.write("store commands", |tx| {
            place::write(tx, places)?;
            if entries.is_empty() {
                return Ok(Vec::new());
            }
            let frame = Frame { now: time::now(), redact, hurry };
            Batch::new(tx, &frame)?.run(entries)
        })?;
        self.uncounted = if hurry { true } else { self.uncounted && entries.is_empty() };
        Ok(stored)
    }

    /// Makes up for what hurried commits left.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) fn catch_up(&mut self) -> Result<()> {
        if self.uncounted {
            self.write("count commands", |tx| {
                session_counts::catch_up(tx)?;
                text_index::catch_up(tx)
            })?;
            self.uncounted = false;
        }
        Ok(())
    }

    /// From now on no commit stops to copy the write-ahead log into the database, which takes an fsync and milliseconds:
    /// [`Store::checkpoint_after`] does it.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub(crate) fn copy_later(&mut self) -> Result<()> {
        let set = self.db.pragma_update(None, "wal_autocheckpoint", 0);
        set.map_err(|e| failed("set up the database", &self.path, e))?;
        self.log_pages = Some(0);
        Ok(())
    }

    pub(crate) fn copies_later(&self) -> bool {
        self.log_pages.is_some()
    }

    /// Copies the write-ahead log, where commits leave that to us and there is enough of it.
    fn copy_if_due(&mut self, entries: usize) {
        let Some(pages) = &mut self.log_pages else { return };
        *pages += entries.saturating_mul(PAGES_OF_ENTRY).max(PAGES_OF_COMMIT);
        if *pages >= LOG_PAGES {
            *pages = 0;
            // A reader that holds it up is left alone: the next time comes.
            let _ = self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        }
    }

    /// Signs a checkpoint where one is due now that the entries are committed.
    pub(crate) fn checkpoint_after(&mut self, entries: &[Entry]) {
        self.copy_if_due(entries.len());
        let urgent =
            |entry: &Entry| matches!(entry, Entry::Command(record, _) if record.verdict.level >= Level::High);
        self.checkpoint_if_due(entries.iter().any(urgent));
    }

    /// The level of a stored row.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn level_of(&mut self, id: i64) -> Result<Option<Level>> {
        let sql = "SELECT risk_level FROM command_logs WHERE id = ?1";
        let found = self
            .db
            .prepare_cached(sql)
            .and_then(|mut s| s.query_row([id], |row| row.get::<_, String>(0)).optional());
        let level = found.map_err(|e| failed("read the database", &self.path, e))?;
        Ok(level.and_then(|level| level.parse().ok()))
    }
}

fn transact<T>(
    db: &Connection,
    deadline: Instant,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let open = OpenTransaction::begin(db, deadline)?;
    let value = work(db)?;
    open.commit()?;
    Ok(value)
}

/// As rusqlite's transaction, with statements that stay prepared: a shell may wait for each commit.
struct OpenTransaction<'a>(&'a Connection);

impl<'a> OpenTransaction<'a> {
    fn begin(db: &'a Connection, deadline: Instant) -> rusqlite::Result<OpenTransaction<'a>> {
        patiently(deadline, || db.prepare_cached("BEGIN IMMEDIATE")?.execute([]))?;
        Ok(OpenTransaction(db))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Where that fails too, SQLite has done it already.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// Begins a write transaction. Other programs (the `sqlite3` shell, a backup) don't know our lock, so SQLite may still
/// be busy: wait as for the lock.
fn begin(db: &Connection, deadline: Instant) -> rusqlite::Result<Transaction<'_>> {
    patiently(deadline, || Transaction::new_unchecked(db, TransactionBehavior::Immediate))
}

/// Repeats what other processes may keep busy for a moment.
fn patiently<T>(deadline: Instant, mut work: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let mut pause = file::Pause::default();
    loop {
        match work() {
            Err(e) if is_busy(&e) && pause.sleep(deadline) => {}
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// Whether there was no room for the shared memory of the write-ahead log, which SQLite calls a failure of input or output.
fn no_shared_memory(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// The table, column or index that is missing, in SQLite's words: it has no code for that.
fn lacks(error: &rusqlite::Error) -> Option<&str> {
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        _ => return None,
    };
    let lacks = ["no such table: ", "no such column: ", "no such index: "]
        .iter()
        .any(|start| said.starts_with(start))
        || said.contains(" has no column named ")
        || said.ends_with("because it is a view");
    lacks.then_some(said)
}

/// SQLite's error with the file's name, and the kind by which callers decide what to do.
pub(crate) fn failed(action: &str, path: &Path, source: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let (kind, hint) = match source.sqlite_error_code() {
        Some(Code::DiskFull) => (ErrorKind::Full, ""),
        _ if no_shared_memory(&source) => {
            (ErrorKind::Full, " (the disk is full: there is no room for its -shm file)")
        }
        Some(Code::ReadOnly | Code::PermissionDenied) => (ErrorKind::ReadOnly, ""),
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            (ErrorKind::Locked, " (another program holds it; `fuser` names it)")
        }
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => (ErrorKind::Corrupt, ""),
        _ if lacks(&source).is_some_and(|what| what.starts_with("no such index")) => {
            (ErrorKind::Store, " (somebody removed an index: recording a command makes it again)")
        }
        _ if lacks(&source).is_some() => (ErrorKind::Corrupt, ""),
        _ => (ErrorKind::Store, ""),
    };
    Error::new(kind, format!("cannot {action}{hint}")).at(path).caused_by(source)
}
