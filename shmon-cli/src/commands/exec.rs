//! `shmon exec`: records what an SSH client asked for, and becomes it. For `ForceCommand` of sshd.
//!
//! It stands between a person and a login, so nothing that goes wrong here may keep the command from running: a failure to
//! record is told on standard error, once, and the command runs.

use crate::context::Globals;
use anyhow::{Context as _, Result};
use shmon_core::config::Home;
use shmon_core::names;
use shmon_core::recorder::door;
use shmon_core::spool::{Writer, session_name};
use shmon_core::time;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Record what an SSH client asked for, and run it (ForceCommand of sshd)
#[derive(clap::Args)]
#[command(
    after_help = "Without a command it starts the login shell. The command comes from $SSH_ORIGINAL_COMMAND, as sshd\n\
    sets it for `ssh HOST COMMAND`, scp and sftp; the exit status is the command's.\n\
    `shmon init --ssh` writes the lines for sshd."
)]
pub(crate) struct Args {
    /// The whole host's record, instead of the user's own
    #[arg(long)]
    system: bool,
    /// Wait so many milliseconds at most until the command is committed
    #[arg(long, value_name = "MS", default_value_t = 0)]
    wait: u64,
    /// Tell of the login or logout that PAM announces in $PAM_TYPE, and run nothing (pam_exec)
    #[arg(long, conflicts_with = "wait")]
    pam: bool,
}

/// Where sftp's server is, when sshd's own was asked for, which only sshd can run.
const SFTP_SERVERS: [&str; 4] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/libexec/sftp-server",
];

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = if args.system { Ok(globals.system_home()) } else { globals.home() };
    if args.pam {
        // Whatever happens, PAM goes on.
        let told = home.and_then(|home| pam(&home));
        return Ok(ExitCode::from(u8::from(told.is_err())));
    }
    let asked = std::env::var_os("SSH_ORIGINAL_COMMAND").filter(|command| !command.is_empty());
    if let Some(command) = &asked
        && let Err(error) = home.and_then(|home| record(&home, args, command))
    {
        eprintln!("shmon: this command is not recorded: {error:#}");
    }
    Err(become_shell(asked.as_deref())).context("cannot start the shell")
}

/// Becomes the login shell, or the shell with the command, as sshd would have started it; returns only on failure.
fn become_shell(asked: Option<&OsStr>) -> std::io::Error {
    let user = names::account(rustix::process::getuid().as_raw());
    let shell = user.map(|user| user.shell).filter(|shell| !shell.as_os_str().is_empty());
    let shell = shell.unwrap_or_else(|| PathBuf::from("/bin/sh"));
    let name = shell.file_name().unwrap_or(OsStr::new("sh"));
    let mut command = Command::new(&shell);
    // The shell knows by this that its command is recorded already.
    command.env("SHMON_EXEC", std::process::id().to_string());
    match asked {
        Some(asked) => {
            command.arg0(name).arg("-c").arg(sftp(asked).unwrap_or_else(|| asked.to_owned()));
        }
        None => {
            let mut login = OsString::from("-");
            login.push(name);
            command.arg0(login);
        }
    }
    command.exec()
}

/// The server for `internal-sftp`, which is part of sshd.
fn sftp(asked: &OsStr) -> Option<OsString> {
    let options = asked.as_bytes().strip_prefix(b"internal-sftp")?;
    let server = SFTP_SERVERS.iter().find(|path| Path::new(path).exists())?;
    let mut command = OsString::from(format!("exec {server}"));
    command.push(OsStr::from_bytes(options));
    Some(command)
}

/// Appends the command to the spool. What isn't set up records nothing.
fn record(home: &Home, args: &Args, command: &OsStr) -> Result<()> {
    let Some(session) = append(home, args.system, "b1", |cwd| (cwd.to_vec(), command.as_bytes().to_vec()))?
    else {
        return Ok(());
    };
    if !args.system && !home.run_dir().join("awake").exists() {
        crate::delivery::start_recorder(home)?;
    }
    if args.wait > 0 {
        door::ask(&home.socket(), &session, 1, Duration::from_millis(args.wait));
    }
    Ok(())
}

/// A session of its own with one entry; its name, or `None` where there is no spool.
fn append(
    home: &Home,
    system: bool,
    kind: &str,
    entry: impl FnOnce(&[u8]) -> (Vec<u8>, Vec<u8>),
) -> Result<Option<String>> {
    let folder = home.spool_dir();
    if !folder.is_dir() {
        return Ok(None);
    }
    let (pid, now) = (std::process::id(), time::now());
    let session = session_name(pid, now);
    let mut writer =
        if system { Writer::open_shared(&folder, &session) } else { Writer::open(&folder, &session, false) }?;
    let at = format!("{}.{:09}", now.div_euclid(1_000_000_000), now.rem_euclid(1_000_000_000));
    let cwd = std::env::current_dir().unwrap_or_default();
    let cwd = cwd.as_os_str().as_bytes();
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let stat = read("/proc/self/stat");
    let about = format!(
        "shell=ssh-command\npid={pid}\nboot={}\nstat={}\nhost={}\nssh={}",
        read("/proc/sys/kernel/random/boot_id"),
        stat.rsplit_once(") ").map_or("", |(_, rest)| rest),
        shmon_core::identity::host_name(),
        std::env::var("SSH_CLIENT").unwrap_or_default(),
    );
    writer.append(&format!("s1 0 {at}"), 0, cwd, about.as_bytes())?;
    let (first, second) = entry(cwd);
    writer.append(&format!("{kind} 1 {at} ssh"), 1, &first, &second)?;
    Ok(Some(session))
}

/// Tells of a login or logout.
fn pam(home: &Home) -> Result<()> {
    let get = |name: &str| std::env::var(name).unwrap_or_default();
    let what = match get("PAM_TYPE").as_str() {
        "open_session" => "login",
        "close_session" => "logout",
        _ => return Ok(()),
    };
    let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
    let detail = format!(
        "{what} of {} by {} on {} from {}",
        get("PAM_USER"),
        get("PAM_SERVICE"),
        or(get("PAM_TTY"), "no terminal"),
        or(get("PAM_RHOST"), "this host"),
    );
    append(home, true, "n1", |_| (b"session".to_vec(), detail.into_bytes()))?;
    Ok(())
}
