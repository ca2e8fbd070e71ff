//! POSIX regular expressions, basic and extended, as `sed`, `grep` and `expr` read them.

use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// Longer patterns aren't compiled.
const LONGEST: usize = 256;

/// Compiles a pattern; `None` where it is too long, too large or has what isn't understood (back references).
pub(super) fn compile(pattern: &[u8], extended: bool, any_case: bool) -> Option<Regex> {
    if pattern.len() > LONGEST {
        return None;
    }
    let text = translate(pattern, extended)?;
    let syntax =
        syntax::Config::new().unicode(false).utf8(false).case_insensitive(any_case).multi_line(false);
    Regex::builder()
        .syntax(syntax)
        .configure(
            Regex::config()
                .nfa_size_limit(Some(1 << 14))
                .onepass(false)
                .hybrid_cache_capacity(1 << 16)
                .utf8_empty(false),
        )
        .build(&text)
        .ok()
}

/// Bytes that the searches for all matches in one text may look at: where each of them may run to the end of the text,
/// they would be quadratic.
const MOST_LOOKED_AT: usize = 1 << 18;

/// All matches, or `None` where they would cost too much.
pub(super) fn find_all(what: &Regex, text: &[u8]) -> Option<Vec<std::ops::Range<usize>>> {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for hit in what.find_iter(text) {
        looked_at += text.len() - hit.start();
        if looked_at > MOST_LOOKED_AT.max(text.len() * 2) {
            return None;
        }
        found.push(hit.range());
    }
    Some(found)
}

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
        let found = compile(pattern.as_bytes(), extended, false)?.find(text)?;
        Some(text[found.range()].to_owned())
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
