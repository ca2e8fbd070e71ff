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
use std::ffi::OsString;
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

/// One subcommand with the global options, read on its own.
#[derive(Parser)]
#[command(version)]
struct One<A: clap::Args> {
    #[command(flatten)]
    globals: Globals,
    #[command(flatten)]
    args: A,
}

/// Reads the command lines of programs, which start one process for each command: clap makes the definitions of all
/// subcommands before it reads a word, so here only the one that is named is made. Help, errors and everything
/// unusual are left to the whole definition.
fn one_subcommand(words: &[OsString]) -> Option<Cli> {
    fn one<A: clap::Args>(words: &[OsString], command: fn(A) -> Command) -> Option<Cli> {
        let One { globals, args } = One::<A>::try_parse_from(words).ok()?;
        Some(Cli { globals, command: command(args) })
    }
    match words.first()?.to_str()? {
        "classify" => one(words, Command::Classify),
        "check" => one(words, Command::Check),
        "guard" => one(words, Command::Guard),
        "record" => one(words, Command::Record),
        "drain" => one(words, Command::Drain),
        "daemon" => one(words, Command::Daemon),
        "exec" => one(words, Command::Exec),
        "hook" => one(words, Command::Hook),
        _ => None,
    }
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let result = plain(&words).unwrap_or_else(|| run(&words));
    match result {
        Ok(status) => status,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shmon: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs the calls that programs make by the thousand, where they are written plainly; `None` for all others.
fn plain(words: &[OsString]) -> Option<anyhow::Result<ExitCode>> {
    let (name, rest) = words.split_first()?;
    let globals = Globals::plain()?;
    match name.to_str()? {
        "classify" => Some(commands::classify::run(commands::classify::Args::plain(rest)?, &globals)),
        "record" => Some(commands::record::run(commands::record::Args::plain(rest)?, &globals)),
        _ => None,
    }
}

// On its own, because all subcommands together take a large stack frame.
#[inline(never)]
fn run(words: &[OsString]) -> anyhow::Result<ExitCode> {
    let cli = one_subcommand(words).unwrap_or_else(Cli::parse);
    let globals = &cli.globals;
    match cli.command {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_calls_are_read_as_clap_reads_them() {
        let words = ["ls -la", "", "--format", "level", "xml", "--format=level", "-", "--", "-x", "日本"];
        let mut read = 0;
        // Calls of up to four words.
        for number in (0..words.len().pow(4)).step_by(7) {
            let places = [1, words.len(), words.len().pow(2), words.len().pow(3)];
            let mut call: Vec<OsString> = places.map(|p| words[number / p % words.len()].into()).into();
            call.truncate(number % 5);
            let Some(plain) = commands::classify::Args::plain(&call) else { continue };
            let line = [&["classify".into()], call.as_slice()].concat();
            let whole = Cli::try_parse_from([&["shmon".into()], line.as_slice()].concat());
            match whole.map(|cli| cli.command) {
                Ok(Command::Classify(args)) => assert_eq!(args, plain, "{call:?}"),
                _ => panic!("{call:?} isn't a call"),
            }
            read += 1;
        }
        assert!(read > 300, "{read}");
    }

    #[test]
    fn plain_records_are_read_as_clap_reads_them() {
        let words = [
            "ls -la",
            "",
            "--session",
            "--cwd",
            "--exit",
            "7",
            "-1",
            "--time",
            "--key",
            "--format",
            "jsonl",
            "text",
            "--stdin",
            "--no-wait",
            "--quiet",
            "-q",
            "--duration",
            "0.5",
            "--shell",
            "zsh",
            "--",
            "--exit=3",
            "日本",
        ];
        let mut read = 0;
        // Calls of up to four words.
        for number in (0..words.len().pow(4)).step_by(11) {
            let places = [1, words.len(), words.len().pow(2), words.len().pow(3)];
            let mut call: Vec<OsString> = places.map(|p| words[number / p % words.len()].into()).into();
            call.truncate(1 + number % 4);
            let Some(plain) = commands::record::Args::plain(&call) else { continue };
            let line = [&["record".into()], call.as_slice()].concat();
            let whole = Cli::try_parse_from([&["shmon".into()], line.as_slice()].concat());
            match whole.map(|cli| cli.command) {
                Ok(Command::Record(args)) => assert_eq!(args, plain, "{call:?}"),
                other => panic!("{call:?} isn't a call: {:?}", other.err()),
            }
            read += 1;
        }
        assert!(read > 300, "{read}");
    }

    #[test]
    fn one_subcommand_reads_what_the_whole_definition_reads() {
        for line in [
            "classify --shell zsh --home /x ls",
            "check --fail-on critical --lang ja ls",
            "guard claude --deny high",
            "record --exit -1 --time 5 ls",
            "record --stdin --session 1",
            "drain -q",
            "daemon --idle-exit 0",
            "exec --wait 5",
            "hook bash --block",
        ] {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let one = one_subcommand(&words).unwrap_or_else(|| panic!("{line}"));
            let whole = Cli::parse_from([&["shmon".into()], words.as_slice()].concat());
            assert_eq!(one.globals, whole.globals, "{line}");
            assert_eq!(std::mem::discriminant(&one.command), std::mem::discriminant(&whole.command));
        }
        for line in [
            "classify --help",
            "record",
            "record -h",
            "check --version",
            "check -V",
            "log",
            "guard nobody",
            "hook",
        ] {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            assert!(one_subcommand(&words).is_none(), "{line}");
        }
    }
}
