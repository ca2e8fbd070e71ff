//! PagerDuty: Events API v2. <https://developer.pagerduty.com/docs/send-alert-event>

use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::notify::config::BaseUrl;
use crate::notify::http::{Client, Request};
use crate::notify::message::{Message, short};
use crate::notify::secret::Vault;
use crate::store::outbox::Kind;
use crate::{Level, Result};
use serde_json::json;
use std::time::Duration;

/// Characters of a summary.
const SUMMARY: usize = 1024;

crate::notify::config::sink_config! {
    /// `[notify.pagerduty]`
    pub struct Config ("pagerduty", checkpoint = true) {
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
    secret "the integration's routing key": "routing_key" (routing_key_file, routing_key_env, routing_key_command)
}

fn api_base() -> BaseUrl {
    BaseUrl("https://events.pagerduty.com".into())
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<PagerDuty> {
    let source = config.secret().required().map_err(super::misconfigured)?;
    Ok(PagerDuty { client: Client::new(setting), key: setting.vault(source), base: config.api_base.clone() })
}

/// The sink.
pub(crate) struct PagerDuty {
    client: Client,
    key: Vault,
    base: BaseUrl,
}

impl Sink for PagerDuty {
    fn label(&self) -> &'static str {
        "PagerDuty"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.key.get().map(drop)
    }

    fn reach(&self) -> Attempt {
        self.client.reach(self.base.as_str())
    }

    fn send(&self, message: &Message) -> Attempt {
        let key = match self.key.get() {
            Ok(key) => key,
            Err(reason) => return Attempt::misconfigured(reason),
        };
        let severity = match (message.first.kind, message.level()) {
            (Kind::Digest | Kind::Test, _) | (_, Level::Low) => "info",
            (_, Level::Critical) => "critical",
            (_, Level::High) => "error",
            (_, Level::Medium) => "warning",
        };
        let first = &message.first;
        let body = json!({
            "routing_key": key.expose(),
            "event_action": "trigger",
            "dedup_key": message.uid(),
            "client": message.name,
            "payload": {
                "summary": message.summary().chars().take(SUMMARY).collect::<String>(),
                "source": if first.host.is_empty() { "shmon".to_owned() } else { short(&first.host, 255) },
                "severity": severity,
                "component": "shell",
                "group": short(&first.user, 255),
                "class": first.rules.first().map_or("command", String::as_str),
                "custom_details": message.json(),
            },
        });
        let request = Request::post(format!("{}/v2/enqueue", self.base.as_str())).secret(&key).json(&body);
        let mut attempt = self.client.send(request).attempt(|answer| {
            let id = answer.json()?.get("dedup_key")?.as_str()?.to_owned();
            Some(Outcome::Sent { answer: json!({"dedup_key": id}).to_string(), id: Some(id) })
        });
        // The key is in the body, so a wrong one is answered as a wrong body.
        if let Outcome::Refused(reason) = &attempt.outcome
            && reason.contains("routing_key")
        {
            attempt.outcome = Outcome::Misconfigured(reason.clone());
            self.key.forget();
        }
        attempt
    }

    /// `dedup_key`: the same event twice stays one alert.
    fn recognises_repeats(&self) -> bool {
        true
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            scope: format!("pagerduty {}", self.key.scope()),
            count: 120,
            span: Duration::from_secs(60),
            posts_only: true,
        }]
    }
}
