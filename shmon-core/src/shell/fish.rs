//! fish's grammar: its own words and blocks, into the same tree. Lists are kept as arrays that count from 1; what `set`
//! and its kin do is in `fish_run`.

use super::analysis::Range32;
use super::ast::{Arm, EMPTY, Item, Join, Node, NodeId, settle};
use super::chars::name_len;
use super::parser::Parser;
use super::reserved::{UNTIL_ARM, UNTIL_ELSE, UNTIL_END, UNTIL_PAREN, Until};
use super::work::worked;

/// Reserved words that open a block or change the command after them.
const DECORATIONS: [&[u8]; 4] = [b"and", b"or", b"not", b"time"];

impl Parser<'_> {
    /// A list up to `end`, `else`, `case` or `)` as `until` says, which is not consumed.
    pub(super) fn fish_list(&mut self, until: Until) -> NodeId {
        let mark = self.ast.stacks.items.len();
        loop {
            worked(1);
            self.fish_lines();
            let Some(b) = self.peek() else { break };
            let ends = match self.bare_word() {
                b"end" => UNTIL_END,
                b"else" => UNTIL_ELSE,
                b"case" => UNTIL_ARM,
                _ if b == b')' => UNTIL_PAREN,
                _ => 0,
            };
            if until & ends != 0 {
                break;
            }
            if ends != 0 || matches!(b, b'&' | b'|') {
                self.refuse();
                self.pos += self.bare_word().len().max(1);
                continue;
            }
            let before = self.pos;
            // `; and x` depends on the command before it.
            let join = match self.bare_word() {
                b"and" => Some(Join::And),
                b"or" => Some(Join::Or),
                _ => None,
            };
            if join.is_some() {
                self.pos += self.bare_word().len();
            }
            let mut node = self.fish_jobs();
            if let Some(join) = join
                && self.ast.stacks.items.len() > mark
                && let Some(first) = self.ast.stacks.items.pop()
            {
                let start = self.ast.items.len() as u32;
                self.ast.items.push(Item { node: first.node, join: Join::Sequence });
                self.ast.items.push(Item { node, join });
                node = self.ast.add(Node::AndOr { items: Range32 { start, end: start + 2 } });
            }
            self.fish_blanks();
            let mut join = Join::Sequence;
            if self.peek() == Some(b'&') && self.peek_at(1) != Some(b'&') {
                self.pos += 1;
                join = Join::Background;
            }
            if self.pos == before {
                self.refuse();
                self.pos += 1;
            }
            if node != EMPTY {
                self.ast.stacks.items.push(Item { node, join });
            }
        }
        self.finish_items(mark, |items| Node::List { items })
    }

    fn fish_blanks(&mut self) {
        self.blanks();
    }

    fn fish_lines(&mut self) {
        loop {
            self.fish_blanks();
            if !matches!(self.peek(), Some(b'\n' | b';')) {
                return;
            }
            self.pos += 1;
        }
    }

    /// `a && b || c`
    fn fish_jobs(&mut self) -> NodeId {
        let mark = self.ast.stacks.items.len();
        let mut join = Join::Sequence;
        loop {
            let node = self.fish_pipeline();
            self.ast.stacks.items.push(Item { node, join });
            self.fish_blanks();
            join = match (self.peek(), self.peek_at(1)) {
                (Some(b'&'), Some(b'&')) => Join::And,
                (Some(b'|'), Some(b'|')) => Join::Or,
                _ => break,
            };
            self.pos += 2;
            self.fish_lines();
        }
        self.finish_items(mark, |items| Node::AndOr { items })
    }

    fn fish_pipeline(&mut self) -> NodeId {
        let (mut negated, mut timed) = (false, false);
        loop {
            self.fish_blanks();
            let word = self.bare_word();
            match word {
                b"not" | b"!" => negated = !negated,
                b"time" => timed = true,
                b"and" | b"or" => {}
                _ => break,
            }
            self.pos += word.len();
        }
        let mark = self.ast.stacks.items.len();
        let mut join = Join::Pipe;
        loop {
            self.fish_blanks();
            let node = self.fish_command();
            self.ast.stacks.items.push(Item { node, join });
            self.fish_blanks();
            let (next, len) = match self.rest() {
                [b'|', b'|', ..] => break,
                [b'|', ..] => (Join::Pipe, 1),
                [b'&', b'|', ..] => (Join::PipeBoth, 2),
                [b'1'..=b'9', b'>', b'|', ..] => (Join::Pipe, 3),
                _ => break,
            };
            join = next;
            self.pos += len;
            self.fish_lines();
        }
        let single = self.ast.stacks.items.len() == mark + 1;
        let mut node = if single && !negated {
            self.finish_items(mark, |items| Node::Pipeline { items, negated })
        } else {
            let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
            self.ast.add(Node::Pipeline { items, negated })
        };
        if timed {
            node = self.ast.add(Node::Timed { body: node });
        }
        node
    }

    fn fish_command(&mut self) -> NodeId {
        let word = self.bare_word();
        if !matches!(word, b"begin" | b"if" | b"while" | b"for" | b"function" | b"switch" | b"{") {
            return self.fish_simple();
        }
        let start = self.pos;
        let mut opening = [0u8; 8];
        let len = word.len().min(8);
        opening[..len].copy_from_slice(&word[..len]);
        self.pos += len;
        if !self.enter() {
            return EMPTY;
        }
        let node = match &opening[..len] {
            b"if" => self.fish_if(),
            b"while" => {
                let condition = self.fish_condition();
                let body = self.fish_list(UNTIL_END);
                self.ast.add(Node::While { condition, body, until: false })
            }
            b"for" => self.fish_for(),
            b"function" => self.fish_function(),
            b"switch" => self.fish_switch(),
            _ => {
                let body = self.fish_list(UNTIL_END);
                self.ast.add(Node::Group { body })
            }
        };
        self.leave();
        self.fish_lines_to_end();
        self.ast.place(node, start, self.pos);
        let mark = self.ast.stacks.redirections.len();
        loop {
            self.fish_blanks();
            if !self.fish_at_redirection() {
                break;
            }
            self.redirection();
        }
        self.redirected_node(node, mark)
    }

    fn fish_lines_to_end(&mut self) {
        self.fish_lines();
        self.expect(b"end");
    }

    /// The jobs of a condition: `if a; and b` goes on with what depends on it.
    fn fish_condition(&mut self) -> NodeId {
        let mark = self.ast.stacks.items.len();
        let node = self.fish_jobs();
        self.ast.stacks.items.push(Item { node, join: Join::Sequence });
        loop {
            let before = self.pos;
            self.fish_lines();
            let join = match self.bare_word() {
                b"and" => Join::And,
                b"or" => Join::Or,
                _ => {
                    self.pos = before;
                    break;
                }
            };
            self.pos += self.bare_word().len();
            let node = self.fish_jobs();
            self.ast.stacks.items.push(Item { node, join });
        }
        let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
        if items.len() == 1 { node } else { self.ast.add(Node::AndOr { items }) }
    }

    fn fish_if(&mut self) -> NodeId {
        let mark = self.ast.stacks.items.len();
        let push =
            |parser: &mut Self, node| parser.ast.stacks.items.push(Item { node, join: Join::Sequence });
        loop {
            let condition = self.fish_condition();
            push(self, condition);
            let body = self.fish_list(UNTIL_END | UNTIL_ELSE);
            push(self, body);
            if !self.accept(b"else") {
                break;
            }
            self.fish_blanks();
            if self.accept(b"if") {
                continue;
            }
            let body = self.fish_list(UNTIL_END);
            push(self, body);
            break;
        }
        let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
        self.ast.add(Node::If { items })
    }

    fn fish_words(&mut self) -> Range32 {
        let mark = self.ast.stacks.words.len();
        loop {
            self.fish_blanks();
            if matches!(self.peek(), None | Some(b';' | b'\n' | b'&' | b'|' | b')')) {
                break;
            }
            let word = self.word();
            if word.start == word.end {
                break;
            }
            self.ast.stacks.words.push(word);
        }
        settle(&mut self.ast.stacks.words, mark, &mut self.ast.words)
    }

    fn fish_for(&mut self) -> NodeId {
        self.fish_blanks();
        let name = self.raw_word();
        self.fish_blanks();
        self.expect(b"in");
        let words = self.fish_words();
        let body = self.fish_list(UNTIL_END);
        self.ast.add(Node::For { name, words, listed: true, body })
    }

    /// `function NAME [options]`: names after `-a` are its parameters; a handler of an event runs without being called.
    fn fish_function(&mut self) -> NodeId {
        let words = self.fish_words();
        let mut name = Range32::default();
        let (mut params, mut handler, mut skip) = (Range32::default(), false, false);
        for index in words.start..words.end {
            let word = self.ast.word(index);
            let range = Range32 { start: word.start, end: word.end };
            let text = self.slice(range);
            let option = text.starts_with(b"-");
            handler |= text.starts_with(b"--on-") || matches!(text, b"-e" | b"-v" | b"-s" | b"-p" | b"-j");
            if matches!(text, b"-a" | b"--argument" | b"--argument-names") {
                params = Range32 { start: index + 1, end: index + 1 };
            } else if option {
                skip = matches!(text, b"-d" | b"-e" | b"-v" | b"-s" | b"-p" | b"-j" | b"-w" | b"-V")
                    || (text.starts_with(b"--") && !text.contains(&b'=') && text != b"--no-scope-shadowing");
            } else if skip {
                skip = false;
            } else if name.is_empty() && index == words.start {
                name = range;
            } else if params.end == index && params.start > 0 {
                params.end = index + 1;
            } else if name.is_empty() {
                name = range;
            }
        }
        if name.is_empty() {
            self.refuse();
        }
        let body = self.fish_list(UNTIL_END);
        let function = self.ast.add(Node::Function { name, body, params });
        if !handler {
            return function;
        }
        let start = self.ast.items.len() as u32;
        self.ast.items.push(Item { node: function, join: Join::Sequence });
        self.ast.items.push(Item { node: body, join: Join::Sequence });
        self.ast.add(Node::List { items: Range32 { start, end: start + 2 } })
    }

    fn fish_switch(&mut self) -> NodeId {
        self.fish_blanks();
        let word = self.word();
        self.ast.words.push(word);
        let word = (self.ast.words.len() - 1) as u32;
        let mark = self.ast.stacks.arms.len();
        self.fish_lines();
        while self.accept(b"case") {
            let patterns = self.fish_words();
            let body = self.fish_list(UNTIL_END | UNTIL_ARM);
            self.ast.stacks.arms.push(Arm { patterns, body, falls: false });
            self.fish_lines();
        }
        let arms = settle(&mut self.ast.stacks.arms, mark, &mut self.ast.arms);
        self.ast.add(Node::Case { word, arms })
    }

    fn fish_at_redirection(&self) -> bool {
        let digits = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        match self.rest().get(digits..) {
            Some([b'>', b'|', ..]) => false,
            Some([b'<' | b'>', ..]) => true,
            Some([b'&', b'>', ..]) => digits == 0,
            _ => false,
        }
    }

    fn fish_simple(&mut self) -> NodeId {
        let words = self.ast.stacks.words.len();
        let assignments = self.ast.stacks.assignments.len();
        let redirections = self.ast.stacks.redirections.len();
        let start = self.pos;
        let mut last = self.pos;
        loop {
            worked(1);
            self.fish_blanks();
            let Some(b) = self.peek() else { break };
            if self.fish_at_redirection() {
                self.redirection();
                // `>?file`: unless it exists.
                last = self.pos;
                continue;
            }
            if matches!(b, b'\n' | b';' | b'|' | b'&' | b')') {
                break;
            }
            if self.rest().get(1..3) == Some(b">|") && b.is_ascii_digit() {
                break;
            }
            let before = self.pos;
            if self.ast.stacks.words.len() == words && self.fish_assignment() {
                last = self.pos;
                continue;
            }
            let word = self.word();
            if self.pos == before {
                break;
            }
            self.ast.stacks.words.push(word);
            last = self.pos;
        }
        self.simple_node([words, assignments, redirections], start, last)
    }

    /// `NAME=value` before a command.
    fn fish_assignment(&mut self) -> bool {
        let len = name_len(self.rest());
        if len == 0 || self.peek_at(len) != Some(b'=') || DECORATIONS.contains(&&self.rest()[..len]) {
            return false;
        }
        self.assignment()
    }
}
