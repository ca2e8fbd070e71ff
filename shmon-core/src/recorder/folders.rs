//! The folders that a recorder works in, and the lock that makes it the only one.

use crate::config::{Home, private_folder};
use crate::{Error, ErrorKind, Result};
use std::fs::File;
use std::os::unix::fs::MetadataExt;

/// System mode: users add files to the spool, and neither see nor remove another's; they pass through the others.
pub(super) fn check_shared(home: &Home) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    for (folder, wanted) in [(home.spool_dir(), 0o3733), (home.run_dir(), 0o755), (home.state_dir(), 0o700)] {
        let meta = std::fs::metadata(&folder).map_err(|e| Error::io("look at the folder", &folder, e))?;
        let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
        if (owner != me && owner != 0) || mode != wanted {
            let message = format!(
                "has mode {mode:o} and owner {owner}, not {wanted:o} and {me}: run `shmon init --system`"
            );
            return Err(Error::new(ErrorKind::Io, message).at(&folder));
        }
    }
    Ok(())
}

/// The boot's id: process numbers mean something only within one.
pub(super) fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

/// Takes the recorder's lock of a home: `None` when another process has it. It lasts as long as the file is open.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the lock's file can't be made.
pub fn lock(home: &Home) -> Result<Option<File>> {
    let folder = home.run_dir();
    private_folder(&folder)?;
    let path = folder.join("recorder.lock");
    let failed = |e| Error::io("lock the recorder", &path, e);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(Error::io("lock the recorder", &path, e)),
    }
}
