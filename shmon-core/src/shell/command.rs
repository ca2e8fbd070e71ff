//! Simple commands: from expanded words to an invocation, and on to what it runs.

use super::analysis::{Range32, Span, ViaKind, WordFlags, WordRec};
use super::ast::{AssignValue, ParamOp, PartKind, WORD_PLAIN};
use super::capture::Sink;
use super::machine::{Flow, Machine};
use super::state::{Alias, Input, InputFrom, Origin, Val, Var, VarKind};

impl Machine<'_> {
    pub(super) fn simple(&mut self, words: Range32, assigned: Range32, redirected: Range32, range: Range32) {
        self.simple_once(words, assigned, redirected, range);
        if !self.s.vars.is_empty()
            && let Some((at, value)) = self.other_program(words)
        {
            let before = std::mem::replace(&mut self.s.vars[at].kind, VarKind::Scalar(value));
            let outer = self.open_branch();
            self.simple_once(words, assigned, redirected, range);
            self.close_branch(outer);
            if let Some(var) = self.s.vars.get_mut(at) {
                var.kind = before;
            }
        }
    }

    /// `$(<file)` is the file's content.
    fn print_file(&mut self) {
        if self.sink == Sink::Discard {
            return;
        }
        match self.input {
            Input::Text(value, InputFrom::File) => {
                self.write_range(value.range);
                if !value.known {
                    self.write_unknown();
                }
            }
            Input::File => self.write_unknown(),
            _ => {}
        }
    }

    /// `$c` in the place of the program, where the text gives it two values: the variable and the other value.
    fn other_program(&self, words: Range32) -> Option<(usize, Val)> {
        if words.is_empty() || self.flow != Flow::Next {
            return None;
        }
        let [part] = self.s.ast.word(words.start).parts.of(&self.s.ast.parts) else { return None };
        let param = match part.kind {
            PartKind::Param => self.s.ast.params.get(part.index as usize)?,
            _ => return None,
        };
        if param.op != ParamOp::None || param.indirect || param.length || param.index.is_some() {
            return None;
        }
        let at = self.lookup(param.name).filter(|&at| at >= self.var_base)?;
        Some((at, self.s.vars.get(at)?.other?))
    }

    fn simple_once(&mut self, words: Range32, assigned: Range32, redirected: Range32, range: Range32) {
        if !self.s.aliases.is_empty() && self.alias(words, range) {
            return;
        }
        if !self.in_stage {
            self.pipelines += 1;
            self.pipeline = self.pipelines;
            self.stage = 0;
        }
        let mark = self.s.fields.len();
        let before = self.a.invocations.len();
        for index in words.start..words.end {
            self.expand_word(self.s.ast.word(index));
            if self.flow == Flow::Exit {
                break;
            }
        }
        if self.flow == Flow::Exit {
            self.s.fields.truncate(mark);
            return;
        }
        if redirected.is_empty() {
            let descriptors = self.s.descriptors.len();
            self.expanded(words, assigned, redirected, range, [mark, before]);
            self.close_descriptors(descriptors);
            return;
        }
        let input = self.input;
        let applied = self.redirect(redirected);
        if words.is_empty() && assigned.is_empty() && redirected.len() == 1 && self.input != input {
            self.print_file();
        }
        self.expanded(words, assigned, redirected, range, [mark, before]);
        self.undo_redirect(applied);
    }

    /// Goes on with what has become of a command's words: the fields since the first mark; the second is that of the invocations
    /// before it.
    fn expanded(
        &mut self,
        words: Range32,
        assigned: Range32,
        redirected: Range32,
        range: Range32,
        [mark, before]: [usize; 2],
    ) {
        let span = self.span(range);
        if self.s.fields.len() == mark {
            self.status = Some(0);
            let assignments = self.record_assignments(assigned);
            // The status of a command of which nothing is left is that of its last substitution.
            if self.a.invocations.len() != before {
                self.status = None;
            }
            if words.is_empty() && (!assigned.is_empty() || !redirected.is_empty()) {
                self.emit(Range32::default(), assignments, span);
            }
        } else {
            let shadow = self.s.vars.len();
            let declares = self.declares(mark);
            let assignments = if declares {
                self.declared_arrays = assigned;
                for node in assigned.of(&self.s.ast.assignments) {
                    let range = node.name;
                    let span = self.span(Range32 { start: node.start, end: node.end });
                    let (start, len) = (range.start, range.len() as u32);
                    self.s.fields.push(WordRec { start, len, flags: WordFlags::default(), span });
                }
                Range32::default()
            } else {
                self.record_prefix(assigned)
            };
            let shadows = self.s.vars.len() - shadow;
            let start = self.a.words.len() as u32;
            self.a.words.extend_from_slice(self.s.fields.get(mark..).unwrap_or(&[]));
            self.s.fields.truncate(mark);
            let argv = Range32 { start, end: self.a.words.len() as u32 };
            let first = self.s.ast.word(words.start);
            let source = self.text(Range32 { start: first.start, end: first.end });
            if matches!(source, [b'$', b'(', ..] | [b'`', ..]) {
                // Unquoted it leaves no flag behind.
                self.disguise(argv.start);
            }
            let outer = std::mem::replace(&mut self.assignments, assignments);
            let last = self.arg_val(argv.end - 1);
            self.run(argv, span);
            self.last_word = Some(last);
            self.assignments = outer;
            if shadows > 0 && self.s.vars.len() >= shadow + shadows {
                self.s.vars.drain(shadow..shadow + shadows);
            }
        }
    }

    /// Whether the command is `declare` or one of its kin, to which assignments among the arguments belong.
    fn declares(&self, mark: usize) -> bool {
        let name = self.s.fields.get(mark).map_or(&[][..], |word| self.text(word.range()));
        matches!(name, b"declare" | b"typeset" | b"local" | b"readonly" | b"export")
    }

    /// Performs assignments that stand alone, and lists them.
    fn record_assignments(&mut self, nodes: Range32) -> Range32 {
        if nodes.is_empty() {
            return Range32::default();
        }
        let mark = self.s.pairs.len();
        for index in nodes.start..nodes.end {
            let Some(node) = self.s.ast.assignments.get(index as usize).copied() else { break };
            let value = self.perform(node);
            let span = self.span(Range32 { start: node.start, end: node.end });
            let pair = self.push_pair(node.name, value, span);
            self.s.pairs.push(pair);
        }
        self.settle_pairs(mark)
    }

    fn settle_pairs(&mut self, mark: usize) -> Range32 {
        let start = self.a.assignments.len() as u32;
        self.a.assignments.extend_from_slice(self.s.pairs.get(mark..).unwrap_or(&[]));
        self.s.pairs.truncate(mark);
        Range32 { start, end: self.a.assignments.len() as u32 }
    }

    fn push_pair(&mut self, name: Range32, value: Val, span: Span) -> (u32, u32) {
        let flags = if value.known { WordFlags::default() } else { WordFlags::UNRESOLVED };
        let at = self.a.words.len() as u32;
        let (start, len) = (name.start, name.len() as u32);
        self.a.words.push(WordRec { start, len, flags: WordFlags::default(), span });
        let (start, len) = (value.range.start, value.range.len() as u32);
        self.a.words.push(WordRec { start, len, flags, span });
        (at, at + 1)
    }

    /// Assignments before a command: new variables that hide the old ones while it runs.
    fn record_prefix(&mut self, nodes: Range32) -> Range32 {
        if nodes.is_empty() {
            return Range32::default();
        }
        let mark = self.s.pairs.len();
        for index in nodes.start..nodes.end {
            let Some(node) = self.s.ast.assignments.get(index as usize).copied() else { break };
            let AssignValue::Word(word) = node.value else { continue };
            let value = self.expand_value(self.s.ast.word(word));
            let span = self.span(Range32 { start: node.start, end: node.end });
            let pair = self.push_pair(node.name, value, span);
            self.s.pairs.push(pair);
            self.s.vars.push(Var::new(node.name, VarKind::Scalar(value), true));
        }
        self.settle_pairs(mark)
    }

    /// Expands an alias that this text defined; false where the first word is none.
    fn alias(&mut self, words: Range32, range: Range32) -> bool {
        if words.is_empty() {
            return false;
        }
        let word = self.s.ast.word(words.start);
        if word.flags & WORD_PLAIN == 0 {
            return false;
        }
        let name = Range32 { start: word.start, end: word.end };
        let found = self.s.aliases.iter().rposition(|a| !a.active && self.text(a.name) == self.text(name));
        let found = found.filter(|&at| at >= self.alias_base);
        let Some(at) = found else { return false };
        let Some(Alias { value, .. }) = self.s.aliases.get(at).copied() else { return false };
        let span = self.span(range);
        if !self.deeper(span) {
            return false;
        }
        let before = Range32 { start: range.start, end: word.start };
        let after = Range32 { start: word.end, end: range.end };
        let mut rest = self.text(after);
        let mut next: &[u8] = &[];
        if self.text(value).ends_with(b" ") {
            // A blank at the end: the next word may be an alias too.
            let trimmed = rest.trim_ascii_start();
            let len = trimmed
                .iter()
                .position(|&b| super::chars::is(b, super::chars::META))
                .unwrap_or(trimmed.len());
            let (word, tail) = trimmed.split_at(len);
            let other = self.s.aliases.get(self.alias_base..).unwrap_or(&[]);
            if let Some(alias) = other.iter().rfind(|a| self.text(a.name) == word) {
                next = self.text(alias.value);
                rest = tail;
            }
        }
        let text = [self.text(before), self.text(value), b" ", next, rest].concat();
        let text = self.intern(&text);
        self.s.aliases[at].active = true;
        let via = Machine::via(ViaKind::Definition, "alias");
        self.with_via(via, |m| m.source(text, Origin::Whole(span)));
        if let Some(slot) = self.s.aliases.get_mut(at) {
            slot.active = false;
        }
        self.depth -= 1;
        true
    }
}
