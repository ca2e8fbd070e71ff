//! `shmon report`: a day or a week on one page, for a mail or a ticket.

use crate::context::Globals;
use crate::reading;
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use shmon_core::record::UnixNanos;
use shmon_core::store::{Count, Order, Query, Row, Session, SessionQuery, Stats, Store};
use shmon_core::text::visible;
use shmon_core::{Lang, Level, time};
use std::io::Write;
use std::process::ExitCode;

/// Sum up a day or a week: numbers against the time before, what was dangerous, who was there
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  shmon report\n  shmon report --period week --format markdown --lang ja\n\n\
    Secrets are replaced. The last lines are the newest checkpoint: a report that is kept elsewhere proves the record up \
    to it (`shmon verify --checkpoint FILE`). Exit status 1: nothing was recorded in that time."
)]
pub(crate) struct Args {
    /// How long a time
    #[arg(long, value_enum, default_value_t = Period::Day)]
    period: Period,
    /// The day, or one of the week's days (weeks begin on Monday) [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// How many dangerous commands, sessions, users and rules at most
    #[arg(long, default_value_t = 20)]
    top: usize,
    /// Plain text or Markdown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Period {
    #[value(alias = "daily")]
    Day,
    #[value(alias = "weekly")]
    Week,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    #[value(alias = "md")]
    Markdown,
}

/// From the first instant up to the second, which doesn't belong to it.
#[derive(Clone, Copy)]
struct Span(UnixNanos, UnixNanos);

impl Span {
    fn query(self) -> Query {
        let mut query = Query::new();
        (query.since, query.until) = (Some(self.0), Some(self.1));
        query
    }
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let store = reading::open(globals, &config)?;
    let date = args.date.unwrap_or_else(|| Zoned::now().date());
    let (first, days) = match args.period {
        Period::Day => (date, 1),
        Period::Week => (date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())?, 7),
    };
    let begin = |offset: i32| -> Result<UnixNanos> {
        let day = first.checked_add(offset.days())?;
        let zoned = day.to_zoned(TimeZone::system()).context("the day is out of range")?;
        Ok(time::nanos(zoned.timestamp()))
    };
    let now = Span(begin(0)?, begin(days)?);
    let before = store.stats(&Span(begin(-days)?, begin(0)?).query(), 0)?;
    let last = first.checked_add((days - 1).days())?;
    let title = if days == 1 { first.to_string() } else { format!("{first} – {last}") };
    let page = Page::of(&store, now, before, args.top)?;
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut writer = Writer { out, markdown: args.format == Format::Markdown, lang: globals.lang(&config) };
    writer.page(&config.name, &title, &page)?;
    writer.out.flush()?;
    Ok(ExitCode::from(u8::from(page.stats.total == 0)))
}

/// What a report tells.
struct Page {
    stats: Stats,
    before: Stats,
    failed: u64,
    alerts: Vec<Row>,
    sessions: Vec<Session>,
    checkpoint: Option<String>,
}

impl Page {
    fn of(store: &Store, span: Span, before: Stats, top: usize) -> Result<Page> {
        let mut failed = span.query();
        failed.failed = true;
        let mut alerts = span.query();
        alerts.order = Order::Newest;
        alerts.limit = Some(top);
        let mut found = Vec::new();
        // The worst first, then the newest.
        for level in [Level::Critical, Level::High] {
            alerts.level = Some(level);
            alerts.limit = Some(top - found.len().min(top));
            found.extend(store.rows(&alerts)?.collect::<shmon_core::Result<Vec<Row>>>()?);
        }
        let mut sessions = SessionQuery::new();
        (sessions.since, sessions.until, sessions.limit) = (Some(span.0), Some(span.1), Some(top));
        Ok(Page {
            stats: store.stats(&span.query(), top)?,
            before,
            failed: store.count(&failed)?,
            alerts: found,
            sessions: store.sessions(&sessions)?,
            checkpoint: store.last_checkpoint()?,
        })
    }
}

struct Writer<W: Write> {
    out: W,
    markdown: bool,
    lang: Lang,
}

impl<W: Write> Writer<W> {
    fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        match self.lang {
            Lang::En => en,
            Lang::Ja => ja,
        }
    }

    fn page(&mut self, name: &str, title: &str, page: &Page) -> Result<()> {
        let heading = format!("{name}: {} {title}", self.say("report for", "レポート"));
        if self.markdown {
            writeln!(self.out, "# {}", escaped(&heading))?;
        } else {
            writeln!(
                self.out,
                "{heading}\n{}",
                "=".repeat(unicode_width::UnicodeWidthStr::width(heading.as_str()))
            )?;
        }
        self.numbers(page)?;
        self.alerts(&page.alerts)?;
        self.counts(self.say("Rules", "検知ルール"), &page.stats.rules)?;
        self.counts(self.say("Users", "ユーザー別"), &page.stats.users)?;
        self.sessions(&page.sessions)?;
        if let Some(checkpoint) = &page.checkpoint {
            self.section(self.say("Newest checkpoint", "最新チェックポイント"))?;
            let fence = if self.markdown { "```\n" } else { "" };
            write!(self.out, "{fence}{checkpoint}{fence}")?;
        }
        Ok(())
    }

    fn section(&mut self, title: &str) -> Result<()> {
        if self.markdown {
            writeln!(self.out, "\n## {title}\n")?;
        } else {
            writeln!(self.out, "\n{title}")?;
        }
        Ok(())
    }

    fn item(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{}{text}", if self.markdown { "- " } else { "  " })?;
        Ok(())
    }

    /// Numbers of this time, with what they were in the time before.
    fn numbers(&mut self, page: &Page) -> Result<()> {
        self.section(self.say("Commands (before)", "コマンド数(前期間)"))?;
        let of = |stats: &Stats, level: Level| {
            stats.levels.iter().find(|c| c.name == level.as_str()).map_or(0, |c| c.count)
        };
        let all = self.say("all", "合計");
        self.item(&format!("{all}: {} ({})", page.stats.total, page.before.total))?;
        for level in Level::ALL.into_iter().rev() {
            let text = format!(
                "{}: {} ({})",
                level.label(self.lang),
                of(&page.stats, level),
                of(&page.before, level)
            );
            self.item(&text)?;
        }
        let failed = self.say("ended with an error", "異常終了");
        self.item(&format!("{failed}: {}", page.failed))
    }

    fn alerts(&mut self, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.section(self.say("Dangerous commands", "危険なコマンド"))?;
        for row in rows {
            let command = visible(&row.shown()).into_owned();
            let command = if self.markdown { code(&command) } else { command };
            let rule = row.rules.first().map_or("-", String::as_str);
            let user = visible(&row.user).into_owned();
            let user = if self.markdown { escaped(&user) } else { user };
            let level = row.level.label(self.lang);
            self.item(&format!("{} {level} {user} #{} {rule}: {command}", row.execution_time, row.id))?;
        }
        Ok(())
    }

    fn counts(&mut self, title: &str, counts: &[Count]) -> Result<()> {
        if counts.is_empty() {
            return Ok(());
        }
        self.section(title)?;
        let dangerous = self.say("dangerous", "件が危険");
        for count in counts {
            let name = visible(if count.name.is_empty() { "-" } else { &count.name }).into_owned();
            let name = if self.markdown { escaped(&name) } else { name };
            let high = if count.high > 0 { format!(", {} {dangerous}", count.high) } else { String::new() };
            self.item(&format!("{name}: {}{high}", count.count))?;
        }
        Ok(())
    }

    fn sessions(&mut self, sessions: &[Session]) -> Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        self.section(self.say("Sessions", "セッション"))?;
        let commands = self.say("commands", "コマンド");
        for s in sessions {
            let from = s.ssh_client.as_deref().unwrap_or("-");
            let who = format!(
                "{}@{} {} ({})",
                visible(&s.user),
                visible(&s.host),
                visible(&s.session_id),
                visible(from)
            );
            let who = if self.markdown { escaped(&who) } else { who };
            let (began, ended) = (time::local(s.started_at), time::local(s.last_at));
            let worst = s.worst.label(self.lang);
            self.item(&format!("{began} – {ended} {who}: {} {commands}, {worst}", s.commands()))?;
        }
        Ok(())
    }
}

/// Text in which Markdown sees nothing of its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A code span that the text can't end.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_command_cannot_leave_its_code_span() {
        assert_eq!(super::code("ls"), "`ls`");
        assert_eq!(super::code("echo `x` ``y``"), "``` echo `x` ``y`` ```");
        assert_eq!(super::escaped("a*b@c"), "a\\*b\\@c");
    }
}
