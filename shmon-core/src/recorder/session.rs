//! What is known about a shell: from its own first record, and from the kernel where the process still lives.

use super::kernel;
use crate::record::{Event, UnixNanos};
use crate::spool::{Entry, Kind};
use std::collections::HashMap;
use std::path::Path;

/// A shell whose spool is drained.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// `PID-START`, the file's name.
    pub(super) name: String,
    pub(super) pid: Option<u32>,
    ppid: Option<u32>,
    boot: String,
    /// Start of the process in clock ticks since the boot: tells it from a later process with the same number.
    ticks: Option<u64>,
    shell: String,
    host: String,
    tty: Option<String>,
    ssh: Option<String>,
    /// What the caller of `shmon record` calls its session.
    id: Option<String>,
    /// The process that called `shmon record`, whose command it is.
    caller: Option<u32>,
    /// The key that the caller gave its one command.
    given: Option<String>,
    /// One command, written at once by a process that then writes no more.
    pub(super) once: bool,
    /// That one command was read to its end.
    pub(super) complete: bool,
    pub(super) parent: Option<String>,
    pub(super) since: Option<UnixNanos>,
    /// When its last command ended; `None` while one runs, and before one was read.
    pub(super) idle_since: Option<UnixNanos>,
    /// System mode: the file's owner, who is part of every name, so that nobody can take another's.
    owner: Option<u32>,
    /// System mode: the process that the file names isn't its owner's shell, or isn't any more.
    gone: bool,
    /// System mode: the user who logged in, where that is another.
    pub(super) login_uid: Option<u32>,
}

impl Session {
    /// What the file's name tells; enough for a key.
    pub(super) fn of_name(name: &str) -> Session {
        let pid = name.split_once('-').and_then(|(pid, _)| pid.parse().ok());
        Session { name: name.to_owned(), pid, boot: "-".into(), shell: "sh".into(), ..Session::default() }
    }

    /// Takes over what the shell said of itself.
    pub(super) fn describe(&mut self, entry: &Entry<'_>) {
        debug_assert_eq!(entry.kind, Kind::Session);
        self.since = entry.time;
        let text = String::from_utf8_lossy(entry.second);
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let some = (!value.is_empty()).then(|| value.to_owned());
            match key {
                "pid" => self.pid = value.parse().ok().or(self.pid),
                "ppid" => self.ppid = value.parse().ok(),
                "boot" => self.boot = some.unwrap_or_else(|| "-".into()),
                // `shmon` is what the recorder itself says.
                "shell" => {
                    let shell = value.split(' ').next().filter(|shell| *shell != "shmon");
                    self.shell = shell.unwrap_or("sh").to_owned();
                }
                "host" => self.host = value.to_owned(),
                "stat" => {
                    let stat = Stat::parse(value);
                    self.ticks = stat.ticks;
                    self.tty = stat.tty;
                    self.ppid = stat.ppid.or(self.ppid);
                }
                // `SSH_CLIENT` is address, port, own port.
                "ssh" => {
                    let client: Vec<&str> = value.split_ascii_whitespace().take(2).collect();
                    self.ssh = (!client.is_empty()).then(|| client.join(" "));
                }
                "id" => self.id = some,
                "caller" => self.caller = value.parse().ok(),
                "key" => self.given = some,
                "once" => self.once = true,
                "tty" => self.tty = some.or(self.tty.take()),
                "parent" => self.parent = some.filter(|parent| *parent != self.name),
                _ => {}
            }
        }
    }

    /// System mode: puts what the kernel says in the place of what the shell said. `owner` is the file's owner.
    pub(super) fn verify(&mut self, owner: u32, boot: &str, host: &str) {
        self.owner = Some(owner);
        // A name, a process or a key that anybody may have made up.
        (self.id, self.caller, self.given) = (None, None, None);
        host.clone_into(&mut self.host);
        let facts = self.pid.map(kernel::facts).unwrap_or_default();
        let stat = self
            .pid
            .and_then(stat_of)
            .filter(|stat| facts.uid == Some(owner) && (self.ticks.is_none() || stat.ticks == self.ticks));
        match stat {
            Some(stat) => {
                boot.clone_into(&mut self.boot);
                (self.ticks, self.tty, self.ppid) = (stat.ticks, stat.tty, stat.ppid);
                self.login_uid = facts.login_uid.filter(|uid| *uid != owner);
                self.ssh = match (facts.remote_host, self.ssh.take()) {
                    // The port is not logind's to know.
                    (Some(host), Some(said)) if said.split(' ').next() == Some(&host) => Some(said),
                    (Some(host), _) => Some(host),
                    (None, said) => said.map(claimed),
                };
            }
            // A process that is gone, or another's: nothing of it is known but who owns the file.
            None => {
                self.gone = true;
                self.tty = self.tty.take().map(claimed);
                self.ssh = self.ssh.take().map(claimed);
            }
        }
    }

    /// The session's name in the record.
    fn public_name(&self) -> String {
        match self.owner {
            Some(uid) => format!("{uid}-{}", self.name),
            None => self.id.clone().unwrap_or_else(|| self.name.clone()),
        }
    }

    /// The name under which another session's parent is recorded.
    pub(super) fn parent_name(&self, known: &HashMap<String, Session>) -> Option<String> {
        let parent = self.parent.as_ref()?;
        match self.owner {
            // A name that nobody has is not taken from a shell's word.
            Some(_) => known.get(parent).map(Session::public_name),
            None => Some(parent.clone()),
        }
    }

    /// Whether the shell lives, as far as the kernel says.
    pub(super) fn alive(&self, boot: &str) -> bool {
        if self.gone || self.boot != "-" && self.boot != boot {
            return false;
        }
        let Some(stat) = self.pid.and_then(stat_of) else { return false };
        !stat.ended && (self.ticks.is_none() || stat.ticks == self.ticks)
    }

    /// The session of the nearest ancestor that has one: `su` and `sudo -i` clear the environment, not the parentage.
    pub(super) fn ancestor(&self, known: &HashMap<String, Session>) -> Option<String> {
        let mut pid = self.ppid?;
        for _ in 0..64 {
            if pid <= 1 {
                return None;
            }
            let found = known
                .values()
                .filter(|s| s.pid == Some(pid) && s.boot == self.boot && s.since < self.since)
                .max_by_key(|s| s.since);
            if let Some(session) = found {
                return Some(session.name.clone());
            }
            pid = stat_of(pid)?.ppid?;
        }
        None
    }

    /// The key under which a repeated delivery is recognised.
    pub(super) fn key(&self, sequence: u64) -> String {
        if let (1, Some(given)) = (sequence, &self.given) {
            return given.clone();
        }
        let (_, start) = self.name.split_once('-').unwrap_or(("", ""));
        let owner = self.owner.map_or_else(String::new, |uid| format!("{uid}-"));
        format!("{}:{}:{owner}{start}:{sequence}", self.boot, self.pid.unwrap_or(0))
    }

    /// An event of this shell, without its command.
    pub(super) fn event(&self, sequence: u64) -> Event {
        Event {
            key: self.key(sequence),
            session_id: self.public_name(),
            parent_session: self.parent.clone(),
            host: self.host.clone(),
            tty: self.tty.clone(),
            pid: self.caller.or(self.pid),
            ppid: self.ppid,
            shell: self.shell.clone(),
            ssh_client: self.ssh.clone(),
            ..Event::default()
        }
    }
}

/// What a user's own process said, and nothing else vouches for.
fn claimed(text: String) -> String {
    text + " (claimed)"
}

/// Fields of `/proc/PID/stat` (proc_pid_stat(5)).
#[derive(Debug, Default)]
pub(super) struct Stat {
    /// A zombie: nobody has asked for its status yet, but it writes no more.
    pub(super) ended: bool,
    pub(super) ppid: Option<u32>,
    pub(super) tty: Option<String>,
    pub(super) ticks: Option<u64>,
    /// It leads its process group.
    pub(super) leads: bool,
    /// Its process group has the terminal.
    pub(super) foreground: bool,
}

impl Stat {
    /// Reads what stands behind the name in parentheses.
    fn parse(rest: &str) -> Stat {
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // The first field here is the third of the page.
        let field = |n: usize| fields.get(n - 3).copied();
        Stat {
            ended: matches!(field(3), Some("Z" | "X")),
            ppid: field(4).and_then(|f| f.parse().ok()),
            tty: field(7).and_then(|f| f.parse().ok()).and_then(terminal),
            ticks: field(22).and_then(|f| f.parse().ok()),
            leads: false,
            foreground: field(5).is_some() && field(5) == field(8),
        }
    }
}

pub(super) fn stat_of(pid: u32) -> Option<Stat> {
    let text = std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, rest) = text.rsplit_once(") ")?;
    let mut stat = Stat::parse(rest);
    stat.leads = rest.split_ascii_whitespace().nth(2) == Some(pid.to_string().as_str());
    Some(stat)
}

/// The device's name, from its number (Documentation/admin-guide/devices.txt of Linux).
fn terminal(number: i64) -> Option<String> {
    let number = u64::try_from(number).ok()?;
    let major = (number >> 8) & 0xfff;
    let minor = (number & 0xff) | ((number >> 12) & 0xfff00);
    match major {
        136..=143 => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        4 if minor < 64 => Some(format!("/dev/tty{minor}")),
        4 => Some(format!("/dev/ttyS{}", minor - 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_have_their_names() {
        assert_eq!(terminal(34816).as_deref(), Some("/dev/pts/0"));
        assert_eq!(terminal(34816 + 17).as_deref(), Some("/dev/pts/17"));
        assert_eq!(terminal(1025).as_deref(), Some("/dev/tty1"));
        assert_eq!(terminal(1088).as_deref(), Some("/dev/ttyS0"));
        assert_eq!((terminal(0), terminal(-1)), (None, None));
    }

    #[test]
    fn this_process_is_alive_and_another_start_is_not() {
        let pid = std::process::id();
        let mut session = Session::of_name(&format!("{pid}-5"));
        assert!(session.alive("x"));
        session.ticks = Some(1);
        assert!(!session.alive("x"));
        assert!(!Session::of_name("4194305-1").alive("x"));
        session.ticks = None;
        session.boot = "another".into();
        assert!(!session.alive("x"));
    }
}
