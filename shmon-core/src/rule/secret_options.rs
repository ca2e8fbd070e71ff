//! Secrets that a known program is given: values of its options, operands, and what it reads from a pipe or here-string.

use super::compiler::layout::*;
use super::options::{Arguments, Spellings, Value};
use super::secrets::{Search, is_placeholder, is_reference};
use super::view::Slot;
use crate::shell::{Analysis, Invocation, RedirectionKind, Span, Word};
use memchr::memmem;

impl Search<'_, '_> {
    /// Options, operands and input of a known program.
    pub(super) fn options(
        &mut self,
        slot: Slot,
        invocation: &Invocation<'_>,
        arguments: &Arguments,
        analysis: &Analysis,
    ) {
        let v = self.v;
        for &record in v.slot_secrets(slot) {
            let record = record as usize;
            let form = v.word(record + O_FORM);
            let subcommand = v.at(record + O_SUBCOMMAND);
            let skip = if subcommand == 0 {
                0
            } else {
                match super::eval::subcommands(v, record + subcommand, arguments, invocation) {
                    Some(words) => words,
                    None => continue,
                }
            };
            let operands = arguments.operands.get(skip..).unwrap_or(&[]);
            let word = |i: u32| invocation.arg(i as usize);
            match form {
                FORM_INPUT => self.input(record, invocation, analysis),
                FORM_INPUT_IF => {
                    let wanted = v.text(record + O_BEFORE);
                    let is = |value: Value<'_>| wanted.is_empty() || value.bytes == wanted;
                    if Spellings::new(v, record + O_NAME).any_value(
                        arguments,
                        v.slot_spec(slot),
                        invocation,
                        is,
                    ) {
                        self.input(record, invocation, analysis);
                    }
                }
                FORM_PREFIX => {
                    let prefix = v.text(record + O_AFTER);
                    for word in invocation.argv().skip(1) {
                        if let Some(bytes) = word.bytes.strip_prefix(prefix) {
                            self.secret(record, Value { word, start: prefix.len(), bytes });
                        }
                    }
                }
                FORM_NAMES => {
                    for pair in operands.windows(2) {
                        if let (Some(name), Some(value)) = (word(pair[0]), word(pair[1])) {
                            self.named(name, value);
                        }
                    }
                }
                FORM_OPERAND_IF
                    if !Spellings::new(v, record + O_NAME).any_value(
                        arguments,
                        v.slot_spec(slot),
                        invocation,
                        |_| true,
                    ) => {}
                _ if v.word(record + O_OPERAND) != 0 => {
                    let operand = v.word(record + O_OPERAND) as i32;
                    let index = if operand > 0 {
                        operands.get(operand as usize - 1)
                    } else {
                        operands
                            .len()
                            .checked_sub(operand.unsigned_abs() as usize)
                            .and_then(|i| operands.get(i))
                    };
                    if let Some(word) = index.and_then(|&i| word(i)) {
                        self.part(record, Value { word, start: 0, bytes: word.bytes });
                    }
                }
                _ if v.at(record + O_FOLLOWS) != 0 => {
                    let names = record + v.at(record + O_FOLLOWS);
                    for pair in operands.windows(2) {
                        let (Some(before), Some(word)) = (word(pair[0]), word(pair[1])) else { continue };
                        if v.strings(names).any(|name| name.as_bytes() == before.bytes) {
                            self.part(record, Value { word, start: 0, bytes: word.bytes });
                        }
                    }
                }
                _ => {
                    Spellings::new(v, record + O_NAME).any_value(
                        arguments,
                        v.slot_spec(slot),
                        invocation,
                        |value| {
                            match form {
                                // What the text alone made a value of stands for itself.
                                FORM_FLAG if value.start == 0 => {
                                    // At its start, or behind its opening quote.
                                    let start = value.word.span.start;
                                    self.found.retain(|s| !(start..=start + 1).contains(&s.span.start));
                                }
                                FORM_FLAG => {}
                                FORM_ATTACHED if value.start == 0 => {}
                                _ => self.part(record, value),
                            }
                            false
                        },
                    );
                }
            }
        }
    }

    /// What the program reads: here-strings and heredocs, and the words that `echo` and `printf` pipe into it.
    fn input(&mut self, record: usize, invocation: &Invocation<'_>, analysis: &Analysis) {
        for redirection in invocation.redirections() {
            match redirection.kind {
                RedirectionKind::HereString => self.lines(record, redirection.target),
                RedirectionKind::Heredoc => self.heredoc(record, redirection.target),
                _ => {}
            }
        }
        if invocation.stage() == 0 {
            return;
        }
        let feeds = |other: &Invocation<'_>| {
            other.pipeline() == invocation.pipeline() && other.stage() < invocation.stage()
        };
        for other in analysis.invocations().filter(feeds) {
            let program = other.program();
            let printf = program == b"printf";
            if !printf && program != b"echo" {
                continue;
            }
            let mut words = other.argv().skip(1).peekable();
            if printf {
                // The format is the secret only where it stands alone.
                if words.peek().is_some_and(|format| format.bytes.contains(&b'%')) {
                    words.next();
                }
            } else {
                while words.peek().is_some_and(|w| {
                    matches!(w.bytes, [b'-', rest @ ..] if !rest.is_empty() && rest.iter().all(|b| b"neE".contains(b)))
                }) {
                    words.next();
                }
            }
            // `printf '%s:%s\n' anna X`: the separator stands in the format, and what follows it in the last word.
            let after = self.v.text(record + O_AFTER);
            let mut rest = words.clone();
            let apart = !after.is_empty() && !rest.any(|w| memmem::find(w.bytes, after).is_some());
            match words.clone().last() {
                Some(last) if apart && words.len() > 1 => {
                    self.secret(record, Value { word: last, start: 0, bytes: last.bytes });
                }
                _ => words.for_each(|word| self.lines(record, word)),
            }
        }
    }

    /// Each line of a word.
    fn lines(&mut self, record: usize, word: Word<'_>) {
        let mut start = 0;
        for line in word.bytes.split(|b| *b == b'\n') {
            if !line.is_empty() {
                self.part(record, Value { word, start, bytes: line });
            }
            start += line.len() + 1;
        }
    }

    /// Each line of a heredoc, whose word stands where the heredoc is announced and whose text stands further down.
    fn heredoc(&mut self, record: usize, body: Word<'_>) {
        let mut at = body.span.end as usize;
        for line in body.bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let rest = self.command.get(at..).unwrap_or(&[]);
            let Some(found) = memmem::find(rest, line) else { return };
            let start = at + found;
            at = start + line.len();
            let word = Word { bytes: line, flags: body.flags, span: Span::new(start, at) };
            self.part(record, Value { word, start: 0, bytes: line });
        }
    }

    /// The operand after one that is the name of a secret.
    fn named(&mut self, name: Word<'_>, value: Word<'_>) {
        let end = name.span.end as usize;
        let quoted = matches!(self.command.get(..end).and_then(<[u8]>::last), Some(b'"' | b'\''));
        let Some((kind, min, _)) = self.key(end - usize::from(quoted)) else { return };
        if value.bytes.len() >= min as usize && !is_placeholder(value.bytes) {
            let (from, to) = place(self.command, &value, 0, value.bytes.len());
            self.push(from, to, kind);
        }
    }

    /// The secret part of a value, or parts.
    fn part(&mut self, record: usize, value: Value<'_>) {
        let v = self.v;
        let [after, before, until] = [O_AFTER, O_BEFORE, O_UNTIL].map(|at| v.text(record + at));
        let (mut start, mut bytes) = (value.start, value.bytes);
        // The colon of a scheme separates nothing: `http://user:password@proxy`.
        if after == b":"
            && let Some(at) = memmem::find(bytes, b"://")
        {
            start += at + 3;
            bytes = &bytes[at + 3..];
        }
        loop {
            if !after.is_empty() {
                let Some(at) = memmem::find(bytes, after) else { return };
                start += at + after.len();
                bytes = &bytes[at + after.len()..];
            }
            if until.is_empty() {
                break;
            }
            let Some(end) = memmem::find(bytes, until) else { return };
            self.secret(record, Value { word: value.word, start, bytes: &bytes[..end] });
            if after.is_empty() {
                return;
            }
            start += end + until.len();
            bytes = &bytes[end + until.len()..];
        }
        if v.word(record + O_FORM) != FORM_INPUT_IF
            && !before.is_empty()
            && let Some(at) = memmem::rfind(bytes, before)
        {
            bytes = &bytes[..at];
        }
        self.secret(record, Value { word: value.word, start, bytes });
    }

    /// A part of a word, found again in the text as it was typed.
    fn secret(&mut self, record: usize, value: Value<'_>) {
        if !value.bytes.is_empty() && !is_reference(value.bytes) {
            let (from, to) = place(self.command, &value.word, value.start, value.start + value.bytes.len());
            self.push(from, to, self.v.word(record + O_KIND));
        }
    }
}

/// Where the part of a word from byte `start` to `end` stands in the text.
fn place(command: &[u8], word: &Word<'_>, start: usize, end: usize) -> (usize, usize) {
    let (from, to) = (word.span.start as usize, word.span.end as usize);
    let source = command.get(from..to).unwrap_or(&[]);
    let wanted = word.bytes.get(start..end).unwrap_or(&[]);
    // As it is, where it is: behind a quote, or nothing.
    for quote in 0..=2 {
        let at = start + quote;
        if source.get(at..at + wanted.len()) == Some(wanted) {
            return (from + at, from + at + wanted.len());
        }
    }
    // As it is, in quotes around the whole or the rest.
    if let Some(at) = memmem::rfind(source, wanted) {
        return (from + at, from + at + wanted.len());
    }
    match word.bytes.get(..start) {
        Some(head) if source.starts_with(head) => (from + start, to),
        _ => (from, to),
    }
}
