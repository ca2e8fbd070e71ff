//! `shmon backup`: a copy of the record while it is in use.

use crate::context::Globals;
use crate::reading;
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Copy the record into a file while recording goes on
#[derive(clap::Args)]
#[command(
    after_help = "The copy is complete and can be read with sqlite3 and --home; rows that are recorded in it \
    after a restore get a new epoch."
)]
pub(crate) struct Args {
    /// The new file; it must not exist
    file: PathBuf,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    reading::open(globals, &config)?.backup(&args.file)?;
    Ok(ExitCode::SUCCESS)
}
