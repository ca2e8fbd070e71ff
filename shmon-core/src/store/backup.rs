//! A copy of the database while it is in use.

use super::{Store, failed};
use crate::{Error, ErrorKind, Result};
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

impl Store {
    /// Copies the database to `target` (0600), as it is at one moment, with SQLite's online backup: writers go on.
    /// The copy doesn't take the signing key along, so rows that are recorded in it get an epoch of their own.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when `target` exists; [`ErrorKind::Io`] or those of [`Store::commit`] when it can't be
    /// written.
    pub fn backup(&self, target: impl AsRef<Path>) -> Result<()> {
        let target = target.as_ref();
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(target) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(Error::new(ErrorKind::Invalid, "the file exists already").at(target));
            }
            Err(e) => return Err(Error::io("create the backup", target, e)),
        }
        let fail = |e| failed("write the backup", target, e);
        self.db.backup(rusqlite::MAIN_DB, target, None::<fn(rusqlite::backup::Progress)>).map_err(fail)?;
        let copy = Connection::open(target).map_err(fail)?;
        // One file alone, and marked: who records in it begins a new epoch, on whatever inode it lies by then.
        copy.execute_batch("PRAGMA journal_mode = DELETE; UPDATE meta SET value = 0 WHERE name = 'inode'")
            .map_err(fail)
    }
}
