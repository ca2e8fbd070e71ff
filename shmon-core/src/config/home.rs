//! Where everything lives: `~/monitor`, or what the caller says.

use super::Config;
use crate::{Error, Result};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder that holds database, log, configuration, rules and spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The home at `root`. The library reads no environment: callers pass `$SHMON_HOME` or `$HOME/monitor`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Home { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config.toml`
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The user's own rules.
    pub fn rules_dir(&self) -> PathBuf {
        self.root.join("rules.d")
    }

    /// Scripts with the ticket's names.
    pub fn scripts_dir(&self) -> PathBuf {
        self.root.join("scripts")
    }

    /// Where shells append what they run, until the recorder takes it.
    pub fn spool_dir(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Sockets, locks and process ids of the recorder.
    pub fn run_dir(&self) -> PathBuf {
        self.root.join("run")
    }

    /// What one recorder leaves for the next.
    pub fn state_dir(&self) -> PathBuf {
        self.root.join("state")
    }

    /// What can be made again at any time: the compiled form of the user's rules.
    pub fn cache_dir(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// The socket where the recorder answers whether an entry is recorded.
    pub fn socket(&self) -> PathBuf {
        self.run_dir().join("shmon.sock")
    }

    /// The database, as configured.
    pub fn database(&self, config: &Config) -> PathBuf {
        self.resolve(config.store.path.as_deref(), "db/monitor.db")
    }

    /// The log file, as configured.
    pub fn log(&self, config: &Config) -> PathBuf {
        self.resolve(config.log.path.as_deref(), "logs/command_monitor.log")
    }

    fn resolve(&self, path: Option<&Path>, default: &str) -> PathBuf {
        self.root.join(path.unwrap_or(Path::new(default)))
    }
}

/// Makes a folder that only its owner can enter (0700), with all folders above it; says whether it was missing.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the folder.
pub fn private_folder(folder: &Path) -> Result<bool> {
    let missing = !folder.is_dir();
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| Error::io("make the folder", folder, e))?;
    Ok(missing)
}
