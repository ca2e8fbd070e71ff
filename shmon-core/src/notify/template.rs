//! The text of an alert: the ticket's lines, or the user's own.

use serde::de::{self, Deserialize, Deserializer};

/// The ticket's message, line for line.
pub(crate) const ALERT: &str = "{heading}
📅 {time}
👤 User: {user}
🖥️ Server: {host}
📂 Directory: {directory}
⚡ Command: {command}
🛡️ Risk Level: {LEVEL}
📋 Description: {description}
🗃️ Database ID: {id}";

/// What many alerts become: when, how many, the first and the last of them.
pub(crate) const FLOOD: &str = "{heading}
📅 {time} – {last_time}
🔁 {count_line}
👤 User: {user}
🖥️ Server: {host}
📂 Directory: {directory}
⚡ First: {command}
⚡ Last: {last_command}
🛡️ Risk Level: {LEVEL}
📋 Description: {description}
🗃️ Database ID: {id} – {last_id}";

/// The names that stand in braces.
pub(crate) const NAMES: &[&str] = &[
    "heading",
    "name",
    "time",
    "user",
    "host",
    "directory",
    "command",
    "level",
    "LEVEL",
    "description",
    "id",
    "rules",
    "category",
    "attack",
    "session",
    "ssh_client",
    "count",
    "count_line",
    "last_time",
    "last_command",
    "last_id",
];

/// A checked template: literal text and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(&'static str),
}

impl Template {
    /// Reads a template; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// The name that doesn't exist, with those that do.
    pub fn parse(text: &str) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
            if doubled || rest.as_bytes()[at] == b'}' {
                literal.push_str(&rest[at..=at]);
                rest = &rest[at + 1 + usize::from(doubled)..];
                continue;
            }
            let end = rest[at..].find('}').ok_or("a '{' without '}': write {{ for a brace")? + at;
            let name = &rest[at + 1..end];
            let known = NAMES.iter().find(|n| **n == name).ok_or_else(|| {
                format!("there is no {{{name}}}: use {{{}}}, or {{{{ for a brace", NAMES.join("} {"))
            })?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Name(known));
            rest = &rest[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Template(parts))
    }

    /// The text with each name replaced by what `value` says: the place where untrusted text is neutralised.
    pub(crate) fn render(&self, mut value: impl FnMut(&'static str) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Name(name) => value(name),
            })
            .collect()
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Template::parse(text.trim_end()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_checked() {
        let template = Template::parse("{{x}} {id}: {command}}").unwrap();
        assert_eq!(template.render(|name| format!("<{name}>")), "{x} <id>: <command>}");
        for text in [ALERT, FLOOD] {
            Template::parse(text).unwrap();
        }
        assert!(Template::parse("{nope}").unwrap_err().contains("{nope}"));
        assert!(Template::parse("{id").is_err());
    }
}
