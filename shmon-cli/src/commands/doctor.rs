//! `shmon doctor`: what works, what doesn't, and what to do about it.

mod capture;

use crate::context::Globals;
use crate::output;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;
use shmon_core::config::{Config, Home};
use shmon_core::store::outbox::State;
use shmon_core::store::{Store, StoreOptions};
use shmon_core::text::visible;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

/// Check the installation and name what is wrong
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 when all is fine or only worth a note, 1 when something is broken.")]
pub(crate) struct Args {
    /// Output: for people, or one JSON object a check
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Also ask each sink's service whether it answers and takes the secret; nobody is told anything
    #[arg(long)]
    online: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
}

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Fine,
    Note,
    Broken,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Outcome::Fine => "ok",
            Outcome::Note => "note",
            Outcome::Broken => "broken",
        }
    }

    const fn colour(self) -> &'static str {
        match self {
            Outcome::Fine => "\x1b[32m",
            Outcome::Note => "\x1b[33m",
            Outcome::Broken => "\x1b[1;31m",
        }
    }
}

struct Check {
    name: &'static str,
    outcome: Outcome,
    message: String,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let home = globals.home()?;
    let mut checks = Vec::new();
    check_home(&home, &mut checks);
    let config = check_config(&home, &mut checks);
    if let Some(config) = &config {
        check_rules(config, &home, &mut checks);
        check_store(config, &home, &mut checks);
        check_log(config, &home, &mut checks);
        check_sinks(config, &home, args.online, &mut checks);
    }
    capture::check(&home, &config.unwrap_or_default(), &mut checks);
    let colour = output::colour();
    for check in &checks {
        match args.format {
            Format::Jsonl => println!(
                "{}",
                json!({"check": check.name, "outcome": check.outcome.name(), "message": check.message})
            ),
            Format::Table => {
                let (on, off) = if colour { (check.outcome.colour(), "\x1b[0m") } else { ("", "") };
                println!("{on}{:<6}{off} {:<14} {}", check.outcome.name(), check.name, check.message);
            }
        }
    }
    let broken = checks.iter().any(|c| c.outcome == Outcome::Broken);
    Ok(ExitCode::from(u8::from(broken)))
}

fn push(checks: &mut Vec<Check>, name: &'static str, outcome: Outcome, message: impl Into<String>) {
    checks.push(Check { name, outcome, message: message.into() });
}

fn check_home(home: &Home, checks: &mut Vec<Check>) {
    let root = home.root();
    match std::fs::metadata(root) {
        Err(error) => {
            let message = format!("{}: {error}: run `shmon init`", root.display());
            push(checks, "home", Outcome::Broken, message);
        }
        Ok(meta) if !meta.is_dir() => {
            push(checks, "home", Outcome::Broken, format!("{} is not a folder", root.display()));
        }
        // The whole host's home is passed through by all; what is in it isn't.
        Ok(meta) => match exposed(root, &meta).filter(|_| !capture::is_system(home)) {
            Some(message) => push(checks, "home", Outcome::Broken, message),
            None => push(checks, "home", Outcome::Fine, root.display().to_string()),
        },
    }
}

/// Says so when others can read a path.
fn exposed(path: &Path, meta: &std::fs::Metadata) -> Option<String> {
    let mode = meta.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let wanted = if meta.is_dir() { "700" } else { "600" };
        format!("{} is open to others (mode {mode:o}): chmod {wanted} {0}", path.display())
    })
}

fn check_config(home: &Home, checks: &mut Vec<Check>) -> Option<Config> {
    let path = home.config();
    match Config::load(&path) {
        Err(error) => {
            push(checks, "configuration", Outcome::Broken, error.to_string());
            None
        }
        Ok(config) => {
            if path.exists() {
                push(checks, "configuration", Outcome::Fine, path.display().to_string());
            } else {
                let message = format!("{} is missing, the defaults apply: run `shmon init`", path.display());
                push(checks, "configuration", Outcome::Note, message);
            }
            Some(config)
        }
    }
}

fn check_rules(config: &Config, home: &Home, checks: &mut Vec<Check>) {
    match config.classifier(home) {
        Err(error) => {
            push(
                checks,
                "rules",
                Outcome::Broken,
                format!(
                    "{error} (a running recorder keeps the rules that it has; a new one leaves this file out)"
                ),
            );
        }
        Ok(_) => push(checks, "rules", Outcome::Fine, "loaded"),
    }
}

fn check_store(config: &Config, home: &Home, checks: &mut Vec<Check>) {
    let path = home.database(config);
    if !path.exists() {
        let message = format!("{} is missing: run `shmon init`", path.display());
        return push(checks, "database", Outcome::Broken, message);
    }
    let meta = std::fs::metadata(&path);
    let exposed = meta.as_ref().ok().and_then(|m| exposed(&path, m));
    // A group reads the whole host's database.
    if let Some(message) = exposed.filter(|_| !capture::is_system(home)) {
        push(checks, "database", Outcome::Broken, message);
    }
    match Store::open(&path, StoreOptions::default()) {
        Err(error) => push(checks, "database", Outcome::Broken, error.to_string()),
        Ok(_) => {
            let size = meta.map_or(0, |m| m.size());
            push(checks, "database", Outcome::Fine, format!("{} ({size} bytes)", path.display()));
        }
    }
}

fn check_log(config: &Config, home: &Home, checks: &mut Vec<Check>) {
    let path = home.log(config);
    match std::fs::OpenOptions::new().append(true).open(&path) {
        Ok(_) => push(checks, "log", Outcome::Fine, path.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            push(checks, "log", Outcome::Note, format!("{} is made with the first command", path.display()));
        }
        Err(error) => push(checks, "log", Outcome::Broken, format!("{}: {error}", path.display())),
    }
}

/// Whether notifications can go out: each sink's secret, its service where asked for, and what was given up.
fn check_sinks(config: &Config, home: &Home, online: bool, checks: &mut Vec<Check>) {
    let about = config.notify.describe();
    if about.is_empty() {
        let message = "none is configured, nobody is told of anything: `shmon init --chatwork-room ID`";
        return push(checks, "notifications", Outcome::Note, message);
    }
    for one in about.iter().filter(|one| !one.enabled) {
        let message = format!("{} is switched off (enabled = false)", one.name);
        push(checks, "notifications", Outcome::Note, message);
    }
    crate::delivery::keep_secrets();
    let worker = match crate::delivery::worker(home, config) {
        Ok(worker) => worker,
        Err(error) => return push(checks, "notifications", Outcome::Broken, format!("{error:#}")),
    };
    for found in worker.examine(online) {
        let level = about.iter().find(|one| one.name == found.sink).map_or("", |one| one.min_level.as_str());
        match found.problem {
            Some(problem) => {
                push(
                    checks,
                    "notifications",
                    Outcome::Broken,
                    format!("{}: {}", found.sink, visible(&problem)),
                );
            }
            None => {
                let asked = if online { ", it answers" } else { "" };
                push(
                    checks,
                    "notifications",
                    Outcome::Fine,
                    format!("{} from {level} up{asked}", found.sink),
                );
            }
        }
    }
    let counts = Store::open_read(home.database(config)).and_then(|mut store| store.outbox_counts());
    for dead in counts.unwrap_or_default().iter().filter(|c| c.state == State::Dead) {
        let message =
            format!("{} for {} were given up: `shmon notify status` says why", dead.count, dead.sink);
        push(checks, "notifications", Outcome::Note, message);
    }
}
