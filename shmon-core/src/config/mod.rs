//! `config.toml`: every key has a default, an unknown key is an error that names what is allowed.

mod home;
mod rules;
mod size;

pub use home::{Home, private_folder};
pub use rules::RuleFiles;
pub use size::Bytes;

use crate::{Error, ErrorKind, Lang, Level, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// The name in notifications: `⚠️ HIGH RISK - {name}`.
    pub name: String,
    /// The language of titles and notifications.
    pub lang: Lang,
    /// The database.
    pub store: StoreConfig,
    /// Checkpoints.
    pub evidence: EvidenceConfig,
    /// The log file.
    pub log: LogConfig,
    /// Hooks and the recorder.
    pub capture: CaptureConfig,
    /// The recorder of a whole host.
    pub system: SystemConfig,
    /// Noise.
    pub exclude: ExcludeConfig,
    /// Secrets.
    pub redact: RedactConfig,
    /// Changes to the built-in rules.
    pub rules: RulesConfig,
    /// Sinks.
    #[cfg(feature = "notify")]
    pub notify: crate::notify::NotifyConfig,
    /// Sinks, unread in a build without `notify`.
    #[cfg(not(feature = "notify"))]
    pub notify: toml::Table,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "SSH Monitor".into(),
            lang: Lang::En,
            store: StoreConfig::default(),
            evidence: EvidenceConfig::default(),
            log: LogConfig::default(),
            capture: CaptureConfig::default(),
            system: SystemConfig::default(),
            exclude: ExcludeConfig::default(),
            redact: RedactConfig::default(),
            rules: RulesConfig::default(),
            notify: Default::default(),
        }
    }
}

/// `[store]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StoreConfig {
    /// The database; `db/monitor.db` in the home where it isn't set. Relative paths start at the home.
    pub path: Option<PathBuf>,
    /// What an acknowledged record survives.
    pub durability: Durability,
    /// The size at which the oldest rows are removed, with tombstones; no limit where it isn't set.
    pub max_size: Option<Bytes>,
    /// Rows of this level and above are never removed for the size; all may be where it isn't set.
    pub keep: Option<Level>,
}

/// `[evidence]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EvidenceConfig {
    /// Where checkpoints are kept beside the record: `journald`, `syslog`, `file:PATH`.
    pub anchor: Vec<crate::store::Anchor>,
    /// How many seconds lie between two checkpoints that are kept there at least.
    pub anchor_interval: u64,
}

impl Default for EvidenceConfig {
    fn default() -> Self {
        EvidenceConfig { anchor: Vec::new(), anchor_interval: 600 }
    }
}

/// What an acknowledged record survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The death of any process.
    #[default]
    Normal,
    /// Power loss too.
    Full,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// The log file; `logs/command_monitor.log` in the home where it isn't set.
    pub path: Option<PathBuf>,
    /// Size in bytes at which the file is rotated; 0 never rotates.
    pub max_bytes: u64,
    /// How many rotated files are kept.
    pub keep: u32,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { path: None, max_bytes: 10 * 1024 * 1024, keep: 5 }
    }
}

/// `[capture]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CaptureConfig {
    /// A shell waits until its command is committed before it runs (loadable builtin only).
    pub ack: bool,
    /// The longest such wait, in milliseconds, before the shell goes on and waits no more until an answer came.
    pub ack_wait_ms: u16,
    /// Look for shells on terminals that no hook speaks for.
    pub watch_terminals: bool,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        CaptureConfig { ack: false, ack_wait_ms: 100, watch_terminals: true }
    }
}

/// `[system]`: what one user may have recorded, so that he can't fill the disk. What is beyond is counted and told;
/// commands rated high or critical have a tenth of it on top.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SystemConfig {
    /// Commands a second in the long run.
    pub commands_per_second: u32,
    /// Commands at once.
    pub burst_commands: u32,
    /// Bytes of commands a second in the long run.
    pub bytes_per_second: u32,
    /// Bytes of commands at once.
    pub burst_bytes: u32,
}

impl Default for SystemConfig {
    fn default() -> Self {
        SystemConfig {
            commands_per_second: 20,
            burst_commands: 10_000,
            bytes_per_second: 32 << 10,
            burst_bytes: 16 << 20,
        }
    }
}

/// What happens to excluded commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExcludeMode {
    /// Stored, but neither logged nor notified.
    #[default]
    Store,
    /// Not stored either.
    Drop,
}

/// `[exclude]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ExcludeConfig {
    /// What happens to excluded commands.
    pub mode: ExcludeMode,
    /// Replaces the built-in list of excluded programs.
    pub commands: Option<Vec<String>>,
}

/// `[redact]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedactConfig {
    /// Replace secrets in the database too.
    pub store: bool,
}

/// `[rules]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RulesConfig {
    /// Rule ids that are switched off.
    pub disable: Vec<String>,
    /// Rule id = level.
    pub levels: BTreeMap<String, Level>,
}

impl Config {
    /// Reads `path`; a file that isn't there gives the defaults.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with file, line and key when the text isn't TOML, or a key or value isn't allowed;
    /// [`ErrorKind::Io`] when the file can't be read.
    pub fn load(path: &Path) -> Result<Config> {
        match std::fs::read_to_string(path) {
            Ok(text) => Config::parse(&text).map_err(|e| e.at(path)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Config::default()),
            Err(e) => Err(Error::io("read the configuration", path, e)),
        }
    }

    /// Reads the configuration from TOML text.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] with line, column and what is allowed.
    pub fn parse(text: &str) -> Result<Config> {
        let config: Config =
            toml::from_str(text).map_err(|e| Error::new(ErrorKind::Config, describe(text, &e)))?;
        #[cfg(feature = "notify")]
        config.notify.check(text)?;
        Ok(config)
    }
}

/// `line 3: unknown field …, expected one of …`
fn describe(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().trim();
    match error.span() {
        Some(span) => {
            let before = &text[..span.start.min(text.len())];
            let line = before.matches('\n').count() + 1;
            let source = text.lines().nth(line - 1).unwrap_or("").trim();
            format!("line {line}: {message} (in `{source}`)")
        }
        None => message.to_owned(),
    }
}
