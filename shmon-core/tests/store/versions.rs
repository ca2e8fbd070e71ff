//! Files of other versions, other programs, and damaged ones.

use crate::common::{batch, event};
use rusqlite::Connection;
use shmon_core::store::{Notice, Query, Store, StoreOptions};
use shmon_core::{ErrorKind, Level, time};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const TICKET: &str = include_str!("../data/store/ticket.sql");

fn made_by(sql: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    (folder, path)
}

fn open(path: &Path) -> shmon_core::Result<Store> {
    Store::open(path, StoreOptions::default())
}

fn kind(result: shmon_core::Result<Store>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it was opened"),
        Err(error) => {
            assert!(error.to_string().contains("monitor.db"), "{error} names no file");
            error.kind()
        }
    }
}

#[test]
fn the_tickets_database_is_brought_up_to_date() {
    let (_folder, path) = made_by(TICKET);
    assert_eq!(kind(Store::open_read(&path)), ErrorKind::OldVersion);
    let mut store = open(&path).unwrap();
    let notices = store.take_notices();
    let [Notice::Migrated { rows: 6, backup }] = &notices[..] else { panic!("{notices:?}") };

    // The copy is the file as it was.
    let old = Connection::open(backup).unwrap();
    let level: String =
        old.query_row("SELECT risk_level FROM command_logs WHERE id = 5", [], |r| r.get(0)).unwrap();
    assert_eq!(level, "CRITICAL");

    let rows: Vec<_> = store.rows(&Query::new()).unwrap().map(Result::unwrap).collect();
    let mut ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 5, 17, 18, 19]);
    let row = |id| rows.iter().find(|row| row.id == id).unwrap();
    assert_eq!((row(5).level, row(5).command.as_slice()), (Level::Critical, &b"rm -rf /tmp/test"[..]));
    assert_eq!(row(2).command_hash, "bb");
    assert_eq!(
        (row(2).execution_time.as_str(), row(2).created_at.as_str()),
        ("2025-06-28 08:43:00", "2025-06-28 08:43:01")
    );
    assert_eq!(Some(row(2).started_at), time::parse_local("2025-06-28 08:43:00"));
    assert_eq!(Some(row(17).started_at), time::parse_local("2025-06-28 08:50:12"));

    // New rows follow, and the old system's view, index and trigger still work.
    assert_eq!(store.commit(&batch(0, 1)).unwrap()[0].id, 20);
    let db = Connection::open(&path).unwrap();
    let one = |sql: &str| db.query_row(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(one("SELECT id FROM critical_commands"), 5);
    assert_eq!(one("SELECT max(id) FROM audit"), 20);
    assert_eq!(one("SELECT count(*) FROM sqlite_schema WHERE name = 'idx_session'"), 1);
    assert_eq!(
        one("SELECT count(*) FROM command_logs WHERE risk_level IN ('low', 'medium', 'high', 'critical')"),
        7
    );
    assert_eq!(one("SELECT commands FROM sessions WHERE session_id = 's2'"), 4);
    drop(store);
    assert!(open(&path).unwrap().take_notices().is_empty());
}

#[test]
fn columns_that_somebody_added_are_kept_aside() {
    let (_folder, path) = made_by(&format!(
        "{TICKET} ALTER TABLE command_logs ADD COLUMN note TEXT; UPDATE command_logs SET note = 'seen' WHERE id = 5;"
    ));
    let store = open(&path).unwrap();
    assert_eq!(store.count(&Query::new()).unwrap(), 6);
    let db = Connection::open(&path).unwrap();
    let sql = "SELECT note FROM command_logs_before_shmon WHERE id = 5";
    assert_eq!(db.query_row(sql, [], |r| r.get::<_, String>(0)).unwrap(), "seen");
}

#[test]
fn bytes_and_types_of_an_old_row_are_kept() {
    let (_folder, path) = made_by(&format!(
        "{TICKET} INSERT INTO command_logs VALUES (20, 's', CAST(x'6563686f20ff' AS TEXT), NULL, 7, 1.5, 'strange', 'x', NULL);"
    ));
    let mut store = open(&path).unwrap();
    let row = store.row(20).unwrap().unwrap();
    assert_eq!(row.command, b"echo \xff");
    assert_eq!((row.working_directory.as_str(), row.level), ("7", Level::Low));
    assert_eq!(store.level_of(20).unwrap(), None);
}

#[test]
fn many_processes_bring_it_up_to_date_once() {
    let (folder, path) = made_by(TICKET);
    std::thread::scope(|scope| {
        for writer in 0..20 {
            let path = &path;
            scope.spawn(move || {
                let mut one = event(writer, "x");
                one.key = format!("w{writer}");
                open(path).unwrap().commit(&[crate::common::entry(one, Level::Low)]).unwrap();
            });
        }
    });
    assert_eq!(open(&path).unwrap().count(&Query::new()).unwrap(), 26);
    let copies = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("before-shmon"))
        .count();
    assert_eq!(copies, 1);
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let (_folder, path) = made_by(TICKET);
    drop(open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    assert_eq!(kind(open(&path)), ErrorKind::NewerVersion);
    assert_eq!(kind(Store::open_read(&path)), ErrorKind::NewerVersion);
    let version: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let (_folder, path) = made_by("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x');");
    assert_eq!(kind(open(&path)), ErrorKind::Invalid);
    assert_eq!(kind(Store::open_read(&path)), ErrorKind::Invalid);
    let tables: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    std::fs::write(&path, "").unwrap();
    let mut store = open(&path).unwrap();
    assert!(store.take_notices().is_empty());
    assert_eq!(store.commit(&batch(0, 1)).unwrap()[0].id, 1);
}

/// Damages a database of a thousand rows in one way; the file that was set aside must be what was damaged.
fn damaged(how: impl Fn(&mut Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    {
        let mut store = open(&path).unwrap();
        store.commit(&batch(0, 1000)).unwrap();
    }
    let mut bytes = std::fs::read(&path).unwrap();
    how(&mut bytes);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(kind(Store::open_read(&path)), ErrorKind::Corrupt);
    let mut store = open(&path).unwrap();
    let notices = store.take_notices();
    let [Notice::SetAside { kept_as, .. }] = &notices[..] else { panic!("{notices:?}") };
    assert_eq!(std::fs::read(kept_as).unwrap(), bytes);
    assert_eq!(store.commit(&batch(0, 5)).unwrap()[4].id, 5);
}

#[test]
fn a_damaged_file_is_set_aside() {
    damaged(|bytes| bytes[..4096].fill(0xAA));
    let text = b"not a database at all, but a text that somebody copied here by mistake
"
    .repeat(3);
    damaged(|bytes| bytes.clone_from(&text));
    // The first page's b-tree header: the schema can't be read.
    damaged(|bytes| bytes[100..140].fill(0xFF));
}

#[test]
fn damage_that_shows_while_writing_is_set_aside_for_the_next_try() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    {
        let mut store = open(&path).unwrap();
        store.commit(&batch(0, 1000)).unwrap();
    }
    let db = Connection::open(&path).unwrap();
    // The root of the index over the keys, which every commit reads and opening doesn't.
    let page: usize = db
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'command_by_key'", [], |r| {
            r.get::<_, i64>(0)
        })
        .unwrap() as usize;
    drop(db);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[(page - 1) * 4096..page * 4096].fill(0x55);
    std::fs::write(&path, &bytes).unwrap();
    let mut store = open(&path).unwrap();
    assert!(store.take_notices().is_empty());
    let error = store.commit(&batch(2000, 3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(store.commit(&batch(2000, 3)).unwrap().len(), 3);
    assert!(matches!(&store.take_notices()[..], [Notice::SetAside { .. }]));
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(
        names
            .iter()
            .filter(|n| n.contains("corrupt-") && !n.ends_with("-wal") && !n.ends_with("-shm"))
            .count(),
        1,
        "{names:?}"
    );
    assert!(!names.iter().any(|n| n.ends_with(".suspect")), "{names:?}");
}

#[test]
fn a_record_that_lacks_a_table_or_column_is_set_aside() {
    for sql in [
        "DROP TABLE evidence",
        "DROP TABLE command_text",
        "DROP TABLE sessions",
        "ALTER TABLE command_logs DROP COLUMN tty",
        "ALTER TABLE command_logs RENAME TO hidden; CREATE VIEW command_logs AS SELECT * FROM hidden",
    ] {
        // Once before it is opened, once under a recorder that has it open.
        for running in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("monitor.db");
            let mut store = open(&path).unwrap();
            store.commit(&batch(0, 10)).unwrap();
            if !running {
                drop(store);
                Connection::open(&path).unwrap().execute_batch(sql).unwrap();
                store = open(&path).unwrap();
            } else {
                Connection::open(&path).unwrap().execute_batch(sql).unwrap();
                // 1,100 rows: more than wait for the text index.
                let error = store.commit(&batch(10, 1100)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{sql}: {error}");
            }
            assert_eq!(store.commit(&batch(10, 3)).unwrap()[0].id, 1, "{sql}");
            let notices = store.take_notices();
            let [Notice::SetAside { kept_as, .. }] = &notices[..] else { panic!("{sql}: {notices:?}") };
            assert!(kept_as.metadata().unwrap().len() > 4096);
            assert!(store.verify(&[], &mut |_, _| {}).unwrap().problems.is_empty());
        }
    }
}

#[test]
fn indexes_that_somebody_removed_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    open(&path).unwrap().commit(&batch(0, 100)).unwrap();
    let db = Connection::open(&path).unwrap();
    let indexes = || {
        let mut names =
            db.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").unwrap();
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect::<BTreeSet<String>>()
    };
    let all = indexes();
    assert!(all.len() > 10);
    for name in &all {
        db.execute_batch(&format!("DROP INDEX {name}")).unwrap();
    }
    let reader = Store::open_read(&path).unwrap();
    let mut query = Query::new();
    (query.user, query.failed) = (Some("ann".into()), true);
    let error = reader.count(&query).err().or_else(|| reader.rows(&query).err()).unwrap();
    assert!(error.to_string().contains("recording a command makes it again"), "{error}");
    let report = reader.verify(&[], &mut |_, _| {}).unwrap();
    assert_eq!((report.problems.len(), report.warnings.len()), (0, all.len()), "{report:?}");
    let mut store = open(&path).unwrap();
    assert!(store.take_notices().is_empty());
    assert_eq!(indexes(), all);
    assert!(reader.rows(&query).is_ok());
    assert!(store.verify(&[], &mut |_, _| {}).unwrap().warnings.is_empty());
}

#[test]
fn our_own_older_version_is_brought_up_to_date_in_place() {
    let (_folder, path) = made_by(include_str!("../data/store/version1.sql"));
    assert_eq!(kind(Store::open_read(&path)), ErrorKind::OldVersion);
    // A program of the older version that has it open already.
    let old = Connection::open(&path).unwrap();
    let insert = "INSERT INTO command_logs (session_id, command, risk_level, started_at_ns, excluded) VALUES ('s0', 'x', 'low', 1, 0)";
    let mut old_insert = old.prepare(insert).unwrap();
    let mut store = open(&path).unwrap();
    let report = store.verify(&[], &mut |_, _| {}).unwrap();
    assert!(report.problems.is_empty() && report.rows == 5, "{report:#?}");
    let counts = |id: &str| store.session(id).unwrap().unwrap().counts;
    assert_eq!((counts("s0"), counts("s1")), ([0, 0, 2, 0], [2, 0, 0, 1]));
    let mut query = Query::new();
    query.text = Some("削除しま".into());
    assert_eq!(store.count(&query).unwrap(), 1);
    assert_eq!(store.index_text().unwrap(), 5);
    assert_eq!(store.count(&query).unwrap(), 1);
    store.commit(&batch(0, 1)).unwrap();
    // What the older program writes meanwhile still fits the tables.
    assert_eq!(old_insert.execute([]).unwrap(), 1);
    drop(old_insert);
    drop((old, store));
    let store = Store::open_read(&path).unwrap();
    assert_eq!(store.count(&Query::new()).unwrap(), 7);
}
