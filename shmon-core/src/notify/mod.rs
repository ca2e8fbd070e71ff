//! Notifications: which sinks are told of a record, and how it gets there.
//!
//! [`plan`] says what goes into the outbox; the store writes it in the same transaction as the row. A [`Worker`]
//! takes it from there to the sinks: within their limits, again after a failure, and never twice where the service
//! lets it find out.

#[macro_use]
mod config;
mod digest;
mod http;
mod message;
mod schedule;
mod secret;
pub mod sink;
mod template;
mod worker;

pub use config::{
    About, BaseUrl, DailyAt, Filter, FoldConfig, Id, Many, NotifyConfig, ProxyUrl, QuietHours, Span,
};
pub use secret::CommandLine;
pub use template::Template;
pub use worker::{Background, Delivery, Examination, Options, Trial, Worker};

use crate::config::Config;
use crate::record::Record;
use crate::store::outbox::{Kind, NewNotification, Payload};
use crate::time;
use config::Subject;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How the environment is read: the library itself reads none.
pub type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How a host's addresses are looked up, in a time: [`names::addresses`](crate::names::addresses).
pub type Resolve = fn(&str, u16, Duration) -> std::io::Result<Vec<SocketAddr>>;

/// Bytes of a command that a notification keeps; messages show less, and the row has all of it.
const COMMAND: usize = 16 * 1024;

/// The notifications of a record: one for each sink that is to be told; none for excluded commands.
///
/// The text in them is redacted.
pub fn plan(config: &Config, record: &Record) -> Vec<NewNotification> {
    let verdict = &record.verdict;
    if verdict.excluded {
        return Vec::new();
    }
    let sinks = config.notify.sinks();
    let mut told = Vec::new();
    for sink in &sinks {
        let common = sink.common();
        if !common.enabled || verdict.level < common.min_level {
            continue;
        }
        let rules: Vec<&str> = verdict.findings.iter().map(|f| f.rule.as_str()).collect();
        let categories: Vec<&str> = verdict.findings.iter().map(|f| f.category.as_str()).collect();
        let subject = Subject {
            rules: &rules,
            categories: &categories,
            user: &record.event.user,
            host: &record.event.host,
        };
        if common.only.takes(&subject) && !common.ignore.hits(&subject) {
            told.push(common.name);
        }
    }
    if told.is_empty() {
        return Vec::new();
    }
    let payload = payload(record);
    told.into_iter()
        .map(|sink| NewNotification { sink: sink.to_owned(), level: verdict.level, payload: payload.clone() })
        .collect()
}

fn payload(record: &Record) -> Payload {
    let (event, verdict) = (&record.event, &record.verdict);
    let command = match &verdict.redacted {
        Some(text) => std::borrow::Cow::Borrowed(text.as_str()),
        None => String::from_utf8_lossy(&event.command),
    };
    let mut end = command.len().min(COMMAND);
    while !command.is_char_boundary(end) {
        end -= 1;
    }
    let leading = verdict.findings.first();
    let mut rules: Vec<String> = Vec::new();
    let mut attack: Vec<String> = Vec::new();
    for finding in &verdict.findings {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule.clone());
        }
        for technique in &finding.attack {
            if !attack.contains(technique) {
                attack.push(technique.clone());
            }
        }
    }
    Payload {
        kind: Kind::Alert,
        uid: event.key.clone(),
        level: verdict.level,
        time: time::local(event.started_at),
        time_ns: event.started_at,
        user: event.user.clone(),
        host: event.host.clone(),
        directory: event.working_directory.clone(),
        command: command[..end].to_owned(),
        redacted: verdict.redacted.is_some(),
        title_en: leading.map(|f| f.title.en.clone()).unwrap_or_default(),
        title_ja: leading.and_then(|f| f.title.ja.clone()).unwrap_or_default(),
        rules,
        category: leading.map(|f| f.category.clone()).unwrap_or_default(),
        attack,
        session_id: event.session_id.clone(),
        ssh_client: event.ssh_client.clone(),
        ..Payload::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Event;
    use crate::{Finding, Level, Text, Verdict};

    fn record(level: Level, excluded: bool) -> Record {
        let finding = Finding {
            rule: "network.nmap".into(),
            level,
            category: "network".into(),
            title: Text { en: "Port scan".into(), ja: None },
            reason: Text::default(),
            attack: vec!["T1046".into()],
            argv: Vec::new(),
            via: Vec::new(),
            span: crate::shell::Span::default(),
            count: 1,
        };
        let verdict = Verdict {
            level,
            excluded,
            redacted: Some("nmap -p […]".into()),
            findings: vec![finding],
            ..Verdict::default()
        };
        let event = Event { command: b"nmap -p secret".to_vec(), user: "alice".into(), ..Event::default() };
        Record::new(event, verdict)
    }

    fn told(keys: &str, record: &Record) -> bool {
        let text = format!("[notify.chatwork]\nroom_id = '1'\ntoken_env = 'T'\n{keys}");
        let planned = plan(&Config::parse(&text).unwrap(), record);
        assert!(planned.iter().all(|n| n.sink == "chatwork" && n.payload.command == "nmap -p […]"));
        !planned.is_empty()
    }

    #[test]
    fn who_is_told() {
        let high = record(Level::High, false);
        for (keys, expected) in [
            ("", true),
            ("min_level = 'critical'", false),
            ("enabled = false", false),
            ("only = { rules = ['network.*'] }", true),
            ("only = { rules = ['*.nmap'], users = ['bob'] }", false),
            ("only = { categories = ['net*k'] }", true),
            ("ignore = { users = ['ali*'] }", false),
            ("ignore = { users = ['bob'], hosts = ['x'] }", true),
        ] {
            assert_eq!(told(keys, &high), expected, "{keys}");
        }
        assert!(!told("", &record(Level::Medium, false)));
        assert!(!told("min_level = 'low'", &record(Level::Low, true)), "excluded");
        assert!(told("min_level = 'low'", &record(Level::Low, false)));
    }

    #[test]
    fn mistakes_in_the_configuration_are_named() {
        for (text, part) in [
            ("[notify.chatwork]\ntoken_env = 'T'", "room_id"),
            ("\n[notify.chatwork]\nroom_id = '1'", "line 2: [notify.chatwork]: set token_file"),
            (
                "[[notify.slack]]\nname = 'a'\nurl_env = 'A'\n[[notify.slack]]\nname = 'b'",
                "line 4: [notify.slack]: set url_file",
            ),
            ("[notify.redmine]\nurl = 'https://u:p@r'\nissue = 1\ntoken_env = 'T'", "holds a password"),
            ("[notify.chatwork]\nroom_id = '1'", "token_file"),
            ("[notify.chatwork]\nroom_id = '1'\ntoken_env = 'T'\ntoken_file = 't'", "only one of"),
            ("[notify.chatwork]\nroom_id = '1/../2'\ntoken_env = 'T'", "no number"),
            (
                "[notify.chatwork]\nroom_id = 1\ntoken_env = 'T'\napi_base = 'http://api.example.com'",
                "https://",
            ),
            ("[notify.chatwork]\nroom_id = 1\ntoken_env = 'T'\nmin_levle = 'low'", "min_level"),
            ("[notify.chatwork]\nroom_id = 1\ntoken_env = 'T'\ntemplate = '{nope}'", "{nope}"),
            ("[notify.chatwrok]\nroom_id = 1", "chatwork"),
            ("[[notify.slack]]\nurl_env = 'A'\n[[notify.slack]]\nurl_env = 'B'", "own 'name'"),
            ("[notify]\nquiet_hours = '25:00-1'", "22:00-07:00"),
            ("[notify]\ntimeout = 'soon'", "90s"),
            ("[notify.redmine]\nurl = 'https://r'\ntoken_env = 'T'", "project"),
            ("[notify.email]\nserver = 'mx'\nfrom = 'a@b'\nto = ['c@d']\nencryption = 'none'", "localhost"),
            ("[notify.syslog]\naddress = 'udp://x'", "tcp://host:601"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
