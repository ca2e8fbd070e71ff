//! Waiting until the recorder has committed an entry. A recorder that doesn't answer costs one wait: after it, questions are
//! still asked, but not waited for until an answer comes.

use std::ffi::{CStr, c_int};
use std::io::Error;
use std::mem::size_of;

/// The recorder says that it has begun (`cpu N`), and mostly answers so many nanoseconds later; a processor that fell asleep takes
/// tens of thousands to wake up. So long the answer is looked for, and then waited for. Who looks sooner, or on the recorder's own
/// processor, keeps it from its work.
const AWAKE: i64 = 300_000;

/// The descriptor is moved above those that scripts use.
const LOWEST: c_int = 200;

pub(crate) struct Ack {
    address: libc::sockaddr_un,
    session: String,
    /// The longest wait in milliseconds.
    limit: i64,
    /// How long the answer is looked for without sleeping, in nanoseconds.
    awake: i64,
    fd: c_int,
    /// Part of an answer.
    text: Vec<u8>,
    /// What was asked last, and not answered in time.
    owed: Option<u64>,
    /// Since when the recorder is at work on it on another processor, in nanoseconds.
    begun: Option<i64>,
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
        let awake = if processors() > 1 { AWAKE } else { 0 };
        Some(Ack { address, session, limit, awake, fd: -1, text: Vec::new(), owed: None, begun: None })
    }

    /// Asks for an entry, and waits for the answer unless one is owed already; true when it is there.
    pub(crate) fn wait(&mut self, sequence: u64) -> bool {
        if self.owed.is_some() && self.fd >= 0 {
            self.read(libc::MSG_DONTWAIT);
        }
        if !self.ask(sequence) {
            return false;
        }
        if self.owed.is_some() {
            self.owed = Some(sequence);
            return false;
        }
        self.owed = Some(sequence);
        self.begun = None;
        let asked = now();
        loop {
            let now = now();
            if self.fd < 0 || now - asked >= self.limit * 1_000_000 {
                return false;
            }
            let awake = self.begun.is_some_and(|begun| now - begun < self.awake);
            // Asleep it waits for the socket's own limit, once; a signal or an answer to an older question doesn't make it longer
            // than two.
            self.read(if awake { libc::MSG_DONTWAIT } else { 0 });
            if self.owed.is_none() {
                return self.fd >= 0;
            }
            std::hint::spin_loop();
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
            // A connection is not waited for; an answer is, for so long.
            let limit = libc::timeval { tv_sec: self.limit / 1000, tv_usec: self.limit % 1000 * 1000 };
            let length = libc::socklen_t::try_from(size_of::<libc::timeval>()).unwrap_or(0);
            let limited = fd >= 0
                && libc::setsockopt(
                    fd,
                    libc::SOL_SOCKET,
                    libc::SO_RCVTIMEO,
                    (&raw const limit).cast(),
                    length,
                ) == 0;
            if !limited || libc::fcntl(fd, libc::F_SETFL, 0) != 0 {
                libc::close(fd);
                return false;
            }
            self.fd = fd;
        }
        true
    }

    /// Takes one piece of answers; waits for it as the flags say.
    fn read(&mut self, flags: c_int) {
        let mut buffer = [0_u8; 256];
        // SAFETY: `buffer` is writable for its length.
        let read = unsafe { libc::recv(self.fd, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
        match usize::try_from(read) {
            Ok(0) => return self.close(),
            Ok(n) => self.text.extend_from_slice(&buffer[..n]),
            Err(_) => {
                use std::io::ErrorKind::{Interrupted, WouldBlock};
                // Nothing came in time, or a signal did; anything else is the line's end.
                if !matches!(Error::last_os_error().kind(), Interrupted | WouldBlock) {
                    return self.close();
                }
            }
        }
        while let Some(end) = self.text.iter().position(|b| *b == b'\n') {
            let line = std::str::from_utf8(&self.text[..end]).unwrap_or_default();
            if let Some(processor) = line.strip_prefix("cpu ") {
                self.begun = (processor.parse() != Ok(processor_of_mine())).then(now);
            } else {
                let answered = line.strip_prefix(['+', '-']).and_then(|n| n.parse::<u64>().ok());
                if answered.is_some() && answered >= self.owed {
                    self.owed = None;
                }
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

/// Processors that this process may use.
fn processors() -> c_int {
    // SAFETY: a plain structure, for which zero bytes are a value, and its length.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) == 0 {
            libc::CPU_COUNT(&set)
        } else {
            1
        }
    }
}

/// The number of the processor on which this runs.
fn processor_of_mine() -> c_int {
    // SAFETY: reads a number.
    unsafe { libc::sched_getcpu() }
}

/// Nanoseconds of a clock that is never set.
fn now() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
