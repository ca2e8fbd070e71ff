//! `shmon record` and the recorder where the database can't be written: full, read-only, forbidden, held. Nothing is lost,
//! and what happened is told in one line.
//!
//! Full and read-only file systems are real ones: a tmpfs in a mount namespace of the test's own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const SHMON: &str = env!("CARGO_BIN_EXE_shmon");

/// How a mount namespace is had here: as root, or as a user who may map ids; `None` where neither is allowed.
fn namespace() -> Option<Vec<&'static str>> {
    let ways = [vec!["unshare", "--mount"], vec!["unshare", "--user", "--map-root-user", "--mount"]];
    let works = |way: &Vec<&str>| {
        let folder = tempfile::tempdir().unwrap();
        Command::new(way[0])
            .args(&way[1..])
            .args(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let way = ways.into_iter().find(works);
    if way.is_none() {
        eprintln!("SKIPPED: no mount namespace is allowed here, so no file system can be full");
    }
    way
}

/// Runs a script in a mount namespace, with `$HOME_DIR` as home of shmon and `shmon` on the path.
fn script(home: &Path, text: &str) -> Option<Output> {
    let way = namespace()?;
    let bin = Path::new(SHMON).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new(way[0])
        .args(&way[1..])
        .args(["bash", "-ec", text])
        .env("SHMON_HOME", home)
        .env("PATH", path)
        .output()
        .unwrap();
    Some(output)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_full_disk_sends_commands_to_the_spool_and_they_come_back() {
    let home = tempfile::tempdir().unwrap();
    // The database alone has the full disk. What the log of a test shows is all that was said.
    let Some(output) = script(
        home.path(),
        r#"
        mkdir "$SHMON_HOME/db"
        mount -t tmpfs -o size=1m tmpfs "$SHMON_HOME/db"
        shmon record --session s --key a 'echo before'
        dd if=/dev/zero of="$SHMON_HOME/db/ballast" bs=4k status=none 2>/dev/null || true
        for n in 1 2 3; do shmon record --session s --key "full:$n" "nmap full-$n"; done
        ls "$SHMON_HOME/spool" | wc -l
        shmon search full --count || true
        rm "$SHMON_HOME/db/ballast"
        shmon drain
        shmon search full --count
        shmon drain
        shmon search full --count
        shmon verify | head -1
        "#,
    ) else {
        return;
    };
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[1..3], ["3", "0"], "{out}\n{err}");
    assert_eq!((lines[4], lines[6]), ("3", "3"), "{out}\n{err}");
    assert!(lines[7].starts_with("4 rows and"), "{out}\n{err}");
    let told: Vec<&str> = err.lines().collect();
    assert_eq!(told.len(), 3, "one line for each command: {err}");
    assert!(told.iter().all(|line| line.contains("full") && line.contains("waits in")), "{err}");
}

#[test]
fn where_nothing_can_be_written_it_is_told_in_one_line() {
    let home = tempfile::tempdir().unwrap();
    let Some(output) = script(
        home.path(),
        r#"
        mount -t tmpfs -o size=1m tmpfs "$SHMON_HOME"
        shmon record --session s --key a 'echo before' -q
        dd if=/dev/zero of="$SHMON_HOME/ballast" bs=4k status=none 2>/dev/null || true
        status=0; shmon record --session s --key b 'echo during' || status=$?
        echo "$status"
        rm "$SHMON_HOME/ballast"
        shmon record --session s --key c 'echo after' -q
        shmon search echo --count
        shmon verify | head -1
        "#,
    ) else {
        return;
    };
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..2], ["2", "2"], "{out}\n{err}");
    assert!(lines[2].starts_with("2 rows"), "{out}");
    assert!(err.lines().count() == 1 && err.contains("the spool can't take it either"), "{err}");
}

#[test]
fn a_read_only_database_sends_commands_to_the_spool() {
    let home = tempfile::tempdir().unwrap();
    let Some(output) = script(
        home.path(),
        r#"
        mkdir "$SHMON_HOME/db"
        mount -t tmpfs -o size=4m tmpfs "$SHMON_HOME/db"
        shmon record --session s --key a 'echo before' -q
        mount -o remount,ro "$SHMON_HOME/db"
        shmon record --session s --key b 'echo during' -q
        shmon search echo --count
        shmon verify | head -1
        mount -o remount,rw "$SHMON_HOME/db"
        shmon drain --quiet
        shmon search echo --count
        "#,
    ) else {
        return;
    };
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines[2]), ("1", "2"), "{out}\n{err}");
    assert!(lines[1].starts_with("1 rows and"), "a read-only record is still verified: {out}");
    assert!(err.lines().count() == 1 && err.contains("waits in"), "{err}");
}

fn shmon(home: &Path, args: &[&str]) -> Output {
    Command::new(SHMON).args(args).env("SHMON_HOME", home).output().unwrap()
}

#[test]
fn a_database_that_a_stopped_program_holds_sends_commands_to_the_spool() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let home = tempfile::tempdir().unwrap();
    assert!(shmon(home.path(), &["record", "-q", "--key", "a", "echo before"]).status.success());
    let mut holder = Command::new("sqlite3")
        .arg(home.path().join("db/monitor.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    holder.stdin.as_mut().unwrap().write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n").unwrap();
    let mut said = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let pid = rustix::process::Pid::from_child(&holder);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let output = shmon(home.path(), &["record", "-q", "--key", "b", "echo during"]);
    let err = text(&output.stderr);
    assert!(output.status.success() && err.lines().count() == 1 && err.contains("waits in"), "{err}");
    // Readers don't wait.
    assert_eq!(text(&shmon(home.path(), &["search", "--count"]).stdout), "1\n");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    holder.wait().unwrap();
    assert!(shmon(home.path(), &["drain", "--quiet"]).status.success());
    assert_eq!(text(&shmon(home.path(), &["search", "--count"]).stdout), "2\n");
}

#[test]
fn a_forbidden_database_sends_commands_to_the_spool() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    // Root may write anything, so as root another user does it.
    let root = rustix::process::geteuid().is_root();
    let run = |args: &[&str]| {
        let mut command = if root {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", SHMON]);
            command
        } else {
            Command::new(SHMON)
        };
        command.args(args).env("SHMON_HOME", home.path()).output().unwrap()
    };
    if root {
        // The binary's folder may be closed to others.
        std::os::unix::fs::chown(home.path(), Some(65534), Some(65534)).unwrap();
        if !run(&["--version"]).status.success() {
            eprintln!("SKIPPED: another user can't run {SHMON}");
            return;
        }
    }
    assert!(run(&["record", "-q", "--key", "a", "echo before"]).status.success());
    let db = home.path().join("db");
    let mode = |mode| std::fs::set_permissions(&db, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    let output = run(&["record", "-q", "--key", "b", "echo during"]);
    let err = text(&output.stderr);
    assert!(output.status.success() && err.lines().count() == 1 && err.contains("waits in"), "{err}");
    mode(0o700);
    assert!(run(&["drain", "--quiet"]).status.success());
    assert_eq!(text(&run(&["search", "--count"]).stdout), "2\n");
}

#[test]
fn a_limit_on_the_size_of_files_sends_commands_to_the_spool() {
    let home = tempfile::tempdir().unwrap();
    assert!(shmon(home.path(), &["record", "-q", "--key", "a", "echo before"]).status.success());
    // SIGXFSZ is ignored as a shell's hook does, or the kernel kills the writer.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" record -q --key b 'echo during'";
    let output =
        Command::new("bash").args(["-c", limited, SHMON]).env("SHMON_HOME", home.path()).output().unwrap();
    let err = text(&output.stderr);
    assert!(output.status.success() && err.lines().count() == 1 && err.contains("waits in"), "{err}");
    assert!(shmon(home.path(), &["drain", "--quiet"]).status.success());
    assert_eq!(text(&shmon(home.path(), &["search", "--count"]).stdout), "2\n");
    assert!(shmon(home.path(), &["verify"]).status.success());
}

#[test]
fn a_hundred_shells_at_once_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let line = "for n in 1 2 3 4 5; do \"$0\" record -q --session \"s$1\" --key \"k:$1:$n\" \"echo $1 $n\" || exit 9; done";
    let shells: Vec<_> = (0..100)
        .map(|n| {
            Command::new("bash")
                .args(["-c", line, SHMON, &n.to_string()])
                .env("SHMON_HOME", home.path())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for shell in shells {
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    }
    assert_eq!(text(&shmon(home.path(), &["search", "--count"]).stdout), "500\n");
    let db = rusqlite::Connection::open(home.path().join("db/monitor.db")).unwrap();
    // Each session has its commands in the order in which they were typed.
    let wrong: i64 = db
        .query_row(
            "SELECT count(*) FROM (SELECT session_id, group_concat(substr(command, -1), '') AS digits FROM \
             (SELECT session_id, command FROM command_logs ORDER BY id) GROUP BY session_id) WHERE digits <> '12345'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(wrong, 0);
    assert!(shmon(home.path(), &["verify"]).status.success());
}

/// A quota's error is the kernel's own answer to writes, put in their place by strace: of the shared memory's file first, of
/// the write-ahead log later.
#[test]
fn a_quota_sends_commands_to_the_spool() {
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("trace");
    if Command::new("strace")
        .args(["-qq", "-e", "trace=none", "true"])
        .status()
        .map_or(true, |s| !s.success())
    {
        eprintln!("SKIPPED: strace is missing or may not trace here");
        return;
    }
    assert!(shmon(home.path(), &["record", "-q", "--key", "a", "echo before"]).status.success());
    for first in [1, 9, 10] {
        let inject = format!("inject=pwrite64:error=EDQUOT:when={first}+");
        let key = format!("q:{first}");
        let output = Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(&log)
            .args(["-e", &inject, SHMON, "record", "-q", "--session", "s", "--key", &key, "nmap host"])
            .env("SHMON_HOME", home.path())
            .output()
            .unwrap();
        let (err, trace) = (text(&output.stderr), std::fs::read_to_string(&log).unwrap());
        assert!(trace.contains("EDQUOT"), "write {first} was one: {trace}");
        assert!(output.status.success(), "{err}");
        assert!(err.lines().count() == 1 && err.contains("waits in"), "{err}");
    }
    assert!(shmon(home.path(), &["drain", "--quiet"]).status.success());
    assert_eq!(text(&shmon(home.path(), &["search", "nmap", "--count"]).stdout), "3\n");
    assert_eq!(shmon(home.path(), &["verify"]).status.code(), Some(0));
}
