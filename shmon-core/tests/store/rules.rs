//! Rule files that change while a monitor is open, and allow entries that run out.

use crate::common::event;
use shmon_core::Level;
use shmon_core::config::{Config, Home};
use shmon_core::monitor::{Incoming, Monitor};
use std::fs::File;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Writes a rule file as if it had been written some time ago, so that it counts as complete.
fn write(home: &Home, name: &str, toml: &str, age: u64) {
    std::fs::create_dir_all(home.rules_dir()).unwrap();
    let path = home.rules_dir().join(name);
    std::fs::write(&path, toml).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
}

fn rule(level: &str) -> String {
    format!("[[rule]]\nid='mine.deploy'\nlevel='{level}'\ntitle='x'\nmatch={{program='deploy'}}\n")
}

fn level(monitor: &mut Monitor, n: usize, command: &str) -> Level {
    monitor.record(&[Incoming::Event(event(n, command))]).unwrap()[0].level
}

#[test]
fn a_changed_file_comes_into_force_and_a_broken_one_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let home = Home::new(folder.path());
    write(&home, "mine.toml", &rule("high"), 90);
    let mut monitor = Monitor::open(&home, Config::default()).unwrap();
    assert_eq!(level(&mut monitor, 0, "deploy now"), Level::High);
    assert!(!monitor.refresh_rules().unwrap(), "nothing changed");
    write(&home, "mine.toml", &rule("critical"), 80);
    assert!(monitor.refresh_rules().unwrap());
    assert_eq!(level(&mut monitor, 1, "deploy now"), Level::Critical);

    write(&home, "mine.toml", &rule("hgih"), 70);
    let said = monitor.refresh_rules().unwrap_err().to_string();
    assert!(
        said.contains("mine.toml:3:") && said.contains("'mine.deploy'") && said.contains("level"),
        "{said}"
    );
    assert_eq!(monitor.rule_fault().unwrap().1, said);
    assert_eq!(level(&mut monitor, 2, "deploy now"), Level::Critical, "the rules that were in force stay");
    assert!(!monitor.refresh_rules().unwrap(), "the same fault is told once");
    let log = std::fs::read_to_string(monitor.log().path()).unwrap();
    assert!(log.contains("mine.toml:3:"), "{log}");

    write(&home, "mine.toml", &rule("medium"), 60);
    assert!(monitor.refresh_rules().unwrap());
    assert!(monitor.rule_fault().is_none());
    assert_eq!(level(&mut monitor, 3, "deploy now"), Level::Medium);
    std::fs::remove_file(home.rules_dir().join("mine.toml")).unwrap();
    assert!(monitor.refresh_rules().unwrap());
    assert_eq!(level(&mut monitor, 4, "deploy now"), Level::Low);
}

#[test]
fn a_file_that_is_being_written_waits() {
    let folder = TempDir::new().unwrap();
    let home = Home::new(folder.path());
    let mut monitor = Monitor::open(&home, Config::default()).unwrap();
    let soon = SystemTime::now() + Duration::from_secs(3600);
    // Its age is under a second when it is looked at, unless the machine is slow.
    let in_time = (0..100).any(|_| {
        let began = SystemTime::now();
        write(&home, "mine.toml", &rule("high"), 0);
        let taken = monitor.refresh_rules().unwrap();
        let in_time = began.elapsed().is_ok_and(|age| age < Duration::from_secs(1));
        assert!(!(in_time && taken), "it may be half written");
        in_time
    });
    assert!(in_time, "a machine on which a file is always old");
    let file = File::options().write(true).open(home.rules_dir().join("mine.toml")).unwrap();
    file.set_modified(soon).unwrap();
    assert!(monitor.refresh_rules().unwrap(), "a clock that is ahead doesn't keep it waiting");
}

#[test]
fn a_broken_file_at_the_start_leaves_the_others_in_force() {
    let folder = TempDir::new().unwrap();
    let home = Home::new(folder.path());
    write(&home, "a.toml", "[[rule]\n", 90);
    write(&home, "b.toml", &rule("high"), 90);
    let mut monitor = Monitor::open(&home, Config::default()).unwrap();
    assert!(monitor.rule_fault().unwrap().1.contains("a.toml:1:"));
    assert_eq!(level(&mut monitor, 0, "deploy now"), Level::High);
    assert_eq!(level(&mut monitor, 1, "nmap host"), Level::High, "the built-in rules stay");
}

#[test]
fn an_allow_entry_runs_out_by_the_day_of_the_command() {
    let folder = TempDir::new().unwrap();
    let home = Home::new(folder.path());
    // The events are of 2025-06-28: long before today, when the entry has run out.
    let allow = |until: &str| {
        format!("[[allow]]\nrule='transfer.curl'\nmatch={{program='curl'}}\nreason='x'\nexpires={until}\n")
    };
    write(&home, "allow.toml", &allow("2025-07-30"), 90);
    let mut monitor = Monitor::open(&home, Config::default()).unwrap();
    assert_eq!(level(&mut monitor, 0, "curl https://example.com/"), Level::Low);
    write(&home, "allow.toml", &allow("2025-06-20"), 80);
    assert!(monitor.refresh_rules().unwrap());
    assert_eq!(level(&mut monitor, 1, "curl https://example.com/"), Level::High);
}
