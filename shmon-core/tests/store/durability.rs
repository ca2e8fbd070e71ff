//! What `durability` asks the kernel for, counted by strace.

use crate::common::{entry, event};
use shmon_core::Level;
use shmon_core::config::Durability;
use shmon_core::store::{Store, StoreOptions};
use std::process::Command;

const DATABASE: &str = "SHMON_TEST_DURABILITY";
const COMMITS: usize = 20;

/// Opens a database that is there and commits; between the two it leaves a mark for strace.
#[test]
#[ignore = "run by the other test under strace"]
fn committing_process() {
    let Ok(setting) = std::env::var(DATABASE) else { return };
    let (durability, path) = setting.split_once(':').unwrap();
    let mut options = StoreOptions::default();
    options.durability = if durability == "full" { Durability::Full } else { Durability::Normal };
    let mut store = Store::open(path, options).unwrap();
    // The first commit makes the first checkpoint.
    store.commit(&[entry(event(0, "first"), Level::Low)]).unwrap();
    let _ = std::fs::metadata("/mark");
    for n in 1..=COMMITS {
        store.commit(&[entry(event(n, "x"), Level::Low)]).unwrap();
    }
    let _ = std::fs::metadata("/mark");
}

#[test]
fn full_syncs_every_commit_and_normal_none() {
    if Command::new("strace")
        .args(["-qq", "-e", "trace=none", "true"])
        .status()
        .map_or(true, |s| !s.success())
    {
        eprintln!("SKIPPED: strace is missing or may not trace here");
        return;
    }
    for (durability, wanted) in [("normal", 0), ("full", COMMITS)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("monitor.db");
        Store::open(&path, StoreOptions::default()).unwrap();
        let log = folder.path().join("trace");
        let status = Command::new("strace")
            .args(["-f", "-qq", "-y", "-e", "trace=fsync,fdatasync,statx,stat,newfstatat", "-o"])
            .arg(&log)
            .arg(std::env::current_exe().unwrap())
            .args(["durability::committing_process", "--exact", "--ignored", "--test-threads=1"])
            .env(DATABASE, format!("{durability}:{}", path.display()))
            .status()
            .unwrap();
        assert!(status.success());
        let trace = std::fs::read_to_string(&log).unwrap();
        let between = trace.split("\"/mark\"").nth(1).expect("two marks");
        let syncs =
            between.lines().filter(|line| line.contains("sync(") && line.contains("monitor.db-wal")).count();
        assert_eq!(syncs, wanted, "{durability}: {between}");
    }
}
