//! System mode, as root: a recorder under an account of its own, and users who try what they must not.

mod pty;

use pty::{PROMPT, Pty, SHMON, build_builtin};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Accounts that needn't exist.
const RECORDER: u32 = 61_000;
const ALICE: u32 = 61_001;
const MALLORY: u32 = 61_002;
/// The longest that anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

struct Host {
    folder: tempfile::TempDir,
    program: PathBuf,
    recorder: Option<Child>,
}

impl Host {
    /// `None` where this isn't root, which the test says.
    fn new(config: &str) -> Option<Host> {
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

    fn home(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    fn start(&mut self) {
        let mut command = self.command(RECORDER, &self.program);
        command.arg("--home").arg(self.home()).args(["daemon", "--system", "--idle-exit", "0"]);
        self.recorder = Some(command.stdout(Stdio::null()).spawn().expect("a recorder"));
        eventually("the recorder", || self.home().join("run/awake").exists().then_some(()));
    }

    fn command(&self, uid: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.uid(uid).gid(uid).current_dir("/").env_clear().env("PATH", "/usr/bin:/bin");
        command
    }

    /// A file that is a user's spool.
    fn write(&self, uid: u32, name: &str, records: &[u8]) -> PathBuf {
        let path = self.home().join("spool").join(format!("{name}.spool"));
        std::fs::write(self.folder.path().join("text"), records).expect("a text");
        let script =
            format!("umask 0117; cat '{}' >>'{}'", self.folder.path().join("text").display(), path.display());
        assert!(self.command(uid, "sh").args(["-c", &script]).status().expect("sh").success());
        path
    }

    fn shell(&self, uid: u32, shell: &str) -> Pty {
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
    fn rows(&self, like: &str) -> Vec<Vec<String>> {
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

    fn wait_for(&self, like: &str, count: usize) -> Vec<Vec<String>> {
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

fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn record(header: &str, first: &str, second: &str, sequence: u64) -> Vec<u8> {
    format!("\0{header}\0{first}\0{second}\0/{sequence}\0").into_bytes()
}

fn line(shell: &mut Pty, text: &str) -> String {
    let from = shell.length();
    shell.send(&format!("{text}\r"));
    shell.prompt(from).expect("a prompt");
    shell.text()[from..].to_owned()
}

#[test]
fn users_are_who_the_kernel_says() {
    let Some(host) = Host::new("") else { return };
    let (mut alice, mut mallory) = (host.shell(ALICE, "bash"), host.shell(MALLORY, "bash"));
    line(&mut alice, "echo from-alice");
    line(&mut mallory, "echo from-mallory");
    let me = shmon_core::identity::host_name();
    for (text, uid, shell) in [("echo from-alice", ALICE, &alice), ("echo from-mallory", MALLORY, &mallory)] {
        let row = host.wait_for(text, 1).remove(0);
        assert_eq!(row[1..4], [uid.to_string(), "bash".to_owned(), me.clone()], "{text}");
        assert!(row[4].starts_with("/dev/pts/"), "{row:?}");
        assert_eq!(row[5], "192.0.2.9 1 (claimed)");
        assert!(row[6].starts_with(&format!("{uid}-{}-", shell.pid())), "{row:?} {}", shell.pid());
    }
    // What a file says of itself counts for nothing beside its owner.
    let lies = format!(
        "pid={}\nhost=elsewhere\nshell=shmon\nid=alice\ntty=/dev/tty1\nssh=10.0.0.1 5 22",
        alice.pid()
    );
    let text = [record("s1 0 5.0", "/", &lies, 0), record("b1 1 5.0 x", "/", "echo a-lie", 1)].concat();
    host.write(MALLORY, "999999-5", &text);
    let row = host.wait_for("echo a-lie", 1).remove(0);
    assert_eq!(row[1..4], [MALLORY.to_string(), "sh".to_owned(), me]);
    assert_eq!(row[4..6], ["/dev/tty1 (claimed)".to_owned(), "10.0.0.1 5 (claimed)".to_owned()]);
    assert_eq!(row[6], format!("{MALLORY}-999999-5"));
}

#[test]
fn nobody_touches_what_is_anothers() {
    let Some(host) = Host::new("") else { return };
    let mut alice = host.shell(ALICE, "bash");
    line(&mut alice, "echo kept");
    host.wait_for("echo kept", 1);
    let home = host.home();
    let spool =
        std::fs::read_dir(home.join("spool")).expect("the spool").flatten().next().expect("a file").path();
    let (spool, home) = (spool.display(), home.display());
    for script in [
        format!("cat '{spool}'"),
        format!("echo x >>'{spool}'"),
        format!("rm -f '{spool}'"),
        format!("mv '{spool}' '{spool}.x'"),
        format!("ln '{spool}' '{home}/spool/1-1.spool'"),
        format!("ls '{home}/spool'"),
        format!("cat '{home}/db/monitor.db'"),
        format!("echo x >>'{home}/db/monitor.db'"),
        format!("rm -f '{home}/run/shmon.sock'"),
        format!("echo 1 >'{home}/run/awake'"),
        format!("cat '{home}/config.toml'"),
    ] {
        let mut command = host.command(MALLORY, "sh");
        command.args(["-c", &script]).stderr(Stdio::null()).stdout(Stdio::null());
        assert!(!command.status().expect("sh").success(), "{script}");
    }
    // A member of the group reads the record, and can't change it.
    let member = |args: &[&str]| -> Output {
        let mut command = Command::new(&host.program);
        command.uid(MALLORY).gid(RECORDER).current_dir("/").env_clear();
        command.arg("--home").arg(host.home()).args(args).output().expect("shmon")
    };
    let log = member(&["log"]);
    let text = String::from_utf8_lossy(&log.stdout);
    assert!(
        log.status.success() && text.contains("echo kept"),
        "{text} {}",
        String::from_utf8_lossy(&log.stderr)
    );
    assert!(!member(&["prune", "--before", "2999-01-01", "--yes"]).status.success());
    // Another's session is not answered for.
    let name = spool.to_string();
    let name = Path::new(&name).file_stem().and_then(|n| n.to_str()).expect("a name").to_owned();
    let socket = host.home().join("run/shmon.sock");
    assert!(!shmon_core::recorder::door::ask(&socket, &name, 1, PATIENCE), "root is not alice");
    assert_eq!(host.rows("echo kept").len(), 1);
}

#[test]
fn a_file_that_is_taken_away_or_shut_is_told() {
    let Some(host) = Host::new("") else { return };
    let text = [record("s1 0 5.0", "/", "", 0), record("b1 1 5.0 x", "/", "echo first", 1)].concat();
    let path = host.write(ALICE, "1-1", &text);
    // The file of a process that lives: number 1 is not alice's, so it counts as gone.
    host.wait_for("echo first", 1);
    eventually("its removal", || (!path.exists()).then_some(()));
    let shut = host.home().join("spool/7-7.spool");
    let script = format!("umask 0777; : >'{}'", shut.display());
    assert!(host.command(MALLORY, "sh").args(["-c", &script]).status().expect("sh").success());
    let row = host.wait_for("shmon notice spool-unreadable%", 1).remove(0);
    assert_eq!(row[1], MALLORY.to_string());
}

#[test]
fn a_flood_is_counted_and_hides_nothing() {
    let limits = "[system]\ncommands_per_second = 1\nburst_commands = 500\nbytes_per_second = 1000\n";
    let Some(host) = Host::new(limits) else { return };
    let mut text = record("s1 0 5.0", "/", "", 0);
    for n in 1..=5000 {
        let command = if n == 4321 { "rm -rf /important/data".to_owned() } else { format!("echo flood {n}") };
        text.extend(record(&format!("b1 {n} 5.0 x"), "/", &command, n));
    }
    host.write(MALLORY, "5-5", &text);
    host.write(
        ALICE,
        "6-6",
        &[record("s1 0 5.0", "/", "", 0), record("b1 1 5.0 x", "/", "echo calm", 1)].concat(),
    );
    host.wait_for("echo calm", 1);
    host.wait_for("rm -rf /important/data", 1);
    let told = host.wait_for("shmon notice flood%", 1).remove(0);
    assert_eq!(told[1], MALLORY.to_string());
    let stored = host.rows("echo flood %").len();
    assert!((500..600).contains(&stored), "{stored}");
    let counted: usize = told[0]
        .split(' ')
        .find_map(|word| word.parse().ok().filter(|n| *n > 1000 && *n < 5000))
        .expect(&told[0]);
    // The rest is told a minute later.
    assert!(counted < 5000 - stored, "{told:?}");
}
