//! The `shmon` command: one file per subcommand under `commands/`.
#![forbid(unsafe_code)]

mod bulk;
mod commands;
mod context;
mod delivery;
mod output;
mod progress;
mod reading;
mod setup;
mod when;

use clap::{CommandFactory, Parser, Subcommand};
use context::Globals;
use std::process::ExitCode;

/// Watches, classifies and records the commands of a shared server.
#[derive(Parser)]
#[command(name = "shmon", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit status: 0 found or fine, 1 none or refused, 2 error.")]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(commands::init::Args),
    Record(commands::record::Args),
    Classify(commands::classify::Args),
    Exec(commands::exec::Args),
    Explain(commands::explain::Args),
    Check(commands::check::Args),
    Guard(commands::guard::Args),
    Rules(commands::rules::Args),
    Daemon(commands::daemon::Args),
    Drain(commands::drain::Args),
    Hook(commands::hook::Args),
    Doctor(commands::doctor::Args),
    Completions(commands::completions::Args),
    Man(commands::man::Args),
    Log(commands::log::Args),
    Search(commands::search::Args),
    Sessions(commands::sessions::Args),
    Session(commands::session::Args),
    Stats(commands::stats::Args),
    Report(commands::report::Args),
    Serve(commands::serve::Args),
    Export(commands::export::Args),
    Import(commands::import::Args),
    Backup(commands::backup::Args),
    Prune(commands::prune::Args),
    Verify(commands::verify::Args),
    Proof(commands::proof::Args),
    VerifyProof(commands::verify_proof::Args),
    Tail(commands::tail::Args),
    Notify(commands::notify::Args),
}

/// The one subcommand that programs call for each command of their users: where it stands first and is without fault, the other
/// subcommands' arguments aren't built, which take longer than all the rest of it.
#[derive(Parser)]
#[command(name = "shmon", disable_help_flag = true, disable_help_subcommand = true)]
struct RecordOnly {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: OnlyRecord,
}

#[derive(Subcommand)]
enum OnlyRecord {
    Record(commands::record::Args),
}

fn arguments() -> Cli {
    if std::env::args_os().nth(1).is_some_and(|word| word == "record")
        && let Ok(RecordOnly { globals, command: OnlyRecord::Record(args) }) = RecordOnly::try_parse()
    {
        return Cli { globals, command: Command::Record(args) };
    }
    // Whatever is wrong, or asked for help, is told by the whole of it.
    Cli::parse()
}

fn main() -> ExitCode {
    let cli = arguments();
    let globals = &cli.globals;
    let result = match cli.command {
        Command::Init(args) => commands::init::run(args, globals),
        Command::Record(args) => commands::record::run(args, globals),
        Command::Classify(args) => commands::classify::run(args, globals),
        Command::Exec(args) => commands::exec::run(&args, globals),
        Command::Explain(args) => commands::explain::run(&args, globals),
        Command::Check(args) => commands::check::run(&args, globals),
        Command::Guard(args) => commands::guard::run(&args, globals),
        Command::Rules(args) => commands::rules::run(args, globals),
        Command::Daemon(args) => commands::daemon::run(&args, globals),
        Command::Drain(args) => commands::drain::run(&args, globals),
        Command::Hook(args) => commands::hook::run(&args, globals),
        Command::Doctor(args) => commands::doctor::run(args, globals),
        Command::Completions(args) => commands::completions::run(&args, Cli::command()),
        Command::Man(args) => commands::man::run(&args, Cli::command()),
        Command::Log(args) => commands::log::run(args, globals),
        Command::Search(args) => commands::search::run(args, globals),
        Command::Sessions(args) => commands::sessions::run(args, globals),
        Command::Session(args) => commands::session::run(args, globals),
        Command::Stats(args) => commands::stats::run(args, globals),
        Command::Report(args) => commands::report::run(args, globals),
        Command::Serve(args) => commands::serve::run(&args, globals),
        Command::Export(args) => commands::export::run(args, globals),
        Command::Import(args) => commands::import::run(args, globals),
        Command::Backup(args) => commands::backup::run(args, globals),
        Command::Prune(args) => commands::prune::run(args, globals),
        Command::Verify(args) => commands::verify::run(args, globals),
        Command::Proof(args) => commands::proof::run(args, globals),
        Command::VerifyProof(args) => commands::verify_proof::run(args),
        Command::Tail(args) => commands::tail::run(args, globals),
        Command::Notify(args) => commands::notify::run(args, globals),
    };
    match result {
        Ok(status) => status,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shmon: {error:#}");
            ExitCode::from(2)
        }
    }
}
