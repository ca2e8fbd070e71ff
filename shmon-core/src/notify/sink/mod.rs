//! Sinks: one file each, and what they have in common.

pub mod chatwork;
pub mod chatwork_task;
pub mod command;
pub mod discord;
pub mod email;
mod hook;
pub mod journald;
pub mod ntfy;
pub mod pagerduty;
pub mod redmine;
pub mod slack;
pub mod syslog;
pub mod teams;
pub mod telegram;
pub mod webhook;

use super::config::{Common, ProxyUrl};
use super::message::Message;
use super::secret::{Source, Vault};
use super::{Env, Resolve};
use crate::Result;
use crate::config::Home;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// A sink's table in the configuration.
pub(crate) trait SinkConfig {
    /// The table's name: `chatwork`.
    fn kind(&self) -> &'static str;
    /// The keys that all sinks have.
    fn common(&self) -> Common<'_>;
    /// What the types can't check; the message names the key.
    fn check(&self) -> std::result::Result<(), String>;
    /// The sink, ready to send; nothing is read or connected yet.
    fn open(&self, setting: &Setting) -> Result<Box<dyn Sink>>;
}

/// What a sink is given when it is opened.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) home: Home,
    pub(crate) env: Env,
    pub(crate) resolve: Option<Resolve>,
    pub(crate) timeout: Duration,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) proxy: Option<ProxyUrl>,
}

impl Setting {
    pub(crate) fn vault(&self, source: Source) -> Vault {
        Vault::new(source, &self.home, self.env.clone())
    }

    /// The longest that looking up a host may take: shorter than the whole, so that what ran out says whether anything can have
    /// left.
    pub(crate) fn resolve_timeout(&self) -> Duration {
        (self.timeout / 4).min(Duration::from_secs(5))
    }

    /// The addresses of a host.
    pub(crate) fn addresses(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        match self.resolve {
            Some(resolve) => resolve(host, port, self.resolve_timeout()),
            None => (host, port).to_socket_addrs().map(Iterator::collect),
        }
    }
}

/// Where messages go.
pub(crate) trait Sink: Send + Sync {
    /// The service's name in the log: `ChatWork notification sent: …`.
    fn label(&self) -> &'static str;

    /// What keeps it from sending as far as that can be seen from here: a secret that can't be read, a program that isn't
    /// there. Nothing is sent.
    fn ready(&self) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Asks the service for something that tells nobody anything; [`Outcome::Sent`] is a yes.
    fn reach(&self) -> Attempt;

    /// Sends once, and waits for the answer no longer than the configured time.
    fn send(&self, message: &Message) -> Attempt;

    /// Looks for a message whose outcome is unknown; `None` where the service can't be asked.
    fn find(&self, message: &Message) -> Option<Search> {
        let _ = message;
        None
    }

    /// Whether the service recognises a message that it gets twice.
    fn recognises_repeats(&self) -> bool {
        false
    }

    /// The limits that are kept before the service complains.
    fn limits(&self) -> Vec<Limit> {
        Vec::new()
    }

    /// How many complete critical alerts one message may carry when many wait.
    fn most_joined(&self) -> usize {
        1
    }
}

/// At most `count` requests in any `span`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit {
    /// What is counted together, over all sinks: an account, a room.
    pub(crate) scope: String,
    pub(crate) count: u32,
    pub(crate) span: Duration,
    /// Only messages count, not look-ups.
    pub(crate) posts_only: bool,
}

/// What became of one attempt to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) outcome: Outcome,
    /// How long the service wants to be left alone.
    pub(crate) after: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Accepted; the service's id of the message, and its answer for the log.
    Sent { id: Option<String>, answer: String },
    /// Surely not delivered: try again.
    NotSent(String),
    /// It may have been delivered: look for it before sending again.
    Unknown(String),
    /// Too many requests.
    Limited(String),
    /// The service will never take this message.
    Refused(String),
    /// The service takes less text.
    TooLarge(String),
    /// Nothing can be delivered until somebody mends token, address or permission.
    Misconfigured(String),
}

impl Outcome {
    /// Why it isn't [`Outcome::Sent`].
    pub(crate) fn reason(self) -> String {
        match self {
            Outcome::Sent { .. } => String::new(),
            Outcome::NotSent(reason)
            | Outcome::Unknown(reason)
            | Outcome::Limited(reason)
            | Outcome::Refused(reason)
            | Outcome::TooLarge(reason)
            | Outcome::Misconfigured(reason) => reason,
        }
    }

    /// A question was answered; nothing was sent.
    pub(crate) fn asked() -> Outcome {
        Outcome::Sent { id: None, answer: String::new() }
    }
}

impl From<Outcome> for Attempt {
    fn from(outcome: Outcome) -> Self {
        Attempt { outcome, after: None }
    }
}

impl Attempt {
    pub(crate) fn misconfigured(reason: impl Into<String>) -> Attempt {
        Outcome::Misconfigured(reason.into()).into()
    }
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Search {
    /// It is there, under this id.
    Found(Option<String>),
    /// It isn't.
    Absent,
    /// The service couldn't be asked.
    Failed(Attempt),
}

impl Search {
    /// What the answer to a list gave: `found` is the id of what was found in it.
    pub(crate) fn of(attempt: Attempt, found: Option<Option<String>>) -> Search {
        match (&attempt.outcome, found) {
            (Outcome::Sent { .. }, Some(id)) => Search::Found(id),
            (Outcome::Sent { .. }, None) => Search::Absent,
            _ => Search::Failed(attempt),
        }
    }
}

/// An error of the configuration that is found when a sink is opened.
pub(crate) fn misconfigured(reason: String) -> crate::Error {
    crate::Error::new(crate::ErrorKind::Config, reason)
}

/// How long to wait when the answer says that no request is left (`X-RateLimit-Remaining`, `-Reset` in Unix seconds).
pub(crate) fn used_up(reply: &super::http::Reply) -> Option<Duration> {
    let super::http::Reply::Answer(answer) = reply else { return None };
    let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
    if number("x-ratelimit-remaining")? > 0 {
        return None;
    }
    let reset = number("x-ratelimit-reset")?;
    let wait = reset.saturating_sub(crate::time::now() / 1_000_000_000);
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0).clamp(1, 600)))
}
