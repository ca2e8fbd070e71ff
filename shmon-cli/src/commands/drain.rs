//! `shmon drain`: what the recorder does, once.

use crate::context::Globals;
use anyhow::Result;
use shmon_core::monitor::Monitor;
use shmon_core::recorder::{self, Recorder};
use std::process::ExitCode;

/// Record what waits in the spool, once, and end
#[derive(clap::Args)]
#[command(after_help = "Where a recorder runs already, it is left to it. Exit status 1 then.")]
pub(crate) struct Args {
    /// Say nothing unless something fails
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = globals.home()?;
    let Some(_lock) = recorder::lock(&home)? else {
        if !args.quiet {
            eprintln!("shmon: a recorder runs already");
        }
        return Ok(ExitCode::from(1));
    };
    let mut recorder = Recorder::open(&home)?;
    let mut monitor = Monitor::open(&home, globals.config()?)?;
    let drained = recorder.drain(&mut monitor)?;
    if !args.quiet {
        println!(
            "{} commands, {} ends, {} notices; {} were recorded before",
            drained.commands, drained.ends, drained.notes, drained.duplicates
        );
    }
    Ok(ExitCode::SUCCESS)
}
