//! `shmon init --system`, and what goes with it: the account, folders, units, hooks and lines for sshd and auditd.
//!
//! All texts are files under `host/`. With `--root DIR` they are written below DIR, as a package needs them, and nothing else is
//! done: the account and the folders come from the sysusers and tmpfiles snippets then.

use super::Steps;
use crate::commands::hook::{self, Shell};
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use shmon_core::config::Home;
use shmon_core::names;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The account, and its group.
const ACCOUNT: &str = "shmon";
/// Hooks are read by root's shells too, so they lie where only root writes.
const HOOKS: &str = "/etc/shmon";
/// Where a package puts the program.
const PACKAGED: &str = "/usr/bin/shmon";

/// What is set up.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Before every path: `--root`.
    root: Option<PathBuf>,
    home: PathBuf,
    program: PathBuf,
    ssh: bool,
    audit: bool,
}

impl Host {
    /// The host, or the package that is made below `root`.
    pub(crate) fn new(root: Option<PathBuf>, home: &Home, ssh: bool, audit: bool) -> Result<Host> {
        let program = match root {
            Some(_) => PACKAGED.into(),
            None => std::env::current_exe().context("cannot find this program's file")?,
        };
        if root.is_none() && !rustix::process::geteuid().is_root() {
            bail!("setting up the whole host needs root (or --root DIR, for a package)");
        }
        Ok(Host { root, home: home.root().to_path_buf(), program, ssh, audit })
    }

    fn at(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => path.into(),
        }
    }

    /// An administrator's files go to /etc, a package's to /usr/lib.
    fn unit(&self, path: &str) -> PathBuf {
        self.at(&format!("{}/{path}", if self.root.is_some() { "/usr/lib" } else { "/etc" }))
    }

    fn fill(&self, text: &str) -> String {
        text.replace("@SHMON@", &self.program.to_string_lossy())
            .replace("@HOME@", &self.home.to_string_lossy())
            .replace("@HOOKS@", HOOKS)
    }

    /// Every file that is ours alone, with its text.
    fn files(&self, every: bool) -> Vec<(PathBuf, String)> {
        let mut files = vec![
            (self.unit("systemd/system/shmon.service"), self.fill(include_str!("../../host/system.service"))),
            (self.unit("sysusers.d/shmon.conf"), self.fill(include_str!("../../host/sysusers.conf"))),
            (self.unit("tmpfiles.d/shmon.conf"), self.fill(include_str!("../../host/tmpfiles.conf"))),
            (self.at("/etc/profile.d/shmon.sh"), self.fill(include_str!("../../host/profile.sh"))),
            (self.at(&format!("{HOOKS}/command.bash")), hook::command(&self.program, &self.home, true)),
        ];
        for &shell in Shell::value_variants() {
            let path = self.at(&format!("{HOOKS}/hook.{}", shell.name()));
            files.push((path, hook::script(shell, &self.program, &self.home, true)));
        }
        if self.ssh || every {
            files.push((self.sshd(), self.fill(include_str!("../../host/sshd.conf"))));
        }
        if self.audit || every {
            let unit = self.unit("systemd/system/shmon-audit.service");
            files.push((unit, self.fill(include_str!("../../host/audit.service"))));
            let rules = self.at("/etc/audit/rules.d/60-shmon.rules");
            files.push((rules, include_str!("../../host/audit.rules").to_owned()));
        }
        files
    }

    fn sshd(&self) -> PathBuf {
        self.at("/etc/ssh/sshd_config.d/60-shmon.conf")
    }

    /// The start-up files of all users that are there; fish's is ours alone.
    fn start_up_files(&self) -> Vec<(Shell, PathBuf)> {
        let candidates = [
            (Shell::Bash, "/etc/bash.bashrc"),
            (Shell::Bash, "/etc/bashrc"),
            (Shell::Zsh, "/etc/zsh/zshrc"),
            (Shell::Zsh, "/etc/zshrc"),
        ];
        let mut files: Vec<_> = candidates
            .into_iter()
            .map(|(shell, path)| (shell, self.at(path)))
            .filter(|(_, path)| path.is_file())
            .collect();
        if self.at("/etc/fish").is_dir() {
            files.push((Shell::Fish, self.at("/etc/fish/conf.d/shmon.fish")));
        }
        files
    }

    /// Sets everything up. The configuration is made by `configure`, in the home that is there by then.
    pub(crate) fn set_up(&self, steps: &Steps, configure: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.root.is_none() {
            self.account(steps)?;
            self.folders(steps)?;
            configure()?;
            self.own(steps)?;
        }
        for (path, text) in self.files(false) {
            self.folder_of(steps, &path)?;
            steps.file(&path, text.as_bytes(), 0o644)?;
        }
        for (shell, path) in self.start_up_files() {
            self.folder_of(steps, &path)?;
            let hook = format!("{HOOKS}/hook.{}", shell.name());
            steps.block(shell, &path, Path::new(&hook))?;
        }
        if self.root.is_some() || steps.dry_run {
            return Ok(());
        }
        if self.ssh {
            self.check_sshd()?;
        }
        self.start(steps);
        Ok(())
    }

    /// Takes everything away but the record.
    pub(crate) fn take_away(&self, steps: &Steps) -> Result<()> {
        if self.root.is_none() && !steps.dry_run && systemd_runs() {
            for unit in ["shmon-audit.service", "shmon.service"] {
                // A unit that isn't there is fine.
                let _ = Command::new("systemctl").args(["disable", "--now", "--quiet", unit]).status();
            }
        }
        for (_, path) in self.start_up_files() {
            if path.exists() {
                steps.without_block(&path)?;
            }
        }
        for (path, _) in self.files(true) {
            steps.remove(&path)?;
        }
        if !steps.dry_run {
            let _ = std::fs::remove_dir(self.at(HOOKS));
        }
        Ok(())
    }

    fn folder_of(&self, steps: &Steps, path: &Path) -> Result<()> {
        let Some(folder) = path.parent().filter(|folder| !folder.is_dir() && !steps.dry_run) else {
            return Ok(());
        };
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))
    }

    fn account(&self, steps: &Steps) -> Result<()> {
        if names::account_named(ACCOUNT).is_some() {
            return Ok(());
        }
        steps.say(&format!("account       {ACCOUNT}"));
        if steps.dry_run {
            return Ok(());
        }
        let home = self.home.to_string_lossy();
        let made = Command::new("useradd")
            .args(["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"])
            .args(["--home-dir", &home, ACCOUNT])
            .status();
        match made {
            Ok(status) if status.success() => Ok(()),
            _ => bail!(
                "cannot make the account {ACCOUNT}: make it by hand (`useradd --system {ACCOUNT}`), then run this again"
            ),
        }
    }

    /// The home's folders, as the tmpfiles snippet has them.
    fn folders(&self, steps: &Steps) -> Result<()> {
        for line in self.fill(include_str!("../../host/tmpfiles.conf")).lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["d", path, mode, owner, _, _] => {
                    steps.say(&format!("folder        {path}"));
                    if steps.dry_run {
                        continue;
                    }
                    let path = Path::new(path);
                    let failed = || format!("cannot make the folder {}", path.display());
                    std::fs::create_dir_all(path).with_context(failed)?;
                    give(path, owner)?;
                    let mode = u32::from_str_radix(mode, 8).with_context(failed)?;
                    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
                        .with_context(failed)?;
                }
                ["L", path, .., target] if !steps.dry_run && !Path::new(path).exists() => {
                    // One that leads to a folder that is gone doesn't count as there.
                    let _ = std::fs::remove_file(path);
                    std::os::unix::fs::symlink(target, path)
                        .with_context(|| format!("cannot make the link {path}"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What `configure` made belongs to the account: a token must be readable by the recorder and nobody else.
    fn own(&self, steps: &Steps) -> Result<()> {
        if steps.dry_run {
            return Ok(());
        }
        for (name, mode) in [("config.toml", 0o640), ("chatwork.token", 0o600)] {
            let path = self.home.join(name);
            if path.exists() {
                give(&path, ACCOUNT)?;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
            }
        }
        Ok(())
    }

    /// A mistake in sshd's configuration would lock everybody out: then the file is taken away again.
    fn check_sshd(&self) -> Result<()> {
        let sshd =
            ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].into_iter().find(|path| Path::new(path).exists());
        let main = std::fs::read_to_string("/etc/ssh/sshd_config").unwrap_or_default();
        if !main
            .lines()
            .any(|line| line.trim_start().starts_with("Include") && line.contains("sshd_config.d"))
        {
            println!(
                "/etc/ssh/sshd_config does not include sshd_config.d: add\n  Include {}",
                self.sshd().display()
            );
        }
        let Some(sshd) = sshd else { return Ok(()) };
        let output =
            Command::new(sshd).arg("-t").output().with_context(|| format!("cannot run {sshd} -t"))?;
        if !output.status.success() {
            let _ = std::fs::remove_file(self.sshd());
            bail!(
                "sshd refuses {}: {}",
                self.sshd().display(),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        println!("sshd's configuration is right; `systemctl reload ssh` puts it in force");
        Ok(())
    }

    fn start(&self, steps: &Steps) {
        let mut units = vec!["shmon.service"];
        if self.audit {
            units.push("shmon-audit.service");
            steps.say("`augenrules --load` puts the audit rules in force");
        }
        if !systemd_runs() {
            steps.say("no systemd runs here: start `shmon daemon --system` under the account shmon yourself");
            return;
        }
        let run = |arguments: &[&str]| {
            Command::new("systemctl").args(arguments).status().is_ok_and(|s| s.success())
        };
        let started = run(&["daemon-reload"]) && run(&[&["enable", "--now", "--quiet"][..], &units].concat());
        if !started {
            steps.say(&format!("start it: systemctl enable --now {}", units.join(" ")));
        }
    }
}

fn systemd_runs() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

fn give(path: &Path, owner: &str) -> Result<()> {
    let user = names::account_named(owner).with_context(|| format!("there is no account {owner}"))?;
    std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid))
        .with_context(|| format!("cannot give {} to {owner}", path.display()))
}

/// The user unit, for the recorder at `program`.
pub(crate) fn user_unit(program: &Path, home: &Path) -> String {
    include_str!("../../host/user.service")
        .replace("@SHMON@", &program.to_string_lossy())
        .replace("@HOME@", &home.to_string_lossy())
}

/// Where a user's unit belongs.
pub(crate) fn user_unit_file(user_home: &Path) -> PathBuf {
    let config = std::env::var_os("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    config.unwrap_or_else(|| user_home.join(".config")).join("systemd/user/shmon.service")
}
