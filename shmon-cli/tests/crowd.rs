//! A hundred shells at once, and not one line lost.

mod pty;

use pty::{PROMPT, Pty, SHMON, build_builtin};
use rusqlite::Connection;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const SHELLS: i64 = 100;
const COMMANDS: i64 = 100;
/// The longest that the recorder may take for the last rows.
const PATIENCE: Duration = Duration::from_secs(120);

fn rows(home: &Path) -> rusqlite::Result<(i64, i64)> {
    let db = Connection::open(home.join("monitor/db/monitor.db"))?;
    db.query_row(
        "SELECT count(*), count(DISTINCT command) FROM command_logs WHERE command LIKE ': shell %'",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Half of the shells with the loadable builtin, half without; every one types ahead as fast as its terminal takes it.
#[test]
fn a_hundred_shells_at_once_lose_nothing() {
    build_builtin();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    std::fs::write(home.join(".bashrc"), format!("PS1='{PROMPT}'\n")).unwrap();
    let path = home.to_str().unwrap();
    let mut init = Command::new(SHMON);
    init.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").args(["init", "--yes"]);
    assert!(init.output().unwrap().status.success());
    let mut shells: Vec<Pty> = (0..SHELLS)
        .map(|number| {
            let tier = if number % 2 == 0 { "" } else { "shell" };
            let env = [("HOME", path), ("PATH", "/usr/bin:/bin"), ("TERM", "dumb"), ("SHMON_TIER", tier)];
            Pty::start(&["bash", "-i"], home, &env)
        })
        .collect();
    std::thread::scope(|scope| {
        for (number, shell) in shells.iter_mut().enumerate() {
            scope.spawn(move || {
                shell.prompt(0).unwrap();
                for command in 0..COMMANDS {
                    let from = shell.length();
                    shell.send(&format!(": shell {number} command {command}\r"));
                    shell.see(from, PROMPT).unwrap();
                }
                shell.send("exit\r");
                shell.gone().unwrap();
            });
        }
    });
    let until = Instant::now() + PATIENCE;
    let wanted = (SHELLS * COMMANDS, SHELLS * COMMANDS);
    let mut seen = rows(home);
    while !seen.as_ref().is_ok_and(|seen| *seen == wanted) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
        seen = rows(home);
    }
    if let Ok(pid) = std::fs::read_to_string(home.join("monitor/run/awake")) {
        let _ = Command::new("kill").arg(pid.trim()).status();
    }
    assert_eq!(seen.unwrap(), wanted, "rows, and different ones");
}
