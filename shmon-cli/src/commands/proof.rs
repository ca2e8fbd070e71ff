//! `shmon proof`: one row with all that proves it, as a file.

use crate::context::Globals;
use crate::reading;
use anyhow::Result;
use std::io::Write as _;
use std::process::ExitCode;

/// Write one row with everything that proves it, for somebody who doesn't have the record
#[derive(clap::Args)]
#[command(after_help = "Example:\n  shmon proof 18 > row-18.json; shmon verify-proof row-18.json\n\n\
    The file holds the command as it was stored, with its secrets: the proof is about these very bytes.")]
pub(crate) struct Args {
    /// The row's ID
    id: i64,
    /// Lead to this checkpoint, which was kept elsewhere (its text, or a file that holds it), not to the newest one
    #[arg(long, value_name = "TEXT|FILE")]
    checkpoint: Option<String>,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let anchor = args.checkpoint.map(|given| reading::text_or_file(given, "checkpoint")).transpose()?;
    let mut store = reading::open(globals, &config)?;
    if anchor.is_none() && store.row(args.id)?.is_some() && !store.is_covered(args.id)? {
        // No checkpoint is due yet: this is the moment at which one is wanted.
        let mut writer = reading::open_write(globals, &config)?;
        writer.checkpoint()?;
        store = writer;
    }
    let proof = store.proof(args.id, anchor.as_deref())?;
    std::io::stdout().lock().write_all(proof.to_json().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
