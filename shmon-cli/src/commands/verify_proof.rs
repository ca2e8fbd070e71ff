//! `shmon verify-proof`: checks what `shmon proof` wrote, without the record.

use crate::reading;
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use shmon_core::store::{Proof, Proven};
use shmon_core::text::visible;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Check a row that `shmon proof` wrote; no record is needed
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 proven, 1 it doesn't fit, 2 error.")]
pub(crate) struct Args {
    /// The file; '-' is standard input
    file: PathBuf,
    /// A checkpoint that was kept elsewhere: its text, or a file that holds it
    #[arg(long, value_name = "TEXT|FILE")]
    checkpoint: Vec<String>,
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    #[value(alias = "json")]
    Jsonl,
}

pub(crate) fn run(args: Args) -> Result<ExitCode> {
    let mut text = String::new();
    if args.file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(&args.file)
            .with_context(|| format!("cannot read the proof {}", args.file.display()))?;
    }
    let anchors = args
        .checkpoint
        .into_iter()
        .map(|given| reading::text_or_file(given, "checkpoint"))
        .collect::<Result<Vec<_>>>()?;
    let proven = Proof::parse(&text)
        .and_then(|proof| proof.check(&anchors))
        .with_context(|| args.file.display().to_string())?;
    let mut out = std::io::stdout().lock();
    if args.format == Format::Jsonl {
        serde_json::to_writer(&mut out, &proven)?;
        writeln!(out)?;
    } else {
        print(&mut out, &proven)?;
    }
    Ok(ExitCode::from(u8::from(!proven.problems.is_empty())))
}

fn print(out: &mut impl std::io::Write, proven: &Proven) -> Result<()> {
    for problem in &proven.problems {
        writeln!(out, "ALTERED  {problem}")?;
    }
    for warning in &proven.warnings {
        writeln!(out, "warning  {warning}")?;
    }
    if !proven.problems.is_empty() {
        writeln!(out, "row {} is not proven", proven.row)?;
        return Ok(());
    }
    let (number, time, origin) = &proven.checkpoint;
    let user = visible(&proven.user);
    writeln!(
        out,
        "row {}: {} {} {user}: {}",
        proven.row,
        proven.execution_time,
        proven.level,
        visible(&proven.command)
    )?;
    match proven.exit_status {
        Some(status) => writeln!(out, "it ended with exit status {status}")?,
        None => writeln!(out, "its end is not in the proof")?,
    }
    writeln!(out, "it is in checkpoint {number} of {time} of {origin}, and was not altered since")?;
    writeln!(out, "the checkpoint is signed by {}", proven.key)?;
    if proven.anchored {
        writeln!(out, "that checkpoint is the one that you kept: nobody can have made it up later")?;
    } else {
        writeln!(
            out,
            "no checkpoint kept elsewhere was given for it (--checkpoint): whoever owns the record could have made \
             checkpoint and key anew"
        )?;
    }
    Ok(())
}
