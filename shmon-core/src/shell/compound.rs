//! Compound commands: `if`, `case`, loops, groups, functions, `[[ … ]]` and `(( … ))`.

use super::Dialect;
use super::analysis::Range32;
use super::ast::{Arm, EMPTY, Item, Join, Node, NodeId, settle};
use super::chars::{META, is};
use super::parser::Parser;
use super::reserved::{
    UNTIL_ARM, UNTIL_BRACE, UNTIL_DO, UNTIL_DONE, UNTIL_ELSE, UNTIL_ESAC, UNTIL_FI, UNTIL_PAREN, UNTIL_THEN,
};

impl Parser<'_> {
    /// One command of any kind with its redirections.
    pub(super) fn command(&mut self) -> NodeId {
        // A reserved word that opens nothing: bash refuses it; what follows is still looked at.
        loop {
            let length = self.closing_word();
            if length == 0 {
                break;
            }
            self.refuse();
            self.pos += length;
            self.blanks();
        }
        let Some(b) = self.peek() else {
            self.refuse();
            return EMPTY;
        };
        let reserved = match b {
            b'(' if self.dialect == Dialect::Zsh && self.peek_at(1) == Some(b')') => {
                return self.zsh_anonymous();
            }
            b'(' => true,
            b'{' | b'[' | b'i' | b'w' | b'u' | b'f' | b'c' | b's' | b'r' => self.starts_compound(),
            _ => false,
        };
        if !reserved {
            return self.simple();
        }
        if !self.enter() {
            return EMPTY;
        }
        let start = self.pos;
        let node = self.compound();
        self.ast.place(node, start, self.pos);
        self.leave();
        let mark = self.ast.stacks.redirections.len();
        loop {
            self.blanks();
            if !self.at_redirection() {
                break;
            }
            self.redirection();
        }
        self.redirected_node(node, mark)
    }

    /// `node` with the redirections that were put on their stack since `mark`, if any.
    pub(super) fn redirected_node(&mut self, node: NodeId, mark: usize) -> NodeId {
        if self.ast.stacks.redirections.len() == mark {
            return node;
        }
        let redirections = settle(&mut self.ast.stacks.redirections, mark, &mut self.ast.redirections);
        self.ast.add(Node::Redirected { body: node, redirections })
    }

    fn starts_compound(&self) -> bool {
        let at = |word: &[u8]| self.at_word(word);
        let more = self.dialect != Dialect::Sh;
        let zsh = self.dialect == Dialect::Zsh;
        match self.peek() {
            Some(b'{') => at(b"{"),
            Some(b'[') => more && at(b"[["),
            Some(b'i') => at(b"if"),
            Some(b'w') => at(b"while"),
            Some(b'u') => at(b"until"),
            Some(b'f') => at(b"for") || more && at(b"function") || zsh && at(b"foreach"),
            Some(b'c') => at(b"case") || more && at(b"coproc"),
            Some(b's') => more && at(b"select"),
            Some(b'r') => zsh && at(b"repeat"),
            _ => false,
        }
    }

    fn compound(&mut self) -> NodeId {
        if self.peek() == Some(b'(') {
            return self.paren();
        }
        let len = self.bare_word().len();
        let word: [u8; 8] = {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(self.bare_word()) {
                *to = *from;
            }
            word
        };
        self.pos += len;
        match &word[..len.min(8)] {
            b"{" => {
                let body = self.braced_list();
                let group = self.ast.add(Node::Group { body });
                self.zsh_always(group)
            }
            b"foreach" => self.zsh_foreach(),
            b"if" => self.if_clause(),
            b"while" => self.while_clause(false),
            b"until" => self.while_clause(true),
            b"for" | b"select" => self.for_clause(),
            b"repeat" => {
                self.blanks();
                self.word();
                self.do_body()
            }
            b"case" => self.case_clause(),
            b"[[" => self.cond(),
            b"function" => {
                self.blanks();
                let name = self.raw_word();
                self.blanks();
                let mut others = Vec::new();
                while self.dialect == Dialect::Zsh
                    && !self.at_word(b"{")
                    && self.peek().is_some_and(|b| !is(b, META))
                {
                    others.push(self.raw_word());
                    self.blanks();
                }
                if self.peek() == Some(b'(') {
                    self.pos += 1;
                    self.blanks();
                    if self.peek() == Some(b')') {
                        self.pos += 1;
                    }
                }
                let node = self.function(name);
                if others.is_empty() {
                    return node;
                }
                // zsh: `function a b { … }` defines both.
                let Node::Function { body, params, .. } = self.ast.node(node) else { return node };
                let mark = self.ast.stacks.items.len();
                self.ast.stacks.items.push(Item { node, join: Join::Sequence });
                for name in others.into_iter().take(16) {
                    let node = self.ast.add(Node::Function { name, body, params });
                    self.ast.stacks.items.push(Item { node, join: Join::Sequence });
                }
                let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
                self.ast.add(Node::List { items })
            }
            _ => {
                // coproc [NAME] command: a name only stands before a compound command.
                self.blanks();
                if !self.starts_compound() && self.peek() != Some(b'(') {
                    let start = self.pos;
                    self.raw_word();
                    let named = self.pos > start && matches!(self.peek(), Some(b' ' | b'\t'));
                    self.blanks();
                    if !named || !(self.starts_compound() || self.peek() == Some(b'(')) {
                        self.pos = start;
                    }
                }
                let body = self.command();
                self.ast.add(Node::Coproc { body })
            }
        }
    }

    /// A list up to the `}` that closes the brace before it.
    pub(super) fn braced_list(&mut self) -> NodeId {
        self.braces += 1;
        let body = self.list(UNTIL_BRACE);
        self.braces -= 1;
        self.expect(b"}");
        body
    }

    fn paren(&mut self) -> NodeId {
        if self.peek_at(1) == Some(b'(')
            && self.dialect != Dialect::Sh
            && let Some(close) = self.arith_close(self.pos + 2)
        {
            self.pos += 2;
            let parts = self.arith_parts(close);
            self.pos = close + 2;
            return self.ast.add(Node::Arith { parts });
        }
        self.pos += 1;
        let body = self.list(UNTIL_PAREN);
        if self.peek() == Some(b')') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        self.ast.add(Node::Subshell { body })
    }

    fn if_clause(&mut self) -> NodeId {
        let mark = self.ast.stacks.items.len();
        let push =
            |parser: &mut Self, node| parser.ast.stacks.items.push(Item { node, join: Join::Sequence });
        loop {
            if self.dialect == Dialect::Zsh {
                let condition = self.zsh_condition(UNTIL_THEN | UNTIL_FI | UNTIL_ELSE);
                push(self, condition);
                if !self.at_word(b"then") {
                    let body = self.zsh_short_body();
                    push(self, body);
                    self.blanks();
                    if self.accept(b"elif") {
                        continue;
                    }
                    if self.accept(b"else") {
                        let body = self.zsh_short_body();
                        push(self, body);
                    }
                    let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
                    return self.ast.add(Node::If { items });
                }
            } else {
                let condition = self.list(UNTIL_THEN | UNTIL_FI | UNTIL_ELSE);
                push(self, condition);
            }
            self.expect(b"then");
            let body = self.list(UNTIL_ELSE | UNTIL_FI);
            push(self, body);
            if self.accept(b"elif") {
                continue;
            }
            if self.accept(b"else") {
                let body = self.list(UNTIL_FI);
                push(self, body);
            }
            break;
        }
        self.expect(b"fi");
        let items = settle(&mut self.ast.stacks.items, mark, &mut self.ast.items);
        self.ast.add(Node::If { items })
    }

    fn while_clause(&mut self, until: bool) -> NodeId {
        let until_do = UNTIL_DO | UNTIL_DONE;
        let condition = match self.dialect {
            Dialect::Zsh => self.zsh_condition(until_do),
            _ => self.list(until_do),
        };
        let body = self.do_body();
        self.ast.add(Node::While { condition, body, until })
    }

    /// `do … done`, or `{ … }` as bash allows after `for`.
    fn do_body(&mut self) -> NodeId {
        self.lines();
        if self.peek() == Some(b';') {
            self.pos += 1;
            self.lines();
        }
        if self.accept(b"{") {
            return self.braced_list();
        }
        if self.accept(b"do") {
            let body = self.list(UNTIL_DONE);
            self.expect(b"done");
            return body;
        }
        if self.dialect == Dialect::Zsh {
            // zsh's short loops: the body is one command.
            return self.command();
        }
        self.refuse();
        EMPTY
    }

    fn for_clause(&mut self) -> NodeId {
        self.blanks();
        if self.peek() == Some(b'(')
            && self.peek_at(1) == Some(b'(')
            && let Some(close) = self.arith_close(self.pos + 2)
        {
            self.pos += 2;
            let mut found = [Range32::default(); 3];
            for slot in &mut found {
                *slot = self.arith_parts_until(close, true);
                if self.peek() == Some(b';') {
                    self.pos += 1;
                }
            }
            let exprs = self.ast.exprs.len() as u32;
            self.ast.exprs.extend_from_slice(&found);
            self.pos = close + 2;
            let body = self.do_body();
            return self.ast.add(Node::ForArith { exprs, body });
        }
        let mut name = self.raw_word();
        if self.dialect == Dialect::Zsh {
            // `for i j in …`: so many at a time.
            loop {
                self.blanks();
                if matches!(self.bare_word(), b"" | b"in" | b"do") || self.peek().is_none_or(|b| is(b, META))
                {
                    break;
                }
                name.end = self.raw_word().end;
            }
        }
        self.lines();
        let mark = self.ast.stacks.words.len();
        let mut listed = false;
        if self.accept(b"in") {
            listed = true;
            self.for_words(None);
        } else if self.dialect == Dialect::Zsh && self.peek() == Some(b'(') {
            listed = true;
            self.pos += 1;
            self.for_words(Some(b')'));
        }
        let words = settle(&mut self.ast.stacks.words, mark, &mut self.ast.words);
        let body = self.do_body();
        self.ast.add(Node::For { name, words, listed, body })
    }

    pub(super) fn for_words(&mut self, close: Option<u8>) {
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b';' | b'\n' | b'&' | b'|') => return,
                b if b == close => {
                    self.pos += 1;
                    return;
                }
                _ => {}
            }
            let word = self.word();
            if word.start == word.end {
                return;
            }
            self.ast.stacks.words.push(word);
        }
    }

    fn case_clause(&mut self) -> NodeId {
        self.blanks();
        let word = self.word();
        self.ast.words.push(word);
        let word = (self.ast.words.len() - 1) as u32;
        self.lines();
        let braced = self.dialect == Dialect::Zsh && self.accept(b"{");
        if !braced {
            self.expect(b"in");
        }
        let until = UNTIL_ARM | if braced { UNTIL_BRACE } else { UNTIL_ESAC };
        self.braces += u32::from(braced);
        let mark = self.ast.stacks.arms.len();
        loop {
            self.lines();
            if self.peek().is_none() {
                self.refuse();
                break;
            }
            if self.accept(if braced { b"}" } else { b"esac" }) {
                break;
            }
            let before = self.pos;
            if self.peek() == Some(b'(') {
                self.pos += 1;
            }
            let patterns = self.case_patterns();
            let body = self.list(until);
            let mut falls = false;
            if self.peek() == Some(b';') {
                falls = matches!(self.peek_at(1), Some(b'&' | b'|')) || self.peek_at(2) == Some(b'&');
                self.pos +=
                    if self.peek_at(1) == Some(b';') && self.peek_at(2) == Some(b'&') { 3 } else { 2 };
            }
            self.ast.stacks.arms.push(Arm { patterns, body, falls });
            if self.pos == before {
                self.refuse();
                self.pos += 1;
            }
        }
        self.braces -= u32::from(braced);
        let arms = settle(&mut self.ast.stacks.arms, mark, &mut self.ast.arms);
        self.ast.add(Node::Case { word, arms })
    }

    fn case_patterns(&mut self) -> Range32 {
        let mark = self.ast.stacks.words.len();
        loop {
            self.blanks();
            let word = self.word();
            if word.start != word.end {
                self.ast.stacks.words.push(word);
            }
            self.blanks();
            match self.peek() {
                Some(b'|') => self.pos += 1,
                Some(b')') => {
                    self.pos += 1;
                    break;
                }
                _ => {
                    self.refuse();
                    break;
                }
            }
        }
        settle(&mut self.ast.stacks.words, mark, &mut self.ast.words)
    }

    /// The body of a function whose name was read.
    pub(super) fn function(&mut self, name: Range32) -> NodeId {
        self.lines();
        if !self.enter() {
            return EMPTY;
        }
        let body = self.command();
        self.leave();
        if body == EMPTY {
            self.refuse();
        }
        self.ast.add(Node::Function { name, body, params: Range32::default() })
    }
}
