//! Silence is an event: interactive shells that nothing is heard of, found in /proc.

use super::session::{Stat, stat_of};
use super::{Recorder, noticed};
use crate::record::Event;
use crate::time;
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Programs that are shells when they sit on a terminal without a script.
const SHELLS: [&str; 16] = [
    "bash", "sh", "dash", "zsh", "fish", "ksh", "ksh93", "mksh", "oksh", "tcsh", "csh", "ash", "busybox",
    "elvish", "nu", "pwsh",
];
/// Options of those shells that take a word.
const WITH_WORD: [&str; 5] = ["--rcfile", "--init-file", "-o", "+o", "-O"];
/// A program in the foreground that began so much before a shell's last word, in seconds, is measured too coarsely.
const STEP: f64 = 2.0;
/// Of `/proc/PID/stat`'s start times: `USER_HZ`, which is 100 wherever Linux gives it to programs.
const TICKS: f64 = 100.0;

/// Looks for silence, and tells each once.
#[derive(Debug, Clone)]
pub struct Silence {
    told: HashSet<(u32, u64)>,
    young: f64,
    brief: f64,
}

impl Default for Silence {
    fn default() -> Self {
        Silence::after(30.0, 10.0)
    }
}

/// A process with a terminal.
struct Process {
    pid: u32,
    name: String,
    stat: Stat,
    age: f64,
}

impl Silence {
    /// With patience of its own, in seconds: a shell that is younger than the first may not have read its start-up files yet, and
    /// a program in the foreground that is younger than the second may belong to a prompt.
    pub fn after(young: f64, brief: f64) -> Silence {
        Silence { told: HashSet::new(), young, brief }
    }

    /// Looks at the processes of this user, or of all users: shells on a terminal that no hook speaks for, and watched
    /// shells that run a program which was never recorded. Returns what is new, as events.
    pub fn look(&mut self, recorder: &Recorder, everyone: bool) -> Vec<Event> {
        let me = rustix::process::getuid().as_raw();
        let processes = processes(|uid| everyone || uid == me);
        let watched: HashSet<u32> = recorder.living().map(|session| session.pid.unwrap_or(0)).collect();
        let mut events = Vec::new();
        for shell in &processes {
            if !watched.contains(&shell.pid) && shell.age >= self.young && is_interactive(shell) {
                let detail = format!("{} (pid {}) on {} has no hook", shell.name, shell.pid, terminal(shell));
                events.extend(self.tell(recorder, shell, "shell-unwatched", &detail));
            }
        }
        for session in recorder.living() {
            // Only a shell that was heard of since this recorder runs is known to be at its prompt.
            let (Some(pid), Some(idle)) = (session.pid, session.idle_since) else { continue };
            let unseen = processes.iter().find(|child| {
                let idle = (time::now() - idle) as f64 / 1e9;
                child.stat.ppid == Some(pid)
                    && child.stat.foreground
                    && child.age >= self.brief
                    && child.age + STEP < idle
            });
            if let Some(child) = unseen {
                let detail = format!(
                    "the shell {pid} on {} runs {} (pid {}) and said nothing of it",
                    terminal(child),
                    child.name,
                    child.pid
                );
                events.extend(self.tell(recorder, child, "shell-silent", &detail));
            }
        }
        events
    }

    fn tell(&mut self, recorder: &Recorder, process: &Process, what: &str, detail: &str) -> Option<Event> {
        let ticks = process.stat.ticks.unwrap_or(0);
        self.told.insert((process.pid, ticks)).then(|| {
            let key = format!("{}:{}:{ticks}:{what}", recorder.boot, process.pid);
            let mut event = noticed(&key, what, detail, time::now());
            event.tty = process.stat.tty.clone();
            event.pid = Some(process.pid);
            event
        })
    }
}

fn terminal(process: &Process) -> &str {
    process.stat.tty.as_deref().unwrap_or("a terminal")
}

/// Living processes with a terminal whose user is asked for.
fn processes(wanted: impl Fn(u32) -> bool) -> Vec<Process> {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let uptime: f64 = uptime.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0.0);
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if !entry.metadata().is_ok_and(|meta| wanted(meta.uid())) {
            continue;
        }
        let Some(stat) = stat_of(pid).filter(|stat| stat.tty.is_some() && !stat.ended) else { continue };
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        let age = uptime - stat.ticks.unwrap_or(0) as f64 / TICKS;
        found.push(Process { pid, name: name.trim_end().to_owned(), stat, age });
    }
    found
}

/// A shell that leads a process group on its terminal and was given neither a script nor a command.
fn is_interactive(process: &Process) -> bool {
    SHELLS.contains(&process.name.as_str()) && process.stat.leads && {
        let path = Path::new("/proc").join(process.pid.to_string()).join("cmdline");
        let line = std::fs::read(path).unwrap_or_default();
        let words: Vec<String> =
            line.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        asks_for_lines(&words)
    }
}

/// Whether a shell with these arguments reads its commands from the terminal.
fn asks_for_lines(words: &[String]) -> bool {
    let mut words = words.iter().map(String::as_str).filter(|word| !word.is_empty());
    let Some(name) = words.next() else { return false };
    let mut first_operand = name.ends_with("busybox");
    while let Some(word) = words.next() {
        match word {
            word if WITH_WORD.contains(&word) => {
                words.next();
            }
            // `-i` asks for a prompt even beside a command, but the command comes first and then the shell ends.
            word if word.starts_with('-') && !word.starts_with("--") && word.contains('c') => return false,
            word if word.starts_with(['-', '+']) => {}
            // `busybox sh`
            word if first_operand && SHELLS.contains(&word) => first_operand = false,
            _ => return false,
        }
    }
    !first_operand
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_commands_are_no_terminals_without_events() {
        for (line, interactive) in [
            ("-bash", true),
            ("bash --norc -i", true),
            ("bash --rcfile /tmp/x", true),
            ("bash -o vi", true),
            ("/bin/sh", true),
            ("busybox sh", true),
            ("busybox ls", false),
            ("bash /tmp/script", false),
            ("sh -c id", false),
            ("bash -lc id", false),
            ("bash --rcfile /tmp/x script", false),
            ("", false),
        ] {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(asks_for_lines(&words), interactive, "{line}");
        }
    }
}
