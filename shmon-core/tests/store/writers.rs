//! Many writers at once.

use crate::common::{Scene, batch, entry, event};
use shmon_core::Level;
use shmon_core::store::{Query, Store, StoreOptions};

#[test]
fn a_hundred_writers_lose_nothing_and_are_never_locked_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    // They also create the database together.
    std::thread::scope(|scope| {
        for writer in 0..100_usize {
            let path = &path;
            scope.spawn(move || {
                let mut options = StoreOptions::default();
                options.lock_timeout = Some(std::time::Duration::from_secs(120));
                let mut store = Store::open(path, options).unwrap();
                for n in 0..10_usize {
                    let mut event = event(n, "x");
                    event.session_id = format!("w{writer}");
                    event.key = format!("boot:{writer}:1:{n}");
                    event.command = format!("{writer} {n}").into_bytes();
                    assert!(!store.commit(&[entry(event, Level::Low)]).unwrap()[0].duplicate);
                }
            });
        }
    });
    let store = Store::open_read(&path).unwrap();
    assert_eq!(store.count(&Query::new()).unwrap(), 1000);
    for writer in 0..100 {
        let mut query = Query::new();
        query.session = Some(format!("w{writer}"));
        let mut rows: Vec<(i64, String)> = store
            .rows(&query)
            .unwrap()
            .map(|r| r.map(|r| (r.id, String::from_utf8(r.command).unwrap())).unwrap())
            .collect();
        rows.sort_unstable();
        let commands: Vec<String> = rows.into_iter().map(|(_, command)| command).collect();
        assert_eq!(commands, (0..10).map(|n| format!("{writer} {n}")).collect::<Vec<_>>());
    }
}

#[test]
fn a_reader_sees_rows_while_another_program_writes() {
    let mut scene = Scene::new();
    scene.add(&batch(0, 5));
    let other = scene.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(scene.store.count(&Query::new()).unwrap(), 5);
    other.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn another_program_that_keeps_the_lock_is_told_as_locked() {
    let mut scene = Scene::new();
    let mut options = StoreOptions::default();
    options.lock_timeout = Some(std::time::Duration::from_millis(50));
    let other = scene.sqlite();
    let mut store = Store::open(scene.path(), options).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(&batch(0, 1)).unwrap_err();
    assert_eq!(error.kind(), shmon_core::ErrorKind::Locked, "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(scene.add(&batch(0, 1)), [1]);
}
