//! A real shell in a real pseudo-terminal, typed into like a person does.
#![allow(dead_code, reason = "each test uses its part")]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const SHMON: &str = env!("CARGO_BIN_EXE_shmon");

/// A shell with a tier of capture.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// As in the table.
    pub(crate) name: String,
    /// Shell and tier, the same for every version: `bash`, `bash+builtin`, `zsh`, `fish`.
    pub(crate) kind: &'static str,
    /// The program.
    pub(crate) shell: &'static str,
    /// `SHMON_TIER`: `shell` keeps the loadable builtin out.
    pub(crate) tier: &'static str,
    /// A folder to be searched for the program before those of PATH.
    folder: Option<PathBuf>,
}

impl Target {
    /// The same with another folder that is searched for programs.
    pub(crate) fn with(self, folder: &Path) -> Target {
        Target { folder: Some(folder.to_path_buf()), ..self }
    }

    /// The PATH with which this version is found, by itself and by those that it starts.
    pub(crate) fn path(&self) -> String {
        let path = std::env::var("PATH").unwrap();
        self.folder.as_ref().map_or(path.clone(), |folder| format!("{}:{path}", folder.display()))
    }

    /// The shell, interactive, in a terminal and at home in `root`; bash with the start-up file `rc` where one is given.
    pub(crate) fn open(&self, root: &Path, rc: Option<&Path>) -> Pty {
        let (home, path) = (root.to_str().unwrap(), self.path());
        let env = [
            ("HOME", home),
            ("ZDOTDIR", home),
            ("XDG_CONFIG_HOME", home),
            ("XDG_DATA_HOME", home),
            ("PATH", path.as_str()),
            ("TERM", "dumb"),
            ("LANG", "C.UTF-8"),
            ("SHMON_TIER", self.tier),
        ];
        let command = match (self.shell, rc) {
            ("bash", Some(rc)) => vec!["bash", "--noprofile", "--rcfile", rc.to_str().unwrap(), "-i"],
            ("zsh", _) => vec!["zsh", "-d", "-i"],
            (other, _) => vec![other, "-i"],
        };
        Pty::start(&command, root, &env)
    }
}

/// Shell and tier, program, `SHMON_TIER`.
const KINDS: [(&str, &str, &str); 4] =
    [("bash", "bash", "shell"), ("bash+builtin", "bash", ""), ("zsh", "zsh", ""), ("fish", "fish", "")];

/// Every shell in every tier: those of the system, and the versions that `fetch-shells.sh` has put into `target/shells`.
pub(crate) fn targets() -> Vec<Target> {
    let mut all = Vec::new();
    for (kind, shell, tier) in KINDS {
        if installed(shell) {
            all.push(Target { name: kind.into(), kind, shell, tier, folder: None });
        } else {
            println!("SKIPPED: {shell} is not installed");
        }
    }
    let shells = Path::new(SHMON).ancestors().nth(2).unwrap().join("shells");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&shells).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (kind, shell, tier) in KINDS {
            if let Some(version) = name.strip_prefix(&format!("{shell}-"))
                && folder.join(shell).is_file()
            {
                let name = kind.replacen(shell, &format!("{shell} {version}"), 1);
                all.push(Target { name, kind, shell, tier, folder: Some(folder.clone()) });
            }
        }
    }
    if all.iter().all(|target| target.folder.is_none()) {
        println!("SKIPPED: other versions of bash (shmon-cli/tests/fetch-shells.sh fetches them)");
    }
    all
}

/// Builds the loadable builtin next to the program under test, where its hook looks for it.
pub(crate) fn build_builtin() {
    let target = Path::new(SHMON).parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "-p", "shmon-builtin", "--target-dir"]).arg(target.parent().unwrap());
    if target.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success());
    assert!(target.join("libshmon_bash.so").exists());
}

fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success())
}

/// What every prompt ends with.
pub(crate) const PROMPT: &str = "READY> ";
/// A shell that says nothing for so long hangs: the test fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// A shell that waited so long, and a terminal that was silent, have nothing more to say to one key.
const QUIET: Duration = Duration::from_millis(30);

/// What gives a program every signal's default, where coreutils can do that (8.31 or newer).
static DEFAULT_SIGNALS: LazyLock<Option<[&str; 2]>> = LazyLock::new(|| {
    let line = ["/usr/bin/env", "--default-signal"];
    let can = Command::new(line[0]).args([line[1], "true"]).stderr(Stdio::null()).status();
    can.is_ok_and(|status| status.success()).then_some(line)
});

#[derive(Default)]
struct Screen {
    bytes: Vec<u8>,
    closed: bool,
    /// Nobody looks any more.
    left: bool,
}

/// A child process with a terminal of its own.
pub(crate) struct Pty {
    /// `None` when the terminal is closed.
    master: Option<File>,
    /// The terminal's name.
    name: PathBuf,
    child: Child,
    screen: Arc<(Mutex<Screen>, Condvar)>,
}

impl Pty {
    /// Starts `command` as leader of a session on a new terminal (`setsid --ctty` of util-linux). It ignores no signal: what these
    /// tests run under may (`nohup`, a script's `&`), a shell can't undo that (POSIX, `trap`), and then its programs outlive the
    /// terminal.
    pub(crate) fn start(command: &[&str], folder: &Path, env: &[(&str, &str)]) -> Pty {
        let variable = |name| env.iter().find(|(n, _)| *n == name).map(|(_, value)| PathBuf::from(value));
        if command.contains(&"fish")
            && let Some(data) =
                variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")))
        {
            // Where this is missing, fish reads every manual page of the system, in a process that outlives it.
            std::fs::create_dir_all(data.join("fish/generated_completions")).unwrap();
        }
        let master: OwnedFd =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::CLOEXEC).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let name = PathBuf::from(name.to_str().unwrap());
        let open = || File::options().read(true).write(true).open(&name).unwrap();
        let size = rustix::termios::Winsize { ws_row: 50, ws_col: 500, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let child = Command::new("/usr/bin/setsid")
            .arg("--ctty")
            .args(DEFAULT_SIGNALS.iter().copied().flatten())
            .args(command)
            .current_dir(folder)
            .env_clear()
            .envs(env.iter().copied())
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .unwrap();
        let master = File::from(master);
        let screen = Arc::new((Mutex::new(Screen::default()), Condvar::new()));
        let (mut from, to) = (master.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let mut fds = [PollFd::new(&from, PollFlags::IN)];
                let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 20_000_000 }));
                if to.0.lock().unwrap().left {
                    break;
                }
                if ready == Ok(0) {
                    continue;
                }
                // The terminal of a process that is gone answers with an error (EIO) on Linux.
                let Ok(n @ 1..) = from.read(&mut buffer) else { break };
                to.0.lock().unwrap().bytes.extend_from_slice(&buffer[..n]);
                to.1.notify_all();
            }
            drop(from);
            to.0.lock().unwrap().closed = true;
            to.1.notify_all();
        });
        Pty { master: Some(master), name, child, screen }
    }

    /// Closes the terminal, as a window that is closed or a connection that is lost does.
    pub(crate) fn hang_up(&mut self) {
        let mut screen = self.screen.0.lock().unwrap();
        screen.left = true;
        while !screen.closed {
            screen = self.screen.1.wait(screen).unwrap();
        }
        self.master = None;
    }

    /// The process id of the shell: `setsid` becomes it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub(crate) fn send(&mut self, text: &str) {
        // A shell that has ended takes no more keys.
        let _ = self.master.as_ref().map(|mut master| master.write_all(text.as_bytes()));
    }

    /// Everything on the screen so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen.0.lock().unwrap().bytes).into_owned()
    }

    /// Waits until something was printed after byte `from` that ends with a prompt, and the shell reads keys, or the terminal
    /// closes.
    pub(crate) fn prompt(&mut self, from: usize) -> Result<(), String> {
        self.asks(from, PROMPT)
    }

    /// The same with another text than the prompt.
    pub(crate) fn asks(&mut self, from: usize, text: &str) -> Result<(), String> {
        let terminal = self.terminal();
        let mut since = None;
        self.wait(|screen, quiet| {
            if !terminal.reads_keys() {
                since = None;
                return screen.closed;
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed() >= QUIET;
            quiet && waited && screen.bytes.len() > from && ends_with(&screen.bytes[from..], text)
        })
    }

    /// Waits until the text appears after byte `from`.
    pub(crate) fn see(&mut self, from: usize, text: &str) -> Result<(), String> {
        self.wait(|screen, _| {
            String::from_utf8_lossy(screen.bytes.get(from..).unwrap_or_default()).contains(text)
        })
    }

    /// Waits until what was printed after byte `from` ends with the text, and a program of the shell's has the terminal and sleeps.
    pub(crate) fn runs(&mut self, from: usize, text: &str) -> Result<(), String> {
        let (terminal, shell) = (self.terminal(), self.pid());
        self.wait(|screen, _| {
            let program = terminal.foreground().is_some_and(|(leader, sleeps)| leader != shell && sleeps);
            program && ends_with(screen.bytes.get(from..).unwrap_or_default(), text)
        })
    }

    fn terminal(&self) -> Terminal {
        Terminal {
            master: self.master.as_ref().map(|master| master.try_clone().unwrap()),
            name: self.name.clone(),
        }
    }

    /// Waits until the shell is gone.
    pub(crate) fn gone(&mut self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() > until {
                return Err(format!("the shell doesn't end; on the screen:\n{}", self.text()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn wait(&mut self, mut done: impl FnMut(&Screen, bool) -> bool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let mut screen = self.screen.0.lock().unwrap();
        let (mut length, mut since) = (screen.bytes.len(), Instant::now());
        loop {
            if screen.bytes.len() != length {
                (length, since) = (screen.bytes.len(), Instant::now());
            }
            if done(&screen, since.elapsed() >= QUIET) {
                return Ok(());
            }
            if Instant::now() > until {
                let text = String::from_utf8_lossy(&screen.bytes).into_owned();
                return Err(format!("no prompt; on the screen:\n{text}"));
            }
            screen = self.screen.1.wait_timeout(screen, Duration::from_millis(10)).unwrap().0;
        }
    }

    /// How much is on the screen.
    pub(crate) fn length(&self) -> usize {
        self.screen.0.lock().unwrap().bytes.len()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes without escape sequences end with a text.
fn ends_with(bytes: &[u8], text: &str) -> bool {
    plain(&String::from_utf8_lossy(bytes)).ends_with(text)
}

/// What the kernel knows of a terminal.
struct Terminal {
    master: Option<File>,
    name: PathBuf,
}

impl Terminal {
    /// The leader of the processes that have the terminal, and whether it sleeps.
    fn foreground(&self) -> Option<(u32, bool)> {
        let leader = rustix::termios::tcgetpgrp(self.master.as_ref()?).ok()?.as_raw_nonzero();
        let stat = std::fs::read_to_string(format!("/proc/{leader}/stat")).ok()?;
        // The name before it may hold anything (proc_pid_stat(5)).
        let (_, rest) = stat.rsplit_once(") ")?;
        Some((leader.get().unsigned_abs(), rest.starts_with('S')))
    }

    /// Whether a line editor has it, has read all keys, and sleeps. A prompt on the screen doesn't tell: with keys that come while
    /// a shell is on its way there, or away, the terminal itself does what it was last told to do.
    fn reads_keys(&self) -> bool {
        use rustix::fs::{Mode, OFlags, open};
        use rustix::termios::{LocalModes, tcgetattr};
        let modes = self.master.as_ref().and_then(|master| tcgetattr(master).ok());
        let edits = modes.is_some_and(|modes| !modes.local_modes.contains(LocalModes::ICANON));
        let unread = || {
            let terminal =
                open(&self.name, OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
            rustix::io::ioctl_fionread(terminal)
        };
        edits && unread() == Ok(0) && self.foreground().is_some_and(|(_, sleeps)| sleeps)
    }
}

/// The text without what steers the terminal: CSI and OSC sequences, carriage returns, bells.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => {
                    for c in chars.by_ref() {
                        if ('\x40'..='\x7e').contains(&c) {
                            break;
                        }
                    }
                }
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\x07' || (c == '\x1b' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some('(' | ')') => {
                    chars.next();
                }
                _ => {}
            },
            '\r' | '\x07' | '\u{f}' => {}
            c => out.push(c),
        }
    }
    out
}
