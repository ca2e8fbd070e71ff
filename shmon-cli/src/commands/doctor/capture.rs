//! What `shmon doctor` says of capture: hooks, recorder, spool, socket, units, and what can't be caught here.

use super::{Check, Outcome, push};
use crate::commands::hook::{self, Shell};
use crate::context::user_home;
use crate::setup::{host, rc};
use clap::ValueEnum;
use shmon_core::config::{Config, Home};
use shmon_core::names;
use shmon_core::spool::SUFFIX;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The hook of all users.
const HOST_HOOK: &str = "/etc/shmon/hook.bash";
/// What `shmon init --system --ssh` and `--audit` write.
const SSHD: &str = "/etc/ssh/sshd_config.d/60-shmon.conf";
const AUDIT: &str = "/etc/audit/rules.d/60-shmon.rules";
/// Bytes in the spool of a recorder that keeps up, at most: living shells keep what isn't given back yet.
const MUCH: u64 = 256 << 20;

/// The home is a whole host's: its spool is shared.
pub(super) fn is_system(home: &Home) -> bool {
    std::fs::metadata(home.spool_dir()).is_ok_and(|meta| meta.mode() & 0o1000 != 0)
}

pub(super) fn check(home: &Home, config: &Config, checks: &mut Vec<Check>) {
    let system = is_system(home);
    hooks(home, system, checks);
    tier(config, checks);
    let runs = recorder(home, system, checks);
    spool(home, runs, checks);
    units(home, system, checks);
    not_caught(checks);
}

fn hooks(home: &Home, system: bool, checks: &mut Vec<Check>) {
    let mut any = Path::new(HOST_HOOK).exists();
    if any {
        push(checks, "hook", Outcome::Fine, format!("all users, by {HOST_HOOK}"));
    }
    let Some(user_home) = user_home() else {
        return push(checks, "hook", Outcome::Broken, "no home folder: set HOME");
    };
    let program = std::env::current_exe().unwrap_or_default();
    for &shell in Shell::value_variants() {
        let path = rc::rc_file(shell, &user_home);
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if !rc::has_block(&String::from_utf8_lossy(&bytes)) {
            continue;
        }
        any = true;
        let file = rc::hook_file(shell, &home.scripts_dir());
        let (outcome, message) = match std::fs::read(&file) {
            Err(error) => (
                Outcome::Broken,
                format!("{} reads {}: {error}: run `shmon init`", path.display(), file.display()),
            ),
            // It may have been set up by another shmon, or for other settings, or be somebody's work.
            Ok(text) if text != hook::script(shell, &program, home.root(), false).into_bytes() => (
                Outcome::Note,
                format!("{} is not what `shmon init` writes now: run it again", file.display()),
            ),
            Ok(_) => (Outcome::Fine, format!("{} in {}", shell.name(), path.display())),
        };
        push(checks, "hook", outcome, message);
    }
    if !any && system {
        push(checks, "hook", Outcome::Broken, "no shell reads the hook: run `shmon init --system`");
    } else if !any {
        push(checks, "hook", Outcome::Broken, "no shell reads the hook: run `shmon init`");
    }
}

/// Which way of capture bash takes.
fn tier(config: &Config, checks: &mut Vec<Check>) {
    let program = std::env::current_exe().unwrap_or_default();
    let folder = program.parent().unwrap_or(Path::new("/"));
    let places = ["libshmon_bash.so", "../lib/shmon/libshmon_bash.so"];
    let found = places.into_iter().map(|name| folder.join(name)).find(|path| path.is_file());
    let ack = config.capture.ack;
    match found {
        Some(path) => {
            push(checks, "builtin", Outcome::Fine, path.display().to_string());
            if ack {
                let message = "[capture] ack: bash with the builtin waits for the commit; zsh, fish and bash without it don't";
                push(checks, "ack", Outcome::Note, message);
            }
        }
        None if ack => {
            let message = "[capture] ack is set, but libshmon_bash.so is not beside shmon: nothing waits for the commit";
            push(checks, "builtin", Outcome::Broken, message);
        }
        None => {
            let message = "libshmon_bash.so is not beside shmon: bash is watched by shell code, which costs more and sees less";
            push(checks, "builtin", Outcome::Note, message);
        }
    }
}

/// Whether a recorder runs, and answers.
fn recorder(home: &Home, system: bool, checks: &mut Vec<Check>) -> bool {
    let awake = std::fs::read_to_string(home.run_dir().join("awake")).unwrap_or_default();
    let pid = awake.trim();
    let runs = !pid.is_empty() && Path::new("/proc").join(pid).is_dir();
    let trouble = trouble(home);
    let (outcome, message) = match (runs, UnixStream::connect(home.socket())) {
        (false, _) if trouble.is_some() => (Outcome::Broken, trouble.unwrap_or_default()),
        (true, Ok(_)) => (Outcome::Fine, format!("runs (pid {pid}) and takes questions")),
        (true, Err(error)) => {
            let socket = home.socket();
            (Outcome::Broken, format!("runs (pid {pid}), but {} does not answer: {error}", socket.display()))
        }
        (false, _) if system => (Outcome::Broken, "does not run: systemctl start shmon".into()),
        (false, _) if home.state_dir().join("recorder").exists() => {
            (Outcome::Note, "was killed; the next command starts it, and it will record that".into())
        }
        (false, _) => (Outcome::Note, "does not run: the next command starts it".into()),
    };
    push(checks, "recorder", outcome, message);
    runs
}

/// What a recorder that can't record has left for the shells to tell.
fn trouble(home: &Home) -> Option<String> {
    let text = std::fs::read_to_string(home.run_dir().join("trouble")).ok()?;
    text.lines().nth(1).filter(|line| !line.is_empty()).map(str::to_owned)
}

fn spool(home: &Home, runs: bool, checks: &mut Vec<Check>) {
    let folder = home.spool_dir();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            // Users may not look into the whole host's.
            let known = error.kind() == std::io::ErrorKind::PermissionDenied && is_system(home);
            let outcome = if known { Outcome::Note } else { Outcome::Broken };
            return push(checks, "spool", outcome, format!("{}: {error}", folder.display()));
        }
    };
    let (mut files, mut bytes) = (0_u64, 0_u64);
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().ends_with(SUFFIX)
            && let Ok(meta) = entry.metadata()
        {
            files += 1;
            bytes += meta.blocks() * 512;
        }
    }
    let message = format!("{}: {files} shells, {bytes} bytes", folder.display());
    if bytes > MUCH && runs {
        let message = format!("{message}: the recorder does not keep up, or can't write its database");
        push(checks, "spool", Outcome::Broken, message);
    } else {
        push(checks, "spool", Outcome::Fine, message);
    }
    let links = std::fs::read_to_string("/proc/sys/fs/protected_hardlinks").unwrap_or_default();
    if is_system(home) && links.trim() == "0" {
        let message =
            "fs.protected_hardlinks is 0: a user can keep another's file from being read: set it to 1";
        push(checks, "spool", Outcome::Broken, message);
    }
}

/// Units that start a program which isn't there any more.
fn units(home: &Home, system: bool, checks: &mut Vec<Check>) {
    let mut units =
        vec!["/etc/systemd/system/shmon.service".into(), "/usr/lib/systemd/system/shmon.service".into()];
    units.extend(user_home().map(|user_home| host::user_unit_file(&user_home)));
    let mut any = false;
    for unit in units {
        let Ok(text) = std::fs::read_to_string(&unit) else { continue };
        any = true;
        let program = text.lines().find_map(|line| line.strip_prefix("ExecStart=")?.split(' ').next());
        match program.filter(|program| Path::new(program).is_file()) {
            Some(_) => push(checks, "unit", Outcome::Fine, unit.display().to_string()),
            None => {
                let message =
                    format!("{} starts {}, which is missing", unit.display(), program.unwrap_or("nothing"));
                push(checks, "unit", Outcome::Broken, message);
            }
        }
    }
    if system && !any {
        let message =
            format!("no unit starts the recorder of {}: run `shmon init --system`", home.root().display());
        push(checks, "unit", Outcome::Note, message);
    }
}

/// What nobody sees here, and what would see it.
fn not_caught(checks: &mut Vec<Check>) {
    let mut say = |message: &str| push(checks, "not caught", Outcome::Note, message);
    let user = names::account(rustix::process::getuid().as_raw());
    let shell = user.as_ref().and_then(|user| user.shell.file_name()).and_then(|name| name.to_str());
    if let Some(shell) =
        shell.filter(|shell| !Shell::value_variants().iter().any(|known| known.name() == *shell))
    {
        say(&format!("the login shell {shell} has no hook; a terminal with it is told as shell-unwatched"));
    }
    if !Path::new(SSHD).exists() {
        let first = user_home().and_then(|home| std::fs::read(home.join(".bashrc")).ok());
        let first = first.is_some_and(|text| rc::has_first_block(&String::from_utf8_lossy(&text)));
        say(match first {
            true => "scp and sftp of this user; `shmon init --system --ssh` records them",
            false => {
                "`ssh HOST COMMAND`, scp and sftp; `shmon init --ssh` records the first, `shmon init --system --ssh` all"
            }
        });
    }
    if !Path::new(AUDIT).exists() {
        say(
            "scripts, cron's jobs and what programs start; `shmon init --system --audit` records them from the kernel's audit log",
        );
    }
    say("`bash --norc` and shells without a hook: the terminal is told, their commands are not seen");
    if !Path::new(HOST_HOOK).exists() {
        say(
            "what you do against your own record, after the command that does it: `shmon init --system` puts it out of reach",
        );
    }
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    if login.trim() == u32::MAX.to_string() {
        say("who logged in, behind su and sudo: the kernel was not told (pam_loginuid)");
    }
}
