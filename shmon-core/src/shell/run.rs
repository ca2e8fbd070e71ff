//! Words of the result become an invocation: what the program's name means, functions, and what the program is to the
//! evaluation.

use super::analysis::{Range32, Span, ViaKind, WordFlags, WordRec};
use super::chars::{NAME, is};
use super::machine::{Flow, Machine};
use super::obfuscation;
use super::programs;
use super::state::Val;
use super::work::worked;
use super::wrappers::{self, Action};

/// Calls of one function inside each other that are followed.
const MAX_RECURSION: u8 = 2;

impl Machine<'_> {
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
            if !word.flags.contains(vanishes) || !is_all_unresolved(self.text(word.range())) {
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

/// Whether the text of a word is all one expansion without a value.
pub(super) fn is_all_unresolved(text: &[u8]) -> bool {
    match text {
        [b'$', b'{', inner @ .., b'}'] => !inner.contains(&b'}'),
        [b'$', b'(', .., b')'] | [b'`', .., b'`'] => true,
        [b'$', rest @ ..] => rest.iter().all(|&b| is(b, NAME)) || rest.len() == 1,
        _ => false,
    }
}
