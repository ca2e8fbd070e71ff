//! Discord: a webhook. <https://discord.com/developers/docs/resources/webhook#execute-webhook>

use super::hook::{Hook, hook_config};
use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::http::Request;
use crate::notify::message::{Message, Unit};
use serde_json::json;
use std::time::Duration;

/// The service takes 2,000 characters; it isn't said of which kind, so the longest measure is kept.
const LIMIT: usize = 2000;

hook_config! {
    /// `[notify.discord]`
    pub struct Config ("discord") {}
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Discord> {
    Ok(Discord(Hook::new(config.source().map_err(super::misconfigured)?, setting)))
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
