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

/// The line (from 1) of a byte offset. Whoever asks often makes [`Lines`].
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + 1
}

/// Where the lines of a text begin, so that the place of each of thousands of rules is looked up instead of counted.
pub struct Lines<'a> {
    text: &'a str,
    /// The offset of each line but the first.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub fn new(text: &'a str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1).collect();
        Lines { text, starts }
    }

    /// The line (from 1) of a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset) + 1
    }

    /// The line of `key` within the table that begins at byte `start`; that of the table where the key isn't found.
    pub fn line_of_key(&self, start: usize, key: &str) -> usize {
        let first = self.line(start);
        let name = key.split('.').next().unwrap_or(key);
        let begin = first.checked_sub(2).map_or(0, |at| self.starts[at]);
        for (i, l) in self.text[begin..].lines().enumerate() {
            let t = l.trim_start();
            if i > 0 && t.starts_with("[[") {
                break;
            }
            if t.strip_prefix(name).is_some_and(|r| r.trim_start().starts_with(['=', '.'])) {
                return first + i;
            }
        }
        first
    }
}

/// [`Lines::line_of_key`] for one question.
pub fn line_of_key(text: &str, start: usize, key: &str) -> usize {
    Lines::new(text).line_of_key(start, key)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_looked_up_as_they_are_counted() {
        for text in
            ["", "\n", "a", "a\n", "\n\na = 1\r\n日本\n[[rule]]\nid = 1\nmatch.operand = 2\n[[rule]]\nx = 1"]
        {
            let lines = Lines::new(text);
            for offset in 0..=text.len() + 1 {
                assert_eq!(lines.line(offset), line_of(text, offset), "{text:?} at {offset}");
            }
        }
    }

    #[test]
    fn a_key_is_found_in_its_own_table() {
        let text = "[[rule]]\nid = 1\nmatch.operand = 2\n[[rule]]\nhits = []\n";
        let lines = Lines::new(text);
        assert_eq!(lines.line_of_key(0, "match.operand"), 3);
        assert_eq!(lines.line_of_key(0, "id"), 2);
        assert_eq!(lines.line_of_key(0, "hits"), 1);
        let second = text.rfind("[[").unwrap();
        assert_eq!(lines.line_of_key(second, "hits"), 5);
        assert_eq!(lines.line_of_key(second, "id"), 4);
    }
}
