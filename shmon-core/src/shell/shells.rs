//! Programs that hand text to a shell: shells themselves, `su` and `ssh`.

use super::Dialect;
use super::analysis::{IssueKind, Range32, Via, ViaKind};
use super::machine::Machine;
use super::wrap::options;

impl Machine<'_> {
    /// `sh`, `bash` and their kin: `-c` text, a script, or standard input.
    pub(super) fn shell(&mut self, name: &'static str, argv: Range32) {
        let dialect = match name {
            "zsh" => Dialect::Zsh,
            "fish" => Dialect::Fish,
            "bash" | "rbash" | "ksh" | "mksh" | "ksh93" | "lksh" | "yash" => Dialect::Bash,
            // What people write for `sh` is often bash's.
            _ => Dialect::Bash,
        };
        let outer = std::mem::replace(&mut self.dialect, dialect);
        self.shell_arguments(name, argv);
        self.dialect = outer;
    }

    fn shell_arguments(&mut self, name: &'static str, argv: Range32) {
        let ShellOptions { next, command, stdin, inert } =
            shell_options(name, argv, |word| self.arg_text(word));
        let operands = Range32 { start: next, end: argv.end };
        if inert {
            return self.write_unknown();
        }
        let via_input = Machine::via(ViaKind::ShellInput, name);
        if command {
            if operands.is_empty() {
                return;
            }
            let via = Machine::via(ViaKind::ShellString, dash_c(name));
            let (args, set, zero) = (self.args, self.args_set, self.zero);
            self.args_set = true;
            self.args = self.push_args(Range32 { start: (next + 2).min(argv.end), end: argv.end });
            if next + 1 < argv.end {
                self.zero = self.arg_val(next + 1);
            }
            self.run_string(next, via);
            (self.args, self.args_set, self.zero) = (args, set, zero);
            return;
        }
        if operands.is_empty() || stdin {
            let (args, set) = (self.args, self.args_set);
            self.args_set = true;
            self.args = self.push_args(operands);
            self.shell_input(via_input);
            (self.args, self.args_set) = (args, set);
            return;
        }
        self.script(operands, via_input);
    }

    /// A script file: known where the text wrote it, or where it is a substitution.
    fn script(&mut self, operands: Range32, via: Via) {
        let word = self.arg(operands.start);
        if matches!(self.text(word.range()), b"/dev/stdin" | b"/dev/fd/0" | b"/proc/self/fd/0") {
            return self.shell_input(via);
        }
        match self.file(word.range()) {
            Some(content) => {
                if !content.known {
                    self.issue(IssueKind::CommandOutput, word.span);
                }
                let via = Machine::via(ViaKind::ShellInput, "script");
                let (args, set) = (self.args, self.args_set);
                self.args_set = true;
                self.args = self.push_args(Range32 { start: operands.start + 1, end: operands.end });
                let span = self.content_span(content.range, word.span);
                self.child_shell(content, span, via, self.dialect);
                (self.args, self.args_set) = (args, set);
            }
            None => {
                self.issue(IssueKind::ExternalScript, word.span);
                self.write_unknown();
            }
        }
    }

    /// A file that the text wrote and now runs by its path: a script, as its first line says.
    pub(super) fn run_file(&mut self, argv: Range32) {
        let word = self.arg(argv.start);
        let Some(content) = self.file(word.range()) else { return self.write_unknown() };
        let text = self.text(content.range);
        let dialect = match text.strip_prefix(b"#!") {
            None => Dialect::Bash,
            Some(line) => {
                let line = line.split(|&b| b == b'\n').next().unwrap_or(&[]);
                let mut words = line.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
                let name = |w: &[u8]| w.rsplit(|&b| b == b'/').next().unwrap_or(&[]).to_vec();
                let mut shell = words.next().map(name).unwrap_or_default();
                if shell == b"env" {
                    shell = words.find(|w| !w.starts_with(b"-")).map(name).unwrap_or_default();
                }
                match shell.as_slice() {
                    b"sh" | b"bash" | b"dash" | b"ash" | b"ksh" | b"mksh" => Dialect::Bash,
                    b"zsh" => Dialect::Zsh,
                    b"fish" => Dialect::Fish,
                    _ => return self.write_unknown(),
                }
            }
        };
        if !content.known {
            self.issue(IssueKind::CommandOutput, word.span);
        }
        let (args, set) = (self.args, self.args_set);
        self.args_set = true;
        self.args = self.push_args(Range32 { start: argv.start + 1, end: argv.end });
        let span = self.content_span(content.range, word.span);
        self.child_shell(content, span, Machine::via(ViaKind::ShellInput, "script"), dialect);
        (self.args, self.args_set) = (args, set);
    }

    /// Where a file's content stands in the command, or else where the file is named.
    pub(super) fn content_span(&mut self, range: Range32, named: super::Span) -> super::Span {
        let span = self.span(range);
        if range.is_empty() {
            named
        } else if span != super::Span::default() {
            span
        } else {
            self.locate(range).unwrap_or(named)
        }
    }

    pub(super) fn su(&mut self, name: &'static str, argv: Range32) {
        match user_runs(name, argv, |word| self.arg_text(word)) {
            UserRuns::Words(words) => self.run_inner(words, Machine::via(ViaKind::Wrapper, "runuser")),
            UserRuns::Text { word, skip } => {
                let mut value = self.arg_val(word);
                value.range.start = (value.range.start + skip).min(value.range.end);
                let span = self.arg(word).span;
                self.run_text(value, span, Machine::via(ViaKind::ShellString, su_c(name)));
            }
            UserRuns::Input => self.shell_input(Machine::via(ViaKind::ShellInput, name)),
        }
    }

    /// `ssh [options] host command…`: the words are joined and run there.
    pub(super) fn ssh(&mut self, name: &'static str, argv: Range32) {
        self.write_unknown();
        let Some(words) = remote_words(argv, |word| self.arg_text(word)) else { return };
        let via = Machine::via(ViaKind::Remote, name);
        let input = self.input;
        if words.is_empty() {
            self.shell_input(via);
        } else {
            self.run_joined(words, via);
        }
        self.input = input;
    }
}

/// What `su` and `runuser` run.
pub(super) enum UserRuns {
    Words(Range32),
    /// Text for a shell: this word from some byte on.
    Text {
        word: u32,
        skip: u32,
    },
    /// What a shell reads.
    Input,
}

/// How users see that `su` or `runuser` runs text.
pub(super) fn su_c(name: &str) -> &'static str {
    if name == "su" { "su -c" } else { "runuser -c" }
}

/// What `su` or `runuser` with these arguments runs.
pub(super) fn user_runs<'a>(name: &str, argv: Range32, text: impl Fn(u32) -> &'a [u8]) -> UserRuns {
    let mut next = argv.start + 1;
    let mut user = false;
    let mut found = None;
    while next < argv.end {
        let word = text(next);
        next += 1;
        match word {
            b"--" => break,
            b"-c" | b"--command" | b"--session-command" => {
                found = (next < argv.end).then_some((next, 0));
                next += 1;
            }
            _ if word.starts_with(b"--command=") => found = Some((next - 1, 10)),
            _ if word.starts_with(b"--session-command=") => found = Some((next - 1, 18)),
            b"-u" if name == "runuser" => {
                user = true;
                next += 1;
            }
            b"-s" | b"-g" | b"-G" | b"-w" | b"--shell" | b"--group" | b"--supp-group" => next += 1,
            [b'-', b'c', rest @ ..] if !rest.is_empty() => found = Some((next - 1, 2)),
            [b'-', letters @ .., b'c'] if !letters.is_empty() && !letters.contains(&b'-') => {
                found = (next < argv.end).then_some((next, 0));
                next += 1;
            }
            [b'-', ..] => {}
            _ if user => {
                next -= 1;
                break;
            }
            _ => {}
        }
    }
    if user && next < argv.end {
        return UserRuns::Words(Range32 { start: next, end: argv.end });
    }
    found.map_or(UserRuns::Input, |(word, skip)| UserRuns::Text { word, skip })
}

/// The words that `ssh` and its kin run on the host; `None` where they connect to none.
pub(super) fn remote_words<'a>(argv: Range32, text: impl Fn(u32) -> &'a [u8] + Copy) -> Option<Range32> {
    const SHORT: &str = "BbcDEeFIiJLlmOopQRSWwP";
    let found = options(argv, text, SHORT, "ssh predict port bind-server", "V Q");
    if found.inert || found.next >= argv.end {
        return None;
    }
    // Options may follow the host.
    let again = Range32 { start: found.next, end: argv.end };
    Some(Range32 { start: options(again, text, SHORT, "", "").next, end: argv.end })
}

/// What a shell's options say.
pub(super) struct ShellOptions {
    /// The first operand.
    pub(super) next: u32,
    /// `-c`: the first operand is the text.
    pub(super) command: bool,
    /// `-s`
    pub(super) stdin: bool,
    /// Nothing is run.
    pub(super) inert: bool,
}

/// Reads the options of the shell `name`.
pub(super) fn shell_options<'a>(name: &str, argv: Range32, text: impl Fn(u32) -> &'a [u8]) -> ShellOptions {
    let (mut command, mut stdin, mut inert) = (false, false, false);
    let mut next = argv.start + 1;
    while next < argv.end {
        let word = text(next);
        match word {
            b"-" | b"--" => {
                next += 1;
                break;
            }
            [b'-', b'-', long @ ..] => {
                inert |= matches!(long, b"version" | b"help");
                command |= name == "fish" && long == b"command";
                let argument =
                    matches!(long, b"rcfile" | b"init-file") || (name == "fish" && long == b"init-command");
                next += 1 + u32::from(argument);
            }
            [b'-' | b'+', letters @ ..] if !letters.is_empty() => {
                command |= word[0] == b'-' && letters.contains(&b'c');
                stdin |= letters.contains(&b's');
                let argument =
                    matches!(letters.last(), Some(b'o' | b'O')) || (name == "fish" && letters == b"C");
                next += 1 + u32::from(argument);
            }
            _ => break,
        }
    }
    ShellOptions { next: next.min(argv.end), command, stdin, inert }
}

/// The step that text after a shell's `-c` takes.
pub(super) fn dash_c(name: &'static str) -> &'static str {
    match name {
        "sh" => "sh -c",
        "bash" => "bash -c",
        "rbash" => "rbash -c",
        "dash" => "dash -c",
        "ash" => "ash -c",
        "zsh" => "zsh -c",
        "ksh" | "ksh93" | "mksh" | "lksh" => "ksh -c",
        "yash" => "yash -c",
        "fish" => "fish -c",
        "csh" => "csh -c",
        "tcsh" => "tcsh -c",
        _ => "sh -c",
    }
}
