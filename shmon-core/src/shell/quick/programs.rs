//! What wrappers, shells and programs with subcommands run, and what the shell's own commands change.

use super::super::analysis::{IssueKind, Range32, RedirectionKind, Via, ViaKind, WordFlags};
use super::super::chars::name_len;
use super::super::launch::{
    Contained, Locked, TMUX_RUN_SHORT, TMUX_RUNS, TMUX_SHORT, TMUX_TYPES, contained, locked, screen_words,
};
use super::super::read::read_names;
use super::super::shells::{ShellOptions, UserRuns, dash_c, remote_words, shell_options, su_c, user_runs};
use super::super::wrap::{Wrapped, command_words, is_assignment, listed, options, wrapped};
use super::super::wrappers::{Action, Builtin, Rest, Wrapper};
use super::super::xargs::{PARALLEL_LONG, PARALLEL_SHORT};
use super::{Quick, Status};

/// What a program reads, as far as the text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Terminal,
    /// The output of programs of which nothing is known.
    Unknown,
    Other,
}

impl Quick<'_> {
    /// Follows what the program runs in another place or at another time.
    pub(super) fn launch(&mut self, name: &'static str, action: &Action, argv: Range32) -> Option<Status> {
        match action {
            Action::Shell => self.shell(name, argv),
            Action::Su => match user_runs(name, argv, |word| self.bytes(word)) {
                UserRuns::Words(words) => self.inner(words, ViaKind::Wrapper, "runuser"),
                UserRuns::Text { word, skip: 0 } => {
                    self.string(word, Via { kind: ViaKind::ShellString, name: su_c(name) })
                }
                UserRuns::Text { .. } => None,
                UserRuns::Input => self.shell_input(),
            },
            Action::Ssh => match remote_words(argv, |word| self.bytes(word)) {
                None => Some(Status::Unknown),
                Some(words) if words.is_empty() => self.shell_input(),
                Some(words) => self.joined(words, Via { kind: ViaKind::Remote, name }),
            },
            Action::OptionText(list) => self.option_text(name, list, argv),
            Action::Container if !matches!(name, "lxc-attach" | "distrobox-enter") => {
                match contained(name, argv, |word| self.bytes(word)) {
                    Contained::Nothing => Some(Status::Unknown),
                    Contained::Words(words) => self.inner(words, ViaKind::Container, name),
                    Contained::Entry { .. } => None,
                }
            }
            Action::Env => self.env(argv),
            Action::Parallel => {
                if (argv.start + 1..argv.end).any(|i| self.bytes(i).starts_with(b":::")) {
                    return None;
                }
                self.parallel(argv)
            }
            Action::Crontab => {
                let reads = argv.len() == 1 || matches!(self.bytes(argv.end - 1), b"-" | b"/dev/stdin");
                let known = reads && self.input() == Input::Other;
                let file = |i| self.bytes(i).first() == Some(&b'<');
                (!known && !self.writes() && !(argv.start + 1..argv.end).any(file)).then(|| self.silent())
            }
            Action::Flock => self.flock(argv),
            Action::Terminal => {
                let marks: &[&[u8]] = &[b"--", b"-e", b"-x", b"--execute", b"--command"];
                let marked = |i| marks.contains(&self.bytes(i));
                (!(argv.start + 1..argv.end).any(marked)).then(|| self.silent())
            }
            Action::Multiplexer => self.multiplexer(name, argv),
            _ => None,
        }
    }

    /// What the shell's own commands change.
    pub(super) fn builtin(&mut self, builtin: Builtin, argv: Range32) -> Option<Status> {
        let rest = Range32 { start: argv.start + 1, end: argv.end };
        match builtin {
            Builtin::Other | Builtin::Test | Builtin::Shopt => Some(self.silent()),
            Builtin::True => {
                self.silent();
                Some(Status::Zero)
            }
            Builtin::Echo => {
                if self.echoes_unknown(argv) {
                    self.partial = true;
                } else {
                    self.tell();
                }
                Some(Status::Zero)
            }
            Builtin::Printf => {
                if self.prints_unknown(argv) {
                    self.partial = true;
                    return Some(Status::Zero);
                }
                self.tell();
                // `-v` sets a variable.
                let sets = !rest.is_empty() && self.bytes(rest.start).starts_with(b"-");
                (!sets && !self.is_captured()).then_some(Status::Zero)
            }
            // They only list what there is.
            Builtin::Alias | Builtin::Set | Builtin::Trap | Builtin::Export if rest.is_empty() => {
                self.silent();
                Some(Status::Zero)
            }
            Builtin::Jobs if rest.is_empty() || self.bytes(rest.start) != b"-x" => Some(self.silent()),
            Builtin::Command => self.command(argv),
            Builtin::Eval => {
                let marked = !rest.is_empty() && self.bytes(rest.start) == b"--";
                let words = Range32 { start: rest.start + u32::from(marked), end: rest.end };
                self.joined(words, Via { kind: ViaKind::ShellString, name: "eval" })?;
                Some(Status::Zero)
            }
            Builtin::Run => {
                let marked = !rest.is_empty() && self.bytes(rest.start) == b"--";
                let inner = Range32 { start: rest.start + u32::from(marked), end: rest.end };
                if inner.is_empty() || self.bytes(argv.start) != b"builtin" {
                    return None;
                }
                self.inner(inner, ViaKind::Wrapper, "builtin")
            }
            Builtin::Source => self.dot(rest),
            Builtin::Read if self.depth == self.shells as usize => self.read(rest),
            // What they change matters to nobody at the end.
            Builtin::Alias
            | Builtin::Unalias
            | Builtin::Unset
            | Builtin::Set
            | Builtin::Shift
            | Builtin::Read
            | Builtin::Export
            | Builtin::False
            | Builtin::Exit
            | Builtin::Return => (self.depth == 0 && self.at == self.text.len()).then_some(Status::Unknown),
            _ => None,
        }
    }

    /// `read` of input of which nothing is known.
    fn read(&mut self, rest: Range32) -> Option<Status> {
        let redirected = self.redirections.of(&self.out.redirections).iter().any(|r| r.fd == 0);
        if self.fed || self.files || redirected {
            return None;
        }
        let forgotten =
            !self.alone || self.is_piped() || (self.peek() == Some(b'&') && self.after() != Some(b'&'));
        if !forgotten {
            for index in read_names(rest, |word| self.bytes(word))..rest.end {
                let name = self.bytes(index);
                if name_len(name) != name.len() {
                    continue;
                }
                let mut before = self.assignments.of(&self.out.assignments).iter();
                if before.any(|&(other, _)| self.bytes(other) == name) {
                    // A variable that lives no longer than it.
                    return None;
                }
                let range = self.word_at(index)?.range();
                let start = self.out.text.len() as u32;
                self.out.text.push(b'$');
                self.out.text.extend_from_within(range.start as usize..range.end as usize);
                let value = Range32 { start, end: self.out.text.len() as u32 };
                self.remember(range, super::Value { range: value, known: false })?;
            }
        }
        self.silent();
        Some(Status::Unknown)
    }

    /// `command X`, but not where it only tells what X is.
    fn command(&mut self, argv: Range32) -> Option<Status> {
        let (inner, tells) = command_words(argv, |word| self.bytes(word));
        if tells {
            self.tell();
            return Some(Status::Unknown);
        }
        if inner.is_empty() {
            self.silent();
            return Some(Status::Zero);
        }
        self.inner(inner, ViaKind::Wrapper, "command")
    }

    /// `source file`, which isn't one that the text wrote.
    fn dot(&mut self, rest: Range32) -> Option<Status> {
        let file = *self.out.words.get(rest.start as usize).filter(|_| !rest.is_empty())?;
        if self.writes()
            || matches!(self.bytes(rest.start), b"--" | b"/dev/stdin" | b"/dev/fd/0" | b"/proc/self/fd/0")
        {
            return None;
        }
        self.source_issue(rest.start, file.span)?;
        Some(Status::Unknown)
    }

    /// Whether the text writes files, even if only those of this command.
    fn writes(&self) -> bool {
        let written =
            |r: &super::RedirRec| !matches!(r.kind, RedirectionKind::Read | RedirectionKind::Duplicate);
        self.files || self.redirections.of(&self.out.redirections).iter().any(written)
    }

    /// Whether the word is the file of a `<(…)`.
    pub(super) fn is_process(&self, word: u32) -> bool {
        self.bytes(word).starts_with(b"<(")
            && self.word_at(word).is_some_and(|w| w.flags == WordFlags::default())
    }

    /// Notes that a shell reads its commands from a file, or from the output of `<(…)`, of which nothing is known.
    fn source_issue(&mut self, word: u32, span: super::Span) -> Option<()> {
        let process = self.is_process(word);
        if process && self.partial {
            return None;
        }
        // Nothing of what it reads is run, so that it writes nothing.
        self.partial |= process;
        self.issue(if process { IssueKind::CommandOutput } else { IssueKind::ExternalScript }, span)
    }

    fn shell(&mut self, name: &'static str, argv: Range32) -> Option<Status> {
        let ShellOptions { next, command, stdin, inert } = shell_options(name, argv, |word| self.bytes(word));
        if inert {
            return Some(Status::Unknown);
        }
        if command {
            if next == argv.end {
                return Some(self.silent());
            }
            // Their grammars are others.
            if matches!(name, "zsh" | "fish") {
                return None;
            }
            let words = Range32 { start: next + 1, end: argv.end };
            let arguments = self.arguments.replace(words);
            let status = self.string(next, Via { kind: ViaKind::ShellString, name: dash_c(name) })?;
            self.arguments = arguments;
            return Some(status);
        }
        if next == argv.end || stdin {
            return self.shell_input();
        }
        let script = *self.out.words.get(next as usize)?;
        if self.writes() || matches!(self.bytes(next), b"/dev/stdin" | b"/dev/fd/0" | b"/proc/self/fd/0") {
            return None;
        }
        self.source_issue(next, script.span)?;
        Some(Status::Unknown)
    }

    /// A shell that reads its commands from standard input.
    fn shell_input(&mut self) -> Option<Status> {
        match self.input() {
            Input::Terminal => Some(self.silent()),
            Input::Unknown => {
                let span = self.out.invocations.last()?.span;
                self.issue(IssueKind::CommandOutput, span)?;
                Some(Status::Unknown)
            }
            Input::Other => None,
        }
    }

    /// What the program at hand reads.
    fn input(&self) -> Input {
        let reads = |r: &super::RedirRec| r.fd == 0 || r.kind == RedirectionKind::Read;
        let redirected = self.redirections.of(&self.out.redirections).iter().any(reads);
        if self.in_stage || self.captures.is_some() || redirected {
            return Input::Other;
        }
        if self.stage == 0 {
            return Input::Terminal;
        }
        // What `xargs` runs reads no pipe, and what a shell of its own writes that runs nothing is known.
        let direct = !self.blurred && self.via.iter().take(self.depth).all(|v| v.kind == ViaKind::Wrapper);
        let unknown = !(self.fed || self.files || self.strings) && self.out.issues.is_empty();
        if direct && unknown { Input::Unknown } else { Input::Other }
    }

    /// A wrapper, whose rest is a program and its arguments, or text for a shell.
    pub(super) fn wrapper(&mut self, name: &'static str, wrapper: &Wrapper, argv: Range32) -> Option<Status> {
        let Some(Wrapped { assigned, inner, shell }) = wrapped(name, wrapper, argv, |word| self.bytes(word))
        else {
            return Some(Status::Unknown);
        };
        self.environment |= !assigned.is_empty();
        if inner.is_empty() {
            return if shell { self.shell_input() } else { Some(Status::Unknown) };
        }
        let via = Via { kind: wrapper.via, name };
        match wrapper.rest {
            Rest::Argv => self.inner(inner, wrapper.via, name),
            Rest::Joined => self.joined(inner, via),
            Rest::Each => {
                let mut status = Status::Unknown;
                for index in inner.start..inner.end {
                    // Of text that isn't run the status stays what it was.
                    if self.string(index, via)? == Status::Zero {
                        status = Status::Zero;
                    }
                }
                Some(status)
            }
        }
    }

    /// The text after one of the options in the list.
    fn option_text(&mut self, name: &'static str, list: &str, argv: Range32) -> Option<Status> {
        for index in argv.start + 1..argv.end {
            let found = match self.bytes(index) {
                [b'-', b'-', long @ ..] if long.contains(&b'=') => {
                    let end = long.iter().position(|&b| b == b'=')?;
                    if listed(list, &long[..end]) {
                        return None;
                    }
                    false
                }
                [b'-', b'-', long @ ..] => listed(list, long),
                [b'-', letters @ .., last] => listed(list, &[*last]) && !letters.contains(&b'-'),
                _ => false,
            };
            if found {
                let via = Via { kind: ViaKind::ShellString, name };
                return if index + 1 < argv.end {
                    self.string(index + 1, via)
                } else {
                    Some(Status::Unknown)
                };
            }
        }
        Some(Status::Unknown)
    }

    /// `env [options] [NAME=value…] command`
    fn env(&mut self, argv: Range32) -> Option<Status> {
        let mut next = argv.start + 1;
        while next < argv.end {
            next += match self.bytes(next) {
                b"--" => {
                    next += 1;
                    break;
                }
                b"-" | b"-i" | b"--ignore-environment" => 1,
                b"-u" | b"--unset" => 2,
                b"-C" | b"-a" | b"-P" | b"--chdir" | b"--argv0" => 2,
                b"--split-string" => return None,
                word if word.starts_with(b"--split-string=") => return None,
                [b'-', b'-', ..] => 1,
                [b'-', letters @ ..] if letters.contains(&b'S') => return None,
                [b'-', ..] => 1,
                word if is_assignment(word) => 1,
                _ => break,
            };
            self.environment = true;
        }
        match next.cmp(&argv.end) {
            std::cmp::Ordering::Less => {
                self.inner(Range32 { start: next, end: argv.end }, ViaKind::Wrapper, "env")
            }
            std::cmp::Ordering::Equal => Some(Status::Unknown),
            std::cmp::Ordering::Greater => Some(self.silent()),
        }
    }

    /// GNU parallel without arguments of its own.
    fn parallel(&mut self, argv: Range32) -> Option<Status> {
        let found = options(argv, |word| self.bytes(word), PARALLEL_SHORT, PARALLEL_LONG, "");
        let words = Range32 { start: found.next, end: argv.end };
        if words.is_empty() {
            return self.shell_input();
        }
        self.joined(words, Via { kind: ViaKind::Wrapper, name: "parallel" })
    }

    fn flock(&mut self, argv: Range32) -> Option<Status> {
        match locked(argv, |word| self.bytes(word)) {
            Locked::Nothing => Some(self.silent()),
            Locked::Text(word) => self.string(word, Via { kind: ViaKind::ShellString, name: "flock -c" }),
            Locked::Words(words) => self.inner(words, ViaKind::Wrapper, "flock"),
        }
    }

    /// `screen`, `tmux`: where they run a program in a new window, it is text for a shell.
    fn multiplexer(&mut self, name: &'static str, argv: Range32) -> Option<Status> {
        if name == "screen" {
            if (argv.start + 1..argv.end.saturating_sub(1)).any(|i| self.bytes(i) == b"stuff") {
                return None;
            }
            let words = screen_words(argv, |word| self.bytes(word));
            if words.is_empty() {
                return Some(self.silent());
            }
            return self.inner(words, ViaKind::Wrapper, name);
        }
        let next = options(argv, |word| self.bytes(word), TMUX_SHORT, "", "").next;
        let subcommand = self.bytes(next.min(argv.end - 1));
        if TMUX_RUNS.contains(&subcommand) {
            let command = Range32 { start: next, end: argv.end };
            let next = options(command, |word| self.bytes(word), TMUX_RUN_SHORT, "", "").next;
            let words = Range32 { start: next, end: argv.end };
            if !words.is_empty() {
                return self.joined(words, Via { kind: ViaKind::Wrapper, name });
            }
        }
        (!TMUX_TYPES.contains(&subcommand)).then(|| self.silent())
    }
}
