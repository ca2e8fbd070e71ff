//! `shmon report`: a day, a week or a month on one page, for a mail, a ticket or a browser.

pub(crate) mod chart;
pub(crate) mod html;
pub(crate) mod page;
mod text;

use crate::context::Globals;
use crate::progress::Bar;
use crate::reading;
use anyhow::Result;
use clap::ValueEnum;
use jiff::civil::Date;
use page::{Page, Period, Time};
use shmon_core::{Lang, time};
use std::io::Write;
use std::process::ExitCode;

/// Sum up a day, a week or a month: numbers against the time before, what was dangerous, who was there
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  shmon report\n  shmon report --period week --format markdown --lang ja\n  \
    shmon report --period month --format html > report.html\n\n\
    Secrets are replaced. The last lines are the newest checkpoint: a report that is kept elsewhere proves the record up \
    to it (`shmon verify --checkpoint FILE`). The page for a browser needs nothing beside itself, and says whether the \
    record is as it was written. Exit status 1: nothing was recorded in that time."
)]
pub(crate) struct Args {
    /// How long a time
    #[arg(long, value_enum, default_value_t = Period::Day)]
    period: Period,
    /// The day, or one of the days of the week (weeks begin on Monday) or month [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// How many dangerous commands, sessions, users and rules at most
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// Plain text, Markdown, or a page for a browser
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Compare the record with its evidence, as `shmon verify` does; a page for a browser always says it
    #[arg(long)]
    verify: bool,
    /// Leave that out of a page for a browser: in a large record it takes some seconds
    #[arg(long, conflicts_with = "verify")]
    no_verify: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    #[value(alias = "md")]
    Markdown,
    Html,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let lang = globals.lang(&config);
    let store = reading::open(globals, &config)?;
    let time = Time::of(args.period, args.date.unwrap_or_else(|| time::now_local().date()))?;
    let mut page = Page::of(&store, &time, args.top, lang)?;
    if args.verify || (args.format == Format::Html && !args.no_verify) {
        let mut bar = Bar::new();
        page.verified = Some(store.verify(&[], &mut |done, total| bar.show(done, total))?);
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.format == Format::Html {
        out.write_all(html::report(&config.name, &page, lang).as_bytes())?;
        out.flush()?;
    } else {
        let mut writer = text::Writer { out, markdown: args.format == Format::Markdown, lang };
        writer.page(&config.name, &page)?;
        writer.out.flush()?;
    }
    Ok(ExitCode::from(u8::from(page.stats.total == 0)))
}

/// One of two languages.
pub(crate) fn say(lang: Lang, en: &'static str, ja: &'static str) -> &'static str {
    match lang {
        Lang::En => en,
        Lang::Ja => ja,
    }
}
