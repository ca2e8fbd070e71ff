//! Walks the tree: lists, pipelines, conditions, loops. Simple commands are in `command`.

use super::analysis::{Range32, ViaKind};
use super::ast::{EMPTY, Item, Join, Node, NodeId};
use super::capture::Sink;
use super::machine::{Flow, Machine};
use super::pattern;
use super::state::{Definition, Input, InputFrom, Val};

/// Functions that are kept: each command looks for its name among them.
const MAX_FUNCTIONS: usize = 1024;
/// Iterations of one loop that are followed.
const MAX_ITERATIONS: u32 = 512;

/// Variables of one loop in zsh.
const MOST_NAMES: usize = 16;

impl Machine<'_> {
    pub(super) fn exec(&mut self, node: NodeId) {
        if node == EMPTY || self.flow != Flow::Next || !self.step() {
            return;
        }
        match self.s.ast.node(node) {
            Node::Simple { words, assignments, redirections, span } => {
                self.simple(words, assignments, redirections, span);
            }
            other => {
                if self.deeper(super::Span::default()) {
                    self.exec_compound(other);
                    self.depth -= 1;
                }
            }
        }
    }

    fn exec_compound(&mut self, node: Node) {
        match node {
            Node::Empty | Node::Simple { .. } => {}
            Node::List { items } => self.exec_list(items),
            Node::AndOr { items } => self.exec_and_or(items),
            Node::Pipeline { items, negated } => self.exec_pipeline(items, negated),
            Node::Subshell { body } => self.subshell(body),
            Node::Group { body } => self.exec(body),
            Node::Redirected { body, redirections } => {
                let applied = self.redirect(redirections);
                self.exec(body);
                self.undo_redirect(applied);
            }
            Node::If { items } => self.exec_if(items),
            Node::While { condition, body, until } => self.exec_while(condition, body, until),
            Node::For { name, words, listed, body } => self.exec_for(name, words, listed, body),
            Node::ForArith { exprs, body } => self.exec_for_arith(exprs, body),
            Node::Case { word, arms } => self.exec_case(word, arms),
            Node::Function { name, body, params } => {
                if self.s.functions.len() >= MAX_FUNCTIONS {
                    return self.over_budget();
                }
                self.s.functions.push(Definition { name, body, params, active: 0, exported: false });
                self.status = Some(0);
            }
            Node::Coproc { body } => {
                self.with_via(Machine::via(ViaKind::Wrapper, "coproc"), |m| m.subshell(body));
            }
            Node::Timed { body } => {
                self.with_via(Machine::via(ViaKind::Wrapper, "time"), |m| m.exec(body));
            }
            Node::Cond { words } => {
                let truth = self.conditional(words);
                self.status = truth.map(|t| i32::from(!t));
            }
            Node::Arith { parts } => {
                let value = self.arith(parts);
                self.status = value.map(|v| i32::from(v == 0));
            }
        }
    }

    fn item(&self, items: Range32, index: u32) -> Item {
        let at = (items.start + index) as usize;
        self.s.ast.items.get(at).copied().unwrap_or(Item { node: EMPTY, join: Join::Sequence })
    }

    fn exec_list(&mut self, items: Range32) {
        for index in 0..items.len() as u32 {
            let item = self.item(items, index);
            if item.join == Join::Background {
                self.subshell(item.node);
                self.status = Some(0);
            } else {
                self.exec(item.node);
            }
            if self.flow != Flow::Next {
                return;
            }
        }
    }

    pub(super) fn subshell(&mut self, body: NodeId) {
        let scope = self.open_scope();
        self.exec(body);
        self.close_scope(scope);
    }

    /// Runs what may not be reached.
    fn maybe(&mut self, certain: bool, node: NodeId) {
        if certain {
            return self.exec(node);
        }
        let outer = self.open_branch();
        self.exec(node);
        self.close_branch(outer);
    }

    /// Begins what may not be reached; its end gets the answer back.
    pub(super) fn open_branch(&mut self) -> u32 {
        self.uncertain += 1;
        self.branches += 1;
        std::mem::replace(&mut self.branch, self.branches)
    }

    pub(super) fn close_branch(&mut self, outer: u32) {
        self.uncertain -= 1;
        self.branch = outer;
    }

    fn exec_and_or(&mut self, items: Range32) {
        let printed = self.s.out.len();
        for index in 0..items.len() as u32 {
            let item = self.item(items, index);
            let before = self.status;
            let taken = match (item.join, before) {
                (Join::And, Some(code)) => Some(code == 0),
                (Join::Or, Some(code)) => Some(code != 0),
                (Join::And | Join::Or, None) => None,
                _ => Some(true),
            };
            match taken {
                Some(false) => {}
                Some(true) => self.exec(item.node),
                None => {
                    // `$(command -v a || echo b)`: one of the two prints, most likely the first.
                    let told = item.join == Join::Or && self.s.out.len() > printed;
                    let sink = if told { Sink::Discard } else { self.sink };
                    let sink = std::mem::replace(&mut self.sink, sink);
                    self.maybe(false, item.node);
                    self.sink = sink;
                    // Whether it ran isn't known, so neither is the status, unless it is the same both ways.
                    self.status = match (item.join, self.status) {
                        (Join::And, Some(code)) if code != 0 => Some(code),
                        (Join::Or, Some(0)) => Some(0),
                        _ => None,
                    };
                }
            }
            if self.flow != Flow::Next {
                return;
            }
        }
    }

    fn exec_pipeline(&mut self, items: Range32, negated: bool) {
        let count = items.len() as u32;
        if count == 1 {
            self.exec(self.item(items, 0).node);
        } else {
            let outer = (self.pipeline, self.stage, self.input, self.in_stage);
            self.in_stage = true;
            self.pipelines += 1;
            self.pipeline = self.pipelines;
            for index in 0..count {
                if self.budget_spent {
                    break;
                }
                self.stage = index;
                let node = self.item(items, index).node;
                if index + 1 < count {
                    let capture = self.begin_capture(Sink::Capture);
                    self.subshell(node);
                    let output = self.take_capture(capture);
                    self.input = if output.range.is_empty() && !output.known {
                        Input::Unknown
                    } else {
                        Input::Text(output, InputFrom::Pipe)
                    };
                } else if matches!(self.dialect, super::Dialect::Zsh | super::Dialect::Fish) {
                    self.exec(node);
                } else {
                    self.subshell(node);
                }
            }
            (self.pipeline, self.stage, self.input, self.in_stage) = outer;
        }
        if negated {
            self.status = self.status.map(|code| i32::from(code == 0));
        }
    }

    fn exec_if(&mut self, items: Range32) {
        let count = items.len() as u32;
        let mut index = 0;
        let mut certain = true;
        while index < count {
            if index + 1 == count {
                self.maybe(certain, self.item(items, index).node);
                break;
            }
            self.status = Some(0);
            self.maybe(certain, self.item(items, index).node);
            let truth = self.status.map(|code| code == 0);
            if self.flow != Flow::Next {
                break;
            }
            certain &= truth.is_some();
            if truth != Some(false) {
                self.maybe(certain, self.item(items, index + 1).node);
            }
            if truth == Some(true) || self.flow != Flow::Next {
                break;
            }
            index += 2;
        }
        if !certain {
            self.status = None;
        } else if index >= count {
            self.status = Some(0);
        }
    }

    /// Ends an iteration: whether the loop goes on.
    fn iterated(&mut self) -> bool {
        match self.flow {
            Flow::Next => {}
            Flow::Break(levels) | Flow::Continue(levels) if levels > 1 => {
                self.flow = match self.flow {
                    Flow::Break(_) => Flow::Break(levels - 1),
                    _ => Flow::Continue(levels - 1),
                };
                return false;
            }
            Flow::Break(_) => {
                self.flow = Flow::Next;
                return false;
            }
            Flow::Continue(_) => self.flow = Flow::Next,
            Flow::Return | Flow::Exit => return false,
        }
        true
    }

    fn exec_while(&mut self, condition: NodeId, body: NodeId, until: bool) {
        self.loops += 1;
        let outer_skip = std::mem::take(&mut self.jump_skipped);
        for _ in 0..MAX_ITERATIONS {
            let (changes, input) = (self.changes, self.input);
            self.status = Some(0);
            self.exec(condition);
            let truth = self.status.map(|code| (code == 0) != until);
            if truth == Some(false) || self.flow != Flow::Next {
                self.iterated();
                break;
            }
            self.maybe(truth.is_some(), body);
            // Nothing that could end the loop has changed, or what would end it isn't known: once is enough.
            let stuck = self.changes == changes && self.input == input;
            if !self.iterated() || truth.is_none() || stuck || self.jump_skipped {
                break;
            }
        }
        self.jump_skipped = outer_skip;
        self.loops = self.loops.saturating_sub(1);
        self.status = if self.flow == Flow::Next { None } else { self.status };
    }

    fn exec_for(&mut self, name: Range32, words: Range32, listed: bool, body: NodeId) {
        let mark = self.s.list.len();
        if listed {
            let fields = self.s.fields.len();
            for index in words.start..words.end {
                self.expand_word(self.s.ast.word(index));
            }
            for at in fields..self.s.fields.len() {
                if let Some(field) = self.s.fields.get(at).copied() {
                    let known = !field.flags.contains(super::WordFlags::UNRESOLVED);
                    self.s.list.push(Val { range: field.range(), known });
                }
            }
            self.s.fields.truncate(fields);
        } else {
            for at in self.args.start..self.args.end {
                if let Some(value) = self.s.args.get(at as usize).copied() {
                    self.s.list.push(value);
                }
            }
        }
        self.loops += 1;
        let outer_skip = std::mem::take(&mut self.jump_skipped);
        let end = self.s.list.len();
        let (names, count) = self.loop_names(name);
        let names = &names[..count];
        for at in (mark..end).step_by(count.max(1)) {
            if !self.step() {
                break;
            }
            for (i, name) in names.iter().enumerate() {
                let empty = Val { range: Range32 { start: name.start, end: name.start }, known: true };
                let value = self.s.list.get(at + i).copied().filter(|_| at + i < end).unwrap_or(empty);
                self.assign(*name, value);
            }
            self.exec(body);
            if !self.iterated() || self.jump_skipped || at - mark >= MAX_ITERATIONS as usize {
                break;
            }
        }
        self.jump_skipped = outer_skip;
        self.loops = self.loops.saturating_sub(1);
        self.s.list.truncate(mark);
        if self.flow == Flow::Next && end > mark {
            self.status = None;
        } else if end == mark {
            self.status = Some(0);
        }
    }

    /// The variables of a loop and how many there are: one, but in zsh; no buffer is made for them.
    fn loop_names(&self, name: Range32) -> ([Range32; MOST_NAMES], usize) {
        let mut names = [Range32::default(); MOST_NAMES];
        let mut count = 0;
        let mut start = name.start;
        for word in self.text(name).split(|b| matches!(b, b' ' | b'\t')) {
            let end = start + word.len() as u32;
            if start < end || name.is_empty() {
                let Some(place) = names.get_mut(count) else { break };
                *place = Range32 { start, end };
                count += 1;
            }
            start = end + 1;
        }
        (names, count)
    }

    fn exec_for_arith(&mut self, exprs: u32, body: NodeId) {
        let expr = |m: &Self, i: u32| m.s.ast.exprs.get((exprs + i) as usize).copied().unwrap_or_default();
        self.arith(expr(self, 0));
        let condition = expr(self, 1);
        self.loops += 1;
        let outer_skip = std::mem::take(&mut self.jump_skipped);
        for _ in 0..MAX_ITERATIONS {
            let changes = self.changes;
            let truth = if condition.is_empty() { Some(true) } else { self.arith(condition).map(|v| v != 0) };
            if truth == Some(false) {
                break;
            }
            self.exec(body);
            if !self.iterated() || truth.is_none() || self.jump_skipped || !self.step() {
                break;
            }
            self.arith(expr(self, 2));
            if self.changes == changes {
                break;
            }
        }
        self.jump_skipped = outer_skip;
        self.loops = self.loops.saturating_sub(1);
        self.status = None;
    }

    fn exec_case(&mut self, word: u32, arms: Range32) {
        let subject = self.expand_value(self.s.ast.word(word));
        let mut certain = true;
        let mut fell = false;
        self.status = Some(0);
        for index in arms.start..arms.end {
            let Some(arm) = self.s.ast.arms.get(index as usize).copied() else { break };
            let truth = if fell { Some(true) } else { self.case_matches(subject, arm.patterns) };
            if truth == Some(false) {
                continue;
            }
            certain &= truth.is_some();
            self.maybe(certain, arm.body);
            fell = arm.falls && truth == Some(true);
            if self.flow != Flow::Next || (truth == Some(true) && !arm.falls) {
                break;
            }
        }
        if !certain {
            self.status = None;
        }
    }

    /// A plain word as a pattern; false where it isn't plain.
    fn plain_pattern(&mut self, word: super::ast::WordNode) -> bool {
        word.flags & super::ast::WORD_PLAIN != 0 && self.expand_pattern(word)
    }

    fn case_matches(&mut self, subject: Val, patterns: Range32) -> Option<bool> {
        let mut answer = Some(false);
        for index in patterns.start..patterns.end {
            let mark = self.s.build.len();
            let known = if self.dialect == super::Dialect::Fish {
                // fish's patterns are quoted, so that they reach `case` as patterns.
                self.expand_text(self.s.ast.word(index).parts, false)
                    | self.plain_pattern(self.s.ast.word(index))
            } else {
                self.expand_pattern(self.s.ast.word(index))
            };
            let pattern = self.s.build.get(mark..).unwrap_or(&[]);
            let mut steps = self.pattern_steps;
            let found = if known && subject.known && self.any_case {
                let text = self.text(subject.range).to_ascii_lowercase();
                Some(pattern::matches(&pattern.to_ascii_lowercase(), &text, &mut steps))
            } else if known && subject.known {
                Some(pattern::matches(pattern, self.text(subject.range), &mut steps))
            } else if pattern == b"*" {
                Some(true)
            } else {
                None
            };
            self.s.build.truncate(mark);
            self.pattern_steps = steps;
            match found {
                Some(true) => return Some(true),
                None => answer = None,
                Some(false) => {}
            }
        }
        answer
    }

    /// Runs `body` with its output captured, as `$(…)` does.
    pub(super) fn capture(&mut self, body: NodeId) -> Val {
        self.capture_as("$()", Sink::Value, body)
    }

    /// The same for a substitution that users know by another name.
    pub(super) fn capture_as(&mut self, name: &'static str, sink: Sink, body: NodeId) -> Val {
        let capture = self.begin_capture(sink);
        let via = Machine::via(ViaKind::Substitution, name);
        let outer = (self.pipeline, self.stage, self.in_stage, self.redirections, self.assignments);
        self.in_stage = false;
        self.redirections = Range32::default();
        self.assignments = Range32::default();
        self.with_via(via, |m| m.subshell(body));
        (self.pipeline, self.stage, self.in_stage, self.redirections, self.assignments) = outer;
        self.take_capture(capture)
    }

    /// Runs `body` without looking at its output.
    pub(super) fn run_discarding(&mut self, body: NodeId) {
        let sink = std::mem::replace(&mut self.sink, Sink::Discard);
        self.subshell(body);
        self.sink = sink;
    }
}
