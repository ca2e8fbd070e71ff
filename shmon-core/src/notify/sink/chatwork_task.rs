//! Chatwork tasks: somebody has to tick an alert off. <https://developer.chatwork.com/reference/post-rooms-room_id-tasks>

use super::chatwork::{Room, api_base, escape};
use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::Result;
use crate::notify::config::{BaseUrl, Id, Span};
use crate::notify::http::Client;
use crate::notify::message::{Message, Unit};
use crate::notify::secret::{CommandLine, Source, Vault};
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a task.
const LIMIT: usize = 20_000;

crate::notify::config::sink_config! {
    /// `[notify.chatwork_task]`: a task beside the message, for critical alerts.
    pub struct Config ("chatwork_task", "crate::notify::config::critical") {
        /// The room's number.
        pub room_id: Id,
        /// The accounts that get the task.
        pub to_ids: Vec<Id>,
        /// When the task is due, from the alert on.
        #[serde(default = "due")]
        pub due: Span,
        /// A file with mode 600 that holds the API token.
        #[serde(default)]
        pub token_file: Option<PathBuf>,
        /// The environment variable that holds the API token.
        #[serde(default)]
        pub token_env: Option<String>,
        /// The command that prints the API token.
        #[serde(default)]
        pub token_command: Option<CommandLine>,
        /// Where the API is.
        #[serde(default = "api_base")]
        pub api_base: BaseUrl,
    }
}

fn due() -> Span {
    Span(Duration::from_secs(86_400))
}

impl Config {
    fn source(&self) -> std::result::Result<Source, String> {
        Source::required("token", (&self.token_file, &self.token_env, &self.token_command))
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        if self.to_ids.is_empty() {
            return Err("to_ids names nobody".into());
        }
        self.source().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<ChatWorkTask> {
    let source = config.source().map_err(super::misconfigured)?;
    Ok(ChatWorkTask {
        room: Room {
            client: Client::new(setting),
            token: Vault::new(source, &setting.home, setting.env.clone()),
            base: config.api_base.clone(),
            id: config.room_id.clone(),
        },
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

    fn send(&self, message: &Message) -> Attempt {
        let body = body(message);
        let due = message.first.time_ns.saturating_add(self.due.nanos()) / 1_000_000_000;
        let due = due.to_string();
        let fields = [("body", body.as_str()), ("to_ids", &self.to), ("limit", &due), ("limit_type", "time")];
        self.room.call(Method::POST, "tasks", Some(&fields), |answer| {
            let ids = answer.get("task_ids")?.as_array()?;
            let id = ids.first()?.to_string();
            Some(Outcome::Sent { id: Some(id), answer: serde_json::json!({"task_ids": ids}).to_string() })
        })
    }

    /// The room's latest 100 open tasks.
    fn find(&self, message: &Message) -> Option<Search> {
        Some(self.room.find("tasks?status=open", "task_id", &body(message)))
    }

    fn limits(&self) -> Vec<Limit> {
        self.room.limits()
    }
}
