//! `shmon record`: one command, by hand or from a script.
//!
//! Where a recorder runs, the command goes to it through the spool, and its answer is waited for: a process that opens no
//! database is some twenty times as quick. Where none runs, the process commits by itself.

mod spool;

use crate::context::Globals;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::json;
use shmon_core::Monitor;
use shmon_core::config::{Config, Durability, Home};
use shmon_core::identity::{Identity, host_name};
use shmon_core::monitor::{Incoming, Recorded};
use shmon_core::record::{Event, UnixNanos};
use shmon_core::recorder::door::{Answer, Line};
use shmon_core::time;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How long the recorder's answer is waited for without `--wait`, in milliseconds.
const WAIT: u64 = 2000;

/// Record one command: classify, store, log, notify
#[derive(clap::Args, Debug, PartialEq)]
#[command(after_help = "Examples:\n  shmon record --exit 0 'nmap -sV target.example.com'\n  \
    printf '%s' \"$cmd\" | shmon record --stdin --session $$ --cwd \"$PWD\" --format jsonl")]
pub(crate) struct Args {
    /// The command as one argument, or several that are joined with spaces
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    command: Vec<OsString>,
    /// Read the command from standard input, to its end
    #[arg(long)]
    stdin: bool,
    /// Session [default: the parent process's id]
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Folder the command was typed in [default: this one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// Exit status
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    exit: Option<i32>,
    /// How long it ran, in seconds
    #[arg(long, value_name = "SECONDS")]
    duration: Option<f64>,
    /// When: seconds since the epoch, RFC 3339, or local 'YYYY-MM-DD HH:MM:SS' [default: now]
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Shell whose grammar applies
    #[arg(long, value_name = "NAME", default_value = "bash")]
    shell: String,
    /// Key under which a repeated call is recognised and changes nothing
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Don't wait until it is committed: leave it in the spool to the recorder, which is started where none runs
    #[arg(long)]
    no_wait: bool,
    /// Wait so many milliseconds at most for a recorder that runs: the command is in the spool by then, and is recorded later
    #[arg(long, value_name = "MS", default_value_t = WAIT, conflicts_with = "no_wait")]
    wait: u64,
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print nothing
    #[arg(long, short)]
    quiet: bool,
}

impl Args {
    /// The arguments of a plain call, in which each option and its value are words of their own, read without clap: making the
    /// definitions that clap reads by takes longer than all the rest. `None` for everything else, which clap reads.
    pub(crate) fn plain(words: &[OsString]) -> Option<Args> {
        let mut args = Args {
            command: Vec::new(),
            stdin: false,
            session: None,
            cwd: None,
            exit: None,
            duration: None,
            time: None,
            shell: "bash".to_owned(),
            key: None,
            no_wait: false,
            wait: WAIT,
            format: Format::Text,
            quiet: false,
        };
        let mut given: Vec<&OsString> = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let is_option = word.as_bytes().starts_with(b"-");
            if !is_option {
                args.command.push(word.clone());
                continue;
            }
            if given.contains(&word) {
                return None;
            }
            given.push(word);
            let mut value = || words.next()?.to_str().filter(|value| !value.starts_with('-'));
            match word.as_bytes() {
                b"--stdin" => args.stdin = true,
                b"--no-wait" => args.no_wait = true,
                b"--quiet" => args.quiet = true,
                b"--session" => args.session = Some(value()?.to_owned()),
                b"--cwd" => args.cwd = Some(value().filter(|dir| !dir.is_empty())?.into()),
                b"--exit" => args.exit = Some(value()?.parse().ok()?),
                b"--duration" => args.duration = Some(value()?.parse().ok()?),
                b"--time" => args.time = Some(value()?.to_owned()),
                b"--shell" => value()?.clone_into(&mut args.shell),
                b"--key" => args.key = Some(value()?.to_owned()),
                b"--format" => {
                    args.format = match value()? {
                        "text" => Format::Text,
                        "jsonl" => Format::Jsonl,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
        (args.stdin == args.command.is_empty()).then_some(args)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let (format, quiet, no_wait) = (args.format, args.quiet, args.no_wait);
    let wait = Duration::from_millis(args.wait);
    let mut event = event(args)?;
    if event.command.iter().all(u8::is_ascii_whitespace) {
        bail!("the command is empty: nothing was recorded");
    }
    let home = globals.home()?;
    let outcome =
        if no_wait { hand_over(&home, globals, &event)? } else { ask_recorder(&home, &mut event, wait) };
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => commit(&home, globals, event)?,
    };
    if let (Some(reason), false) = (&outcome.trouble, outcome.row.is_some()) {
        let folder = home.spool_dir();
        eprintln!("shmon: {reason}; the command waits in {} and is recorded later", folder.display());
    }
    match (quiet, format, outcome.row) {
        (true, ..) | (_, Format::Text, None) => {}
        (_, Format::Jsonl, None) => println!("{}", json!({"id": null, "spooled": true})),
        (_, Format::Jsonl, Some(row)) => {
            println!(
                "{}",
                json!({"id": row.id, "level": row.level, "excluded": row.excluded,
                       "duplicate": row.duplicate, "notifications": row.notifications})
            );
        }
        (_, Format::Text, Some(row)) => match row.id {
            Some(id) => println!("{} ID {id}", row.level),
            None => println!("{} not kept (excluded)", row.level),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// What became of the command.
#[derive(Default)]
struct Outcome {
    /// `None` where it waits in the spool.
    row: Option<Recorded>,
    /// Why it does, if it shouldn't.
    trouble: Option<String>,
}

/// Gives the command to the recorder that runs; `None` where none does, or the spool can't take it. After an answer that
/// settled nothing the event has the key of what lies in the spool, so that it can't be recorded twice.
fn ask_recorder(home: &Home, event: &mut Event, wait: Duration) -> Option<Outcome> {
    let mut line = Line::open(&home.socket())?;
    let mut spooled = spool::write(home, event).ok().flatten()?;
    match line.row(&spooled.session, wait) {
        Answer::Recorded(row) => Some(Outcome { row: Some(row), trouble: None }),
        Answer::Silent => {
            // What it says is that the command is safe.
            let trouble = match spooled.writer.sync() {
                Ok(()) => "the recorder doesn't answer".to_owned(),
                Err(error) => error.to_string(),
            };
            Some(Outcome { row: None, trouble: Some(trouble) })
        }
        Answer::Unknown => {
            event.key = spooled.key;
            None
        }
    }
}

/// Leaves the command in the spool; `None` where it can't be written there.
fn hand_over(home: &Home, globals: &Globals, event: &Event) -> Result<Option<Outcome>> {
    let Some(mut spooled) = spool::write(home, event)? else { return Ok(None) };
    if is_full(home, globals)? {
        spooled.writer.sync()?;
    }
    // The system's recorder is the system's to start.
    if !spooled.shared && Line::open(&home.socket()).is_none() {
        crate::delivery::start_recorder(home)?;
    }
    Ok(Some(Outcome::default()))
}

/// Whether what is in the spool has to survive power loss. Reading the whole configuration takes longer than everything else here, so
/// it is read only where it may say so.
fn is_full(home: &Home, globals: &Globals) -> Result<bool> {
    let text = std::fs::read_to_string(home.config()).unwrap_or_default();
    let may =
        |line: &str| !line.trim_start().starts_with('#') && (line.contains("full") || line.contains('\\'));
    Ok(text.lines().any(may) && globals.config()?.store.durability == Durability::Full)
}

/// Records the command in this process; where the database can't take it, the spool keeps it.
fn commit(home: &Home, globals: &Globals, mut event: Event) -> Result<Outcome> {
    let identity = Identity::current();
    (event.user, event.uid) = (identity.user, Some(identity.uid));
    let config: Config = globals.config()?;
    let recorded =
        Monitor::open(home, config).and_then(|mut monitor| monitor.record(&[Incoming::Event(event.clone())]));
    match recorded {
        Ok(recorded) => {
            let row = recorded.first().copied().context("no answer from the store")?;
            if row.notifications > 0 {
                crate::delivery::wake(home)?;
            }
            Ok(Outcome { row: Some(row), trouble: None })
        }
        Err(error) => {
            spool::write(home, &event)
                .map_err(anyhow::Error::from)
                .and_then(|spooled| spooled.context("a name or the command holds what a spool can't"))
                .and_then(|mut spooled| Ok(spooled.writer.sync()?))
                .with_context(|| format!("{error}; and the spool can't take it either"))?;
            Ok(Outcome { row: None, trouble: Some(error.to_string()) })
        }
    }
}

fn event(args: Args) -> Result<Event> {
    let mut command = Vec::new();
    if args.stdin {
        std::io::stdin().lock().read_to_end(&mut command).context("cannot read standard input")?;
        if command.last() == Some(&b'\n') {
            command.pop();
        }
    } else {
        for (n, word) in args.command.iter().enumerate() {
            if n > 0 {
                command.push(b' ');
            }
            command.extend_from_slice(word.as_bytes());
        }
    }
    let cwd = match args.cwd {
        Some(dir) => dir,
        None => std::env::current_dir().unwrap_or_default(),
    };
    let parent = rustix::process::getppid().map(|p| p.as_raw_nonzero().get().unsigned_abs());
    let mut event = Event::default();
    event.key = args.key.unwrap_or_default();
    event.session_id = args.session.or_else(|| parent.map(|p| p.to_string())).unwrap_or_default();
    event.command = command;
    event.working_directory = cwd.to_string_lossy().into_owned();
    event.started_at = match &args.time {
        Some(text) => parse_time(text)?,
        None => time::now(),
    };
    event.duration = args.duration.map(|seconds| (seconds * 1e9) as i64);
    event.exit_status = args.exit;
    event.host = host_name();
    event.tty = rustix::termios::ttyname(std::io::stdin(), Vec::new())
        .ok()
        .map(|name| name.to_string_lossy().into_owned());
    event.pid = parent;
    event.shell = args.shell;
    event.ssh_client = ssh_client();
    Ok(event)
}

/// Address and port of the SSH client, as sshd tells the session.
fn ssh_client() -> Option<String> {
    let value = std::env::var("SSH_CLIENT").ok()?;
    let mut fields = value.split_whitespace();
    Some(format!("{} {}", fields.next()?, fields.next()?))
}

/// Seconds since the epoch (with a fraction), RFC 3339, or local time.
fn parse_time(text: &str) -> Result<UnixNanos> {
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
    {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanos: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        if let (Ok(whole), Ok(nanos)) = (whole.parse::<i64>(), nanos.parse::<i64>()) {
            return whole
                .checked_mul(1_000_000_000)
                .and_then(|n| n.checked_add(nanos))
                .with_context(|| format!("the time {text} is out of range"));
        }
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time::nanos(time));
    }
    let local = text.parse::<DateTime>().ok().and_then(|t| t.to_zoned(time::zone()).ok());
    match local {
        Some(zoned) => Ok(time::nanos(zoned.timestamp())),
        None => bail!(
            "'{text}' is not a time: use seconds since the epoch, 2025-06-28T08:50:30Z or '2025-06-28 08:50:30'"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_every_form() {
        assert_eq!(parse_time("1751068230").unwrap(), 1_751_068_230_000_000_000);
        assert_eq!(parse_time("1751068230.25").unwrap(), 1_751_068_230_250_000_000);
        assert_eq!(parse_time("2025-06-27T23:50:30Z").unwrap(), 1_751_068_230_000_000_000);
        let local = parse_time("2025-06-28 08:50:30").unwrap();
        assert_eq!(time::local(local), "2025-06-28 08:50:30");
        for bad in ["yesterday", "", "2025-13-01 00:00:00", "99999999999999999999"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
