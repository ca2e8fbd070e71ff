//! Waiting until the recorder has committed an entry. A recorder that doesn't answer costs one wait: after it, questions are
//! still asked, but not waited for until an answer comes.

use std::ffi::{CStr, c_int};
use std::io::Error;
use std::mem::size_of;

/// The descriptor is moved above those that scripts use.
const LOWEST: c_int = 200;

pub(crate) struct Ack {
    address: libc::sockaddr_un,
    session: String,
    /// The longest wait in milliseconds.
    limit: i64,
    fd: c_int,
    /// Part of an answer.
    text: Vec<u8>,
    /// What was asked last, and not answered in time.
    owed: Option<u64>,
}

impl Ack {
    /// For the session whose spool is at `spool`; `None` where nobody wants to wait, or the path is too long for a socket.
    pub(crate) fn new(spool: &CStr, home: &str, limit: &CStr) -> Option<Ack> {
        let limit = limit.to_str().ok()?.parse().ok().filter(|limit| *limit > 0)?;
        let spool = spool.to_str().ok()?;
        let session = spool.rsplit('/').next()?.strip_suffix(".spool")?.to_owned();
        // SAFETY: a plain structure, for which zero bytes are a value.
        let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        address.sun_family = libc::sa_family_t::try_from(libc::AF_UNIX).ok()?;
        let path = format!("{home}/run/shmon.sock");
        if path.len() >= address.sun_path.len() {
            return None;
        }
        for (to, from) in address.sun_path.iter_mut().zip(path.bytes()) {
            *to = from.cast_signed();
        }
        Some(Ack { address, session, limit, fd: -1, text: Vec::new(), owed: None })
    }

    /// Asks for an entry, and waits for the answer unless one is owed already.
    pub(crate) fn wait(&mut self, sequence: u64) {
        if self.owed.is_some() && self.fd >= 0 {
            self.read();
        }
        if !self.ask(sequence) {
            return;
        }
        if self.owed.is_some() {
            self.owed = Some(sequence);
            return;
        }
        self.owed = Some(sequence);
        let until = now() + self.limit;
        loop {
            let left = until - now();
            if left <= 0 || self.fd < 0 {
                return;
            }
            let mut poll = libc::pollfd { fd: self.fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one descriptor of ours.
            let ready = unsafe { libc::poll(&raw mut poll, 1, c_int::try_from(left).unwrap_or(0)) };
            if ready < 0 && Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                return;
            }
            if ready > 0 {
                self.read();
                if self.owed.is_none() {
                    return;
                }
            }
        }
    }

    /// Sends the question; false where no recorder takes it.
    fn ask(&mut self, sequence: u64) -> bool {
        let line = format!("{} {sequence}\n", self.session);
        for _ in 0..2 {
            if self.fd < 0 && !self.connect() {
                return false;
            }
            let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
            // SAFETY: `line` is readable for its length.
            let sent = unsafe { libc::send(self.fd, line.as_ptr().cast(), line.len(), flags) };
            if usize::try_from(sent) == Ok(line.len()) {
                return true;
            }
            if sent < 0 && Error::last_os_error().kind() == std::io::ErrorKind::WouldBlock {
                // Its queue is full: it owes answers for long.
                return false;
            }
            // A recorder that ended; perhaps there is another.
            self.close();
        }
        false
    }

    fn connect(&mut self) -> bool {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: makes a descriptor, moves it, and closes what isn't needed.
        unsafe {
            let low = libc::socket(libc::AF_UNIX, kind, 0);
            if low < 0 {
                return false;
            }
            let fd = libc::fcntl(low, libc::F_DUPFD_CLOEXEC, LOWEST);
            libc::close(low);
            let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_un>()).unwrap_or(0);
            if fd >= 0 && libc::connect(fd, (&raw const self.address).cast(), length) != 0 {
                libc::close(fd);
                return false;
            }
            self.fd = fd;
        }
        self.fd >= 0
    }

    /// Takes what is there of answers.
    fn read(&mut self) {
        let mut buffer = [0_u8; 256];
        loop {
            // SAFETY: `buffer` is writable for its length.
            let read =
                unsafe { libc::recv(self.fd, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
            match usize::try_from(read) {
                Ok(0) => return self.close(),
                Ok(n) => self.text.extend_from_slice(&buffer[..n]),
                Err(_) if Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        while let Some(end) = self.text.iter().position(|b| *b == b'\n') {
            let answered =
                std::str::from_utf8(&self.text[1.min(end)..end]).ok().and_then(|n| n.parse::<u64>().ok());
            if answered.is_some() && answered >= self.owed {
                self.owed = None;
            }
            self.text.drain(..=end);
        }
    }

    fn close(&mut self) {
        // SAFETY: our descriptor, which nobody uses after this.
        unsafe { libc::close(self.fd) };
        self.fd = -1;
        self.text.clear();
        self.owed = None;
    }
}

/// Milliseconds of a clock that is never set.
fn now() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
