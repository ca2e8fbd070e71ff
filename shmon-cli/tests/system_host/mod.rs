//! System mode in a temporary folder: a recorder under an account of its own, for tests that run as root.
#![allow(dead_code, reason = "each test uses its part")]

use crate::pty::{PROMPT, Pty, SHMON, build_builtin};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Accounts that needn't exist.
pub(crate) const RECORDER: u32 = 61_000;
pub(crate) const ALICE: u32 = 61_001;
pub(crate) const MALLORY: u32 = 61_002;
/// The longest that anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Host {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) program: PathBuf,
    pub(crate) recorder: Option<Child>,
}

impl Host {
    /// `None` where this isn't root, which the test says.
    pub(crate) fn new(config: &str) -> Option<Host> {
        if !rustix::process::geteuid().is_root() {
            println!("SKIPPED: system mode is tried by root alone");
            return None;
        }
        build_builtin();
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().to_owned();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
        };
        mode(&root, 0o755);
        // Users need not see where this was built.
        let program = root.join("shmon");
        for (from, to) in [("shmon", "shmon"), ("libshmon_bash.so", "libshmon_bash.so")] {
            let from = Path::new(SHMON).with_file_name(from);
            std::fs::copy(&from, root.join(to)).expect("a copy of the program");
            mode(&root.join(to), 0o755);
        }
        let home = root.join("lib");
        for (name, rights) in
            [("", 0o751), ("db", 0o750), ("logs", 0o750), ("state", 0o700), ("run", 0o755), ("spool", 0o3733)]
        {
            let path = home.join(name);
            std::fs::create_dir(&path).expect("a folder");
            chown(&path, Some(RECORDER), Some(RECORDER)).expect("an owner");
            mode(&path, rights);
        }
        let file = home.join("config.toml");
        std::fs::write(&file, format!("[capture]\nwatch_terminals = false\n{config}"))
            .expect("a configuration");
        chown(&file, Some(0), Some(RECORDER)).expect("an owner");
        mode(&file, 0o640);
        let mut host = Host { folder, program, recorder: None };
        host.start();
        Some(host)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    pub(crate) fn start(&mut self) {
        let mut command = self.command(RECORDER, &self.program);
        command.arg("--home").arg(self.home()).args(["daemon", "--system", "--idle-exit", "0"]);
        self.recorder = Some(command.stdout(Stdio::null()).spawn().expect("a recorder"));
        eventually("the recorder", || self.home().join("run/awake").exists().then_some(()));
    }

    pub(crate) fn command(&self, uid: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.uid(uid).gid(uid).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        command
    }

    /// A file that is a user's spool.
    pub(crate) fn write(&self, uid: u32, name: &str, records: &[u8]) -> PathBuf {
        let path = self.home().join("spool").join(format!("{name}.spool"));
        std::fs::write(self.folder.path().join("text"), records).expect("a text");
        let script =
            format!("umask 0117; cat '{}' >>'{}'", self.folder.path().join("text").display(), path.display());
        assert!(self.command(uid, "sh").args(["-c", &script]).status().expect("sh").success());
        path
    }

    pub(crate) fn shell(&self, uid: u32, shell: &str) -> Pty {
        let mut hook = Command::new(&self.program);
        hook.arg("--home").arg(self.home()).args(["hook", shell, "--system"]);
        let hook = hook.output().expect("a hook").stdout;
        let rc = self.folder.path().join(format!("rc-{uid}"));
        std::fs::write(&rc, [format!("umask 077\nPS1='{PROMPT}'\n").as_bytes(), &hook].concat())
            .expect("a file");
        let id = uid.to_string();
        let rc = rc.to_str().expect("text");
        let user = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"];
        let program = ["bash", "--noprofile", "--rcfile", rc, "-i"];
        let env =
            [("PATH", "/usr/bin:/bin"), ("TERM", "dumb"), ("HOME", "/"), ("SSH_CLIENT", "192.0.2.9 1 22")];
        let mut pty = Pty::start(&[&user[..], &program].concat(), Path::new("/"), &env);
        pty.prompt(0).expect("a prompt");
        pty
    }

    /// `command|uid|shell|host|tty|ssh_client` of the rows that match a pattern, in order.
    pub(crate) fn rows(&self, like: &str) -> Vec<Vec<String>> {
        let path = self.home().join("db/monitor.db");
        let Ok(db) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
            return Vec::new();
        };
        let sql = "SELECT command, uid, shell, host, coalesce(tty, ''), coalesce(ssh_client, ''), session_id \
                   FROM command_logs WHERE command LIKE ?1 ORDER BY id";
        let Ok(mut query) = db.prepare(sql) else { return Vec::new() };
        let text = |row: &rusqlite::Row<'_>| {
            (0..7)
                .map(|n| {
                    row.get::<_, rusqlite::types::Value>(n).map(|v| match v {
                        rusqlite::types::Value::Integer(n) => n.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => format!("{other:?}"),
                    })
                })
                .collect::<Result<Vec<_>, _>>()
        };
        query.query_map([like], text).and_then(Iterator::collect).unwrap_or_default()
    }

    pub(crate) fn wait_for(&self, like: &str, count: usize) -> Vec<Vec<String>> {
        eventually(like, || Some(self.rows(like)).filter(|rows| rows.len() >= count))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(mut recorder) = self.recorder.take() {
            let _ = recorder.kill();
            let _ = recorder.wait();
        }
    }
}

pub(crate) fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn record(header: &str, first: &str, second: &str, sequence: u64) -> Vec<u8> {
    format!("\0{header}\0{first}\0{second}\0/{sequence}\0").into_bytes()
}

pub(crate) fn line(shell: &mut Pty, text: &str) -> String {
    let from = shell.length();
    shell.send(&format!("{text}\r"));
    shell.prompt(from).expect("a prompt");
    shell.text()[from..].to_owned()
}
