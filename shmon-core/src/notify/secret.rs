//! Tokens: read from a private file, an environment variable or a command, and shown nowhere.

use super::Env;
use super::sink::{Attempt, Outcome};
use crate::config::Home;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Bytes that a token may have; more is a mistake (a wrong file).
const LIMIT: u64 = 64 * 1024;
/// How long a token command may take.
const COMMAND_TIME: Duration = Duration::from_secs(20);

/// A token; wiped from memory with its last holder, and never printed.
#[derive(Clone)]
pub(crate) struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    fn new(text: &[u8], from: &str) -> Result<Secret, String> {
        let text = std::str::from_utf8(text).map_err(|_| format!("{from} isn't UTF-8 text"))?.trim();
        if text.is_empty() {
            return Err(format!("{from} is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("{from} has more than one line: it has to hold the token alone"));
        }
        Ok(Secret(Arc::new(Zeroizing::new(text.to_owned()))))
    }

    /// The token itself, for the wire only.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A command line: one text for `sh -c`, or program and arguments.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a command line, or an array of program and arguments")]
pub enum CommandLine {
    /// For `sh -c`.
    Shell(String),
    /// Program and arguments.
    Argv(Vec<String>),
}

/// The program alone: its arguments may hold what opens a store of secrets.
impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = match self {
            CommandLine::Shell(text) => text.split_whitespace().next(),
            CommandLine::Argv(argv) => argv.first().map(String::as_str),
        };
        write!(f, "CommandLine({} …)", program.unwrap_or_default())
    }
}

impl CommandLine {
    pub(crate) fn build(&self) -> Option<Command> {
        match self {
            CommandLine::Shell(text) => {
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(text);
                Some(command)
            }
            CommandLine::Argv(argv) => {
                let (program, arguments) = argv.split_first()?;
                let mut command = Command::new(program);
                command.args(arguments);
                Some(command)
            }
        }
    }
}

/// Where a token comes from: exactly one of the three.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Env(String),
    Command(CommandLine),
}

/// The three keys of one secret, as configured: `KEY_file`, `KEY_env` and `KEY_command`.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) key: &'static str,
    pub(crate) file: Option<&'a PathBuf>,
    pub(crate) env: Option<&'a String>,
    pub(crate) command: Option<&'a CommandLine>,
}

impl Keys<'_> {
    /// The source, or what is wrong with the keys; `None` where none is set.
    pub(crate) fn optional(self) -> Result<Option<Source>, String> {
        let mut sources = Vec::new();
        sources.extend(self.file.cloned().map(Source::File));
        sources.extend(self.env.cloned().map(Source::Env));
        sources.extend(self.command.cloned().map(Source::Command));
        match sources.len() {
            0 | 1 => Ok(sources.pop()),
            _ => {
                let key = self.key;
                Err(format!("set only one of {key}_file, {key}_env and {key}_command"))
            }
        }
    }

    /// The source; exactly one has to be set.
    pub(crate) fn required(self) -> Result<Source, String> {
        let key = self.key;
        self.optional()?
            .ok_or_else(|| format!("set {key}_file (a file with mode 600), {key}_env or {key}_command"))
    }
}

/// A token that is read when it is first needed, and again after the service refused it.
pub(crate) struct Vault {
    source: Source,
    root: PathBuf,
    env: Env,
    held: Mutex<Option<Secret>>,
}

impl Vault {
    pub(crate) fn new(source: Source, home: &Home, env: Env) -> Vault {
        Vault { source, root: home.root().to_path_buf(), env, held: Mutex::new(None) }
    }

    /// The token.
    ///
    /// # Errors
    /// What is wrong and what to do, without a byte of the token.
    pub(crate) fn get(&self) -> Result<Secret, String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = &*held {
            return Ok(secret.clone());
        }
        let secret = match &self.source {
            Source::File(path) => from_file(&self.root.join(path))?,
            Source::Env(name) => {
                let from = format!("the environment variable {name}");
                let value =
                    (self.env)(name).map(Zeroizing::new).ok_or_else(|| format!("{from} isn't set"))?;
                Secret::new(value.as_bytes(), &from)?
            }
            Source::Command(command) => from_command(command)?,
        };
        *held = Some(secret.clone());
        Ok(secret)
    }

    /// Makes an attempt with the token; one that was refused is forgotten, so that a replaced one is read.
    pub(crate) fn using(&self, attempt: impl FnOnce(&Secret) -> Attempt) -> Attempt {
        match self.get() {
            Err(reason) => Attempt::misconfigured(reason),
            Ok(secret) => {
                let attempt = attempt(&secret);
                if matches!(attempt.outcome, Outcome::Misconfigured(_)) {
                    self.forget();
                }
                attempt
            }
        }
    }

    /// Forgets the token, so that a replaced one is read.
    pub(crate) fn forget(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Which limits are shared: two sinks with the same token count together. It is kept in the database, so it names
    /// the place of the token and neither the token nor a command, which may hold another one.
    pub(crate) fn scope(&self) -> String {
        let of = |command: &[u8]| {
            let digest = Sha256::digest(command);
            digest[..8].iter().fold("command:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        };
        match &self.source {
            Source::File(path) => format!("file:{}", self.root.join(path).display()),
            Source::Env(name) => format!("env:{name}"),
            Source::Command(CommandLine::Shell(text)) => of(text.as_bytes()),
            Source::Command(CommandLine::Argv(argv)) => of(argv.join("\0").as_bytes()),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({:?})", self.source)
    }
}

fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    // Not blocking: a pipe in the token's place must not hang the worker.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(|e| format!("{shown}: cannot read the token: {e}"))?;
    let about = file.metadata().map_err(|e| format!("{shown}: cannot read the token: {e}"))?;
    if !about.is_file() {
        return Err(format!("{shown}: the token has to be in a regular file"));
    }
    if about.mode() & 0o077 != 0 {
        return Err(format!(
            "{shown}: others can read the token (mode {:o}): run chmod 600 '{shown}'",
            about.mode() & 0o777
        ));
    }
    let us = rustix::process::geteuid().as_raw();
    if about.uid() != us && about.uid() != 0 {
        return Err(format!("{shown}: the token belongs to another user: run chown {us} '{shown}'"));
    }
    let mut text = Zeroizing::new(Vec::with_capacity(1024));
    file.take(LIMIT + 1)
        .read_to_end(&mut text)
        .map_err(|e| format!("{shown}: cannot read the token: {e}"))?;
    if text.len() as u64 > LIMIT {
        return Err(format!("{shown}: too large for a token"));
    }
    Secret::new(&text, &format!("the token file {shown}"))
}

fn from_command(line: &CommandLine) -> Result<Secret, String> {
    let mut command = line.build().ok_or("the token command is empty")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("cannot run the token command: {e}"))?;
    let stdout = child.stdout.take().ok_or("cannot read the token command's output")?;
    let reader = std::thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::with_capacity(1024));
        stdout.take(LIMIT).read_to_end(&mut text).map(|_| text)
    });
    let started = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|e| format!("the token command: {e}"))? {
            Some(status) => break status,
            None if started.elapsed() > COMMAND_TIME => {
                // Whoever holds the pipe open keeps only the reader thread, which is left behind.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the token command took more than {} s", COMMAND_TIME.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    if !status.success() {
        return Err(format!("the token command failed: {status}"));
    }
    let text = reader
        .join()
        .map_err(|_| "the token command's output can't be read".to_owned())?
        .map_err(|e| format!("the token command's output can't be read: {e}"))?;
    Secret::new(&text, "the token command's output")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn vault(source: Source, dir: &Path) -> Vault {
        let env: Env = Arc::new(|name| (name == "TOKEN").then(|| "from-env".to_owned()));
        Vault::new(source, &Home::new(dir), env)
    }

    fn file(dir: &Path, text: &str, mode: u32) {
        let path = dir.join("token");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_private_file_is_read_relative_to_the_home() {
        let dir = tempfile::tempdir().unwrap();
        file(dir.path(), "s3cret\n", 0o600);
        let vault = vault(Source::File("token".into()), dir.path());
        assert_eq!(vault.get().unwrap().expose(), "s3cret");
        file(dir.path(), "new", 0o400);
        assert_eq!(vault.get().unwrap().expose(), "s3cret", "held until it is refused");
        vault.forget();
        assert_eq!(vault.get().unwrap().expose(), "new");
        assert!(!format!("{vault:?} {:?}", vault.get()).contains("new"));
    }

    #[test]
    fn a_file_that_others_read_is_refused_with_the_chmod_to_run() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o644, 0o640, 0o604, 0o660] {
            file(dir.path(), "s3cret", mode);
            let error = vault(Source::File("token".into()), dir.path()).get().unwrap_err();
            assert!(error.contains("chmod 600") && error.contains("token"), "{error}");
            assert!(!error.contains("s3cret"));
        }
    }

    #[test]
    fn other_sources() {
        let dir = tempfile::tempdir().unwrap();
        let get = |source| vault(source, dir.path()).get().map(|s| s.expose().to_owned());
        assert_eq!(get(Source::Env("TOKEN".into())).unwrap(), "from-env");
        assert!(get(Source::Env("OTHER".into())).unwrap_err().contains("OTHER"));
        let shell = |text: &str| Source::Command(CommandLine::Shell(text.into()));
        assert_eq!(get(shell("echo from-command")).unwrap(), "from-command");
        assert!(get(shell("echo secret; exit 3")).unwrap_err().contains("exit status: 3"));
        assert!(get(shell("true")).unwrap_err().contains("empty"));
        assert!(get(shell("echo a; echo b")).unwrap_err().contains("one line"));
        let argv = CommandLine::Argv(vec!["echo".into(), "a b".into()]);
        assert_eq!(get(Source::Command(argv)).unwrap(), "a b");
        assert!(get(Source::File("missing".into())).unwrap_err().contains("missing"));
    }
}
