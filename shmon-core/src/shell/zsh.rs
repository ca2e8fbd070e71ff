//! What zsh's grammar has besides bash's: short forms of `if` and loops, `foreach`, anonymous functions, `always`.

use super::analysis::Range32;
use super::ast::{Item, Join, Node, NodeId, WORD_PLAIN, WordNode, settle};
use super::parser::Parser;
use super::reserved::{UNTIL_END, Until};
use super::work::worked;

impl Parser<'_> {
    /// A condition: up to one of the words of `until`, or a single command where no separator follows it.
    pub(super) fn zsh_condition(&mut self, until: Until) -> NodeId {
        let mark = self.ast.stacks.items.len();
        loop {
            worked(1);
            self.lines();
            if self.peek().is_none() || self.ends_list(until) {
                break;
            }
            let before = self.pos;
            let node = self.and_or();
            self.ast.stacks.items.push(Item { node, join: Join::Sequence });
            self.blanks();
            if !matches!(self.peek(), Some(b';' | b'\n')) || self.pos == before {
                break;
            }
            self.pos += 1;
        }
        self.finish_items(mark, |items| Node::List { items })
    }

    /// What follows a condition without `then`: `{ … }` or one command.
    pub(super) fn zsh_short_body(&mut self) -> NodeId {
        self.blanks();
        if self.accept(b"{") { self.braced_list() } else { self.and_or() }
    }

    /// `foreach NAME (words); …; end`
    pub(super) fn zsh_foreach(&mut self) -> NodeId {
        self.blanks();
        let name = self.raw_word();
        self.blanks();
        let mark = self.ast.stacks.words.len();
        if self.peek() == Some(b'(') {
            self.pos += 1;
            self.for_words(Some(b')'));
        } else {
            self.refuse();
        }
        let words = settle(&mut self.ast.stacks.words, mark, &mut self.ast.words);
        let body = self.list(UNTIL_END);
        self.expect(b"end");
        self.ast.add(Node::For { name, words, listed: true, body })
    }

    /// `{ … } always { … }`: the second block runs after the first in any case.
    pub(super) fn zsh_always(&mut self, group: NodeId) -> NodeId {
        if self.dialect != super::Dialect::Zsh {
            return group;
        }
        self.blanks();
        if !self.accept(b"always") {
            return group;
        }
        self.blanks();
        self.expect(b"{");
        let body = self.braced_list();
        let start = self.ast.items.len() as u32;
        self.ast.items.push(Item { node: group, join: Join::Sequence });
        self.ast.items.push(Item { node: body, join: Join::Sequence });
        self.ast.add(Node::List { items: Range32 { start, end: start + 2 } })
    }

    /// `() { … } arguments`: a function that is called where it is defined. Its name is its parentheses.
    pub(super) fn zsh_anonymous(&mut self) -> NodeId {
        let name = Range32 { start: self.pos as u32, end: self.pos as u32 + 2 };
        self.pos += 2;
        let function = self.function(name);
        let mark = self.ast.stacks.words.len();
        let flags = WORD_PLAIN;
        self.ast.stacks.words.push(WordNode {
            start: name.start,
            end: name.end,
            parts: Range32::default(),
            flags,
        });
        self.for_words(None);
        let words = settle(&mut self.ast.stacks.words, mark, &mut self.ast.words);
        let none = Range32::default();
        let span = Range32 { start: name.start, end: self.pos as u32 };
        let call = self.ast.add(Node::Simple { assignments: none, words, redirections: none, span });
        let start = self.ast.items.len() as u32;
        self.ast.items.push(Item { node: function, join: Join::Sequence });
        self.ast.items.push(Item { node: call, join: Join::Sequence });
        self.ast.add(Node::List { items: Range32 { start, end: start + 2 } })
    }
}
