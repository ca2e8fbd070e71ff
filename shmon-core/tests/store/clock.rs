//! A clock that is set back between commands.

use shmon_core::Monitor;
use shmon_core::config::{Config, Home};
use shmon_core::monitor::Incoming;
use shmon_core::record::Event;
use shmon_core::store::{Order, Query, Store};
use std::path::Path;
use std::process::Command;

const RECORD: &str = "SHMON_TEST_CLOCK";

/// Records one command by the clock that this process sees.
#[test]
#[ignore = "run by the other test under faketime"]
fn recording_process() {
    let Ok(setting) = std::env::var(RECORD) else { return };
    let (home, command) = setting.split_once(':').unwrap();
    let mut monitor = Monitor::open(&Home::new(home), Config::default()).unwrap();
    let mut event = Event::default();
    event.session_id = "s".into();
    event.command = command.into();
    assert!(monitor.record(&[Incoming::Event(event.complete().unwrap())]).unwrap()[0].id.is_some());
}

fn record(home: &Path, offset: &str, command: &str) -> bool {
    let output = Command::new("faketime")
        .arg(offset)
        .arg(std::env::current_exe().unwrap())
        .args(["clock::recording_process", "--exact", "--ignored", "--test-threads=1"])
        .env(RECORD, format!("{}:{command}", home.display()))
        .output();
    output.is_ok_and(|output| output.status.success())
}

/// It is set back by a year, and by hours.
#[test]
fn a_clock_that_is_set_back_loses_and_reorders_nothing() {
    let folder = tempfile::tempdir().unwrap();
    if Command::new("faketime").args(["-1 day", "true"]).status().map_or(true, |status| !status.success()) {
        eprintln!("SKIPPED: faketime is missing");
        return;
    }
    let home = Home::new(folder.path().join("monitor"));
    let offsets = ["-1 second", "-1 year", "-3 hours", "-1 year"];
    for (offset, command) in
        offsets.into_iter().zip(["nmap one", "rm -rf /srv/two", "nmap three", "nmap four"])
    {
        assert!(record(home.root(), offset, command), "{command}");
    }
    let store = Store::open_read(home.database(&Config::default())).unwrap();
    let ids = |query: &Query| -> Vec<i64> { store.rows(query).unwrap().map(|row| row.unwrap().id).collect() };
    // By time; and in the order of recording, which no clock changes.
    assert_eq!(ids(&Query::new()), [1, 3, 4, 2]);
    let mut recorded = Query::new();
    recorded.after_id = Some(0);
    recorded.order = Order::Oldest;
    assert_eq!(ids(&recorded), [1, 2, 3, 4]);
    let report = store.verify(&[], &mut |_, _| {}).unwrap();
    assert_eq!((report.rows, report.problems.len()), (4, 0), "{report:?}");
    assert!(report.checkpoints >= 2, "a checkpoint is due by any clock: {report:?}");
}
