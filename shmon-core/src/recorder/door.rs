//! The recorder's socket: a shell that wants to know that its command is recorded asks here.
//!
//! A client sends lines `SESSION SEQUENCE` and gets for each `+SEQUENCE` when the entry is committed, or `-SEQUENCE` when it
//! won't be: the session isn't known, or belongs to another user. Who asks is known from the kernel.

use super::Recorder;
use crate::{Error, Result};
use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// Clients at the same time at most; the next one waits in the socket's queue.
const CLIENTS: usize = 4096;
/// Clients of one user at most: one user can't keep the others out.
const CLIENTS_OF_ONE: usize = 256;
/// Bytes without a line's end, and questions without an answer, that a client may leave.
const LONGEST: usize = 512;

/// Accepts questions and answers them.
#[derive(Debug)]
pub struct Door {
    listener: UnixListener,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    uid: u32,
    text: Vec<u8>,
    asked: Vec<(String, u64)>,
    gone: bool,
}

impl Door {
    /// Listens at `path`; `mode` are the rights of the socket.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the path.
    pub fn open(path: &Path, mode: u32) -> Result<Door> {
        let failed = |e| Error::io("listen", path, e);
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).map_err(failed)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Door { listener, clients: Vec::new() })
    }

    /// What to wait for.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let listener = (self.clients.len() < CLIENTS).then(|| self.listener.as_fd());
        listener.into_iter().chain(self.clients.iter().map(|client| client.stream.as_fd())).collect()
    }

    /// Takes new clients and what they ask; the sessions that somebody waits for.
    pub fn receive(&mut self) -> HashSet<String> {
        while self.clients.len() < CLIENTS {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        for client in &mut self.clients {
            client.receive();
        }
        self.clients.retain(|client| !client.gone);
        self.clients.iter().flat_map(|client| &client.asked).map(|(session, _)| session.clone()).collect()
    }

    fn admit(&mut self, stream: UnixStream) {
        let Ok(peer) = rustix::net::sockopt::socket_peercred(&stream) else { return };
        let uid = peer.uid.as_raw();
        let theirs = self.clients.iter().filter(|client| client.uid == uid).count();
        if theirs < CLIENTS_OF_ONE && stream.set_nonblocking(true).is_ok() {
            self.clients.push(Client { stream, uid, text: Vec::new(), asked: Vec::new(), gone: false });
        }
    }

    /// Answers what is recorded by now, and what can't be. After a commit that failed everybody waits for the next.
    pub fn answer(&mut self, recorder: &Recorder) {
        if !recorder.is_current() {
            return;
        }
        for client in &mut self.clients {
            let mut answers = String::new();
            let uid = client.uid;
            client.asked.retain(|(session, sequence)| {
                let sign = match (recorder.owner(session), recorder.recorded(session)) {
                    (Some(owner), Some(recorded)) if owner == uid && recorded >= *sequence => '+',
                    (Some(owner), _) if owner == uid => return true,
                    _ => '-',
                };
                answers.push_str(&format!("{sign}{sequence}\n"));
                false
            });
            // Nobody is waited for: who doesn't read his answers loses them.
            if !answers.is_empty() && client.stream.write_all(answers.as_bytes()).is_err() {
                client.gone = true;
            }
        }
        self.clients.retain(|client| !client.gone);
    }
}

impl Client {
    fn receive(&mut self) {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.gone = true;
                    return;
                }
                Ok(n) => self.text.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => {
                    self.gone = e.kind() != ErrorKind::WouldBlock;
                    break;
                }
            }
            if self.text.len() > LONGEST {
                break;
            }
        }
        while let Some(end) = self.text.iter().position(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(&self.text[..end]).into_owned();
            self.text.drain(..=end);
            let asked =
                line.split_once(' ').and_then(|(session, n)| Some((session.to_owned(), n.parse().ok()?)));
            match asked {
                Some(asked) if self.asked.len() < LONGEST => self.asked.push(asked),
                _ => self.gone = true,
            }
        }
        self.gone |= self.text.len() > LONGEST;
    }
}

/// Asks the recorder at `path` whether an entry is recorded, and waits for the answer `limit` at most; false where there is
/// none, or it says no.
pub fn ask(path: &Path, session: &str, sequence: u64, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    let asked = || -> std::io::Result<bool> {
        let mut stream = UnixStream::connect(path)?;
        stream.set_write_timeout(Some(limit))?;
        stream.write_all(format!("{session} {sequence}\n").as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\n") {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            stream.set_read_timeout(Some(left))?;
            let mut byte = [0];
            if stream.read(&mut byte)? == 0 {
                return Ok(false);
            }
            answer.push(byte[0]);
        }
        Ok(answer.first() == Some(&b'+'))
    };
    asked().unwrap_or(false)
}
