//! How far each spool file is drained. Losing this costs a repeated drain, and nothing else.

use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Offsets {
    path: PathBuf,
    map: BTreeMap<String, u64>,
    changed: bool,
}

impl Offsets {
    /// Lines `NAME OFFSET`; what can't be read counts as nothing drained.
    pub(super) fn load(folder: &Path) -> Offsets {
        let path = folder.join("offsets");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let line = |line: &str| {
            let (name, offset) = line.split_once(' ')?;
            Some((name.to_owned(), offset.parse().ok()?))
        };
        Offsets { path, map: text.lines().filter_map(line).collect(), changed: false }
    }

    pub(super) fn get(&self, name: &str) -> u64 {
        self.map.get(name).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, name: &str, offset: u64) {
        if self.map.get(name) != Some(&offset) {
            self.map.insert(name.to_owned(), offset);
            self.changed = true;
        }
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.changed |= self.map.remove(name).is_some();
    }

    /// Replaces the file in one step, so that a reader never sees half of it.
    pub(super) fn save(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        let text: String = self.map.iter().map(|(name, offset)| format!("{name} {offset}\n")).collect();
        let new = self.path.with_extension("new");
        std::fs::write(&new, text).map_err(|e| Error::io("write where the spool is drained to", &new, e))?;
        std::fs::rename(&new, &self.path)
            .map_err(|e| Error::io("write where the spool is drained to", &self.path, e))?;
        self.changed = false;
        Ok(())
    }
}
