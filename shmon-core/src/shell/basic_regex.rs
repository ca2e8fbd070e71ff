//! POSIX regular expressions, basic and extended, as `sed`, `grep` and `expr` read them.

use regex_automata::nfa::thompson::{self, WhichCaptures, backtrack};
use regex_automata::util::{captures::Captures, iter::Searcher, syntax};
use regex_automata::{Input, Match, meta};
use std::ops::Range;

/// Longer patterns aren't compiled.
const LONGEST: usize = 256;
/// The size of a compiled pattern, in bytes.
const LARGEST: usize = 1 << 14;
/// Longer texts are searched by the engine that takes longer to make and less for each byte.
const SHORT: usize = 512;

/// A compiled pattern. Most are made for one short text, so that making them is what costs.
pub(super) struct Pattern {
    text: String,
    syntax: syntax::Config,
    /// For short texts; `None` where the pattern is too large for it.
    short: Option<(backtrack::BoundedBacktracker, backtrack::Cache)>,
    /// For all others, made when there is one.
    long: Option<meta::Regex>,
}

/// Compiles a pattern; `None` where it is too long, too large or has what isn't understood (back references).
pub(super) fn compile(pattern: &[u8], extended: bool, any_case: bool) -> Option<Pattern> {
    if pattern.len() > LONGEST {
        return None;
    }
    let text = translate(pattern, extended)?;
    let syntax =
        syntax::Config::new().unicode(false).utf8(false).case_insensitive(any_case).multi_line(false);
    let config = thompson::Config::new()
        .utf8(false)
        .shrink(false)
        .nfa_size_limit(Some(LARGEST))
        .which_captures(WhichCaptures::All);
    let short = backtrack::Builder::new().syntax(syntax).thompson(config).build(&text).ok();
    let short = short.map(|engine| {
        let cache = engine.create_cache();
        (engine, cache)
    });
    let mut pattern = Pattern { text, syntax, short, long: None };
    if pattern.short.is_none() {
        pattern.long()?;
    }
    Some(pattern)
}

impl Pattern {
    fn long(&mut self) -> Option<&meta::Regex> {
        if self.long.is_none() {
            let config = meta::Regex::config()
                .nfa_size_limit(Some(LARGEST))
                .onepass(false)
                .hybrid_cache_capacity(1 << 16)
                .utf8_empty(false);
            self.long = meta::Regex::builder().syntax(self.syntax).configure(config).build(&self.text).ok();
        }
        self.long.as_ref()
    }

    /// The first match from `from` on with its groups; `None` where it can't be searched for.
    pub(super) fn captures(&mut self, text: &[u8], from: usize) -> Option<Captures> {
        let input = Input::new(text).range(from..);
        if let Some((engine, cache)) = self.short.as_mut().filter(|_| text.len() <= SHORT) {
            let mut captures = engine.create_captures();
            engine.try_search(cache, &input, &mut captures).ok()?;
            return Some(captures);
        }
        let engine = self.long()?;
        let mut captures = engine.create_captures();
        engine.search_captures(&input, &mut captures);
        Some(captures)
    }

    /// The first match; the outer `None` where it can't be searched for.
    #[expect(clippy::option_option, reason = "nothing found and not searched are different answers")]
    fn search(&mut self, input: &Input<'_>) -> Option<Option<Match>> {
        if let Some((engine, cache)) = self.short.as_mut().filter(|_| input.haystack().len() <= SHORT) {
            return engine.try_find(cache, input.clone()).ok();
        }
        Some(self.long()?.search(input))
    }

    /// Where the first match is; the outer `None` where it can't be searched for.
    #[expect(clippy::option_option, reason = "nothing found and not searched are different answers")]
    pub(super) fn find(&mut self, text: &[u8]) -> Option<Option<Range<usize>>> {
        Some(self.search(&Input::new(text))?.map(|hit| hit.range()))
    }

    /// Whether there is a match; `None` where it can't be searched for.
    pub(super) fn is_match(&mut self, text: &[u8]) -> Option<bool> {
        Some(self.search(&Input::new(text).earliest(true))?.is_some())
    }

    /// All matches, or `None` where they would cost too much.
    pub(super) fn find_all(&mut self, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let mut found = Vec::new();
        let mut looked_at = 0;
        let mut searcher = Searcher::new(Input::new(text));
        let mut failed = false;
        while let Some(hit) = searcher.advance(|input| {
            let hit = self.search(input);
            failed |= hit.is_none();
            Ok(hit.flatten())
        }) {
            looked_at += text.len() - hit.start();
            if looked_at > MOST_LOOKED_AT.max(text.len() * 2) {
                return None;
            }
            found.push(hit.range());
        }
        (!failed).then_some(found)
    }
}

/// Bytes that the searches for all matches in one text may look at: where each of them may run to the end of the text,
/// they would be quadratic.
const MOST_LOOKED_AT: usize = 1 << 18;

/// The pattern in the syntax of the regex crate.
fn translate(pattern: &[u8], extended: bool) -> Option<String> {
    let text = std::str::from_utf8(pattern).ok()?;
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.char_indices().peekable();
    let mut start = true;
    while let Some((at, c)) = chars.next() {
        let last = chars.peek().is_none();
        let fresh = std::mem::replace(&mut start, false);
        match c {
            '\\' => {
                let (_, next) = chars.next()?;
                match next {
                    '(' | ')' | '{' | '}' | '|' | '+' | '?' if !extended => {
                        out.push(next);
                        start = matches!(next, '(' | '|');
                    }
                    'n' => out.push_str("\\n"),
                    't' => out.push_str("\\t"),
                    'w' | 'W' | 's' | 'S' | 'b' | 'B' => {
                        out.push('\\');
                        out.push(next);
                    }
                    '<' => out.push_str("\\b"),
                    '>' => out.push_str("\\b"),
                    '1'..='9' => return None,
                    _ => push_literal(next, &mut out),
                }
            }
            '[' => {
                let rest = &text[at..];
                let len = bracket(rest)?;
                out.push_str(&class(&rest[..len])?);
                while chars.peek().is_some_and(|(i, _)| *i < at + len) {
                    chars.next();
                }
            }
            '*' if fresh && !extended => out.push_str("\\*"),
            '^' if fresh => {
                out.push('^');
                start = true;
            }
            '^' if !extended => out.push_str("\\^"),
            '$' if !extended && !last && !text[at + 1..].starts_with("\\)") => out.push_str("\\$"),
            '.' | '*' | '^' | '$' => out.push(c),
            '(' | ')' | '{' | '}' | '|' | '+' | '?' if extended => {
                out.push(c);
                start = matches!(c, '(' | '|');
            }
            _ => push_literal(c, &mut out),
        }
    }
    Some(out)
}

fn push_literal(c: char, out: &mut String) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

/// The length of a bracket expression at the start of `text`.
fn bracket(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1 + usize::from(bytes.get(1) == Some(&b'^'));
    at += usize::from(bytes.get(at) == Some(&b']'));
    loop {
        match bytes.get(at)? {
            b']' => return Some(at + 1),
            b'[' if matches!(bytes.get(at + 1), Some(b':' | b'.' | b'=')) => {
                let kind = *bytes.get(at + 1)?;
                let close = bytes.get(at + 2..)?.windows(2).position(|w| w == [kind, b']'])?;
                at += close + 4;
            }
            _ => at += 1,
        }
    }
}

/// A bracket expression, of which only `\` and the crate's own operators differ.
fn class(text: &str) -> Option<String> {
    let mut inner = &text[1..text.len() - 1];
    let mut out = String::from("[");
    if let Some(rest) = inner.strip_prefix('^') {
        out.push('^');
        inner = rest;
    }
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("[:") {
            let close = rest.find(":]")? + 2;
            out.push_str(&rest[..close]);
            rest = &rest[close..];
            continue;
        }
        // A hyphen between two characters is a range.
        let range = c == '-' && rest.len() > 1 && rest.len() < inner.len();
        match c {
            _ if range => out.push('-'),
            _ => push_literal(c, &mut out),
        }
        rest = &rest[c.len_utf8()..];
    }
    out.push(']');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, extended: bool, text: &str) -> Option<String> {
        let mut pattern = compile(pattern.as_bytes(), extended, false)?;
        let found = pattern.find(text.as_bytes())??;
        // Either engine finds the same.
        let long = format!("{text}{}", "\n".repeat(SHORT));
        if !text.is_empty() && !pattern.text.ends_with('$') {
            assert_eq!(pattern.find(long.as_bytes())?.as_ref(), Some(&found), "{text}");
        }
        Some(text[found].to_owned())
    }

    #[test]
    fn both_kinds_are_read_as_posix_has_them() {
        let cases: [(&str, bool, &str, Option<&str>); 16] = [
            ("a.c", false, "xabc", Some("abc")),
            ("a\\.c", false, "abc a.c", Some("a.c")),
            ("[0-9]*$", false, "ab12", Some("12")),
            ("[^a-z]", false, "ab1", Some("1")),
            ("[]x]", false, "a]", Some("]")),
            ("[[:digit:]][[:digit:]]", false, "a12", Some("12")),
            ("\\(ab\\)\\{2\\}", false, "xabab", Some("abab")),
            ("(ab){2}", true, "xabab", Some("abab")),
            ("(ab)", false, "(ab)", Some("(ab)")),
            ("a|b", false, "xa|b", Some("a|b")),
            ("b|c", true, "xc", Some("c")),
            ("*a", false, "x*a", Some("*a")),
            ("a^b", false, "a^b", Some("a^b")),
            ("a+", false, "aa+", Some("a+")),
            ("[a\\]", false, "x\\", Some("\\")),
            ("\\(a\\)\\1", false, "aa", None),
        ];
        for (pattern, extended, text, expected) in cases {
            assert_eq!(found(pattern, extended, text).as_deref(), expected, "{pattern}");
        }
    }
}
