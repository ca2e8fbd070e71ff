//! `shmon verify`, `proof`, `verify-proof`, `prune`, `backup`, `sessions` and `session` over a record that is written here.

mod record;

use record::{says, shmon};
use shmon_core::record::{Event, Record};
use shmon_core::store::{Entry, Store, StoreOptions};
use shmon_core::{Level, Verdict, time};
use std::path::{Path, PathBuf};
use std::process::Command;

const SECOND: i64 = 1_000_000_000;

/// 20 rows of two sessions, of which s1 was started from s0; the newest checkpoint covers all.
fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("db/monitor.db");
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    let start = time::parse_local("2025-06-28 08:50:30").unwrap();
    let rows: Vec<Entry> = (1..=20)
        .map(|n| {
            let mut event = Event::default();
            event.key = format!("k{n}");
            event.session_id = format!("s{}", n % 2);
            event.parent_session = (n % 2 == 1).then(|| "s0".to_owned());
            event.command = format!("command {n}").into_bytes();
            event.working_directory = "/home/xb874667".into();
            event.started_at = start + n * SECOND;
            event.duration = Some(n * 150_000_000);
            event.exit_status = Some((n % 3) as i32);
            event.user = "xb874667".into();
            event.host = "sharelab-server".into();
            event.tty = Some("/dev/pts/3".into());
            event.shell = "bash".into();
            let mut verdict = Verdict::default();
            verdict.level = if n == 7 { Level::Critical } else { Level::Low };
            if n == 9 {
                event.command = b"mysql -pSecret".to_vec();
                verdict.redacted = Some("mysql -p***".into());
            }
            Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
        })
        .collect();
    store.commit(&rows).unwrap();
    store.checkpoint().unwrap();
    (home, path)
}

fn sql(path: &Path, sql: &str) {
    rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn verify_tells_what_is_proven_by_what() {
    let (home, path) = home();
    let said = says(home.path(), 0, &["verify"]);
    assert!(said.starts_with("20 rows and 41 entries of evidence compared\n"), "{said}");
    assert!(said.contains("rows up to 20: signed by checkpoint"), "{said}");
    assert!(said.contains("no checkpoint kept elsewhere was given"), "{said}");
    // A checkpoint as a file and as text.
    let kept = says(home.path(), 0, &["verify", "--print-checkpoint"]);
    let file = home.path().join("kept");
    std::fs::write(&file, format!("posted by shmon:\n{kept}")).unwrap();
    for given in [kept.as_str(), file.to_str().unwrap()] {
        let said = says(home.path(), 0, &["verify", "--checkpoint", given]);
        assert!(said.contains("rows up to 20: proven by the checkpoint that you kept"), "{said}");
    }
    let report: serde_json::Value =
        serde_json::from_str(&says(home.path(), 0, &["verify", "--format", "jsonl"])).unwrap();
    assert_eq!((&report["rows"], &report["problems"]), (&20.into(), &serde_json::json!([])));
    assert_eq!(says(home.path(), 2, &["verify", "--checkpoint", "/not/there"]), "");
    assert_eq!(says(home.path(), 2, &["verify", "--checkpoint", "not a\ncheckpoint"]), "");

    sql(
        &path,
        "UPDATE command_logs SET risk_level = 'low' WHERE id = 7; DELETE FROM command_logs WHERE id = 12",
    );
    let said = says(home.path(), 1, &["verify", "--checkpoint", &kept]);
    let first = said.lines().next().unwrap();
    assert_eq!(first, "ALTERED  row 7 is not as it was recorded: it or its evidence was altered", "{said}");
    assert!(said.contains("ALTERED  row 12 is missing: it was removed without a tombstone"), "{said}");
}

#[test]
fn verify_draws_a_bar_on_a_terminal_alone() {
    let (home, _) = home();
    assert!(shmon(home.path(), &["verify"]).stderr.is_empty());
    // `script` gives it a terminal for standard error; standard output goes to a file.
    let output = Command::new("script")
        .args(["-qec", &format!("{} verify > /dev/null", env!("CARGO_BIN_EXE_shmon")), "/dev/null"])
        .env("SHMON_HOME", home.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let drawn = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && drawn.contains("] 100 %  41 of 41") && drawn.ends_with("\r\x1b[K"),
        "{drawn:?}"
    );
}

#[test]
fn a_row_is_proven_without_the_record() {
    let (home, path) = home();
    let kept = says(home.path(), 0, &["verify", "--print-checkpoint"]);
    let proof = says(home.path(), 0, &["proof", "7", "--checkpoint", &kept]);
    let away = tempfile::tempdir().unwrap();
    let file = away.path().join("row-7.json");
    std::fs::write(&file, &proof).unwrap();
    let file = file.to_str().unwrap();
    let nowhere = away.path().join("no-home");
    let said = says(&nowhere, 0, &["verify-proof", file]);
    assert!(said.starts_with("row 7: 2025-06-28 08:50:37 critical xb874667: command 7\n"), "{said}");
    assert!(
        said.contains("exit status 1") && said.contains("no checkpoint kept elsewhere was given"),
        "{said}"
    );
    let said = says(&nowhere, 0, &["verify-proof", file, "--checkpoint", &kept]);
    assert!(said.contains("that checkpoint is the one that you kept"), "{said}");
    let proven: serde_json::Value =
        serde_json::from_str(&says(&nowhere, 0, &["verify-proof", file, "--format", "jsonl"])).unwrap();
    assert_eq!((&proven["command"], &proven["exit_status"]), (&"command 7".into(), &1.into()));
    assert!(!nowhere.exists());

    std::fs::write(file, proof.replace("command 7", "command 8")).unwrap();
    let said = says(&nowhere, 1, &["verify-proof", file]);
    assert!(said.starts_with("ALTERED  row 7 is not the one that the checkpoint covers\n"), "{said}");
    std::fs::write(file, "{").unwrap();
    assert_eq!(says(&nowhere, 2, &["verify-proof", file]), "");
    assert_eq!(says(home.path(), 2, &["proof", "99"]), "");

    // A row that no checkpoint covers yet gets one.
    let mut store = Store::open(&path, StoreOptions::default()).unwrap();
    let mut event = Event::default();
    event.command = b"late".to_vec();
    store.commit(&[Entry::Command(Box::new(Record::new(event, Verdict::default())), Vec::new())]).unwrap();
    drop(store);
    std::fs::write(file, says(home.path(), 0, &["proof", "21"])).unwrap();
    assert!(says(&nowhere, 0, &["verify-proof", file]).contains("late"));
}

#[test]
fn prune_removes_and_the_record_still_verifies() {
    let (home, _) = home();
    let args = ["prune", "--older-than", "2025-06-28 08:50:41", "--keep", "critical"];
    let dry = says(home.path(), 0, &[&args[..], &["--dry-run"]].concat());
    assert_eq!(dry, "9 rows would be removed\n");
    assert_eq!(says(home.path(), 0, &args), "9 rows removed, 1 tombstones written\n");
    assert_eq!(says(home.path(), 1, &args), "0 rows removed, 0 tombstones written\n");
    assert_eq!(says(home.path(), 0, &["search", "--count"]), "11\n");
    let said = says(home.path(), 0, &["verify"]);
    assert!(
        said.starts_with("11 rows and") && said.contains("9 rows were removed with a tombstone"),
        "{said}"
    );
}

#[test]
fn a_backup_is_a_whole_record() {
    let (home, _) = home();
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("db")).unwrap();
    let file = copy.path().join("db/monitor.db");
    assert_eq!(says(home.path(), 0, &["backup", file.to_str().unwrap()]), "");
    assert_eq!(says(copy.path(), 0, &["search", "--count"]), "20\n");
    assert!(says(copy.path(), 0, &["verify"]).contains("rows up to 20: signed by"));
    assert_eq!(says(home.path(), 2, &["backup", file.to_str().unwrap()]), "");
}

#[test]
fn sessions_are_listed_and_replayed() {
    let (home, _) = home();
    let said = says(home.path(), 0, &["sessions"]);
    let lines: Vec<Vec<&str>> = said.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(lines[0][0], "FROM");
    let wanted = "2025-06-28 08:50:32 2025-06-28 08:50:50 xb874667 sharelab-server pts/3 10 0 0 0 s0";
    assert_eq!(lines[1].join(" "), wanted);
    assert_eq!(lines[2][9..], ["0", "1", "s1"], "{said}");
    assert_eq!(says(home.path(), 1, &["sessions", "--user", "nobody"]), "");
    let worst = says(home.path(), 0, &["sessions", "--min-level", "high", "--format", "jsonl"]);
    let worst: serde_json::Value = serde_json::from_str(&worst).unwrap();
    assert_eq!((&worst["session_id"], &worst["counts"]), (&"s1".into(), &serde_json::json!([9, 0, 0, 1])));

    let said = says(home.path(), 0, &["session", "s1"]);
    assert!(said.contains("Session: s1\nUser: xb874667@sharelab-server /dev/pts/3 bash\n"), "{said}");
    assert!(said.contains("Started from: s0\n"), "{said}");
    let rows: Vec<&str> = said.lines().skip_while(|line| !line.is_empty()).skip(1).collect();
    assert_eq!(rows.len(), 10);
    assert_eq!(
        rows[3].split_whitespace().collect::<Vec<_>>().join(" "),
        "08:50:37 +0:06 1 1.0 s critical /home/xb874667$ command 7"
    );
    assert!(rows[4].ends_with("$ mysql -p***"), "{said}");
    assert!(says(home.path(), 0, &["session", "s1", "--reveal"]).contains("mysql -pSecret"));
    assert!(says(home.path(), 0, &["session", "s0"]).contains("Started: s1\n"));
    assert_eq!(says(home.path(), 2, &["session", "s"]), "");
    assert_eq!(shmon(home.path(), &["session", "x"]).status.code(), Some(1));
    assert_eq!(says(home.path(), 0, &["session", "s1", "--format", "jsonl"]).lines().count(), 10);
}
