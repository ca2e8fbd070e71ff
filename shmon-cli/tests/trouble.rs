//! A recorder that can't record: every shell tells it at the next prompt, once, in one line, and nothing is lost.

mod pty;

use pty::{PROMPT, Pty, SHMON, Target, build_builtin, plain, targets};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that anything may take before a test gives up: the recorder itself waits ten seconds for a held database.
const PATIENCE: Duration = Duration::from_secs(120);

struct Place {
    folder: tempfile::TempDir,
    recorder: Option<Child>,
}

impl Place {
    fn new() -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a folder"), recorder: None };
        for folder in ["monitor/db", "fish"] {
            std::fs::create_dir_all(place.at(folder)).expect("a folder");
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a recorder by a script in a mount namespace of its own, where the script's file systems are.
    fn start(&mut self, script: &str) {
        let script = format!("{script}\nexec \"$0\" --home \"$1\" daemon --idle-exit 0");
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-ec", &script, SHMON]).arg(self.at("monitor"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.recorder = Some(command.spawn().expect("a recorder"));
        wait("the recorder", || self.at("monitor/run/awake").exists());
    }

    fn stop(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            let _ = recorder.kill();
            let _ = recorder.wait();
        }
    }

    /// A shell of each kind, hooked to this home.
    fn shell(&self, target: &Target) -> Pty {
        let home = self.at("monitor");
        let hook = Command::new(SHMON).arg("--home").arg(&home).args(["hook", target.shell]).output();
        let file = self.at(&format!("hook.{}", target.shell));
        std::fs::write(&file, hook.expect("shmon").stdout).expect("the hook");
        let start = match target.shell {
            "fish" => format!(
                "function fish_prompt; echo -n '{PROMPT}'; end\nset -g fish_greeting\n\
                 set -g fish_autosuggestion_enabled 0\nsource {}\n",
                file.display()
            ),
            "zsh" => format!("PS1='{PROMPT}'\nsetopt no_prompt_sp no_prompt_cr\n. {}\n", file.display()),
            _ => format!("PS1='{PROMPT}'\n. {}\n", file.display()),
        };
        let name = match target.shell {
            "fish" => "fish/config.fish",
            "zsh" => ".zshrc",
            _ => ".bashrc",
        };
        std::fs::write(self.at(name), start).expect("a start-up file");
        let mut shell = target.open(self.folder.path(), None);
        shell.prompt(0).expect("a prompt");
        shell
    }

    /// How many commands of these shells the database has, asked where the recorder sees it.
    fn rows(&self) -> usize {
        let pid = self.recorder.as_ref().expect("a recorder").id().to_string();
        let sql = "SELECT count(DISTINCT command) FROM command_logs WHERE command LIKE 'true %'";
        let output = Command::new("nsenter")
            .args(["--mount", "--target", &pid, "sqlite3", "-readonly"])
            .arg(self.at("monitor/db/monitor.db"))
            .arg(sql)
            .output()
            .expect("nsenter");
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop();
    }
}

fn wait(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < until, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn enter(shell: &mut Pty, line: &str) {
    let from = shell.length();
    shell.send(&format!("{line}\r"));
    shell.prompt(from).expect("a prompt");
}

/// What is wrong, how it begins and how it ends.
struct Fault {
    name: &'static str,
    /// Before the recorder starts, in its namespace; `$1` is the home.
    setup: &'static str,
    begin: fn(&Place) -> Option<rusqlite::Connection>,
    end: fn(&mut Place),
    /// A part of what is told.
    told: &'static str,
}

fn ballast(place: &Place) -> PathBuf {
    let pid = place.recorder.as_ref().expect("a recorder").id();
    let home = place.at("monitor/db/ballast");
    PathBuf::from(format!("/proc/{pid}/root{}", home.display()))
}

const FAULTS: [Fault; 3] = [
    Fault {
        name: "a full disk",
        setup: "mount -t tmpfs -o size=1m tmpfs \"$1/db\"",
        begin: |place| {
            use std::io::Write as _;
            let mut file = std::fs::File::create(ballast(place)).expect("a file");
            while file.write_all(&[0; 4096]).is_ok() {}
            None
        },
        end: |place| std::fs::remove_file(ballast(place)).expect("the file"),
        told: "full",
    },
    Fault {
        name: "a quota",
        // Other files of the recorder still grow; the database begins with more than this.
        setup: "\"$0\" --home \"$1\" record -q 'true before'; trap '' XFSZ; ulimit -f 48",
        begin: |_| None,
        end: |place| {
            place.stop();
            // The next recorder notices that this one was killed, and has no limit.
            place.start("true");
        },
        told: "I/O",
    },
    Fault {
        name: "a database that another holds",
        setup: "true",
        begin: |place| {
            let db = rusqlite::Connection::open(place.at("monitor/db/monitor.db")).expect("the database");
            db.execute_batch("BEGIN IMMEDIATE").expect("the lock");
            Some(db)
        },
        end: |_| {},
        told: "locked",
    },
];

#[test]
fn what_the_recorder_cannot_do_is_told_at_the_next_prompt_once() {
    if !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no mount namespace is allowed here, so no file system can be full");
        return;
    }
    build_builtin();
    let targets: Vec<Target> = targets().into_iter().filter(|target| target.name == target.kind).collect();
    for fault in FAULTS {
        let mut place = Place::new();
        place.start(fault.setup);
        let mut shells: Vec<Pty> = targets.iter().map(|target| place.shell(target)).collect();
        let mut typed = 0;
        let mut all = |shells: &mut [Pty], word: &str| {
            for (number, shell) in shells.iter_mut().enumerate() {
                enter(shell, &format!("true {word} {number}"));
                typed += 1;
            }
            typed
        };
        let held = (fault.begin)(&place);
        all(&mut shells, "first");
        wait(fault.name, || place.at("monitor/run/trouble").exists());
        all(&mut shells, "second");
        all(&mut shells, "third");
        drop(held);
        (fault.end)(&mut place);
        wait(fault.name, || {
            place.at("monitor/run/awake").exists() && !place.at("monitor/run/trouble").exists()
        });
        let typed = all(&mut shells, "fourth");
        let before = usize::from(fault.name == "a quota");
        wait(fault.name, || place.rows() == typed + before);
        for (shell, target) in shells.iter().zip(&targets) {
            let screen = plain(&shell.text());
            let lines: Vec<&str> = screen.lines().filter(|line| line.contains("shmon: ")).collect();
            let fine = lines.len() == 1
                && lines[0].contains("the recorder can't record them")
                && lines[0].contains(fault.told);
            assert!(fine, "{}, {}: {lines:?}\n{screen}", fault.name, target.name);
        }
    }
}
