//! A record edited behind shmon's back, each way found at the right row.

use crate::common::{DAY, SECOND, Scene, batch, event};
use shmon_core::ErrorKind;
use shmon_core::record::Ending;
use shmon_core::store::{Entry, Notice, Prune, Query, Report, Store, StoreOptions};

const EDITS: &str = include_str!("../data/store/edits.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    edit: Vec<Edit>,
}

/// One way of editing: SQL, and the first row or the words that `verify` must name.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    name: String,
    sql: String,
    row: Option<i64>,
    says: String,
}

/// 300 rows, every third with an end, several checkpoints; the text of the checkpoint at row 200.
fn scene() -> (Scene, String) {
    let mut scene = Scene::new();
    let mut kept = String::new();
    for from in (0..300).step_by(50) {
        scene.add(&batch(from, 50));
        let ends: Vec<Entry> = (from..from + 50)
            .step_by(3)
            .map(|n| {
                let mut ending = Ending::default();
                ending.key = event(n, "").key;
                ending.exit_status = Some(n as i32 % 2);
                ending.duration = Some(n as i64 + 1);
                Entry::End(ending)
            })
            .collect();
        scene.add(&ends);
        let checkpoint = scene.store.checkpoint().unwrap();
        if from == 150 {
            kept = checkpoint;
        }
    }
    (scene, kept)
}

fn verify(store: &Store, anchors: &[String]) -> Report {
    store.verify(anchors, &mut |_, _| {}).unwrap()
}

#[test]
fn an_untouched_record_is_proven() {
    let (scene, kept) = scene();
    let report = verify(&scene.store, &[kept]);
    assert!(report.problems.is_empty() && report.warnings.is_empty(), "{report:#?}");
    assert_eq!((report.rows, report.entries), (300, 300 + 102 + 1));
    assert_eq!((report.anchors, report.anchored_row, report.unvouched), (1, Some(200), 0));
    assert!(report.checkpoints >= 6);
    assert_eq!(report.last_checkpoint.unwrap().2, 300);
}

#[test]
fn every_edit_is_found_at_its_row() {
    let edits: Edits = toml::from_str(EDITS).unwrap();
    assert!(edits.edit.len() >= 20);
    for edit in edits.edit {
        let (mut scene, kept) = scene();
        // Rows after the last checkpoint, for those who edit the end.
        scene.add(&batch(300, 1));
        scene.sqlite().execute_batch(&edit.sql).unwrap_or_else(|e| panic!("{}: {e}", edit.name));
        let report = verify(&scene.store, &[kept]);
        let Some(first) = report.problems.first() else { panic!("{}: nothing was found", edit.name) };
        assert_eq!(first.row, edit.row, "{}: {:#?}", edit.name, report.problems);
        assert!(first.message.contains(&edit.says), "{}: {:#?}", edit.name, report.problems);
    }
}

#[test]
fn a_rewritten_record_is_found_by_the_checkpoint_that_was_kept_elsewhere() {
    let (scene, kept) = scene();
    // Somebody makes the whole record anew, with another command in it, and puts it in the place of the old one.
    let forged = tempfile::tempdir().unwrap();
    let path = forged.path().join("monitor.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    store.commit(&batch(0, 300)).unwrap();
    store.checkpoint().unwrap();
    assert!(verify(&store, &[]).problems.is_empty());
    let report = verify(&store, std::slice::from_ref(&kept));
    assert!(report.problems[0].message.contains("of another database"), "{report:#?}");
    // The same under the old epoch's name.
    let epoch = scene.store.epoch().unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("UPDATE epochs SET epoch = ?1", [epoch]).unwrap();
    let report = verify(&store, &[kept]);
    assert!(report.problems.iter().any(|p| p.message.contains("not signed by the key")), "{report:#?}");
}

#[test]
fn a_key_cannot_sign_for_the_past() {
    let (scene, _) = scene();
    let db = scene.sqlite();
    let keys: Vec<[u8; 32]> = db
        .prepare("SELECT key FROM checkpoints")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let unique: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len());
    let file = std::fs::read(scene.folder.path().join("monitor.db.key")).unwrap();
    let secrets: Vec<[u8; 32]> = file
        .windows(32)
        .map(|seed| {
            ed25519_dalek::SigningKey::from_bytes(seed.try_into().unwrap()).verifying_key().to_bytes()
        })
        .collect();
    assert!(keys.iter().all(|key| !secrets.contains(key)), "a used key is still in the file");
}

#[test]
fn a_restored_copy_gets_a_new_epoch_and_says_so() {
    let (mut scene, _) = scene();
    let before = scene.store.epoch().unwrap();
    let copy = scene.folder.path().join("copy.db");
    scene.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(scene.path(), &copy).unwrap();
    scene.add(&batch(300, 10));
    scene.store.checkpoint().unwrap();
    // Restored over the file itself, so that even the inode stays: the key has moved on.
    drop(scene.store);
    for companion in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(scene.folder.path().join(format!("monitor.db{companion}")));
    }
    let bytes = std::fs::read(&copy).unwrap();
    std::fs::write(scene.folder.path().join("monitor.db"), bytes).unwrap();
    let mut store = Store::open(scene.folder.path().join("monitor.db"), StoreOptions::default()).unwrap();
    store.commit(&batch(400, 1)).unwrap();
    store.checkpoint().unwrap();
    assert!(matches!(&store.take_notices()[..], [Notice::NewEpoch { .. }]));
    assert_ne!(store.epoch().unwrap(), before);
    let report = verify(&store, &[]);
    assert!(report.problems.is_empty(), "{report:#?}");
    assert_eq!(report.warnings.len(), 1);
    // And a copy under another name.
    let mut other = Store::open(&copy, StoreOptions::default()).unwrap();
    assert!(matches!(&other.take_notices()[..], [Notice::NewEpoch { .. }]));
    assert_ne!(other.epoch().unwrap(), before);
}

/// Everything that a checkpoint vouches for may be cut off together; the key that was destroyed since can't come back.
#[test]
fn an_older_copy_and_cut_checkpoints_are_noticed_by_the_key() {
    let (mut scene, _) = scene();
    let older = scene.folder.path().join("older.db");
    scene.sqlite().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(scene.path(), &older).unwrap();
    scene.add(&batch(300, 10));
    scene.store.checkpoint().unwrap();
    assert!(verify(&scene.store, &[]).problems.is_empty());
    let moved_on = |store: &Store| {
        let report = verify(store, &[]);
        assert!(
            report.problems.iter().any(|p| p.message.contains("the key file has moved on")),
            "{report:#?}"
        );
    };
    let db = scene.sqlite();
    db.execute_batch("DELETE FROM checkpoints WHERE number > 3").unwrap();
    moved_on(&scene.store);
    drop((db, scene.store));
    for companion in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(scene.folder.path().join(format!("monitor.db{companion}")));
    }
    std::fs::write(scene.folder.path().join("monitor.db"), std::fs::read(&older).unwrap()).unwrap();
    moved_on(&Store::open_read(scene.folder.path().join("monitor.db")).unwrap());
    // Without its key file a copy is a copy.
    let report = verify(&Store::open_read(&older).unwrap(), &[]);
    assert!(report.problems.is_empty(), "{report:#?}");
}

#[test]
fn sessions_that_differ_from_their_rows_are_counted() {
    let (scene, _) = scene();
    assert_eq!(scene.store.session_differences().unwrap(), 0);
    for (sql, count) in [
        ("DELETE FROM sessions WHERE session_id = 's1'", 1),
        ("UPDATE sessions SET commands = commands - 1 WHERE session_id = 's2'", 2),
        ("UPDATE sessions SET session_id = 'x' WHERE session_id = 's3'", 4),
    ] {
        scene.sqlite().execute_batch(sql).unwrap();
        assert_eq!(scene.store.session_differences().unwrap(), count, "{sql}");
    }
}

#[test]
fn pruned_rows_leave_a_record_that_still_verifies() {
    let (mut scene, kept) = scene();
    let mut prune = Prune::new(DAY + 100 * SECOND);
    prune.keep = Some(shmon_core::Level::Critical);
    assert_eq!(scene.store.prunable(&prune).unwrap(), 75);
    let pruned = scene.store.prune(&prune, &mut |_| {}).unwrap();
    assert_eq!((pruned.rows, pruned.tombstones), (75, 1));
    scene.store.vacuum().unwrap();
    assert_eq!(scene.store.count(&Query::new()).unwrap(), 225);
    let report = verify(&scene.store, std::slice::from_ref(&kept));
    assert!(report.problems.is_empty(), "{report:#?}");
    assert_eq!((report.pruned, report.rows, report.anchors), (75, 225, 1));
    // A tombstone that is stretched over one more row is no excuse.
    let db = scene.sqlite();
    let mut ranges: Vec<u8> = db.query_row("SELECT ranges FROM tombstones", [], |r| r.get(0)).unwrap();
    ranges.extend([0, 0, 0, 0, 0, 0, 0, 104, 0, 0, 0, 0, 0, 0, 0, 104]);
    db.execute("UPDATE tombstones SET ranges = ?1", [ranges]).unwrap();
    db.execute("DELETE FROM command_logs WHERE id = 104", []).unwrap();
    let report = verify(&scene.store, &[]);
    assert!(report.problems.iter().any(|p| p.message.contains("tombstone 1")), "{report:#?}");
}

#[test]
fn text_that_is_no_checkpoint_is_refused() {
    let (scene, _) = scene();
    let error = scene.store.verify(&["hello".into()], &mut |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
