//! The steps of setting up and taking away: each is said, and done unless this is a dry run.

use super::{files, rc};
use crate::commands::hook::{self, Shell};
use anyhow::{Context as _, Result};
use shmon_core::config::private_folder;
use std::path::Path;

/// Says what is done, and does it unless this is a dry run.
pub(crate) struct Steps {
    pub(crate) dry_run: bool,
}

impl Steps {
    /// Tells something.
    pub(crate) fn say(&self, what: &str) {
        println!("{what}");
    }

    /// Makes a folder that only its owner enters.
    pub(crate) fn folder(&self, path: &Path) -> Result<()> {
        if !path.is_dir() {
            self.say(&format!("folder        {}", path.display()));
        }
        if !self.dry_run {
            private_folder(path)?;
        }
        Ok(())
    }

    /// Writes a file, with these rights where it is new.
    pub(crate) fn file(&self, path: &Path, text: &[u8], mode: u32) -> Result<()> {
        let same = std::fs::read(path).is_ok_and(|now| now == text);
        self.say(&format!("{:<13} {}", if same { "unchanged" } else { "file" }, path.display()));
        if !self.dry_run && !same {
            files::replace(path, text, mode)?;
        }
        Ok(())
    }

    /// Removes a file of ours, where it is there.
    pub(crate) fn remove(&self, path: &Path) -> Result<()> {
        if path.exists() {
            self.say(&format!("file removed  {}", path.display()));
            if !self.dry_run {
                std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Puts the block that reads the hook into a start-up file.
    pub(crate) fn block(&self, shell: Shell, path: &Path, hook_file: &Path) -> Result<()> {
        let text = match path.exists() {
            true => Some(read_bytes(path)?),
            false => None,
        };
        let block = hook::block(shell, hook_file);
        let changed = rc::with_block(text.as_deref(), &as_text(block.trim_end().as_bytes()))
            .with_context(|| left(path))?;
        if let (Some(folder), false) = (path.parent(), self.dry_run)
            && !folder.is_dir()
        {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        self.file(path, &as_bytes(&changed), 0o644)
    }

    /// Puts the block for commands without a prompt before everything else.
    pub(crate) fn first_block(&self, path: &Path, file: &Path) -> Result<()> {
        let text = if path.exists() { read_bytes(path)? } else { String::new() };
        let block = hook::block(Shell::Bash, file);
        let changed =
            rc::with_first_block(&text, &as_text(block.trim_end().as_bytes())).with_context(|| left(path))?;
        self.file(path, &as_bytes(&changed), 0o644)
    }

    /// Takes our blocks out of a start-up file, which may have been ours alone.
    pub(crate) fn without_block(&self, path: &Path) -> Result<()> {
        let text = read_bytes(path)?;
        let first = rc::without_first_block(&text).with_context(|| left(path))?;
        let rest = rc::without_block(&first).with_context(|| left(path))?;
        if rest.as_ref() == Some(&text) {
            return Ok(());
        }
        self.say(&format!("hook removed  {}", path.display()));
        match rest {
            _ if self.dry_run => Ok(()),
            Some(rest) => files::replace(path, &as_bytes(&rest), 0o644),
            None => std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display())),
        }
    }
}

fn left(path: &Path) -> String {
    format!("{} was left as it is", path.display())
}

/// A start-up file may be in any encoding (EUC-JP, Shift_JIS): each byte becomes one character, and back.
fn read_bytes(path: &Path) -> Result<String> {
    Ok(as_text(&std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?))
}

fn as_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&b| char::from(b)).collect()
}

fn as_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}
