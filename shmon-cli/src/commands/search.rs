//! `shmon search`: who ran what, when, from where.

use super::log::Printer;
use crate::context::Globals;
use crate::reading::{self, Filter};
use anyhow::Result;
use clap::ValueEnum;
use shmon_core::store::{Order, Row};
use std::io::Write;
use std::process::ExitCode;

/// Search recorded commands
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon search passwd --user ann --since yesterday\n  \
    shmon search --rule destruction --format csv\n  shmon search 'rm -rf' --count\n\n\
    The next page: --page-after with the last ID of this one. Exit status 1: nothing was found.")]
pub(crate) struct Args {
    /// Text that the command holds, in upper or lower case; several words are one text
    words: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// How many rows at most; 0 shows all
    #[arg(short = 'n', long, default_value_t = 50)]
    limit: usize,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// Print only how many rows there are
    #[arg(long)]
    count: bool,
    /// Output: lines for people, one JSON object a row, or comma-separated values
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show secrets that the record holds
    #[arg(long)]
    reveal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
    Csv,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let store = reading::open(globals, &config)?;
    let mut query = args.filter.query();
    if !args.words.is_empty() {
        query.text = Some(args.words.join(" "));
    }
    if args.count {
        let count = store.count(&query)?;
        println!("{count}");
        return Ok(ExitCode::from(u8::from(count == 0)));
    }
    query.limit = (args.limit != 0).then_some(args.limit);
    query.order = if args.reverse { Order::Oldest } else { Order::Newest };
    let format = match args.format {
        Format::Jsonl => super::log::Format::Jsonl,
        _ => super::log::Format::Table,
    };
    let mut printer = Printer::new(format, globals.lang(&config), args.reveal);
    let mut found = false;
    for row in store.rows(&query)? {
        let row = row?;
        if args.format == Format::Csv {
            if !found {
                writeln!(printer.table.out, "{CSV_HEADING}")?;
            }
            csv(&mut printer.table.out, &row, args.reveal)?;
        } else {
            printer.row(&row)?;
        }
        found = true;
    }
    printer.table.out.flush()?;
    Ok(ExitCode::from(u8::from(!found)))
}

/// The columns of CSV: the ticket's names first.
pub(crate) const CSV_HEADING: &str = "id,session_id,command,command_hash,working_directory,execution_time,\
risk_level,is_sensitive,created_at,started_at_ns,duration_ns,exit_status,user,uid,host,tty,pid,ppid,shell,\
ssh_client,rule_ids,redacted,event";

/// One row as RFC 4180 has it.
pub(crate) fn csv(out: &mut impl Write, row: &Row, reveal: bool) -> Result<()> {
    let number = |n: Option<i64>| n.map_or(String::new(), |n| n.to_string());
    let command = if reveal { String::from_utf8_lossy(&row.command) } else { row.shown() };
    let fields: [&str; 23] = [
        &row.id.to_string(),
        &row.session_id,
        &command,
        &row.command_hash,
        &row.working_directory,
        &row.execution_time,
        row.level.as_str(),
        if row.sensitive { "1" } else { "0" },
        &row.created_at,
        &row.started_at.to_string(),
        &number(row.duration),
        &number(row.exit_status.map(i64::from)),
        &row.user,
        &number(row.uid.map(i64::from)),
        &row.host,
        row.tty.as_deref().unwrap_or_default(),
        &number(row.pid.map(i64::from)),
        &number(row.ppid.map(i64::from)),
        &row.shell,
        row.ssh_client.as_deref().unwrap_or_default(),
        &row.rules.join(" "),
        if row.redacted.is_some() && !reveal { "1" } else { "0" },
        &row.uid_text(),
    ];
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        // A spreadsheet takes such a cell for a formula; a quote before it makes it text. JSON has it as it was.
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<i64>().is_err();
        let quote = if formula { "'" } else { "" };
        if formula || field.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{quote}{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")?;
    Ok(())
}
