//! Values of variables and positional parameters, as far as the text tells them.

use super::super::analysis::{Range32, WordFlags, WordRec};
use super::super::escapes;
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
