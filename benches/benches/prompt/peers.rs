//! The shells that are compared: without a hook, with ours, and with what others do.

use crate::shell::{PROMPT, Shell};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A shell with a start-up file.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) shell: String,
    /// What the others of the same shell are compared with.
    pub(crate) plain: bool,
    /// Whether the same line is typed each time, instead of another.
    pub(crate) repeats: bool,
    folder: tempfile::TempDir,
    tier: &'static str,
    counts: Counts,
}

/// Where the rows are counted.
enum Counts {
    Nowhere,
    /// In our own database, after the spool is drained.
    Ours(PathBuf),
    /// In the Python hook's.
    Python,
}

/// The ticket's kind of hook: a process of Python at each prompt that asks the history and writes to SQLite.
const PYTHON: &str = r#"
import datetime, hashlib, os, re, sqlite3, sys
patterns = [re.compile(p) for p in (r"\brm\s+-[rf]+", r"\bsudo\b", r"\bnmap\b", r"\bdd\s+if=", r"\bcurl\b.*\|\s*sh")]
command = sys.argv[1]
level = "high" if any(p.search(command) for p in patterns) else "low"
db = sqlite3.connect(os.path.join(os.environ["HOME"], "monitor.db"))
db.execute("CREATE TABLE IF NOT EXISTS command_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, command TEXT,"
           " command_hash TEXT, working_directory TEXT, execution_time TEXT, risk_level TEXT, is_sensitive INTEGER, created_at TEXT)")
now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
db.execute("INSERT INTO command_logs (session_id, command, command_hash, working_directory, execution_time, risk_level,"
           " is_sensitive, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
           (str(os.getppid()), command, hashlib.sha256(command.encode()).hexdigest(), os.getcwd(), now, level, 0, now))
db.commit()
"#;

/// What bash-preexec does at each prompt: a DEBUG trap, and the history's last line through a subshell and sed.
const PREEXEC: &str = r#"
__ready=
__in() { if [[ -n $__ready && -z ${COMP_LINE-} ]]; then __ready=
  local line; line=$(LC_ALL=C HISTTIMEFORMAT='' builtin history 1 | sed '1 s/^ *[0-9][0-9]*[* ] //'); preexec "$line"; fi; }
__before() { local status=$?; precmd; return $status; }
preexec() { last=$1; }
precmd() { :; }
PROMPT_COMMAND=$'__before\n__ready=1'
trap '__in "$_"' DEBUG
"#;

fn peer(name: &str, shell: &str, tier: &'static str, lines: &str) -> Peer {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let start = match shell {
        "zsh" => {
            format!("PS1='{PROMPT}'\nsetopt no_prompt_sp\nzmodload zsh/zle; unset zle_bracketed_paste\n")
        }
        "fish" => format!(
            "function fish_prompt; echo -n '{PROMPT}'; end\nset -g fish_greeting\nset -g fish_autosuggestion_enabled 0\n"
        ),
        _ => format!(
            "bind 'set enable-bracketed-paste off'\nPS1='{PROMPT}'\nHISTFILE={}/history\n",
            root.display()
        ),
    };
    // The second: where it is missing, fish reads every manual page of the system, in a process beside what is measured.
    fs::create_dir_all(root.join("fish/generated_completions")).expect("a folder");
    for file in [".bashrc", ".zshrc", "fish/config.fish"] {
        fs::write(root.join(file), format!("{start}{lines}\n")).expect("a start-up file");
    }
    Peer {
        name: name.into(),
        shell: shell.into(),
        plain: false,
        repeats: false,
        folder,
        tier,
        counts: Counts::Nowhere,
    }
}

pub(crate) fn plain(shell: &str) -> Peer {
    let mut peer = peer(&format!("{shell}, no hook"), shell, "", "");
    peer.plain = true;
    peer
}

/// Ours, with a recorder that seems to run: what the shell pays. `recorder` lets the shell start a real one.
fn ours(name: &str, shmon: &Path, shell: &str, tier: &'static str, durability: &str, recorder: bool) -> Peer {
    let mut peer = peer(name, shell, tier, "");
    let home = peer.home();
    let set = format!("store.durability={durability}");
    let done = Command::new(shmon)
        .env("SHMON_HOME", &home)
        .args(["init", "--yes", "--no-rc", "--shell", shell, "--set", &set])
        .output()
        .expect("shmon");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    if !recorder {
        fs::write(home.join("run/awake"), format!("{}\n", std::process::id())).expect("awake");
    }
    let hook = home.join(format!("scripts/hook.{shell}"));
    let source = if shell == "fish" { "source" } else { "." };
    for file in [".bashrc", ".zshrc", "fish/config.fish"] {
        let file = peer.folder.path().join(file);
        let text = fs::read_to_string(&file).expect("a start-up file");
        fs::write(&file, format!("{text}{source} {}\n", hook.display())).expect("a start-up file");
    }
    peer.counts = Counts::Ours(shmon.to_path_buf());
    peer
}

/// As Debian and its kin set it up: what begins with a space stays out of the history.
fn ignoring(peer: Peer) -> Peer {
    let file = peer.folder.path().join(".bashrc");
    let text = fs::read_to_string(&file).expect("a start-up file");
    fs::write(&file, format!("HISTCONTROL=ignoreboth\n{text}")).expect("a start-up file");
    peer
}

/// A line that stays out of the history since it is the one before.
fn repeating(mut peer: Peer) -> Peer {
    peer.repeats = true;
    peer
}

fn python() -> Peer {
    let lines =
        r#"PROMPT_COMMAND='python3 "$HOME/hook.py" "$(history 1 | sed "s/^ *[0-9]* *//")" 2>/dev/null'"#;
    let mut peer = peer("bash, a Python hook", "bash", "", lines);
    fs::write(peer.folder.path().join("hook.py"), PYTHON).expect("the hook");
    peer.counts = Counts::Python;
    peer
}

pub(crate) fn all(shmon: &Path) -> Vec<Peer> {
    let with = |name: &str, lines: &str| peer(name, "bash", "", lines);
    let mut peers = vec![
        plain("bash"),
        ours("bash, shmon's builtin", shmon, "bash", "", "normal", false),
        ours("bash, shmon's builtin, durability full", shmon, "bash", "", "full", false),
        ours("bash, shmon in pure shell", shmon, "bash", "shell", "normal", false),
        ignoring(ours("bash, shmon in pure shell, ignoreboth", shmon, "bash", "shell", "normal", false)),
        repeating(ignoring(ours(
            "bash, the same, the same line again",
            shmon,
            "bash",
            "shell",
            "normal",
            false,
        ))),
        ours("bash, shmon in pure shell, durability full", shmon, "bash", "shell", "full", false),
        with("bash, PS0 with $(history 1)", "PS0='$(x=$(history 1))'"),
        with("bash, what bash-preexec does", PREEXEC),
        with("bash, a fork at each prompt", "PROMPT_COMMAND='(:)'"),
        with("bash, fork+exec of /bin/true", "PROMPT_COMMAND=/bin/true"),
        python(),
    ];
    for shell in ["zsh", "fish"] {
        peers.push(plain(shell));
        peers.push(ours(&format!("{shell}, shmon"), shmon, shell, "", "normal", false));
    }
    peers
}

/// A shell that waits for the answer of its recorder; `recorder` lets it start a real one.
pub(crate) fn waiting(name: &str, shmon: &Path, durability: &str, recorder: bool) -> Peer {
    let peer = ours(name, shmon, "bash", "", durability, recorder);
    let done = Command::new(shmon)
        .env("SHMON_HOME", peer.home())
        .args(["init", "--yes", "--no-rc", "--shell", "bash", "--set", "capture.ack=true"])
        .output()
        .expect("shmon");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    peer
}

/// With recorders that run, and shells that wait for them or don't. `which` says of what program.
pub(crate) fn acknowledged(shmon: &Path, which: &str) -> Vec<Peer> {
    let named = |rest: &str| format!("bash, shmon's builtin, {rest}{which}");
    vec![
        ours(&named("a recorder runs"), shmon, "bash", "", "normal", true),
        waiting(&named("ack, durability full"), shmon, "full", true),
        waiting(&named("ack"), shmon, "normal", true),
    ]
}

pub(crate) fn crowd(shmon: &Path) -> Vec<Peer> {
    vec![
        plain("bash"),
        ours("bash, shmon's builtin", shmon, "bash", "", "normal", true),
        ours("bash, shmon in pure shell", shmon, "bash", "shell", "normal", true),
    ]
}

pub(crate) fn watched(shmon: &Path) -> Peer {
    ours("bash, shmon's builtin", shmon, "bash", "", "normal", true)
}

impl Peer {
    pub(crate) fn start(&self) -> Result<Shell, String> {
        let there = Command::new(&self.shell).arg("--version").output().is_ok_and(|o| o.status.success());
        if !there {
            return Err(format!("{} is not installed", self.shell));
        }
        let root = self.folder.path().display().to_string();
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
        let env: Vec<(String, String)> = [
            ("HOME", root.as_str()),
            ("ZDOTDIR", &root),
            ("XDG_CONFIG_HOME", &root),
            ("XDG_DATA_HOME", &root),
            ("PATH", &path),
            ("TERM", "dumb"),
            ("LANG", "C.UTF-8"),
            ("SHMON_TIER", self.tier),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let command = match self.shell.as_str() {
            "bash" => vec!["bash".to_owned(), "--rcfile".into(), format!("{root}/.bashrc"), "-i".into()],
            "zsh" => vec!["zsh".to_owned(), "-d".into(), "-i".into()],
            other => vec![other.to_owned(), "-i".into()],
        };
        Shell::start(&command, self.folder.path(), &env)
    }

    /// The folder of the record.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("monitor")
    }

    fn database(&self) -> Option<PathBuf> {
        match self.counts {
            Counts::Nowhere => None,
            Counts::Ours(_) => Some(self.home().join("db/monitor.db")),
            Counts::Python => Some(self.folder.path().join("monitor.db")),
        }
    }

    /// How many rows there are when everything is drained.
    pub(crate) fn recorded(&self) -> Option<usize> {
        if let Counts::Ours(shmon) = &self.counts {
            self.stop();
            let drained =
                Command::new(shmon).env("SHMON_HOME", self.home()).args(["drain", "--quiet"]).status();
            assert!(drained.is_ok_and(|status| status.success()), "the drain failed");
        }
        let db = Connection::open(self.database()?).ok()?;
        db.query_row("SELECT count(*) FROM command_logs WHERE command LIKE ': %'", [], |row| {
            row.get::<_, i64>(0)
        })
        .ok()
        .and_then(|rows| usize::try_from(rows).ok())
    }

    /// Whether a command's row is there.
    pub(crate) fn has(&self, command: &str) -> bool {
        let found = || -> rusqlite::Result<bool> {
            let db = Connection::open(self.database().unwrap_or_default())?;
            db.query_row("SELECT EXISTS (SELECT 1 FROM command_logs WHERE command = ?1)", [command], |row| {
                row.get(0)
            })
        };
        found().unwrap_or(false)
    }

    /// The process id of the recorder that runs.
    pub(crate) fn recorder(&self) -> Option<String> {
        let pid = fs::read_to_string(self.home().join("run/awake")).ok()?.trim().to_owned();
        let line = fs::read(PathBuf::from("/proc").join(&pid).join("cmdline")).ok()?;
        String::from_utf8_lossy(&line).contains("daemon").then_some(pid)
    }

    /// Ends the recorder that the shells started, by its own number, and waits for it.
    fn stop(&self) {
        let Some(pid) = self.recorder() else { return };
        let _ = Command::new("kill").arg(&pid).status();
        let process = PathBuf::from("/proc").join(pid);
        while process.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop();
    }
}
