//! Literals in code of other languages: strings, lists of them, and what is joined to them.

use super::code::{Language, Scan, Value};

/// Stands for what the code puts between literals.
const UNKNOWN: &[u8] = b"$VALUE";

impl Scan<'_> {
    /// A literal, a variable with a known one, or a list of such.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.blanks();
        let start = self.at;
        if matches!(self.peek(), Some(b'[')) {
            self.at += 1;
            let mut list = Vec::new();
            loop {
                if self.take(b"]") {
                    return Some(Value::List(list, start..self.at));
                }
                match self.value() {
                    Some(Value::Text(text, _)) if list.len() < 256 => list.push(text),
                    _ => return None,
                }
                self.take(b",");
            }
        }
        let Some(Value::Text(mut text, place)) = self.text() else { return None };
        let literal = self.at;
        while self.joined(&mut text) {}
        let place = if self.at == literal { place } else { start..self.at };
        Some(Value::Text(text, place))
    }

    /// What the language joins to a text; whether there was something.
    pub(super) fn joined(&mut self, text: &mut Vec<u8>) -> bool {
        let before = self.at;
        let joins = match self.language {
            Language::Python | Language::Node | Language::Ruby => self.take(b"+"),
            Language::Perl | Language::Php => self.take(b"."),
            Language::Lua => self.take(b".."),
            // One after another.
            Language::Awk => {
                self.blanks();
                self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'"' | b'$' | b'_'))
            }
            Language::Tcl => false,
        };
        if !joins || text.len() > 1 << 14 {
            self.at = before;
            return false;
        }
        self.blanks();
        if let Some(Value::Text(next, _)) = self.text() {
            text.extend_from_slice(&next);
            return true;
        }
        text.extend_from_slice(UNKNOWN);
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.')) {
            self.at += 1;
        }
        self.at > before
    }

    /// One literal or variable.
    pub(super) fn text(&mut self) -> Option<Value> {
        let start = self.at;
        let sigil = matches!(self.language, Language::Perl | Language::Php);
        if sigil && self.peek() == Some(b'$') {
            self.at += 1;
        }
        let name = self.name();
        let quote = self.peek().filter(|&b| self.is_quote(b));
        let format = matches!(name, b"f" | b"F" | b"rf" | b"fr");
        let raw = matches!(name, b"r" | b"R" | b"rf" | b"fr");
        let prefix = self.language == Language::Python && (format || raw || matches!(name, b"b" | b"u"));
        match quote {
            Some(quote) if name.is_empty() || prefix => self.literal(quote, raw, format),
            _ => {
                let known = self.named.iter().rev().find(|(n, ..)| !name.is_empty() && *n == name);
                let known = known.map(|(_, text, place)| Value::Text(text.clone(), place.clone()));
                if known.is_none() {
                    self.at = start;
                }
                known
            }
        }
    }

    /// A literal whose quote is at the position.
    pub(super) fn literal(&mut self, quote: u8, raw: bool, format: bool) -> Option<Value> {
        let triple = [quote; 3];
        let thrice = self.language == Language::Python && self.code[self.at..].starts_with(&triple);
        let close: &[u8] = if thrice { &triple } else { &triple[..1] };
        let start = self.at + close.len();
        let mut at = start;
        let mut text = Vec::new();
        let mut plain = true;
        loop {
            let rest = self.code.get(at..)?;
            if rest.starts_with(close) {
                break;
            }
            match *rest {
                [b'\\', next, ..] if !raw => {
                    plain = false;
                    let (bytes, len) = escape(next, &rest[1..]);
                    text.extend_from_slice(&bytes);
                    at += 1 + len;
                }
                [b'{', ..] if format => {
                    plain = false;
                    text.extend_from_slice(UNKNOWN);
                    at += memchr::memchr(b'}', rest)? + 1;
                }
                [b, ..] => {
                    text.push(b);
                    at += 1;
                }
                [] => return None,
            }
        }
        self.at = at + close.len();
        let place = if plain { start..at } else { start.saturating_sub(1)..self.at };
        Some(Value::Text(text, place))
    }
}

/// A backslash's character and how many bytes of the code it takes after the backslash.
fn escape(next: u8, rest: &[u8]) -> (Vec<u8>, usize) {
    let digits = |from: usize, most: usize, radix: u32| {
        let digits = rest.iter().skip(from).take(most).take_while(|b| (**b as char).is_digit(radix));
        let len = digits.clone().count();
        let value = digits.fold(0u32, |n, b| n * radix + (*b as char).to_digit(radix).unwrap_or(0));
        (value as u8, len)
    };
    match next {
        b'n' => (vec![b'\n'], 1),
        b't' => (vec![b'\t'], 1),
        b'r' => (vec![b'\r'], 1),
        b'x' => match digits(1, 2, 16) {
            (_, 0) => (vec![b'x'], 1),
            (value, len) => (vec![value], 1 + len),
        },
        b'0'..=b'7' => {
            let (value, len) = digits(0, 3, 8);
            (vec![value], len)
        }
        b'\n' => (Vec::new(), 1),
        other => (vec![other], 1),
    }
}
