//! Recorders that do less than ours: what waiting for an answer costs, whatever is done for it.

use rusqlite::Connection;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What such a recorder does before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Nothing: two switches of process are left.
    Answer,
    /// Commits a row of one column without an index, as safe as `durability = "normal"`.
    Commit,
}

/// Answers at a home's socket until it is dropped.
pub(crate) struct Floor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Floor {
    pub(crate) fn start(home: &Path, work: Work) -> Floor {
        let listener = UnixListener::bind(home.join("run/shmon.sock")).expect("a socket");
        listener.set_nonblocking(true).expect("a socket");
        let db = Connection::open(home.join("floor.db")).expect("a database");
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE commands (command)",
        )
        .expect("a database");
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => serve(client, &db, work, &ended),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    Err(e) => panic!("the socket: {e}"),
                }
            }
        });
        Floor { stop, thread: Some(thread) }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers one shell's questions, `SESSION SEQUENCE` a line.
fn serve(mut client: UnixStream, db: &Connection, work: Work, ended: &AtomicBool) {
    client.set_nonblocking(false).expect("a socket");
    client.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
    let mut buffer = [0; 1024];
    while !ended.load(Ordering::Relaxed) {
        let question = match client.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => String::from_utf8_lossy(&buffer[..n]).into_owned(),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => return,
        };
        // As ours says that it has begun.
        client.write_all(b"\n").expect("a shell");
        if work == Work::Commit {
            let mut insert = db.prepare_cached("INSERT INTO commands VALUES (?1)").expect("a statement");
            insert.execute([&question]).expect("a commit");
        }
        let sequence = question.trim_end().rsplit(' ').next().unwrap_or_default();
        if client.write_all(format!("+{sequence}\n").as_bytes()).is_err() {
            return;
        }
    }
}
