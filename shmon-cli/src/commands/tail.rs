//! `shmon tail`: new commands as they are recorded.

use super::log::{self, Format, Printer};
use crate::context::Globals;
use crate::reading::{self, Filter};
use anyhow::Result;
use std::process::ExitCode;

/// Show commands as they are recorded (the same as `shmon log --follow --limit 10`)
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// How many earlier rows come first
    #[arg(short = 'n', long, default_value_t = 10)]
    limit: usize,
    /// Output: lines for people, or one JSON object a row
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Show secrets that the record holds
    #[arg(long)]
    reveal: bool,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let mut store = reading::open(globals, &config)?;
    let mut query = args.filter.query();
    query.limit = Some(args.limit);
    let mut printer = Printer::new(args.format, globals.lang(&config), args.reveal);
    let last = store.last_id()?;
    let mut rows = store.rows(&query)?.collect::<shmon_core::Result<Vec<_>>>()?;
    rows.sort_by_key(|row| row.id);
    rows.iter().try_for_each(|row| printer.row(row))?;
    log::follow(globals, &config, &mut store, query, last, printer)
}
