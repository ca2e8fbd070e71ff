//! What one sending says: an alert, several critical ones together, a flood, the digest or a test.

use super::template::{ALERT, FLOOD, Template};
use crate::store::outbox::{Kind, Payload};
use crate::{Lang, Level, text};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Characters of a command that a message shows; the whole command is in the database.
const COMMAND: usize = 2000;
/// Characters of a command that a service of JSON gets.
const JSON_COMMAND: usize = 16 * 1024;
/// Characters of any other value.
const VALUE: usize = 300;

/// One sending to one sink.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The name in the heading.
    pub(crate) name: String,
    pub(crate) lang: Lang,
    pub(crate) template: Option<Template>,
    /// The alert, or the first of many; a digest's lines are in it too.
    pub(crate) first: Payload,
    /// What the first one became part of.
    pub(crate) group: Group,
    /// By how much texts are shorter than the service's limit, after it said that one was too large.
    pub(crate) shrink: usize,
}

/// Stands before a checkpoint in a message's text.
const SEAL: &str = "🔏 Checkpoint:";

/// How many alerts one sending stands for.
#[derive(Debug, Clone)]
pub(crate) enum Group {
    /// One.
    Single,
    /// Complete alerts after the first.
    Joined(Vec<Payload>),
    /// Equal ones, folded.
    Flood { count: u64, last: Box<Payload> },
    /// Different ones, folded: how many of which rule by which user.
    Mixed { count: u64, last: Box<Payload>, parts: Vec<(u64, String, String)> },
}

/// How a service measures text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    Chars,
    Bytes,
    Utf16,
}

impl Unit {
    pub(crate) fn of(self, text: &str) -> usize {
        match self {
            Unit::Chars => text.chars().count(),
            Unit::Bytes => text.len(),
            Unit::Utf16 => text.encode_utf16().count(),
        }
    }
}

impl Message {
    /// The highest level in it.
    pub(crate) fn level(&self) -> Level {
        self.first.level
    }

    /// How many alerts it stands for.
    pub(crate) fn count(&self) -> u64 {
        match &self.group {
            Group::Single => 1,
            Group::Joined(rest) => 1 + rest.len() as u64,
            Group::Flood { count, .. } | Group::Mixed { count, .. } => *count,
        }
    }

    /// The same for each attempt and different for each message: what services recognise a repeat by.
    pub(crate) fn uid(&self) -> String {
        let first = &self.first;
        let mut hash = Sha256::new();
        for part in [&first.uid, &first.host, &first.time, &first.user, &first.session_id] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(first.id.to_le_bytes());
        hash.update(first.time_ns.to_le_bytes());
        hash.update(self.count().to_le_bytes());
        hash.update([first.kind as u8]);
        let mut uid = String::from("shmon-");
        for byte in &hash.finalize()[..16] {
            let _ = write!(uid, "{byte:02x}");
        }
        uid
    }

    /// `⚠️ HIGH RISK - SSH Monitor`
    pub(crate) fn heading(&self) -> String {
        let ja = self.lang == Lang::Ja;
        let mark = match (self.first.kind, self.level()) {
            (Kind::Digest, _) if ja => "📊 日次ダイジェスト",
            (Kind::Digest, _) => "📊 DAILY DIGEST",
            (Kind::Test, _) if ja => "🔔 テスト通知",
            (Kind::Test, _) => "🔔 TEST",
            (Kind::Alert, Level::Critical) => "🚨 CRITICAL ALERT",
            (Kind::Alert, Level::High) => "⚠️ HIGH RISK",
            (Kind::Alert, Level::Medium | Level::Low) => "🔍 STANDARD",
        };
        format!("{mark} - {}", self.name)
    }

    /// What the leading rule is called; what the level means where there was none.
    pub(crate) fn description(&self) -> &str {
        describe(&self.first, self.lang)
    }

    /// `HIGH: nmap -sV host (user@server)`, for subjects and summaries; untrusted text in it is one line.
    pub(crate) fn summary(&self) -> String {
        let first = &self.first;
        match (&self.group, first.kind) {
            (Group::Flood { .. } | Group::Mixed { .. }, _) => self.count_line(),
            (_, Kind::Digest | Kind::Test) => self.heading(),
            (Group::Joined(rest), _) => format!(
                "{}: {} (+{} more) ({}@{})",
                self.upper(),
                short(&first.command, VALUE),
                rest.len(),
                short(&first.user, 64),
                short(&first.host, 64)
            ),
            (Group::Single, _) => format!(
                "{}: {} ({}@{})",
                self.upper(),
                short(&first.command, VALUE),
                short(&first.user, 64),
                short(&first.host, 64)
            ),
        }
    }

    /// Heading and summary on one line of at most `limit` characters.
    pub(crate) fn subject(&self, limit: usize) -> String {
        format!("{} {}", self.heading(), self.summary()).chars().take(limit).collect()
    }

    pub(crate) fn upper(&self) -> String {
        self.level().as_str().to_uppercase()
    }

    /// `×37 network.nmap by alice in 5 min`
    pub(crate) fn count_line(&self) -> String {
        let ja = self.lang == Lang::Ja;
        let first = &self.first;
        let lasted = |last: &Payload| {
            let span = last.time_ns.saturating_sub(first.time_ns).max(0) / 1_000_000_000;
            let (seconds, minutes) = if ja { ("秒", "分") } else { ("s", "min") };
            if span < 120 {
                format!("{} {seconds}", span.max(1))
            } else {
                format!("{} {minutes}", (span + 59) / 60)
            }
        };
        match &self.group {
            Group::Single => String::new(),
            Group::Joined(rest) => format!("×{}", rest.len() + 1),
            Group::Flood { count, last } => {
                let what = first.rules.first().map_or("-", String::as_str);
                let (what, user, span) = (short(what, 100), short(&first.user, 64), lasted(last));
                if ja {
                    format!("×{count} {what}({user}、{span})")
                } else {
                    format!("×{count} {what} by {user} in {span}")
                }
            }
            Group::Mixed { count, last, .. } if ja => format!("×{count} 件の通知({})", lasted(last)),
            Group::Mixed { count, last, .. } => format!("×{count} alerts in {}", lasted(last)),
        }
    }

    /// The message as text that fits into `limit`; `escape` neutralises what came from somebody else.
    ///
    /// Values are shortened before they are escaped, so that no escape is cut in half, and long commands give way first.
    pub(crate) fn text(&self, unit: Unit, limit: usize, escape: &dyn Fn(&str) -> String) -> String {
        let limit = limit / self.shrink.max(1);
        // All of it or nothing: half a checkpoint proves nothing.
        let seal = self.seal(escape);
        let seal = if unit.of(&seal) * 2 <= limit { seal } else { String::new() };
        let limit = limit - unit.of(&seal);
        let mut command = COMMAND;
        loop {
            let text = self.render(command, escape);
            if unit.of(&text) <= limit {
                return text + &seal;
            }
            if command <= 40 {
                return cut(&text, unit, limit) + &seal;
            }
            command /= 2;
        }
    }

    /// The checkpoint as lines after the text; `shmon verify --checkpoint` reads it out of the whole message.
    fn seal(&self, escape: &dyn Fn(&str) -> String) -> String {
        let mut out = String::new();
        if let Some(checkpoint) = &self.first.checkpoint {
            let _ = write!(out, "\n\n{SEAL}");
            for line in checkpoint.lines().filter(|l| !l.is_empty()) {
                let _ = write!(out, "\n{}", escape(&short(line, VALUE)));
            }
        }
        out
    }

    fn render(&self, command: usize, escape: &dyn Fn(&str) -> String) -> String {
        let value = |text: &str, limit: usize| escape(&short(text, limit));
        match (&self.group, self.first.kind) {
            (_, Kind::Digest | Kind::Test) | (Group::Mixed { .. }, _) => {
                let mut out = escape(&self.heading());
                let _ = write!(out, "\n📅 {}", value(&self.first.time, VALUE));
                if let Group::Mixed { last, parts, .. } = &self.group {
                    let _ = write!(out, " – {}", value(&last.time, VALUE));
                    let _ = write!(out, "\n🔁 {}", escape(&self.count_line()));
                    let _ = write!(out, "\n🖥️ Server: {}", value(&self.first.host, VALUE));
                    for (count, rule, user) in parts {
                        let _ = write!(out, "\n• ×{count} {} — {}", value(rule, 100), value(user, 64));
                    }
                    let _ = write!(out, "\n🗃️ Database ID: {} – {}", self.first.id, last.id);
                } else {
                    let _ = write!(out, "\n🖥️ Server: {}", value(&self.first.host, VALUE));
                }
                for line in &self.first.lines {
                    let _ = write!(out, "\n{}", value(line, VALUE));
                }
                out
            }
            (Group::Single, _) => self.one(&self.first, &self.first, ALERT, command, escape),
            (Group::Flood { last, .. }, _) => self.one(&self.first, last, FLOOD, command, escape),
            (Group::Joined(rest), _) => {
                let mut out = self.one(&self.first, &self.first, ALERT, command, escape);
                for payload in rest {
                    out.push_str("\n\n");
                    out.push_str(&self.one(payload, payload, ALERT, command, escape));
                }
                out
            }
        }
    }

    fn one(
        &self,
        first: &Payload,
        last: &Payload,
        default: &str,
        command: usize,
        escape: &dyn Fn(&str) -> String,
    ) -> String {
        let ours = match &self.template {
            Some(template) if default == ALERT => Ok(template.clone()),
            _ => Template::parse(default),
        };
        let Ok(template) = ours else { return String::new() };
        template.render(|name| {
            let text = match name {
                "heading" => return escape(&self.heading()),
                "command" => return escape(&short(&first.command, command)),
                "last_command" => return escape(&short(&last.command, command)),
                "name" => self.name.clone(),
                "time" => first.time.clone(),
                "last_time" => last.time.clone(),
                "user" => first.user.clone(),
                "host" => first.host.clone(),
                "directory" => first.directory.clone(),
                "level" => first.level.label(self.lang).to_owned(),
                "LEVEL" => first.level.as_str().to_uppercase(),
                "description" => describe(first, self.lang).to_owned(),
                "id" => first.id.to_string(),
                "last_id" => last.id.to_string(),
                "rules" => first.rules.join(", "),
                "category" => first.category.clone(),
                "attack" => first.attack.join(", "),
                "session" => first.session_id.clone(),
                "ssh_client" => first.ssh_client.clone().unwrap_or_default(),
                "count" => self.count().to_string(),
                "count_line" => self.count_line(),
                _ => String::new(),
            };
            escape(&short(&text, VALUE))
        })
    }

    /// Everything that is known, for services that take JSON; text in it is as it was typed (but redacted).
    pub(crate) fn json(&self) -> serde_json::Value {
        let first = &self.first;
        let kind = match (&self.group, first.kind) {
            (Group::Flood { .. } | Group::Mixed { .. }, _) => "flood",
            (_, Kind::Alert) => "alert",
            (_, Kind::Digest) => "digest",
            (_, Kind::Test) => "test",
        };
        let mut object = json!({
            "kind": kind, "uid": self.uid(), "name": self.name, "level": first.level, "count": self.count(),
            "description": self.description(), "id": first.id, "time": first.time, "time_ns": first.time_ns,
            "user": first.user, "host": first.host, "directory": first.directory,
            "command": first.command.chars().take(JSON_COMMAND / self.shrink.max(1)).collect::<String>(),
            "redacted": first.redacted, "rules": first.rules, "category": first.category, "attack": first.attack,
            "session_id": first.session_id, "ssh_client": first.ssh_client,
        });
        if let Group::Flood { last, .. } | Group::Mixed { last, .. } = &self.group {
            object["last"] = json!({"id": last.id, "time": last.time, "time_ns": last.time_ns,
                                    "command": last.command, "user": last.user});
        }
        if let Group::Mixed { parts, .. } = &self.group {
            object["parts"] = parts
                .iter()
                .map(|(count, rule, user)| json!({"count": count, "rule": rule, "user": user}))
                .collect();
        }
        if let Some(checkpoint) = &first.checkpoint {
            object["checkpoint"] = json!(checkpoint);
        }
        if !first.lines.is_empty() {
            object["lines"] = json!(first.lines);
        }
        object
    }
}

fn describe(payload: &Payload, lang: Lang) -> &str {
    let title =
        if lang == Lang::Ja && !payload.title_ja.is_empty() { &payload.title_ja } else { &payload.title_en };
    match (title.is_empty(), lang) {
        (false, _) => title,
        (true, Lang::Ja) => "通常監視",
        (true, Lang::En) => "Routine command",
    }
}

/// One visible line of at most `limit` characters; what is missing is counted.
pub(crate) fn short(value: &str, limit: usize) -> String {
    let mut chars = value.chars();
    let kept: String = chars.by_ref().take(limit).collect();
    let rest = chars.count();
    let mut out = text::visible(&kept).into_owned();
    if rest > 0 {
        let _ = write!(out, "… (+{rest})");
    }
    out
}

/// The beginning of `text` that fits.
fn cut(text: &str, unit: Unit, limit: usize) -> String {
    let mut out = String::new();
    let mut size = 0;
    for c in text.chars() {
        let length = match unit {
            Unit::Chars => 1,
            Unit::Bytes => c.len_utf8(),
            Unit::Utf16 => c.len_utf16(),
        };
        if size + length + 3 > limit {
            out.push('…');
            break;
        }
        size += length;
        out.push(c);
    }
    out
}
