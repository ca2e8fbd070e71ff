//! `shmon import`, `export` and `report`: what goes in comes out.

mod record;

use std::path::Path;
use std::process::Output;

const HISTORY: &str = "#1751068230\ncd /srv\n#1751068240\nnmap -sV target.example.com\n#1751068250\nmysql -pS3cret -e 'a, b'\n\
    #1751068260\nrm -rf /tmp/dangerous # `x`\n";

fn shmon(home: &Path, args: &[&str]) -> Output {
    record::command(home, args).env("TZ", "Asia/Tokyo").output().unwrap()
}

#[track_caller]
fn says(home: &Path, status: i32, args: &[&str]) -> String {
    record::said(&shmon(home, args), status, args)
}

/// A home with an imported bash history.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(".bash_history"), HISTORY).unwrap();
    let said = says(home.path(), 0, &["import", "bash"]);
    assert_eq!(said, "4 commands imported, 0 were there before, 0 can't be read\n");
    home
}

#[test]
fn a_second_import_adds_nothing() {
    let home = home();
    assert_eq!(
        says(home.path(), 1, &["import", "bash"]),
        "0 commands imported, 4 were there before, 0 can't be read\n"
    );
    let fish = home.path().join("fish_history");
    std::fs::write(&fish, "- cmd: id\nnonsense\n").unwrap();
    let output = shmon(home.path(), &["import", "fish", fish.to_str().unwrap(), "--user", "bob"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("fish_history:2: no line of fish's history"), "{errors}");
    assert_eq!(says(home.path(), 0, &["search", "--user", "bob", "--count"]), "1\n");
    assert_eq!(says(home.path(), 2, &["import", "zsh"]), "");
    assert_eq!(says(home.path(), 2, &["import", "ticket"]), "");
    // Nothing of it is in the log file, and nothing waits to be sent.
    assert!(!home.path().join("logs/command_monitor.log").exists());
}

#[test]
fn an_export_is_whole_and_redacted() {
    let home = home();
    let jsonl = says(home.path(), 0, &["export"]);
    let rows: Vec<serde_json::Value> =
        jsonl.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let commands: Vec<&str> = rows.iter().map(|row| row["command"].as_str().unwrap()).collect();
    assert_eq!(commands.len(), 4);
    assert_eq!((commands[0], commands[3]), ("cd /srv", "rm -rf /tmp/dangerous # `x`"));
    assert!(!jsonl.contains("S3cret") && rows[2]["redacted"] == true, "{jsonl}");
    assert!(says(home.path(), 0, &["export", "--reveal"]).contains("S3cret"));
    let csv = says(home.path(), 0, &["export", "--format", "csv", "--min-level", "high"]);
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert!(lines[0].starts_with("id,session_id,command,") && lines.len() == 5, "{csv}");
    let file = home.path().join("out.csv");
    let args = ["export", "--format", "csv", "--output", file.to_str().unwrap()];
    assert_eq!(says(home.path(), 0, &args), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 5);
    assert_eq!(says(home.path(), 2, &args), "", "a file is never written over");
    assert_eq!(says(home.path(), 1, &["export", "--user", "nobody"]), "");
}

#[test]
fn a_report_sums_up_a_day_and_a_week() {
    let home = home();
    let said = says(home.path(), 0, &["report", "--date", "2025-06-28"]);
    assert!(said.starts_with("SSH Monitor: report for 2025-06-28\n======"), "{said}");
    assert!(said.contains("  all: 4 (0)\n  critical: 1 (0)\n  high: 2 (0)\n"), "{said}");
    let alerts: Vec<&str> = said.lines().filter(|line| line.contains(" #")).collect();
    assert!(alerts[0].starts_with("  2025-06-28 08:51:00 critical root #4 destruction."), "{said}");
    assert_eq!(alerts.len(), 3);
    assert!(!said.contains("S3cret") && said.contains("Newest checkpoint\nshmon/"), "{said}");
    // The checkpoint in the report proves the record.
    let kept = home.path().join("report.txt");
    std::fs::write(&kept, &said).unwrap();
    let verified = says(home.path(), 0, &["verify", "--checkpoint", kept.to_str().unwrap()]);
    assert!(verified.contains("proven by the checkpoint that you kept"), "{verified}");
    // 28 June 2025 is a Saturday.
    let week = says(
        home.path(),
        0,
        &["report", "--period", "week", "--date", "2025-06-23", "--format", "markdown", "--lang", "ja"],
    );
    assert!(week.starts_with("# SSH Monitor: レポート 2025-06-23 – 2025-06-29\n"), "{week}");
    assert!(
        week.contains("\n## 危険なコマンド\n") && week.contains("``rm -rf /tmp/dangerous # `x` ``")
            || week.contains("`` rm -rf /tmp/dangerous # `x` ``"),
        "{week}"
    );
    let next = says(home.path(), 1, &["report", "--date", "2025-06-29"]);
    assert!(next.contains("  all: 0 (4)\n"), "{next}");
}

#[test]
fn a_cell_is_no_formula() {
    let home = home();
    for (n, command) in ["=HYPERLINK(\"http://x\")", "@SUM(1)", "-1+1", "+1+x"].iter().enumerate() {
        let key = format!("k{n}");
        let args = ["record", "-q", "--key", &key, "--exit=-1", "--", command];
        assert_eq!(shmon(home.path(), &args).status.code(), Some(0));
    }
    let csv = says(home.path(), 0, &["export", "--format", "csv", "--after", "4"]);
    for cell in [",\"'=HYPERLINK(\"\"http://x\"\")\",", ",\"'@SUM(1)\",", ",\"'-1+1\",", ",\"'+1+x\","] {
        assert!(csv.contains(cell), "{cell}: {csv}");
    }
    assert!(csv.contains(",-1,"), "a number is a number: {csv}");
    let jsonl = says(home.path(), 0, &["export", "--after", "4"]);
    assert!(jsonl.contains("\"command\":\"@SUM(1)\""), "{jsonl}");
}

/// The shapes that `docs/store.md` names; each field is one that the standard has.
#[test]
fn other_systems_take_the_rows() {
    let home = home();
    let args =
        ["record", "-q", "--session", "s", "--cwd", "/srv", "--exit", "3", "nmap -sV target.example.com"];
    assert_eq!(shmon(home.path(), &args).status.code(), Some(0));
    let rows = |format: &str| -> Vec<serde_json::Value> {
        let said = says(home.path(), 0, &["export", "--format", format]);
        assert!(!said.contains("S3cret"), "{said}");
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let ocsf = rows("ocsf");
    assert_eq!(ocsf.len(), 5);
    let nmap = &ocsf[1];
    for (at, value) in [
        ("/class_uid", serde_json::json!(1007)),
        ("/category_uid", 1.into()),
        ("/activity_id", 1.into()),
        ("/type_uid", 100_701.into()),
        ("/time", 1_751_068_240_000_i64.into()),
        ("/severity_id", 4.into()),
        ("/status_id", 0.into()),
        ("/metadata/version", "1.8.0".into()),
        ("/metadata/product/name", "shmon".into()),
        ("/process/cmd_line", "nmap -sV target.example.com".into()),
        ("/actor/user/name", "root".into()),
        ("/device/type_id", 0.into()),
        ("/unmapped/rules/0", "reconnaissance.nmap".into()),
    ] {
        assert_eq!(nmap.pointer(at), Some(&value), "{at}: {nmap}");
    }
    assert_eq!((&ocsf[4]["exit_code"], &ocsf[4]["status_id"]), (&3.into(), &2.into()));
    assert_eq!(ocsf[4].pointer("/process/working_directory"), Some(&"/srv".into()));
    assert_eq!(nmap.get("exit_code"), None, "what isn't known is not there");
    let ecs = rows("ecs");
    for (at, value) in [
        ("/@timestamp", "2025-06-27T23:50:40Z"),
        ("/ecs/version", "9.4.0"),
        ("/event/kind", "alert"),
        ("/event/category/0", "process"),
        ("/event/outcome", "unknown"),
        ("/process/command_line", "nmap -sV target.example.com"),
        ("/user/name", "root"),
        ("/rule/id/0", "reconnaissance.nmap"),
    ] {
        assert_eq!(ecs[1].pointer(at), Some(&value.into()), "{at}: {}", ecs[1]);
    }
    assert_eq!((&ecs[0]["event"]["kind"], &ecs[4]["event"]["outcome"]), (&"event".into(), &"failure".into()));
    assert_eq!(ecs[1]["event"]["id"], ocsf[1]["metadata"]["uid"]);
    // One request, one resource a host.
    let otlp = rows("otlp");
    let records = otlp[0].pointer("/resourceLogs/0/scopeLogs/0/logRecords").unwrap().as_array().unwrap();
    assert_eq!((otlp.len(), records.len()), (1, 5));
    let nmap = &records[1];
    assert_eq!(nmap["timeUnixNano"], "1751068240000000000");
    assert_eq!((&nmap["severityNumber"], &nmap["severityText"]), (&17.into(), &"high".into()));
    let attribute = |record: &serde_json::Value, key: &str| {
        let all = record["attributes"].as_array().unwrap().clone();
        all.into_iter().find(|a| a["key"] == key).map(|a| a["value"].clone())
    };
    let uid = attribute(nmap, "log.record.uid").unwrap();
    assert_eq!(uid["stringValue"], ocsf[1]["metadata"]["uid"]);
    assert_eq!(attribute(&records[4], "process.exit.code"), Some(serde_json::json!({"intValue": "3"})));
    assert_eq!(attribute(nmap, "process.exit.code"), None);
}
