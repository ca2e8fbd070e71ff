//! Words: the parts that are expanded later. Quotes and substitutions are in `quotes`, parameters in `param`.

use super::Dialect;
use super::analysis::Range32;
use super::ast::{PART_GLOB, PART_QUOTED, Part, PartKind, WORD_BRACE, WORD_PLAIN, WordNode, settle};
use super::chars::{GLOB, META, PLAIN, QUOTE_SPECIAL, STOP, is};
use super::parser::Parser;
use super::work::worked;

/// Where parts are read, which decides what ends them and what is special.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A word of a command.
    Word,
    /// Between double quotes.
    Quotes,
    /// The body of an unquoted heredoc.
    Heredoc,
    /// An argument inside `${…}`: ends at `}`, and at the given byte (0 for none).
    Brace(u8),
    /// `[…]` after a name: ends at the matching `]`.
    Subscript,
    /// An arithmetic expression, whose end is known; with the flag it also ends at `;`.
    Arith(bool),
}

impl Parser<'_> {
    /// The word at the position; empty where none starts.
    pub(super) fn word(&mut self) -> WordNode {
        if self.dialect == Dialect::Fish {
            return self.fish_word();
        }
        let start = self.pos;
        let at = match self.classes {
            Some(classes) => classes.special(start).min(self.end),
            None => start + self.rest().iter().take_while(|&&b| is(b, PLAIN)).count(),
        };
        worked(at - start);
        if at > start && (at == self.end || is(self.text[at], META)) && !self.extended_glob(at) {
            self.pos = at;
            let process = (matches!(self.text.get(at), Some(b'<' | b'>'))
                && self.text.get(at + 1) == Some(&b'('))
                || (self.dialect == Dialect::Zsh && self.text.get(at) == Some(&b'(') && at == start + 1);
            if !process || at == self.end {
                let (start, end) = (start as u32, at as u32);
                return WordNode { start, end, parts: Range32::default(), flags: WORD_PLAIN };
            }
            self.pos = start;
        }
        let mark = self.ast.stacks.parts.len();
        self.parts(Place::Word, false);
        let mut flags = 0;
        let (mut open, mut separated, mut closed, mut plain) = (false, false, false, true);
        for part in self.ast.stacks.parts.get(mark..).unwrap_or(&[]) {
            match part.kind {
                PartKind::BraceOpen => open = true,
                PartKind::BraceComma => separated |= open,
                PartKind::BraceClose => closed |= separated,
                PartKind::Literal => {
                    plain &= part.flags == 0;
                    // `{a..c}`: the dots are in a literal.
                    let text = self.text.get(part.start as usize..part.end as usize).unwrap_or(&[]);
                    separated |= open && text.windows(2).any(|w| w == b"..");
                }
                _ => plain = false,
            }
        }
        if open && closed {
            flags |= WORD_BRACE;
            plain = false;
        }
        let (start, end) = (start as u32, self.pos as u32);
        // A line continuation leaves a gap: the text is not the value.
        plain = plain && !self.slice(Range32 { start, end }).contains(&b'\\');
        if plain {
            self.ast.stacks.parts.truncate(mark);
            return WordNode { start, end, parts: Range32::default(), flags: flags | WORD_PLAIN };
        }
        let parts = settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts);
        WordNode { start, end, parts, flags }
    }

    /// Whether `(` at `at` belongs to an extended glob such as `!(*.txt)`.
    pub(super) fn extended_glob(&self, at: usize) -> bool {
        if self.dialect == Dialect::Zsh {
            // Groups and qualifiers anywhere in a word; `f()` is a definition.
            let next = self.text.get(at + 1);
            return self.text.get(at) == Some(&b'(')
                && next.is_some_and(|b| !matches!(b, b')' | b' ' | b'\t' | b'\n'));
        }
        self.dialect != Dialect::Sh
            && at < self.end
            && self.text.get(at) == Some(&b'(')
            && at > 0
            && matches!(self.text.get(at - 1), Some(b'?' | b'*' | b'+' | b'@' | b'!'))
    }

    /// The extent of a word, quotes included, without looking into it: for names and delimiters.
    pub(super) fn raw_word(&mut self) -> Range32 {
        let start = self.pos;
        while let Some(b) = self.peek() {
            match b {
                b'\\' => self.pos = (self.pos + 2).min(self.end),
                b'\'' | b'"' => {
                    let rest = self.rest().get(1..).unwrap_or(&[]);
                    match rest.iter().position(|&c| c == b) {
                        Some(len) => self.pos += len + 2,
                        None => {
                            self.refuse();
                            self.pos = self.end;
                        }
                    }
                }
                b'$' if self.peek_at(1) == Some(b'(') => {
                    // Taken as it stands, blanks and all.
                    let mut depth = 0u32;
                    let len = self.rest().iter().position(|&b| {
                        depth = (depth + u32::from(b == b'(')).saturating_sub(u32::from(b == b')'));
                        b == b'\n' || (b == b')' && depth == 0)
                    });
                    let closed = len.filter(|&len| self.peek_at(len) == Some(b')'));
                    self.pos += closed.map_or(1, |len| len + 1);
                }
                _ if is(b, META) => break,
                _ => self.pos += 1,
            }
        }
        Range32 { start: start as u32, end: self.pos as u32 }
    }

    pub(super) fn push(&mut self, kind: PartKind, flags: u8, start: usize, end: usize, index: u32) {
        self.ast.stacks.parts.push(Part { kind, flags, start: start as u32, end: end as u32, index });
    }

    /// Reads parts until `place` ends, without consuming what ends it.
    pub(super) fn parts(&mut self, place: Place, quoted: bool) {
        let quote_flag = if quoted { PART_QUOTED } else { 0 };
        let mut depth = 0u32;
        // Open parentheses of an extended glob, in which blanks and operators are part of the word.
        let mut group = 0u32;
        let mark = self.ast.stacks.parts.len();
        while let Some(b) = self.peek() {
            worked(1);
            let start = self.pos;
            // What ends the place.
            match place {
                Place::Word if group > 0 && is(b, META) && b != b'\n' => {
                    group = (group + u32::from(b == b'(')) - u32::from(b == b')');
                    self.pos += 1;
                    self.push(PartKind::Literal, PART_GLOB, start, start + 1, 0);
                    continue;
                }
                Place::Word if is(b, META) => {
                    let process = matches!(b, b'<' | b'>') && self.peek_at(1) == Some(b'(');
                    if process && self.dialect != Dialect::Sh {
                        self.process();
                        continue;
                    }
                    if b == b'(' && self.extended_glob(self.pos) && self.glob_group_closes() {
                        group = 1;
                        self.pos += 1;
                        self.push(PartKind::Literal, PART_GLOB, start, start + 1, 0);
                        continue;
                    }
                    return;
                }
                Place::Quotes if b == b'"' => return,
                Place::Brace(other) if b == b'}' || (b == other && other != 0) => return,
                Place::Subscript => match b {
                    b'[' => depth += 1,
                    b']' if depth == 0 => return,
                    b']' => depth -= 1,
                    _ => {}
                },
                Place::Arith(true) if b == b';' => return,
                _ => {}
            }
            match b {
                b'\\' => self.escape(place, quoted),
                b'=' if place == Place::Word
                    && self.dialect == Dialect::Zsh
                    && self.ast.stacks.parts.len() == mark
                    && self.peek_at(1) == Some(b'(') =>
                {
                    self.process();
                }
                b'$' => self.dollar(place, quoted),
                b'`' => self.backquote(quoted),
                b'\''
                    if !(matches!(place, Place::Quotes | Place::Heredoc)
                        || quoted && place == Place::Brace(0)) =>
                {
                    self.single_quotes();
                }
                b'"' if place != Place::Heredoc => self.double_quotes(),
                b'{' if place == Place::Word => {
                    self.pos += 1;
                    self.push(PartKind::BraceOpen, 0, start, start + 1, 0);
                }
                b'}' if place == Place::Word => {
                    self.pos += 1;
                    self.push(PartKind::BraceClose, 0, start, start + 1, 0);
                }
                b',' if place == Place::Word => {
                    self.pos += 1;
                    self.push(PartKind::BraceComma, 0, start, start + 1, 0);
                }
                _ => {
                    let glob = self.run(place);
                    let flags = quote_flag | if glob && !quoted { PART_GLOB } else { 0 };
                    self.push(PartKind::Literal, flags, start, self.pos, 0);
                }
            }
        }
    }

    /// Consumes a run of ordinary bytes, at least one; whether a glob character was among them.
    fn run(&mut self, place: Place) -> bool {
        let start = self.pos;
        if matches!(place, Place::Quotes | Place::Heredoc) {
            // Quoted, so that no glob is one.
            self.pos = match self.classes {
                Some(classes) => classes.double(start + 1).min(self.end),
                None => {
                    let rest = self.text.get(start + 1..).unwrap_or(&[]);
                    start + 1 + rest.iter().take_while(|&&b| !is(b, QUOTE_SPECIAL)).count()
                }
            };
            worked(self.pos - start);
            return false;
        }
        let mut glob = false;
        while let Some(b) = self.peek() {
            let stop = match place {
                Place::Word => is(b, STOP),
                Place::Quotes | Place::Heredoc => is(b, QUOTE_SPECIAL),
                Place::Brace(other) => {
                    is(b, QUOTE_SPECIAL) || matches!(b, b'\'' | b'}') || (b == other && other != 0)
                }
                Place::Subscript => is(b, QUOTE_SPECIAL) || matches!(b, b'\'' | b'[' | b']'),
                Place::Arith(_) => is(b, QUOTE_SPECIAL) || matches!(b, b'\'' | b';'),
            };
            if stop && self.pos > start {
                break;
            }
            worked(1);
            glob |= is(b, GLOB);
            self.pos += 1;
        }
        glob
    }

    /// Whether the parenthesis of an extended glob here is closed, on its line and not too far away.
    pub(super) fn glob_group_closes(&self) -> bool {
        let mut depth = 0u32;
        for &b in self.rest().iter().take(256) {
            worked(1);
            match b {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return true;
                    }
                }
                b'\n' => return false,
                _ => {}
            }
        }
        false
    }

    /// Where the `))` that closes an arithmetic expression from `from` on stands.
    pub(super) fn arith_close(&mut self, from: usize) -> Option<usize> {
        if from >= self.no_arith_from {
            return None;
        }
        // Open parentheses and double quotes: bit 0 is the innermost, 1 a quote.
        let (mut quotes, mut depth) = (0u64, 0u32);
        let mut at = from;
        while at < self.end {
            worked(1);
            let quoted = depth > 0 && quotes & 1 == 1;
            match self.text[at] {
                b'\\' => at += 1,
                b'\'' if !quoted => {
                    let rest = self.text.get(at + 1..self.end).unwrap_or(&[]);
                    at += rest.iter().position(|&b| b == b'\'').map_or(0, |len| len + 1);
                }
                b'"' if quoted => {
                    quotes >>= 1;
                    depth -= 1;
                }
                b'(' if quoted && self.text.get(at.wrapping_sub(1)) != Some(&b'$') => {}
                open @ (b'"' | b'(') => {
                    if depth == 64 {
                        break;
                    }
                    quotes = quotes << 1 | u64::from(open == b'"');
                    depth += 1;
                }
                b')' if quoted => {}
                b')' if depth > 0 => {
                    quotes >>= 1;
                    depth -= 1;
                }
                b')' => {
                    return (self.text.get(at + 1) == Some(&b')') && at + 1 < self.end).then_some(at);
                }
                _ => {}
            }
            at += 1;
        }
        self.no_arith_from = from;
        None
    }

    /// The parts of an expression from the position up to `close`.
    pub(super) fn arith_parts(&mut self, close: usize) -> Range32 {
        self.arith_parts_until(close, false)
    }

    pub(super) fn arith_parts_until(&mut self, close: usize, semicolon: bool) -> Range32 {
        let mark = self.ast.stacks.parts.len();
        if self.enter() {
            let outer = self.read_until(close);
            self.parts(Place::Arith(semicolon), false);
            self.read_until(outer);
            self.leave();
        }
        settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts)
    }

    /// `[…]` after a name: its parts; the position is at `[`.
    pub(super) fn subscript(&mut self) -> Range32 {
        let mark = self.ast.stacks.parts.len();
        self.pos += 1;
        if self.enter() {
            self.parts(Place::Subscript, false);
            self.leave();
        }
        if self.peek() == Some(b']') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts)
    }

    /// The parts of a heredoc's body.
    pub(super) fn heredoc_parts(&mut self, body: Range32) -> Range32 {
        let mark = self.ast.stacks.parts.len();
        if self.enter() {
            let pos = std::mem::replace(&mut self.pos, body.start as usize);
            let end = self.read_until(body.end as usize);
            // What an expansion in the body leaves open doesn't reach beyond it.
            self.parts(Place::Heredoc, true);
            self.pos = pos;
            self.read_until(end);
            self.leave();
        }
        settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts)
    }
}
