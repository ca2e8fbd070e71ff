//! Microsoft Teams: a Workflows webhook, which takes Adaptive Cards.
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>

use super::hook::Hook;
use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::notify::http::Request;
use crate::notify::message::{Message, Unit};
use crate::{Level, Result};
use serde_json::json;
use std::time::Duration;

/// Bytes of the text; the service takes cards of 28 KB.
const LIMIT: usize = 16_000;

crate::notify::config::sink_config! {
    /// `[notify.teams]`
    pub struct Config ("teams") {}
    secret "the webhook's address, which works like a password": "url" (url_file, url_env, url_command)
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Teams> {
    Ok(Teams(Hook::new(config.secret().required().map_err(super::misconfigured)?, setting)))
}

/// The sink.
pub(crate) struct Teams(Hook);

impl Sink for Teams {
    fn label(&self) -> &'static str {
        "Teams"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.0.ready()
    }

    fn reach(&self) -> Attempt {
        self.0.reach()
    }

    fn send(&self, message: &Message) -> Attempt {
        let text = message.text(Unit::Bytes, LIMIT, &str::to_owned);
        let colour = match message.level() {
            Level::Critical => "attention",
            Level::High => "warning",
            Level::Medium | Level::Low => "default",
        };
        // A text run is never read as Markdown, as a text block is; and a mention needs an entity, which isn't here.
        let blocks: Vec<_> = text
            .lines()
            .enumerate()
            .map(|(n, line)| {
                let run = if n == 0 {
                    json!({"type": "TextRun", "text": line, "weight": "bolder", "size": "medium", "color": colour})
                } else {
                    json!({"type": "TextRun", "text": line})
                };
                json!({"type": "RichTextBlock", "inlines": [run], "spacing": "small"})
            })
            .collect();
        let body = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.4",
                    "msteams": {"width": "Full"},
                    "body": blocks,
                },
            }],
        });
        // 202 with no body, and 200 with '1' from older ones.
        self.0.send(
            |url| Request::post(url).json(&body),
            |answer| Some(Outcome::Sent { id: None, answer: format!("HTTP {}", answer.status) }),
        )
    }

    fn limits(&self) -> Vec<Limit> {
        self.0.limit("teams", 4, Duration::from_secs(1))
    }

    fn most_joined(&self) -> usize {
        10
    }
}
