//! A user's rule files at work: read again by a running recorder, and what they change asked through the command line.

use rusqlite::Connection;
use shmon_core::spool::Writer;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const SHMON: &str = env!("CARGO_BIN_EXE_shmon");
/// The longest that anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(120);
const DEPLOY: &str = "[[rule]]\nid = 'mine.deploy'\nlevel = 'critical'\ntitle = 'Deployment'\nmatch = { program = 'deploy' }\n";

fn shmon(home: &Path, args: &[&str]) -> Output {
    Command::new(SHMON).arg("--home").arg(home).args(args).env("SHMON_LANG", "en").output().expect("shmon")
}

fn level(home: &Path, command: &str) -> String {
    let out = shmon(home, &["classify", "--format", "level", command]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text").trim().to_owned()
}

fn rules(home: &Path, text: &str) {
    let folder = home.join("rules.d");
    std::fs::create_dir_all(&folder).expect("a folder");
    // As an editor saves: the new file takes the old one's place at once.
    let new = folder.join("mine.new");
    std::fs::write(&new, text).expect("a file");
    std::fs::rename(new, folder.join("mine.toml")).expect("the file");
}

/// The recorder; it ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` under the name `name-N` again and again until its row has the level, and answers that row's level.
fn recorded_as(home: &Path, writer: &mut Writer, sequence: &mut u64, program: &str, wanted: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        *sequence += 1;
        let command = format!("{program} {sequence}");
        writer
            .append(&format!("b1 {sequence} 5.0 test"), *sequence, b"/", command.as_bytes())
            .expect("a begin");
        let mut level = None;
        while level.is_none() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
            level = Connection::open(home.join("db/monitor.db"))
                .and_then(|db| {
                    db.query_row("SELECT risk_level FROM command_logs WHERE command = ?1", [&command], |r| {
                        r.get::<_, String>(0)
                    })
                })
                .ok();
        }
        let level = level.unwrap_or_else(|| panic!("{command} isn't recorded"));
        if level == wanted {
            return;
        }
        assert!(Instant::now() < until, "{command} is still {level} instead of {wanted}");
    }
}

#[test]
fn a_running_recorder_takes_new_rules_and_keeps_the_old_ones_when_a_file_breaks() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    std::fs::create_dir(home.join("spool")).expect("a folder");
    std::fs::write(home.join("config.toml"), "").expect("a configuration");
    let name = format!("{}-1", std::process::id());
    let mut writer = Writer::open(&home.join("spool"), &name, false).expect("a spool");
    let about = format!("pid={}\nshell=bash 5", std::process::id());
    writer.append("s1 0 5.0", 0, b"/", about.as_bytes()).expect("the description");
    let mut command = Command::new(SHMON);
    command.arg("--home").arg(home).args(["daemon", "--idle-exit", "0"]);
    let _daemon = Daemon(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a recorder"));
    let mut sequence = 0;

    recorded_as(home, &mut writer, &mut sequence, "deploy", "low");
    rules(home, DEPLOY);
    recorded_as(home, &mut writer, &mut sequence, "deploy", "critical");
    // One wrong file among the others: all stays as it was, and it is said where people look.
    rules(home, &DEPLOY.replace("critical", "hgih"));
    let until = Instant::now() + PATIENCE;
    let told = || {
        let log = std::fs::read_to_string(home.join("logs/command_monitor.log")).unwrap_or_default();
        let row = Connection::open(home.join("db/monitor.db")).and_then(|db| {
            db.query_row(
                "SELECT risk_level FROM command_logs WHERE command LIKE 'shmon notice rules-broken%'",
                [],
                |r| r.get::<_, String>(0),
            )
        });
        (log.contains("mine.toml:3: rule 'mine.deploy', key 'level'")
            && log.contains("those that were in force stay"))
        .then_some(row.ok())
        .flatten()
    };
    while told().is_none() {
        assert!(Instant::now() < until, "the fault isn't told");
        std::thread::sleep(Duration::from_millis(50));
    }
    recorded_as(home, &mut writer, &mut sequence, "deploy", "critical");
    let doctor = shmon(home, &["doctor"]);
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("mine.toml:3"), "{doctor:?}");
    rules(home, &DEPLOY.replace("critical", "medium"));
    recorded_as(home, &mut writer, &mut sequence, "deploy", "medium");
}

#[test]
fn rules_are_added_changed_switched_off_and_allowed_until_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let mirror = "curl https://mirror.example/a";
    assert_eq!(level(home, mirror), "high");
    rules(home, &format!("disable = ['transfer.wget']\n[levels]\n'discovery.ps' = 'low'\n{DEPLOY}"));
    for (command, wanted) in
        [("deploy now", "critical"), ("ps aux", "low"), ("wget x", "low"), (mirror, "high")]
    {
        assert_eq!(level(home, command), wanted, "{command}");
    }
    let allow = |day: &str| {
        rules(
            home,
            &format!(
                "[[allow]]\nrule = 'transfer.*'\nmatch = {{ operand = 'https://mirror.example/*' }}\nreason = 'our mirror'\nexpires = {day}\n"
            ),
        );
    };
    allow("2999-12-31");
    assert_eq!(level(home, mirror), "low");
    assert_eq!(level(home, "curl https://other.example/a"), "high");
    allow("2001-01-01");
    assert_eq!(level(home, mirror), "high", "an entry that ran out");
    allow("soon");
    let out = shmon(home, &["classify", mirror]);
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("rules.d/mine.toml:5:"), "{said}");
    // The same in the configuration.
    std::fs::remove_file(home.join("rules.d/mine.toml")).expect("the file");
    std::fs::write(
        home.join("config.toml"),
        "[rules]\ndisable = ['mail.*']\nlevels = { 'transfer.curl' = 'medium' }\n",
    )
    .expect("a configuration");
    assert_eq!(level(home, "curl x"), "medium");
    assert_eq!(level(home, "mail a@example.com"), "low");
}
