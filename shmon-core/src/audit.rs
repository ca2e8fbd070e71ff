//! Records of the kernel's audit system, as auditd writes them: which programs were executed, by whom, from which login.
//!
//! One execution is several lines (SYSCALL, EXECVE, CWD, PROCTITLE) that share `msg=audit(TIME:SERIAL)`; lines of several
//! executions may be mixed. [`Parser`] groups them. The format is that of audit's `audit_log_format` and
//! `audit_log_untrustedstring` (kernel/audit.c): a value that a user could choose is `"text"`, or upper-case hexadecimal where
//! it holds a quote, a space, or a byte that isn't printable ASCII.

mod follow;

pub use follow::Follower;

use crate::record::{Event, UnixNanos};
use std::collections::BTreeMap;

/// Events that are incomplete at the same time at most: beyond it the oldest is given as it is.
const OPEN: usize = 1024;
/// An event whose lines are older than another's by this long is complete (libauparse does the same).
const PATIENCE: UnixNanos = 2_000_000_000;
/// Bytes of all arguments of one execution that are kept; the kernel's own limit (`ARG_MAX`) is smaller by default.
const LONGEST: usize = 4 << 20;
/// What the kernel writes for a user id that was never set.
const UNSET: u32 = u32::MAX;

/// One executed program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Execution {
    /// The host, where records of several are collected (`node=`).
    pub node: Option<String>,
    /// When, by the kernel's clock.
    pub time: UnixNanos,
    /// The event's number on its host since the boot.
    pub serial: u64,
    /// The arguments, the program's name first; from the process's title where there is no EXECVE record.
    pub argv: Vec<Vec<u8>>,
    /// The arguments are cut: the title of a process ends after 128 bytes, or a record is missing.
    pub cut: bool,
    /// The file that was executed.
    pub exe: Option<Vec<u8>>,
    /// The folder.
    pub cwd: Option<Vec<u8>>,
    /// Process.
    pub pid: Option<u32>,
    /// Its parent.
    pub ppid: Option<u32>,
    /// The real user.
    pub uid: Option<u32>,
    /// The user who logged in; survives `su` and `sudo`.
    pub login_uid: Option<u32>,
    /// The login's number (`ses=`).
    pub session: Option<u32>,
    /// The terminal's device, as `/dev/pts/3`.
    pub tty: Option<String>,
    /// The program could be executed.
    pub success: bool,
    /// The key of the rule that asked for the record.
    pub key: Option<Vec<u8>>,
}

impl Execution {
    /// The arguments as a command line that a shell reads back to the same words.
    pub fn command(&self) -> Vec<u8> {
        let mut line = Vec::new();
        for word in &self.argv {
            if !line.is_empty() {
                line.push(b' ');
            }
            quote(word, &mut line);
        }
        line
    }

    /// The event to record; `user` gives the login name of a user id. Delivering it again changes nothing, because its key
    /// is the host's number of the audit event.
    pub fn event(&self, host: &str, user: impl Fn(u32) -> String) -> Event {
        let host = self.node.as_deref().unwrap_or(host);
        Event {
            key: format!("audit:{host}:{}:{}", self.time, self.serial),
            session_id: self.session.map_or_else(|| "audit".to_owned(), |n| format!("audit-{n}")),
            command: self.command(),
            working_directory: String::from_utf8_lossy(self.cwd.as_deref().unwrap_or(b"")).into_owned(),
            started_at: self.time,
            user: self.login_uid.or(self.uid).map(&user).unwrap_or_default(),
            uid: self.uid,
            host: host.to_owned(),
            tty: self.tty.clone(),
            pid: self.pid,
            ppid: self.ppid,
            shell: "auditd".to_owned(),
            ..Event::default()
        }
    }
}

/// Groups lines of an audit log into executions.
#[derive(Debug, Clone, Default)]
pub struct Parser {
    open: BTreeMap<Id, Partial>,
    newest: UnixNanos,
}

/// Which event a line belongs to; in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    time: UnixNanos,
    serial: u64,
    node: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Partial {
    execution: Execution,
    /// The SYSCALL record was of `execve` or `execveat`, or an EXECVE record came.
    executed: bool,
    arguments: BTreeMap<usize, Vec<u8>>,
    count: usize,
    bytes: usize,
    title: Option<Vec<u8>>,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Takes one line, without its end. Gives the executions that are complete by it; lines that are no audit records,
    /// and events that are no executions, give nothing.
    pub fn line(&mut self, line: &[u8]) -> Vec<Execution> {
        let Some((kind, id, fields)) = split(line) else { return Vec::new() };
        self.newest = self.newest.max(id.time);
        let ends = matches!(kind, b"EOE" | b"PROCTITLE");
        match kind {
            b"SYSCALL" | b"EXECVE" | b"CWD" | b"PROCTITLE" => {
                self.open.entry(id.clone()).or_default().take(kind, fields);
            }
            _ => {}
        }
        let mut done = Vec::new();
        if ends {
            done.extend(self.open.remove(&id).and_then(|partial| partial.complete(id)));
        }
        while let Some(first) = self.open.first_entry()
            && (first.key().time < self.newest - PATIENCE || self.open.len() > OPEN)
        {
            let Some((id, partial)) = self.open.pop_first() else { break };
            done.extend(partial.complete(id));
        }
        done
    }

    /// Gives what is still incomplete: at the end of a log, or when nothing has come for some seconds.
    pub fn finish(&mut self) -> Vec<Execution> {
        std::mem::take(&mut self.open).into_iter().filter_map(|(id, partial)| partial.complete(id)).collect()
    }
}

impl Partial {
    fn take(&mut self, kind: &[u8], fields: &[u8]) {
        for (name, value) in Fields(fields) {
            match kind {
                b"SYSCALL" => self.syscall(name, value),
                b"EXECVE" => {
                    self.executed = true;
                    self.argument(name, value);
                }
                b"CWD" if name == b"cwd" => self.execution.cwd = Some(untrusted(value)),
                b"PROCTITLE" if name == b"proctitle" => self.title = Some(untrusted(value)),
                _ => {}
            }
        }
    }

    fn syscall(&mut self, name: &[u8], value: &[u8]) {
        let number = || text(value).and_then(|v| v.parse().ok());
        let e = &mut self.execution;
        match name {
            // The numbers differ between machines; `SYSCALL=` is written by auditd with `log_format = ENRICHED`.
            b"syscall" => {
                self.executed |= matches!(value, b"59" | b"322" | b"221" | b"281" | b"11" | b"execve");
            }
            b"SYSCALL" => {
                self.executed |= matches!(value, b"execve" | b"execveat");
            }
            b"success" => e.success = value == b"yes",
            b"pid" => e.pid = number(),
            b"ppid" => e.ppid = number(),
            b"uid" => e.uid = number(),
            b"auid" => e.login_uid = number().filter(|n| *n != UNSET),
            b"ses" => e.session = number().filter(|n| *n != UNSET),
            b"tty" => e.tty = text(value).and_then(terminal),
            b"exe" => e.exe = Some(untrusted(value)),
            b"key" if value != b"(null)" => e.key = Some(untrusted(value)),
            _ => {}
        }
    }

    /// `argc=3`, `a0="ls"`, or a long argument in pieces: `a1_len=9000 a1[0]=… a1[1]=…`.
    fn argument(&mut self, name: &[u8], value: &[u8]) {
        if name == b"argc" {
            self.count = text(value).and_then(|v| v.parse().ok()).unwrap_or(0);
            return;
        }
        let Some(name) = name.strip_prefix(b"a").and_then(text) else { return };
        let (number, piece) = match name.split_once('[') {
            Some((number, _)) => (number, true),
            None => (name, false),
        };
        let Ok(number) = number.parse::<usize>() else { return };
        let bytes = untrusted(value);
        self.bytes = self.bytes.saturating_add(bytes.len() + 1);
        if self.bytes > LONGEST {
            self.execution.cut = true;
        } else if piece {
            self.arguments.entry(number).or_default().extend_from_slice(&bytes);
        } else {
            self.arguments.insert(number, bytes);
        }
    }

    fn complete(self, id: Id) -> Option<Execution> {
        if !self.executed {
            return None;
        }
        let mut e = self.execution;
        (e.node, e.time, e.serial) = (id.node, id.time, id.serial);
        if self.arguments.is_empty() {
            // The title is what the process calls itself at the end of the call: the new program's first 128 bytes.
            let title = self.title?;
            e.cut |= title.len() >= 127;
            let title = title.strip_suffix(b"\0").unwrap_or(&title);
            e.argv = title.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
        } else {
            let whole = self.arguments.keys().copied().eq(0..self.count);
            e.cut |= !whole;
            e.argv = self.arguments.into_values().collect();
        }
        Some(e)
    }
}

/// Kind, event and fields of a line: `[node=N ]type=KIND msg=audit(TIME:SERIAL): FIELDS`.
fn split(line: &[u8]) -> Option<(&[u8], Id, &[u8])> {
    let (mut node, mut rest) = (None, line);
    if let Some(after) = rest.strip_prefix(b"node=") {
        let end = after.iter().position(|b| *b == b' ')?;
        node = Some(String::from_utf8_lossy(&after[..end]).into_owned());
        rest = &after[end + 1..];
    }
    let rest = rest.strip_prefix(b"type=")?;
    let end = rest.iter().position(|b| *b == b' ')?;
    let (kind, rest) = (&rest[..end], &rest[end + 1..]);
    let rest = rest.strip_prefix(b"msg=audit(")?;
    let end = rest.iter().position(|b| *b == b')')?;
    let (time, serial) = text(&rest[..end])?.split_once(':')?;
    let id = Id { time: crate::spool::time(time)?, serial: serial.parse().ok()?, node };
    let fields = rest[end + 1..].strip_prefix(b":")?;
    Some((kind, id, fields))
}

/// `name=value` pairs, separated by spaces, or by the byte 0x1D before what auditd adds.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let skip = self.0.iter().take_while(|b| matches!(b, b' ' | 0x1d)).count();
            self.0 = &self.0[skip..];
            let equals = self.0.iter().position(|b| matches!(b, b'=' | b' ' | 0x1d))?;
            if self.0[equals] != b'=' {
                // A word without a value.
                self.0 = &self.0[equals..];
                continue;
            }
            let (name, value) = (&self.0[..equals], &self.0[equals + 1..]);
            // A quoted value ends at its quote: whatever holds one is written in hexadecimal.
            let end = match value.strip_prefix(b"\"") {
                Some(inside) => inside.iter().position(|b| *b == b'"').map_or(value.len(), |at| at + 2),
                None => value.iter().position(|b| matches!(b, b' ' | 0x1d)).unwrap_or(value.len()),
            };
            self.0 = &value[end..];
            return Some((name, &value[..end]));
        }
    }
}

/// A value that a user could choose: quoted text, or hexadecimal digits.
fn untrusted(value: &[u8]) -> Vec<u8> {
    if let Some(inside) = value.strip_prefix(b"\"") {
        return inside.strip_suffix(b"\"").unwrap_or(inside).to_vec();
    }
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let decoded = value.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    // `(null)`, and what another program wrote into the log.
    decoded.collect::<Option<Vec<u8>>>().unwrap_or_else(|| value.to_vec())
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// `pts3`, `tty1` and `ttyS0` as devices; `(none)` is none.
fn terminal(name: &str) -> Option<String> {
    match name.strip_prefix("pts") {
        Some(number) => Some(format!("/dev/pts/{}", number.trim_start_matches('/'))),
        None if name.starts_with("tty") => Some(format!("/dev/{name}")),
        None => None,
    }
}

/// Appends a word so that a shell reads it back as it is.
fn quote(word: &[u8], line: &mut Vec<u8>) {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"%+,-./:=@_^".contains(b);
    if !word.is_empty() && word.iter().all(plain) {
        line.extend_from_slice(word);
        return;
    }
    line.push(b'\'');
    for byte in word {
        match byte {
            b'\'' => line.extend_from_slice(b"'\\''"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        case: Vec<Case>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        lines: String,
        executions: Vec<Wanted>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        command: String,
        #[serde(default)]
        cut: bool,
        #[serde(default)]
        failed: bool,
        #[serde(default)]
        cwd: Option<String>,
        #[serde(default)]
        uid: Option<u32>,
        #[serde(default)]
        login_uid: Option<u32>,
        #[serde(default)]
        tty: Option<String>,
        #[serde(default)]
        node: Option<String>,
    }

    #[test]
    fn logs_become_executions() {
        let file: File = toml::from_str(include_str!("../tests/data/audit.toml")).unwrap();
        for case in file.case {
            let mut parser = Parser::new();
            let mut found: Vec<Execution> = case
                .lines
                .lines()
                .flat_map(|l| parser.line(l.replace('\u{241d}', "\x1d").as_bytes()))
                .collect();
            found.extend(parser.finish());
            let commands: Vec<String> =
                found.iter().map(|e| String::from_utf8_lossy(&e.command()).into_owned()).collect();
            let wanted: Vec<&String> = case.executions.iter().map(|w| &w.command).collect();
            assert_eq!(commands.iter().collect::<Vec<_>>(), wanted, "{}", case.name);
            for (e, w) in found.iter().zip(&case.executions) {
                let cwd = e.cwd.as_deref().map(|c| String::from_utf8_lossy(c).into_owned());
                assert_eq!((e.cut, !e.success), (w.cut, w.failed), "{}: {e:?}", case.name);
                let optional = [(w.cwd.is_some(), cwd == w.cwd), (w.uid.is_some(), e.uid == w.uid)];
                assert!(optional.iter().all(|(asked, same)| !asked || *same), "{}: {e:?}", case.name);
                assert_eq!((e.login_uid, &e.tty, &e.node), (w.login_uid, &w.tty, &w.node), "{}", case.name);
            }
        }
    }

    #[test]
    fn an_event_has_a_key_of_its_own_and_the_login_user() {
        let mut parser = Parser::new();
        let mut line = |text: &str| parser.line(text.as_bytes());
        line("type=SYSCALL msg=audit(5.250:7): syscall=59 success=yes pid=9 auid=1000 uid=0 ses=4");
        line("type=EXECVE msg=audit(5.250:7): argc=2 a0=\"id\" a1=\"-u\"");
        let done = line("type=PROCTITLE msg=audit(5.250:7): proctitle=\"id\"");
        let event = done[0].event("web1", |uid| format!("user{uid}"));
        assert_eq!((event.key.as_str(), event.started_at), ("audit:web1:5250000000:7", 5_250_000_000));
        assert_eq!(
            (event.user.as_str(), event.uid, event.session_id.as_str()),
            ("user1000", Some(0), "audit-4")
        );
        assert_eq!(event.command, b"id -u");
    }

    #[test]
    fn no_more_than_so_many_events_are_open() {
        let mut parser = Parser::new();
        let mut given = 0;
        for serial in 0..5000 {
            given +=
                parser.line(format!("type=EXECVE msg=audit(1.0:{serial}): argc=1 a0=\"x\"").as_bytes()).len();
        }
        assert_eq!((given, parser.finish().len()), (5000 - OPEN, OPEN));
    }

    #[test]
    fn any_bytes_are_read_without_harm() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let pieces: [&[u8]; 14] = [
            b"type=",
            b"EXECVE",
            b" msg=audit(",
            b"1.5:",
            b"7",
            b"): ",
            b"argc=",
            b"99999999999",
            b" a0=",
            b"\"",
            b"a1[0]=",
            b"4142\xff",
            b"\x1d",
            b"=",
        ];
        for _ in 0..5000 {
            let mut line = b"type=EXECVE msg=audit(1.5:7):".to_vec();
            for _ in 0..8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                line.extend_from_slice(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            let mut parser = Parser::new();
            parser.line(&line);
            assert!(parser.finish().len() <= 1);
        }
    }
}
