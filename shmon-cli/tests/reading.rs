//! `shmon log`, `search` and `stats` over a record that is written here.

mod record;

use record::shmon;
use shmon_core::record::{Ending, Event, Record};
use shmon_core::store::{Entry, Store, StoreOptions};
use shmon_core::{Level, Verdict, time};
use std::process::{Command, Output};

const SECOND: i64 = 1_000_000_000;
/// 2025-06-28 08:50:30 wherever the test runs.
fn start() -> i64 {
    time::parse_local("2025-06-28 08:50:30").unwrap()
}

fn command(n: i64, text: &str, level: Level) -> Entry {
    let mut event = Event::default();
    event.key = format!("k{n}");
    event.session_id = format!("s{}", n % 2);
    event.command = text.as_bytes().to_vec();
    event.working_directory = "/home/xb874667".into();
    event.started_at = start() + n * SECOND;
    event.user = "xb874667".into();
    event.host = "sharelab-server".into();
    let mut verdict = Verdict::default();
    verdict.level = level;
    if let Some(secret) = text.split_whitespace().find(|word| word.starts_with("-pS")) {
        verdict.redacted = Some(text.replace(secret, "-p***"));
    }
    Entry::Command(Box::new(Record::new(event, verdict)), Vec::new())
}

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path().join("db/monitor.db"), StoreOptions::default()).unwrap();
    let mut ending = Ending::default();
    ending.key = "k3".into();
    ending.exit_status = Some(1);
    ending.duration = Some(SECOND);
    store
        .commit(&[
            command(1, "ls", Level::Low),
            command(2, "nmap -sV target.example.com", Level::High),
            command(3, "rm -rf /tmp/dangerous", Level::Critical),
            command(4, "mysql -pSecret -e \"a, b\"", Level::High),
            command(5, "echo \u{1b}[31m 削除 \u{202e}x", Level::Low),
            Entry::End(ending),
        ])
        .unwrap();
    home
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn log_shows_the_newest_first_with_secrets_replaced() {
    let home = home();
    let output = shmon(home.path(), &["log"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = lines(&output);
    assert_eq!(lines.len(), 6);
    assert!(lines[0].contains("ID") && lines[0].contains("COMMAND"));
    assert!(lines[1].contains("\\u{1b}[31m 削除 \\u{202e}x"), "{}", lines[1]);
    assert!(lines[2].ends_with("mysql -p*** -e \"a, b\""), "{}", lines[2]);
    let row: Vec<&str> = lines[3].split_whitespace().collect();
    assert_eq!(&row[..6], ["3", "2025-06-28", "08:50:33", "critical", "xb874667", "1"]);
    assert!(shmon(home.path(), &["log", "--reveal"]).stdout.windows(8).any(|w| w == b"-pSecret"));
}

#[test]
fn log_filters_and_speaks_json_and_japanese() {
    let home = home();
    let output = shmon(home.path(), &["log", "--min-level", "high", "--format", "jsonl", "--reverse"]);
    let rows: Vec<serde_json::Value> =
        lines(&output).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [2, 3, 4]);
    let time: jiff::Timestamp = rows[0]["time"].as_str().unwrap().parse().unwrap();
    assert_eq!(time::nanos(time), start() + 2 * SECOND);
    assert_eq!(rows[0]["execution_time"], "2025-06-28 08:50:32");
    assert_eq!((&rows[1]["exit_status"], &rows[1]["level"]), (&1.into(), &"critical".into()));
    assert_eq!(
        (&rows[2]["redacted"], &rows[2]["command"]),
        (&true.into(), &"mysql -p*** -e \"a, b\"".into())
    );
    assert_eq!(rows[2]["identity"]["sequence"], 4);
    let output = shmon(home.path(), &["log", "--lang", "ja", "--failed"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("重大"));
    let output = shmon(home.path(), &["log", "--user", "nobody"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let output =
        shmon(home.path(), &["log", "--since", "2025-06-28 08:50:34", "-n", "0", "--format", "jsonl"]);
    assert_eq!(lines(&output).len(), 2);
}

#[test]
fn search_counts_and_writes_csv() {
    let home = home();
    assert_eq!(lines(&shmon(home.path(), &["search", "NMAP", "--count"])), ["1"]);
    assert_eq!(lines(&shmon(home.path(), &["search", "削除", "--count"])), ["1"]);
    let output = shmon(home.path(), &["search", "mysql", "--format", "csv"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (heading, row) = text.split_once('\n').unwrap();
    assert!(heading.starts_with("id,session_id,command,command_hash,working_directory,execution_time,risk_level,is_sensitive,created_at,"));
    assert!(row.starts_with("4,s0,\"mysql -p*** -e \"\"a, b\"\"\","), "{row}");
    assert_eq!(shmon(home.path(), &["search", "not there"]).status.code(), Some(1));
}

#[test]
fn stats_show_levels_days_and_hours() {
    let home = home();
    let stats: serde_json::Value =
        serde_json::from_str(&lines(&shmon(home.path(), &["stats", "--format", "jsonl"]))[0]).unwrap();
    assert_eq!(stats["total"], 5);
    assert_eq!(stats["levels"][0]["name"], "critical");
    assert_eq!(stats["days"][0]["name"], "2025-06-28");
    assert_eq!(stats["hours"][0]["name"], "08");
    let text = String::from_utf8(shmon(home.path(), &["stats", "--lang", "ja"]).stdout).unwrap();
    assert!(text.contains("リスクレベル別") && text.contains("時間別"), "{text}");
}

#[test]
fn follow_goes_on_with_what_is_recorded() {
    use std::io::{BufRead as _, BufReader};
    let home = home();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shmon"))
        .args(["log", "--follow", "-n", "1", "--format", "jsonl"])
        .env("SHMON_HOME", home.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"id\":5"));
    let mut store = Store::open(home.path().join("db/monitor.db"), StoreOptions::default()).unwrap();
    store.commit(&[command(6, "whoami", Level::Low)]).unwrap();
    assert!(lines.next().unwrap().unwrap().contains("\"command\":\"whoami\""));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_file_that_is_no_database_is_told_and_left_alone() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("db")).unwrap();
    let path = home.path().join("db/monitor.db");
    std::fs::write(
        &path,
        "just a text, longer than the header of a database would be, and then some more of it, to be sure",
    )
    .unwrap();
    let output = shmon(home.path(), &["log"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("monitor.db") && said.contains("not a database"), "{said}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("just a text"));
}
