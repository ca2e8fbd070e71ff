//! A shell on a pseudo-terminal, read without a thread between: what is measured is the shell.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What every prompt ends with.
pub(crate) const PROMPT: &str = "READY> ";

/// A shell that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Shell {
    terminal: File,
    child: Child,
    seen: Vec<u8>,
}

impl Shell {
    /// Starts a shell and waits for its prompt.
    pub(crate) fn start(
        command: &[String],
        folder: &Path,
        env: &[(String, String)],
    ) -> Result<Shell, String> {
        let start = || -> std::io::Result<Shell> {
            let flags = rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::CLOEXEC;
            let terminal = rustix::pty::openpt(flags)?;
            rustix::pty::grantpt(&terminal)?;
            rustix::pty::unlockpt(&terminal)?;
            let name = rustix::pty::ptsname(&terminal, Vec::new())?;
            let size = rustix::termios::Winsize { ws_row: 50, ws_col: 500, ws_xpixel: 0, ws_ypixel: 0 };
            rustix::termios::tcsetwinsize(&terminal, size)?;
            let open = || {
                File::options().read(true).write(true).open(name.to_string_lossy().as_ref()).map(Stdio::from)
            };
            // `setsid` of util-linux makes it the session's leader and becomes it. By its path: a program is looked for
            // in the PATH that the child is given, which may hold stand-ins alone.
            let child = Command::new("/usr/bin/setsid")
                .arg("--ctty")
                .args(command)
                .current_dir(folder)
                .env_clear()
                .envs(env.iter().map(|(name, value)| (name, value)))
                .stdin(open()?)
                .stdout(open()?)
                .stderr(open()?)
                .spawn()?;
            Ok(Shell { terminal: File::from(terminal), child, seen: Vec::new() })
        };
        let mut shell = start().map_err(|error| error.to_string())?;
        if shell.prompt() {
            Ok(shell)
        } else {
            Err(format!("no prompt: {}", String::from_utf8_lossy(&shell.seen)))
        }
    }

    /// Types a line; how long the next prompt took.
    pub(crate) fn enter(&mut self, line: &str) -> Duration {
        let typed = format!("{line}\r");
        self.seen.clear();
        let began = Instant::now();
        self.terminal.write_all(typed.as_bytes()).expect("the terminal");
        assert!(self.prompt(), "no prompt: {}", String::from_utf8_lossy(&self.seen));
        began.elapsed()
    }

    /// Nanoseconds that the shell itself has had a processor so far (Documentation/scheduler/sched-stats.rst of Linux).
    pub(crate) fn processor(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id())).ok()?;
        text.split(' ').next()?.parse().ok()
    }

    fn prompt(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut buffer = [0; 4096];
        while !self.seen.ends_with(PROMPT.as_bytes()) {
            let wait = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
            let mut fds = [rustix::event::PollFd::new(&self.terminal, rustix::event::PollFlags::IN)];
            let ready = rustix::event::poll(&mut fds, Some(&wait));
            if ready == Ok(0) && Instant::now() > until {
                return false;
            }
            if ready.is_ok_and(|n| n > 0) {
                match self.terminal.read(&mut buffer) {
                    Ok(n @ 1..) => self.seen.extend_from_slice(&buffer[..n]),
                    _ => return false,
                }
            }
        }
        true
    }
}

/// Builds the program and the loadable builtin as they are shipped; `SHMON_BENCH_PROGRAM` names one that was built before.
pub(crate) fn build() -> PathBuf {
    if let Some(program) = std::env::var_os("SHMON_BENCH_PROGRAM") {
        return program.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let built = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["build", "--quiet", "--release", "-p", "shmon-cli", "-p", "shmon-builtin"])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "the program must build");
    // benches/../target, wherever cargo puts it: this program lies in `release/deps`.
    let here = std::env::current_exe().expect("this program's file");
    let shmon = here.ancestors().nth(2).map(|folder| folder.join("shmon")).expect("the target folder");
    assert!(shmon.exists(), "{} is missing", shmon.display());
    shmon
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
