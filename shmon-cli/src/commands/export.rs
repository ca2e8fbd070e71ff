//! `shmon export`: rows for other programs.

use super::search::{CSV_HEADING, csv};
use crate::context::Globals;
use crate::reading::{self, Filter};
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use shmon_core::store::{Order, Row};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write all rows, or those that the filters name, oldest first
#[derive(clap::Args)]
#[command(after_help = "Example:\n  shmon export --since yesterday --format csv --output yesterday.csv\n\n\
    Secrets are replaced; --reveal writes commands as they were stored. Exit status 1: there was nothing.")]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// One JSON object a row, comma-separated values with a heading, or what a SIEM takes: OCSF events, ECS documents
    /// (an object a line), OTLP requests (`POST /v1/logs`, a request of many rows a line)
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// A new file (mode 600) in the place of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write secrets that the record holds
    #[arg(long)]
    reveal: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    Ocsf,
    Ecs,
    Otlp,
}

/// Rows of one OTLP request: some hundred kilobytes, well below what receivers take.
const REQUEST: usize = 256;

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let store = reading::open(globals, &config)?;
    let mut query = args.filter.query();
    query.order = Order::Oldest;
    let rows = store.rows(&query)?;
    let out: Box<dyn Write> = match &args.output {
        None => Box::new(std::io::stdout().lock()),
        Some(path) => {
            let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            Box::new(file.with_context(|| format!("cannot create {}", path.display()))?)
        }
    };
    let mut out = std::io::BufWriter::with_capacity(1 << 16, out);
    if args.format == Format::Csv {
        write!(out, "{CSV_HEADING}\r\n")?;
    }
    let mut found = false;
    let mut waiting = Vec::new();
    for row in rows {
        let row = row?;
        found = true;
        match args.format {
            Format::Jsonl => line(&mut out, &row.to_json(args.reveal))?,
            Format::Csv => csv(&mut out, &row, args.reveal)?,
            Format::Ocsf => line(&mut out, &row.to_ocsf(args.reveal))?,
            Format::Ecs => line(&mut out, &row.to_ecs(args.reveal))?,
            Format::Otlp => {
                waiting.push(row);
                if waiting.len() == REQUEST {
                    line(&mut out, &Row::to_otlp(&waiting, args.reveal))?;
                    waiting.clear();
                }
            }
        }
    }
    if !waiting.is_empty() {
        line(&mut out, &Row::to_otlp(&waiting, args.reveal))?;
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(!found)))
}

/// One JSON value and the line's end.
fn line(out: &mut impl Write, value: &impl serde::Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}
