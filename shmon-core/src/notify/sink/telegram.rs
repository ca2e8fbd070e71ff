//! Telegram: a bot's message. <https://core.telegram.org/bots/api#sendmessage>

use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::config::{BaseUrl, Id};
use crate::notify::http::{Answer, Client, Reply, Request};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::Vault;
use serde_json::json;
use std::time::Duration;

/// UTF-16 units of a message, the unit of the service's entities.
const LIMIT: usize = 4096;

crate::notify::config::sink_config! {
    /// `[notify.telegram]`
    pub struct Config ("telegram") {
        /// The chat's number; a group's is negative.
        pub chat_id: Id,
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
    secret "the bot's token": "token" (token_file, token_env, token_command)
}

fn api_base() -> BaseUrl {
    BaseUrl("https://api.telegram.org".into())
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Telegram> {
    let source = config.secret().required().map_err(super::misconfigured)?;
    Ok(Telegram {
        client: Client::new(setting),
        token: setting.vault(source),
        base: config.api_base.clone(),
        chat: config.chat_id.0.clone(),
    })
}

/// The sink.
pub(crate) struct Telegram {
    client: Client,
    token: Vault,
    base: BaseUrl,
    chat: String,
}

impl Telegram {
    fn call(
        &self,
        method: &str,
        body: &serde_json::Value,
        success: impl FnOnce(&Answer) -> Option<Outcome>,
    ) -> Attempt {
        self.token.using(|token| {
            let url = format!("{}/bot{}/{method}", self.base.as_str(), token.expose());
            let reply = self.client.send(Request::post(url).secret(token).json(body));
            let wait = match &reply {
                Reply::Answer(answer) => answer
                    .json()
                    .and_then(|a| a["parameters"]["retry_after"].as_u64())
                    .map(Duration::from_secs),
                _ => None,
            };
            let mut attempt = reply.attempt(success);
            attempt.after = attempt.after.or(wait);
            attempt
        })
    }
}

impl Sink for Telegram {
    fn label(&self) -> &'static str {
        "Telegram"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.token.get().map(drop)
    }

    fn reach(&self) -> Attempt {
        self.call("getChat", &json!({"chat_id": self.chat}), |_| Some(Outcome::asked()))
    }

    fn send(&self, message: &Message) -> Attempt {
        let text = message.text(Unit::Utf16, LIMIT, &str::to_owned);
        let heading = text.lines().next().unwrap_or("").encode_utf16().count();
        let all = text.encode_utf16().count();
        // No parse_mode, so nothing is markup; and inside `pre` no @name, link or /command is recognised.
        let mut entities = vec![json!({"type": "bold", "offset": 0, "length": heading})];
        if all > heading + 1 {
            entities.push(json!({"type": "pre", "offset": heading + 1, "length": all - heading - 1}));
        }
        let body = json!({
            "chat_id": self.chat, "text": text, "entities": entities, "link_preview_options": {"is_disabled": true},
        });
        self.call("sendMessage", &body, |answer| {
            let id = answer.json()?.get("result")?.get("message_id")?.to_string();
            Some(Outcome::Sent { answer: json!({"message_id": id}).to_string(), id: Some(id) })
        })
    }

    fn limits(&self) -> Vec<Limit> {
        // 1 a second in a chat, 20 a minute in a group.
        let scope = format!("telegram {} {}", self.token.scope(), self.chat);
        let limit = |count, seconds| Limit {
            scope: scope.clone(),
            count,
            span: Duration::from_secs(seconds),
            posts_only: true,
        };
        vec![limit(1, 1), limit(20, 60)]
    }

    fn most_joined(&self) -> usize {
        8
    }
}
