//! `shmon init` for a whole host and for commands without a prompt: what it writes, what that does, and that all of it goes away.

use shmon_core::spool::{Kind, Piece, Reader};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SHMON: &str = env!("CARGO_BIN_EXE_shmon");

fn shmon(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(SHMON);
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").args(args).output().expect("shmon")
}

fn succeed(home: &Path, args: &[&str]) -> String {
    let output = shmon(home, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file below a folder with its bytes, every folder with none.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path, None);
        } else {
            found.insert(path.clone(), std::fs::read(&path).ok());
        }
    }
    found
}

/// `systemd-analyze verify` of a unit whose program is the one under test.
fn verify(unit: &Path, user: bool) {
    let analyze = Path::new("/usr/bin/systemd-analyze");
    if !analyze.exists() {
        println!("SKIPPED: systemd-analyze is not installed");
        return;
    }
    let mut command = Command::new(analyze);
    command.arg("verify").args(user.then_some("--user")).arg("--man=no").arg(unit);
    let output = command.output().expect("systemd-analyze");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    // Accounts and other units of this machine aren't the unit's matter.
    let about = unit.file_name().and_then(|n| n.to_str()).expect("a name");
    let wrong: Vec<&str> = text.lines().filter(|line| line.contains(about)).collect();
    assert!(wrong.is_empty(), "{text}");
}

#[test]
fn a_package_of_the_whole_host_comes_and_goes_to_the_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    for path in ["etc/zsh", "etc/fish", "etc/profile.d", "etc/ssh/sshd_config.d", "etc/audit/rules.d"] {
        std::fs::create_dir_all(root.join(path)).expect("a folder");
    }
    for path in ["systemd/system", "sysusers.d", "tmpfiles.d"] {
        std::fs::create_dir_all(root.join("usr/lib").join(path)).expect("a folder");
    }
    std::fs::create_dir(root.join("etc/fish/conf.d")).expect("a folder");
    std::fs::write(root.join("etc/bash.bashrc"), b"[ -z \"$PS1\" ] && return\n# \xb4\xc1, no end of line")
        .expect("a file");
    std::fs::write(root.join("etc/zsh/zshrc"), "bindkey -e\n").expect("a file");
    let before = tree(&root);
    let path = root.to_str().expect("text");
    let args = ["init", "--system", "--root", path, "--ssh", "--audit"];
    let dry = [&args[..], &["--dry-run"]].concat();
    assert!(succeed(folder.path(), &dry).contains("nothing was changed"));
    assert_eq!(tree(&root), before);
    succeed(folder.path(), &args);
    let with = tree(&root);
    succeed(folder.path(), &args);
    assert_eq!(tree(&root), with, "the second time changes nothing");
    for (path, text) in &with {
        let text = String::from_utf8_lossy(text.as_deref().unwrap_or_default()).into_owned();
        let left: Vec<&str> =
            ["@SHMON@", "@HOME@", "@HOOKS@", "@SYSTEM@"].into_iter().filter(|m| text.contains(m)).collect();
        assert!(left.is_empty(), "{}: {left:?}", path.display());
    }
    let text =
        |path: &str| String::from_utf8_lossy(&std::fs::read(root.join(path)).expect(path)).into_owned();
    assert!(text("etc/bash.bashrc").contains(". '/etc/shmon/hook.bash'"));
    assert!(text("etc/shmon/hook.bash").contains("/var/lib/shmon"));
    assert!(text("usr/lib/sysusers.d/shmon.conf").contains("\nu shmon "));
    assert!(
        text("etc/ssh/sshd_config.d/60-shmon.conf")
            .contains("exec /usr/bin/shmon --home /var/lib/shmon exec --system")
    );
    for (unit, name) in
        [("shmon.service", "shmon-unit.service"), ("shmon-audit.service", "shmon-unit-audit.service")]
    {
        let text = text(&format!("usr/lib/systemd/system/{unit}")).replace("/usr/bin/shmon", SHMON);
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a unit");
        verify(&path, false);
    }
    for name in ["bash", "zsh"] {
        let status = Command::new(name).arg("-n").arg(root.join(format!("etc/shmon/hook.{name}"))).status();
        match status {
            Ok(status) => assert!(status.success(), "{name} can't read its hook"),
            Err(_) => println!("SKIPPED: {name} is not installed"),
        }
    }
    succeed(folder.path(), &["init", "--system", "--root", path, "--uninstall"]);
    assert_eq!(tree(&root), before, "every byte is back");
}

#[test]
fn the_whole_host_needs_root_and_says_so() {
    if rustix::process::geteuid().is_root() {
        println!("SKIPPED: this is root");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = shmon(folder.path(), &["init", "--system"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs root"));
}

#[test]
fn a_users_unit_is_right_and_goes_away() {
    let folder = tempfile::tempdir().expect("a folder");
    succeed(folder.path(), &["init", "--yes", "--systemd", "--no-rc", "--shell", "bash"]);
    let unit = folder.path().join(".config/systemd/user/shmon.service");
    assert!(
        std::fs::read_to_string(&unit).expect("the unit").contains(&format!("ExecStart={SHMON} --home "))
    );
    verify(&unit, true);
    succeed(folder.path(), &["init", "--uninstall"]);
    assert!(!unit.exists());
}

#[test]
fn doctor_names_what_is_wrong_with_capture_and_what_is_not_caught() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    std::fs::write(home.join(".bashrc"), "PS1=x\n").expect(".bashrc");
    // `CHECK OUTCOME MESSAGE` of each check that has the text.
    let doctor = |about: &str| -> Vec<String> {
        let output = shmon(home, &["doctor", "--format", "jsonl"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let word = |line: &serde_json::Value, key: &str| line[key].as_str().expect("text").to_owned();
        lines
            .map(|line| {
                format!("{} {} {}", word(&line, "check"), word(&line, "outcome"), word(&line, "message"))
            })
            .filter(|line| line.starts_with(about))
            .collect()
    };
    let says = |about: &str, what: &str| {
        let found = doctor(about);
        assert!(found.iter().any(|line| line.contains(what)), "{about}: {what}: {found:#?}");
    };
    succeed(home, &["init", "--yes", "--shell", "bash"]);
    says("hook ok", "bash in ");
    says("recorder note", "does not run");
    says("spool ok", "0 shells");
    if !Path::new("/etc/ssh/sshd_config.d/60-shmon.conf").exists() {
        says("not caught", "`ssh HOST COMMAND`, scp and sftp");
        succeed(home, &["init", "--yes", "--shell", "bash", "--ssh"]);
        says("not caught", "scp and sftp of this user");
    }
    let hook = home.join("monitor/scripts/hook.bash");
    let text = std::fs::read_to_string(&hook).expect("the hook");
    std::fs::write(&hook, text.replace("_shmon_put", "_shmon_putt")).expect("a changed hook");
    says("hook note", "is not what `shmon init` writes");
    std::fs::remove_file(&hook).expect("its removal");
    says("hook broken", "run `shmon init`");
    std::fs::create_dir_all(home.join("monitor/state")).expect("a folder");
    std::fs::write(home.join("monitor/state/recorder"), "1 x 5\n").expect("a trace");
    says("recorder note", "was killed");
    // A process that runs and is no recorder.
    std::fs::write(home.join("monitor/run/awake"), format!("{}\n", std::process::id())).expect("awake");
    says("recorder broken", "does not answer");
    succeed(home, &["init", "--yes", "--shell", "bash", "--systemd"]);
    says("unit ok", "shmon.service");
    let unit = home.join(".config/systemd/user/shmon.service");
    std::fs::write(&unit, "ExecStart=/nowhere/shmon daemon\n").expect("another unit");
    says("unit broken", "/nowhere/shmon, which is missing");
}

/// Commands in the spool, in order.
fn commands(home: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(home.join("monitor/spool")).expect("the spool").flatten() {
        let bytes = std::fs::read(entry.path()).expect("a spool");
        for piece in Reader::new(&bytes) {
            let Piece::Entry(entry) = piece else { panic!("{piece:?}") };
            if entry.kind == Kind::Begin {
                found.push((entry.time, String::from_utf8_lossy(entry.command()).into_owned()));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, command)| command).collect()
}

#[test]
fn commands_without_a_prompt_are_recorded_and_run_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let rc = b"case $- in *i*) ;; *) return ;; esac\n# after the return".to_vec();
    std::fs::write(home.join(".bashrc"), &rc).expect(".bashrc");
    succeed(home, &["init", "--yes", "--ssh", "--shell", "bash"]);
    // A recorder seems to run, so none is started.
    std::fs::write(home.join("monitor/run/awake"), format!("{}\n", std::process::id())).expect("awake");
    let run = |env: &[(&str, &str)], args: &[&str]| {
        let mut bash = Command::new("bash");
        bash.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").envs(env.iter().copied()).args(args);
        let output = bash.output().expect("bash");
        assert_eq!(output.stderr, b"", "{args:?}");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // As sshd runs a command; bash reads ~/.bashrc then.
    let ssh = [("SSH_CLIENT", "192.0.2.7 50000 22")];
    assert_eq!(run(&ssh, &["-c", "echo 'a  b' $#; exit 3"]), (Some(3), "a  b 0\n".to_owned()));
    let environment = home.join("monitor/scripts/command.bash");
    let environment = [("BASH_ENV", environment.to_str().expect("text"))];
    // As cron does.
    assert_eq!(run(&environment, &["-c", "set -eu; echo job"]), (Some(0), "job\n".to_owned()));
    std::fs::write(home.join("script"), "echo \"script $1\"\n").expect("a script");
    let script = home.join("script");
    let script = script.to_str().expect("text");
    assert_eq!(run(&environment, &[script, "x y"]), (Some(0), "script x y\n".to_owned()));
    assert_eq!(run(&[], &["-c", "echo unseen"]), (Some(0), "unseen\n".to_owned()));
    let wanted =
        ["echo 'a  b' $#; exit 3".to_owned(), "set -eu; echo job".to_owned(), format!("{script} x\\ y")];
    assert_eq!(commands(home), wanted);
    // `shmon exec` records, and the bash that it becomes doesn't record again.
    let mut exec = Command::new(SHMON);
    exec.env_clear().env("HOME", home).env("SSH_CLIENT", "192.0.2.7 50000 22").env("SHELL", "/bin/bash");
    let output =
        exec.env("SSH_ORIGINAL_COMMAND", "echo by exec; exit 4").arg("exec").output().expect("shmon");
    assert_eq!((output.status.code(), output.stdout), (Some(4), b"by exec\n".to_vec()));
    assert_eq!(commands(home).len(), wanted.len() + 1);
    assert_eq!(commands(home).last().map(String::as_str), Some("echo by exec; exit 4"));
    // A spool that is gone is nobody's trouble.
    std::fs::remove_dir_all(home.join("monitor/spool")).expect("its removal");
    assert_eq!(run(&ssh, &["-c", "echo on"]), (Some(0), "on\n".to_owned()));
    succeed(home, &["init", "--uninstall"]);
    assert_eq!(std::fs::read(home.join(".bashrc")).expect(".bashrc"), rc);
}
