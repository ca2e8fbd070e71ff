//! Opening: creating, bringing up to date, and what happens to a file that is damaged.

use super::evidence::canonical::Kind;
use super::evidence::chain::Chain;
use super::file::{self, FileId, WriterLock};
use super::schema::{self, State};
use super::{Store, StoreOptions, begin, failed, migrate, patiently};
use crate::config::Durability;
use crate::record::UnixNanos;
use crate::{Error, ErrorKind, Result, time};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something that people should be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The file was damaged (or no database): it was renamed, and a new one was begun.
    SetAside {
        /// What was wrong.
        reason: String,
        /// Where the damaged file is now.
        kept_as: PathBuf,
    },
    /// The ticket's own database was brought up to date.
    Migrated {
        /// How many rows it had.
        rows: u64,
        /// The copy that was made before.
        backup: PathBuf,
    },
    /// Commands are recorded, but no checkpoint could be signed over them.
    NoCheckpoint {
        /// Why.
        reason: String,
    },
    /// A checkpoint could not be kept in one of the places beside the record.
    NotAnchored {
        /// Where, and why.
        reason: String,
    },
    /// The database is over its limit, and its oldest rows could not be removed.
    TooLarge {
        /// Why.
        reason: String,
    },
    /// The file is a copy or was restored, so that its rows get a new identity from here on.
    NewEpoch {
        /// How it was recognised.
        reason: String,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Notice::SetAside { reason, kept_as } => {
                write!(f, "the database was damaged ({reason}); it is kept as {}, ", kept_as.display())?;
                f.write_str("and recording goes on in a new one")
            }
            Notice::Migrated { rows, backup } => {
                write!(f, "the database was brought up to date: {rows} rows; ")?;
                write!(f, "the file as it was is kept as {}", backup.display())
            }
            Notice::NoCheckpoint { reason } => write!(f, "no checkpoint could be signed: {reason}"),
            Notice::NotAnchored { reason } => write!(f, "a checkpoint could not be kept elsewhere: {reason}"),
            Notice::TooLarge { reason } => write!(f, "the database is over its limit: {reason}"),
            Notice::NewEpoch { reason } => write!(f, "a new epoch began in the database: {reason}"),
        }
    }
}

impl Store {
    /// Opens the database at `path`, creates it or brings an older one up to date.
    ///
    /// A damaged file, or one that is no database, is renamed to `….corrupt-TIME` and a new one is begun;
    /// [`Store::take_notices`] says so.
    ///
    /// # Errors
    /// [`ErrorKind::NewerVersion`]; [`ErrorKind::Invalid`] for another program's database; [`ErrorKind::ReadOnly`],
    /// [`ErrorKind::Full`], [`ErrorKind::Locked`] or [`ErrorKind::Store`], each naming the file.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Store> {
        let path = path.as_ref();
        let deadline = Instant::now() + options.lock_timeout();
        file::create(path)?;
        let lock = Arc::new(WriterLock::open(path)?);
        let mut notices = Vec::new();
        let db = match prepare(path, &options, &lock, deadline, &mut notices) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                let damaged = FileId::of(path);
                {
                    let _held = lock.take(deadline)?;
                    // Another process may have done it while we waited.
                    if FileId::of(path) == damaged {
                        let stamp: String =
                            time::local(time::now()).chars().filter(char::is_ascii_digit).collect();
                        let kept_as = file::set_aside(path, &stamp)?;
                        file::trust(path);
                        notices.push(Notice::SetAside { reason: error.to_string(), kept_as });
                    }
                }
                file::create(path)?;
                prepare(path, &options, &lock, deadline, &mut notices)?
            }
            other => other?,
        };
        let file = FileId::of(path);
        let path = path.to_path_buf();
        Ok(Store { db, path, options, lock: Some(lock), file, notices, log_pages: None, uncounted: false })
    }

    /// Opens the database at `path` for reading alone: nothing is created, migrated or set aside.
    ///
    /// # Errors
    /// [`ErrorKind::NewerVersion`], [`ErrorKind::OldVersion`], [`ErrorKind::Corrupt`], [`ErrorKind::Invalid`] for
    /// another program's database and for a folder, or [`ErrorKind::Store`], each naming the file.
    pub fn open_read(path: impl AsRef<Path>) -> Result<Store> {
        let path = path.as_ref();
        if !path.exists() {
            let message =
                "there is no database yet: nothing was recorded (run `shmon init`, or check [store] path)";
            return Err(Error::new(ErrorKind::Store, message).at(path));
        }
        if path.is_dir() {
            let message = "this is a folder: give the database's file, such as ~/monitor/db/monitor.db";
            return Err(Error::new(ErrorKind::Invalid, message).at(path));
        }
        let fail = |e| failed("open the database", path, e);
        let read = |name: &Path, flags| -> rusqlite::Result<(Connection, State)> {
            let db = connect(name, flags)?;
            let state = schema::state(&db)?;
            Ok((db, state))
        };
        let (db, state) = match read(path, OpenFlags::SQLITE_OPEN_READ_ONLY) {
            // A database in WAL mode on a file system that is read-only or full has nowhere to put its index: read it
            // as it lies. Nothing is in a log of its own then, and nobody else can write either.
            Err(e)
                if no_index(&e)
                    && std::fs::metadata(file::beside(path, "-wal")).map_or(true, |m| m.len() == 0) =>
            {
                let uri = format!("file:{}?immutable=1", escape_uri(path));
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                read(Path::new(&uri), flags).map_err(fail)?
            }
            other => other.map_err(fail)?,
        };
        match state {
            State::Current => {}
            State::Empty | State::Ticket | State::Old(_) => {
                let message = "the database was not brought up to date yet: recording a command does it";
                return Err(Error::new(ErrorKind::OldVersion, message).at(path));
            }
            State::Newer(version) => return Err(newer(path, version)),
            State::Foreign => return Err(foreign(path)),
        }
        let options = StoreOptions::default();
        let file = FileId::of(path);
        let path = path.to_path_buf();
        Ok(Store {
            db,
            path,
            options,
            lock: None,
            file,
            notices: Vec::new(),
            log_pages: None,
            uncounted: false,
        })
    }
}

/// Whether SQLite could not make the shared memory of its write-ahead log.
fn no_index(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::CannotOpen) || super::no_shared_memory(error)
}

/// Connects and makes sure that the tables are there.
fn prepare(
    path: &Path,
    options: &StoreOptions,
    lock: &WriterLock,
    deadline: Instant,
    notices: &mut Vec<Notice>,
) -> Result<Connection> {
    let fail = |e| failed("open the database", path, e);
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fail)?;
    let synchronous = match options.durability {
        Durability::Normal => "NORMAL",
        Durability::Full => "FULL",
    };
    if file::is_suspect(path) {
        let _held = lock.take(deadline)?;
        let said: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail)?;
        if said != "ok" {
            let said = said.trim().replace('\n', " ");
            return Err(Error::new(ErrorKind::Corrupt, format!("the database is damaged: {said}")).at(path));
        }
        file::trust(path);
    }
    let ready = patiently(deadline, || {
        db.pragma_update(None, "synchronous", synchronous)?;
        Ok(schema::state(&db)? == State::Current && is_wal(&db)?)
    });
    if !ready.map_err(fail)? {
        let held = lock.take(deadline)?;
        build(&mut db, path, deadline, notices)?;
        drop(held);
    }
    mend(&db, path, lock, deadline)?;
    let inode = FileId::of(path).map_or(0, |f| f.inode);
    let known = patiently(deadline, || known_inode(&db)).map_err(fail)?;
    if known != Some(inode) {
        let held = lock.take(deadline)?;
        renew_epoch(&db, inode, deadline, notices).map_err(fail)?;
        drop(held);
    }
    Ok(db)
}

/// Makes indexes again that somebody removed; a record without one of its tables or columns is damaged.
fn mend(db: &Connection, path: &Path, lock: &WriterLock, deadline: Instant) -> Result<()> {
    let fail = |e| failed("open the database", path, e);
    let missing = patiently(deadline, || schema::missing(db)).map_err(fail)?;
    if let Some(table) = missing.tables.first() {
        let message = format!("the database is damaged: its table {table} is missing");
        return Err(Error::new(ErrorKind::Corrupt, message).at(path));
    }
    schema::has_columns(db).map_err(fail)?;
    if missing.indexes.is_empty() {
        return Ok(());
    }
    let _held = lock.take(deadline)?;
    let tx = begin(db, deadline).map_err(fail)?;
    // Another process may have made them while we waited.
    for (_, sql) in schema::missing(&tx).map_err(fail)?.indexes {
        tx.execute_batch(sql).map_err(fail)?;
    }
    tx.commit().map_err(fail)
}

/// Creates or migrates, under the writer's lock.
fn build(db: &mut Connection, path: &Path, deadline: Instant, notices: &mut Vec<Notice>) -> Result<()> {
    let fail = |e| failed("prepare the database", path, e);
    match schema::state(db).map_err(fail)? {
        State::Newer(version) => return Err(newer(path, version)),
        State::Foreign => return Err(foreign(path)),
        State::Ticket => notices.push(migrate::from_ticket(db, path)?),
        State::Current => {}
        State::Old(_) => migrate::from_version(db, path, deadline)?,
        State::Empty => {
            // Both must be set before the first table; neither works inside a transaction.
            patiently(deadline, || db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")).map_err(fail)?;
            let tx = begin(db, deadline).map_err(fail)?;
            schema::create(&tx).map_err(fail)?;
            tx.commit().map_err(fail)?;
        }
    }
    patiently(deadline, || {
        let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        // On file systems without shared memory SQLite keeps the old mode, which is correct, only slower.
        let _ = mode;
        Ok(())
    })
    .map_err(fail)
}

fn is_wal(db: &Connection) -> rusqlite::Result<bool> {
    let mode: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode.eq_ignore_ascii_case("wal"))
}

fn newer(path: &Path, version: i64) -> Error {
    let message = format!(
        "the database has version {version}, this shmon knows versions up to {}: update shmon",
        schema::VERSION
    );
    Error::new(ErrorKind::NewerVersion, message).at(path)
}

fn foreign(path: &Path) -> Error {
    let message = "this is another program's database: set [store] path to a file of its own";
    Error::new(ErrorKind::Invalid, message).at(path)
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // A connection is never used by two threads at once, and SQLite's own locks cost verification a tenth of its time.
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(64);
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;
         PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
    )?;
    Ok(db)
}

fn escape_uri(path: &Path) -> String {
    let mut out = String::new();
    for byte in std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()) {
        match byte {
            b'?' | b'#' | b'%' | 0x80.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(char::from(*byte)),
        }
    }
    out
}

/// The epoch that new rows belong to.
pub(super) fn current_epoch(db: &Connection) -> rusqlite::Result<String> {
    db.prepare_cached("SELECT epoch FROM epochs ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
}

/// The inode that the file had when its epoch began.
fn known_inode(db: &Connection) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT value FROM meta WHERE name = 'inode'";
    let known: Option<i64> = db.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    Ok(known.map(i64::cast_unsigned))
}

/// Begins a new epoch where the file isn't the one that the last epoch began in: rows written from here on must not
/// have the identity of other rows that the original file, or this one before it was restored, gave away.
fn renew_epoch(
    db: &Connection,
    inode: u64,
    deadline: Instant,
    notices: &mut Vec<Notice>,
) -> rusqlite::Result<()> {
    let tx = begin(db, deadline)?;
    let known = known_inode(&tx)?;
    if known == Some(inode) {
        return Ok(());
    }
    let reason = match known {
        None => "created".to_owned(),
        Some(0) => "this file is a backup that recording goes on in".to_owned(),
        Some(_) => "this file is a copy of the one that was recorded in".to_owned(),
    };
    start_epoch(&tx, Some(inode), time::now(), &reason)?;
    tx.commit()?;
    if known.is_some() {
        notices.push(Notice::NewEpoch { reason });
    }
    Ok(())
}

/// Adds an epoch and its evidence, inside the caller's transaction; notes the file's inode where it is new.
pub(super) fn start_epoch(
    db: &Connection,
    inode: Option<u64>,
    now: UnixNanos,
    reason: &str,
) -> rusqlite::Result<()> {
    let epoch = random_epoch()?;
    let next = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'command_logs'), 0) + 1";
    let first: i64 = db.query_row(next, [], |row| row.get(0))?;
    let sql = "INSERT INTO epochs (epoch, first_row, started_at_ns, reason) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, (&epoch, first, now, reason))?;
    let number = db.last_insert_rowid();
    let values = [
        ValueRef::Text(epoch.as_bytes()),
        ValueRef::Integer(first),
        ValueRef::Integer(now),
        ValueRef::Text(reason.as_bytes()),
    ];
    Chain::resume(db)?.append(Kind::Epoch, number, values)?;
    if let Some(inode) = inode {
        let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('inode', ?1)";
        db.execute(sql, [inode.cast_signed()])?;
    }
    Ok(())
}

/// 64 random bits as 16 hexadecimal digits.
fn random_epoch() -> rusqlite::Result<String> {
    let mut bytes = [0_u8; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(std::io::Error::from(e).into()))?;
    Ok(super::commit::hex(&bytes))
}
