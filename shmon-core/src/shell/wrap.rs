//! Wrappers: reads their options and runs what they run.

use super::analysis::{Range32, Via, ViaKind, WordFlags};
use super::machine::Machine;
use super::state::{Input, Val};
use super::wrappers::{Rest, Wrapper};
use std::ops::Range;

/// Options of xargs that take a value.
pub(super) const XARGS_SHORT: &str = "adEILnPsJRS";
pub(super) const XARGS_LONG: &str =
    "arg-file delimiter max-args max-procs max-chars max-lines process-slot-var replace-str";

/// Whether `word` is in the list of words separated by blanks.
pub(super) fn listed(list: &str, word: &[u8]) -> bool {
    list.split_ascii_whitespace().any(|entry| entry.as_bytes() == word)
}

/// What reading options found.
pub(super) struct Options {
    /// The first word that is neither an option nor its argument.
    pub(super) next: u32,
    /// One of the options after which nothing is run.
    pub(super) inert: bool,
}

impl Machine<'_> {
    /// [`options`] of words of the result.
    pub(super) fn options(&self, argv: Range32, short: &str, long: &str, inert: &str) -> Options {
        options(argv, |word| self.arg_text(word), short, long, inert)
    }

    pub(super) fn wrapper(&mut self, name: &'static str, wrapper: &Wrapper, argv: Range32) {
        let Some(Wrapped { assigned, inner, shell }) =
            wrapped(name, wrapper, argv, |word| self.arg_text(word))
        else {
            return self.write_unknown();
        };
        let environment = self.s.vars.len();
        let pushed = self.push_environment(assigned);
        let via = Machine::via(wrapper.via, name);
        if inner.is_empty() {
            return if shell { self.shell_input(via) } else { self.write_unknown() };
        }
        match wrapper.rest {
            Rest::Argv => self.run_inner(inner, via),
            Rest::Joined => self.run_joined(inner, via),
            Rest::Each => {
                for index in inner.start..inner.end {
                    self.run_string(index, via);
                }
            }
        }
        self.drop_environment(environment, pushed);
    }

    /// Runs words as a program reached through `via`.
    pub(super) fn run_inner(&mut self, argv: Range32, via: Via) {
        if argv.is_empty() {
            return;
        }
        let span = self.arg(argv.start).span;
        if !self.deeper(span) {
            return;
        }
        let assignments = std::mem::take(&mut self.assignments);
        // zsh's precommand modifiers leave functions what they are.
        let functions = matches!(via.name, "noglob" | "nocorrect");
        self.with_via(via, |m| m.run_named(argv, span, functions));
        self.assignments = assignments;
        self.depth -= 1;
    }

    /// Gives words, joined with blanks, to a shell.
    pub(super) fn run_joined(&mut self, words: Range32, via: Via) {
        match words.len() {
            0 => {}
            1 => self.run_string(words.start, via),
            _ => {
                let value = self.join(words);
                let span = self.joined_span(words);
                self.run_text(value, span, via);
            }
        }
    }

    pub(super) fn joined_span(&self, words: Range32) -> super::Span {
        let first = self.arg(words.start).span;
        let last = self.arg(words.end - 1).span;
        super::Span { start: first.start.min(last.start), end: first.end.max(last.end) }
    }

    pub(super) fn join(&mut self, words: Range32) -> Val {
        let mut text = Vec::new();
        let mut known = true;
        for index in words.start..words.end {
            if index > words.start {
                text.push(b' ');
            }
            text.extend_from_slice(self.arg_text(index));
            known &= !self.arg(index).flags.contains(WordFlags::UNRESOLVED);
        }
        Val { range: self.intern(&text), known }
    }

    /// Gives one word to a shell.
    pub(super) fn run_string(&mut self, index: u32, via: Via) {
        let value = self.arg_val(index);
        let span = self.arg(index).span;
        self.run_text(value, span, via);
    }

    /// Gives text to a shell of its own; what isn't known in it is reported.
    pub(super) fn run_text(&mut self, value: Val, span: super::Span, via: Via) {
        if !value.known && self.is_all_source(value) {
            return self.unresolved_issue(value.range, span);
        }
        if !value.known {
            let text = self.text(value.range);
            if text.starts_with(b"$") || text.contains(&b'`') || text.windows(2).any(|w| w == b"$(") {
                self.unresolved_issue(value.range, span);
            }
        }
        self.child_shell(value, span, via, self.dialect);
    }

    /// Whether the value is nothing but the source text of one expansion.
    pub(super) fn is_all_source(&self, value: Val) -> bool {
        is_one_expansion(self.text(value.range))
    }

    /// A shell that reads its commands from standard input.
    pub(super) fn shell_input(&mut self, via: Via) {
        match self.input {
            Input::Terminal => {}
            Input::Text(value, from) => {
                self.input = Input::Terminal;
                let span = self.input_span(value.range);
                let via = if via.kind == ViaKind::ShellInput {
                    Machine::via(ViaKind::ShellInput, from.name())
                } else {
                    via
                };
                let decoded = self.decoded_via(from);
                if !value.known {
                    let issue_span = span;
                    self.issue(super::IssueKind::CommandOutput, issue_span);
                }
                match decoded {
                    Some(decoded) => {
                        self.sign("decoded", span);
                        self.with_via(decoded, |m| m.child_shell(value, span, via, m.dialect));
                    }
                    None => self.child_shell(value, span, via, self.dialect),
                }
            }
            Input::Unknown => {
                let span = self.here();
                self.issue(super::IssueKind::CommandOutput, span);
                self.write_unknown();
            }
            Input::File => {
                let span = self.here();
                self.issue(super::IssueKind::ExternalScript, span);
                self.write_unknown();
            }
        }
    }

    /// The span of the invocation that was listed last.
    pub(super) fn here(&self) -> super::Span {
        self.a.invocations.last().map(|i| i.span).unwrap_or_default()
    }

    /// Where input text stands in the command; the reader's span where it was made up.
    pub(super) fn input_span(&mut self, range: Range32) -> super::Span {
        let span = self.span(range);
        if span != super::Span::default() {
            return span;
        }
        self.locate(range).unwrap_or_else(|| self.here())
    }

    pub(super) fn find(&mut self, argv: Range32) {
        self.write_unknown();
        let mut at = argv.start + 1;
        while let Some((name, run)) = find_exec(at..argv.end, |word| self.arg_text(word)) {
            at = run.end + 1;
            self.run_inner(run, Machine::via(ViaKind::Wrapper, name));
        }
    }
}

/// Reads options from `argv`'s second word on, as `getopt_long` does up to the first operand.
pub(super) fn options<'a>(
    argv: Range32,
    text: impl Fn(u32) -> &'a [u8],
    short: &str,
    long: &str,
    inert: &str,
) -> Options {
    let mut next = argv.start + 1;
    let mut found = Options { next, inert: false };
    while next < argv.end {
        let word = text(next);
        if word.len() < 2 || word[0] != b'-' {
            break;
        }
        next += 1;
        if word == b"--" {
            break;
        }
        if let Some(name) = word.strip_prefix(b"--") {
            let (name, given) = match name.iter().position(|&b| b == b'=') {
                Some(at) => (&name[..at], true),
                None => (name, false),
            };
            found.inert |= name.len() > 1 && listed(inert, name);
            if !given && listed(long, name) {
                next += 1;
            }
            continue;
        }
        for (i, b) in word.iter().enumerate().skip(1) {
            let first = inert.split(' ').next().unwrap_or("");
            found.inert |= first.as_bytes().contains(b);
            if short.as_bytes().contains(b) {
                next += u32::from(i + 1 == word.len());
                break;
            }
        }
    }
    found.next = next.min(argv.end);
    found
}

/// What a wrapper's arguments say.
pub(super) struct Wrapped {
    /// `NAME=value…` for the environment.
    pub(super) assigned: Range32,
    /// What it runs: a program and its arguments, or text for a shell.
    pub(super) inner: Range32,
    /// Without any it reads commands as a shell does.
    pub(super) shell: bool,
}

/// Reads the arguments of the wrapper `name`; `None` where it runs nothing.
pub(super) fn wrapped<'a>(
    name: &str,
    wrapper: &Wrapper,
    argv: Range32,
    text: impl Fn(u32) -> &'a [u8] + Copy,
) -> Option<Wrapped> {
    let found = options(argv, text, wrapper.short, wrapper.long, wrapper.inert);
    if found.inert {
        return None;
    }
    let mut next = found.next;
    while wrapper.assignments && next < argv.end && is_assignment(text(next)) {
        next += 1;
    }
    let assigned = Range32 { start: found.next, end: next };
    let has_options = found.next > argv.start + 1;
    // runcon's context is an operand or in options, never both.
    let optional = name == "runcon" && has_options;
    next = (next + if optional { 0 } else { u32::from(wrapper.skip) }).min(argv.end);
    if next < argv.end && (text(next) == b"--" || (name == "sg" && text(next) == b"-c")) {
        next += 1;
    }
    // `sudo -s` and `su` read commands as a shell does.
    let shell = has_options && matches!(name, "sudo" | "doas" | "chroot" | "unshare" | "nsenter");
    Some(Wrapped { assigned, inner: Range32 { start: next, end: argv.end }, shell })
}

/// What `command` is about, and whether it only tells what that is (`-v`, which stands before it then).
pub(super) fn command_words<'a>(argv: Range32, text: impl Fn(u32) -> &'a [u8]) -> (Range32, bool) {
    let mut next = argv.start + 1;
    let mut tells = false;
    while next < argv.end {
        match text(next) {
            b"-p" => next += 1,
            b"--" => {
                next += 1;
                break;
            }
            [b'-', letters @ ..] if letters.iter().any(|b| matches!(b, b'v' | b'V')) => {
                tells = true;
                break;
            }
            _ => break,
        }
    }
    (Range32 { start: next, end: argv.end }, tells)
}

/// Whether text is nothing but the source of one expansion.
pub(super) fn is_one_expansion(text: &[u8]) -> bool {
    match text.trim_ascii() {
        [b'$', b'(', inner @ .., b')'] => {
            let mut depth = 0i32;
            inner.iter().all(|b| {
                depth += i32::from(*b == b'(') - i32::from(*b == b')');
                depth >= 0
            })
        }
        [b'`', inner @ .., b'`'] => !inner.contains(&b'`'),
        [b'$', b'{', inner @ .., b'}'] => !inner.contains(&b'}'),
        [b'$', rest @ ..] => {
            rest.len() == 1
                || (!rest.is_empty() && rest.iter().all(|&b| super::chars::is(b, super::chars::NAME)))
        }
        _ => false,
    }
}

/// The next of `find`'s arguments in `args` that runs something: the step's name, and the words that it runs.
pub(super) fn find_exec<'a>(
    mut args: Range<u32>,
    text: impl Fn(u32) -> &'a [u8],
) -> Option<(&'static str, Range32)> {
    let name = args.find_map(|word| match text(word) {
        b"-exec" => Some("find -exec"),
        b"-execdir" => Some("find -execdir"),
        b"-ok" => Some("find -ok"),
        b"-okdir" => Some("find -okdir"),
        _ => None,
    })?;
    let Range { start, end } = args;
    let last = (start..end)
        .find(|&word| text(word) == b";" || (text(word) == b"+" && word > start && text(word - 1) == b"{}"));
    Some((name, Range32 { start, end: last.unwrap_or(end) }))
}

/// `NAME=value`, as `env` and `sudo` take it.
pub(super) fn is_assignment(word: &[u8]) -> bool {
    !matches!(word.first(), None | Some(b'=' | b'/' | b'-')) && word.contains(&b'=')
}

pub(super) fn replace_all(text: &[u8], mark: &[u8], by: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(mark) && !mark.is_empty() && out.len() < 1 << 16 {
            out.extend_from_slice(by);
            at += mark.len();
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    out
}
