//! Chatwork tasks: somebody has to tick an alert off. <https://developer.chatwork.com/reference/post-rooms-room_id-tasks>

use super::chatwork::{Room, api_base, escape};
use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::Result;
use crate::notify::config::{BaseUrl, Id, Span};
use crate::notify::message::{Message, Unit};
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a task.
const LIMIT: usize = 20_000;

crate::notify::config::sink_config! {
    /// `[notify.chatwork_task]`: a task beside the message, for critical alerts.
    pub struct Config ("chatwork_task", min_level = Critical) {
        /// The room's number.
        pub room_id: Id,
        /// The accounts that get the task.
        pub to_ids: Vec<Id>,
        /// When the task is due, from the alert on.
        #[serde(default = "due")]
        pub due: Span,
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
    secret "the API token": "token" (token_file, token_env, token_command)
}

fn due() -> Span {
    Span(Duration::from_secs(86_400))
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        if self.to_ids.is_empty() {
            return Err("to_ids names nobody".into());
        }
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<ChatWorkTask> {
    let source = config.secret().required().map_err(super::misconfigured)?;
    Ok(ChatWorkTask {
        room: Room::new(setting, source, &config.api_base, &config.room_id),
        to: config.to_ids.iter().map(|id| id.0.as_str()).collect::<Vec<_>>().join(","),
        due: config.due,
    })
}

/// The sink.
pub(crate) struct ChatWorkTask {
    room: Room,
    to: String,
    due: Span,
}

fn body(message: &Message) -> String {
    message.text(Unit::Bytes, LIMIT, &escape)
}

impl Sink for ChatWorkTask {
    fn label(&self) -> &'static str {
        "ChatWork task"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.room.token.get().map(drop)
    }

    fn reach(&self) -> Attempt {
        self.room.reach()
    }

    fn send(&self, message: &Message) -> Attempt {
        let body = body(message);
        let due = message.first.time_ns.saturating_add(self.due.nanos()) / 1_000_000_000;
        let due = due.to_string();
        let fields = [("body", body.as_str()), ("to_ids", &self.to), ("limit", &due), ("limit_type", "time")];
        self.room.call(Method::POST, "/tasks", Some(&fields), |answer| {
            let ids = answer.get("task_ids")?.as_array()?;
            let id = ids.first()?.to_string();
            Some(Outcome::Sent { id: Some(id), answer: serde_json::json!({"task_ids": ids}).to_string() })
        })
    }

    /// The room's latest 100 open tasks.
    fn find(&self, message: &Message) -> Option<Search> {
        Some(self.room.find("/tasks?status=open", "task_id", &body(message)))
    }

    fn limits(&self) -> Vec<Limit> {
        self.room.limits()
    }
}
