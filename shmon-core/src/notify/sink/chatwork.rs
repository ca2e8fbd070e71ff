//! Chatwork: a message in a room. <https://developer.chatwork.com/docs/endpoints>

use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::Result;
use crate::notify::config::{BaseUrl, Id};
use crate::notify::http::{Client, Request};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::{Source, Vault};
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a message; the service takes 65,535 (of what is not documented), and nobody reads that much.
const LIMIT: usize = 20_000;

crate::notify::config::sink_config! {
    /// `[notify.chatwork]`
    pub struct Config ("chatwork") {
        /// The room's number.
        pub room_id: Id,
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
        /// Mark the message unread for the token's own account too.
        #[serde(default)]
        pub self_unread: bool,
    }
    secret "the API token": "token" (token_file, token_env, token_command)
}

pub(super) fn api_base() -> BaseUrl {
    BaseUrl("https://api.chatwork.com/v2".into())
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<ChatWork> {
    let source = config.secret().required().map_err(super::misconfigured)?;
    Ok(ChatWork {
        room: Room::new(setting, source, &config.api_base, &config.room_id),
        self_unread: config.self_unread,
    })
}

/// The sink.
pub(crate) struct ChatWork {
    room: Room,
    self_unread: bool,
}

/// A room and the account that posts in it; tasks share it.
pub(super) struct Room {
    pub(super) client: Client,
    pub(super) token: Vault,
    pub(super) base: BaseUrl,
    pub(super) id: Id,
}

impl Room {
    pub(super) fn new(setting: &Setting, source: Source, base: &BaseUrl, id: &Id) -> Room {
        Room {
            client: Client::new(setting),
            token: setting.vault(source),
            base: base.clone(),
            id: id.clone(),
        }
    }

    /// Asks the API for `path` below the room.
    pub(super) fn call(
        &self,
        method: Method,
        path: &str,
        fields: Option<&[(&str, &str)]>,
        success: impl FnOnce(&serde_json::Value) -> Option<Outcome>,
    ) -> Attempt {
        self.token.using(|token| {
            let url = format!("{}/rooms/{}{path}", self.base.as_str(), self.id.0);
            let mut request = Request::new(method, url).secret_header("x-chatworktoken", "", token);
            if let Some(fields) = fields {
                request = request.form(fields);
            }
            let reply = self.client.send(request);
            let used_up = super::used_up(&reply);
            // Room 204: a room without messages answers without a body.
            let mut attempt = reply.attempt(|answer| match answer.status {
                204 => success(&serde_json::Value::Array(Vec::new())),
                _ => success(&answer.json()?),
            });
            attempt.after = attempt.after.or(used_up);
            attempt
        })
    }

    /// Looks for `body` in the list at `path`; `id` is the key of what is found.
    pub(super) fn find(&self, path: &str, id: &str, body: &str) -> Search {
        let ours = normal(body);
        let mut found = None;
        let attempt = self.call(Method::GET, path, None, |answer| {
            for one in answer.as_array()? {
                if normal(one.get("body").and_then(|b| b.as_str()).unwrap_or("")) == ours {
                    let id = one.get(id);
                    found = Some(id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)));
                }
            }
            Some(Outcome::asked())
        });
        Search::of(attempt, found)
    }

    /// Whether the account may see the room.
    pub(super) fn reach(&self) -> Attempt {
        self.call(Method::GET, "", None, |_| Some(Outcome::asked()))
    }

    pub(super) fn limits(&self) -> Vec<Limit> {
        let account = format!("chatwork {} {}", self.base.as_str(), self.token.scope());
        let room = format!("{account} room {}", self.id.0);
        vec![
            Limit { scope: account, count: 300, span: Duration::from_secs(300), posts_only: false },
            Limit { scope: room, count: 10, span: Duration::from_secs(10), posts_only: true },
        ]
    }
}

/// Tags need half-width brackets, and no escape exists: full-width ones look alike and do nothing.
pub(super) fn escape(text: &str) -> String {
    text.replace('[', "\u{ff3b}").replace(']', "\u{ff3d}")
}

fn body(message: &Message) -> String {
    message.text(Unit::Bytes, LIMIT, &escape)
}

impl Sink for ChatWork {
    fn label(&self) -> &'static str {
        "ChatWork"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.room.token.get().map(drop)
    }

    fn reach(&self) -> Attempt {
        self.room.reach()
    }

    fn send(&self, message: &Message) -> Attempt {
        let body = body(message);
        let unread = if self.self_unread { "1" } else { "0" };
        let fields = [("body", body.as_str()), ("self_unread", unread)];
        self.room.call(Method::POST, "/messages", Some(&fields), |answer| {
            let id = answer.get("message_id")?;
            let id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            let answer = serde_json::json!({"message_id": id}).to_string();
            Some(Outcome::Sent { id: Some(id), answer })
        })
    }

    /// The service knows no idempotency key, but lists the latest 100 messages: ours names time, server and row.
    fn find(&self, message: &Message) -> Option<Search> {
        Some(self.room.find("/messages?force=1", "message_id", &body(message)))
    }

    fn limits(&self) -> Vec<Limit> {
        self.room.limits()
    }

    fn most_joined(&self) -> usize {
        20
    }
}

/// What is compared: line ends and the spaces around them may change on the way.
fn normal(text: &str) -> Vec<&str> {
    text.trim().lines().map(str::trim_end).collect()
}
