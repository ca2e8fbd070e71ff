//! Files that are written whole or not at all.

use anyhow::{Context as _, Result};
use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Replaces a file in one step: readers see the old text or the new one. Follows symbolic links, keeps the mode of an
/// existing file, and gives `mode` to a new one.
pub(crate) fn replace(path: &Path, text: &[u8], mode: u32) -> Result<()> {
    let target = match std::fs::canonicalize(path) {
        Ok(real) => real,
        Err(_) => path.to_path_buf(),
    };
    let mode = std::fs::metadata(&target).map_or(mode, |m| m.permissions().mode() & 0o7777);
    let temporary = beside(&target);
    let written = (|| -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        std::fs::rename(&temporary, &target)
    })();
    if written.is_err() {
        // Best effort: the error that matters is the one being returned.
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".shmon-{}", std::process::id()));
    PathBuf::from(name)
}
