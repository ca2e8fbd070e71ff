//! Real shells on real terminals of which nothing is heard, and shells that come from another one.

mod pty;

use pty::{PROMPT, Pty, SHMON};
use shmon_core::Monitor;
use shmon_core::config::{Config, Home};
use shmon_core::recorder::{Recorder, Silence};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A home with the hook of bash, and a start-up file that reads it.
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder") };
        let home = place.folder.path();
        std::fs::create_dir(home.join("run")).expect("a folder");
        // A recorder seems to run (this test), so no shell starts one.
        std::fs::write(home.join("run/awake"), format!("{}\n", std::process::id())).expect("a file");
        let hook =
            Command::new(SHMON).arg("--home").arg(home).args(["hook", "bash"]).output().expect("shmon");
        let start = format!("PS1='{PROMPT}'\n");
        std::fs::write(place.rc(), [start.as_bytes(), &hook.stdout].concat()).expect("a start-up file");
        place
    }

    fn rc(&self) -> PathBuf {
        self.folder.path().join("rc")
    }

    fn shell(&self, arguments: &[&str]) -> Pty {
        let path = std::env::var("PATH").expect("PATH");
        let home = self.folder.path().to_str().expect("text");
        let env = [
            ("HOME", home),
            ("PATH", &path),
            ("TERM", "xterm"),
            ("SHMON_TIER", "shell"),
            ("PS1", PROMPT),
            ("TMUX_TMPDIR", home),
        ];
        let mut shell = Pty::start(arguments, self.folder.path(), &env);
        shell.prompt(0).expect("a prompt");
        shell
    }

    fn hooked(&self) -> Pty {
        self.shell(&["bash", "--noprofile", "--rcfile", self.rc().to_str().expect("text"), "-i"])
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("db/monitor.db")).expect("the database")
    }
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_shell_without_a_hook_and_one_that_says_nothing_are_noticed_once() {
    let place = Place::new();
    let home = Home::new(place.folder.path());
    let mut monitor = Monitor::open(&home, Config::default()).expect("a monitor");
    let mut recorder = Recorder::open(&home).expect("a recorder");
    let mut silence = Silence::after(0.1, 0.5);
    let mut heard = place.hooked();
    let unheard = place.shell(&["bash", "--norc", "--noprofile", "-i"]);
    let mut told: Vec<(u32, String)> = Vec::new();
    let mut look = |told: &mut Vec<(u32, String)>| {
        recorder.drain(&mut monitor).expect("a drain");
        // Other shells of this user may sit on terminals of their own.
        told.extend(
            silence
                .look(&recorder, false)
                .into_iter()
                .filter_map(|event| Some((event.pid?, String::from_utf8(event.command).ok()?))),
        );
    };
    let has = |told: &[(u32, String)], pid, what: &str| {
        told.iter().filter(|(of, text)| *of == pid && text.contains(what)).count()
    };
    wait("a shell without a hook", || {
        look(&mut told);
        has(&told, unheard.pid(), "shell-unwatched") == 1
    });
    // The hook is put out of the way behind its own back: this line's end is still written, and nothing after it.
    let from = heard.length();
    heard.send("PROMPT_COMMAND+='; _shmon_spool=/dev/null'\r");
    heard.prompt(from).expect("a prompt");
    // The start of a process is known so finely: what began with the shell's last word may belong to its prompt.
    std::thread::sleep(Duration::from_millis(2500));
    heard.send("sleep 300\r");
    let child = std::cell::Cell::new(0);
    wait("the program", || {
        let children = format!("/proc/{0}/task/{0}/children", heard.pid());
        let children = std::fs::read_to_string(children).unwrap_or_default();
        child.set(children.split_whitespace().next().and_then(|pid| pid.parse().ok()).unwrap_or(0));
        child.get() != 0
    });
    wait("a shell that says nothing", || {
        look(&mut told);
        has(&told, child.get(), "shell-silent") == 1
    });
    look(&mut told);
    assert_eq!((has(&told, unheard.pid(), ""), has(&told, child.get(), "")), (1, 1), "{told:?}");
    assert_eq!(has(&told, heard.pid(), "shell-unwatched"), 0, "{told:?}");
    heard.send("\u{3}");
}

#[test]
fn a_shell_within_another_is_its_child_by_whatever_way() {
    let place = Place::new();
    let rc = place.rc().to_str().expect("text").to_owned();
    let inner = format!("SHMON_TIER=shell exec bash --noprofile --rcfile {rc} -i");
    let ways: Vec<(&str, String)> = vec![
        ("bash", format!("bash --noprofile --rcfile {rc} -i")),
        ("su", format!("su -l root -c '{inner}'")),
        ("sudo", format!("sudo -i bash -c '{inner}'")),
        ("tmux", format!("tmux -f /dev/null new-session \"{inner}\"")),
        ("screen", format!("screen -c /dev/null -S s bash -c \"{inner}\"")),
    ];
    for (program, line) in ways {
        let root = rustix::process::geteuid().is_root();
        if !installed(program) || !root && ["su", "sudo"].contains(&program) {
            eprintln!("SKIPPED: {program} is not to be had here");
            continue;
        }
        let mut outer = place.hooked();
        outer.send(&format!("{line}\r"));
        let typed = format!("true inside {program}");
        wait(program, || {
            // Typed until the inner shell reads it.
            outer.send(&format!("{typed}\r"));
            std::thread::sleep(Duration::from_millis(300));
            spooled(place.folder.path()).contains(&typed)
        });
        let drained = Command::new(SHMON).arg("--home").arg(place.folder.path()).arg("drain").output();
        assert!(drained.expect("shmon").status.success());
        let sql = "SELECT s.parent_session, c.session_id FROM command_logs c JOIN sessions s USING (session_id) \
            WHERE c.command = ?1 ORDER BY c.id DESC LIMIT 1";
        let (parent, own): (Option<String>, String) = place
            .database()
            .query_row(sql, [&typed], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("the command");
        let parent = parent.unwrap_or_default();
        assert!(
            parent.starts_with(&format!("{}-", outer.pid())),
            "{program}: {parent} is the parent of {own}"
        );
        // The terminal is closed: the inner shell ends as it would without us.
        drop(outer);
        if program == "tmux" {
            let _ = Command::new("tmux").arg("kill-server").env("TMUX_TMPDIR", place.folder.path()).status();
        }
        let pid = own.split('-').next().expect("a pid").to_owned();
        if program == "screen" {
            let _ = Command::new("kill").args(["-HUP", &pid]).status();
        }
        wait("the end of the inner shell", || !Path::new("/proc").join(&pid).exists());
    }
}

fn installed(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(program).exists())
}

/// The commands that wait in the spool.
fn spooled(home: &Path) -> Vec<String> {
    use shmon_core::spool::{Kind, Piece, Reader, SUFFIX};
    let mut found = Vec::new();
    for file in std::fs::read_dir(home.join("spool")).into_iter().flatten().flatten() {
        if file.path().to_string_lossy().ends_with(SUFFIX) {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            for piece in Reader::new(&bytes) {
                if let Piece::Entry(entry) = piece
                    && entry.kind == Kind::Begin
                {
                    found.push(String::from_utf8_lossy(entry.command()).into_owned());
                }
            }
        }
    }
    found
}
