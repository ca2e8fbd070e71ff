//! One row, proven to somebody who doesn't have the record.

use crate::common::{DAY, SECOND, Scene, batch, event};
use shmon_core::ErrorKind;
use shmon_core::record::Ending;
use shmon_core::store::{Entry, Proof, Prune};

/// 300 rows in several checkpoints, row 11 (and no other) ended; the text of the checkpoint at row 200.
fn scene() -> (Scene, String) {
    let mut scene = Scene::new();
    let mut kept = String::new();
    for from in (0..300).step_by(50) {
        scene.add(&batch(from, 50));
        if from == 0 {
            let mut ending = Ending::default();
            ending.key = event(10, "").key;
            ending.exit_status = Some(3);
            ending.duration = Some(7);
            scene.add(&[Entry::End(ending)]);
        }
        let checkpoint = scene.store.checkpoint().unwrap();
        if from == 150 {
            kept = checkpoint;
        }
    }
    (scene, kept)
}

fn proof(scene: &Scene, id: i64, anchor: Option<&str>) -> Proof {
    let proof = scene.store.proof(id, anchor).unwrap();
    let text = proof.to_json();
    assert_eq!(Proof::parse(&text).unwrap(), proof);
    proof
}

#[test]
fn every_row_is_proven_alone() {
    let (scene, kept) = scene();
    for id in (1..=300).filter(|id| id % 10 == 1) {
        let proven = proof(&scene, id, None).check(&[]).unwrap();
        assert_eq!((proven.problems.len(), proven.anchored, proven.row), (0, false, id));
        assert_eq!(proven.command, format!("command number {}", id - 1));
        assert_eq!(proven.exit_status, (id == 11).then_some(3), "{id}");
    }
    // By a checkpoint that was kept elsewhere, also out of a message.
    let message = format!("alert!\n  {}\nbye", kept.replace('\n', "\n  "));
    for id in [1, 11, 137, 200] {
        let proven = proof(&scene, id, Some(&message)).check(std::slice::from_ref(&kept)).unwrap();
        assert!(proven.anchored && proven.problems.is_empty() && proven.warnings.is_empty(), "{proven:?}");
    }
    let later = scene.store.proof(201, Some(&kept)).unwrap_err();
    assert!(
        later.kind() == ErrorKind::Invalid && later.to_string().contains("doesn't cover row 201"),
        "{later}"
    );
    // A checkpoint of another moment says nothing, and says so.
    let proven = proof(&scene, 5, None).check(&[kept]).unwrap();
    assert!(!proven.anchored && proven.problems.is_empty() && proven.warnings.len() == 1, "{proven:?}");
}

#[test]
fn a_proof_that_was_edited_does_not_hold() {
    let (scene, kept) = scene();
    let text = proof(&scene, 11, Some(&kept)).to_json();
    for (from, to) in [
        ("command number 10", "command number 11"),
        ("\"risk_level\": \"high\"", "\"risk_level\": \"low\""),
        ("\"user\": \"ann\"", "\"user\": \"bob\""),
        ("\"exit_status\": 3", "\"exit_status\": 0"),
        ("\"row\": 11", "\"row\": 12"),
        ("\"sequence\": 12", "\"sequence\": 13"),
        ("\"findings\": []", "\"findings\": [[\"a\", \"high\", 0, 1]]"),
        ("number 5\\nrow", "number 6\\nrow"),
        ("row 200", "row 201"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        let proven = Proof::parse(&text.replacen(from, to, 1)).unwrap().check(&[]).unwrap();
        assert!(!proven.problems.is_empty(), "{from} to {to}");
    }
    // A made-up checkpoint under the same size is not the one that was kept.
    let (other, _) = self::scene();
    let forged = other.store.proof(11, None).unwrap().to_json();
    let epochs = (other.store.epoch().unwrap(), scene.store.epoch().unwrap());
    let proven =
        Proof::parse(&forged.replace(&epochs.0, &epochs.1)).unwrap_or_else(|e| panic!("{e}")).check(&[kept]);
    assert!(proven.is_err() || proven.is_ok_and(|p| !p.anchored && !p.problems.is_empty()));
    for broken in
        ["", "{}", "[1]", &text.replace("proof v1", "proof v9"), &text.replace("\"tty\"", "\"tyt\"")]
    {
        let read = Proof::parse(broken).and_then(|proof| proof.check(&[]).map(drop));
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Invalid, "{broken}");
    }
}

#[test]
fn what_was_altered_or_removed_is_not_proven() {
    let (mut scene, _) = scene();
    let db = scene.sqlite();
    db.execute("UPDATE command_logs SET user = 'eve' WHERE id = 17", []).unwrap();
    assert_eq!(scene.store.proof(17, None).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(scene.store.proof(18, None).unwrap().check(&[]).unwrap().problems.len(), 0);
    scene.store.prune(&Prune::new(DAY + 5 * SECOND), &mut |_| {}).unwrap();
    let error = scene.store.proof(3, None).unwrap_err().to_string();
    assert!(error.contains("removed with a tombstone"), "{error}");
    let error = scene.store.proof(999, None).unwrap_err().to_string();
    assert!(error.contains("no row 999"), "{error}");
    // Rows beside the removed ones are still proven.
    assert_eq!(scene.store.proof(6, None).unwrap().check(&[]).unwrap().problems.len(), 0);
}

#[test]
fn a_row_without_a_checkpoint_says_so() {
    let mut scene = Scene::new();
    scene.add(&batch(0, 1));
    let first = scene.store.is_covered(1).unwrap();
    scene.add(&batch(1, 1));
    assert!(first && !scene.store.is_covered(2).unwrap());
    assert_eq!(scene.store.proof(2, None).unwrap_err().kind(), ErrorKind::Invalid);
    scene.store.checkpoint().unwrap();
    assert!(scene.store.is_covered(2).unwrap());
    scene.store.proof(2, None).unwrap();
}
