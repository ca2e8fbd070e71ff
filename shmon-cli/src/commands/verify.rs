//! `shmon verify`: whether the record is as it was written, and what vouches for it.

use crate::context::Globals;
use crate::progress::Bar;
use crate::reading;
use anyhow::Result;
use clap::ValueEnum;
use shmon_core::store::Store;
use std::io::Write as _;
use std::process::ExitCode;

/// Prove that nothing in the record was altered, removed, added or reordered
#[derive(clap::Args)]
#[command(after_help = "Exit status: 0 as it was recorded, 1 altered, 2 error.\n\
    What is proven by what, and what can't be: docs/evidence.md")]
pub(crate) struct Args {
    /// A checkpoint that was kept elsewhere: its text, as copied from a notification, or a file that holds it
    #[arg(long, value_name = "TEXT|FILE")]
    checkpoint: Vec<String>,
    /// Print the newest checkpoint, to be kept elsewhere
    #[arg(long, conflicts_with = "checkpoint")]
    print_checkpoint: bool,
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

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    if args.print_checkpoint {
        print!("{}", reading::open_write(globals, &config)?.checkpoint()?);
        return Ok(ExitCode::SUCCESS);
    }
    let anchors = args
        .checkpoint
        .into_iter()
        .map(|given| reading::text_or_file(given, "checkpoint"))
        .collect::<Result<Vec<_>>>()?;
    let store = reading::open(globals, &config)?;
    let mut bar = Bar::new();
    let report = store.verify(&anchors, &mut |done, total| bar.show(done, total));
    drop(bar);
    let mut report = report?;
    match beside(&store) {
        Ok(warnings) => report.warnings.extend(warnings),
        // Tables that are gone can't be compared, which is said then.
        Err(_) if !report.problems.is_empty() => {}
        Err(error) => return Err(error),
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.format == Format::Jsonl {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for problem in &report.problems {
            writeln!(out, "ALTERED  {}", problem.message)?;
        }
        for warning in &report.warnings {
            writeln!(out, "warning  {warning}")?;
        }
        writeln!(out, "{} rows and {} entries of evidence compared", report.rows, report.entries)?;
        if report.pruned > 0 {
            writeln!(out, "{} rows were removed with a tombstone", report.pruned)?;
        }
        match &report.last_checkpoint {
            Some((number, time, row)) => {
                writeln!(
                    out,
                    "rows up to {row}: signed by checkpoint {number} of {time}, whose key is destroyed"
                )?;
            }
            None => writeln!(out, "no checkpoint vouches for anything yet")?,
        }
        match report.anchored_row {
            Some(row) => writeln!(out, "rows up to {row}: proven by the checkpoint that you kept")?,
            None => writeln!(
                out,
                "no checkpoint kept elsewhere was given (--checkpoint): whoever owns this account could have made \
                 the whole record anew"
            )?,
        }
        if report.unvouched > 0 {
            writeln!(out, "{} rows after the last checkpoint: not proven yet", report.unvouched)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(!report.problems.is_empty())))
}

/// What is no evidence, but what searches and lists go by.
fn beside(store: &Store) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    let (lacks, stale) = store.text_index_difference()?;
    if lacks + stale > 0 {
        warnings.push(format!(
            "a search for text may miss rows: the text index lacks {lacks} of them and holds {stale} that are gone"
        ));
    }
    let sessions = store.session_differences()?;
    if sessions > 0 {
        warnings.push(format!(
            "the list of sessions differs from the rows for {sessions} of them: `shmon sessions` may hide or invent some"
        ));
    }
    Ok(warnings)
}
