//! Where everything lives: `~/monitor`, or what the caller says.

use super::Config;
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
