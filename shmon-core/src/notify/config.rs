//! `[notify]`: what holds for every sink, and the keys that all sinks share.

use super::template::Template;
use crate::{Error, ErrorKind, Lang, Level, Result};
use serde::de::{self, Deserialize, Deserializer};
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

/// Declares a sink's table: its own keys, then the common ones.
///
/// `#[serde(flatten)]` would do the same, but it can't be combined with `deny_unknown_fields`, and a misspelt key must be named.
macro_rules! sink_config {
    ($(#[$outer:meta])* pub struct Config ($kind:literal) { $($own:tt)* }) => {
        crate::notify::config::sink_config! {
            $(#[$outer])*
            pub struct Config ($kind, "crate::notify::config::high") { $($own)* }
        }
    };
    ($(#[$outer:meta])* pub struct Config ($kind:literal, $level:literal) { $( $(#[$inner:meta])* pub $field:ident : $type:ty, )* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Config {
            $( $(#[$inner])* pub $field: $type, )*
            /// The name in the outbox and in `shmon notify --sink`; needed where a kind is configured twice.
            #[serde(default)]
            pub name: Option<String>,
            /// `false` switches the sink off.
            #[serde(default = "crate::notify::config::yes")]
            pub enabled: bool,
            /// The lowest level that it is told.
            #[serde(default = $level)]
            pub min_level: crate::Level,
            /// The language of its messages.
            #[serde(default)]
            pub lang: Option<crate::Lang>,
            /// The text of an alert.
            #[serde(default)]
            pub template: Option<crate::notify::template::Template>,
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

        impl Config {
            pub(crate) fn common(&self) -> crate::notify::config::Common<'_> {
                crate::notify::config::Common {
                    name: self.name.as_deref().unwrap_or($kind),
                    enabled: self.enabled,
                    min_level: self.min_level,
                    lang: self.lang,
                    template: self.template.as_ref(),
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
            pub quiet_hours: Option<QuietHours>,
            /// The time of a daily digest, such as `09:00`.
            pub digest: Option<DailyAt>,
            /// How equal alerts are folded.
            pub fold: FoldConfig,
            /// How long one request may take.
            pub timeout: Span,
            /// Age at which a notification that can't be delivered is dead-lettered.
            pub give_up_after: Span,
            /// How long delivered notifications are kept for `shmon notify status`.
            pub keep: Span,
            /// The proxy for all sinks, in place of `HTTPS_PROXY` and `ALL_PROXY`; `off` uses none.
            pub proxy: Option<String>,
            $( $(#[$doc])* pub $kind: Many<super::sink::$kind::Config>, )*
        }

        impl Default for NotifyConfig {
            fn default() -> Self {
                NotifyConfig {
                    quiet_hours: None,
                    digest: None,
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
    /// [`ErrorKind::Config`] naming the table and the key.
    pub fn check(&self) -> Result<()> {
        let mut names = std::collections::BTreeSet::new();
        for sink in self.sinks() {
            let (kind, name) = (sink.kind(), sink.common().name);
            sink.check().map_err(|e| Error::new(ErrorKind::Config, format!("[notify.{kind}]: {e}")))?;
            if name.is_empty() || !names.insert(name.to_owned()) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "[notify.{kind}]: the name '{name}' can't be used (twice): give each sink its own 'name'"
                    ),
                ));
            }
        }
        Ok(())
    }
}

pub(crate) const fn yes() -> bool {
    true
}

pub(crate) const fn critical() -> Level {
    Level::Critical
}

pub(crate) const fn high() -> Level {
    Level::High
}

/// One table (`[notify.slack]`) or several (`[[notify.slack]]`).
#[derive(Debug, Clone)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Many(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a table, or an array of tables")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> std::result::Result<Many<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                Ok(Many(all))
            }
        }
        d.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

/// Which alerts: each list that isn't empty is asked, `*` stands for any characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// Rule ids, such as `destruction.*`.
    pub rules: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Login names.
    pub users: Vec<String>,
    /// Host names.
    pub hosts: Vec<String>,
}

/// What a filter is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) rules: &'a [&'a str],
    pub(crate) categories: &'a [&'a str],
    pub(crate) user: &'a str,
    pub(crate) host: &'a str,
}

impl Filter {
    fn lists<'a>(&'a self, s: &Subject<'a>) -> [(&'a [String], Vec<&'a str>); 4] {
        [
            (&self.rules, s.rules.to_vec()),
            (&self.categories, s.categories.to_vec()),
            (&self.users, vec![s.user]),
            (&self.hosts, vec![s.host]),
        ]
    }

    /// Whether every list that isn't empty has a pattern that fits.
    pub(crate) fn takes(&self, subject: &Subject<'_>) -> bool {
        self.lists(subject).iter().all(|(patterns, values)| patterns.is_empty() || any(patterns, values))
    }

    /// Whether any list has a pattern that fits.
    pub(crate) fn hits(&self, subject: &Subject<'_>) -> bool {
        self.lists(subject).iter().any(|(patterns, values)| any(patterns, values))
    }
}

fn any(patterns: &[String], values: &[&str]) -> bool {
    patterns.iter().any(|p| values.iter().any(|v| glob(p, v)))
}

/// `*` stands for any characters; linear in pattern and text but for the last star tried.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pattern.rsplit('*').next().filter(|_| pattern.contains('*')) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
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

/// A length of time, as `90s`, `5m`, `2h`, `3d`, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// In nanoseconds.
    pub(crate) fn nanos(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let factor = match text[digits..].trim() {
            "s" | "" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => 0,
        };
        match text[..digits].parse::<u64>() {
            Ok(n) if factor > 0 && n <= 36_500 * 86_400 / factor => Ok(Span(Duration::from_secs(n * factor))),
            _ => Err(format!("'{text}' is no length of time: write 90s, 5m, 2h or 3d")),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "a length of time: write 90s, 5m, 2h or 3d")]
        enum Form {
            Seconds(u32),
            Text(String),
        }
        match Form::deserialize(d)? {
            Form::Seconds(n) => Ok(Span(Duration::from_secs(n.into()))),
            Form::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

/// A time of day in minutes after midnight, local time.
fn minutes(text: &str) -> Option<u16> {
    let (h, m) = text.trim().split_once(':')?;
    let (h, m) = (h.parse::<u16>().ok()?, m.parse::<u16>().ok()?);
    (h < 24 && m < 60).then_some(h * 60 + m)
}

/// Hours of the day, local time: `22:00-07:00`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// First minute after midnight, and first minute that isn't quiet any more; equal where there are no quiet hours.
    pub(crate) from: u16,
    pub(crate) until: u16,
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "off" {
            return Ok(QuietHours { from: 0, until: 0 });
        }
        text.split_once('-')
            .and_then(|(from, until)| Some(QuietHours { from: minutes(from)?, until: minutes(until)? }))
            .ok_or_else(|| de::Error::custom(format!("'{text}' are no hours: write 22:00-07:00, or off")))
    }
}

/// A time of day, local time: `09:00`, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyAt(pub(crate) Option<u16>);

impl<'de> Deserialize<'de> for DailyAt {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        if text == "off" {
            return Ok(DailyAt(None));
        }
        minutes(&text)
            .map(|at| DailyAt(Some(at)))
            .ok_or_else(|| de::Error::custom(format!("'{text}' is no time of day: write 09:00, or off")))
    }
}

/// An address that tokens may be sent to: https, or http to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(pub(crate) String);

impl BaseUrl {
    /// Checks scheme and host; a slash at the end is taken off.
    pub(crate) fn parse(text: &str) -> std::result::Result<BaseUrl, String> {
        let uri: ureq::http::Uri =
            text.parse().map_err(|_| "not an address: write https://host/path".to_owned())?;
        let host = uri.host().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
        match uri.scheme_str() {
            Some("https") if !host.is_empty() => {}
            Some("http") if here => {}
            _ => return Err("the address has to begin with https:// (http:// is for loopback only)".into()),
        }
        Ok(BaseUrl(text.trim_end_matches('/').to_owned()))
    }

    /// The address without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        BaseUrl::parse(&text).map_err(de::Error::custom)
    }
}

/// A number that services write as text of digits: a room, a chat, an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub(crate) String);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged, expecting = "a number")]
        enum Form {
            Number(i64),
            Text(String),
        }
        let text = match Form::deserialize(d)? {
            Form::Number(n) => n.to_string(),
            Form::Text(text) => text,
        };
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(de::Error::custom(format!("'{text}' is no number")));
        }
        Ok(Id(text))
    }
}
