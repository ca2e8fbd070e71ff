//! Limits of size, and checkpoints that are kept in other places.

use crate::common::{Scene, batch, entry, event};
use shmon_core::Level;
use shmon_core::config::Config;
use shmon_core::store::{Notice, Query, Store, StoreOptions};
use std::os::unix::net::UnixDatagram;

#[test]
fn a_database_at_its_limit_loses_its_oldest_rows_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let config = Config::parse("[store]\nmax_size = \"6MB\"\nkeep = \"critical\"\n").unwrap();
    let mut store = Store::open(&path, StoreOptions::of(&config)).unwrap();
    for n in (0..20_000).step_by(500) {
        store.commit(&batch(n, 500)).unwrap();
    }
    // The limit is looked at with each checkpoint, which comes after a thousand entries at the latest.
    assert!(store.size().unwrap() <= 7 << 20, "{}", store.size().unwrap());
    assert_eq!(store.take_notices(), []);
    let count = |level: Option<Level>| {
        let mut query = Query::new();
        query.level = level;
        store.count(&query).unwrap()
    };
    assert_eq!(count(Some(Level::Critical)), 5000, "critical rows stay");
    let low = count(Some(Level::Low));
    assert!((1..5000).contains(&low), "{low}");
    // The oldest went: of the low ones, the newest are left.
    let mut query = Query::new();
    query.level = Some(Level::Low);
    let ids: Vec<i64> = store.rows(&query).unwrap().map(|row| row.unwrap().id).collect();
    assert_eq!((ids[0], ids[ids.len() - 1]), (19_997, 19_997 - 4 * (low as i64 - 1)));
    let report = store.verify(&[], &mut |_, _| {}).unwrap();
    assert!(report.problems.is_empty() && report.pruned > 0, "{report:#?}");
    assert_eq!(store.text_index_difference().unwrap(), (0, 0));
    drop(store);
    // The space is given back.
    assert!(std::fs::metadata(&path).unwrap().len() <= 7 << 20);
}

#[test]
fn others_write_while_rows_are_removed_and_space_is_given_back() {
    let mut scene = Scene::new();
    for n in (0..20_000).step_by(1000) {
        scene.add(&batch(n, 1000));
    }
    let fold = "PRAGMA wal_checkpoint(TRUNCATE)";
    scene.sqlite().execute_batch(fold).unwrap();
    let before = std::fs::metadata(scene.path()).unwrap().len();
    let path = scene.path();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut store = Store::open(path, StoreOptions::default()).unwrap();
            for n in 0..200 {
                let mut event = event(n, "meanwhile");
                event.key = format!("meanwhile:{n}");
                store.commit(&[entry(event, Level::Critical)]).unwrap();
            }
        });
        let pruned = scene.store.limit_size(1 << 20, Some(Level::Critical), &mut |_| {}).unwrap();
        assert!(pruned.rows == 15_000 && pruned.tombstones > 2, "{pruned:?}");
        writer.join().unwrap();
    });
    assert_eq!(scene.store.count(&Query::new()).unwrap(), 5200);
    scene.store.vacuum().unwrap();
    assert!(scene.store.verify(&[], &mut |_, _| {}).unwrap().problems.is_empty());
    scene.sqlite().execute_batch(fold).unwrap();
    assert!(std::fs::metadata(scene.path()).unwrap().len() < before / 2);
}

#[test]
fn checkpoints_go_to_the_places_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (journal, syslog) =
        (UnixDatagram::bind(at("journal")).unwrap(), UnixDatagram::bind(at("log")).unwrap());
    let config = format!(
        "[evidence]\nanchor = ['journald:{0}/journal', 'syslog:{0}/log', 'file:{0}/kept', 'file:{0}/no/where']\nanchor_interval = 0\n",
        folder.path().display()
    );
    let config = Config::parse(&config).unwrap();
    let mut store = Store::open(at("monitor.db"), StoreOptions::of(&config)).unwrap();
    let mut notes = Vec::new();
    for n in 0..3 {
        store.commit(&batch(n * 10, 10)).unwrap();
        notes.push(store.checkpoint().unwrap());
    }
    let notices = store.take_notices();
    assert!(
        matches!(&notices[..], [Notice::NotAnchored { reason }] if reason.contains("no/where")),
        "{notices:?}"
    );
    let receive = |socket: &UnixDatagram| {
        let mut buffer = vec![0; 1 << 16];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let entry = receive(&journal);
    assert!(entry.contains("SYSLOG_IDENTIFIER=shmon\nMESSAGE\n") && entry.contains(&notes[0]), "{entry}");
    let line = receive(&syslog);
    assert!(line.starts_with("<86>shmon: shmon/") && !line.contains('\n'), "{line}");
    // All of them prove the record: the file with several, and the line of syslog.
    let kept = std::fs::read_to_string(at("kept")).unwrap();
    assert_eq!(kept.matches("\nnumber ").count(), 3);
    let report = store.verify(&[kept, line], &mut |_, _| {}).unwrap();
    assert_eq!((report.problems.len(), report.anchors, report.anchored_row), (0, 4, Some(30)));
    drop(store);
    // With an interval the next one waits, in another process too.
    let config =
        Config::parse(&format!("[evidence]\nanchor = ['file:{}/kept']\n", folder.path().display())).unwrap();
    let mut store = Store::open(at("monitor.db"), StoreOptions::of(&config)).unwrap();
    store.commit(&batch(100, 1)).unwrap();
    store.checkpoint().unwrap();
    assert_eq!(std::fs::read_to_string(at("kept")).unwrap().matches("\nnumber ").count(), 3);
}

#[test]
fn a_wrong_place_or_size_is_told_with_its_key() {
    for (text, says) in [
        ("[evidence]\nanchor = ['mail']\n", "no place for checkpoints"),
        ("[store]\nmax_size = 'much'\n", "no size"),
        ("[store]\nmax_size = -1\n", "line 2"),
    ] {
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("line 2"), "{error}");
    }
}
