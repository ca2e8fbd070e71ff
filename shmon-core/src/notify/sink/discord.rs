//! Discord: a webhook. <https://discord.com/developers/docs/resources/webhook#execute-webhook>

use super::hook::Hook;
use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::http::Request;
use crate::notify::message::{Message, Unit};
use serde_json::json;
use std::time::Duration;
use ureq::http::Method;

/// The service takes 2,000 characters; it isn't said of which kind, so the longest measure is kept.
const LIMIT: usize = 2000;

crate::notify::config::sink_config! {
    /// `[notify.discord]`
    pub struct Config ("discord") {}
    secret "the webhook's address, which works like a password": "url" (url_file, url_env, url_command)
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Discord> {
    Ok(Discord(Hook::new(config.secret().required().map_err(super::misconfigured)?, setting)))
}

/// The sink.
pub(crate) struct Discord(Hook);

/// Markdown is shown as it was typed: a backslash before every character that could begin some.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '-' | '[' | ']' | '(' | ')' | ':' | '@'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

impl Sink for Discord {
    fn label(&self) -> &'static str {
        "Discord"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.0.ready()
    }

    fn reach(&self) -> Attempt {
        self.0.send(|url| Request::new(Method::GET, url), |_| Some(Outcome::asked()))
    }

    fn send(&self, message: &Message) -> Attempt {
        let content = message.text(Unit::Utf16, LIMIT, &escape);
        // No mention works, whatever the text says; 4 suppresses embeds of links.
        let body = json!({"content": content, "allowed_mentions": {"parse": []}, "flags": 4});
        self.0.send(
            |url| {
                let separator = if url.contains('?') { '&' } else { '?' };
                Request::post(format!("{url}{separator}wait=true")).json(&body)
            },
            |answer| {
                let id = answer.json()?.get("id")?.as_str()?.to_owned();
                Some(Outcome::Sent { answer: json!({"id": id}).to_string(), id: Some(id) })
            },
        )
    }

    fn limits(&self) -> Vec<Limit> {
        // 5 in 2 s by the headers of the service; and 30 in a minute for each channel.
        let mut limits = self.0.limit("discord", 5, Duration::from_secs(2));
        limits.extend(self.0.limit("discord", 30, Duration::from_secs(60)));
        limits
    }

    fn most_joined(&self) -> usize {
        4
    }
}
