//! `shmon prune`: old rows are removed, and the evidence says so.

use crate::context::Globals;
use crate::progress::Bar;
use crate::reading;
use crate::when::When;
use anyhow::Result;
use shmon_core::Level;
use shmon_core::store::Prune;
use std::process::ExitCode;

/// Remove old rows; a tombstone in the evidence tells of them, and the record still verifies
#[derive(clap::Args)]
#[command(after_help = "Example:\n  shmon prune --older-than 90d --keep critical\n\n\
    Exit status 1: nothing was that old. Undelivered notifications keep their rows.")]
pub(crate) struct Args {
    /// Rows before this time: 90d, '6 months', 2025-06-28
    #[arg(long, value_name = "TIME")]
    older_than: When,
    /// Keep rows of this level and above
    #[arg(long, value_name = "LEVEL")]
    keep: Option<Level>,
    /// Only say how many rows it would be
    #[arg(long)]
    dry_run: bool,
    /// Don't give the space back to the file system
    #[arg(long)]
    no_vacuum: bool,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let mut prune = Prune::new(args.older_than.0);
    prune.keep = args.keep;
    if args.dry_run {
        let rows = reading::open(globals, &config)?.prunable(&prune)?;
        println!("{rows} rows would be removed");
        return Ok(ExitCode::from(u8::from(rows == 0)));
    }
    let mut store = reading::open_write(globals, &config)?;
    let total = store.prunable(&prune)?;
    let mut bar = Bar::new();
    let pruned = store.prune(&prune, &mut |done| bar.show(done, total));
    drop(bar);
    let pruned = pruned?;
    if !args.no_vacuum {
        store.vacuum()?;
    }
    println!("{} rows removed, {} tombstones written", pruned.rows, pruned.tombstones);
    Ok(ExitCode::from(u8::from(pruned.rows == 0)))
}
