//! Every shell, set up by `shmon init` and typed into, down to the rows of the database.

mod pty;

use pty::{PROMPT, Pty, SHMON, Target, build_builtin, targets};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The longest that a row may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Start-up files as users have them, none of which may lose a byte: no newline at the end, bytes that are no UTF-8.
fn start_up_files() -> [(&'static str, Vec<u8>); 3] {
    [
        (".bashrc", [format!("PS1='{PROMPT}'\n# ").as_bytes(), b"\xb4\xc1\xbb\xfa"].concat()),
        (".zshrc", format!("PS1='{PROMPT}'\nsetopt no_prompt_sp").into_bytes()),
        (
            ".config/fish/config.fish",
            format!("function fish_prompt; echo -n '{PROMPT}'; end\nset -g fish_greeting\n").into_bytes(),
        ),
    ]
}

struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        let home = Home { folder: tempfile::tempdir().unwrap() };
        for (name, text) in start_up_files() {
            let file = home.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn shmon(&self, args: &[&str]) -> String {
        let mut command = Command::new(SHMON);
        command.env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin").args(args);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn recorder(&self) -> PathBuf {
        self.path().join("monitor/run/awake")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.recorder()) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

/// Command, shell, exit status, duration in nanoseconds.
type Row = (String, String, Option<i64>, Option<i64>);

fn read(home: &Home) -> rusqlite::Result<Vec<Row>> {
    let db = Connection::open(home.path().join("monitor/db/monitor.db"))?;
    let mut query =
        db.prepare("SELECT command, shell, exit_status, duration_ns FROM command_logs ORDER BY id")?;
    let rows = query.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?;
    rows.collect()
}

/// The four rows of a shell, of which the last ended with it.
fn rows(home: &Home, target: &Target) -> Vec<Row> {
    let until = Instant::now() + PATIENCE;
    loop {
        // The recorder may be writing just now.
        let rows = read(home);
        if let Ok(rows) = &rows
            && rows.len() >= 4
            && rows[..3].iter().all(|row| row.2.is_some())
        {
            return rows.clone();
        }
        assert!(Instant::now() < until, "{}: waited in vain for four rows: {rows:#?}", target.name);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn types(target: &Target, home: &Home) {
    let path = home.path().to_str().unwrap();
    let env = [("HOME", path), ("PATH", &target.path()), ("TERM", "dumb"), ("SHMON_TIER", target.tier)];
    let mut shell = Pty::start(&[target.shell, "-i"], home.path(), &env);
    shell.prompt(0).unwrap();
    for line in ["sleep 0.25", "false", "true | cat", "exit"] {
        let from = shell.length();
        shell.send(line);
        shell.send("\r");
        shell.prompt(from).unwrap();
    }
    shell.gone().unwrap();
}

#[test]
fn what_is_typed_has_its_shell_status_and_duration() {
    build_builtin();
    for target in &targets() {
        let home = Home::new();
        home.shmon(&["init", "--yes"]);
        types(target, &home);
        let rows = rows(&home, target);
        let seen: Vec<_> = rows.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2)).collect();
        let wanted = ["sleep 0.25", "false", "true | cat"].into_iter().zip([0, 1, 0]);
        let wanted: Vec<_> = wanted.map(|(text, status)| (text, target.shell, Some(status))).collect();
        assert_eq!(seen[..3], wanted, "{}", target.name);
        assert_eq!((rows[3].0.as_str(), rows.len()), ("exit", 4), "{}", target.name);
        let durations: Vec<_> = rows[..3].iter().map(|row| row.3.expect("a duration")).collect();
        // Not shorter than it was; the clock of fish has steps of 10 ms.
        assert!(durations[0] >= 240_000_000, "{}: {durations:?}", target.name);
        assert!(durations[1..].iter().all(|d| *d >= 0), "{}: {durations:?}", target.name);
    }
}

#[test]
fn set_up_and_taken_away_leaves_every_byte() {
    let home = Home::new();
    let said = home.shmon(&["init", "--yes"]);
    for shell in ["bash", "zsh", "fish"] {
        assert!(said.contains(&format!("hook.{shell}")), "{said}");
    }
    let fish = home.path().join(".config/fish/conf.d/shmon.fish");
    assert!(std::fs::read_to_string(&fish).unwrap().contains("source "));
    home.shmon(&["init", "--uninstall"]);
    assert!(!fish.exists(), "a file that was ours alone is gone");
    for (name, text) in start_up_files() {
        assert_eq!(std::fs::read(home.path().join(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn a_shell_that_the_user_has_not_is_left_alone() {
    let home = Home::new();
    std::fs::remove_file(home.path().join(".zshrc")).unwrap();
    std::fs::remove_dir_all(home.path().join(".config")).unwrap();
    home.shmon(&["init", "--yes"]);
    assert!(!home.path().join(".zshrc").exists() && !home.path().join(".config").exists());
}
