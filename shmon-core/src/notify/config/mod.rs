//! `[notify]`: what holds for every sink, and the keys that all sinks share.

mod filter;
mod values;

pub use filter::Filter;
pub(crate) use filter::Subject;
pub use values::{BaseUrl, DailyAt, Id, Many, ProxyUrl, QuietHours, Span};

use super::template::Template;
use crate::{Error, ErrorKind, Lang, Level, Result};
use std::path::PathBuf;
use std::time::Duration;

/// The keys that every sink has beside its own, as `plan` and the worker read them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common<'a> {
    /// The sink's name in the outbox: the configured `name`, or the kind.
    pub name: &'a str,
    /// Whether it takes part at all.
    pub enabled: bool,
    /// The lowest level that it is told.
    pub min_level: Level,
    /// The language of its messages, where it isn't the configuration's.
    pub lang: Option<Lang>,
    /// The text of an alert, where it isn't the default.
    pub template: Option<&'a Template>,
    /// Whether messages carry a checkpoint.
    pub checkpoint: bool,
    /// Alerts that it is told; an empty list takes all.
    pub only: &'a Filter,
    /// Alerts that it isn't told.
    pub ignore: &'a Filter,
    /// Hours in which only critical alerts go out, where they aren't `[notify]`'s.
    pub quiet_hours: Option<&'a QuietHours>,
    /// The time of the daily digest, where it isn't `[notify]`'s.
    pub digest: Option<&'a DailyAt>,
    /// Certificates (PEM) that vouch for the server, in place of the system's.
    pub ca_file: Option<&'a PathBuf>,
    /// How long one request may take, where it isn't `[notify]`'s.
    pub timeout: Option<Duration>,
}

/// Declares a sink's table: its own keys, then the three places that its secret may come from, then the common ones.
///
/// `#[serde(flatten)]` would do the same, but it can't be combined with `deny_unknown_fields`, and a misspelt key must be named.
macro_rules! sink_config {
    (
        $(#[$outer:meta])*
        pub struct Config ($kind:literal $(, min_level = $level:ident)? $(, checkpoint = $checkpoint:literal)?) { $( $(#[$inner:meta])* pub $field:ident : $type:ty, )* }
        $(secret $what:literal: $key:literal ($file:ident, $env:ident, $command:ident))?
    ) => {
        $(#[$outer])*
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Config {
            $( $(#[$inner])* pub $field: $type, )*
            $(
                #[doc = concat!("A file with mode 600 that holds ", $what, ".")]
                #[serde(default)]
                pub $file: Option<std::path::PathBuf>,
                #[doc = concat!("The environment variable that holds ", $what, ".")]
                #[serde(default)]
                pub $env: Option<String>,
                #[doc = concat!("The command that prints ", $what, ".")]
                #[serde(default)]
                pub $command: Option<crate::notify::secret::CommandLine>,
            )?
            /// The name in the outbox and in `shmon notify --sink`; needed where a kind is configured twice.
            #[serde(default)]
            pub name: Option<String>,
            /// `false` switches the sink off.
            #[serde(default = "crate::notify::config::yes")]
            pub enabled: bool,
            /// The lowest level that it is told.
            #[serde(default = "min_level")]
            pub min_level: crate::Level,
            /// The language of its messages.
            #[serde(default)]
            pub lang: Option<crate::Lang>,
            /// The text of an alert.
            #[serde(default)]
            pub template: Option<crate::notify::template::Template>,
            /// Whether messages carry the newest checkpoint of the evidence.
            #[serde(default = "checkpoint")]
            pub checkpoint: bool,
            /// Only these alerts.
            #[serde(default)]
            pub only: crate::notify::config::Filter,
            /// Not these alerts.
            #[serde(default)]
            pub ignore: crate::notify::config::Filter,
            /// Hours in which only critical alerts go out.
            #[serde(default)]
            pub quiet_hours: Option<crate::notify::config::QuietHours>,
            /// The time of the daily digest.
            #[serde(default)]
            pub digest: Option<crate::notify::config::DailyAt>,
            /// Certificates (PEM) that vouch for the server, in place of the system's.
            #[serde(default)]
            pub ca_file: Option<std::path::PathBuf>,
            /// How long one request may take.
            #[serde(default)]
            pub timeout: Option<crate::notify::config::Span>,
        }

        const fn min_level() -> crate::Level {
            // The last one counts: high, where the sink names no other.
            let levels = [crate::Level::High $(, crate::Level::$level)?];
            levels[levels.len() - 1]
        }

        const fn checkpoint() -> bool {
            // Not where people read past it, unless the sink names another default.
            let carried = [false $(, $checkpoint)?];
            carried[carried.len() - 1]
        }

        impl Config {
            $(
                /// Where the secret comes from.
                fn secret(&self) -> crate::notify::secret::Keys<'_> {
                    crate::notify::secret::Keys {
                        key: $key,
                        file: self.$file.as_ref(),
                        env: self.$env.as_ref(),
                        command: self.$command.as_ref(),
                    }
                }
            )?

            pub(crate) fn common(&self) -> crate::notify::config::Common<'_> {
                crate::notify::config::Common {
                    name: self.name.as_deref().unwrap_or($kind),
                    enabled: self.enabled,
                    min_level: self.min_level,
                    lang: self.lang,
                    template: self.template.as_ref(),
                    checkpoint: self.checkpoint,
                    only: &self.only,
                    ignore: &self.ignore,
                    quiet_hours: self.quiet_hours.as_ref(),
                    digest: self.digest.as_ref(),
                    ca_file: self.ca_file.as_ref(),
                    timeout: self.timeout.map(|s| s.0),
                }
            }
        }
    };
}
pub(crate) use sink_config;

/// Every kind of sink: the name of its table and of its module.
macro_rules! sinks {
    ($( $(#[$doc:meta])* $kind:ident, )*) => {
        /// `[notify]`
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[non_exhaustive]
        pub struct NotifyConfig {
            /// Hours in which only critical alerts go out, such as `22:00-07:00`; the others follow, folded.
            pub quiet_hours: QuietHours,
            /// The time of a daily digest, such as `09:00`.
            pub digest: DailyAt,
            /// How equal alerts are folded.
            pub fold: FoldConfig,
            /// How long one request may take.
            pub timeout: Span,
            /// Age at which a notification that can't be delivered is dead-lettered.
            pub give_up_after: Span,
            /// How long delivered notifications are kept for `shmon notify status`.
            pub keep: Span,
            /// The proxy for all sinks, in place of `HTTPS_PROXY` and `ALL_PROXY`; `off` uses none.
            pub proxy: Option<ProxyUrl>,
            $( $(#[$doc])* pub $kind: Many<super::sink::$kind::Config>, )*
        }

        impl Default for NotifyConfig {
            fn default() -> Self {
                NotifyConfig {
                    quiet_hours: QuietHours::default(),
                    digest: DailyAt::default(),
                    fold: FoldConfig::default(),
                    timeout: Span(Duration::from_secs(15)),
                    give_up_after: Span(Duration::from_secs(3 * 86_400)),
                    keep: Span(Duration::from_secs(30 * 86_400)),
                    proxy: None,
                    $( $kind: Many::default(), )*
                }
            }
        }

        impl NotifyConfig {
            /// Every configured sink, also those that are switched off.
            pub(crate) fn sinks(&self) -> Vec<&dyn super::sink::SinkConfig> {
                let mut all: Vec<&dyn super::sink::SinkConfig> = Vec::new();
                $( all.extend(self.$kind.0.iter().map(|c| c as &dyn super::sink::SinkConfig)); )*
                all
            }
        }

        $(
            impl super::sink::SinkConfig for super::sink::$kind::Config {
                fn kind(&self) -> &'static str {
                    stringify!($kind)
                }
                fn common(&self) -> Common<'_> {
                    super::sink::$kind::Config::common(self)
                }
                fn check(&self) -> std::result::Result<(), String> {
                    super::sink::$kind::Config::check(self)
                }
                fn open(&self, setting: &super::sink::Setting) -> Result<Box<dyn super::sink::Sink>> {
                    Ok(Box::new(super::sink::$kind::open(self, setting)?))
                }
            }
        )*
    };
}

// A new sink is a file under `sink/` and a line here.
sinks! {
    /// Chatwork.
    chatwork,
    /// Chatwork tasks.
    chatwork_task,
    /// Slack.
    slack,
    /// Discord.
    discord,
    /// Microsoft Teams.
    teams,
    /// Telegram.
    telegram,
    /// ntfy.
    ntfy,
    /// PagerDuty.
    pagerduty,
    /// Redmine.
    redmine,
    /// Signed webhooks.
    webhook,
    /// Mail.
    email,
    /// syslog.
    syslog,
    /// The systemd journal.
    journald,
    /// A program of the user's.
    command,
}

/// A configured sink, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Its name in the outbox.
    pub name: String,
    /// What it is: `chatwork`, `slack`, …
    pub kind: &'static str,
    /// Whether it takes part.
    pub enabled: bool,
    /// The lowest level that it is told.
    pub min_level: Level,
}

impl NotifyConfig {
    /// Every configured sink, in the order of the kinds.
    pub fn describe(&self) -> Vec<About> {
        let about = |sink: &dyn super::sink::SinkConfig| {
            let common = sink.common();
            About {
                name: common.name.to_owned(),
                kind: sink.kind(),
                enabled: common.enabled,
                min_level: common.min_level,
            }
        };
        self.sinks().into_iter().map(about).collect()
    }

    /// Checks what the types can't: secrets from exactly one source, names used once.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] naming the table and the key, and the table's line in `text`, from which it was read.
    pub fn check(&self, text: &str) -> Result<()> {
        let mut names = std::collections::BTreeSet::new();
        let mut last = "";
        let mut nth = 0;
        for sink in self.sinks() {
            let (kind, name) = (sink.kind(), sink.common().name);
            nth = if kind == last { nth + 1 } else { 0 };
            last = kind;
            let problem = match sink.check() {
                Err(problem) => problem,
                Ok(()) if name.is_empty() || !names.insert(name.to_owned()) => {
                    format!("the name '{name}' can't be used (twice): give each sink its own 'name'")
                }
                Ok(()) => continue,
            };
            let line = header(text, kind, nth).map(|n| format!("line {n}: ")).unwrap_or_default();
            return Err(Error::new(ErrorKind::Config, format!("{line}[notify.{kind}]: {problem}")));
        }
        Ok(())
    }
}

/// The line of the `nth` table of a kind, counted from 1; `None` where it is written in another way (inline).
fn header(text: &str, kind: &str, nth: usize) -> Option<usize> {
    let is_header = |line: &str| {
        let name = line.trim().strip_prefix('[').map(|l| l.trim_start_matches('['));
        name.and_then(|l| l.split(']').next()).is_some_and(|l| l.trim() == format!("notify.{kind}"))
    };
    text.lines().enumerate().filter(|(_, line)| is_header(line)).nth(nth).map(|(n, _)| n + 1)
}

pub(crate) const fn yes() -> bool {
    true
}

/// `[notify.fold]`: of equal alerts (same user, same rule) below critical, the first go out at once and the rest of the
/// window as one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct FoldConfig {
    /// The window; `0s` folds nothing.
    pub window: Span,
    /// How many go out at once before the rest is folded.
    pub after: u32,
    /// How many different messages below critical may wait before all of them go out as one.
    pub overflow: u32,
}

impl Default for FoldConfig {
    fn default() -> Self {
        FoldConfig { window: Span(Duration::from_secs(300)), after: 1, overflow: 20 }
    }
}
