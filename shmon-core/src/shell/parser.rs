//! Recursive descent over the bytes: lists, pipelines and simple commands. Compound commands are in `compound`, words in
//! `word`. Every loop consumes at least one byte and nesting is bounded, so that work is linear in the input.

use super::ast::{Ast, EMPTY, Heredoc, Item, Join, Node, NodeId, PendingHeredoc, RedirNode, settle};
use super::chars::{META, is, name_len};
use super::masks::Classes;
use super::reserved::{UNTIL_PAREN, Until};
use super::work::worked;
use super::{Dialect, RedirectionKind, analysis::Range32};

/// Nesting of commands and words that is looked at; deeper text is left out and reported.
pub(super) const MAX_DEPTH: u32 = 64;

/// What a parser found out besides the tree.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trouble {
    /// Where bash would first refuse the text.
    pub(super) syntax: Option<u32>,
    /// Where nesting went too deep.
    pub(super) depth: Option<u32>,
}

pub(super) struct Parser<'a> {
    /// The text up to the end of what is read.
    pub(super) text: &'a [u8],
    pub(super) pos: usize,
    pub(super) end: usize,
    /// All of the text.
    whole: &'a [u8],
    /// The classes of the text's bytes, where they were read.
    pub(super) classes: Option<&'a Classes>,
    pub(super) ast: &'a mut Ast,
    pub(super) dialect: Dialect,
    pub(super) depth: u32,
    pub(super) trouble: Trouble,
    /// Heredocs below this index belong to a line around the substitution that is being read.
    pub(super) heredoc_base: usize,
    /// Substitutions in parentheses around the position.
    pub(super) substitutions: u32,
    /// Open `{`: in zsh a `}` closes them even as an argument.
    pub(super) braces: u32,
    /// From here on no `((` is closed by `))`: saves looking for it again.
    pub(super) no_arith_from: usize,
}

/// Parses `range` of `text`, of whose first bytes `classes` may be known, and returns the list's node.
pub(super) fn parse(
    text: &[u8],
    classes: &Classes,
    range: Range32,
    dialect: Dialect,
    ast: &mut Ast,
) -> (NodeId, Trouble) {
    let end = (range.end as usize).min(text.len());
    let mut parser = Parser {
        text: text.get(..end).unwrap_or(&[]),
        pos: range.start as usize,
        end,
        whole: text,
        classes: Some(classes).filter(|classes| end <= classes.length()),
        ast,
        dialect,
        depth: 0,
        trouble: Trouble::default(),
        heredoc_base: 0,
        substitutions: 0,
        braces: 0,
        no_arith_from: usize::MAX,
    };
    let node = if dialect == Dialect::Fish { parser.fish_list(0) } else { parser.list(0) };
    parser.heredocs();
    (node, parser.trouble)
}

impl<'a> Parser<'a> {
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    #[inline]
    pub(super) fn peek_at(&self, offset: usize) -> Option<u8> {
        self.text.get(self.pos + offset).copied()
    }

    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.pos..).unwrap_or(&[])
    }

    /// Reads no further than `end`, which gets the end before it back.
    pub(super) fn read_until(&mut self, end: usize) -> usize {
        self.text = self.whole.get(..end).unwrap_or(self.whole);
        std::mem::replace(&mut self.end, self.text.len())
    }

    /// Notes that bash would refuse the text here.
    pub(super) fn refuse(&mut self) {
        if self.trouble.syntax.is_none() {
            self.trouble.syntax = Some(self.pos.min(self.end) as u32);
        }
    }

    /// Enters one level of nesting; false, and at the end of the text, where that is too deep.
    pub(super) fn enter(&mut self) -> bool {
        if self.depth >= MAX_DEPTH {
            if self.trouble.depth.is_none() {
                self.trouble.depth = Some(self.pos as u32);
            }
            self.pos = self.end;
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Skips blanks, line continuations and comments.
    #[inline(always)]
    pub(super) fn blanks(&mut self) {
        // One space is what mostly stands there.
        self.pos += usize::from(self.peek() == Some(b' '));
        if matches!(self.peek(), Some(b' ' | b'\t' | b'\\' | b'\r' | b'#')) {
            self.skip_blanks();
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(b) = self.peek() {
            worked(1);
            match b {
                b' ' | b'\t' => self.pos += 1,
                b'\\' if self.peek_at(1) == Some(b'\n') => self.pos += 2,
                b'\r' if self.peek_at(1) == Some(b'\n') => self.pos += 1,
                b'#' => {
                    let rest = self.rest();
                    self.pos += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    /// Skips blanks and newlines, reading the heredocs that newlines start.
    pub(super) fn lines(&mut self) {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return;
            }
            self.pos += 1;
            self.heredocs();
        }
    }

    /// A list up to one of the words or signs of `until`, which is not consumed.
    pub(super) fn list(&mut self, until: Until) -> NodeId {
        let mark = self.ast.stacks.items.len();
        loop {
            worked(1);
            self.lines();
            let Some(b) = self.peek() else { break };
            if self.ends_list(until) {
                break;
            }
            if matches!(b, b';' | b'&' | b'|' | b')') {
                if b != b';' || self.dialect != Dialect::Zsh {
                    self.refuse();
                }
                self.pos += 1;
                continue;
            }
            let before = self.pos;
            let node = self.and_or();
            self.blanks();
            let join = match self.peek() {
                Some(b';') if !self.at_arm_end() => {
                    self.pos += 1;
                    Join::Sequence
                }
                Some(b'&') if self.peek_at(1) != Some(b'&') => {
                    // zsh: `&!` and `&|` disown.
                    let zsh = self.dialect == Dialect::Zsh && matches!(self.peek_at(1), Some(b'!' | b'|'));
                    self.pos += if zsh { 2 } else { 1 };
                    Join::Background
                }
                _ => Join::Sequence,
            };
            if self.pos == before {
                self.refuse();
                self.pos += 1;
            }
            if !matches!(self.ast.node(node), Node::Empty) {
                self.ast.stacks.items.push(Item { node, join });
            }
        }
        self.finish_items(mark, |items| Node::List { items })
    }

    /// A node over the items above `mark`; a single foreground item needs none.
    pub(super) fn finish_items(&mut self, mark: usize, make: impl FnOnce(Range32) -> Node) -> NodeId {
        match self.ast.stacks.items.get(mark..) {
            None | Some([]) => EMPTY,
            Some(&[Item { node, join }]) if join != Join::Background => {
                self.ast.stacks.items.truncate(mark);
                node
            }
            Some(_) => {
                let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
                self.ast.add(make(items))
            }
        }
    }

    /// The operator of an and-or list that stands here.
    fn and_or_operator(&self) -> Option<Join> {
        match (self.peek(), self.peek_at(1)) {
            (Some(b'&'), Some(b'&')) => Some(Join::And),
            (Some(b'|'), Some(b'|')) => Some(Join::Or),
            _ => None,
        }
    }

    pub(super) fn and_or(&mut self) -> NodeId {
        let mut node = self.pipeline();
        self.blanks();
        let Some(mut next) = self.and_or_operator() else { return node };
        let mark = self.ast.stacks.items.len();
        let mut join = Join::Sequence;
        loop {
            self.ast.stacks.items.push(Item { node, join });
            self.pos += 2;
            self.lines();
            if self.peek().is_none() {
                self.refuse();
            }
            join = next;
            node = self.pipeline();
            self.blanks();
            next = match self.and_or_operator() {
                Some(next) => next,
                None => break,
            };
        }
        self.ast.stacks.items.push(Item { node, join });
        self.finish_items(mark, |items| Node::AndOr { items })
    }

    fn pipeline(&mut self) -> NodeId {
        let mut negated = false;
        let mut timed = false;
        let mut prefixed = false;
        loop {
            self.blanks();
            match self.peek() {
                Some(b'!') if self.at_word(b"!") => {
                    self.pos += 1;
                    negated = !negated;
                }
                Some(b't') if self.at_word(b"time") && self.time_is_keyword() => {
                    self.pos += 4;
                    timed = true;
                    self.blanks();
                    if self.accept(b"-p") {
                        self.blanks();
                    }
                    self.accept(b"--");
                }
                _ => break,
            }
            prefixed = true;
        }
        // `! ` and `time` may stand alone.
        let mut node = if prefixed && self.at_separator() { EMPTY } else { self.command() };
        self.blanks();
        let mut next = self.pipe();
        if negated || next.is_some() {
            let mark = self.ast.stacks.items.len();
            self.ast.stacks.items.push(Item { node, join: Join::Pipe });
            while let Some(join) = next {
                self.pos += if join == Join::PipeBoth { 2 } else { 1 };
                self.lines();
                let node = self.command();
                self.ast.stacks.items.push(Item { node, join });
                self.blanks();
                next = self.pipe();
            }
            let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
            node = self.ast.add(Node::Pipeline { items, negated });
        }
        if timed {
            node = self.ast.add(Node::Timed { body: node });
        }
        node
    }

    /// The operator of a pipeline that stands here.
    fn pipe(&self) -> Option<Join> {
        match (self.peek(), self.peek_at(1)) {
            (Some(b'|'), Some(b'&')) => Some(Join::PipeBoth),
            (Some(b'|'), next) if next != Some(b'|') => Some(Join::Pipe),
            _ => None,
        }
    }

    /// Whether `time` is the keyword. In bash it is even before `-f`, which then is the command; other shells have the
    /// program or leave options to it.
    fn time_is_keyword(&self) -> bool {
        match self.dialect {
            Dialect::Bash => return true,
            Dialect::Sh => return false,
            _ => {}
        }
        let after = self.rest().get(4..).unwrap_or(&[]);
        let blank = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let option = after.get(blank..).unwrap_or(&[]);
        match option {
            [b'-', b'p' | b'-', rest @ ..] => rest.first().is_some_and(|b| is(*b, META)),
            [b'-', ..] => false,
            _ => true,
        }
    }

    fn at_separator(&self) -> bool {
        matches!(self.peek(), None | Some(b';' | b'&' | b'|' | b'\n' | b')'))
    }

    /// Whether `()` stands here.
    pub(super) fn empty_parens(&mut self) -> bool {
        let inner = self.rest().get(1..).unwrap_or(&[]);
        let blank = inner.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let found = inner.get(blank) == Some(&b')');
        if found {
            self.pos += blank + 2;
        }
        found
    }

    /// The length of the digits before `<` or `>`.
    pub(super) fn descriptor_len(&self) -> usize {
        let rest = self.rest();
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits < 10 && matches!(rest.get(digits), Some(b'<' | b'>')) { digits } else { 0 }
    }

    /// The length of `{name}` before `<` or `>`.
    pub(super) fn named_descriptor_len(&self) -> usize {
        let rest = self.rest();
        let name = name_len(rest.get(1..).unwrap_or(&[]));
        let close = matches!(rest.get(name + 1..), Some([b'}', b'<' | b'>', ..]));
        if name > 0 && close { name + 2 } else { 0 }
    }

    /// Whether a redirection starts here.
    pub(super) fn at_redirection(&self) -> bool {
        match self.peek() {
            Some(b'<' | b'>') => self.peek_at(1) != Some(b'('),
            Some(b'&') => self.peek_at(1) == Some(b'>'),
            Some(b'0'..=b'9') => self.descriptor_len() > 0,
            Some(b'{') => self.named_descriptor_len() > 0,
            _ => false,
        }
    }

    /// Reads one redirection; the position is at its start.
    pub(super) fn redirection(&mut self) {
        let start = self.pos;
        let digits = self.descriptor_len();
        let mut fd = None;
        if digits > 0 {
            let text = self.text.get(self.pos..self.pos + digits).unwrap_or(&[]);
            fd = Some(text.iter().fold(0i32, |n, b| n.wrapping_mul(10).wrapping_add(i32::from(b - b'0'))));
            self.pos += digits;
        } else {
            self.pos += self.named_descriptor_len();
        }
        let mut both = false;
        if self.peek() == Some(b'&') {
            both = true;
            self.pos += 1;
        }
        let signs: [Option<u8>; 3] = [self.peek(), self.peek_at(1), self.peek_at(2)];
        use RedirectionKind as K;
        let (kind, len) = match signs {
            [Some(b'<'), Some(b'<'), Some(b'<')] => (K::HereString, 3),
            [Some(b'<'), Some(b'<'), _] => (K::Heredoc, 2),
            [Some(b'<'), Some(b'&'), _] => (K::Duplicate, 2),
            [Some(b'<'), Some(b'>'), _] => (K::ReadWrite, 2),
            [Some(b'<'), ..] => (K::Read, 1),
            [Some(b'>'), Some(b'>'), _] => (K::Append, 2),
            [Some(b'>'), Some(b'|' | b'!'), _] => (K::Write, 2),
            [Some(b'>'), Some(b'&'), _] => (K::Duplicate, 2),
            _ => (K::Write, 1),
        };
        self.pos += len;
        if self.dialect == Dialect::Zsh
            && matches!(kind, K::Append | K::Duplicate)
            && self.peek() == Some(b'!')
        {
            self.pos += 1;
        }
        let input = signs[0] == Some(b'<');
        let fd = fd.unwrap_or(if input { 0 } else { 1 });
        let strip = kind == K::Heredoc && self.peek() == Some(b'-');
        if strip {
            self.pos += 1;
        }
        self.blanks();
        let target = if kind == K::Heredoc {
            let delimiter = self.raw_word();
            let quoted = self.slice(delimiter).iter().any(|b| matches!(b, b'\'' | b'"' | b'\\'));
            let heredoc = self.ast.heredocs.len() as u32;
            let body = Range32 { start: self.end as u32, end: self.end as u32 };
            self.ast.heredocs.push(Heredoc { quoted, strip, body, parts: Range32::default() });
            self.ast.stacks.pending.push(PendingHeredoc { heredoc, delimiter });
            heredoc
        } else {
            let word = self.word();
            if word.start == word.end {
                self.refuse();
            }
            // `>&file` is `&>file`.
            if kind == K::Duplicate && !input {
                let text = self.text.get(word.start as usize..word.end as usize).unwrap_or(&[]);
                both = !text.iter().all(|b| b.is_ascii_digit() || *b == b'-') && digits == 0;
            }
            self.ast.words.push(word);
            (self.ast.words.len() - 1) as u32
        };
        let kind = if both && kind == K::Duplicate { K::Write } else { kind };
        let (start, end) = (start as u32, self.pos as u32);
        self.ast.stacks.redirections.push(RedirNode { kind, fd, both, target, start, end });
    }

    pub(super) fn slice(&self, range: Range32) -> &'a [u8] {
        self.whole.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    /// The list inside a substitution: heredocs that wait for the end of the line around it stay out of it.
    pub(super) fn inner_list(&mut self, until: Until) -> NodeId {
        let base = std::mem::replace(&mut self.heredoc_base, self.ast.stacks.pending.len());
        let closes = u32::from(until == UNTIL_PAREN);
        self.substitutions += closes;
        let node = self.list(until);
        self.heredocs();
        self.substitutions -= closes;
        self.heredoc_base = base;
        node
    }
}
