//! `shmon log`: the latest commands, and those that follow.

use crate::context::Globals;
use crate::reading::{self, Filter, Table};
use anyhow::Result;
use clap::ValueEnum;
use shmon_core::Lang;
use shmon_core::config::Config;
use shmon_core::store::{Order, Query, Row, Store};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Show recorded commands, newest first
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon log\n  shmon log --min-level high --since '2 hours ago'\n  \
    shmon log --follow --format jsonl\n\nSecrets are replaced; --reveal shows commands as they were stored.")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// How many rows at most; 0 shows all
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// Go on with new commands as they are recorded
    #[arg(short, long)]
    follow: bool,
    /// Output: lines for people, or one JSON object a row
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show secrets that the record holds
    #[arg(long)]
    reveal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let mut store = reading::open(globals, &config)?;
    let mut query = args.filter.query();
    query.limit = (args.limit != 0).then_some(args.limit);
    let mut printer = Printer::new(args.format, globals.lang(&config), args.reveal);
    if args.follow {
        let last = store.last_id()?;
        // What follows stands below, so the rows before it come oldest first.
        let mut rows = store.rows(&query)?.collect::<shmon_core::Result<Vec<Row>>>()?;
        rows.sort_by_key(|row| row.id);
        rows.iter().try_for_each(|row| printer.row(row))?;
        return follow(globals, &config, &mut store, query, last, printer);
    }
    query.order = if args.reverse { Order::Oldest } else { Order::Newest };
    let mut found = false;
    for row in store.rows(&query)? {
        found = true;
        printer.row(&row?)?;
    }
    printer.table.out.flush()?;
    Ok(ExitCode::from(u8::from(!found)))
}

/// Prints rows as they come, until the reader goes away.
pub(crate) fn follow(
    globals: &Globals,
    config: &Config,
    store: &mut Store,
    mut query: Query,
    mut last: i64,
    mut printer: Printer,
) -> Result<ExitCode> {
    query.order = Order::Oldest;
    query.limit = None;
    query.before_id = None;
    loop {
        printer.table.out.flush()?;
        std::thread::sleep(Duration::from_millis(200));
        if store.moved() {
            // The file was replaced; where there is none at the moment, wait for it.
            match reading::open(globals, config) {
                Ok(fresh) => (*store, last) = (fresh, 0),
                Err(_) => continue,
            }
        }
        query.after_id = Some(last);
        let newest = store.last_id()?;
        for row in store.rows(&query)? {
            printer.row(&row?)?;
        }
        last = last.max(newest);
    }
}

/// Prints rows in either format.
pub(crate) struct Printer {
    format: Format,
    reveal: bool,
    headed: bool,
    pub(crate) table: Table<std::io::BufWriter<std::io::StdoutLock<'static>>>,
}

impl Printer {
    pub(crate) fn new(format: Format, lang: Lang, reveal: bool) -> Printer {
        let out = std::io::BufWriter::new(std::io::stdout().lock());
        Printer { format, reveal, headed: false, table: Table::new(out, lang, reveal) }
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<()> {
        match self.format {
            Format::Jsonl => {
                serde_json::to_writer(&mut self.table.out, &row.to_json(self.reveal))?;
                self.table.out.write_all(b"\n")?;
            }
            Format::Table => {
                if !self.headed {
                    self.table.heading()?;
                    self.headed = true;
                }
                self.table.row(row)?;
            }
        }
        Ok(())
    }
}
