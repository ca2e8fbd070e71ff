//! ntfy: a topic. <https://docs.ntfy.sh/publish/>

use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::notify::config::BaseUrl;
use crate::notify::http::{Answer, Client, Request, percent_encode};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::Vault;
use crate::{Level, Result};
use serde_json::json;
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a message; what is longer becomes an attachment.
const LIMIT: usize = 4096;

crate::notify::config::sink_config! {
    /// `[notify.ntfy]`
    pub struct Config ("ntfy") {
        /// The topic.
        pub topic: String,
        /// Where the server is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
    secret "an access token": "token" (token_file, token_env, token_command)
}

fn api_base() -> BaseUrl {
    BaseUrl("https://ntfy.sh".into())
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.topic.is_empty() || self.topic.len() > 64 || !self.topic.chars().all(good) {
            return Err("topic: 1 to 64 letters, digits, '-' and '_'".into());
        }
        self.secret().optional().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Ntfy> {
    let source = config.secret().optional().map_err(super::misconfigured)?;
    Ok(Ntfy {
        client: Client::new(setting),
        token: source.map(|s| setting.vault(s)),
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
    /// With the token, where there is one.
    fn call(&self, request: Request, success: impl FnOnce(&Answer) -> Option<Outcome>) -> Attempt {
        match &self.token {
            None => self.client.send(request).attempt(success),
            Some(vault) => vault.using(|token| {
                let request = request.secret_header("authorization", "Bearer ", token);
                self.client.send(request).attempt(success)
            }),
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

    fn ready(&self) -> std::result::Result<(), String> {
        self.token.as_ref().map_or(Ok(()), |vault| vault.get().map(drop))
    }

    fn reach(&self) -> Attempt {
        self.call(Request::new(Method::GET, format!("{}/v1/health", self.base.as_str())), |_| {
            Some(Outcome::asked())
        })
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
        self.call(Request::post(format!("{}/", self.base.as_str())).json(&body), |answer| {
            let id = answer.json()?.get("id")?.as_str()?.to_owned();
            Some(Outcome::Sent { answer: json!({"id": id}).to_string(), id: Some(id) })
        })
    }

    /// The server keeps messages for some hours.
    fn find(&self, message: &Message) -> Option<Search> {
        let mut url = format!("{}/", self.base.as_str());
        percent_encode(&self.topic, &mut url);
        url.push_str("/json?poll=1&since=12h");
        let ours = text(message);
        let mut found = None;
        let attempt = self.call(Request::new(Method::GET, url), |answer| {
            for line in answer.body.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                let one: serde_json::Value = serde_json::from_slice(line).ok()?;
                if one["message"].as_str().is_some_and(|m| m.trim_end() == ours.trim_end()) {
                    found = Some(one["id"].as_str().map(str::to_owned));
                }
            }
            Some(Outcome::asked())
        });
        Some(Search::of(attempt, found))
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
