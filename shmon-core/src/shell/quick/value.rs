//! Values of variables and positional parameters, as far as the text tells them.

use super::super::analysis::{Range32, WordFlags, WordRec};
use super::super::ast::Anchor;
use super::super::chars::name_len;
use super::super::param_value::typical_value;
use super::super::{escapes, param_ops, pattern};
use super::word::{Dollar, Pieces};
use super::{LONGEST_VALUE, MOST_TEXT, Quick, Value, Variable};

impl Quick<'_> {
    /// What a variable stands for, whose expansion has so many bytes; `$_` is a word of the command before.
    #[inline]
    pub(super) fn variable(&self, name: &[u8], length: usize) -> Option<Dollar> {
        if matches!(name, b"_" | b"IFS" | b"SHELL" | b"BASH") || self.environment {
            return None;
        }
        if self.known == 0 && self.out.assignments.is_empty() {
            return Some(Dollar::Unknown(length));
        }
        let known = self.variables.get(..self.known)?.iter().rfind(|v| v.name.of(&self.out.text) == name);
        match known {
            // Another shell sees what is exported to it.
            Some(variable) => {
                (variable.shell == self.shells).then_some(Dollar::Value(length, variable.value))
            }
            None => (!self.assigned(name)).then_some(Dollar::Unknown(length)),
        }
    }

    /// Whether some assignment has this name, wherever its value is seen.
    fn assigned(&self, name: &[u8]) -> bool {
        self.out.assignments.iter().any(|&(assigned, _)| self.bytes(assigned) == name)
    }

    /// Gives a variable its value in the shell at hand.
    pub(super) fn remember(&mut self, name: Range32, value: Value) -> Option<()> {
        self.changes += 1;
        let variable = Variable { name, value, shell: self.shells };
        let text = &self.out.text;
        let mine = self.variables.get(self.scope..self.known)?;
        match mine.iter().rposition(|v| v.name.of(text) == name.of(text)) {
            Some(at) => self.variables[self.scope + at] = variable,
            None => {
                *self.variables.get_mut(self.known)? = variable;
                self.known += 1;
            }
        }
        Some(())
    }

    /// The positional parameter that `b` names.
    pub(super) fn positional(
        &mut self,
        b: u8,
        length: usize,
        quoted: bool,
        pieces: &Pieces,
    ) -> Option<Dollar> {
        if b == b'*' && quoted && self.has_no_arguments() {
            return Some(Dollar::Value(length, Value { range: Range32::default(), known: true }));
        }
        let Some(arguments) = self.arguments else {
            return match b {
                b'0' if pieces.copied.is_none() => {
                    let start = self.out.text.len() as u32;
                    self.out.text.extend_from_slice(b"bash");
                    let range = Range32 { start, end: start + 4 };
                    Some(Dollar::Value(length, Value { range, known: true }))
                }
                b'1'..=b'9' => Some(Dollar::Unknown(length)),
                // Of none nothing is left.
                _ => None,
            };
        };
        let number = match b {
            // One word as one.
            b'@' | b'*' => (arguments.len() == 2).then_some(1)?,
            _ => u32::from(b - b'0'),
        };
        if arguments.start + number >= arguments.end {
            // Not set, but `$0`.
            let value = Value { range: Range32::default(), known: true };
            return (quoted && number > 0).then_some(Dollar::Value(length, value));
        }
        let word = self.word_at(arguments.start + number)?;
        if number == 0 && word.len == 0 {
            return None;
        }
        let known = !word.flags.contains(WordFlags::UNRESOLVED);
        Some(Dollar::Value(length, Value { range: word.range(), known }))
    }

    /// Whether there are no positional parameters for certain.
    fn has_no_arguments(&self) -> bool {
        self.arguments.map_or(self.shells == 0, |arguments| arguments.len() <= 1)
    }

    /// The length of the word at the position, if it is one that no positional parameters make nothing of.
    #[inline]
    pub(super) fn vanishing(&self) -> usize {
        let length = match self.text.get(self.at..) {
            Some([b'"', b'$', b'@', b'"', ..]) => 4,
            Some([b'$', b'@' | b'*', ..]) => 2,
            _ => return 0,
        };
        let vanishes = self.has_no_arguments() && self.ends(self.at + length) == Some(true);
        if vanishes { length } else { 0 }
    }

    /// `${NAME[n]}` and `${NAME[@]}` of a variable that has got no value; `inner` begins with the name.
    pub(super) fn element(&self, inner: &[u8], name: usize) -> Option<Dollar> {
        let (name, index) = inner.split_at(name);
        let index = index.strip_prefix(b"[")?;
        let (index, rest) = index.split_at(memchr::memchr(b']', index)?);
        let number = index.strip_prefix(b"-").unwrap_or(index);
        let plain =
            matches!(index, b"@" | b"*") || (!number.is_empty() && number.iter().all(u8::is_ascii_digit));
        if !plain || rest.get(1) != Some(&b'}') {
            return None;
        }
        match self.variable(name, name.len() + index.len() + 5)? {
            Dollar::Unknown(length) => Some(Dollar::Unknown(length)),
            _ => None,
        }
    }

    /// `${NAME:-text}`, `${NAME-text}`, `${NAME:?text}` and `${NAME?text}` at `at`, where the text says what it is.
    pub(super) fn defaulted(&mut self, at: usize, quoted: bool, pieces: &Pieces) -> Option<Dollar> {
        let inner = self.text.get(at + 2..)?;
        let inner = &inner[..memchr::memchr(b'}', inner)?];
        let name = if inner.first()?.is_ascii_digit() { 1 } else { name_len(inner) };
        let (name, operation) = inner.split_at(name);
        let (sign, text) = operation.strip_prefix(b":").unwrap_or(operation).split_first()?;
        let plain = |b: &u8| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b',' | b'+' | b'%' | b'@')
                || (quoted && *b == b' ')
        };
        if !text.iter().all(plain) {
            return None;
        }
        let length = inner.len() + 3;
        let value = match *name {
            [b @ b'0'..=b'9'] => self.positional(b, length, true, pieces)?,
            _ => self.variable(name, length)?,
        };
        match (sign, value) {
            (b'-', Dollar::Unknown(_)) if !text.is_empty() => {
                let end = (at + length - 1) as u32;
                Some(Dollar::Likely(length, Range32 { start: end - text.len() as u32, end }))
            }
            (b'?', Dollar::Unknown(_)) => Some(value),
            (b'-' | b'?', Dollar::Value(_, known)) if !known.range.is_empty() => Some(value),
            _ => None,
        }
    }

    /// `${NAME%pattern}`, `${NAME#pattern}` and `${NAME/pattern/text}` at `at`, where pattern and text say what they are.
    pub(super) fn changed(&mut self, at: usize, quoted: bool, pieces: &Pieces) -> Option<Dollar> {
        let inner = self.text.get(at + 2..)?;
        let inner = &inner[..memchr::memchr(b'}', inner)?];
        let name = if inner.first()?.is_ascii_digit() { 1 } else { name_len(inner) };
        let (name, operation) = inner.split_at(name);
        let length = inner.len() + 3;
        let value = match *name {
            [b @ b'0'..=b'9'] => self.positional(b, length, true, pieces)?,
            _ if name.is_empty() || typical_value(name).is_some() => return None,
            _ => self.variable(name, length)?,
        };
        let plain = |b: &u8| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*' | b'?' | b':' | b',' | b'+')
        };
        let (&sign, rest) = operation.split_first()?;
        let twice = rest.first() == Some(&sign);
        let rest = rest.get(usize::from(twice)..)?;
        let (pattern, by) = match sign {
            b'/' => {
                let end = rest.iter().position(|&b| b == b'/').unwrap_or(rest.len());
                (&rest[..end], rest.get(end + 1..).unwrap_or(&[]))
            }
            _ => (rest, &[] as &[u8]),
        };
        let slash = |b: &u8| sign != b'/' && *b == b'/';
        if pattern.is_empty() || !pattern.iter().all(|b| plain(b) || slash(b)) || !by.iter().all(plain) {
            return None;
        }
        let Dollar::Value(_, value) = value else { return Some(value) };
        if !value.known {
            return Some(Dollar::Unknown(length));
        }
        if pieces.copied.is_some() || value.range.is_empty() || value.range.len() > LONGEST_VALUE {
            return None;
        }
        let text = value.range.of(&self.out.text);
        let mut steps = pattern::MAX_STEPS;
        let made = match sign {
            b'/' => {
                let anchor = if twice { Anchor::All } else { Anchor::First };
                param_ops::replace(text, pattern, by, anchor, &mut steps)
            }
            b'%' => {
                let cut = pattern::suffix(pattern, text, twice, &mut steps).unwrap_or(text.len());
                text[..cut].to_vec()
            }
            _ => {
                let cut = pattern::prefix(pattern, text, twice, &mut steps).unwrap_or(0);
                text[cut..].to_vec()
            }
        };
        let start = self.out.text.len() as u32;
        self.out.text.extend_from_slice(&made);
        let range = Range32 { start, end: self.out.text.len() as u32 };
        // Of nothing nothing is left where it isn't quoted.
        (quoted || !range.is_empty()).then_some(Dollar::Value(length, Value { range, known: true }))
    }

    /// Puts a value into a word.
    pub(super) fn put(
        &mut self,
        value: Value,
        quoted: bool,
        pieces: &mut Pieces,
        flags: &mut WordFlags,
    ) -> Option<()> {
        if value.range.len() > LONGEST_VALUE || self.out.text.len() > MOST_TEXT {
            return None;
        }
        let bytes = value.range.of(&self.out.text);
        if !value.known {
            flags.insert(WordFlags::UNRESOLVED);
            if !quoted {
                flags.insert(WordFlags::SPLITS);
            }
        } else if !quoted {
            // It would be split, or vanish.
            let splits = |b: &u8| matches!(b, b' ' | b'\t' | b'\n');
            if bytes.is_empty() || bytes.iter().any(splits) || self.assigned(b"IFS") {
                return None;
            }
            if bytes.iter().any(|b| matches!(b, b'*' | b'?' | b'[')) {
                flags.insert(WordFlags::GLOB);
            }
        }
        pieces.add(value.range.start as usize, value.range.end as usize, &mut self.out.text);
        Some(())
    }

    /// `$'…'` at the position: where it ends, and what it says.
    pub(super) fn ansi_c(&mut self, at: usize, pieces: &Pieces) -> Option<(usize, Value)> {
        let inner = self.text.get(at + 2..)?;
        let mut length = 0;
        while *inner.get(length)? != b'\'' {
            length += if inner[length] == b'\\' { 2 } else { 1 };
        }
        if pieces.copied.is_some() {
            return None;
        }
        let start = self.out.text.len() as u32;
        escapes::ansi_c(&inner[..length], &mut self.out.text);
        let range = Range32 { start, end: self.out.text.len() as u32 };
        Some((at + length + 3, Value { range, known: true }))
    }

    pub(super) fn word_at(&self, word: u32) -> Option<WordRec> {
        self.out.words.get(word as usize).copied()
    }
}
