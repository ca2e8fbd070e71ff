//! The recorder as a process: killed at any moment, with files that somebody changes, and shells that wait for it.

mod pty;

use pty::{PROMPT, Pty, SHMON};
use rusqlite::Connection;
use shmon_core::spool::Writer;
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(config: &str) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("spool")).expect("a folder");
        std::fs::write(folder.path().join("config.toml"), config).expect("a configuration");
        Place { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn shmon(&self, args: &[&str]) -> Output {
        Command::new(SHMON).arg("--home").arg(self.path()).args(args).output().expect("shmon")
    }

    fn drain(&self) -> String {
        let output = self.shmon(&["drain"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn daemon(&self) -> Daemon {
        let mut command = Command::new(SHMON);
        command.arg("--home").arg(self.path()).args(["daemon", "--idle-exit", "0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Daemon(command.spawn().expect("a recorder"))
    }

    fn database(&self) -> Connection {
        Connection::open(self.path().join("db/monitor.db")).expect("the database")
    }

    /// Commands and how often each is there; `like` is a pattern of SQL.
    fn commands(&self, like: &str) -> BTreeMap<String, u32> {
        let db = self.database();
        let mut query = db
            .prepare("SELECT command, count(*) FROM command_logs WHERE command LIKE ?1 GROUP BY 1")
            .unwrap();
        let rows = query.query_map([like], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn notices(&self) -> Vec<String> {
        let found = self.commands("shmon notice %");
        found.into_keys().map(|text| text["shmon notice ".len()..].to_owned()).collect()
    }

    /// How many commands the sessions of this test's shells say that they have.
    fn counted(&self) -> Vec<u32> {
        let db = self.database();
        let mut query =
            db.prepare("SELECT commands FROM sessions WHERE session_id LIKE ?1 ORDER BY 1").unwrap();
        let rows = query.query_map([format!("{}-%", std::process::id())], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// The socket at which the shell of this number asks, and its session.
    fn asked(&self, number: u32) -> (PathBuf, String) {
        (self.path().join("run/shmon.sock"), format!("{}-{number}", std::process::id()))
    }

    /// A shell's file. The process is this test, so the shell lives.
    fn shell(&self, number: u32) -> Shell {
        let name = format!("{}-{number}", std::process::id());
        let mut writer = Writer::open(&self.path().join("spool"), &name, false).expect("a spool");
        let about = format!("pid={}\nshell=bash 5", std::process::id());
        writer.append("s1 0 5.0", 0, b"/", about.as_bytes()).expect("the description");
        Shell { file: self.path().join(format!("spool/{name}.spool")), writer }
    }
}

/// A recorder that doesn't outlive its test, however that ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // Most have ended, as the test wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Shell {
    file: PathBuf,
    writer: Writer,
}

impl Shell {
    fn run(&mut self, sequence: u64, command: &str) {
        self.writer
            .append(&format!("b1 {sequence} 5.0 test"), sequence, b"/", command.as_bytes())
            .expect("a begin");
        self.writer.append(&format!("e1 {sequence} 6.0 3 5.0"), sequence, b"", b"").expect("an end");
    }
}

fn kill(recorder: &mut Daemon, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_child(&recorder.0);
    rustix::process::kill_process(pid, signal).expect("our own process");
}

fn appears(path: &Path) {
    let until = Instant::now() + PATIENCE;
    while !path.exists() {
        assert!(Instant::now() < until, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_recorder_that_is_killed_at_any_moment_records_everything_once() {
    const SHELLS: u32 = 8;
    const COMMANDS: u64 = 400;
    let place = Place::new("");
    let mut seed = u64::from(std::process::id()) | 1;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..SHELLS)
            .map(|number| {
                let mut shell = place.shell(number);
                let place = &place;
                scope.spawn(move || {
                    let (socket, session) = place.asked(number);
                    for sequence in 1..=COMMANDS {
                        let command = format!("work {number} {sequence}");
                        shell.run(sequence, &command);
                        // Half of them wait, whether somebody answers or dies meanwhile.
                        let brief = Duration::from_millis(20);
                        if number % 2 == 0
                            && shmon_core::recorder::door::ask(&socket, &session, sequence, brief)
                        {
                            assert_eq!(place.commands(&command).len(), 1, "{command} was answered for");
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        let mut kills = 0;
        while kills < 20 || writers.iter().any(|writer| !writer.is_finished()) {
            let awake = place.path().join("run/awake");
            let _ = std::fs::remove_file(&awake);
            let mut recorder = place.daemon();
            if kills % 2 == 1 {
                // Every other one is at work by then, however slow the machine.
                appears(&awake);
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis((seed >> 33) % 60));
            kill(&mut recorder, rustix::process::Signal::KILL);
            recorder.0.wait().expect("its end");
            kills += 1;
        }
    });
    place.drain();
    let found = place.commands("work %");
    assert_eq!(found.len(), (u64::from(SHELLS) * COMMANDS) as usize);
    assert!(found.values().all(|count| *count == 1), "something was recorded twice");
    let unfinished: u32 = place
        .database()
        .query_row(
            "SELECT count(*) FROM command_logs WHERE command LIKE 'work %' AND exit_status IS NOT 3",
            [],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(unfinished, 0, "an end was lost");
    assert_eq!(place.counted(), vec![COMMANDS as u32; SHELLS as usize], "sessions count their commands");
    let again = place.drain();
    assert!(again.starts_with("0 commands, 0 ends, 0 notices; 0 were"), "{again}");
    let notices = place.notices();
    assert!(notices.iter().any(|text| text.starts_with("recorder-killed ")), "{notices:?}");
    let lost = |text: &&String| text.starts_with("sequence-gap") || text.starts_with("spool-");
    assert_eq!(notices.iter().find(lost), None);
    assert!(place.shmon(&["verify"]).status.success());
}

#[test]
fn what_happens_to_a_spool_is_noticed() {
    type Change = fn(&Place, &mut Shell);
    let cases: [(&str, Change, &str); 5] = [
        ("truncated", |_, shell| std::fs::write(&shell.file, "").unwrap(), "spool-truncated"),
        (
            "edited",
            |_, shell| {
                let text = std::fs::read(&shell.file).unwrap();
                let text: Vec<u8> = text.iter().map(|b| if *b == b'S' { b'X' } else { *b }).collect();
                std::fs::write(&shell.file, text).unwrap();
            },
            "spool-edited",
        ),
        ("removed", |_, shell| std::fs::remove_file(&shell.file).unwrap(), "spool-removed"),
        (
            "a number left out",
            |_, shell| shell.run(9, "late"),
            "sequence-gap '6 entries are missing, number 3 to 8'",
        ),
        (
            "another database",
            |place, _| {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(place.path().join(format!("db/monitor.db{suffix}")));
                }
            },
            "database-replaced",
        ),
    ];
    for (name, change, notice) in cases {
        let place = Place::new("");
        let mut shell = place.shell(1);
        shell.run(1, "echo SECRET");
        shell.run(2, "echo SECRET again");
        place.drain();
        assert_eq!(place.notices(), Vec::<String>::new(), "{name}");
        change(&place, &mut shell);
        place.drain();
        let told = place.notices();
        assert!(told.len() == 1 && told[0].starts_with(notice), "{name}: {told:?}");
        assert_eq!(
            place.commands("echo SECRET%").values().sum::<u32>(),
            2,
            "{name}: nothing is lost or doubled"
        );
        place.drain();
        assert_eq!(place.notices().len(), 1, "{name}: it is told once");
    }
}

#[test]
fn a_shell_that_waits_is_answered_when_its_command_is_recorded() {
    let place = Place::new("[capture]\nack = true\n");
    let mut shell = place.shell(1);
    let mut recorder = place.daemon();
    let (socket, session) = place.asked(1);
    appears(&socket);
    let ask = |session: &str, n| shmon_core::recorder::door::ask(&socket, session, n, PATIENCE);
    for sequence in 1..=20 {
        shell.run(sequence, &format!("acked {sequence}"));
        assert!(ask(&session, sequence));
        assert_eq!(place.commands("acked %").len() as u64, sequence, "recorded when the answer comes");
    }
    assert!(!ask("1-1", 1), "another's session is refused");
    kill(&mut recorder, rustix::process::Signal::STOP);
    shell.run(21, "acked 21");
    let brief = Duration::from_millis(50);
    assert!(!shmon_core::recorder::door::ask(&socket, &session, 21, brief), "nobody answers");
    kill(&mut recorder, rustix::process::Signal::CONT);
    assert!(ask(&session, 21));
    kill(&mut recorder, rustix::process::Signal::TERM);
    assert!(recorder.0.wait().expect("its end").success());
    assert!(!place.path().join("state/recorder").exists() && !place.path().join("run/awake").exists());
    assert_eq!(place.notices(), Vec::<String>::new());
    // What nobody waited for was done before it ended.
    assert_eq!(place.counted(), [21]);
    assert!(place.drain().starts_with("0 commands, 0 ends, 0 notices; 0 were"));
}

#[test]
fn what_was_answered_for_is_committed_with_its_place_and_counted_by_whoever_comes_next() {
    let place = Place::new("");
    let mut shell = place.shell(1);
    let mut recorder = place.daemon();
    let (socket, session) = place.asked(1);
    appears(&socket);
    for sequence in 1..=5 {
        shell.run(sequence, "asked for");
        assert!(shmon_core::recorder::door::ask(&socket, &session, sequence, PATIENCE));
    }
    kill(&mut recorder, rustix::process::Signal::KILL);
    recorder.0.wait().expect("its end");
    assert!(place.shmon(&["verify"]).status.success(), "what isn't counted yet is no difference");
    // It had read them to the end, and said so in the same commit: nothing is read twice.
    let drained = place.drain();
    assert!(drained.contains("0 commands, 0 ends"), "{drained}");
    assert!(drained.contains("; 0 were"), "{drained}");
    assert!(place.shmon(&["record", "--session", "other", "true"]).status.success());
    assert_eq!(place.counted(), [5]);
    assert!(place.shmon(&["verify"]).status.success());
}

#[test]
fn sessions_are_counted_soon_after_the_answer() {
    let place = Place::new("");
    let mut shell = place.shell(1);
    let _recorder = place.daemon();
    let (socket, session) = place.asked(1);
    appears(&socket);
    shell.run(1, "asked for");
    assert!(shmon_core::recorder::door::ask(&socket, &session, 1, PATIENCE));
    let until = Instant::now() + PATIENCE;
    // Nothing else wakes the recorder.
    while place.counted() != [1] {
        assert!(Instant::now() < until, "the count doesn't come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_commit_that_fails_is_not_answered_for() {
    let place = Place::new("");
    let mut shell = place.shell(1);
    shell.run(1, "before");
    let mut recorder = place.daemon();
    appears(&place.path().join("run/awake"));
    let (socket, session) = place.asked(1);
    assert!(shmon_core::recorder::door::ask(&socket, &session, 1, PATIENCE));
    // Another program holds the database for longer than the recorder's patience with it.
    let db = place.database();
    db.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    shell.run(2, "meanwhile");
    assert!(!shmon_core::recorder::door::ask(&socket, &session, 2, Duration::from_secs(13)));
    db.execute_batch("COMMIT").expect("its end");
    assert!(shmon_core::recorder::door::ask(&socket, &session, 2, PATIENCE));
    assert_eq!(place.commands("meanwhile").len(), 1);
    kill(&mut recorder, rustix::process::Signal::TERM);
    recorder.0.wait().expect("its end");
}

#[test]
fn after_a_failure_a_recorder_that_is_asked_pauses() {
    let place = Place::new("");
    let mut shell = place.shell(1);
    let errors = place.path().join("errors");
    let file = std::fs::File::create(&errors).expect("a file");
    let mut command = Command::new(SHMON);
    command
        .arg("--home")
        .arg(place.path())
        .args(["daemon", "--idle-exit", "0"])
        .stdout(Stdio::null())
        .stderr(file);
    let _recorder = Daemon(command.spawn().expect("a recorder"));
    let (socket, session) = place.asked(1);
    appears(&place.path().join("run/awake"));
    shell.run(1, "before");
    assert!(shmon_core::recorder::door::ask(&socket, &session, 1, PATIENCE));
    // Each commit fails at once.
    let fail =
        "CREATE TRIGGER fail BEFORE INSERT ON command_logs BEGIN SELECT RAISE(ABORT, 'on purpose'); END";
    place.database().execute_batch(fail).expect("a trigger");
    shell.run(2, "meanwhile");
    assert!(!shmon_core::recorder::door::ask(&socket, &session, 2, Duration::from_secs(1)));
    let tries = std::fs::read_to_string(&errors).expect("text").matches("on purpose").count();
    assert!((1..=5).contains(&tries), "{tries} tries in a second");
    place.database().execute_batch("DROP TRIGGER fail").expect("no trigger");
    assert!(shmon_core::recorder::door::ask(&socket, &session, 2, PATIENCE));
    assert_eq!(place.commands("meanwhile").len(), 1);
}

#[test]
fn with_ack_a_command_runs_when_it_is_recorded_and_a_stopped_recorder_keeps_no_prompt() {
    pty::build_builtin();
    // So long a busy machine may take, and the one prompt that waits for a stopped recorder.
    let place = Place::new("[capture]\nack = true\nack_wait_ms = 15000\n");
    let mut recorder = place.daemon();
    appears(&place.path().join("run/awake"));
    let hook = place.shmon(&["hook", "bash"]).stdout;
    let rc = place.path().join("rc");
    std::fs::write(&rc, [format!("PS1='{PROMPT}'\n").as_bytes(), &hook].concat()).expect("a start-up file");
    let command = ["bash", "--noprofile", "--rcfile", rc.to_str().expect("text"), "-i"];
    let path = std::env::var("PATH").expect("PATH");
    let env = [("PATH", path.as_str()), ("TERM", "dumb"), ("HOME", place.path().to_str().expect("text"))];
    let mut shell = Pty::start(&command, place.path(), &env);
    shell.prompt(0).expect("a prompt");
    let mut line = |text: &str| {
        let from = shell.length();
        shell.send(&format!("{text}\r"));
        shell.prompt(from).expect("a prompt");
        shell.text()[from..].to_owned()
    };
    for n in 1..=20 {
        // The command finds itself in the database.
        let shown = line(&format!(
            "sqlite3 db/monitor.db \"select 'rows', count(*) from command_logs where command like '%no {n}.%'\" # no {n}."
        ));
        assert!(shown.contains("rows|1"), "{shown}");
    }
    kill(&mut recorder, rustix::process::Signal::STOP);
    for n in 1..=5 {
        assert!(line(&format!("echo stop''ped {n}")).contains(&format!("stopped {n}")));
    }
    kill(&mut recorder, rustix::process::Signal::CONT);
    let until = Instant::now() + PATIENCE;
    while place.commands("echo stop''ped %").len() < 5 {
        assert!(Instant::now() < until, "not recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
    // It is waited for again.
    let shown = line(
        "sqlite3 db/monitor.db \"select 'rows', count(*) from command_logs where command like '%afterwards%'\"",
    );
    assert!(shown.contains("rows|1"), "{shown}");
    kill(&mut recorder, rustix::process::Signal::TERM);
    recorder.0.wait().expect("its end");
}

/// Rows in the order in which they were recorded, each as text, without what differs from run to run.
fn rows(place: &Place) -> Vec<String> {
    let db = place.database();
    let columns = "session_id, command, command_hash, working_directory, execution_time, risk_level, is_sensitive, created_at, \
        duration_ns, exit_status, user, uid, host, tty, pid, ppid, shell, ssh_client, parent_session, started_at_ns, rule_ids";
    let given = "CASE WHEN event_key LIKE 'record:%' THEN NULL ELSE event_key END";
    let sql = format!("SELECT json_array({columns}, {given}) FROM command_logs ORDER BY id");
    let mut query = db.prepare(&sql).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_command_recorded_by_hand_is_the_same_with_a_recorder_and_without() {
    let calls: [&[&str]; 8] = [
        &[
            "--session",
            "s1",
            "--cwd",
            "/srv/日本",
            "--exit",
            "0",
            "--time",
            "1751068230.123456789",
            "nmap -sV host",
        ],
        &["--exit", "-1", "--duration", "1.5", "--time", "2025-06-28 08:50:30", "--", "rm", "-rf", "/"],
        &["--time", "5", "--shell", "fish", "--key", "k1", "mysql -psecret"],
        &["--time", "6", "--key", "k1", "--exit", "7", "something else"],
        &["--time", "7", "--session", "two\nlines", "cp a name that the spool's form can't hold"],
        &["--time", "8", "ls"],
        &["--time", "9", "cp", "several\nlines", "\t 'and' \u{1b}bytes"],
        &["--time", "10", "--session", "s1", "--shell", "", "true"],
    ];
    let (with, without) =
        (Place::new("[exclude]\nmode = 'drop'\n"), Place::new("[exclude]\nmode = 'drop'\n"));
    let mut recorder = with.daemon();
    appears(&with.path().join("run/awake"));
    for call in calls {
        let said = |place: &Place| {
            let all: Vec<&str> =
                ["record", "--wait", "60000", "--format", "jsonl"].iter().chain(call).copied().collect();
            let output = place.shmon(&all);
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        assert_eq!(said(&with), said(&without), "{call:?}");
    }
    assert_eq!(rows(&with), rows(&without));
    let count =
        |place: &Place, sql: &str| place.database().query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let spooled = "SELECT count(*) FROM command_logs WHERE event_key LIKE 'record:%'";
    assert_eq!((count(&with, spooled), count(&without, spooled)), (4, 0), "which way they went");
    let left = || std::fs::read_dir(with.path().join("spool")).unwrap().count();
    assert_eq!(left(), 0, "what is recorded isn't kept in the spool");

    // A recorder that hangs: the command waits in the spool, and is recorded once.
    kill(&mut recorder, rustix::process::Signal::STOP);
    let output = with.shmon(&["record", "--session", "s1", "sleep hangs"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout.is_empty() && told.lines().count() == 1, "{output:?}");
    assert!(told.contains("doesn't answer") && told.contains("waits in"), "{told}");
    kill(&mut recorder, rustix::process::Signal::CONT);
    let output = with.shmon(&["record", "--wait", "60000", "--session", "s1", "sleep goes on"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let until = Instant::now() + PATIENCE;
    while with.commands("sleep hangs") != BTreeMap::from([("sleep hangs".to_owned(), 1)]) {
        assert!(Instant::now() < until, "not recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(&mut recorder, rustix::process::Signal::TERM);
    assert!(recorder.0.wait().expect("its end").success());
    assert_eq!((with.notices(), left()), (Vec::new(), 0));
    assert!(with.shmon(&["verify"]).status.success());
}

#[test]
fn a_command_that_nobody_waits_for_starts_the_recorder() {
    let place = Place::new("");
    for n in 1..=3 {
        let output = place.shmon(&["record", "--no-wait", "--session", "s1", &format!("echo {n}")]);
        assert!(
            output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(),
            "{output:?}"
        );
    }
    let awake = place.path().join("run/awake");
    let until = Instant::now() + PATIENCE;
    while !awake.exists() || place.commands("echo %").len() < 3 {
        assert!(Instant::now() < until, "not recorded");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid: i32 = std::fs::read_to_string(&awake).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .expect("the recorder that this test started");
    while awake.exists() {
        assert!(Instant::now() < until, "the recorder doesn't end");
        std::thread::sleep(Duration::from_millis(20));
    }
}
