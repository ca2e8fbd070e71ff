//! Commands that the shell itself carries out, as far as they change what runs later.

use super::Dialect;
use super::analysis::{IssueKind, Range32, ViaKind, WordFlags};
use super::chars::name_len;
use super::escapes::{self, Style};
use super::machine::{Flow, Machine};
use super::state::{Alias, Input, Val, Var, VarKind};
use super::wrappers::Builtin;
use super::{arith, filters};

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
            Builtin::Exit => self.jump(Flow::Exit),
            Builtin::Return => self.jump(Flow::Return),
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
        self.with_via(via, |m| m.source(content.range, origin));
        if self.flow == Flow::Return {
            self.flow = Flow::Next;
        }
        self.depth -= 1;
    }

    fn exec_builtin(&mut self, argv: Range32) {
        let next = self.options(argv, "a", "", "").next;
        let inner = Range32 { start: next, end: argv.end };
        if inner.is_empty() {
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
        let mut next = argv.start + 1;
        while next < argv.end {
            match self.arg_text(next) {
                b"-p" => next += 1,
                b"--" => {
                    next += 1;
                    break;
                }
                [b'-', letters @ ..] if letters.iter().any(|b| matches!(b, b'v' | b'V')) => {
                    self.status = None;
                    self.which(Range32 { start: next, end: argv.end });
                    return;
                }
                _ => break,
            }
        }
        self.run_inner(Range32 { start: next, end: argv.end }, Machine::via(ViaKind::Wrapper, "command"));
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
            let buffer = &self.a.text;
            self.s.traps.retain(|t| {
                buffer.get(t.0.start as usize..t.0.end as usize).is_none_or(|name| name != signal.as_slice())
            });
            return;
        }
        let signal = self.arg(rest.start + 1).range();
        let same = self.s.traps.iter().position(|t| self.text(t.0) == self.text(signal));
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

    /// `export`, `declare`, `local`, `readonly`, `typeset`.
    fn declare(&mut self, argv: Range32) {
        let local =
            matches!(self.arg_text(argv.start), b"local" | b"declare" | b"typeset") && self.frame != 0;
        let (mut attribute, mut reference, mut kind, mut global) = (0, false, None, false);
        let mut functions = false;
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            if word.len() < 2 || !matches!(word[0], b'-' | b'+') {
                break;
            }
            for b in &word[1..] {
                match b {
                    b'u' | b'l' | b'i' => attribute = *b,
                    b'n' => reference = true,
                    b'a' => kind = Some(VarKind::Array(Range32::default())),
                    b'A' => kind = Some(VarKind::Assoc(Range32::default())),
                    b'g' => global = true,
                    b'f' => functions = true,
                    _ => {}
                }
            }
            next += 1;
        }
        if functions {
            return self.export_functions(Range32 { start: next, end: argv.end });
        }
        for index in next..argv.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            let len = name_len(text);
            if len == 0 {
                continue;
            }
            let name = Range32 { start: word.start, end: word.start + len as u32 };
            let append = text.get(len..len + 2) == Some(b"+=");
            let valued = append || text.get(len) == Some(&b'=');
            if local && !global {
                let fresh =
                    Var { name, kind: VarKind::Unset, frame: self.frame, attribute, reference: false };
                self.s.vars.push(fresh);
            }
            let at = self.var_for(name);
            if attribute != 0 {
                self.s.vars[at].attribute = attribute;
            }
            if let (Some(kind), VarKind::Unset) = (kind, self.s.vars[at].kind) {
                self.s.vars[at].kind = kind;
            }
            if valued {
                let start = name.end + if append { 2 } else { 1 };
                let range = Range32 { start, end: word.start + word.len };
                let mut value = Val { range, known: !word.flags.contains(WordFlags::UNRESOLVED) };
                if append && let Some(old) = self.scalar(self.text(name)) {
                    let both = [self.text(old.range), self.text(range)].concat();
                    value = Val { range: self.intern(&both), known: value.known && old.known };
                }
                self.assign(name, value);
            } else if matches!(self.s.vars[at].kind, VarKind::Unset) && !local {
                // `export PATH`: a variable of the environment stays what it is.
                self.s.vars.remove(at);
                continue;
            }
            if reference {
                self.s.vars[at].reference = true;
            }
        }
        self.declare_arrays(kind, attribute);
    }

    /// `export -f name…`
    fn export_functions(&mut self, names: Range32) {
        for index in names.start..names.end {
            let name = self.arg_text(index).to_vec();
            let text = &self.a.text;
            for function in &mut self.s.functions {
                let range = function.name.start as usize..function.name.end as usize;
                function.exported |= text.get(range).is_some_and(|n| n == name.as_slice());
            }
        }
    }

    /// `declare -A x=(…)`: arrays among the arguments were parsed as assignments.
    fn declare_arrays(&mut self, kind: Option<VarKind>, attribute: u8) {
        let nodes = self.declared_arrays;
        for index in nodes.start..nodes.end {
            let Some(node) = self.s.ast.assignments.get(index as usize).copied() else { break };
            let at = self.var_for(node.name);
            if let Some(kind) = kind {
                self.s.vars[at].kind = kind;
            }
            if attribute != 0 {
                self.s.vars[at].attribute = attribute;
            }
            self.perform(node);
        }
        self.declared_arrays = Range32::default();
    }

    fn unset(&mut self, rest: Range32) {
        for index in rest.start..rest.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            if text.starts_with(b"-") {
                continue;
            }
            let name = word.range();
            let at = self.var_for(name);
            self.s.vars[at].kind = VarKind::Unset;
            self.changes += 1;
            let name = self.text(name).to_vec();
            let buffer = &self.a.text;
            self.s.functions.retain(|f| {
                buffer.get(f.name.start as usize..f.name.end as usize).is_none_or(|n| n != name.as_slice())
            });
        }
    }

    fn set_builtin(&mut self, rest: Range32) {
        let mut next = rest.start;
        let mut explicit = false;
        while next < rest.end {
            match self.arg_text(next) {
                b"--" | b"-" => {
                    explicit = true;
                    next += 1;
                    break;
                }
                [b'-' | b'+', letters @ ..] if !letters.is_empty() => {
                    next += 1 + u32::from(letters.last() == Some(&b'o'));
                }
                _ => break,
            }
        }
        if explicit || next < rest.end {
            self.args = self.push_args(Range32 { start: next.min(rest.end), end: rest.end });
            self.args_set = true;
            self.changes += 1;
        }
    }

    /// Takes a line of known input.
    fn take_line(&mut self, delimiter: u8) -> Option<(Val, bool)> {
        let Input::Text(value, from) = self.input else { return None };
        let text = self.text(value.range);
        let len = text.iter().position(|&b| b == delimiter);
        let line = len.unwrap_or(text.len()) as u32;
        let start = value.range.start;
        let taken = Val { range: Range32 { start, end: start + line }, known: value.known };
        let rest = Range32 { start: start + line + u32::from(len.is_some()), end: value.range.end };
        let complete = len.is_some();
        self.input = Input::Text(Val { range: rest, known: value.known }, from);
        Some((taken, complete))
    }

    fn read(&mut self, rest: Range32) {
        let (mut array, mut delimiter) = (None, b'\n');
        let mut next = rest.start;
        while next < rest.end {
            let word = self.arg_text(next);
            let [b'-', letters @ ..] = word else { break };
            if letters.is_empty() || letters == b"-" {
                next += 1;
                break;
            }
            let letters = letters.to_vec();
            next += 1;
            for (i, b) in letters.iter().enumerate() {
                if !matches!(b, b'a' | b'd' | b'i' | b'n' | b'N' | b'p' | b't' | b'u') {
                    continue;
                }
                let inline = letters.len() > i + 1;
                let value = if inline { letters[i + 1..].to_vec() } else { self.arg_text(next).to_vec() };
                match b {
                    b'a' if !inline && next < rest.end => array = Some(self.arg(next).range()),
                    b'd' => delimiter = value.first().copied().unwrap_or(0),
                    _ => {}
                }
                next += u32::from(!inline);
                break;
            }
        }
        let next = next.min(rest.end);
        let line = self.take_line(delimiter);
        self.status = match line {
            Some((value, complete)) if value.known => Some(i32::from(!complete)),
            _ => None,
        };
        let (value, known) = match line {
            Some((value, _)) if value.known => (value, true),
            _ => (Val::default(), false),
        };
        if !known {
            for index in next..rest.end {
                let name = self.arg(index).range();
                if name_len(self.text(name)) == name.len() {
                    self.forget(name);
                }
            }
            return;
        }
        let fields = filters::split_fields(
            self.text(value.range),
            value.range.start,
            (rest.end - next) as usize,
            array.is_some(),
        );
        if let Some(name) = array {
            let at = self.var_for(name);
            self.s.vars[at].kind = VarKind::Array(Range32::default());
            let start = self.s.elements.len() as u32;
            for (i, range) in fields.into_iter().enumerate() {
                let value = Val { range, known: true };
                let index = i64::try_from(i).unwrap_or(0);
                self.s.elements.push(super::state::Element { index, key: Range32::default(), value });
            }
            self.s.vars[at].kind = VarKind::Array(Range32 { start, end: self.s.elements.len() as u32 });
            self.changes += 1;
            return;
        }
        if next == rest.end {
            let name = self.intern(b"REPLY");
            return self.assign(name, value);
        }
        for (i, index) in (next..rest.end).enumerate() {
            let name = self.arg(index).range();
            let empty = Range32 { start: value.range.end, end: value.range.end };
            let range = fields.get(i).copied().unwrap_or(empty);
            self.assign(name, Val { range, known: true });
        }
    }

    /// Makes a variable one whose value isn't known; it stands as `$NAME`.
    fn forget(&mut self, name: Range32) {
        let text = [b"$", self.text(name)].concat();
        let range = self.intern(&text);
        self.assign(name, Val { range, known: false });
    }

    fn mapfile(&mut self, rest: Range32) {
        let mut trim = false;
        let mut name = None;
        for index in rest.start..rest.end {
            match self.arg_text(index) {
                b"-t" => trim = true,
                [b'-', ..] => {}
                _ => name = Some(self.arg(index).range()),
            }
        }
        let name = match name {
            Some(name) => name,
            None => self.intern(b"MAPFILE"),
        };
        let start = self.s.elements.len() as u32;
        let mut index = 0;
        while let Some((line, complete)) = self.take_line(b'\n') {
            if !line.known || (line.range.is_empty() && !complete) || index >= 1024 {
                break;
            }
            let mut value = line;
            value.range.end += u32::from(!trim && complete);
            self.s.elements.push(super::state::Element { index, key: Range32::default(), value });
            index += 1;
        }
        let range = Range32 { start, end: self.s.elements.len() as u32 };
        let at = self.var_for(name);
        self.s.vars[at].kind = VarKind::Array(range);
        self.changes += 1;
    }

    fn echo(&mut self, argv: Range32) {
        if self.sink == super::machine::Sink::Discard {
            return;
        }
        let mut next = argv.start + 1;
        let (mut newline, mut escaped) = (true, false);
        let print = self.arg_text(argv.start) == b"print";
        let mut separator: &[u8] = b" ";
        while print && next < argv.end && self.arg_text(next).starts_with(b"-") {
            let word = self.arg_text(next);
            if word.contains(&b'l') {
                separator = b"\n";
            }
            newline &= !word.contains(&b'n');
            next += 1 + u32::from(matches!(word.last(), Some(b'u' | b'C' | b'f' | b'v')));
        }
        while !print && next < argv.end {
            let word = self.arg_text(next);
            let option = word.len() > 1
                && word[0] == b'-'
                && word[1..].iter().all(|b| matches!(b, b'n' | b'e' | b'E'));
            if !option {
                break;
            }
            for b in &word[1..] {
                match b {
                    b'n' => newline = false,
                    b'e' => escaped = true,
                    _ => escaped = false,
                }
            }
            next += 1;
        }
        for index in next..argv.end {
            if index > next {
                self.write(separator);
            }
            let word = self.arg(index);
            if word.flags.contains(WordFlags::UNRESOLVED) {
                self.out_known = false;
            }
            if escaped {
                let text = self.text(word.range()).to_vec();
                let mut out = Vec::with_capacity(text.len());
                let stop = decode(&text, Style::Echo, &mut out);
                self.write(&out);
                if stop {
                    return;
                }
            } else {
                self.write_range(word.range());
            }
        }
        if newline {
            self.write(b"\n");
        }
    }

    fn printf(&mut self, rest: Range32) {
        let mut rest = rest;
        let mut target = None;
        if rest.len() >= 2 && self.arg_text(rest.start) == b"-v" {
            target = Some(self.arg(rest.start + 1).range());
            rest.start += 2;
        }
        if !rest.is_empty() && self.arg_text(rest.start) == b"--" {
            rest.start += 1;
        }
        if rest.is_empty() || (target.is_none() && self.sink == super::machine::Sink::Discard) {
            return;
        }
        let mut known = true;
        let mut words: Vec<Vec<u8>> = Vec::with_capacity(rest.len());
        for index in rest.start..rest.end {
            known &= !self.arg(index).flags.contains(WordFlags::UNRESOLVED);
            words.push(self.arg_text(index).to_vec());
        }
        let (out, exact) = format(&words[0], &words[1..]);
        known &= exact;
        if !self.charge(out.len() / 64) {
            return;
        }
        match target {
            Some(name) => {
                let range = self.intern(&out);
                self.assign(name, Val { range, known });
            }
            None => {
                self.write(&out);
                if !known {
                    self.write_unknown();
                }
            }
        }
    }
}

/// Decodes escapes; whether `\c` ended the output.
fn decode(text: &[u8], style: Style, out: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'\\' {
            let (len, stop) = escapes::one(&text[at..], style, out);
            if stop {
                return true;
            }
            at += len;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    false
}

/// `printf FORMAT ARGS`: the text, and whether all of it is what printf would print.
fn format(format: &[u8], args: &[Vec<u8>]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut exact = true;
    let mut next = 0;
    loop {
        let before = next;
        let mut at = 0;
        while at < format.len() {
            match format[at] {
                b'\\' => {
                    let (len, stop) = escapes::one(&format[at..], Style::Printf, &mut out);
                    if stop {
                        return (out, exact);
                    }
                    at += len;
                }
                b'%' if format.get(at + 1) == Some(&b'%') => {
                    out.push(b'%');
                    at += 2;
                }
                b'%' => {
                    let spec = &format[at + 1..];
                    let flags = spec.iter().take_while(|b| b"-+ #0123456789.*".contains(b)).count();
                    let Some(&kind) = spec.get(flags) else {
                        out.push(b'%');
                        at += 1;
                        continue;
                    };
                    at += flags + 2;
                    let arg: &[u8] = args.get(next).map_or(&[], Vec::as_slice);
                    next += 1;
                    exact &= one_conversion(kind, &spec[..flags], arg, &mut out);
                }
                b => {
                    out.push(b);
                    at += 1;
                }
            }
        }
        if next >= args.len() || next == before || out.len() > 1 << 18 {
            exact &= out.len() <= 1 << 18;
            return (out, exact);
        }
    }
}

fn one_conversion(kind: u8, flags: &[u8], arg: &[u8], out: &mut Vec<u8>) -> bool {
    let number = |arg: &[u8]| -> Option<i64> {
        match arg {
            [] => Some(0),
            [b'\'' | b'"', rest @ ..] => {
                let c = std::str::from_utf8(rest).ok().and_then(|s| s.chars().next());
                Some(c.map_or_else(|| rest.first().map_or(0, |b| i64::from(*b)), |c| i64::from(u32::from(c))))
            }
            [b'-', digits @ ..] => arith::literal(digits).map(i64::wrapping_neg),
            [b'+', digits @ ..] => arith::literal(digits),
            digits => arith::literal(digits),
        }
    };
    let text: Vec<u8> = match kind {
        b's' => arg.to_vec(),
        b'b' => {
            let mut made = Vec::new();
            decode(arg, Style::Echo, &mut made);
            made
        }
        b'q' => escapes::quoted(arg),
        b'c' => arg.first().map_or_else(Vec::new, |b| vec![*b]),
        b'd' | b'i' | b'u' => match number(arg) {
            Some(n) => n.to_string().into_bytes(),
            None => return false,
        },
        b'x' => match number(arg) {
            Some(n) => format!("{n:x}").into_bytes(),
            None => return false,
        },
        b'X' => match number(arg) {
            Some(n) => format!("{n:X}").into_bytes(),
            None => return false,
        },
        b'o' => match number(arg) {
            Some(n) => format!("{n:o}").into_bytes(),
            None => return false,
        },
        _ => return false,
    };
    let spec = String::from_utf8_lossy(flags);
    let left = spec.contains('-');
    let zero = spec.starts_with('0') && kind != b's';
    let mut parts = spec.trim_start_matches(['-', '+', ' ', '#', '0']).split('.');
    let width: usize = parts.next().and_then(|w| w.parse().ok()).unwrap_or(0);
    let precision: Option<usize> = parts.next().and_then(|p| p.parse().ok());
    let mut text = text;
    if let (b's' | b'b', Some(most)) = (kind, precision) {
        text.truncate(most);
    }
    let pad = width.min(1 << 16).saturating_sub(text.len());
    if !left {
        out.extend(std::iter::repeat_n(if zero { b'0' } else { b' ' }, pad));
    }
    out.extend_from_slice(&text);
    if left {
        out.extend(std::iter::repeat_n(b' ', pad));
    }
    !spec.contains('*')
}
