//! The database as a file: rights, identity, the writer's lock, and setting a damaged one aside.

use crate::{Error, ErrorKind, Result};
use rustix::fs::FlockOperation;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Device and inode: which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    pub(super) inode: u64,
}

impl FileId {
    /// The file that has this name now; `None` where there is none.
    pub(super) fn of(path: &Path) -> Option<FileId> {
        let meta = std::fs::metadata(path).ok()?;
        Some(FileId { device: meta.dev(), inode: meta.ino() })
    }

    /// Device and inode.
    pub(super) fn numbers(self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// `path` with `suffix` after its whole name: `monitor.db` and `.lock` give `monitor.db.lock`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates the folder (0700) and an empty file (0600) where they don't exist.
pub(super) fn create(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && !f.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| io("create", folder, e))?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(io("create", path, e)),
    }
}

fn io(action: &str, path: &Path, e: std::io::Error) -> Error {
    let kind = match e.kind() {
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::Full,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("cannot {action}")).at(path).caused_by(e)
}

/// The lock that writers hold around a transaction.
///
/// SQLite's own waiting is unfair: a hundred writers that sleep ever longer starve some of them into 'database is
/// locked'. Those who hold this lock meet no other writer of shmon in SQLite. It is a `flock`, so it goes when its
/// process dies, however it dies.
pub(super) struct WriterLock {
    file: File,
    path: PathBuf,
}

/// Held until dropped.
pub(super) struct Held<'a>(&'a File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(self.0, FlockOperation::Unlock);
    }
}

impl WriterLock {
    /// Opens (or creates) the lock file of the database at `path`; the lock isn't taken yet.
    pub(super) fn open(path: &Path) -> Result<WriterLock> {
        let path = beside(path, ".lock");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        Ok(WriterLock { file: file.map_err(|e| io("open the lock", &path, e))?, path })
    }

    /// Takes the lock, waiting at most until `deadline`.
    pub(super) fn take(&self, deadline: Instant) -> Result<Held<'_>> {
        let mut pause = Pause::default();
        loop {
            match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Held(&self.file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    if !pause.sleep(deadline) {
                        let message = "another process holds the writer's lock for too long";
                        return Err(Error::new(ErrorKind::Locked, message).at(&self.path));
                    }
                }
                Err(e) => return Err(io("lock", &self.path, e.into())),
            }
        }
    }
}

/// Short waits of random length, growing to some milliseconds: random, so that waiting processes don't move in step.
pub(super) struct Pause {
    seed: u64,
    tries: u32,
}

impl Default for Pause {
    fn default() -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.map_or(0, |d| u64::from(d.subsec_nanos()));
        Pause { seed: (nanos << 20) ^ u64::from(std::process::id()) | 1, tries: 0 }
    }
}

impl Pause {
    /// Sleeps a little; false, without sleeping, when the deadline has passed.
    pub(super) fn sleep(&mut self, deadline: Instant) -> bool {
        let now = Instant::now();
        if now >= deadline {
            return false;
        }
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.tries += 1;
        let ceiling = 400 * u64::from(self.tries.min(12));
        let micros = 100 + self.seed % ceiling;
        std::thread::sleep(Duration::from_micros(micros).min(deadline - now));
        true
    }
}

/// Marks the database as suspect: SQLite said in the middle of its work that it is damaged.
pub(super) fn suspect(path: &Path) {
    // Without the mark the next writer meets the damage itself.
    let _ =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(beside(path, SUSPECT));
}

/// Whether the database is marked as suspect.
pub(super) fn is_suspect(path: &Path) -> bool {
    beside(path, SUSPECT).exists()
}

/// Takes the mark away.
pub(super) fn trust(path: &Path) {
    let _ = std::fs::remove_file(beside(path, SUSPECT));
}

const SUSPECT: &str = ".suspect";

/// Renames the database and its companions so that nothing is lost and its name is free; the new name.
pub(super) fn set_aside(path: &Path, stamp: &str) -> Result<PathBuf> {
    let mut aside = beside(path, &format!(".corrupt-{stamp}"));
    let mut count = 1;
    while aside.exists() {
        count += 1;
        aside = beside(path, &format!(".corrupt-{stamp}-{count}"));
    }
    std::fs::rename(path, &aside).map_err(|e| io("set aside", path, e))?;
    for companion in ["-wal", "-shm"] {
        let from = beside(path, companion);
        if from.exists() {
            std::fs::rename(&from, beside(&aside, companion)).map_err(|e| io("set aside", &from, e))?;
        }
    }
    Ok(aside)
}
