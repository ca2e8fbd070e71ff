//! Making checkpoints: when one is due, and how the key moves on with it.

use super::canonical::Hash;
use super::key::KeyFile;
use super::note::{Checkpoint, verifier_key};
use super::{chain, tree};
use crate::config::Durability;
use crate::record::UnixNanos;
use crate::store::{Notice, Store, failed, file, open, row};
use crate::{Error, ErrorKind, Result, time};
use rusqlite::{Connection, OptionalExtension};

const SECOND: i64 = 1_000_000_000;
/// A checkpoint is due after so many entries …
const ENTRIES: i64 = 1024;
/// … or, while commands come, after so long …
const AGE: UnixNanos = 60 * SECOND;
/// … or after so long when the batch holds something that people are told of.
const URGENT_AGE: UnixNanos = SECOND;

/// The last checkpoint in the database.
struct Last {
    number: i64,
    size: i64,
    at: UnixNanos,
    next_key: [u8; 32],
    note: String,
}

fn last(db: &Connection) -> rusqlite::Result<Option<Last>> {
    let sql =
        "SELECT number, size, created_at_ns, next_key, note FROM checkpoints ORDER BY number DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Last {
            number: row.get(0)?,
            size: row.get(1)?,
            at: row.get(2)?,
            next_key: row.get(3)?,
            note: row.get(4)?,
        })
    };
    db.prepare_cached(sql)?.query_row([], read).optional()
}

/// Whether the next checkpoint is due; `urgent` where the batch before it is one that people are told of.
pub(in crate::store) fn due(db: &Connection, urgent: bool, now: UnixNanos) -> rusqlite::Result<bool> {
    let (size, _) = chain::head(db)?;
    Ok(match last(db)? {
        None => size > 0,
        Some(last) => {
            // A clock that was set back must not stop checkpoints.
            let age = now.checked_sub(last.at).filter(|age| *age >= 0).unwrap_or(i64::MAX);
            size > last.size && (size - last.size >= ENTRIES || age >= if urgent { URGENT_AGE } else { AGE })
        }
    })
}

impl Store {
    /// The signed note over everything that is stored now: the text to be kept off this host, because whoever controls
    /// the host can't make a different one for the same entries later. Made anew only when entries were added.
    ///
    /// # Errors
    /// As [`Store::commit`]; [`ErrorKind::Store`] when the key can't be read or written, too.
    pub fn checkpoint(&mut self) -> Result<String> {
        let sync = self.options.durability == Durability::Full;
        let key_path = file::beside(&self.path, ".key");
        let used = std::cell::RefCell::new(None);
        let work = |tx: &Connection| {
            let (size, _) = chain::head(tx)?;
            let last = last(tx)?;
            if let Some(last) = last.as_ref().filter(|last| last.size == size) {
                return Ok((last.note.clone(), None));
            }
            let made = make(tx, last, &key_path, sync)?;
            *used.borrow_mut() = Some((made.keys, made.used));
            Ok((made.note, made.notice))
        };
        // Still under the writer's lock: nobody else uses the slot yet.
        let destroy = || used.borrow_mut().take().map(|(mut keys, slot)| keys.destroy(slot, sync));
        let ((note, notice), made) = self.write_then("sign a checkpoint", work, destroy)?;
        self.notices.extend(notice);
        if let Some(destroyed) = made {
            destroyed?;
            self.anchor(&note);
        }
        Ok(note)
    }

    /// The text of the last checkpoint; `None` before the first.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn last_checkpoint(&self) -> Result<Option<String>> {
        let last = last(&self.db).map_err(|e| failed("read the checkpoints", &self.path, e))?;
        Ok(last.map(|last| last.note))
    }

    /// The public key of the first checkpoint, as signed notes write it (`NAME+ID+KEY`): who keeps it elsewhere can
    /// tell this record from one that somebody made anew. `None` before the first checkpoint.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn first_key(&self) -> Result<Option<String>> {
        let sql = "SELECT c.key, (SELECT epoch FROM epochs ORDER BY number LIMIT 1) FROM checkpoints c \
                   ORDER BY c.number LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?));
        let found = self.db.query_row(sql, [], read).optional();
        let found = found.map_err(|e| failed("read the checkpoints", &self.path, e))?;
        Ok(found.map(|(key, epoch)| verifier_key(&origin(&epoch), &key)))
    }

    /// Makes a checkpoint after a commit where one is due. The commit stands whatever happens here.
    pub(in crate::store) fn checkpoint_if_due(&mut self, urgent: bool) {
        match due(&self.db, urgent, time::now()) {
            Ok(true) => {}
            Ok(false) | Err(_) => return,
        }
        if let Err(error) = self.checkpoint()
            && error.kind() != ErrorKind::Locked
        {
            let notice = Notice::NoCheckpoint { reason: error.to_string() };
            if !self.notices.contains(&notice) {
                self.notices.push(notice);
            }
        }
        self.limit_if_due();
    }
}

/// `shmon/EPOCH`
pub(in crate::store) fn origin(epoch: &str) -> String {
    format!("shmon/{epoch}")
}

struct Made {
    note: String,
    notice: Option<Notice>,
    keys: KeyFile,
    /// The slot whose key has done its work.
    used: usize,
}

/// Our error inside SQLite's, so that the transaction is rolled back.
fn wrapped(error: Error) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(error.into())
}

fn make(
    db: &Connection,
    last: Option<Last>,
    key_path: &std::path::Path,
    sync: bool,
) -> rusqlite::Result<Made> {
    let mut keys = KeyFile::open(key_path).map_err(wrapped)?;
    let mut notice = None;
    let now = time::now();
    let (slot, key) = match last.as_ref().map(|last| keys.find(&last.next_key)) {
        Some(Some(found)) => found,
        // The database expects a key that isn't there: it was restored or cut (its key has moved on), or the key file
        // is lost. Rows from here on get a new epoch, and a new line of keys begins.
        Some(None) => {
            let reason = "the key that signs its next checkpoint is gone: the database was restored or cut, \
                          or the key file was lost";
            open::start_epoch(db, None, now, reason)?;
            notice = Some(Notice::NewEpoch { reason: reason.to_owned() });
            (0, keys.generate(0, sync).map_err(wrapped)?)
        }
        None => (0, keys.generate(0, sync).map_err(wrapped)?),
    };
    let (size, _) = chain::head(db)?;
    let root: Hash = tree::root(db, size)?;
    let next = keys.generate(1 - slot, sync).map_err(wrapped)?;
    let next_key = next.verifying_key().to_bytes();
    let checkpoint = Checkpoint {
        origin: origin(&open::current_epoch(db)?),
        size,
        root,
        number: last.map_or(0, |last| last.number) + 1,
        row: db.query_row("SELECT coalesce(max(id), 0) FROM command_logs", [], |row| row.get(0))?,
        time: row::rfc3339(now),
        next_key,
    };
    let note = checkpoint.sign(&key);
    let sql = "INSERT INTO checkpoints (number, size, created_at_ns, key, next_key, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let public = key.verifying_key().to_bytes();
    db.prepare_cached(sql)?.execute((checkpoint.number, size, now, &public[..], &next_key[..], &note))?;
    Ok(Made { note, notice, keys, used: slot })
}
