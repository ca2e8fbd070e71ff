//! Quotes, backslashes, and substitutions in a word.

use super::ast::{NodeId, PART_ESCAPED, PART_QUOTED, PartKind};
use super::parser::Parser;
use super::reserved::UNTIL_PAREN;
use super::word::Place;
use super::work::worked;

impl Parser<'_> {
    pub(super) fn escape(&mut self, place: Place, quoted: bool) {
        let start = self.pos;
        let Some(next) = self.peek_at(1) else {
            // A backslash at the very end stands for itself.
            self.pos += 1;
            self.push(PartKind::Literal, PART_QUOTED, start, start + 1, 0);
            return;
        };
        if next == b'\n' {
            self.pos += 2;
            return;
        }
        let special = match place {
            Place::Quotes => matches!(next, b'$' | b'`' | b'"' | b'\\'),
            Place::Heredoc => matches!(next, b'$' | b'`' | b'\\'),
            Place::Brace(0) if quoted => matches!(next, b'$' | b'`' | b'"' | b'\\' | b'}'),
            _ => true,
        };
        self.pos += 2;
        let from = if special { start + 1 } else { start };
        let escaped = if special && !quoted { PART_ESCAPED } else { 0 };
        self.push(PartKind::Literal, PART_QUOTED | escaped, from, start + 2, 0);
    }

    pub(super) fn single_quotes(&mut self) {
        let start = self.pos + 1;
        let end = match self.classes {
            Some(classes) => classes.single(start).min(self.end),
            None => {
                let rest = self.text.get(start..).unwrap_or(&[]);
                memchr::memchr(b'\'', rest).map_or(self.end, |length| start + length)
            }
        };
        if end == self.end {
            self.refuse();
        }
        self.pos = (end + 1).min(self.end);
        self.push(PartKind::Literal, PART_QUOTED, start, end, 0);
    }

    pub(super) fn double_quotes(&mut self) {
        self.pos += 1;
        let empty = self.pos;
        let mark = self.ast.stacks.parts.len();
        if !self.enter() {
            return;
        }
        self.parts(Place::Quotes, true);
        self.leave();
        if self.peek() == Some(b'"') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        if self.ast.stacks.parts.len() == mark {
            // `""` makes a word even where nothing else does.
            self.push(PartKind::Literal, PART_QUOTED, empty, empty, 0);
        }
    }

    /// `$'…'`; the position is at `$`.
    pub(super) fn ansi_c(&mut self) {
        let start = self.pos + 2;
        let mut at = start;
        while at < self.end {
            worked(1);
            match self.text[at] {
                b'\\' => at += 2,
                b'\'' => break,
                _ => at += 1,
            }
        }
        let end = at.min(self.end);
        if end == self.end {
            self.refuse();
        }
        self.pos = (end + 1).min(self.end);
        self.push(PartKind::AnsiC, PART_QUOTED, start, end, 0);
    }

    /// The commands of `$(…)`, `<(…)` and `>(…)`; the position is at the first character. `None` where it is too deep.
    fn in_parentheses(&mut self) -> Option<NodeId> {
        self.pos += 2;
        if !self.enter() {
            return None;
        }
        let node = self.inner_list(UNTIL_PAREN);
        self.leave();
        if self.peek() == Some(b')') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        Some(node)
    }

    /// `$(…)`; the position is at `$`.
    pub(super) fn command_substitution(&mut self, quoted: bool) {
        let start = self.pos;
        let Some(node) = self.in_parentheses() else { return };
        let flags = if quoted { PART_QUOTED } else { 0 };
        self.push(PartKind::Command, flags, start, self.pos, node);
    }

    pub(super) fn backquote(&mut self, quoted: bool) {
        let start = self.pos;
        let mut at = start + 1;
        let mut escapes = false;
        while at < self.end {
            worked(1);
            match self.text[at] {
                b'\\' => {
                    escapes = true;
                    at += 2;
                }
                b'`' => break,
                _ => at += 1,
            }
        }
        let close = at.min(self.end);
        let flags = if quoted { PART_QUOTED } else { 0 };
        let end = (close + 1).min(self.end);
        if close == self.end {
            self.refuse();
        }
        if escapes {
            self.pos = end;
            self.push(PartKind::Backquote, flags, start, end, 0);
            return;
        }
        if !self.enter() {
            return;
        }
        let outer = self.read_until(close);
        self.pos = start + 1;
        let node = self.inner_list(0);
        self.read_until(outer);
        self.leave();
        self.pos = end;
        self.push(PartKind::Command, flags, start, end, node);
    }

    /// `<(…)` and `>(…)`.
    pub(super) fn process(&mut self) {
        let start = self.pos;
        let kind = if self.peek() == Some(b'>') { PartKind::WriteTo } else { PartKind::ReadFrom };
        let Some(node) = self.in_parentheses() else { return };
        self.push(kind, 0, start, self.pos, node);
    }
}
