//! Words of fish: quotes, escapes, braces, variables, `(…)`.

use super::analysis::Range32;
use super::ast::{
    PART_ESCAPED, PART_GLOB, PART_QUOTED, Param, Part, PartKind, WORD_BRACE, WORD_PLAIN, WordNode, settle,
};
use super::chars::{META, NAME_START, is, name_len};
use super::parser::Parser;
use super::reserved::UNTIL_PAREN;
use super::work::worked;

impl Parser<'_> {
    /// A word of fish; empty where none starts.
    pub(super) fn fish_word(&mut self) -> WordNode {
        let start = self.pos;
        let mark = self.ast.stacks.parts.len();
        let (mut depth, mut commas) = (0u32, false);
        while let Some(b) = self.peek() {
            worked(1);
            let at = self.pos;
            match b {
                b'(' => self.fish_substitution(1, false),
                _ if is(b, META) => break,
                b'\'' => self.fish_single_quotes(),
                b'"' => self.fish_double_quotes(),
                b'\\' => self.fish_escape(),
                b'$' => self.fish_dollar(false),
                b'{' => {
                    depth += 1;
                    self.pos += 1;
                    self.fish_push(PartKind::BraceOpen, 0, at, at + 1, 0);
                }
                b'}' if depth > 0 => {
                    depth -= 1;
                    self.pos += 1;
                    self.fish_push(PartKind::BraceClose, 0, at, at + 1, 0);
                }
                b',' if depth > 0 => {
                    commas = true;
                    self.pos += 1;
                    self.fish_push(PartKind::BraceComma, 0, at, at + 1, 0);
                }
                _ => {
                    let mut glob = false;
                    while let Some(b) = self.peek() {
                        if is(b, META)
                            || matches!(b, b'\'' | b'"' | b'\\' | b'$' | b'{' | b'}' | b',') && self.pos > at
                        {
                            break;
                        }
                        glob |= matches!(b, b'*' | b'?');
                        self.pos += 1;
                    }
                    let flags = if glob { PART_GLOB } else { 0 };
                    self.fish_push(PartKind::Literal, flags, at, self.pos, 0);
                }
            }
        }
        let (start, end) = (start as u32, self.pos as u32);
        let parts = self.ast.stacks.parts.get(mark..).unwrap_or(&[]);
        if let [Part { kind: PartKind::Literal, flags: 0, start: from, end: to, .. }] = parts
            && *from == start
            && *to == end
        {
            self.ast.stacks.parts.truncate(mark);
            return WordNode { start, end, parts: Range32::default(), flags: WORD_PLAIN };
        }
        let flags = if commas { WORD_BRACE } else { 0 };
        let parts = settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts);
        WordNode { start, end, parts, flags }
    }

    fn fish_push(&mut self, kind: PartKind, flags: u8, start: usize, end: usize, index: u32) {
        self.ast.stacks.parts.push(Part { kind, flags, start: start as u32, end: end as u32, index });
    }

    /// `(…)` or `$(…)`, of which `skip` bytes are the opening.
    fn fish_substitution(&mut self, skip: usize, quoted: bool) {
        let start = self.pos;
        self.pos += skip;
        if !self.enter() {
            return;
        }
        let node = self.fish_list(UNTIL_PAREN);
        self.leave();
        if self.peek() == Some(b')') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        // A slice of the lines: `(cmd)[1]`. Which ones is left open.
        let sliced = !quoted && self.peek() == Some(b'[');
        if sliced {
            let rest = self.rest();
            self.pos += rest.iter().take(64).position(|&b| b == b']').map_or(0, |at| at + 1);
        }
        let flags = if quoted { PART_QUOTED } else { 0 };
        self.fish_push(PartKind::Command, flags, start, self.pos, node);
    }

    fn fish_single_quotes(&mut self) {
        let mut from = self.pos + 1;
        let mut at = from;
        loop {
            match self.text.get(at..self.end).unwrap_or(&[]) {
                [] => {
                    self.refuse();
                    break;
                }
                [b'\'', ..] => break,
                [b'\\', b'\'' | b'\\', ..] => {
                    self.fish_push(PartKind::Literal, PART_QUOTED, from, at, 0);
                    from = at + 1;
                    at += 2;
                }
                _ => at += 1,
            }
        }
        self.fish_push(PartKind::Literal, PART_QUOTED, from, at.min(self.end), 0);
        self.pos = (at + 1).min(self.end);
    }

    fn fish_double_quotes(&mut self) {
        self.pos += 1;
        let mut from = self.pos;
        if !self.enter() {
            return;
        }
        loop {
            worked(1);
            match self.rest() {
                [] => {
                    self.refuse();
                    break;
                }
                [b'"', ..] => break,
                [b'\\', next @ (b'"' | b'\\' | b'$' | b'\n'), ..] => {
                    let newline = *next == b'\n';
                    self.fish_push(PartKind::Literal, PART_QUOTED, from, self.pos, 0);
                    from = self.pos + if newline { 2 } else { 1 };
                    self.pos += 2;
                }
                [b'$', b'(', ..] => {
                    self.fish_push(PartKind::Literal, PART_QUOTED, from, self.pos, 0);
                    self.fish_substitution(2, true);
                    from = self.pos;
                }
                [b'$', next, ..] if is(*next, NAME_START) => {
                    self.fish_push(PartKind::Literal, PART_QUOTED, from, self.pos, 0);
                    self.fish_dollar(true);
                    from = self.pos;
                }
                _ => self.pos += 1,
            }
        }
        self.leave();
        self.fish_push(PartKind::Literal, PART_QUOTED, from, self.pos.max(from), 0);
        self.pos = (self.pos + 1).min(self.end);
    }

    /// A backslash outside quotes: letters stand for control characters and codes.
    fn fish_escape(&mut self) {
        let start = self.pos;
        let hex = |most: usize| {
            let digits = self.rest().get(2..).unwrap_or(&[]);
            digits.iter().take(most).take_while(|b| b.is_ascii_hexdigit()).count()
        };
        let (kind, len) = match self.peek_at(1) {
            None => (PartKind::Literal, 1),
            Some(b'\n') => {
                self.pos += 2;
                return;
            }
            Some(b'a' | b'b' | b'e' | b'f' | b'n' | b'r' | b't' | b'v') => (PartKind::AnsiC, 2),
            Some(b'x' | b'X') => (PartKind::AnsiC, 2 + hex(2)),
            Some(b'u') => (PartKind::AnsiC, 2 + hex(4)),
            Some(b'U') => (PartKind::AnsiC, 2 + hex(8)),
            Some(b'0'..=b'7') => {
                let digits = self.rest().get(1..).unwrap_or(&[]);
                let count = digits.iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
                (PartKind::AnsiC, 1 + count)
            }
            Some(_) => (PartKind::Literal, 2),
        };
        self.pos = (start + len).min(self.end);
        let from = if kind == PartKind::Literal && len == 2 { start + 1 } else { start };
        self.fish_push(kind, PART_QUOTED | PART_ESCAPED, from, self.pos, 0);
    }

    /// `$name`, `$name[index]`, `$(…)`.
    pub(super) fn fish_dollar(&mut self, quoted: bool) {
        let start = self.pos;
        if self.peek_at(1) == Some(b'(') {
            return self.fish_substitution(2, quoted);
        }
        let len = name_len(self.rest().get(1..).unwrap_or(&[]));
        if len == 0 {
            self.pos += 1;
            // `$$x`: the variables that x names. More dollar signs aren't followed.
            let len = name_len(self.rest().get(1..).unwrap_or(&[]));
            if self.peek() == Some(b'$') && len > 0 {
                let name = Range32 { start: (start + 2) as u32, end: (start + 2 + len) as u32 };
                self.pos += 1 + len;
                let param = Param { name, indirect: true, list: true, joined: quoted, ..Param::default() };
                self.ast.params.push(param);
                let index = (self.ast.params.len() - 1) as u32;
                return self.fish_push(PartKind::Param, PART_QUOTED, start, self.pos, index);
            }
            return self.fish_push(PartKind::Literal, PART_QUOTED, start, start + 1, 0);
        }
        let name = Range32 { start: (start + 1) as u32, end: (start + 1 + len) as u32 };
        self.pos += 1 + len;
        let mut param = Param { name, ..Param::default() };
        if self.peek() == Some(b'[') {
            param.index = Some(self.subscript());
        } else {
            param.list = true;
            param.joined = quoted;
        }
        self.ast.params.push(param);
        let index = (self.ast.params.len() - 1) as u32;
        // A value is never split in fish.
        self.fish_push(PartKind::Param, PART_QUOTED, start, self.pos, index);
    }
}
