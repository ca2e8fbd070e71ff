//! The recorder's socket: a shell that wants to know that its command is recorded asks here.
//!
//! A client sends lines `SESSION SEQUENCE` and gets for each `cpu N` at once (the recorder is at work, on that processor), then
//! `+SEQUENCE` when the entry is committed, or `-SEQUENCE` when it won't be: the session isn't known, or belongs to another user.
//! Who asks is known from the kernel. `SESSION SEQUENCE row`, about the one command of `shmon record`, is answered by
//! `+SEQUENCE ID LEVEL EXCLUDED DUPLICATE NOTIFICATIONS` alone.

use super::Recorder;
use crate::monitor::Recorded;
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
    asked: Vec<Question>,
    gone: bool,
}

/// What a client wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Question {
    session: String,
    sequence: u64,
    /// The row and its level too.
    row: bool,
}

impl Question {
    fn parse(line: &str) -> Option<Question> {
        let mut words = line.split(' ');
        let (session, sequence) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let row = match words.next() {
            None => false,
            Some("row") => true,
            Some(_) => return None,
        };
        Some(Question { session, sequence, row })
    }

    /// `None` where it isn't decided yet.
    fn answer(&self, recorder: &Recorder, uid: u32) -> Option<String> {
        let Question { session, sequence, row } = self;
        if *row && let Some(recorded) = recorder.answer(session, uid) {
            return Some(format!("+{sequence} {}\n", written(&recorded)));
        }
        match (recorder.owner(session), recorder.recorded(session)) {
            (Some(owner), Some(recorded)) if owner == uid && recorded >= *sequence && !row => {
                Some(format!("+{sequence}\n"))
            }
            (Some(owner), _) if owner == uid => None,
            _ => Some(format!("-{sequence}\n")),
        }
    }
}

/// `ID LEVEL EXCLUDED DUPLICATE NOTIFICATIONS`; the id is 0 where nothing is kept.
fn written(recorded: &Recorded) -> String {
    format!(
        "{} {} {} {} {}",
        recorded.id.unwrap_or(0),
        recorded.level,
        u8::from(recorded.excluded),
        u8::from(recorded.duplicate),
        recorded.notifications
    )
}

fn read(text: &str) -> Option<Recorded> {
    let mut words = text.split_ascii_whitespace();
    let id: i64 = words.next()?.parse().ok()?;
    Some(Recorded {
        id: (id != 0).then_some(id),
        level: words.next()?.parse().ok()?,
        excluded: words.next()? == "1",
        duplicate: words.next()? == "1",
        notifications: words.next()?.parse().ok()?,
    })
}

impl Door {
    /// Listens at `path`; `mode` are the rights of the socket.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the path.
    pub fn open(path: &Path, mode: u32) -> Result<Door> {
        let failed = |e| Error::io("listen", path, e);
        // It gets its name when it listens, with its rights: who finds the name is let in. The other name isn't longer, which
        // matters for a socket.
        let unready = path.with_file_name(".door");
        let _ = std::fs::remove_file(&unready);
        let listener = UnixListener::bind(&unready).map_err(failed)?;
        std::fs::set_permissions(&unready, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        std::fs::rename(&unready, path).map_err(failed)?;
        Ok(Door { listener, clients: Vec::new() })
    }

    /// What to wait for: the clients, and behind them the door itself unless too many are in.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let listener = (self.clients.len() < CLIENTS).then(|| self.listener.as_fd());
        self.clients.iter().map(|client| client.stream.as_fd()).chain(listener).collect()
    }

    /// Takes new clients and what they ask; the sessions that somebody waits for. `ready` says which of [`Door::fds`] have
    /// something to say: the others aren't asked.
    pub fn receive(&mut self, ready: &[bool]) -> HashSet<String> {
        let before = self.clients.len();
        if ready.get(before) == Some(&true) {
            while self.clients.len() < CLIENTS {
                match self.listener.accept() {
                    Ok((stream, _)) => self.admit(stream),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        for (at, client) in self.clients.iter_mut().enumerate() {
            // Who has just come in has mostly asked already.
            if at >= before || ready.get(at) == Some(&true) {
                client.receive();
            }
        }
        self.clients.retain(|client| !client.gone);
        self.clients.iter().flat_map(|client| &client.asked).map(|asked| asked.session.clone()).collect()
    }

    /// Somebody waits for an answer.
    pub(super) fn is_asked(&self) -> bool {
        self.clients.iter().any(|client| !client.asked.is_empty())
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
            client.asked.retain(|question| match question.answer(recorder, uid) {
                Some(answer) => {
                    answers.push_str(&answer);
                    false
                }
                None => true,
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
                Ok(n) => {
                    self.text.extend_from_slice(&buffer[..n]);
                    // There is no more for now, or the next wait says so.
                    if n < buffer.len() {
                        break;
                    }
                }
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
            match Question::parse(&line) {
                Some(asked) if self.asked.len() < LONGEST => {
                    // Who doesn't read it loses it, and waits as before.
                    if !asked.row {
                        let begun = format!("cpu {}\n", rustix::thread::sched_getcpu());
                        let _ = self.stream.write(begun.as_bytes());
                    }
                    self.asked.push(asked);
                }
                _ => self.gone = true,
            }
        }
        self.gone |= self.text.len() > LONGEST;
    }
}

/// Asks the recorder at `path` whether an entry is recorded, and waits for the answer `limit` at most; false where there is
/// none, or it says no.
pub fn ask(path: &Path, session: &str, sequence: u64, limit: Duration) -> bool {
    Line::open(path).is_some_and(|mut line| line.ask(&format!("{session} {sequence}"), limit).is_said())
}

/// A line to a recorder that runs.
#[derive(Debug)]
pub struct Line {
    stream: UnixStream,
}

/// What the recorder says of the one command of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is recorded.
    Recorded(Recorded),
    /// It isn't, and won't be by this recorder, which knows nothing of the session, or ends.
    Unknown,
    /// The recorder said nothing in time: what is in the spool waits there.
    Silent,
}

/// The text of an answer.
enum Reply {
    Yes(String),
    No,
    Silent,
}

impl Reply {
    fn is_said(&self) -> bool {
        matches!(self, Reply::Yes(_))
    }
}

impl Line {
    /// A line to the recorder that listens at `path`; `None` where none does.
    pub fn open(path: &Path) -> Option<Line> {
        UnixStream::connect(path).ok().map(|stream| Line { stream })
    }

    /// What became of the one command of a session that was [written at once](crate::spool::Writer::append_all); waits for it
    /// `limit` at most.
    pub fn row(&mut self, session: &str, limit: Duration) -> Answer {
        match self.ask(&format!("{session} 1 row"), limit) {
            Reply::Yes(text) => {
                text.split_once(' ').and_then(|(_, row)| read(row)).map_or(Answer::Unknown, Answer::Recorded)
            }
            Reply::No => Answer::Unknown,
            Reply::Silent => Answer::Silent,
        }
    }

    fn ask(&mut self, question: &str, limit: Duration) -> Reply {
        let until = Instant::now() + limit;
        let mut exchange = || -> std::io::Result<Reply> {
            self.stream.set_write_timeout(Some(limit))?;
            self.stream.write_all(format!("{question}\n").as_bytes())?;
            let (mut text, mut buffer) = (Vec::new(), [0; 256]);
            loop {
                // That it is at work on it is no answer.
                while let Some(end) = text.iter().position(|b| *b == b'\n') {
                    match text[0] {
                        b'+' => return Ok(Reply::Yes(String::from_utf8_lossy(&text[1..end]).into_owned())),
                        b'-' => return Ok(Reply::No),
                        _ => drop(text.drain(..=end)),
                    }
                }
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Reply::Silent);
                }
                self.stream.set_read_timeout(Some(left))?;
                match self.stream.read(&mut buffer)? {
                    0 => return Ok(Reply::No),
                    n => text.extend_from_slice(&buffer[..n]),
                }
            }
        };
        exchange().unwrap_or_else(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Reply::Silent,
            _ => Reply::No,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;

    #[test]
    fn a_row_survives_the_way() {
        for id in [None, Some(7)] {
            let recorded =
                Recorded { id, level: Level::High, excluded: false, duplicate: true, notifications: 2 };
            assert_eq!(read(&written(&recorded)), Some(recorded));
        }
        assert_eq!((read(""), read("1 severe 0 0 0"), read("1 high 0 0")), (None, None, None));
    }

    #[test]
    fn questions_have_two_words_or_three() {
        let question = |row| Some(Question { session: "7-8".into(), sequence: 3, row });
        assert_eq!(
            (Question::parse("7-8 3"), Question::parse("7-8 3 row")),
            (question(false), question(true))
        );
        for bad in ["", "7-8", "7-8 x", "7-8 3 column"] {
            assert_eq!(Question::parse(bad), None, "{bad}");
        }
    }
}
