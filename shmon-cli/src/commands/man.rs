//! `shmon man`: the manual pages, from the same definition as `--help`.

use anyhow::{Context as _, Result};
use clap::Command;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print the manual page, or write all of them into a folder
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon man | man -l -\n  shmon man --dir ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Folder for shmon.1 and one page a subcommand
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, command: Command) -> Result<ExitCode> {
    match &args.dir {
        None => clap_mangen::Man::new(command).render(&mut std::io::stdout())?,
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            clap_mangen::generate_to(command, dir)
                .with_context(|| format!("cannot write to {}", dir.display()))?;
            println!("manual pages written to {}", dir.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
