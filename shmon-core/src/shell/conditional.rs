//! `[[ … ]]`: its words, its operators, and the regular expression after `=~`.

use super::Dialect;
use super::analysis::Range32;
use super::ast::{Node, NodeId, PartKind, WORD_OPERATOR, WORD_PLAIN, WordNode, settle};
use super::chars::{META, NAME_START, is};
use super::parser::Parser;
use super::word::Place;
use super::work::worked;

impl Parser<'_> {
    /// `[[ … ]]` after its opening: words, with operators marked.
    pub(super) fn cond(&mut self) -> NodeId {
        let mark = self.ast.stacks.words.len();
        let mut regex = false;
        loop {
            self.lines();
            let Some(b) = self.peek() else {
                self.refuse();
                break;
            };
            if b == b']' && self.bare_close() {
                self.pos += 2;
                break;
            }
            let start = self.pos;
            if regex {
                regex = false;
                let word = self.regex();
                if word.start != word.end {
                    self.ast.stacks.words.push(word);
                    continue;
                }
            }
            let operator = match (b, self.peek_at(1)) {
                (b'&', Some(b'&')) | (b'|', Some(b'|')) => 2,
                (b'(', _) if self.dialect == Dialect::Zsh && self.compares(mark) => 0,
                (b'(' | b')', _) => 1,
                (b'<' | b'>', next) if next != Some(b'(') => 1,
                (b'!', next) if next.is_none_or(|b| is(b, META)) => 1,
                _ => 0,
            };
            if operator > 0 {
                self.pos += operator;
                let (start, end) = (start as u32, self.pos as u32);
                let flags = WORD_PLAIN | WORD_OPERATOR;
                self.ast.stacks.words.push(WordNode { start, end, parts: Range32::default(), flags });
                continue;
            }
            let word = self.word();
            if word.start == word.end {
                self.refuse();
                self.pos += 1;
                continue;
            }
            regex = self.slice(Range32 { start: word.start, end: word.end }) == b"=~";
            self.ast.stacks.words.push(word);
        }
        let words = settle(&mut self.ast.stacks.words, mark, &mut self.ast.words);
        self.ast.add(Node::Cond { words })
    }

    /// Whether the last word is `=` or its kin, after which zsh has a pattern.
    fn compares(&self, mark: usize) -> bool {
        let last = self.ast.stacks.words.get(mark..).and_then(<[WordNode]>::last);
        last.is_some_and(|w| {
            matches!(self.slice(Range32 { start: w.start, end: w.end }), b"=" | b"==" | b"!=")
        })
    }

    fn bare_close(&self) -> bool {
        self.rest().starts_with(b"]]")
            && self.peek_at(2).is_none_or(|b| is(b, META) || matches!(b, b'\r' | b'\\'))
    }

    /// The regular expression after `=~`: up to a blank outside parentheses. Backslashes stay in it; what is quoted and
    /// what is expanded are parts of their own.
    fn regex(&mut self) -> WordNode {
        let start = self.pos;
        let mark = self.ast.stacks.parts.len();
        let (mut depth, mut from) = (0u32, start);
        while let Some(b) = self.peek() {
            worked(1);
            let part = match b {
                b'\\' => {
                    self.pos += 1;
                    false
                }
                b'(' => {
                    depth += 1;
                    false
                }
                b')' => {
                    depth = depth.saturating_sub(1);
                    false
                }
                b' ' | b'\t' if depth == 0 => break,
                b'\n' => break,
                // `^a$`, `(a$|b)`: an anchor.
                b'$' => {
                    self.peek_at(1).is_some_and(|b| is(b, NAME_START) || b"{('\"@*#?!0123456789".contains(&b))
                }
                b'`' | b'"' | b'\'' => true,
                _ => false,
            };
            if !part {
                self.pos = (self.pos + 1).min(self.end);
                continue;
            }
            self.push_plain(from);
            let before = self.pos;
            match b {
                b'$' => self.dollar(Place::Word, false),
                b'`' => self.backquote(false),
                b'"' => self.double_quotes(),
                _ => self.single_quotes(),
            }
            self.pos = self.pos.max(before + 1).min(self.end);
            from = self.pos;
        }
        let (begin, end) = (start as u32, self.pos as u32);
        if from == start {
            return WordNode { start: begin, end, parts: Range32::default(), flags: WORD_PLAIN };
        }
        self.push_plain(from);
        let parts = settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts);
        WordNode { start: begin, end, parts, flags: 0 }
    }

    /// The text since `from` as it stands.
    fn push_plain(&mut self, from: usize) {
        if from < self.pos {
            self.push(PartKind::Literal, 0, from, self.pos, 0);
        }
    }
}
