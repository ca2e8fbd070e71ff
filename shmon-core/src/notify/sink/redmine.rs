//! Redmine: a new issue for each message, or a note on one issue. <https://www.redmine.org/projects/redmine/wiki/Rest_Issues>

use super::{Attempt, Limit, Outcome, Search, Setting, Sink};
use crate::Result;
use crate::notify::config::BaseUrl;
use crate::notify::http::{Client, Request, percent_encode};
use crate::notify::message::{Message, Unit};
use crate::notify::secret::Vault;
use serde_json::json;
use std::time::Duration;
use ureq::http::Method;

/// Bytes of a description or note.
const LIMIT: usize = 30_000;
/// Characters of a subject.
const SUBJECT: usize = 255;

crate::notify::config::sink_config! {
    /// `[notify.redmine]`
    pub struct Config ("redmine", checkpoint = true) {
        /// Where Redmine is.
        pub url: BaseUrl,
        /// The project that gets a new issue for each message.
        #[serde(default)]
        pub project: Option<String>,
        /// The issue that gets a note for each message.
        #[serde(default)]
        pub issue: Option<u64>,
        /// The tracker of new issues, by its number.
        #[serde(default)]
        pub tracker_id: Option<u64>,
        /// The priority of new issues, by its number.
        #[serde(default)]
        pub priority_id: Option<u64>,
    }
    secret "the API key": "token" (token_file, token_env, token_command)
}

impl Config {
    fn target(&self) -> std::result::Result<Target, String> {
        match (&self.project, self.issue) {
            (Some(project), None) => Ok(Target::Project(project.clone())),
            (None, Some(issue)) => Ok(Target::Issue(issue)),
            _ => Err("set either project (new issues) or issue (notes on it)".into()),
        }
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.target()?;
        self.secret().required().map(drop)
    }
}

enum Target {
    Project(String),
    Issue(u64),
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Redmine> {
    Ok(Redmine {
        client: Client::new(setting),
        token: setting.vault(config.secret().required().map_err(super::misconfigured)?),
        target: config.target().map_err(super::misconfigured)?,
        config: config.clone(),
    })
}

/// The sink.
pub(crate) struct Redmine {
    client: Client,
    token: Vault,
    target: Target,
    config: Config,
}

/// Inside `<pre>` neither Textile nor Markdown, macros, links nor mentions are read; so only its end has to be kept out,
/// and the braces of macros, which some versions read everywhere.
fn escape(text: &str) -> String {
    text.replace('<', "\u{ff1c}").replace("{{", "\u{ff5b}\u{ff5b}")
}

fn text(message: &Message) -> String {
    let text = message.text(Unit::Bytes, LIMIT, &escape);
    format!("<pre>\n{text}\n{}\n</pre>", message.uid())
}

impl Redmine {
    fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&serde_json::Value>,
        success: impl FnOnce(u16, Option<serde_json::Value>) -> Option<Outcome>,
    ) -> Attempt {
        self.token.using(|token| {
            let url = format!("{}/{path}", self.config.url.as_str());
            let mut request = Request::new(method, url).secret_header("x-redmine-api-key", "", token);
            if let Some(body) = body {
                request = request.json(body);
            }
            self.client.send(request).attempt(|answer| success(answer.status, answer.json()))
        })
    }
}

impl Sink for Redmine {
    fn label(&self) -> &'static str {
        "Redmine"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.token.get().map(drop)
    }

    fn reach(&self) -> Attempt {
        let path = match &self.target {
            Target::Issue(id) => format!("issues/{id}.json"),
            Target::Project(project) => {
                let mut path = "projects/".to_owned();
                percent_encode(project, &mut path);
                path + ".json"
            }
        };
        self.call(Method::GET, &path, None, |_, _| Some(Outcome::asked()))
    }

    fn send(&self, message: &Message) -> Attempt {
        match &self.target {
            Target::Project(project) => {
                let subject = message.subject(SUBJECT);
                let mut issue =
                    json!({"project_id": project, "subject": subject, "description": text(message)});
                if let Some(id) = self.config.tracker_id {
                    issue["tracker_id"] = id.into();
                }
                if let Some(id) = self.config.priority_id {
                    issue["priority_id"] = id.into();
                }
                let body = json!({"issue": issue});
                self.call(Method::POST, "issues.json", Some(&body), |_, answer| {
                    let id = answer?.get("issue")?.get("id")?.to_string();
                    Some(Outcome::Sent { answer: json!({"issue": id}).to_string(), id: Some(id) })
                })
            }
            Target::Issue(id) => {
                let body = json!({"issue": {"notes": text(message)}});
                self.call(Method::PUT, &format!("issues/{id}.json"), Some(&body), |status, _| {
                    // 204 since Redmine 4, 200 with an empty body before.
                    let sent = Outcome::Sent {
                        id: Some(id.to_string()),
                        answer: json!({"issue": id, "status": status}).to_string(),
                    };
                    matches!(status, 200 | 204).then_some(sent)
                })
            }
        }
    }

    fn find(&self, message: &Message) -> Option<Search> {
        let uid = message.uid();
        let holds = |text: &serde_json::Value| text.as_str().is_some_and(|t| t.contains(&uid));
        let mut found = None;
        let attempt = match &self.target {
            Target::Project(project) => {
                let mut path =
                    "issues.json?status_id=*&sort=created_on:desc&limit=100&project_id=".to_owned();
                percent_encode(project, &mut path);
                self.call(Method::GET, &path, None, |_, answer| {
                    for issue in answer?.get("issues")?.as_array()? {
                        if holds(&issue["description"]) {
                            found = Some(issue["id"].to_string());
                        }
                    }
                    Some(Outcome::asked())
                })
            }
            Target::Issue(id) => {
                let path = format!("issues/{id}.json?include=journals");
                self.call(Method::GET, &path, None, |_, answer| {
                    for journal in answer?.get("issue")?.get("journals")?.as_array()? {
                        if holds(&journal["notes"]) {
                            found = Some(id.to_string());
                        }
                    }
                    Some(Outcome::asked())
                })
            }
        };
        Some(Search::of(attempt, found.map(Some)))
    }

    fn limits(&self) -> Vec<Limit> {
        // Redmine has no limit of its own; its users have one.
        let scope = format!("redmine {}", self.config.url.as_str());
        vec![Limit { scope, count: 60, span: Duration::from_secs(60), posts_only: true }]
    }

    fn most_joined(&self) -> usize {
        20
    }
}
