//! Writers that are killed at any moment: what they were told is stored is there afterwards, and the record verifies.
//!
//! A writer is this test's own program, started again to run `writer_process` alone. `SHMON_ROUNDS` says how many
//! writers are killed; 100 without it.

use crate::common::{entry, event};
use shmon_core::record::Ending;
use shmon_core::store::{Entry, Query, Store, StoreOptions};
use shmon_core::{ErrorKind, Level};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DATABASE: &str = "SHMON_TEST_DATABASE";

/// Commits until it is killed, and says what is stored only when it is.
#[test]
#[ignore = "run by the other tests as a process of its own"]
fn writer_process() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let mut options = StoreOptions::default();
    options.lock_timeout = Some(Duration::from_secs(60));
    let mut store = Store::open(path, options).unwrap();
    let mut out = std::io::stdout().lock();
    for n in 0.. {
        let keys: Vec<String> = (0..n % 5 + 1).map(|i| format!("{}:{n}:{i}", std::process::id())).collect();
        let mut entries = Vec::new();
        for key in &keys {
            let mut event = event(n, &format!("work {key}"));
            event.key.clone_from(key);
            // Levels from high up make a checkpoint due.
            entries.push(entry(event, Level::ALL[n % 4]));
            let mut ending = Ending::default();
            ending.key.clone_from(key);
            ending.exit_status = Some(7);
            entries.push(Entry::End(ending));
        }
        store.commit(&entries).unwrap();
        if n % 7 == 3 {
            store.checkpoint().unwrap();
        }
        for key in keys {
            writeln!(out, "stored {key}").unwrap();
        }
        out.flush().unwrap();
    }
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["killed::writer_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn rounds() -> usize {
    std::env::var("SHMON_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100)
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let mut seed = u64::from(std::process::id()) | 1;
    let mut acknowledged: HashSet<String> = HashSet::new();
    let mut left = rounds();
    while left > 0 {
        let writers: Vec<Child> = (0..left.min(4)).map(|_| start(&path)).collect();
        left -= writers.len();
        for (n, mut writer) in writers.into_iter().enumerate() {
            let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
            // One half dies at any moment after its start, the other at any moment after its first commit: on a busy
            // machine starting takes longer than the longest wait.
            let first = if n % 2 == 0 { lines.by_ref().find(|line| line.contains("stored ")) } else { None };
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_micros((seed >> 33) % 25_000));
            writer.kill().unwrap();
            // The last line may be torn: it was not said to its end.
            acknowledged.extend(first.into_iter().chain(lines).filter_map(|line| {
                let key = line.split_once("stored ")?.1;
                (key.matches(':').count() == 2 && !key.ends_with(':')).then(|| key.to_owned())
            }));
            writer.wait().unwrap();
        }
    }
    assert!(acknowledged.len() >= rounds() / 2, "{} events are no test", acknowledged.len());
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    assert_eq!(store.take_notices(), []);
    let mut stored = HashSet::new();
    for row in store.rows(&Query::new()).unwrap() {
        let row = row.unwrap();
        let command = String::from_utf8(row.command).unwrap();
        assert_eq!(row.exit_status, Some(7), "{command} without its end: half a batch was stored");
        assert!(stored.insert(command["work ".len()..].to_owned()), "{command} is there twice");
    }
    let lost: Vec<_> = acknowledged.iter().filter(|key| !stored.contains(*key)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    // The keys moved on with every checkpoint, wherever a writer died.
    let report = store.verify(&[], &mut |_, _| {}).unwrap();
    assert!(report.problems.is_empty() && report.warnings.is_empty(), "{report:#?}");
}

#[test]
fn a_stopped_lock_holder_delays_and_never_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let lock = folder.path().join("monitor.db.lock");
    Store::open(&path, StoreOptions::default()).unwrap();
    let mut options = StoreOptions::default();
    options.lock_timeout = Some(Duration::from_millis(100));
    let mut store = Store::open(&path, options).unwrap();
    // `flock` holds our own lock, `sqlite3` SQLite's: each is stopped while it does.
    let holders: [(&str, Vec<&str>); 2] = [
        ("flock", vec![lock.to_str().unwrap(), "sh", "-c", "echo held; kill -STOP $$; sleep 60"]),
        ("sqlite3", vec![path.to_str().unwrap()]),
    ];
    for (n, (program, args)) in (1..).zip(holders) {
        let mut holder = Command::new(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        if program == "sqlite3" {
            holder.stdin.as_mut().unwrap().write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n").unwrap();
        }
        let mut said = String::new();
        let mut out = BufReader::new(holder.stdout.take().unwrap());
        out.read_line(&mut said).unwrap();
        assert_eq!(said, "held\n", "{program}");
        if program == "sqlite3" {
            let pid = rustix::process::Pid::from_child(&holder);
            rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        }
        let began = Instant::now();
        let error = store.commit(&crate::common::batch(n * 10, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{program}: {error}");
        assert!(began.elapsed() >= Duration::from_millis(100), "{program}: it waited for its turn");
        // Readers don't wait.
        assert_eq!(Store::open_read(&path).unwrap().count(&Query::new()).unwrap(), n as u64 - 1);
        // `flock`'s shell has the lock too: all of them go.
        let group = rustix::process::Pid::from_child(&holder);
        rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
        holder.wait().unwrap();
        store.commit(&crate::common::batch(n * 10, 1)).unwrap();
    }
}

#[test]
fn a_clock_that_goes_backwards_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    store.commit(&crate::common::batch(0, 50)).unwrap();
    let first = store.checkpoint().unwrap();
    // As if everything so far had been written a year ahead of now.
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("UPDATE checkpoints SET created_at_ns = created_at_ns + 31536000000000000").unwrap();
    let mut late = event(60, "later in the record, earlier by the clock");
    late.started_at -= 365 * 24 * 3600 * crate::common::SECOND;
    store.commit(&[entry(late, Level::Critical)]).unwrap();
    assert_ne!(store.last_checkpoint().unwrap(), Some(first.clone()), "a checkpoint is due all the same");
    let report = store.verify(&[first], &mut |_, _| {}).unwrap();
    assert!(report.problems.is_empty(), "{report:#?}");
    assert_eq!((report.rows, report.anchors, report.unvouched), (51, 1, 0));
    let mut query = Query::new();
    query.after_id = Some(50);
    assert_eq!(store.count(&query).unwrap(), 1);
}
