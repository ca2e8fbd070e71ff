//! Reading rule files, and problems that name file, line, rule and key.

use super::schema::RuleFile;
use std::fmt;

/// A text with rules and the name that messages give it.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's name as users know it.
    pub name: String,
    /// TOML.
    pub text: String,
}

/// What is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where none is known.
    pub line: usize,
    /// The rule's id, where it is about a rule.
    pub rule: Option<String>,
    /// The key, where it is about one: `match.operand`.
    pub key: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        if let Some(rule) = &self.rule {
            write!(f, " rule '{rule}'")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{} key '{key}'", if self.rule.is_some() { "," } else { "" })?;
        }
        write!(f, "{} {}", if self.rule.is_some() || self.key.is_some() { ":" } else { "" }, self.message)
    }
}

/// The line (from 1) of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + 1
}

/// Reads one file.
pub fn parse(source: &Source) -> Result<RuleFile, Problem> {
    toml::from_str::<RuleFile>(&source.text).map_err(|e| {
        let at = e.span().map_or(0, |s| s.start);
        let line = if e.span().is_some() { line_of(&source.text, at) } else { 0 };
        let (rule, key) = around(&source.text, line);
        Problem { file: source.name.clone(), line, rule, key, message: e.message().trim().to_owned() }
    })
}

/// The id of the rule around a line, and the key on the line: the parser's own errors don't tell them.
fn around(text: &str, line: usize) -> (Option<String>, Option<String>) {
    if line == 0 {
        return (None, None);
    }
    let lines: Vec<&str> = text.lines().collect();
    let at = (line - 1).min(lines.len().saturating_sub(1));
    let start = (0..=at).rev().find(|&i| lines.get(i).is_some_and(|l| l.trim_start().starts_with("[[")));
    let key =
        lines.get(at).and_then(|l| l.split_once('=')).map(|(k, _)| k.trim().to_owned()).filter(|k| {
            !k.is_empty() && k.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-\"".contains(&b))
        });
    let id = start.and_then(|s| {
        lines[s + 1..]
            .iter()
            .take_while(|l| !l.trim_start().starts_with("[["))
            .filter_map(|l| l.trim_start().strip_prefix("id")?.trim_start().strip_prefix('='))
            .next()
            .map(|v| v.trim().trim_matches(['"', '\'']).to_owned())
    });
    (id, key)
}

/// The line of `key` within the table that begins at byte `start`; that of the table where the key isn't found.
pub fn line_of_key(text: &str, start: usize, key: &str) -> usize {
    let first = line_of(text, start);
    let name = key.split('.').next().unwrap_or(key);
    for (i, l) in text.lines().enumerate().skip(first.saturating_sub(1)) {
        let t = l.trim_start();
        if i + 1 > first && t.starts_with("[[") {
            break;
        }
        if t.strip_prefix(name).is_some_and(|r| r.trim_start().starts_with(['=', '.'])) {
            return i + 1;
        }
    }
    first
}
