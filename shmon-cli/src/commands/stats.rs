//! `shmon stats`: the ticket's statistics: by level, day and hour, rules, sessions, users, commands.

use crate::context::Globals;
use crate::output;
use crate::reading::{self, Filter, padded};
use anyhow::Result;
use clap::ValueEnum;
use shmon_core::store::{Count, Stats};
use shmon_core::text::visible;
use shmon_core::{Lang, Level};
use std::io::Write;
use std::process::ExitCode;

/// Show numbers: levels, days, hours, rules, sessions, users, commands
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// How many rules, sessions, users and commands
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    #[value(alias = "json")]
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let stats = reading::open(globals, &config)?.stats(&args.filter.query(), args.top)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        Format::Jsonl => {
            serde_json::to_writer(&mut out, &stats)?;
            out.write_all(b"\n")?;
        }
        Format::Table => table(&mut out, &stats, globals.lang(&config))?,
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(stats.total == 0)))
}

fn table(out: &mut impl Write, stats: &Stats, lang: Lang) -> Result<()> {
    let say = |en: &'static str, ja: &'static str| match lang {
        Lang::En => en,
        Lang::Ja => ja,
    };
    let (first, last) = (stats.first.as_deref().unwrap_or("-"), stats.last.as_deref().unwrap_or("-"));
    writeln!(out, "{}: {}  ({first} … {last})", say("Commands", "コマンド総数"), stats.total)?;
    let colour = output::colour();
    section(out, say("By level", "リスクレベル別"), &stats.levels, |name| {
        let Ok(level) = name.parse::<Level>() else { return name.to_owned() };
        let label = padded(level.label(lang), 8);
        if colour { format!("{}{label}\x1b[0m", output::level_colour(level)) } else { label }
    })?;
    let plain = |name: &str| visible(if name.is_empty() { "-" } else { name }).into_owned();
    section(out, say("By day", "日別"), &stats.days, plain)?;
    section(out, say("By hour", "時間別"), &stats.hours, |hour| format!("{hour}:00"))?;
    section(out, say("Rules", "検知ルール"), &stats.rules, plain)?;
    section(out, say("Sessions", "セッション別"), &stats.sessions, plain)?;
    section(out, say("Users", "ユーザー別"), &stats.users, plain)?;
    section(out, say("Commands typed most", "頻出コマンド"), &stats.commands, plain)?;
    let note = say("'!' counts commands of level high and critical.", "「!」は高・重大レベルの件数です。");
    writeln!(out, "\n{note}")?;
    Ok(())
}

fn section(
    out: &mut impl Write,
    title: &str,
    counts: &[Count],
    label: impl Fn(&str) -> String,
) -> Result<()> {
    let Some(most) = counts.iter().map(|c| c.count).max().filter(|most| *most > 0) else { return Ok(()) };
    writeln!(out, "\n{title}")?;
    for count in counts {
        let high = if count.high > 0 { format!("!{}", count.high) } else { String::new() };
        // Twenty columns are the longest bar; what is there at all gets one.
        let bar = usize::try_from((count.count * 20).div_ceil(most)).unwrap_or(20);
        writeln!(out, "  {:>8} {high:>8}  {:<20}  {}", count.count, "█".repeat(bar), label(&count.name))?;
    }
    Ok(())
}
