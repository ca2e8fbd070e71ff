//! Simple commands: words, assignments with their arrays, and what redirects them.

use super::Dialect;
use super::analysis::Range32;
use super::ast::{AssignNode, AssignValue, EMPTY, Node, NodeId, WORD_PLAIN, WordNode, settle};
use super::chars::{META, is, name_len};
use super::parser::Parser;
use super::work::worked;

impl Parser<'_> {
    /// A simple command, or a function definition.
    pub(super) fn simple(&mut self) -> NodeId {
        let words = self.ast.stacks.words.len();
        let assignments = self.ast.stacks.assignments.len();
        let redirections = self.ast.stacks.redirections.len();
        let start = self.pos;
        let mut last = self.pos;
        loop {
            worked(1);
            self.blanks();
            let Some(b) = self.peek() else { break };
            match b {
                b'\n' | b';' | b'|' | b')' => break,
                b'}' if self.dialect == Dialect::Zsh && self.braces > 0 && self.at_word(b"}") => break,
                b'(' if self.zsh_group(self.ast.stacks.words.len() > words) => {
                    let word = self.word();
                    self.ast.stacks.words.push(word);
                }
                b'&' => {
                    if self.peek_at(1) != Some(b'>') || self.dialect == Dialect::Sh {
                        break;
                    }
                    self.redirection();
                }
                b'(' => {
                    let named = self.ast.stacks.words.len() == words + 1
                        && self.ast.stacks.assignments.len() == assignments;
                    if named && self.empty_parens() {
                        let name = self.ast.stacks.words[words];
                        self.ast.stacks.words.truncate(words);
                        self.ast.stacks.redirections.truncate(redirections);
                        return self.function(Range32 { start: name.start, end: name.end });
                    }
                    self.refuse();
                    if self.pos == start {
                        self.pos += 1;
                    }
                    break;
                }
                b'<' | b'>' if self.peek_at(1) != Some(b'(') || self.dialect == Dialect::Sh => {
                    self.redirection();
                }
                b'0'..=b'9' if self.descriptor_len() > 0 => self.redirection(),
                b'{' if self.named_descriptor_len() > 0 => self.redirection(),
                _ if self.ast.stacks.words.len() == words && self.assignment() => {}
                _ if self.zsh_declares(words) && self.assignment() => {}
                _ => {
                    let word = self.word();
                    if word.start == word.end {
                        // Nothing was consumed: leave the byte to the caller.
                        break;
                    }
                    // `declare -a x=(…)`: an array among the arguments.
                    if self.peek() == Some(b'(') && self.text.get(self.pos - 1) == Some(&b'=') {
                        let text = self.text.get(word.start as usize..self.pos).unwrap_or(&[]);
                        if name_len(text) > 0 {
                            self.pos = word.start as usize;
                            if self.assignment() {
                                last = self.pos;
                                continue;
                            }
                            self.pos = word.end as usize;
                        }
                    }
                    self.ast.stacks.words.push(word);
                }
            }
            last = self.pos;
        }
        self.simple_node([words, assignments, redirections], start, last)
    }

    /// The simple command of what was put on the stacks of words, assignments and redirections since `marks`; none of it, no command.
    pub(super) fn simple_node(&mut self, marks: [usize; 3], start: usize, end: usize) -> NodeId {
        let [words, assignments, redirections] = marks;
        let none = self.ast.stacks.words.len() == words
            && self.ast.stacks.assignments.len() == assignments
            && self.ast.stacks.redirections.len() == redirections;
        if none {
            return EMPTY;
        }
        let stacks = &mut self.ast.stacks;
        let node = Node::Simple {
            words: settle(&mut stacks.words, words, &mut self.ast.words),
            assignments: settle(&mut stacks.assignments, assignments, &mut self.ast.assignments),
            redirections: settle(&mut stacks.redirections, redirections, &mut self.ast.redirections),
            span: Range32 { start: start as u32, end: end as u32 },
        };
        self.ast.add(node)
    }

    /// Whether an array is assigned here among the arguments of zsh's `typeset`: elsewhere it would be a glob.
    fn zsh_declares(&self, words: usize) -> bool {
        let len = if self.dialect == Dialect::Zsh { name_len(self.rest()) } else { 0 };
        len > 0
            && self.rest().get(len..).is_some_and(|rest| rest.starts_with(b"=("))
            && self.ast.stacks.words.get(words).is_some_and(|first| {
                let name = self.slice(Range32 { start: first.start, end: first.end });
                matches!(name, b"typeset" | b"declare" | b"local" | b"readonly" | b"export")
            })
    }

    /// Whether a parenthesis here starts an argument of zsh: `(a|b)*`, `(#i)x`.
    fn zsh_group(&self, argument: bool) -> bool {
        self.dialect == Dialect::Zsh && argument && self.extended_glob(self.pos) && self.glob_group_closes()
    }

    /// `NAME=value` and its kin; false, with nothing consumed, where it isn't one.
    pub(super) fn assignment(&mut self) -> bool {
        let start = self.pos;
        let len = name_len(self.rest());
        if len == 0 {
            return false;
        }
        let name = Range32 { start: start as u32, end: (start + len) as u32 };
        self.pos += len;
        let mut index = None;
        if self.peek() == Some(b'[') {
            if !self.subscript_is_assigned() {
                self.pos = start;
                return false;
            }
            index = Some(self.subscript());
        }
        let append = self.peek() == Some(b'+') && self.peek_at(1) == Some(b'=');
        if append {
            self.pos += 1;
        }
        if self.peek() != Some(b'=') {
            self.pos = start;
            return false;
        }
        self.pos += 1;
        let arrays = !matches!(self.dialect, Dialect::Sh | Dialect::Fish);
        let value = if self.peek() == Some(b'(') && arrays {
            self.pos += 1;
            AssignValue::Array(self.array())
        } else {
            let word = if self.peek().is_none_or(|b| is(b, META) && !matches!(b, b'<' | b'>')) {
                WordNode {
                    start: self.pos as u32,
                    end: self.pos as u32,
                    flags: WORD_PLAIN,
                    ..WordNode::default()
                }
            } else {
                self.word()
            };
            self.ast.words.push(word);
            AssignValue::Word((self.ast.words.len() - 1) as u32)
        };
        let end = self.pos as u32;
        let node = AssignNode { name, index, start: start as u32, end, append, value };
        self.ast.stacks.assignments.push(node);
        true
    }

    /// Whether the `[…]` here is followed by `=` or `+=`: looks no further than the line and a bound.
    fn subscript_is_assigned(&self) -> bool {
        let rest = self.rest();
        let mut depth = 0u32;
        for (i, &b) in rest.iter().enumerate().take(256) {
            worked(1);
            match b {
                b'[' => depth += 1,
                b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return matches!(rest.get(i + 1..), Some([b'=', ..] | [b'+', b'=', ..]));
                    }
                }
                b'\n' => return false,
                _ => {}
            }
        }
        false
    }

    /// The elements of an array literal; the position is after `(`.
    fn array(&mut self) -> Range32 {
        let mark = self.ast.stacks.words.len();
        if self.enter() {
            loop {
                self.lines();
                match self.peek() {
                    None => {
                        self.refuse();
                        break;
                    }
                    Some(b')') => {
                        self.pos += 1;
                        break;
                    }
                    Some(b) => {
                        let process = matches!(b, b'<' | b'>') && self.peek_at(1) == Some(b'(');
                        let word = if is(b, META) && !process { WordNode::default() } else { self.word() };
                        if word.start == word.end {
                            self.refuse();
                            self.pos += 1;
                        } else {
                            self.ast.stacks.words.push(word);
                        }
                    }
                }
            }
            self.leave();
        }
        settle(&mut self.ast.stacks.words, mark, &mut self.ast.words)
    }
}
