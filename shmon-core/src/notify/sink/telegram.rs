//! Telegram: a bot's message. <https://core.telegram.org/bots/api#sendmessage>

use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::config::{BaseUrl, Id};
use crate::notify::http::{Client, Request};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::{CommandLine, Source, Vault};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// UTF-16 units of a message, the unit of the service's entities.
const LIMIT: usize = 4096;

crate::notify::config::sink_config! {
    /// `[notify.telegram]`
    pub struct Config ("telegram") {
        /// The chat's number; a group's is negative.
        pub chat_id: Id,
        /// A file with mode 600 that holds the bot's token.
        #[serde(default)]
        pub token_file: Option<PathBuf>,
        /// The environment variable that holds the token.
        #[serde(default)]
        pub token_env: Option<String>,
        /// The command that prints the token.
        #[serde(default)]
        pub token_command: Option<CommandLine>,
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
}

fn api_base() -> BaseUrl {
    BaseUrl("https://api.telegram.org".into())
}

impl Config {
    fn source(&self) -> std::result::Result<Source, String> {
        Source::required("token", (&self.token_file, &self.token_env, &self.token_command))
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.source().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Telegram> {
    let source = config.source().map_err(super::misconfigured)?;
    Ok(Telegram {
        client: Client::new(setting),
        token: Vault::new(source, &setting.home, setting.env.clone()),
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

impl Sink for Telegram {
    fn label(&self) -> &'static str {
        "Telegram"
    }

    fn send(&self, message: &Message) -> Attempt {
        let token = match self.token.get() {
            Ok(token) => token,
            Err(reason) => return Attempt::misconfigured(reason),
        };
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
        let url = format!("{}/bot{}/sendMessage", self.base.as_str(), token.expose());
        let reply = self.client.send(Request::post(url).secret(&token).json(&body));
        let wait = match &reply {
            crate::notify::http::Reply::Answer(answer) => {
                answer.json().and_then(|a| a["parameters"]["retry_after"].as_u64()).map(Duration::from_secs)
            }
            _ => None,
        };
        let mut attempt = reply.attempt(|answer| {
            let id = answer.json()?.get("result")?.get("message_id")?.to_string();
            Some(Outcome::Sent { answer: json!({"message_id": id}).to_string(), id: Some(id) })
        });
        attempt.after = attempt.after.or(wait);
        if matches!(attempt.outcome, Outcome::Misconfigured(_)) {
            self.token.forget();
        }
        attempt
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
