//! A program of the user's: the message comes on its standard input, and nothing of it on its command line.

use super::{Attempt, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::message::{Message, Unit, short};
use crate::notify::secret::CommandLine;
use serde::Deserialize;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Bytes of the text.
const LIMIT: usize = 60_000;
/// Bytes of the program's messages that are kept.
const KEPT: u64 = 4096;
/// `EX_DATAERR` of sysexits.h: this message never.
const DATAERR: i32 = 65;
/// Statuses of a shell for a program that it can't run.
const CANNOT_RUN: [i32; 2] = [126, 127];

/// What the program is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Input {
    /// One JSON object.
    #[default]
    Json,
    /// The message as text.
    Text,
}

crate::notify::config::sink_config! {
    /// `[notify.command]`
    pub struct Config ("command", checkpoint = true) {
        /// The program and its arguments, or a line for `sh -c`.
        pub run: CommandLine,
        /// What it is given on its standard input.
        #[serde(default)]
        pub input: Input,
    }
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.run.build().map(drop).ok_or_else(|| "run is empty".into())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what all sinks have")]
pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Command> {
    Ok(Command { config: config.clone(), setting: setting.clone() })
}

/// The sink.
pub(crate) struct Command {
    config: Config,
    setting: Setting,
}

impl Command {
    fn run(&self, input: Vec<u8>) -> std::result::Result<String, Outcome> {
        let mut command =
            self.config.run.build().ok_or_else(|| Outcome::Misconfigured("run is empty".into()))?;
        let mut child = command
            .current_dir(self.setting.home.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| Outcome::Misconfigured(format!("cannot run the program: {e}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            // On a thread: a program that doesn't read must not hang the sink. Its exit status is what counts.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let stderr = child.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = stderr.take(KEPT).read_to_end(&mut text);
                String::from_utf8_lossy(&text).trim().to_owned()
            })
        });
        let started = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() > self.setting.timeout => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let seconds = self.setting.timeout.as_secs();
                    return Err(Outcome::Unknown(format!("it took more than {seconds} s and was killed")));
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(e) => return Err(Outcome::Unknown(e.to_string())),
            }
        };
        if status.success() {
            return Ok(status.to_string());
        }
        // A child of the program's may hold the pipe open: only what is there is read.
        let said = match stderr {
            Some(thread) if thread.is_finished() || waited(&thread) => thread.join().unwrap_or_default(),
            _ => String::new(),
        };
        let reason = short(&format!("{status}: {said}"), 300);
        Err(match status.code() {
            Some(DATAERR) => Outcome::Refused(reason),
            Some(code) if CANNOT_RUN.contains(&code) => Outcome::Misconfigured(reason),
            _ => Outcome::NotSent(reason),
        })
    }
}

fn waited<T>(thread: &std::thread::JoinHandle<T>) -> bool {
    for _ in 0..50 {
        if thread.is_finished() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

impl Sink for Command {
    fn label(&self) -> &'static str {
        "Command"
    }

    /// Whether the program is there; a line for the shell is the shell's to judge.
    fn ready(&self) -> std::result::Result<(), String> {
        let CommandLine::Argv(argv) = &self.config.run else { return Ok(()) };
        let program = argv.first().ok_or("run is empty")?;
        let can_run =
            |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        let path = (self.setting.env)("PATH").unwrap_or_default();
        let there = match program.contains('/') {
            true => can_run(&self.setting.home.root().join(program)),
            false => std::env::split_paths(&path).any(|folder| can_run(&folder.join(program))),
        };
        if there { Ok(()) } else { Err(format!("there is no program {program}")) }
    }

    fn reach(&self) -> Attempt {
        match self.ready() {
            Ok(()) => Outcome::asked().into(),
            Err(reason) => Attempt::misconfigured(reason),
        }
    }

    fn send(&self, message: &Message) -> Attempt {
        let mut input = match self.config.input {
            Input::Json => message.json().to_string(),
            Input::Text => message.text(Unit::Bytes, LIMIT, &str::to_owned),
        };
        input.push('\n');
        match self.run(input.into_bytes()) {
            Ok(answer) => Outcome::Sent { id: None, answer }.into(),
            Err(outcome) => outcome.into(),
        }
    }
}
