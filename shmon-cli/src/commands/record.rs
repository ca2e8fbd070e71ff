//! `shmon record`: one command, by hand or from a script.

use crate::context::Globals;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use shmon_core::Monitor;
use shmon_core::config::{Home, private_folder};
use shmon_core::identity::Identity;
use shmon_core::monitor::Incoming;
use shmon_core::record::{Event, UnixNanos};
use shmon_core::spool::{Writer, session_name};
use shmon_core::time;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// Record one command: classify, store, log, notify
#[derive(clap::Args)]
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
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print nothing
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let (format, quiet) = (args.format, args.quiet);
    let event = event(args)?;
    if event.command.iter().all(u8::is_ascii_whitespace) {
        bail!("the command is empty: nothing was recorded");
    }
    let home = globals.home()?;
    let recorded = Monitor::open(&home, globals.config()?)
        .and_then(|mut monitor| monitor.record(&[Incoming::Event(event.clone())]));
    let recorded = match recorded {
        Ok(recorded) => recorded.first().copied().context("no answer from the store")?,
        Err(error) => {
            spool(&home, &event).with_context(|| format!("{error}; and the spool can't take it either"))?;
            eprintln!(
                "shmon: {error}; the command waits in {} and is recorded later",
                home.spool_dir().display()
            );
            if !quiet && format == Format::Jsonl {
                println!("{}", json!({"id": null, "spooled": true}));
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    if recorded.notifications > 0 {
        crate::delivery::wake(&home)?;
    }
    match (quiet, format) {
        (true, _) => {}
        (_, Format::Jsonl) => {
            println!(
                "{}",
                json!({"id": recorded.id, "level": recorded.level, "excluded": recorded.excluded,
                       "duplicate": recorded.duplicate, "notifications": recorded.notifications})
            );
        }
        (_, Format::Text) => match recorded.id {
            Some(id) => println!("{} ID {id}", recorded.level),
            None => println!("{} not kept (excluded)", recorded.level),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Keeps an event that the database can't take, for the recorder to drain later.
fn spool(home: &Home, event: &Event) -> Result<()> {
    let folder = home.spool_dir();
    private_folder(&folder)?;
    let pid = std::process::id();
    let mut writer = Writer::open(&folder, &session_name(pid, time::now()), true)?;
    let seconds = |nanos: i64| {
        format!("{}.{:06}", nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) / 1000)
    };
    let begun = seconds(event.started_at);
    let about = format!(
        "shell={}\npid={pid}\nhost={}\nid={}\nssh={}\ntty={}",
        event.shell,
        event.host,
        event.session_id.replace('\n', " "),
        event.ssh_client.as_deref().unwrap_or(""),
        event.tty.as_deref().unwrap_or(""),
    );
    let cwd = event.working_directory.as_bytes();
    writer.append(&format!("s1 0 {begun}"), 0, cwd, about.as_bytes())?;
    writer.append(&format!("b1 1 {begun} record"), 1, cwd, &event.command)?;
    if let Some(status) = event.exit_status {
        let ended =
            event.duration.map_or_else(|| "-".to_owned(), |d| seconds(event.started_at.saturating_add(d)));
        writer.append(&format!("e1 1 {ended} {status} {begun}"), 1, b"", b"")?;
    }
    Ok(())
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
    let identity = Identity::current();
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
    event.user = identity.user;
    event.uid = Some(identity.uid);
    event.host = identity.host;
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
    let local = text.parse::<DateTime>().ok().and_then(|t| t.to_zoned(TimeZone::system()).ok());
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
