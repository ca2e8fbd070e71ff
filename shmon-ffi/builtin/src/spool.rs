//! Appending to the spool, and waking the recorder. The format is that of `shmon-core`'s `spool`.

use crate::ack::Ack;
use std::ffi::{CStr, CString, c_int};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What can't be written waits here, up to this many bytes: the newest are kept.
const WAITING: usize = 4 << 20;

pub(crate) struct Spool {
    path: CString,
    awake: CString,
    program: String,
    home: String,
    sync: bool,
    ack: Option<Ack>,
    waiting: Vec<u8>,
    told: Vec<String>,
    recorder: libc::pid_t,
    tried: i64,
}

impl Spool {
    pub(crate) fn new(path: &CStr, home: &CStr, program: &CStr, sync: bool, wait: &CStr) -> Option<Spool> {
        let home = home.to_str().ok()?.to_owned();
        let ack = Ack::new(path, &home, wait);
        Some(Spool {
            ack,
            path: path.to_owned(),
            awake: CString::new(format!("{home}/run/awake")).ok()?,
            program: program.to_str().ok()?.to_owned(),
            home,
            sync,
            waiting: Vec::new(),
            told: Vec::new(),
            recorder: 0,
            tried: 0,
        })
    }

    /// Appends one record, behind those that wait.
    pub(crate) fn put(&mut self, header: &str, sequence: u64, first: &[u8], second: &[u8]) {
        let record = &mut self.waiting;
        record.reserve(header.len() + first.len() + second.len() + 32);
        for field in [header.as_bytes(), first, second] {
            record.push(0);
            record.extend_from_slice(field);
        }
        let _ = write!(record, "\0/{sequence}\0");
        if self.write() {
            self.waiting.clear();
            return;
        }
        if self.waiting.len() > WAITING {
            let too_much = self.waiting.len() - WAITING;
            self.waiting.drain(..too_much);
        }
        self.tell_of_spool("commands are not being recorded: can't write the spool");
    }

    /// Waits until the entry is committed, where that is wanted and a recorder answers; true when it is.
    pub(crate) fn confirm(&mut self, sequence: u64) -> bool {
        // What is still in memory can't be committed.
        self.waiting.is_empty() && self.ack.as_mut().is_some_and(|ack| ack.wait(sequence))
    }

    /// One write of everything. What a full disk left half written is skipped by the reader, and written again.
    fn write(&self) -> bool {
        let flags = libc::O_WRONLY
            | libc::O_APPEND
            | libc::O_CREAT
            | libc::O_CLOEXEC
            | libc::O_NOCTTY
            | libc::O_NONBLOCK;
        // SAFETY: a path that ends with NUL; the descriptor is closed below.
        let fd = unsafe { libc::open(self.path.as_ptr(), flags, 0o600 as c_int) };
        if fd < 0 {
            return false;
        }
        let mut done = 0;
        while done < self.waiting.len() {
            let rest = &self.waiting[done..];
            // SAFETY: `rest` is readable for its length.
            let written = unsafe { libc::write(fd, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(written) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // SAFETY: our descriptor.
        unsafe {
            if self.sync && done == self.waiting.len() && libc::fdatasync(fd) != 0 {
                done = 0;
            }
            libc::close(fd);
        }
        done == self.waiting.len()
    }

    /// One line, once.
    pub(crate) fn tell(&mut self, what: &str) {
        if !self.told.iter().any(|told| told == what) {
            self.told.push(what.to_owned());
            let line = format!("shmon: {what}\n");
            // SAFETY: writes the line's bytes to standard error; whether that works is all the same.
            unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
        }
    }

    /// One line, once, that names the spool.
    fn tell_of_spool(&mut self, what: &str) {
        let line = format!("{what} ({})", self.path.to_string_lossy());
        self.tell(&line);
    }

    /// What a recorder that can't record says, and its process id.
    fn trouble(&self) -> Option<(libc::pid_t, String)> {
        let text = std::fs::read_to_string(format!("{}/run/trouble", self.home)).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.parse().ok()?;
        Some((pid, lines.next().filter(|line| !line.is_empty())?.to_owned()))
    }

    /// Starts the recorder where none runs.
    pub(crate) fn wake(&mut self, seconds: i64) {
        // SAFETY: a path that ends with NUL.
        let awake = unsafe { libc::access(self.awake.as_ptr(), libc::F_OK) } == 0;
        let system = self.program.is_empty();
        if awake {
            // In system mode the recorder is the system's to start, and the process may be hidden.
            if system {
                return;
            }
            if self.recorder == 0 || !alive(self.recorder) {
                let text = self.awake.to_str().ok().and_then(|path| std::fs::read_to_string(path).ok());
                self.recorder = text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            }
            if alive(self.recorder) {
                return;
            }
        }
        if let Some((pid, text)) = self.trouble() {
            self.tell(&text);
            if alive(pid) {
                return;
            }
        } else if system {
            self.tell_of_spool("no recorder runs: commands wait in the spool");
        }
        if system {
            return;
        }
        // At most one try in five seconds: a recorder that can't start must not cost every prompt a fork.
        if seconds < self.tried + 5 {
            return;
        }
        self.tried = seconds;
        // Asked before the fork: bash reaps a child that fails to start before we could learn of it.
        // SAFETY: a path that ends with NUL.
        let there = CString::new(self.program.as_str())
            .is_ok_and(|program| unsafe { libc::access(program.as_ptr(), libc::X_OK) } == 0);
        if !there {
            self.tell_of_spool("the program is missing: commands wait in the spool");
            return;
        }
        let mut command = Command::new(&self.program);
        command
            .args(["daemon", "--background"])
            .env("SHMON_HOME", &self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: only system calls that may follow a fork.
        unsafe {
            command.pre_exec(|| {
                // The descriptors that this shell holds are not the recorder's to keep open; the signals that bash
                // blocked or ignored are not the recorder's either.
                libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 4_u32);
                let mut none: libc::sigset_t = std::mem::zeroed();
                libc::sigemptyset(&raw mut none);
                libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
                for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGTSTP] {
                    libc::signal(signal, libc::SIG_DFL);
                }
                libc::setsid();
                Ok(())
            });
        }
        // bash itself reaps children that it doesn't know. One that can't be started is tried again.
        let _ = command.spawn();
    }
}

fn alive(pid: libc::pid_t) -> bool {
    // SAFETY: signal 0 only asks.
    pid > 0 && unsafe { libc::kill(pid, 0) } == 0
}
