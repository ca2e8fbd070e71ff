//! What the store's tests share.

use shmon_core::record::{Event, Record};
use shmon_core::store::{Entry, Store, StoreOptions};
use shmon_core::{Level, Verdict};
use std::path::PathBuf;
use tempfile::TempDir;

/// 2025-06-28 00:00:00 UTC in nanoseconds.
pub(crate) const DAY: i64 = 1_751_068_800_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A database in a folder of its own.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
        Scene { folder, store }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("monitor.db")
    }

    /// A connection of its own, as an administrator's `sqlite3` has it.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    pub(crate) fn add(&mut self, entries: &[Entry]) -> Vec<i64> {
        self.store.commit(entries).unwrap().into_iter().map(|stored| stored.id).collect()
    }
}

/// The event number `n`: session `s0` to `s4`, users, folders and seconds that follow from `n`.
pub(crate) fn event(n: usize, command: &str) -> Event {
    let mut event = Event::default();
    event.key = format!("boot:{}:1:{n}", n % 5);
    event.session_id = format!("s{}", n % 5);
    event.command = command.as_bytes().to_vec();
    event.working_directory = ["/", "/home/ann", "/home/ann/src", "/home/anna"][n % 4].into();
    event.started_at = DAY + n as i64 * SECOND;
    event.user = ["ann", "bob"][n % 2].into();
    event.uid = Some(1000 + n as u32 % 2);
    event.host = "host-a".into();
    event.tty = Some("/dev/pts/0".into());
    event.pid = Some(4000 + n as u32 % 5);
    event.ppid = Some(4000);
    event.shell = "bash".into();
    event
}

pub(crate) fn entry(event: Event, level: Level) -> Entry {
    let mut verdict = Verdict::default();
    verdict.level = level;
    Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
}

/// `count` commands with levels in turn.
pub(crate) fn batch(from: usize, count: usize) -> Vec<Entry> {
    (from..from + count).map(|n| entry(event(n, &format!("command number {n}")), Level::ALL[n % 4])).collect()
}
