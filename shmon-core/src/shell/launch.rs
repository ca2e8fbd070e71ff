//! Programs that start others in a place or at a time of their own: containers, terminals, multiplexers, schedulers,
//! `env`, `flock`, `busybox`.

use super::analysis::{Range32, Via, ViaKind};
use super::machine::Machine;
use super::state::{Input, Var, VarKind};
use super::wrap::{is_assignment, listed, options};

impl Machine<'_> {
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

    /// `ansible HOSTS [-m shell] -a 'text'`: the text runs on the hosts.
    pub(super) fn ansible(&mut self, argv: Range32) {
        self.write_unknown();
        let (mut text, mut shell) = (None, true);
        for index in argv.start + 1..argv.end.saturating_sub(1) {
            match self.arg_text(index) {
                b"-m" | b"--module-name" => {
                    shell = matches!(
                        self.arg_text(index + 1),
                        b"shell"
                            | b"command"
                            | b"raw"
                            | b"ansible.builtin.shell"
                            | b"ansible.builtin.command"
                    );
                }
                b"-a" | b"--args" => text = Some(index + 1),
                _ => {}
            }
        }
        if let Some(text) = text.filter(|_| shell) {
            self.run_string(text, Machine::via(ViaKind::Remote, "ansible"));
        }
    }

    /// `docker exec`, `podman run`, `kubectl exec` and such.
    pub(super) fn container(&mut self, name: &'static str, argv: Range32) {
        self.write_unknown();
        let via = Machine::via(ViaKind::Container, name);
        if matches!(name, "lxc-attach" | "distrobox-enter") {
            return self.attach(argv, via);
        }
        match contained(name, argv, |word| self.arg_text(word)) {
            Contained::Nothing => {}
            Contained::Words(words) => self.run_inner(words, via),
            Contained::Entry { program, skip, rest } => {
                let mut program = self.arg(program);
                program.start += skip;
                program.len = program.len.saturating_sub(skip);
                let start = self.a.words.len() as u32;
                self.a.words.push(program);
                self.a.words.extend_from_within(rest as usize..argv.end as usize);
                self.run_inner(Range32 { start, end: self.a.words.len() as u32 }, via);
            }
        }
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
        match locked(argv, |word| self.arg_text(word)) {
            Locked::Nothing => {}
            Locked::Text(word) => self.run_string(word, Machine::via(ViaKind::ShellString, "flock -c")),
            Locked::Words(words) => self.run_inner(words, Machine::via(ViaKind::Wrapper, "flock")),
        }
    }

    /// `env [options] [NAME=value…] command`, and `env -S 'command …'`.
    pub(super) fn env(&mut self, argv: Range32) {
        let via = Machine::via(ViaKind::Wrapper, "env");
        let outer = (self.s.vars.len(), self.environment.0);
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            match word {
                b"--" => {
                    next += 1;
                    break;
                }
                b"-" | b"-i" | b"--ignore-environment" => {
                    self.environment.0 = outer.0;
                    next += 1;
                }
                b"-u" | b"--unset" => {
                    if next + 1 < argv.end {
                        self.unset_environment(self.arg(next + 1).range());
                    }
                    next += 2;
                }
                b"-C" | b"-a" | b"-P" | b"--chdir" | b"--argv0" => next += 2,
                b"--split-string" => {
                    self.split_string(next + 1, argv.end, 0, via);
                    next = argv.end + 1;
                }
                _ if word.starts_with(b"--split-string=") => {
                    self.split_string(next, argv.end, 15, via);
                    next = argv.end + 1;
                }
                [b'-', b'-', ..] => next += 1,
                [b'-', letters @ ..] => match letters.iter().position(|&b| b == b'S') {
                    Some(at) => {
                        self.environment.0 = if letters[..at].contains(&b'i') { outer.0 } else { outer.1 };
                        let skip = at as u32 + 2;
                        let inline = skip < self.arg(next).len;
                        let (from, skip) = if inline { (next, skip) } else { (next + 1, 0) };
                        self.split_string(from, argv.end, skip, via);
                        next = argv.end + 1;
                    }
                    None => {
                        if letters.contains(&b'i') {
                            self.environment.0 = outer.0;
                        }
                        next += 1;
                    }
                },
                _ if is_assignment(word) => {
                    self.push_environment(Range32 { start: next, end: next + 1 });
                    next += 1;
                }
                _ => break,
            }
        }
        if next == argv.end {
            self.write_unknown();
        } else if next < argv.end {
            self.run_inner(Range32 { start: next, end: argv.end }, via);
        }
        self.s.vars.truncate(outer.0.max(self.var_base));
        self.environment.0 = outer.1;
    }

    /// `env -S 'a b' c`: the string is split, and the words after it follow.
    fn split_string(&mut self, from: u32, end: u32, skip: u32, via: Via) {
        if from >= end {
            return;
        }
        if from + 1 < end {
            let mut value = self.join(Range32 { start: from, end });
            value.range.start = (value.range.start + skip).min(value.range.end);
            let span = self.joined_span(Range32 { start: from, end });
            return self.run_text(value, span, via);
        }
        let mut value = self.arg_val(from);
        value.range.start = (value.range.start + skip).min(value.range.end);
        let span = self.arg(from).span;
        self.run_text(value, span, via);
    }

    /// Hides a variable from the command at hand.
    fn unset_environment(&mut self, name: Range32) {
        let before = self.s.vars.len();
        if before < 1024 {
            self.s.vars.push(Var::new(name, VarKind::Unset, true));
        }
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
            if let Some(at) =
                (argv.start + 1..argv.end.saturating_sub(1)).find(|&i| self.arg_text(i) == b"stuff")
            {
                // Typed into a shell.
                return self.run_string(at + 1, Machine::via(ViaKind::ShellString, "screen"));
            }
            return self.run_inner(screen_words(argv, |word| self.arg_text(word)), via);
        }
        let next = self.options(argv, TMUX_SHORT, "", "").next;
        if next >= argv.end {
            return;
        }
        let command = Range32 { start: next, end: argv.end };
        match self.arg_text(next) {
            subcommand if TMUX_RUNS.contains(&subcommand) => {
                let at = self.options(command, TMUX_RUN_SHORT, "", "").next;
                self.run_joined(Range32 { start: at, end: argv.end }, via);
            }
            subcommand if TMUX_TYPES.contains(&subcommand) => {
                let at = self.options(command, "tNc", "", "").next;
                // Names of keys stand among the text.
                let key = |m: &Self, i: u32| {
                    matches!(
                        m.arg_text(i),
                        b"Enter" | b"C-m" | b"C-j" | b"C-c" | b"C-u" | b"Space" | b"KPEnter"
                    )
                };
                for index in at..argv.end {
                    if !key(self, index) {
                        self.run_string(index, Machine::via(ViaKind::ShellString, "tmux"));
                    }
                }
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

/// What a container's program runs inside of one.
pub(super) enum Contained {
    Nothing,
    /// A program and its arguments.
    Words(Range32),
    /// A program that stands among the options, in a word without its first bytes, and where its arguments begin.
    Entry {
        program: u32,
        skip: u32,
        rest: u32,
    },
}

/// The command that `docker exec`, `podman run`, `kubectl exec` and such run.
pub(super) fn contained<'a>(name: &str, argv: Range32, text: impl Fn(u32) -> &'a [u8] + Copy) -> Contained {
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
    let mut next = options(argv, text, GLOBAL, GLOBAL_LONG, "").next;
    if next < argv.end && matches!(text(next), b"container" | b"compose") {
        next = options(Range32 { start: next, end: argv.end }, text, "fp", "file project-name", "").next;
    }
    if next >= argv.end {
        return Contained::Nothing;
    }
    let command = Range32 { start: next, end: argv.end };
    let (short, long, operands) = match text(next) {
        // podman's last container needs no name.
        b"exec" => {
            let last = (next + 1..argv.end)
                .take_while(|&i| text(i).starts_with(b"-"))
                .any(|i| text(i) == b"--latest");
            (EXEC, EXEC_LONG, u32::from(!(last && name == "podman")))
        }
        b"run" | b"create" if matches!(name, "docker" | "podman" | "nerdctl") => (RUN, RUN_LONG, 1),
        b"rsh" if name == "oc" => ("cn", "container", 1),
        b"debug" | b"run" => {
            // kubectl run NAME --image=… -- command
            let marker = (next..argv.end).find(|&i| text(i) == b"--");
            return match marker {
                Some(marker) => Contained::Words(Range32 { start: marker + 1, end: argv.end }),
                None => Contained::Nothing,
            };
        }
        _ => return Contained::Nothing,
    };
    let entry = (command.start..argv.end).find_map(|i| match text(i) {
        b"--entrypoint" => Some((i + 1, 0)),
        word if word.starts_with(b"--entrypoint=") => Some((i, 13)),
        _ => None,
    });
    let mut at = options(command, text, short, long, "").next + operands;
    if let Some((entry, skip)) = entry.filter(|(entry, _)| *entry < at.min(argv.end)) {
        // The program stands among the options, its arguments after the image.
        return Contained::Entry { program: entry, skip, rest: at.min(argv.end) };
    }
    // kubectl allows options after the pod, up to `--`.
    if matches!(name, "kubectl" | "oc" | "lxc") && at <= argv.end {
        let again = Range32 { start: at - 1, end: argv.end };
        at = options(again, text, short, long, "").next;
    }
    if at < argv.end && text(at) == b"--" {
        at += 1;
    }
    Contained::Words(Range32 { start: at.min(argv.end), end: argv.end })
}

/// What `flock` runs.
pub(super) enum Locked {
    Nothing,
    /// A word that is text for a shell.
    Text(u32),
    /// A program and its arguments.
    Words(Range32),
}

/// What `flock` runs while it holds the lock.
pub(super) fn locked<'a>(argv: Range32, text: impl Fn(u32) -> &'a [u8] + Copy) -> Locked {
    let mut next = options(argv, text, "wEc", "timeout wait conflict-exit-code", "u").next + 1;
    if next < argv.end && matches!(text(next), b"-c" | b"--command") {
        return if next + 1 < argv.end { Locked::Text(next + 1) } else { Locked::Nothing };
    }
    next += u32::from(next < argv.end && text(next) == b"--");
    if next >= argv.end { Locked::Nothing } else { Locked::Words(Range32 { start: next, end: argv.end }) }
}

/// What `screen` runs in a new window; empty where it runs nothing.
pub(super) fn screen_words<'a>(argv: Range32, text: impl Fn(u32) -> &'a [u8]) -> Range32 {
    let found = options(argv, text, "cehpsStTX", "", "rxlwX");
    Range32 { start: if found.inert { argv.end } else { found.next }, end: argv.end }
}

/// Options of tmux that take a value.
pub(super) const TMUX_SHORT: &str = "cfLST";
/// Its subcommands that run text for a shell,
pub(super) const TMUX_RUNS: [&[u8]; 11] = [
    b"new-session",
    b"new",
    b"new-window",
    b"neww",
    b"split-window",
    b"splitw",
    b"respawn-pane",
    b"run-shell",
    b"run",
    b"popup",
    b"display-popup",
];
/// with options of their own that take a value;
pub(super) const TMUX_RUN_SHORT: &str = "ceFfnstxyl";
/// and those that type it into one.
pub(super) const TMUX_TYPES: [&[u8]; 2] = [b"send-keys", b"send"];
