//! ntfy: a topic. <https://docs.ntfy.sh/publish/>

use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::notify::config::BaseUrl;
use crate::notify::http::{Client, Request, percent_encode};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::{CommandLine, Source, Vault};
use crate::{Level, Result};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a message; what is longer becomes an attachment.
const LIMIT: usize = 4096;

crate::notify::config::sink_config! {
    /// `[notify.ntfy]`
    pub struct Config ("ntfy") {
        /// The topic.
        pub topic: String,
        /// A file with mode 600 that holds an access token; a public topic needs none.
        #[serde(default)]
        pub token_file: Option<PathBuf>,
        /// The environment variable that holds the token.
        #[serde(default)]
        pub token_env: Option<String>,
        /// The command that prints the token.
        #[serde(default)]
        pub token_command: Option<CommandLine>,
        /// Where the server is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
}

fn api_base() -> BaseUrl {
    BaseUrl("https://ntfy.sh".into())
}

impl Config {
    fn source(&self) -> std::result::Result<Option<Source>, String> {
        Source::optional("token", (&self.token_file, &self.token_env, &self.token_command))
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.topic.is_empty() || self.topic.len() > 64 || !self.topic.chars().all(good) {
            return Err("topic: 1 to 64 letters, digits, '-' and '_'".into());
        }
        self.source().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Ntfy> {
    let source = config.source().map_err(super::misconfigured)?;
    Ok(Ntfy {
        client: Client::new(setting),
        token: source.map(|s| Vault::new(s, &setting.home, setting.env.clone())),
        base: config.api_base.clone(),
        topic: config.topic.clone(),
    })
}

/// The sink.
pub(crate) struct Ntfy {
    client: Client,
    token: Option<Vault>,
    base: BaseUrl,
    topic: String,
}

impl Ntfy {
    fn authorised(&self, request: Request) -> std::result::Result<Request, Attempt> {
        let Some(vault) = &self.token else { return Ok(request) };
        match vault.get() {
            Ok(token) => Ok(request.secret_header("authorization", "Bearer ", &token)),
            Err(reason) => Err(Attempt::misconfigured(reason)),
        }
    }

    fn forget(&self, attempt: &Attempt) {
        if let (Outcome::Misconfigured(_), Some(vault)) = (&attempt.outcome, &self.token) {
            vault.forget();
        }
    }
}

fn text(message: &Message) -> String {
    message.text(Unit::Bytes, LIMIT, &str::to_owned)
}

impl Sink for Ntfy {
    fn label(&self) -> &'static str {
        "ntfy"
    }

    fn send(&self, message: &Message) -> Attempt {
        let priority = match message.level() {
            Level::Critical => 5,
            Level::High => 4,
            Level::Medium => 3,
            Level::Low => 2,
        };
        // Not Markdown, no actions, no click: text alone.
        let body = json!({"topic": self.topic, "title": message.heading(), "message": text(message), "priority": priority});
        let request = match self.authorised(Request::post(format!("{}/", self.base.as_str())).json(&body)) {
            Ok(request) => request,
            Err(attempt) => return attempt,
        };
        let attempt = self.client.send(request).attempt(|answer| {
            let id = answer.json()?.get("id")?.as_str()?.to_owned();
            Some(Outcome::Sent { answer: json!({"id": id}).to_string(), id: Some(id) })
        });
        self.forget(&attempt);
        attempt
    }

    /// The server keeps messages for some hours.
    fn find(&self, message: &Message) -> Option<Search> {
        let mut url = format!("{}/", self.base.as_str());
        percent_encode(&self.topic, &mut url);
        url.push_str("/json?poll=1&since=12h");
        let request = match self.authorised(Request::new(Method::GET, url)) {
            Ok(request) => request,
            Err(attempt) => return Some(Search::Failed(attempt)),
        };
        let ours = text(message);
        let mut found = None;
        let attempt = self.client.send(request).attempt(|answer| {
            for line in answer.body.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                let one: serde_json::Value = serde_json::from_slice(line).ok()?;
                if one["message"].as_str().is_some_and(|m| m.trim_end() == ours.trim_end()) {
                    found = Some(one["id"].as_str().map(str::to_owned));
                }
            }
            Some(Outcome::Sent { id: None, answer: String::new() })
        });
        Some(match (&attempt.outcome, found) {
            (Outcome::Sent { .. }, Some(id)) => Search::Found(id),
            (Outcome::Sent { .. }, None) => Search::Absent,
            _ => Search::Failed(attempt),
        })
    }

    fn limits(&self) -> Vec<Limit> {
        // A burst of 60, then one in 5 s: 60 in 5 minutes is within it at any time.
        let scope = format!("ntfy {}", self.base.as_str());
        vec![Limit { scope, count: 60, span: Duration::from_secs(300), posts_only: false }]
    }

    fn most_joined(&self) -> usize {
        8
    }
}
