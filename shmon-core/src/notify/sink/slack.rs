//! Slack: an incoming webhook. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use super::hook::Hook;
use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::http::Request;
use crate::notify::message::{Message, Unit};
use serde_json::json;
use std::time::Duration;

/// Characters of a message; the service cuts at 40,000.
const LIMIT: usize = 12_000;

crate::notify::config::sink_config! {
    /// `[notify.slack]`
    pub struct Config ("slack") {}
    secret "the webhook's address, which works like a password": "url" (url_file, url_env, url_command)
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Slack> {
    Ok(Slack(Hook::new(config.secret().required().map_err(super::misconfigured)?, setting)))
}

/// The sink.
pub(crate) struct Slack(Hook);

/// These three are all of Slack's control characters: without them `<!channel>` is text.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Sink for Slack {
    fn label(&self) -> &'static str {
        "Slack"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.0.ready()
    }

    fn reach(&self) -> Attempt {
        self.0.reach()
    }

    fn send(&self, message: &Message) -> Attempt {
        let text = message.text(Unit::Chars, LIMIT, &escape);
        // `mrkdwn` off: asterisks and backquotes of a command stay what they are; links aren't unfurled.
        let body = json!({"text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false});
        self.0.send(
            |url| Request::post(url).json(&body),
            |answer| {
                (answer.body.trim_ascii() == b"ok").then(|| Outcome::Sent { id: None, answer: "ok".into() })
            },
        )
    }

    fn limits(&self) -> Vec<Limit> {
        self.0.limit("slack", 1, Duration::from_secs(1))
    }

    fn most_joined(&self) -> usize {
        10
    }
}
