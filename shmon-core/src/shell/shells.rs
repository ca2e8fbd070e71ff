//! Programs that hand text to a shell: shells themselves, `su`, `ssh`, containers, terminals, multiplexers, schedulers.

use super::Dialect;
use super::analysis::{IssueKind, Range32, Via, ViaKind};
use super::machine::Machine;
use super::state::Input;
use super::wrap::{is_assignment, listed};

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
        let (mut command, mut stdin, mut inert) = (false, false, false);
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            match word {
                b"-" | b"--" => {
                    next += 1;
                    break;
                }
                [b'-', b'-', long @ ..] => {
                    inert |= matches!(long, b"version" | b"help");
                    command |= name == "fish" && long == b"command";
                    let argument = matches!(long, b"rcfile" | b"init-file")
                        || (name == "fish" && long == b"init-command");
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
        next = next.min(argv.end);
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
        let via = Machine::via(ViaKind::ShellString, if name == "su" { "su -c" } else { "runuser -c" });
        let mut next = argv.start + 1;
        let mut user = false;
        let mut text = None;
        while next < argv.end {
            let word = self.arg_text(next);
            next += 1;
            match word {
                b"--" => break,
                b"-c" | b"--command" | b"--session-command" => {
                    text = (next < argv.end).then_some((next, 0));
                    next += 1;
                }
                _ if word.starts_with(b"--command=") => text = Some((next - 1, 10)),
                _ if word.starts_with(b"--session-command=") => text = Some((next - 1, 18)),
                b"-u" if name == "runuser" => {
                    user = true;
                    next += 1;
                }
                b"-s" | b"-g" | b"-G" | b"-w" | b"--shell" | b"--group" | b"--supp-group" => next += 1,
                [b'-', b'c', rest @ ..] if !rest.is_empty() => text = Some((next - 1, 2)),
                [b'-', letters @ .., b'c'] if !letters.is_empty() && !letters.contains(&b'-') => {
                    text = (next < argv.end).then_some((next, 0));
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
            return self.run_inner(
                Range32 { start: next, end: argv.end },
                Machine::via(ViaKind::Wrapper, "runuser"),
            );
        }
        match text {
            Some((index, skip)) => {
                let mut value = self.arg_val(index);
                value.range.start = (value.range.start + skip).min(value.range.end);
                let span = self.arg(index).span;
                self.run_text(value, span, via);
            }
            None => self.shell_input(Machine::via(ViaKind::ShellInput, name)),
        }
    }

    /// `ssh [options] host command…`: the words are joined and run there.
    pub(super) fn ssh(&mut self, name: &'static str, argv: Range32) {
        self.write_unknown();
        let options = self.options(argv, "BbcDEeFIiJLlmOopQRSWwP", "ssh predict port bind-server", "V Q");
        let mut next = options.next;
        if options.inert || next >= argv.end {
            return;
        }
        next += 1;
        // Options may follow the host.
        let again = Range32 { start: next - 1, end: argv.end };
        next = self.options(again, "BbcDEeFIiJLlmOopQRSWwP", "", "").next;
        let via = Machine::via(ViaKind::Remote, name);
        let words = Range32 { start: next.min(argv.end), end: argv.end };
        let input = self.input;
        if words.is_empty() {
            self.shell_input(via);
        } else {
            self.run_joined(words, via);
        }
        self.input = input;
    }

    /// The text after one of the options in the list.
    pub(super) fn option_text(&mut self, name: &'static str, options: &'static str, argv: Range32) {
        self.write_unknown();
        let via = Machine::via(ViaKind::ShellString, name);
        for index in argv.start + 1..argv.end {
            let word = self.arg_text(index);
            let (found, skip) = match word {
                [b'-', b'-', long @ ..] => match long.iter().position(|&b| b == b'=') {
                    Some(at) => (listed(options, &long[..at]), at as u32 + 3),
                    None => (listed(options, long), 0),
                },
                [b'-', letters @ .., last] => (listed(options, &[*last]) && !letters.contains(&b'-'), 0),
                _ => (false, 0),
            };
            if !found {
                continue;
            }
            let at = if skip > 0 { index } else { index + 1 };
            if at < argv.end {
                let mut value = self.arg_val(at);
                value.range.start = (value.range.start + skip).min(value.range.end);
                let span = self.arg(at).span;
                self.run_text(value, span, via);
            }
            return;
        }
    }

    /// `docker exec`, `podman run`, `kubectl exec` and such.
    pub(super) fn container(&mut self, name: &'static str, argv: Range32) {
        self.write_unknown();
        const GLOBAL: &str = "Hlcn";
        const GLOBAL_LONG: &str =
            "host log-level context config namespace kubeconfig cluster user url connection";
        const EXEC: &str = "euwcnlLf";
        const EXEC_LONG: &str = "env env-file user workdir detach-keys container namespace context kubeconfig filename \
            pod-running-timeout cluster";
        const RUN: &str = "aceEhlmopuvw";
        const RUN_LONG: &str = "add-host annotation attach blkio-weight cap-add cap-drop cgroup-parent cgroupns cidfile \
            cpu-period cpu-quota cpu-shares cpus cpuset-cpus cpuset-mems device dns dns-option dns-search entrypoint env \
            env-file expose gpus group-add health-cmd hostname ip ip6 ipc isolation label label-file link log-driver \
            log-opt mac-address memory memory-swap mount name network network-alias net pid pids-limit platform publish \
            pull restart runtime security-opt shm-size stop-signal stop-timeout storage-opt sysctl tmpfs ulimit user \
            userns uts volume volume-driver volumes-from workdir";
        let via = Machine::via(ViaKind::Container, name);
        if matches!(name, "lxc-attach" | "distrobox-enter") {
            return self.attach(argv, via);
        }
        let mut next = self.options(argv, GLOBAL, GLOBAL_LONG, "").next;
        if next < argv.end && matches!(self.arg_text(next), b"container" | b"compose") {
            next = self.options(Range32 { start: next, end: argv.end }, "fp", "file project-name", "").next;
        }
        if next >= argv.end {
            return;
        }
        let command = Range32 { start: next, end: argv.end };
        let (short, long, operands) = match self.arg_text(next) {
            b"exec" => (EXEC, EXEC_LONG, 1),
            b"run" | b"create" if matches!(name, "docker" | "podman" | "nerdctl") => (RUN, RUN_LONG, 1),
            b"rsh" if name == "oc" => ("cn", "container", 1),
            b"debug" | b"run" => {
                // kubectl run NAME --image=… -- command
                let marker = (next..argv.end).find(|&i| self.arg_text(i) == b"--");
                if let Some(marker) = marker {
                    self.run_inner(Range32 { start: marker + 1, end: argv.end }, via);
                }
                return;
            }
            _ => return,
        };
        let mut at = self.options(command, short, long, "").next + operands;
        // kubectl allows options after the pod, up to `--`.
        if matches!(name, "kubectl" | "oc" | "lxc") && at <= argv.end {
            let again = Range32 { start: at - 1, end: argv.end };
            at = self.options(again, short, long, "").next;
        }
        if at < argv.end && self.arg_text(at) == b"--" {
            at += 1;
        }
        self.run_inner(Range32 { start: at.min(argv.end), end: argv.end }, via);
    }

    /// `lxc-attach -n NAME -- command`, `distrobox-enter NAME -e command`: the name may stand among the options.
    fn attach(&mut self, argv: Range32, via: Via) {
        let (mut next, mut named) = (argv.start + 1, false);
        while next < argv.end {
            let word = self.arg_text(next);
            next += 1;
            match word {
                b"--" | b"-e" | b"--exec" => break,
                b"-n" | b"--name" => {
                    named = true;
                    next += 1;
                }
                _ if word.starts_with(b"--name=") => named = true,
                b"-f"
                | b"--rcfile"
                | b"-P"
                | b"--lxcpath"
                | b"-l"
                | b"--logpriority"
                | b"-o"
                | b"--logfile"
                | b"-a"
                | b"--additional-flags" => next += 1,
                [b'-', ..] => {}
                _ if named => {
                    next -= 1;
                    break;
                }
                _ => named = true,
            }
        }
        self.run_inner(Range32 { start: next.min(argv.end), end: argv.end }, via);
    }

    pub(super) fn flock(&mut self, argv: Range32) {
        let options = self.options(argv, "wEc", "timeout wait conflict-exit-code", "u");
        let via = Machine::via(ViaKind::Wrapper, "flock");
        let mut next = options.next + 1;
        if next >= argv.end {
            return;
        }
        if matches!(self.arg_text(next), b"-c" | b"--command") {
            if next + 1 < argv.end {
                self.run_string(next + 1, Machine::via(ViaKind::ShellString, "flock -c"));
            }
            return;
        }
        if self.arg_text(next) == b"--" {
            next += 1;
        }
        self.run_inner(Range32 { start: next.min(argv.end), end: argv.end }, via);
    }

    /// `env [options] [NAME=value…] command`, and `env -S 'command …'`.
    pub(super) fn env(&mut self, argv: Range32) {
        let via = Machine::via(ViaKind::Wrapper, "env");
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            match word {
                b"--" => {
                    next += 1;
                    break;
                }
                b"-u" | b"-C" | b"-a" | b"-P" | b"--unset" | b"--chdir" | b"--argv0" => next += 2,
                b"-S" | b"--split-string" => {
                    if next + 1 < argv.end {
                        self.run_joined(Range32 { start: next + 1, end: argv.end }, via);
                    }
                    return;
                }
                [b'-', b'S', rest @ ..] | [b'-', b'v', b'S', rest @ ..] if !rest.is_empty() => {
                    let skip = (word.len() - rest.len()) as u32;
                    let mut value = self.arg_val(next);
                    value.range.start += skip;
                    let span = self.arg(next).span;
                    return self.run_text(value, span, via);
                }
                _ if word.starts_with(b"--split-string=") => {
                    let mut value = self.arg_val(next);
                    value.range.start += 15;
                    let span = self.arg(next).span;
                    return self.run_text(value, span, via);
                }
                [b'-', ..] => next += 1,
                _ if is_assignment(word) => next += 1,
                _ => break,
            }
        }
        if next >= argv.end {
            return self.write_unknown();
        }
        self.run_inner(Range32 { start: next, end: argv.end }, via);
    }

    pub(super) fn busybox(&mut self, name: &'static str, argv: Range32) {
        let next = argv.start + 1;
        if next < argv.end && !self.arg_text(next).starts_with(b"-") {
            let via = Machine::via(ViaKind::Wrapper, name);
            return self.run_inner(Range32 { start: next, end: argv.end }, via);
        }
        self.write_unknown();
    }

    /// `at`, `batch`: standard input runs later.
    pub(super) fn deferred(&mut self, name: &'static str, argv: Range32) {
        let via = Machine::via(ViaKind::Scheduled, name);
        let listing = (argv.start + 1..argv.end)
            .any(|i| matches!(self.arg_text(i), b"-l" | b"-c" | b"-d" | b"-r" | b"-V" | b"-f"));
        if !listing {
            self.shell_input(via);
        }
    }

    /// `crontab -` and `crontab < table`: each line's command runs later.
    pub(super) fn crontab(&mut self, argv: Range32) {
        let first = argv.start + 1;
        let reads = first >= argv.end || matches!(self.arg_text(argv.end - 1), b"-" | b"/dev/stdin");
        let content = match self.input {
            Input::Text(value, _) if reads => value,
            _ => match (first..argv.end).find_map(|i| self.file(self.arg(i).range())) {
                Some(content) => content,
                None => return,
            },
        };
        let via = Machine::via(ViaKind::Scheduled, "crontab");
        let lines: Vec<Range32> = {
            let text = self.text(content.range);
            let mut at = content.range.start;
            text.split_inclusive(|&b| b == b'\n')
                .map(|line| {
                    let start = at;
                    at += line.len() as u32;
                    Range32 { start, end: at }
                })
                .take(256)
                .collect()
        };
        for line in lines {
            let text = self.text(line);
            let trimmed = text.trim_ascii();
            if trimmed.is_empty()
                || trimmed.starts_with(b"#")
                || is_assignment(trimmed) && !trimmed.contains(&b'*')
            {
                continue;
            }
            let fields = if trimmed.starts_with(b"@") { 1 } else { 5 };
            let mut rest = text;
            for _ in 0..fields {
                rest = rest.trim_ascii_start();
                let len = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
                rest = &rest[len..];
            }
            let range = Range32 { start: line.end - rest.len() as u32, end: line.end };
            let span = self.input_span(range);
            self.run_text(super::state::Val { range, known: true }, span, via);
        }
    }

    pub(super) fn start_stop_daemon(&mut self, argv: Range32) {
        let via = Machine::via(ViaKind::Wrapper, "start-stop-daemon");
        let option = |m: &Self, i: u32| matches!(m.arg_text(i), b"--exec" | b"-x" | b"--startas" | b"-a");
        if let Some(at) = (argv.start + 1..argv.end.saturating_sub(1)).find(|&i| option(self, i)) {
            let start = self.a.words.len() as u32;
            let program = self.arg(at + 1);
            self.a.words.push(program);
            if let Some(marker) = (at..argv.end).find(|&i| self.arg_text(i) == b"--") {
                self.a.words.extend_from_within(marker as usize + 1..argv.end as usize);
            }
            self.run_inner(Range32 { start, end: self.a.words.len() as u32 }, via);
        }
    }

    /// `xterm -e command…`; one word is a command line.
    pub(super) fn terminal(&mut self, name: &'static str, argv: Range32) {
        let via = Machine::via(ViaKind::Wrapper, name);
        let marks: &[&[u8]] = if name == "gnome-terminal" || name == "kitty" || name == "alacritty" {
            &[b"--", b"-e", b"-x", b"--command"]
        } else {
            &[b"-e", b"-x", b"--execute", b"--command"]
        };
        if let Some(at) = (argv.start + 1..argv.end).find(|&i| marks.contains(&self.arg_text(i))) {
            let inner = Range32 { start: at + 1, end: argv.end };
            match inner.len() {
                0 => {}
                1 => self.run_string(at + 1, via),
                _ => self.run_inner(inner, via),
            }
        }
    }

    /// `screen -dm command`, `tmux new-session 'command'`.
    pub(super) fn multiplexer(&mut self, name: &'static str, argv: Range32) {
        let via = Machine::via(ViaKind::Wrapper, name);
        if name == "screen" {
            let options = self.options(argv, "cehpsStTX", "", "rxlwX");
            if !options.inert && options.next < argv.end {
                self.run_inner(Range32 { start: options.next, end: argv.end }, via);
            }
            return;
        }
        let next = self.options(argv, "cfLST", "", "").next;
        if next >= argv.end {
            return;
        }
        let command = Range32 { start: next, end: argv.end };
        match self.arg_text(next) {
            b"new-session" | b"new" | b"new-window" | b"neww" | b"split-window" | b"splitw"
            | b"respawn-pane" | b"run-shell" | b"run" | b"popup" | b"display-popup" => {
                let at = self.options(command, "ceFfnstxyl", "", "").next;
                self.run_joined(Range32 { start: at, end: argv.end }, via);
            }
            _ => {}
        }
    }

    /// `capsh … -- -c 'text'`.
    pub(super) fn capsh(&mut self, argv: Range32) {
        for index in argv.start + 1..argv.end.saturating_sub(2) {
            if self.arg_text(index) == b"--" && self.arg_text(index + 1) == b"-c" {
                self.run_string(index + 2, Machine::via(ViaKind::ShellString, "capsh"));
            }
        }
    }
}

fn dash_c(name: &'static str) -> &'static str {
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
