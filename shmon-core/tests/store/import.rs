//! Histories and logs of other programs, imported twice, grown, and wrong.

use crate::common::{SECOND, Scene};
use shmon_core::import::{self, Imported, Owner, Source};
use shmon_core::store::{Order, Query, Row};
use shmon_core::{Classifier, ErrorKind, Level};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static CLASSIFIER: LazyLock<Classifier> = LazyLock::new(Classifier::builtin);
const TIME: i64 = 1_751_068_230 * SECOND;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/import").join(name)
}

fn try_import(scene: &mut Scene, source: Source, path: &Path) -> shmon_core::Result<Imported> {
    let owner = Owner::new("ann", Some(1000), "host-a");
    let mut seen = 0;
    import::import(source, path, &owner, &CLASSIFIER, &mut scene.store, &mut |done, total| {
        assert!(seen <= done && done <= total);
        seen = done;
    })
}

/// Rows in the order of recording, after a first and a second import.
fn twice(source: Source, path: &Path, bad: u64) -> (Scene, Vec<Row>) {
    let mut scene = Scene::new();
    let first = try_import(&mut scene, source, path).unwrap();
    let rows = rows(&scene);
    assert_eq!((first.added, first.known, first.bad), (rows.len() as u64, 0, bad), "{first:?}");
    let second = try_import(&mut scene, source, path).unwrap();
    assert_eq!((second.added, second.known, second.bad), (0, rows.len() as u64, bad), "{second:?}");
    assert_eq!(self::rows(&scene).len(), rows.len());
    assert!(rows.iter().all(|row| row.shell == format!("import:{}", source.name())));
    assert!(scene.store.verify(&[], &mut |_, _| {}).unwrap().problems.is_empty());
    let waiting: i64 =
        scene.sqlite().query_row("SELECT count(*) FROM notifications", [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 0, "nobody is told of the past");
    (scene, rows)
}

fn rows(scene: &Scene) -> Vec<Row> {
    let mut query = Query::new();
    (query.order, query.after_id) = (Order::Oldest, Some(0));
    scene.store.rows(&query).unwrap().map(Result::unwrap).collect()
}

fn commands(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| String::from_utf8_lossy(&row.command).into_owned()).collect()
}

#[test]
fn bash_without_times() {
    let (mut scene, rows) = twice(Source::Bash, &data("bash_plain"), 0);
    assert_eq!(commands(&rows), ["ls -la", "nmap -sV target", "ls -la"]);
    assert_eq!((rows[1].level, rows[1].user.as_str(), rows[1].uid), (Level::High, "ann", Some(1000)));
    // The file has grown, and was touched: only what is new comes.
    let grown = scene.folder.path().join("grown");
    std::fs::write(&grown, "ls -la\nnmap -sV target\nls -la\nls -la\nid\n").unwrap();
    let imported = try_import(&mut scene, Source::Bash, &grown).unwrap();
    assert_eq!((imported.added, imported.known), (2, 3));
}

#[test]
fn bash_with_times() {
    let (_, rows) = twice(Source::Bash, &data("bash_times"), 0);
    assert_eq!(commands(&rows), ["cd /srv", "for i in 1 2; do\n  echo $i\ndone", "rm -rf /tmp/x\n#note"]);
    let times: Vec<i64> = rows.iter().map(|row| (row.started_at - TIME) / SECOND).collect();
    assert_eq!(times, [0, 10, 20]);
    assert_eq!(rows[2].level, Level::Critical);
}

#[test]
fn zsh_extended_and_plain() {
    let (_, rows) = twice(Source::Zsh, &data("zsh_extended"), 0);
    assert_eq!(
        commands(&rows)[..4],
        ["cd /srv", "echo 削除しました", "for i in 1 2; do\n  echo $i\ndone", ": true; rm -rf /tmp/y"]
    );
    assert_eq!(rows[4].command, b"printf \xff");
    assert_eq!((rows[0].duration, rows[1].duration), (None, Some(12 * SECOND)));
    assert_eq!(rows[4].started_at, TIME + 30 * SECOND);
}

#[test]
fn fish() {
    let (mut scene, rows) = twice(Source::Fish, &data("fish"), 0);
    assert_eq!(commands(&rows), ["cd /srv", "for i in 1 2\n  echo $i\nend; echo \\x 削除", "git status"]);
    assert_eq!(rows[1].started_at, TIME + 10 * SECOND);
    let wrong = scene.folder.path().join("wrong");
    std::fs::write(&wrong, "- cmd: id\n  when: soon\nwhat is this\n- cmd: ls\n").unwrap();
    let imported = try_import(&mut scene, Source::Fish, &wrong).unwrap();
    assert_eq!((imported.added, imported.bad), (2, 2));
    assert!(imported.errors[0].ends_with("wrong:2: 'when' is no number of seconds"), "{:?}", imported.errors);
    assert!(imported.errors[1].contains("wrong:3: no line of fish's history"), "{:?}", imported.errors);
}

#[test]
fn auditd() {
    let (_, rows) = twice(Source::Audit, &data("audit.log"), 1);
    assert_eq!(commands(&rows), ["nmap -sV target.example.com", "ls"]);
    assert_eq!((rows[0].session_id.as_str(), rows[0].working_directory.as_str()), ("audit-4", "/root"));
    assert_eq!((rows[0].level, rows[0].user.as_str(), rows[0].pid), (Level::High, "root", Some(101)));
    assert_eq!(rows[0].started_at, TIME + 123_000_000);
}

#[test]
fn atuin() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let sql = "CREATE TABLE history (id TEXT PRIMARY KEY, timestamp INTEGER NOT NULL, duration INTEGER NOT NULL,
          exit INTEGER NOT NULL, command TEXT NOT NULL, cwd TEXT NOT NULL, session TEXT NOT NULL, hostname TEXT NOT NULL,
          deleted_at INTEGER);
        INSERT INTO history VALUES ('b', 1751068231000000000, -1, -1, 'ls', '/', 's1', 'web:bob', NULL),
          ('a', 1751068230000000000, 5000, 2, 'rm -rf /tmp/x', '/srv', 's1', 'web:bob', 7);";
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let (_, rows) = twice(Source::Atuin, &path, 0);
    assert_eq!(commands(&rows), ["rm -rf /tmp/x", "ls"]);
    let row = &rows[0];
    assert_eq!((row.user.as_str(), row.host.as_str(), row.session_id.as_str()), ("bob", "web", "s1"));
    assert_eq!((row.exit_status, row.duration, row.started_at), (Some(2), Some(5000), TIME));
    assert_eq!((rows[1].exit_status, rows[1].duration), (None, None));
}

#[test]
fn the_tickets_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("monitor.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(include_str!("../data/store/ticket.sql")).unwrap();
    db.execute_batch("UPDATE command_logs SET execution_time = 'soon', created_at = 'later' WHERE id = 19")
        .unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let (mut scene, rows) = twice(Source::Ticket, &path, 1);
    assert_eq!(rows.len(), 5);
    let nmap = rows.iter().find(|row| row.command.starts_with(b"nmap")).unwrap();
    assert_eq!((nmap.level, nmap.user.as_str()), (Level::High, "ann"));
    assert_eq!(std::fs::read(&path).unwrap(), before, "the file is left as it was");
    // shmon's own record is no ticket's database.
    let other = Scene::new();
    let error = try_import(&mut scene, Source::Ticket, &other.path()).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("shmon itself"), "{error}");
}

#[test]
fn what_is_no_history_is_told() {
    let mut scene = Scene::new();
    let error = try_import(&mut scene, Source::Bash, Path::new("/not/there")).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("/not/there"), "{error}");
    let error = try_import(&mut scene, Source::Atuin, &data("fish")).unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("fish"), "{error}");
    let db = scene.path();
    let error = try_import(&mut scene, Source::Bash, &db).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("zero bytes"), "{error}");
    assert_eq!(rows(&scene).len(), 0);
}
