//! What all subcommands share: the options that stand before or after any of them, the home, the configuration.

use anyhow::{Context as _, Result};
use shmon_core::config::{Config, Home};
use shmon_core::{Classifier, Lang, names};
use std::path::PathBuf;

/// The user's home folder: `$HOME`, or the account's.
pub(crate) fn user_home() -> Option<PathBuf> {
    let named = |home: &PathBuf| !home.as_os_str().is_empty();
    let account = || names::account(rustix::process::getuid().as_raw()).map(|account| account.home);
    std::env::var_os("HOME").map(PathBuf::from).filter(named).or_else(account).filter(named)
}

/// Options of every subcommand.
#[derive(clap::Args, Debug, PartialEq, Eq)]
pub(crate) struct Globals {
    /// Folder of database, log, configuration and rules [default: ~/monitor]
    #[arg(long, global = true, env = "SHMON_HOME", value_name = "DIR", help_heading = "Global options")]
    pub(crate) home: Option<PathBuf>,
    /// Language of titles, levels and notifications: en or ja [default: the configuration's]
    #[arg(long, global = true, env = "SHMON_LANG", value_name = "LANG", help_heading = "Global options")]
    pub(crate) lang: Option<Lang>,
}

impl Globals {
    /// What the environment says, without clap; `None` where clap has something to say about it.
    pub(crate) fn plain() -> Option<Globals> {
        let home = match std::env::var_os("SHMON_HOME") {
            Some(home) if home.is_empty() => return None,
            home => home.map(PathBuf::from),
        };
        let lang = match std::env::var_os("SHMON_LANG") {
            Some(lang) => Some(lang.to_str()?.parse().ok()?),
            None => None,
        };
        Some(Globals { home, lang })
    }

    /// The home: `--home`, `$SHMON_HOME`, or `~/monitor`.
    pub(crate) fn home(&self) -> Result<Home> {
        match &self.home {
            Some(dir) => Ok(Home::new(std::path::absolute(dir)?)),
            None => {
                let home = user_home().context("no home folder: set HOME or SHMON_HOME")?;
                Ok(Home::new(home.join("monitor")))
            }
        }
    }

    /// The home of the whole host's record: `--home`, `$SHMON_HOME`, or `/var/lib/shmon`.
    pub(crate) fn system_home(&self) -> Home {
        Home::new(self.home.clone().unwrap_or_else(|| "/var/lib/shmon".into()))
    }

    /// The configuration in the home; the defaults where there is none.
    pub(crate) fn config(&self) -> Result<Config> {
        Ok(Config::load(&self.home()?.config())?)
    }

    /// The language: `--lang`, or the configuration's.
    pub(crate) fn lang(&self, config: &Config) -> Lang {
        self.lang.unwrap_or(config.lang)
    }

    /// The classifier with the user's rules, levels and exclusions, for what isn't recorded.
    pub(crate) fn classifier(&self, config: &Config) -> Result<Classifier> {
        Ok(config.classifier_at_once(&self.home()?)?)
    }
}

impl Globals {
    /// What is known about the caller: user, root, SSH and the day.
    pub(crate) fn caller(&self) -> Caller {
        let now = shmon_core::time::now_local();
        Caller {
            user: std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok(),
            root: rustix::process::geteuid().is_root(),
            ssh: std::env::var_os("SSH_CONNECTION").is_some_and(|v| !v.is_empty()),
            today: shmon_core::classifier::Day::new(
                now.year().try_into().unwrap_or(0),
                now.month().unsigned_abs(),
                now.day().unsigned_abs(),
            ),
        }
    }
}

/// Facts about the caller that rules may ask about.
pub(crate) struct Caller {
    user: Option<String>,
    root: bool,
    ssh: bool,
    today: Option<shmon_core::classifier::Day>,
}

impl Caller {
    /// The facts, borrowed.
    pub(crate) fn of(&self) -> shmon_core::Context<'_> {
        let mut context = shmon_core::Context::default();
        context.user = self.user.as_deref();
        context.root = Some(self.root);
        context.ssh = Some(self.ssh);
        context.today = self.today;
        context
    }
}
