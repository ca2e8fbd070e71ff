//! Simple commands: from expanded words to an invocation, and on to what it runs.

use super::analysis::{Range32, Span, ViaKind, WordFlags, WordRec};
use super::ast::{AssignValue, ParamOp, PartKind, WORD_PLAIN};
use super::capture::Sink;
use super::machine::{Flow, Machine};
use super::obfuscation;
use super::programs;
use super::state::{Alias, Input, InputFrom, Origin, Val, Var, VarKind};
use super::work::worked;
use super::wrappers::{self, Action};

/// Calls of one function inside each other that are followed.
const MAX_RECURSION: u8 = 2;

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
            // What `exec` alone opens stays open.
            if !std::mem::take(&mut self.keeps_redirections) {
                self.s.descriptors.truncate(descriptors);
            }
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

    /// The word's bytes and flags.
    pub(super) fn arg(&self, index: u32) -> WordRec {
        self.a.words.get(index as usize).copied().unwrap_or_default()
    }

    pub(super) fn arg_text(&self, index: u32) -> &[u8] {
        self.text(self.arg(index).range())
    }

    pub(super) fn arg_val(&self, index: u32) -> Val {
        let word = self.arg(index);
        Val { range: word.range(), known: !word.flags.contains(WordFlags::UNRESOLVED) }
    }

    /// Runs words of the result: lists the invocation and follows what it runs. `span` is the whole command's.
    pub(super) fn run(&mut self, argv: Range32, span: Span) {
        self.run_named(argv, span, true);
    }

    /// The same; a name after `command`, `sudo` or `xargs` is never a function's.
    pub(super) fn run_named(&mut self, argv: Range32, span: Span, functions: bool) {
        let mut argv = argv;
        self.status = None;
        if !self.step() {
            return;
        }
        // `$UNSET rm …`: what may be nothing leaves the next word as the program.
        let vanishes = WordFlags::UNRESOLVED | WordFlags::SPLITS;
        while !argv.is_empty() {
            let word = self.arg(argv.start);
            if !word.flags.contains(vanishes) || !self.all_unresolved(word) {
                break;
            }
            self.unresolved_issue(word.range(), word.span);
            argv.start += 1;
        }
        if argv.is_empty() {
            self.write_unknown();
            return;
        }
        let word = self.arg(argv.start);
        if word.flags != WordFlags::default() {
            self.resolve_program(argv.start);
        }
        if self.dialect == super::Dialect::Zsh && word.len > 1 && self.text(word.range()).starts_with(b"=") {
            // `=ls` is the path of ls.
            if let Some(slot) = self.a.words.get_mut(argv.start as usize) {
                slot.start += 1;
                slot.len -= 1;
            }
        }
        let span = if argv.start == 0 || self.s.via.is_empty() { span } else { self.argv_span(argv, span) };
        self.emit(argv, self.assignments, span);
        if functions && !self.s.functions.is_empty() && self.call(argv) {
            return;
        }
        let name = self.arg(argv.start).range();
        let base = name.base(&self.a.text);
        match wrappers::lookup(self.text(base)) {
            Some(entry) => self.act(entry.name, &entry.action, argv),
            None if !self.s.files.is_empty() && base.len() < name.len() => self.run_file(argv),
            None => self.write_unknown(),
        }
    }

    /// Whether the whole word is one expansion without a value.
    fn all_unresolved(&self, word: WordRec) -> bool {
        let text = self.text(word.range());
        match text {
            [b'$', b'{', inner @ .., b'}'] => !inner.contains(&b'}'),
            [b'$', b'(', .., b')'] | [b'`', .., b'`'] => true,
            [b'$', rest @ ..] => {
                rest.iter().all(|&b| super::chars::is(b, super::chars::NAME)) || rest.len() == 1
            }
            _ => false,
        }
    }

    /// From the first to the last of the words, where they stand in order.
    fn argv_span(&self, argv: Range32, whole: Span) -> Span {
        let first = self.arg(argv.start).span;
        let last = self.arg(argv.end - 1).span;
        if first.start <= last.end && first.start >= whole.start {
            Span { start: first.start, end: last.end.max(first.end) }
        } else {
            whole
        }
    }

    /// Makes the best of a program's name that isn't plain text.
    fn resolve_program(&mut self, index: u32) {
        let word = self.arg(index);
        if word.flags.contains(WordFlags::UNRESOLVED) {
            let text = self.text(word.range());
            let base = text.iter().rposition(|&b| b == b'/').map_or(text, |slash| &text[slash + 1..]);
            if base.contains(&b'$') || base.contains(&b'`') || base.is_empty() {
                self.unresolved_issue(word.range(), word.span);
            }
            if let Some((name, hidden)) = obfuscation::without_unset(self.text(word.range())) {
                if hidden {
                    self.sign("variable-slices", word.span);
                }
                let range = self.intern(&name);
                if let Some(slot) = self.a.words.get_mut(index as usize) {
                    slot.start = range.start;
                    slot.len = range.len() as u32;
                }
            }
        }
        if word.flags.contains(WordFlags::GLOB) {
            let text = self.text(word.range()).to_vec();
            match programs::resolve(&text, &mut self.pattern_steps) {
                programs::Meaning::One(path) => {
                    self.sign("glob-command", word.span);
                    let range = self.intern(path.as_bytes());
                    if let Some(slot) = self.a.words.get_mut(index as usize) {
                        slot.start = range.start;
                        slot.len = range.len() as u32;
                    }
                }
                programs::Meaning::Several(path) => {
                    self.sign("glob-command", word.span);
                    self.issue(super::IssueKind::Glob, word.span);
                    // Stars fit too much to tell.
                    if !text.contains(&b'*') {
                        let range = self.intern(path.as_bytes());
                        if let Some(slot) = self.a.words.get_mut(index as usize) {
                            slot.start = range.start;
                            slot.len = range.len() as u32;
                        }
                    }
                }
                programs::Meaning::Relative => {
                    self.sign("glob-command", word.span);
                    self.issue(super::IssueKind::Glob, word.span);
                }
                programs::Meaning::Unknown => self.issue(super::IssueKind::Glob, word.span),
                programs::Meaning::Literal => {}
            }
            // The glob is how it is hidden; nothing else is.
            if self.arg(index).range() != word.range() {
                return;
            }
        }
        self.disguise(index);
    }

    /// Calls a function that this text defined; false where there is none of this name.
    fn call(&mut self, argv: Range32) -> bool {
        let name = self.arg_text(argv.start);
        let base = self.function_base;
        worked(self.s.functions.len());
        let seen = |at: usize| self.s.functions.get(at).is_some_and(|f| at >= base || f.exported);
        let found = (0..self.s.functions.len())
            .rev()
            .find(|&at| seen(at) && self.s.functions.get(at).is_some_and(|f| self.text(f.name) == name));
        let Some(at) = found else { return false };
        let Some(function) = self.s.functions.get(at).copied() else { return false };
        let span = self.arg(argv.start).span;
        if function.active >= MAX_RECURSION || !self.deeper(span) {
            self.write_unknown();
            return true;
        }
        self.s.functions[at].active += 1;
        let outer_args = self.args;
        let outer_set = std::mem::replace(&mut self.args_set, true);
        let given = Range32 { start: argv.start + 1, end: argv.end };
        self.args = self.push_args(given);
        self.frames += 1;
        let outer_frame = std::mem::replace(&mut self.frame, self.frames);
        if self.dialect == super::Dialect::Fish {
            self.fish_parameters(function.params, given);
        }
        let loops = std::mem::take(&mut self.loops);
        self.with_via(Machine::via(ViaKind::Definition, "function"), |m| m.exec(function.body));
        self.loops = loops;
        let frame = std::mem::replace(&mut self.frame, outer_frame);
        self.s.vars.retain(|v| v.frame != frame);
        self.args = outer_args;
        self.args_set = outer_set;
        if self.flow == Flow::Return {
            self.flow = Flow::Next;
        }
        if let Some(slot) = self.s.functions.get_mut(at) {
            slot.active = slot.active.saturating_sub(1);
        }
        self.depth -= 1;
        true
    }

    /// Makes words the positional parameters.
    pub(super) fn push_args(&mut self, words: Range32) -> Range32 {
        let start = self.s.args.len() as u32;
        for index in words.start..words.end {
            let value = self.arg_val(index);
            self.s.args.push(value);
        }
        Range32 { start, end: self.s.args.len() as u32 }
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

    fn act(&mut self, name: &'static str, action: &'static Action, argv: Range32) {
        match action {
            Action::Wrap(wrapper) => self.wrapper(name, wrapper, argv),
            Action::Shell => self.shell(name, argv),
            Action::Find => self.find(argv),
            Action::Xargs => self.xargs(argv),
            Action::Parallel => self.parallel(argv),
            Action::Su => self.su(name, argv),
            Action::Ssh => self.ssh(name, argv),
            Action::OptionText(options) => self.option_text(name, options, argv),
            Action::Ansible => self.ansible(argv),
            Action::Container => self.container(name, argv),
            Action::Flock => self.flock(argv),
            Action::Env => self.env(argv),
            Action::Busybox => self.busybox(name, argv),
            Action::Deferred => self.deferred(name, argv),
            Action::Crontab => self.crontab(argv),
            Action::StartStopDaemon => self.start_stop_daemon(argv),
            Action::Terminal => self.terminal(name, argv),
            Action::Multiplexer => self.multiplexer(name, argv),
            Action::Capsh => self.capsh(argv),
            Action::Embedded(marks) => self.embedded(name, marks, argv),
            Action::After(words) => {
                if name == "gdb" {
                    self.code(name, super::interpret::Code::Lines(&["shell ", "!"]), argv);
                }
                self.after(name, words, argv);
            }
            Action::Builtin(builtin) => self.builtin(*builtin, argv),
            Action::Code(code) => {
                self.code(name, *code, argv);
                self.write_unknown();
            }
            Action::Filter => self.filter(name, argv),
            Action::Printenv => self.printenv(argv),
            Action::Silent => {}
            Action::Mkdir => self.mkdir(argv),
            Action::Rm => self.rm(argv),
            Action::Which => self.which(name, argv),
            Action::Cat => self.cat(argv),
            Action::Tee => self.tee(argv),
            Action::Copy => self.copy(argv),
        }
    }
}
