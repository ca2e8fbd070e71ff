//! The record in SQLite: `command_logs` begins with the ticket's nine columns, further tables stand beside it.

pub mod outbox;
mod schema;

use crate::config::Durability;
use crate::record::{Ending, Record};
use crate::{Error, ErrorKind, Level, Result};
use outbox::NewNotification;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// How a database is opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct StoreOptions {
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// Replace secrets in the database too.
    pub redact: bool,
}

/// A database that is open for writing and reading.
#[allow(dead_code)]
pub struct Store {
    db: Connection,
    path: PathBuf,
    options: StoreOptions,
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

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The row's id.
    pub id: i64,
    /// The same event was stored before, or an ending without its command; nothing was changed.
    pub duplicate: bool,
}

impl Store {
    /// Opens the database at `path`, creates it or brings an older one up to date.
    ///
    /// # Errors
    /// [`ErrorKind::NewerVersion`], [`ErrorKind::Corrupt`] or [`ErrorKind::Store`], each naming the file.
    pub fn open(path: impl AsRef<Path>, options: StoreOptions) -> Result<Store> {
        let path = path.as_ref();
        let db = Connection::open(path).map_err(|e| failed("open the database", path, e))?;
        schema::prepare(&db, &options).map_err(|e| failed("prepare the database", path, e))?;
        Ok(Store { db, path: path.to_path_buf(), options })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The options it was opened with.
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// The connection, for the stages that keep their tables in the same file.
    #[allow(dead_code)]
    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.db
    }

    /// Stores a batch in one transaction: all or nothing. Answers in the order of `entries`.
    ///
    /// An event whose key is stored already changes nothing, so a batch may be repeated.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be written; nothing was stored then.
    pub fn commit(&mut self, entries: &[Entry]) -> Result<Vec<Stored>> {
        let _ = entries;
        Err(Error::new(ErrorKind::Store, "not there yet").at(&self.path))
    }

    /// The level of a stored row.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the database can't be read.
    pub fn level_of(&mut self, id: i64) -> Result<Option<Level>> {
        let _ = id;
        Ok(None)
    }
}

pub(crate) fn failed(action: &str, path: &Path, source: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Store, format!("cannot {action}")).at(path).caused_by(source)
}
