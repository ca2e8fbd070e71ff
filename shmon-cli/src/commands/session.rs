//! `shmon session`: one session from its first command to its last.

use super::log::{Format, Printer};
use crate::context::Globals;
use crate::output;
use crate::reading;
use anyhow::{Result, bail};
use shmon_core::store::{Order, Query, Row, Session, Store};
use shmon_core::text::visible;
use shmon_core::{Lang, time};
use std::io::Write;
use std::process::ExitCode;

/// Replay one session: every command in order, with its time, how long it ran and how it ended
#[derive(clap::Args)]
#[command(after_help = "`shmon sessions` lists them. Exit status 1: there is no such session.")]
pub(crate) struct Args {
    /// The session's ID, or its beginning where no other session begins so
    id: String,
    /// Output: for people, or one JSON object a command
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show secrets that the record holds
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let store = reading::open(globals, &config)?;
    let Some(session) = find(&store, &args.id)? else {
        eprintln!("shmon: there is no session {}", visible(&args.id));
        return Ok(ExitCode::from(1));
    };
    let mut query = Query::new();
    query.session = Some(session.session_id.clone());
    query.order = Order::Oldest;
    let rows = store.rows(&query)?;
    if args.format == Format::Jsonl {
        let mut printer = Printer::new(Format::Jsonl, globals.lang(&config), args.reveal);
        for row in rows {
            printer.row(&row?)?;
        }
        printer.table.out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    head(&mut out, &store, &session, globals.lang(&config))?;
    let mut began = None;
    for row in rows {
        let row = row?;
        let began = *began.get_or_insert(row.started_at);
        line(&mut out, &row, row.started_at - began, args.reveal)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The session with this id, or the only one whose id begins so.
fn find(store: &Store, id: &str) -> Result<Option<Session>> {
    if let Some(session) = store.session(id)? {
        return Ok(Some(session));
    }
    let mut found = store.sessions_like(id, 2)?;
    if found.len() > 1 {
        bail!("several sessions begin with {}: say more of it", visible(id));
    }
    Ok(found.pop())
}

fn head(out: &mut impl Write, store: &Store, session: &Session, lang: Lang) -> Result<()> {
    let lineage = store.lineage(&session.session_id)?;
    let [name, who, when, from, parents, children] = match lang {
        Lang::En => ["Session", "User", "Time", "From", "Started from", "Started"],
        Lang::Ja => ["セッション", "ユーザー", "期間", "接続元", "親セッション", "子セッション"],
    };
    let list = |ids: &[String]| ids.iter().map(|id| visible(id).into_owned()).collect::<Vec<_>>().join(", ");
    writeln!(out, "{name}: {}", visible(&session.session_id))?;
    let tty = session.tty.as_deref().unwrap_or("-");
    let (user, host) = (visible(&session.user), visible(&session.host));
    writeln!(out, "{who}: {user}@{host} {} {}", visible(tty), visible(&session.shell))?;
    writeln!(out, "{when}: {} – {}", time::local(session.started_at), time::local(session.last_at))?;
    if let Some(client) = &session.ssh_client {
        writeln!(out, "{from}: {}", visible(client))?;
    }
    if !lineage.ancestors.is_empty() {
        writeln!(out, "{parents}: {}", list(&lineage.ancestors))?;
    }
    if !lineage.children.is_empty() {
        writeln!(out, "{children}: {}", list(&lineage.children))?;
    }
    writeln!(out)?;
    Ok(())
}

/// `08:50:30    +1:02  ✗1  3.2 s  /home/ann$ command`
fn line(out: &mut impl Write, row: &Row, since: i64, reveal: bool) -> Result<()> {
    let clock = row.execution_time.get(11..).unwrap_or_default();
    let command = if reveal { String::from_utf8_lossy(&row.command) } else { row.shown() };
    let status = row.exit_status.map_or("-".to_owned(), |status| status.to_string());
    let (on, off) = if output::colour() { (output::level_colour(row.level), "\x1b[0m") } else { ("", "") };
    let level = reading::padded(row.level.as_str(), 8);
    writeln!(
        out,
        "{clock} {:>9} {status:>4} {:>8}  {on}{level}{off}  {}$ {}",
        format!("+{}", clock_of(since)),
        row.duration.map_or("-".to_owned(), duration),
        visible(&row.working_directory),
        visible(&command)
    )?;
    Ok(())
}

/// Hours, minutes and seconds.
fn clock_of(nanos: i64) -> String {
    let seconds = (nanos / 1_000_000_000).max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// `3.2 s`, `15 ms`, or a clock's form from a minute up.
fn duration(nanos: i64) -> String {
    match nanos {
        0..1_000_000_000 => format!("{} ms", nanos / 1_000_000),
        1_000_000_000..60_000_000_000 => {
            format!("{}.{} s", nanos / 1_000_000_000, nanos / 100_000_000 % 10)
        }
        _ => clock_of(nanos),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_short() {
        assert_eq!(super::duration(15_999_999), "15 ms");
        assert_eq!(super::duration(3_290_000_000), "3.2 s");
        assert_eq!(super::duration(62_000_000_000), "1:02");
        assert_eq!(super::clock_of(3_725_000_000_000), "1:02:05");
    }
}
