//! `shmon notify`: try sinks, see what waits, send it, give up on it.

use crate::context::Globals;
use crate::{delivery, output};
use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use shmon_core::config::{Config, Home};
use shmon_core::identity::Identity;
use shmon_core::notify::Delivery;
use shmon_core::store::outbox::{Notification, Payload, State};
use shmon_core::store::{Store, StoreOptions};
use shmon_core::text::visible;
use shmon_core::{ErrorKind, Lang, Level, time};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Try sinks, see what waits for delivery, send it now
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon notify test --sink chatwork\n  shmon notify status\n  \
    shmon notify retry --dead")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Send a test message through a sink now, and say what became of it
    Test {
        /// The sink's name; several, or all where none is given
        #[arg(long, value_name = "NAME")]
        sink: Vec<String>,
    },
    /// Show how the sinks fare and what was not delivered
    Status {
        /// This sink alone
        #[arg(long, value_name = "NAME")]
        sink: Option<String>,
        /// Notifications in this state: pending, sending, unknown, sent, folded, dead, dropped
        /// [default: all that were not delivered]
        #[arg(long, value_name = "STATE")]
        state: Vec<State>,
        /// How many, newest first
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Output: for people, or one JSON object a line
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Put notifications that were given up or dropped back into the outbox
    Retry {
        /// Ids, as `shmon notify status` shows them
        #[arg(value_name = "ID", required_unless_present = "dead")]
        ids: Vec<i64>,
        /// All that are dead
        #[arg(long, conflicts_with = "ids")]
        dead: bool,
    },
    /// Take notifications out of the outbox; they stay to be seen as dropped
    Drop {
        /// Ids, as `shmon notify status` shows them
        #[arg(value_name = "ID", required = true)]
        ids: Vec<i64>,
    },
    /// Deliver what is due now, also through sinks that are being left alone after failures
    Flush {
        /// Say nothing; exit status 1 when something could not be delivered
        #[arg(long, short)]
        quiet: bool,
    },
    /// Deliver in the background and end when nothing is due soon
    #[command(hide = true)]
    Worker,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    #[value(alias = "json")]
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let home = globals.home()?;
    let mut config = globals.config()?;
    config.lang = globals.lang(&config);
    delivery::keep_secrets();
    match args.action {
        Action::Test { sink } => test(&home, &config, sink),
        Action::Status { sink, state, limit, format } => {
            status(&home, &config, sink.as_deref(), &state, limit, format)
        }
        Action::Retry { ids, dead } => retry(&home, &config, ids, dead),
        Action::Drop { ids } => {
            let mut store = open(&home, &config)?;
            for id in ids {
                let count = store.drop_notification(id, time::now())?;
                println!("{count} dropped");
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Flush { quiet } => flush(&home, &config, quiet),
        Action::Worker => linger(&home, &config),
    }
}

fn open(home: &Home, config: &Config) -> Result<Store> {
    let options = StoreOptions::of(config);
    Ok(Store::open(home.database(config), options)?)
}

fn test(home: &Home, config: &Config, names: Vec<String>) -> Result<ExitCode> {
    let mut worker = delivery::worker(home, config)?;
    let names = if names.is_empty() { worker.sink_names() } else { names };
    if names.is_empty() {
        bail!(
            "no sink is configured: add [notify.chatwork] with room_id and token_file to {}",
            home.config().display()
        );
    }
    let mut store = open(home, config)?;
    let identity = Identity::current();
    let mut payload = Payload::default();
    payload.time_ns = time::now();
    payload.time = time::local(payload.time_ns);
    payload.user = identity.user;
    payload.host = identity.host;
    payload.level = Level::Low;
    payload.lines = vec![match config.lang {
        Lang::En => "Notifications of shmon arrive here.".into(),
        Lang::Ja => "shmonの通知はここに届きます。".into(),
    }];
    let mut failed = false;
    for name in names {
        let trial = worker.trial(&mut store, &name, &payload)?;
        match (&trial.error, &trial.message_id) {
            (Some(reason), _) => {
                failed = true;
                println!("{name}: failed: {}", visible(reason));
            }
            (None, Some(id)) => println!("{name}: sent, message id {}", visible(id)),
            (None, None) => println!("{name}: sent"),
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn retry(home: &Home, config: &Config, mut ids: Vec<i64>, dead: bool) -> Result<ExitCode> {
    let mut store = open(home, config)?;
    if dead {
        let all = store.notifications(None, &[State::Dead], usize::MAX)?;
        // What went together goes back together, with its first one.
        ids = all.iter().map(|n| n.batch.unwrap_or(n.id)).collect();
        ids.sort_unstable();
        ids.dedup();
    }
    let mut count = 0;
    for id in ids {
        count += store.retry_notification(id, time::now())?;
    }
    println!("{count} put back");
    if count > 0 {
        delivery::wake(home)?;
    }
    Ok(ExitCode::from(u8::from(count == 0)))
}

fn flush(home: &Home, config: &Config, quiet: bool) -> Result<ExitCode> {
    let mut worker = delivery::worker(home, config)?;
    let mut store = open(home, config)?;
    if !worker.has_sinks() && !quiet {
        println!("no sink is configured");
    }
    store.unblock_sinks(None, time::now())?;
    let delivery = worker.run_once(&mut store)?;
    let mut open = BTreeMap::<&str, u64>::new();
    let counts = store.outbox_counts()?;
    for waiting in &counts {
        if matches!(waiting.state, State::Pending | State::Unknown | State::Sending) {
            *open.entry(&waiting.sink).or_default() += waiting.count;
        }
    }
    if !quiet {
        tell(&delivery);
        for (sink, count) in &open {
            let state = store.sink_state(sink)?;
            let why = state.error.map(|e| format!(": {}", visible(&e))).unwrap_or_default();
            println!("{} still waiting for {sink}{why}", counted(*count, "notification"));
        }
        if let Some(due) = delivery.next_due {
            println!("next attempt at {}", time::local(due));
        }
    }
    let bad = delivery.busy || delivery.failed > 0 || delivery.dead > 0;
    Ok(ExitCode::from(u8::from(bad)))
}

/// `1 attempt`, `2 attempts`
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn tell(delivery: &Delivery) {
    if delivery.busy {
        println!("another worker is delivering already");
        return;
    }
    let folded = match delivery.delivered - delivery.sent {
        0 => String::new(),
        more => format!(" (with {more} more folded into them)"),
    };
    println!("{} sent{folded}", delivery.sent);
    if delivery.failed > 0 {
        println!("{} failed", counted(delivery.failed, "attempt"));
    }
    if delivery.dead > 0 {
        println!("{} given up: `shmon notify status` says why", delivery.dead);
    }
}

/// How far ahead the background worker stays for: what is folded, and the back-off of a sink.
const HORIZON: i64 = 3600 * 1_000_000_000;
/// How often it looks for new notifications while it waits.
const LOOK: Duration = Duration::from_millis(200);

fn linger(home: &Home, config: &Config) -> Result<ExitCode> {
    // It outlives the terminal it was started from; this fails only in a group's leader, where it isn't needed.
    let _ = rustix::process::setsid();
    std::env::set_current_dir("/")?;
    let mut worker = delivery::worker(home, config)?;
    let mut store = open(home, config)?;
    let mut delivery = worker.run_once(&mut store)?;
    // One of them waits; the others have delivered what was due and go.
    let Some(_lock) = worker.linger_lock()? else { return Ok(ExitCode::SUCCESS) };
    let configured = std::fs::metadata(home.config()).and_then(|m| m.modified()).ok();
    loop {
        let Some(due) = delivery.next_due.filter(|due| *due - time::now() < HORIZON) else {
            if delivery.busy {
                std::thread::sleep(LOOK);
                delivery = worker.run_once(&mut store)?;
                continue;
            }
            return Ok(ExitCode::SUCCESS);
        };
        while time::now() < due && !store.has_new_notifications()? {
            std::thread::sleep(LOOK);
        }
        if std::fs::metadata(home.config()).and_then(|m| m.modified()).ok() != configured {
            // The next one reads the new configuration.
            delivery::wake(home)?;
            return Ok(ExitCode::SUCCESS);
        }
        delivery = worker.run_once(&mut store)?;
    }
}

fn status(
    home: &Home,
    config: &Config,
    sink: Option<&str>,
    states: &[State],
    limit: usize,
    format: Format,
) -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut sinks: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    let about = config.notify.describe();
    for one in &about {
        sinks.entry(one.name.clone()).or_default();
    }
    let mut store = match Store::open_read(home.database(config)) {
        Ok(store) => Some(store),
        // Nothing was recorded yet: the sinks are shown all the same.
        Err(e) if !home.database(config).exists() && e.kind() == ErrorKind::Store => None,
        Err(e) => return Err(e.into()),
    };
    let mut listed = Vec::new();
    if let Some(store) = &mut store {
        for waiting in store.outbox_counts()? {
            *sinks.entry(waiting.sink).or_default().entry(waiting.state.as_str()).or_default() +=
                waiting.count;
        }
        let open = [State::Pending, State::Sending, State::Unknown, State::Dead];
        let states = if states.is_empty() { &open[..] } else { states };
        listed = store.notifications(sink, states, limit)?;
    }
    sinks.retain(|name, _| sink.is_none_or(|s| s == name));
    if let (Some(name), true) = (sink, sinks.is_empty()) {
        bail!("there is no sink '{name}', and nothing in the outbox for one");
    }
    let mut rows = Vec::new();
    for (name, counts) in &sinks {
        let state = store.as_mut().map(|s| s.sink_state(name)).transpose()?.unwrap_or_default();
        let configured = about.iter().find(|a| &a.name == name);
        rows.push(SinkRow {
            name,
            kind: configured.map_or("-", |a| a.kind),
            health: match configured {
                None => "not configured",
                Some(a) if !a.enabled => "off",
                Some(_) if state.failures > 0 => "failing",
                Some(_) if state.sent_at_ns > 0 => "ok",
                Some(_) => "unused",
            },
            counts,
            sent_at_ns: state.sent_at_ns,
            blocked_until_ns: state.blocked_until_ns,
            error: state.error,
        });
    }
    match format {
        Format::Jsonl => {
            for row in &rows {
                let object = json!({"type": "sink", "sink": row.name, "kind": row.kind, "health": row.health,
                    "counts": row.counts, "sent_at_ns": row.sent_at_ns, "blocked_until_ns": row.blocked_until_ns,
                    "error": row.error});
                writeln!(out, "{object}")?;
            }
            for one in &listed {
                let mut object = serde_json::to_value(one)?;
                object["type"] = "notification".into();
                writeln!(out, "{object}")?;
            }
        }
        Format::Table => {
            table(&mut out, &rows)?;
            list(&mut out, &listed)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

struct SinkRow<'a> {
    name: &'a str,
    kind: &'a str,
    health: &'a str,
    counts: &'a BTreeMap<&'static str, u64>,
    sent_at_ns: i64,
    blocked_until_ns: i64,
    error: Option<String>,
}

fn table(out: &mut impl Write, rows: &[SinkRow<'_>]) -> Result<()> {
    if rows.is_empty() {
        writeln!(out, "no sink is configured: add [notify.chatwork] to config.toml")?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<16} {:<14} {:>7} {:>7} {:>7} {:>7} {:>5}  LAST SENT",
        "SINK", "HEALTH", "WAITING", "UNKNOWN", "SENT", "FOLDED", "DEAD"
    )?;
    for row in rows {
        let count = |state: &str| row.counts.get(state).copied().unwrap_or(0);
        let colour = output::colour();
        let (on, off) = match row.health {
            "failing" if colour => ("\x1b[31m", "\x1b[0m"),
            "ok" if colour => ("\x1b[32m", "\x1b[0m"),
            _ => ("", ""),
        };
        writeln!(
            out,
            "{:<16} {on}{:<14}{off} {:>7} {:>7} {:>7} {:>7} {:>5}  {}",
            visible(row.name),
            row.health,
            count("pending") + count("sending"),
            count("unknown"),
            count("sent"),
            count("folded"),
            count("dead"),
            if row.sent_at_ns > 0 { time::local(row.sent_at_ns) } else { "never".into() }
        )?;
        if let Some(error) = &row.error {
            writeln!(out, "{:<16} {}", "", visible(error))?;
        }
        if row.blocked_until_ns > time::now() {
            writeln!(
                out,
                "{:<16} left alone until {}; `shmon notify flush` tries now",
                "",
                time::local(row.blocked_until_ns)
            )?;
        }
    }
    Ok(())
}

fn list(out: &mut impl Write, listed: &[Notification]) -> Result<()> {
    if listed.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for one in listed {
        let row = one.command_id.map(|id| format!(" DB ID {id}")).unwrap_or_default();
        let command: String = one.payload.command.chars().take(60).collect();
        writeln!(
            out,
            "{} {} {} {}{row} {} {}",
            one.id,
            one.state.as_str(),
            visible(&one.sink),
            one.level,
            one.payload.time,
            visible(&command)
        )?;
        let next = match one.state {
            State::Pending | State::Unknown if one.next_attempt_ns > time::now() => {
                format!(", not before {}", time::local(one.next_attempt_ns))
            }
            _ => String::new(),
        };
        match (&one.error, &one.message_id) {
            (Some(error), _) => {
                let tries =
                    if one.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", one.attempts) };
                writeln!(out, "    {tries}{next}: {}", visible(error))?;
            }
            (None, Some(id)) => writeln!(out, "    message id {}", visible(id))?,
            (None, None) if !next.is_empty() => writeln!(out, "    waits{next}")?,
            (None, None) => {}
        }
    }
    if listed.iter().any(|n| n.state == State::Dead) {
        writeln!(
            out,
            "\n`shmon notify retry --dead` sends what was given up again, `shmon notify drop ID` forgets it."
        )?;
    }
    Ok(())
}
