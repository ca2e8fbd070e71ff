//! Appending to a spool from Rust: for entries that come neither from a shell's hook nor from the loadable builtin.

use super::SUFFIX;
use crate::record::UnixNanos;
use crate::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The name of a session, unique on this host: the process, and when it began to be watched (microseconds).
pub fn session_name(pid: u32, since: UnixNanos) -> String {
    format!("{pid}-{}", since / 1000)
}

/// Appends records to one session's file.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
    sync: bool,
}

impl Writer {
    /// Opens or makes the session's file in `folder`. With `sync`, what was written survives power loss.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file.
    pub fn open(folder: &Path, session: &str, sync: bool) -> Result<Writer> {
        let path = folder.join(format!("{session}{SUFFIX}"));
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| Error::io("open the spool", &path, e))?;
        Ok(Writer { file, path, sync })
    }

    /// As [`Writer::open`], for a folder of all users: the file's group, which is the recorder's, reads it too.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file.
    pub fn open_shared(folder: &Path, session: &str) -> Result<Writer> {
        let writer = Writer::open(folder, session, false)?;
        // Not by the mode at its making, from which the umask would take.
        let rights = std::fs::Permissions::from_mode(0o660);
        writer.file.set_permissions(rights).map_err(|e| Error::io("share the spool", &writer.path, e))?;
        Ok(writer)
    }

    /// Appends one record with one write. NUL bytes of the fields are left out: none can occur in a shell's text.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file, as on a full disk.
    pub fn append(&mut self, header: &str, sequence: u64, first: &[u8], second: &[u8]) -> Result<()> {
        self.append_all(&[Line { header, sequence, first, second }])
    }

    /// As [`Writer::append`], several records with one write: a reader finds all of them, or as yet none or the first.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_all(&mut self, lines: &[Line<'_>]) -> Result<()> {
        let mut record = Vec::with_capacity(512);
        for line in lines {
            for field in [line.header.as_bytes(), line.first, line.second] {
                record.push(0);
                record.extend(field.iter().copied().filter(|&b| b != 0));
            }
            record.extend_from_slice(format!("\0/{}\0", line.sequence).as_bytes());
        }
        self.file.write_all(&record).map_err(|e| Error::io("write the spool", &self.path, e))?;
        if self.sync { self.sync() } else { Ok(()) }
    }

    /// What was appended survives power loss.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|e| Error::io("sync the spool", &self.path, e))
    }
}

/// One record to be appended.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Kind, sequence number and what follows them.
    pub header: &'a str,
    /// The number again, which ends the record.
    pub sequence: u64,
    /// First field.
    pub first: &'a [u8],
    /// Second field.
    pub second: &'a [u8],
}
