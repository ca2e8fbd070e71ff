//! `shmon completions`: for the shell that reads them.

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print a shell's completions
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  shmon completions bash > ~/.local/share/bash-completion/completions/shmon"
)]
pub(crate) struct Args {
    /// Shell that reads them
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command) -> Result<ExitCode> {
    clap_complete::generate(args.shell, &mut command, "shmon", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
