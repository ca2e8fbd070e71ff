//! What a commit stores.

use crate::common::{DAY, SECOND, Scene, batch, entry, event};
use shmon_core::record::Ending;
use shmon_core::store::outbox::{NewNotification, Payload};
use shmon_core::store::{Entry, Query, Store, StoreOptions};
use shmon_core::{ErrorKind, Level, time};
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_tickets_queries_run_unchanged_in_sqlite3() {
    let mut scene = Scene::new();
    let noon = time::parse_local("2025-06-28 08:50:30").unwrap();
    for (n, (command, level)) in [
        ("sqlite3 test command", Level::Low),
        ("nmap -sV target.example.com", Level::High),
        ("rm -rf /tmp/dangerous", Level::Critical),
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = event(n, command);
        event.started_at = noon + n as i64;
        scene.add(&[entry(event, level)]);
    }
    let queries = "SELECT id, command, risk_level, created_at
FROM command_logs
ORDER BY id DESC LIMIT 10;
SELECT risk_level, COUNT(*)
FROM command_logs
GROUP BY risk_level;
SELECT * FROM command_logs
WHERE created_at LIKE '2025-06-28%'
ORDER BY created_at DESC;
";
    let output = std::process::Command::new("sqlite3")
        .arg(scene.path())
        .arg(queries)
        .output()
        .expect("sqlite3 is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "3|rm -rf /tmp/dangerous|critical|2025-06-28 08:50:30");
    assert_eq!(lines[2], "1|sqlite3 test command|low|2025-06-28 08:50:30");
    assert_eq!(&lines[3..6], ["critical|1", "high|1", "low|1"]);
    assert!(lines[6].contains("|s0|sqlite3 test command|"), "{}", lines[6]);
    assert_eq!(lines.len(), 9);
}

#[test]
fn the_first_nine_columns_are_the_tickets() {
    let scene = Scene::new();
    let db = scene.sqlite();
    let mut statement = db.prepare("SELECT name FROM pragma_table_info('command_logs') LIMIT 9").unwrap();
    let names: Vec<String> = statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    let ticket = "id session_id command command_hash working_directory execution_time risk_level is_sensitive created_at";
    assert_eq!(names.join(" "), ticket);
}

#[test]
fn a_row_is_read_as_it_was_stored() {
    let mut scene = Scene::new();
    let mut wanted = event(1, "make\n\tall # 東京");
    wanted.ssh_client = Some("192.0.2.7 52000".into());
    wanted.parent_session = Some("s9".into());
    let ids = scene.add(&[entry(wanted.clone(), Level::High)]);
    let row = scene.store.row(ids[0]).unwrap().unwrap();
    assert_eq!(row.command, wanted.command);
    assert_eq!((row.level, row.sensitive), (Level::High, true));
    assert_eq!(row.started_at, DAY + SECOND);
    assert_eq!(row.execution_time, time::local(DAY + SECOND));
    assert_eq!(row.ssh_client, wanted.ssh_client);
    assert_eq!(row.parent_session, wanted.parent_session);
    assert_eq!((row.pid, row.ppid, row.uid), (wanted.pid, wanted.ppid, wanted.uid));
    assert_eq!((row.exit_status, row.duration), (None, None));
    assert_eq!(row.epoch, scene.store.epoch().unwrap());
    // printf 'make\n\tall # 東京' | sha256sum
    assert_eq!(row.command_hash, "d11f8da0778f20088d525e24b3d449252c86cdc74797bdbdf0a2bd4326a3eccc");
    assert_eq!(scene.store.level_of(ids[0]).unwrap(), Some(Level::High));
    assert_eq!(scene.store.level_of(99).unwrap(), None);
}

#[test]
fn a_repeated_batch_changes_nothing() {
    let mut scene = Scene::new();
    let entries = batch(0, 10);
    let first = scene.store.commit(&entries).unwrap();
    assert!(first.iter().all(|s| !s.duplicate));
    let again = scene.store.commit(&entries).unwrap();
    assert!(again.iter().all(|s| s.duplicate));
    assert_eq!(
        first.iter().map(|s| s.id).collect::<Vec<_>>(),
        again.iter().map(|s| s.id).collect::<Vec<_>>()
    );
    assert_eq!(scene.store.count(&Query::new()).unwrap(), 10);
    let evidence: i64 =
        scene.sqlite().query_row("SELECT count(*) FROM evidence WHERE kind = 1", [], |r| r.get(0)).unwrap();
    assert_eq!(evidence, 10);
}

#[test]
fn an_event_without_a_key_is_always_new() {
    let mut scene = Scene::new();
    let mut event = event(0, "ls");
    event.key.clear();
    let ids = scene.add(&[entry(event.clone(), Level::Low), entry(event, Level::Low)]);
    assert_eq!(ids, [1, 2]);
}

#[test]
fn an_end_is_added_once() {
    let mut scene = Scene::new();
    let command = event(0, "sleep 1");
    let key = command.key.clone();
    let ending = |status| {
        let mut ending = Ending::default();
        ending.key = key.clone();
        ending.exit_status = Some(status);
        ending.duration = Some(SECOND);
        Entry::End(ending)
    };
    let early = scene.store.commit(&[ending(0)]).unwrap();
    assert_eq!((early[0].id, early[0].duplicate), (0, true));
    scene.add(&[entry(command, Level::Low)]);
    let stored = scene.store.commit(&[ending(3), ending(4)]).unwrap();
    assert_eq!((stored[0].id, stored[0].duplicate), (1, false));
    assert_eq!((stored[1].id, stored[1].duplicate), (1, true));
    let row = scene.store.row(1).unwrap().unwrap();
    assert_eq!((row.exit_status, row.duration), (Some(3), Some(SECOND)));
}

#[test]
fn bytes_that_are_no_text_are_kept_and_sql_still_works() {
    let mut scene = Scene::new();
    let mut first = event(0, "");
    first.command = b"echo caf\xe9 > /tmp/\xff\xfe".to_vec();
    let mut second = event(1, "");
    second.command = b"printf 'a\0b'".to_vec();
    scene.add(&[entry(first.clone(), Level::Low), entry(second.clone(), Level::Low)]);
    assert_eq!(scene.store.row(1).unwrap().unwrap().command, first.command);
    assert_eq!(scene.store.row(2).unwrap().unwrap().command, second.command);
    let db = scene.sqlite();
    let found: String = db
        .query_row("SELECT command FROM command_logs WHERE command LIKE '%tmp%'", [], |r| r.get(0))
        .unwrap();
    assert_eq!(found, "echo caf\\xe9 > /tmp/\\xff\\xfe");
    let length: i64 =
        db.query_row("SELECT length(command) FROM command_logs WHERE id = 2", [], |r| r.get(0)).unwrap();
    assert_eq!(length, "printf 'a\\x00b'".len() as i64);
}

#[test]
fn notifications_go_with_their_row() {
    let mut scene = Scene::new();
    let Entry::Command(record, _) = entry(event(0, "nmap host"), Level::High) else { unreachable!() };
    let mut payload = Payload::default();
    payload.command = "nmap host".into();
    let new = NewNotification { sink: "chatwork".into(), level: Level::High, payload };
    let entries = [Entry::Command(record, vec![new])];
    scene.add(&entries);
    scene.add(&entries);
    let db = scene.sqlite();
    let rows: Vec<(i64, String, String, String)> = db
        .prepare("SELECT command_id, sink, state, payload FROM notifications")
        .unwrap()
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 1);
    let payload: Payload = serde_json::from_str(&rows[0].3).unwrap();
    assert_eq!((rows[0].0, payload.id), (1, 1));
    assert_eq!(payload.uid, format!("{}-1", scene.store.epoch().unwrap()));
    assert_eq!((rows[0].1.as_str(), rows[0].2.as_str()), ("chatwork", "pending"));
}

#[test]
fn secrets_are_replaced_in_the_database_only_where_asked() {
    for redact in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::default();
        options.redact = redact;
        let mut store = Store::open(folder.path().join("monitor.db"), options).unwrap();
        let Entry::Command(mut record, _) = entry(event(0, "mysql -pS3cret"), Level::High) else {
            unreachable!()
        };
        record.verdict.redacted = Some("mysql -p***".into());
        store.commit(&[Entry::Command(record, Vec::new())]).unwrap();
        let row = store.row(1).unwrap().unwrap();
        assert_eq!(row.shown(), "mysql -p***");
        assert_eq!(row.command == b"mysql -pS3cret", !redact);
        drop(store);
        let bytes = std::fs::read(folder.path().join("monitor.db")).unwrap();
        assert_eq!(bytes.windows(6).any(|w| w == b"S3cret"), !redact);
    }
}

#[test]
fn files_belong_to_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/db/monitor.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    store.commit(&batch(0, 1)).unwrap();
    for entry in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} is {mode:o}", entry.path());
    }
    let mode = std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn rows_go_into_the_file_that_has_the_name() {
    let mut scene = Scene::new();
    scene.add(&batch(0, 3));
    std::fs::rename(scene.path(), scene.folder.path().join("away.db")).unwrap();
    for companion in ["-wal", "-shm"] {
        let name = format!("monitor.db{companion}");
        let _ = std::fs::rename(
            scene.folder.path().join(&name),
            scene.folder.path().join(format!("away.db{companion}")),
        );
    }
    // Another process has begun the new file, and its rows are in the new write-ahead log.
    let mut other = Store::open(scene.path(), StoreOptions::default()).unwrap();
    other.commit(&batch(10, 1)).unwrap();
    assert_eq!(scene.add(&batch(3, 2)), [2, 3]);
    other.commit(&batch(11, 1)).unwrap();
    let fresh = Store::open_read(scene.path()).unwrap();
    assert_eq!(fresh.count(&Query::new()).unwrap(), 4);
}

#[test]
fn reading_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Store::open_read(folder.path().join("monitor.db")) else { panic!("opened nothing") };
    assert_eq!(error.kind(), ErrorKind::Store);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let Err(error) = Store::open_read(folder.path()) else { panic!("opened a folder") };
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("this is a folder"), "{error}");
}
