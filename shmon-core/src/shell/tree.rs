//! The parse tree for people: what the commands are and how they nest, with their places in the text.

use super::analysis::{Analysis, Range32, Span};
use super::ast::{Ast, Node, NodeId, PartKind};
use super::{Dialect, machine};
use serde::Serialize;
use std::collections::HashMap;

/// Entries that are listed.
const MAX_ENTRIES: usize = 1_000;

/// One entry of a parse tree; its parts follow it with a greater depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TreeEntry {
    /// How deep it stands, from 0.
    pub depth: u32,
    /// `command`, `pipeline`, `and-or`, `list`, `subshell`, `group`, `if`, `while`, `for`, `case`, `function`,
    /// `coproc`, `time`, `test`, `arithmetic` or `substitution`.
    pub kind: &'static str,
    /// Where, in bytes of the command.
    pub span: Span,
}

/// The parse tree of `command`, parents before their parts; text that is handed to other shells isn't parsed. The
/// buffers of `scratch` are reused and its content is lost.
pub fn tree(command: &[u8], dialect: Dialect, scratch: &mut Analysis) -> Vec<TreeEntry> {
    let mut entries = Vec::new();
    machine::parsed(command, dialect, scratch, |ast, root| {
        let places = ast.places.iter().copied().collect();
        Walk { ast, places, entries: &mut entries }.node(root, 0)
    });
    entries
}

struct Walk<'a> {
    ast: &'a Ast,
    /// Where compound commands stand.
    places: HashMap<NodeId, Range32>,
    entries: &'a mut Vec<TreeEntry>,
}

impl Walk<'_> {
    /// Lists a node and its parts; the span of all of it.
    fn node(&mut self, id: NodeId, depth: u32) -> Option<Span> {
        if self.entries.len() >= MAX_ENTRIES || depth > 500 {
            return None;
        }
        let ast = self.ast;
        let items = |range: Range32| range.of(&ast.items).iter().map(|i| i.node).collect::<Vec<_>>();
        let mut whole = self.places.get(&id).map(|place| Span { start: place.start, end: place.end });
        let (kind, parts): (_, Vec<NodeId>) = match ast.node(id) {
            Node::Empty => return None,
            Node::Simple { words, assignments, redirections, span } => {
                let span = Span { start: span.start, end: span.end };
                self.entries.push(TreeEntry { depth, kind: "command", span });
                for index in words.start..words.end {
                    self.substitutions(ast.word(index).parts, depth + 1);
                }
                for assignment in assignments.of(&ast.assignments) {
                    if let super::ast::AssignValue::Word(index) = assignment.value {
                        self.substitutions(ast.word(index).parts, depth + 1);
                    }
                }
                self.targets(redirections, depth + 1);
                return Some(span);
            }
            Node::Pipeline { items: range, .. } => ("pipeline", items(range)),
            Node::AndOr { items: range } => ("and-or", items(range)),
            Node::List { items: range } => ("list", items(range)),
            Node::Subshell { body } => ("subshell", vec![body]),
            Node::Group { body } => ("group", vec![body]),
            Node::Redirected { body, redirections } => {
                let span = self.node(body, depth);
                self.targets(redirections, depth + 1);
                return span;
            }
            Node::If { items: range } => ("if", items(range)),
            Node::While { condition, body, .. } => ("while", vec![condition, body]),
            Node::For { body, .. } | Node::ForArith { body, .. } => ("for", vec![body]),
            Node::Case { arms, .. } => ("case", arms.of(&ast.arms).iter().map(|a| a.body).collect()),
            Node::Function { name, body, .. } => {
                whole.get_or_insert(Span { start: name.start, end: name.end });
                ("function", vec![body])
            }
            Node::Coproc { body } => ("coproc", vec![body]),
            Node::Timed { body } => ("time", vec![body]),
            Node::Cond { .. } => ("test", Vec::new()),
            Node::Arith { .. } => ("arithmetic", Vec::new()),
        };
        let at = self.entries.len();
        self.entries.push(TreeEntry { depth, kind, span: Span::default() });
        for part in parts {
            if let Some(span) = self.node(part, depth + 1) {
                whole = Some(
                    whole.map_or(span, |w| Span { start: w.start.min(span.start), end: w.end.max(span.end) }),
                );
            }
        }
        if let (Some(entry), Some(span)) = (self.entries.get_mut(at), whole) {
            entry.span = span;
        }
        whole
    }

    fn targets(&mut self, redirections: Range32, depth: u32) {
        let ast = self.ast;
        for redirection in redirections.of(&ast.redirections) {
            let parts = match redirection.kind {
                super::RedirectionKind::Heredoc => {
                    ast.heredocs.get(redirection.target as usize).map_or(Range32::default(), |h| h.parts)
                }
                _ => ast.word(redirection.target).parts,
            };
            self.substitutions(parts, depth);
        }
    }

    /// `$(…)` and its kin inside a word.
    fn substitutions(&mut self, parts: Range32, depth: u32) {
        let ast = self.ast;
        for part in parts.of(&ast.parts) {
            if !matches!(part.kind, PartKind::Command | PartKind::ReadFrom | PartKind::WriteTo)
                || self.entries.len() >= MAX_ENTRIES
            {
                continue;
            }
            let span = Span { start: part.start, end: part.end };
            self.entries.push(TreeEntry { depth, kind: "substitution", span });
            self.node(part.index, depth + 1);
        }
    }
}
