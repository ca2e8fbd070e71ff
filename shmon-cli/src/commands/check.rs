//! `shmon check`: the exit status says whether a command is below a level.

use crate::context::Globals;
use anyhow::Result;
use shmon_core::{Level, Scratch};
use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Check commands: the exit status is 1 where one is at or above a level
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 all are below the level, 1 one isn't, 2 error.\n\nExamples:\n  \
    shmon check --fail-on critical 'rm -rf build'\n  \
    shmon check --quiet < deploy.commands || exit")]
pub(crate) struct Args {
    /// Commands, each one argument; without any, they are read from standard input, one a line
    commands: Vec<OsString>,
    /// The level from which on a command fails the check
    #[arg(long, value_name = "LEVEL", default_value = "high")]
    fail_on: Level,
    /// Commands on standard input end with NUL instead of a newline
    #[arg(long)]
    null: bool,
    /// A command that can't be fully resolved fails too
    #[arg(long)]
    fail_on_partial: bool,
    /// Print nothing
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let classifier = globals.classifier(&config)?;
    let lang = globals.lang(&config);
    let context = globals.caller();
    let mut scratch = Scratch::default();
    let mut out = std::io::stdout().lock();
    let mut failed = false;
    let mut check = |command: &[u8]| -> Result<()> {
        let verdict = classifier.classify_into(command, &context.of(), &mut scratch);
        let fails = verdict.level() >= args.fail_on || (args.fail_on_partial && verdict.partial());
        failed |= fails;
        if args.quiet || !fails {
            return Ok(());
        }
        let text = verdict.redacted().unwrap_or_else(|| String::from_utf8_lossy(command).into_owned());
        writeln!(out, "{}: {}", verdict.level().label(lang), shmon_core::text::visible(&text))?;
        for finding in verdict.findings().filter(|f| f.level() >= args.fail_on) {
            let Some(rule) = finding.rule() else { continue };
            let (title, reason) = (rule.title(), rule.reason());
            writeln!(out, "  {}: {}. {}", rule.id(), title.get(lang), reason.get(lang))?;
            if let Some(alternative) = rule.alternative() {
                writeln!(out, "  → {}", alternative.get(lang))?;
            }
        }
        for issue in verdict.issues() {
            writeln!(
                out,
                "  unresolved: {} at {}..{}",
                issue.kind.as_str(),
                issue.span.start,
                issue.span.end
            )?;
        }
        Ok(())
    };
    if args.commands.is_empty() {
        let end = if args.null { 0 } else { b'\n' };
        let mut input = std::io::stdin().lock();
        let mut command = Vec::new();
        while input.read_until(end, &mut command)? > 0 {
            if command.last() == Some(&end) {
                command.pop();
            }
            check(&command)?;
            command.clear();
        }
    } else {
        for command in &args.commands {
            check(command.as_bytes())?;
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
