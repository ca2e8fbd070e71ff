//! Commands that the shell itself carries out, as far as they change what runs later.

use super::Dialect;
use super::analysis::{IssueKind, Range32, ViaKind};
use super::arith;
use super::machine::{Flow, Machine};
use super::state::{Alias, Input};
use super::wrap::command_words;
use super::wrappers::Builtin;

impl Machine<'_> {
    pub(super) fn builtin(&mut self, builtin: Builtin, argv: Range32) {
        let rest = Range32 { start: argv.start + 1, end: argv.end };
        self.status = Some(0);
        match builtin {
            Builtin::Eval => self.eval(rest),
            Builtin::Source => self.dot(rest),
            Builtin::Exec => self.exec_builtin(argv),
            Builtin::Command => self.command_builtin(argv),
            Builtin::Run => {
                let name = match self.arg_text(argv.start) {
                    b"noglob" => "noglob",
                    b"nocorrect" => "nocorrect",
                    _ => "builtin",
                };
                let mut rest = rest;
                rest.start += u32::from(!rest.is_empty() && self.arg_text(rest.start) == b"--");
                self.run_inner(rest, Machine::via(ViaKind::Wrapper, name));
            }
            Builtin::Trap => self.trap(rest),
            Builtin::Alias => self.define_aliases(rest),
            Builtin::Unalias => {
                for index in rest.start..rest.end {
                    let name = self.arg_text(index).to_vec();
                    let text = &self.a.text;
                    let of = |r: Range32| text.get(r.start as usize..r.end as usize).unwrap_or(&[]);
                    self.s.aliases.retain(|a| name != b"-a" && of(a.name) != name);
                }
            }
            Builtin::Export => self.declare(argv),
            Builtin::Unset => self.unset(rest),
            Builtin::Set if self.dialect == Dialect::Fish => self.fish_set(rest),
            Builtin::Set => self.set_builtin(rest),
            Builtin::Psub => self.psub(),
            Builtin::Strings => self.fish_string(argv),
            Builtin::Count => self.fish_count(argv),
            Builtin::Math => self.fish_math(argv),
            Builtin::Shift => {
                let by = if rest.is_empty() { Some(1) } else { arith::literal(self.arg_text(rest.start)) };
                let by = by.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
                if self.args.start + by <= self.args.end {
                    self.args.start += by;
                    self.changes += u32::from(by > 0);
                } else {
                    self.status = Some(1);
                }
            }
            Builtin::Read => self.read(rest),
            Builtin::Mapfile => self.mapfile(rest),
            Builtin::Echo => self.echo(argv),
            Builtin::Printf => self.printf(rest),
            Builtin::True => {}
            Builtin::False => self.status = Some(1),
            // Outside of functions and sourced texts it only complains.
            Builtin::Return if self.dialect == Dialect::Bash && self.frame == 0 && self.sourced == 0 => {
                self.status = Some(1);
            }
            Builtin::Exit | Builtin::Return => {
                let code = match rest.len() {
                    1 => arith::literal(self.arg_text(rest.start)).and_then(|n| i32::try_from(n & 255).ok()),
                    _ => None,
                };
                let exit = builtin == Builtin::Exit;
                self.jump(if exit { Flow::Exit } else { Flow::Return });
                self.status = code;
            }
            // Outside a loop they only complain.
            Builtin::Break | Builtin::Continue if self.loops == 0 => {}
            Builtin::Break => {
                let levels = self.levels(rest);
                self.jump(Flow::Break(levels));
            }
            Builtin::Continue => {
                let levels = self.levels(rest);
                self.jump(Flow::Continue(levels));
            }
            Builtin::Let => {
                let mut last = Some(0);
                for index in rest.start..rest.end {
                    let value = self.arg_val(index);
                    let text = self.text(value.range).to_vec();
                    last = if value.known { arith::evaluate(&text, self) } else { None };
                }
                self.status = last.map(|v| i32::from(v == 0));
            }
            Builtin::Jobs => {
                if !rest.is_empty() && self.arg_text(rest.start) == b"-x" {
                    let inner = Range32 { start: rest.start + 1, end: rest.end };
                    self.run_inner(inner, Machine::via(ViaKind::Wrapper, "jobs -x"));
                }
                self.status = None;
            }
            Builtin::Shopt => {
                let names = |m: &Self| (rest.start + 1..rest.end).any(|i| m.arg_text(i) == b"nocasematch");
                match self.arg_text(rest.start.min(argv.end - 1)) {
                    b"-s" if names(self) => self.any_case = true,
                    b"-u" if names(self) => self.any_case = false,
                    _ => {}
                }
                self.status = None;
            }
            // What a file or a program is can't be known, and the rest is rare.
            Builtin::Test | Builtin::Other => self.status = None,
        }
    }

    fn levels(&self, rest: Range32) -> u32 {
        if rest.is_empty() {
            return 1;
        }
        arith::literal(self.arg_text(rest.start)).and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1)
    }

    /// Leaves the straight way, unless it isn't certain to be reached.
    fn jump(&mut self, flow: Flow) {
        if self.uncertain == 0 {
            self.flow = flow;
        } else {
            self.jump_skipped = true;
        }
        self.status = None;
    }

    fn eval(&mut self, rest: Range32) {
        let mut rest = rest;
        if !rest.is_empty() && self.arg_text(rest.start) == b"--" {
            rest.start += 1;
        }
        if rest.is_empty() {
            return;
        }
        let value = if rest.len() == 1 { self.arg_val(rest.start) } else { self.join(rest) };
        let span = self.joined_span(rest);
        if !value.known && self.is_all_source(value) {
            self.status = None;
            self.write_unknown();
            return self.unresolved_issue(value.range, span);
        }
        if !value.known
            && (self.text(value.range).starts_with(b"$") || self.text(value.range).contains(&b'`'))
        {
            self.unresolved_issue(value.range, span);
        }
        if !self.deeper(span) {
            return;
        }
        let origin = self.origin(value.range, span);
        let via = Machine::via(ViaKind::ShellString, "eval");
        self.with_via(via, |m| m.source(value.range, origin));
        self.depth -= 1;
    }

    /// `source file`: known where the text wrote it, or where it is a substitution or standard input.
    fn dot(&mut self, rest: Range32) {
        self.status = None;
        let mut rest = rest;
        if !rest.is_empty() && self.arg_text(rest.start) == b"--" {
            rest.start += 1;
        }
        // fish reads standard input where no file is named.
        let piped = self.dialect == Dialect::Fish && (rest.is_empty() || self.arg_text(rest.start) == b"-");
        if rest.is_empty() && !piped {
            return;
        }
        if piped {
            return self.shell_input(Machine::via(ViaKind::ShellInput, "source"));
        }
        let word = self.arg(rest.start);
        let standard = matches!(self.text(word.range()), b"/dev/stdin" | b"/dev/fd/0" | b"/proc/self/fd/0");
        let content = match (standard, self.input) {
            (true, Input::Text(value, _)) => Some(value),
            _ => self.file(word.range()),
        };
        let Some(content) = content else {
            self.write_unknown();
            return self.issue(IssueKind::ExternalScript, word.span);
        };
        if !content.known {
            self.issue(IssueKind::CommandOutput, word.span);
        }
        if content.range.is_empty() || !self.deeper(word.span) {
            return;
        }
        let span = self.content_span(content.range, word.span);
        let origin = self.origin(content.range, span);
        let via = Machine::via(ViaKind::ShellInput, "source");
        self.sourced += 1;
        self.with_via(via, |m| m.source(content.range, origin));
        self.sourced -= 1;
        if self.flow == Flow::Return {
            self.flow = Flow::Next;
        }
        self.depth -= 1;
    }

    fn exec_builtin(&mut self, argv: Range32) {
        let next = self.options(argv, "a", "", "").next;
        let inner = Range32 { start: next, end: argv.end };
        if inner.is_empty() {
            self.keeps_redirections = true;
            return;
        }
        self.run_inner(inner, Machine::via(ViaKind::Wrapper, "exec"));
        if self.via_is_plain() {
            self.jump(Flow::Exit);
        }
    }

    /// Whether `exec` replaces the shell that reads this text, not one of its programs.
    fn via_is_plain(&self) -> bool {
        self.s.via.last().is_none_or(|v| !matches!(v.kind, ViaKind::Definition))
    }

    fn command_builtin(&mut self, argv: Range32) {
        let (words, tells) = command_words(argv, |word| self.arg_text(word));
        if tells {
            self.status = None;
            return self.which("command", words);
        }
        self.run_inner(words, Machine::via(ViaKind::Wrapper, "command"));
    }

    fn trap(&mut self, rest: Range32) {
        let mut rest = rest;
        if !rest.is_empty() && self.arg_text(rest.start) == b"--" {
            rest.start += 1;
        }
        if rest.len() < 2 {
            return;
        }
        let body = self.arg(rest.start);
        let text = self.text(body.range());
        if text.is_empty() || text.starts_with(b"-") {
            // Ignored, or as it was: what was set for the same signal won't run.
            let signal = self.arg_text(rest.start + 1).to_vec();
            if runs_at_once(&signal) {
                return;
            }
            let buffer = &self.a.text;
            self.s.traps.retain(|t| {
                buffer.get(t.0.start as usize..t.0.end as usize).is_none_or(|name| name != signal.as_slice())
            });
            return;
        }
        let signal = self.arg(rest.start + 1).range();
        let same = self.s.traps.iter().position(|t| self.text(t.0) == self.text(signal));
        let same = same.filter(|_| !runs_at_once(self.text(signal)));
        let entry = (signal, body.range(), body.span);
        match same {
            Some(at) if self.uncertain == 0 => self.s.traps[at] = entry,
            _ if self.s.traps.len() < 32 => self.s.traps.push(entry),
            _ => {}
        }
    }

    /// Runs the handlers that `trap` left behind.
    pub(super) fn finish_traps(&mut self) {
        if self.s.traps.is_empty() || self.budget_spent {
            return;
        }
        let traps = std::mem::take(&mut self.s.traps);
        for (_, body, span) in &traps {
            self.flow = Flow::Next;
            let origin = self.origin(*body, *span);
            let scope = self.open_scope();
            let via = Machine::via(ViaKind::ShellString, "trap");
            self.with_via(via, |m| m.source(*body, origin));
            self.close_scope(scope);
        }
    }

    fn define_aliases(&mut self, rest: Range32) {
        // fish: `alias name 'body'`
        if self.dialect == Dialect::Fish && rest.len() == 2 && !self.arg_text(rest.start).contains(&b'=') {
            let (name, value) = (self.arg(rest.start).range(), self.arg(rest.start + 1).range());
            if self.s.aliases.len() < 64 {
                self.s.aliases.push(Alias { name, value, active: false });
            }
            return;
        }
        for index in rest.start..rest.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            let Some(at) = text.iter().position(|&b| b == b'=').filter(|&at| at > 0) else { continue };
            let name = Range32 { start: word.start, end: word.start + at as u32 };
            let value = Range32 { start: name.end + 1, end: word.start + word.len };
            if self.s.aliases.len() < 64 {
                self.s.aliases.push(Alias { name, value, active: false });
            }
        }
    }
}

/// Signals whose handler may have run before it is taken back.
fn runs_at_once(signal: &[u8]) -> bool {
    matches!(signal, b"ERR" | b"DEBUG" | b"RETURN")
}
