//! `shmon import auditd --follow`, killed and started again while the log is written and rotated.

use rusqlite::Connection;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn start(home: &Path, log: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shmon"));
    command.arg("--home").arg(home).args(["import", "auditd", "--follow", "--host", "web1"]).arg(log);
    command.stdout(Stdio::null()).spawn().expect("shmon")
}

fn event(serial: u32, command: &str) -> String {
    let id = format!("msg=audit(1700000000.{serial:03}:{serial})");
    format!(
        "type=SYSCALL {id}: arch=c000003e syscall=59 success=yes ppid=1 pid=9 auid=4000000001 uid=0 tty=pts3 ses=4 \
         exe=\"/usr/bin/{command}\" key=\"shmon\"\ntype=EXECVE {id}: argc=2 a0=\"{command}\" a1=\"-x\"\ntype=PROCTITLE {id}: proctitle=\"{command}\"\n"
    )
}

/// Waits for so many rows; their commands and users.
fn rows(home: &Path, count: usize) -> Vec<(String, String)> {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        let found = Connection::open(home.join("db/monitor.db")).ok().and_then(|db| {
            let mut query = db.prepare("SELECT command, user FROM command_logs ORDER BY id").ok()?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
            rows.collect::<Result<Vec<(String, String)>, _>>().ok()
        });
        let found = found.unwrap_or_default();
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {count} rows: {found:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn executions_are_recorded_once_whatever_happens_to_the_reader() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, log) = (folder.path().join("home"), folder.path().join("audit.log"));
    std::fs::create_dir(&home).expect("a folder");
    std::fs::write(&log, event(1, "first")).expect("a log");
    let mut reader = start(&home, &log);
    assert_eq!(rows(&home, 1), [("first -x".to_owned(), "4000000001".to_owned())]);
    reader.kill().expect("our own process");
    reader.wait().expect("its end");
    // Nobody reads while one file is written to its end and the next begun.
    std::fs::rename(&log, folder.path().join("audit.log.1")).expect("a rotation");
    let mut old =
        std::fs::File::options().append(true).open(folder.path().join("audit.log.1")).expect("the old log");
    std::io::Write::write_all(&mut old, event(2, "second").as_bytes()).expect("a line");
    std::fs::write(&log, event(3, "third")).expect("a new log");
    let mut reader = start(&home, &log);
    let names: Vec<String> = rows(&home, 3).into_iter().map(|(command, _)| command).collect();
    assert_eq!(names, ["first -x", "second -x", "third -x"]);
    reader.kill().expect("our own process");
    reader.wait().expect("its end");
}
