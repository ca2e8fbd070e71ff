//! Words of ordinary commands: plain ones, quotes, escapes, glob characters, and variables, which no ordinary command sets.

use super::super::analysis::{IssueKind, Range32, Span, WordFlags, WordRec};
use super::super::chars::{END, GLOB, is, name_len};
use super::{Quick, Value};

/// What stands at a dollar sign.
#[derive(Clone, Copy)]
pub(super) enum Dollar {
    /// Itself.
    Literal,
    /// A parameter of so many bytes, whose value isn't known.
    Unknown(usize),
    /// A parameter of so many bytes that has got a value.
    Value(usize, Value),
    /// A parameter of so many bytes whose value isn't known, but this is what stands for it if it has none.
    Likely(usize, Range32),
}

impl Dollar {
    /// The length of what stands at the dollar sign, in bytes.
    fn length(&self) -> usize {
        match self {
            Dollar::Literal => 1,
            Dollar::Unknown(length) | Dollar::Value(length, _) | Dollar::Likely(length, _) => *length,
        }
    }
}

impl Quick<'_> {
    /// The word at the position; the position is after it, at what ends it.
    #[inline]
    pub(super) fn word(&mut self) -> Option<WordRec> {
        let start = self.at;
        let at = self.out.classes.special(start);
        if self.text.get(at).is_none_or(|b| is(*b, END)) {
            if at == start {
                return None;
            }
            self.at = at;
            return Some(WordRec::plain(start, at));
        }
        self.composed(start, at)
    }

    /// Whether the word ends here; `None` where the full evaluation has to look.
    #[inline]
    pub(super) fn ends(&self, at: usize) -> Option<bool> {
        match self.text.get(at) {
            None | Some(b' ' | b'\t' | b';' | b'|' | b'&') => Some(true),
            Some(b'<' | b'>') => (self.text.get(at + 1) != Some(&b'(')).then_some(true),
            Some(b) if Some(*b) == self.closer => Some(true),
            Some(b'\n' | b'(' | b')') => None,
            Some(_) => Some(false),
        }
    }

    /// A word that isn't plain throughout, of which the bytes before `at` are.
    fn composed(&mut self, start: usize, at: usize) -> Option<WordRec> {
        let mut at = at;
        let mut flags = WordFlags::default();
        let mut braces = false;
        let mut pieces = Pieces { first: (start, at), copied: None };
        while !self.ends(at)? {
            let from = at;
            match self.text[at] {
                b'\'' => {
                    let end = self.out.classes.single(at + 1);
                    flags.insert(WordFlags::QUOTED);
                    at = end + 1;
                    if end >= self.text.len() {
                        at = self.text.len();
                        self.unclosed(from)?;
                    }
                    pieces.add(from + 1, end, &mut self.out.text);
                }
                b'"' => at = self.double_quotes(at + 1, &mut pieces, &mut flags)?,
                b'\\' => {
                    let escaped = match self.text.get(at + 1) {
                        Some(b'\n') => return None,
                        Some(_) => 1,
                        // It stands for itself.
                        None => 0,
                    };
                    flags.insert(WordFlags::QUOTED);
                    at += 1 + escaped;
                    pieces.add(from + escaped, at, &mut self.out.text);
                }
                b'`' | b'$' if self.substitutes(at) => {
                    let (end, told) = self.output(at, &mut pieces)?;
                    at = end;
                    match told {
                        Some(value) => self.put(value, false, &mut pieces, &mut flags)?,
                        None => {
                            flags.insert(WordFlags::UNRESOLVED | WordFlags::SPLITS);
                            pieces.add(from, at, &mut self.out.text);
                        }
                    }
                }
                b'$' if self.text.get(at + 1) == Some(&b'\'') => {
                    let (end, value) = self.ansi_c(at, &pieces)?;
                    at = end;
                    flags.insert(WordFlags::QUOTED);
                    self.put(value, true, &mut pieces, &mut flags)?;
                }
                b'$' => {
                    let dollar = self.dollar(at, false, &pieces)?;
                    at += dollar.length();
                    match dollar {
                        Dollar::Value(_, value) => self.put(value, false, &mut pieces, &mut flags)?,
                        Dollar::Likely(_, text) => {
                            flags.insert(WordFlags::UNRESOLVED);
                            pieces.add(text.start as usize, text.end as usize, &mut self.out.text);
                        }
                        Dollar::Literal => pieces.add(from, at, &mut self.out.text),
                        Dollar::Unknown(_) => {
                            flags.insert(WordFlags::UNRESOLVED | WordFlags::SPLITS);
                            pieces.add(from, at, &mut self.out.text);
                        }
                    }
                }
                b'{' | b'}' => {
                    braces = true;
                    at += 1;
                    pieces.add(from, at, &mut self.out.text);
                }
                _ => {
                    at = self.out.classes.special(at);
                    while self.text.get(at).is_some_and(|b| is(*b, GLOB)) {
                        flags.insert(WordFlags::GLOB);
                        at = self.out.classes.special(at + 1);
                    }
                    pieces.add(from, at, &mut self.out.text);
                }
            }
        }
        let source = &self.text[start..at];
        if braces {
            // Perhaps several words, or the variable of a descriptor.
            let several = source.contains(&b',') || source.windows(2).any(|two| two == b"..");
            if several || matches!(self.text.get(at), Some(b'<' | b'>')) {
                return None;
            }
        }
        if self.folders && flags.contains(WordFlags::GLOB) {
            // It may find what the text put there.
            return None;
        }
        if at == start {
            // A redirection stands here.
            return None;
        }
        self.at = at;
        let (first, len) = pieces.word(&self.out.text);
        Some(WordRec { start: first as u32, len: len as u32, flags, span: Span::new(start, at) })
    }

    /// Notes that a quote isn't closed up to the end of the command, as is seen from `at` on.
    #[cold]
    fn unclosed(&mut self, at: usize) -> Option<()> {
        let whole = self.text.len() == self.out.classes.length() && self.closer.is_none();
        // The whole command is read before any of it is evaluated.
        if !whole || self.captures.is_some() || self.shells > 0 || !self.out.issues.is_empty() {
            return None;
        }
        self.issue(IssueKind::Syntax, Span::new(at, self.text.len()))
    }

    /// The rest of what stands in double quotes, from `at` on; where it ends.
    fn double_quotes(&mut self, at: usize, pieces: &mut Pieces, flags: &mut WordFlags) -> Option<usize> {
        flags.insert(WordFlags::QUOTED);
        let (mut from, mut at) = (at, at);
        loop {
            at = self.out.classes.double(at);
            let Some(b) = self.text.get(at) else {
                let end = self.text.len();
                self.unclosed(end)?;
                pieces.add(from, end, &mut self.out.text);
                return Some(end);
            };
            match (b, self.text.get(at + 1)) {
                (b'"', _) => {
                    pieces.add(from, at, &mut self.out.text);
                    return Some(at + 1);
                }
                (b'\\', Some(b'$' | b'`' | b'"' | b'\\')) => {
                    pieces.add(from, at, &mut self.out.text);
                    from = at + 1;
                    at += 2;
                }
                (b'\\', None | Some(b'\n')) => return None,
                (b'\\', _) => at += 1,
                _ if self.substitutes(at) => {
                    let start = at;
                    let (end, told) = self.output(at, pieces)?;
                    at = end;
                    match told {
                        Some(value) => {
                            pieces.add(from, start, &mut self.out.text);
                            self.put(value, true, pieces, flags)?;
                            from = at;
                        }
                        None => flags.insert(WordFlags::UNRESOLVED),
                    }
                }
                _ => {
                    let dollar = self.dollar(at, true, pieces)?;
                    let end = at + dollar.length();
                    match dollar {
                        Dollar::Value(_, value) => {
                            pieces.add(from, at, &mut self.out.text);
                            self.put(value, true, pieces, flags)?;
                            from = end;
                        }
                        Dollar::Likely(_, text) => {
                            flags.insert(WordFlags::UNRESOLVED);
                            pieces.add(from, at, &mut self.out.text);
                            pieces.add(text.start as usize, text.end as usize, &mut self.out.text);
                            from = end;
                        }
                        Dollar::Literal => {}
                        Dollar::Unknown(_) => flags.insert(WordFlags::UNRESOLVED),
                    }
                    at = end;
                }
            }
        }
    }

    /// What stands at the dollar sign at `at`; `None` where the full evaluation has to look.
    fn dollar(&mut self, at: usize, quoted: bool, pieces: &Pieces) -> Option<Dollar> {
        let rest = self.text.get(at + 1..)?;
        let name = name_len(rest);
        if name > 0 {
            return self.variable(&rest[..name], name + 1);
        }
        match rest {
            [b @ (b'0'..=b'9' | b'@' | b'*'), ..] => self.positional(*b, 2, quoted, pieces),
            [b'{', b @ (b'0'..=b'9' | b'@' | b'*'), b'}', ..] => self.positional(*b, 4, quoted, pieces),
            [b'$' | b'!' | b'-', ..] => Some(Dollar::Unknown(2)),
            [b'{', inner @ ..] => {
                let digit = matches!(inner, [b'0'..=b'9', b'%' | b'#' | b'/' | b':' | b'-' | b'?', ..]);
                let name = if digit { 1 } else { name_len(inner) };
                match inner.get(name)? {
                    b'}' if name > 0 => self.variable(&inner[..name], name + 3),
                    b'%' | b'#' | b'/' => self.changed(at, quoted, pieces),
                    b':' | b'-' | b'?' if name > 0 => self.defaulted(at, quoted, pieces),
                    b'[' if name > 0 && !digit => self.element(inner, name),
                    _ => None,
                }
            }
            [b'#' | b'?' | b'(' | b'[', ..] => None,
            [b'\'' | b'"', ..] if !quoted => None,
            _ => Some(Dollar::Literal),
        }
    }
}

/// The parts of a word: one is where it stands in the command, several are copied together.
pub(super) struct Pieces {
    first: (usize, usize),
    /// Where the copy begins.
    pub(super) copied: Option<usize>,
}

impl Pieces {
    pub(super) fn add(&mut self, start: usize, end: usize, text: &mut Vec<u8>) {
        match self.copied {
            Some(_) => text.extend_from_within(start..end),
            None if self.first.0 == self.first.1 => self.first = (start, end),
            None if start == end => {}
            None if self.first.1 == start => self.first.1 = end,
            None => {
                self.copied = Some(text.len());
                text.extend_from_within(self.first.0..self.first.1);
                text.extend_from_within(start..end);
            }
        }
    }

    /// Begin and length of the word in the text.
    fn word(&self, text: &[u8]) -> (usize, usize) {
        match self.copied {
            Some(start) => (start, text.len() - start),
            None => (self.first.0, self.first.1 - self.first.0),
        }
    }
}
