//! What a report tells, whatever its form.

use super::say;
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use jiff::ToSpan as _;
use jiff::civil::Date;
use shmon_core::record::UnixNanos;
use shmon_core::store::{Order, Query, Report, Row, Session, SessionQuery, Slice, Slot, Stats, Store};
use shmon_core::{Lang, Level, time};
use std::collections::HashMap;

/// How long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Period {
    #[value(alias = "daily")]
    Day,
    #[value(alias = "weekly")]
    Week,
    #[value(alias = "monthly")]
    Month,
}

/// A time in whole days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub(crate) period: Period,
    pub(crate) first: Date,
    days: i32,
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

impl Time {
    /// The day, week or month that a day lies in.
    pub(crate) fn of(period: Period, date: Date) -> Result<Time> {
        let (first, days) = match period {
            Period::Day => (date, 1),
            Period::Week => (date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days())?, 7),
            Period::Month => (date.first_of_month(), i32::from(date.days_in_month())),
        };
        Ok(Time { period, first, days })
    }

    /// A day of the time before (`-1`), or after (`1`).
    pub(crate) fn neighbour(&self, step: i32) -> Option<Date> {
        let days = if step < 0 { -1 } else { self.days };
        self.first.checked_add(days.days()).ok()
    }

    fn title(&self) -> Result<String> {
        let last = self.first.checked_add((self.days - 1).days())?;
        Ok(if self.days == 1 { self.first.to_string() } else { format!("{} – {last}", self.first) })
    }

    /// From some days after its begin up to some days after.
    fn span(&self, from: i32, until: i32) -> Result<Span> {
        let begin = |offset: i32| -> Result<UnixNanos> {
            let day = self.first.checked_add(offset.days())?;
            let zoned = day.to_zoned(time::zone()).context("the day is out of range")?;
            Ok(time::nanos(zoned.timestamp()))
        };
        Ok(Span(begin(from)?, begin(until)?))
    }

    /// Every hour or day of it, as [`Slot::name`] has them.
    fn slots(&self) -> Vec<String> {
        match self.period {
            Period::Day => (0..24).map(|hour| format!("{} {hour:02}", self.first)).collect(),
            _ => (0..self.days)
                .filter_map(|n| self.first.checked_add(n.days()).ok())
                .map(|day| day.to_string())
                .collect(),
        }
    }
}

/// What a report tells.
pub(crate) struct Page {
    pub(crate) time: Time,
    pub(crate) title: String,
    pub(crate) stats: Stats,
    pub(crate) before: Stats,
    pub(crate) failed: u64,
    pub(crate) slots: Vec<Slot>,
    pub(crate) alerts: Vec<Row>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) checkpoint: Option<String>,
    /// What rules are called.
    pub(crate) titles: HashMap<String, String>,
    /// Whether the record is as it was written, where that was asked for.
    pub(crate) verified: Option<Report>,
}

impl Page {
    pub(crate) fn of(store: &Store, time: &Time, top: usize, lang: Lang) -> Result<Page> {
        let span = time.span(0, time.days)?;
        let before = store.stats(&time.span(-time.days, 0)?.query(), 0)?;
        let mut failed = span.query();
        failed.failed = true;
        let mut alerts = span.query();
        alerts.order = Order::Newest;
        let mut found = Vec::new();
        // The worst first, then the newest.
        for level in [Level::Critical, Level::High] {
            alerts.level = Some(level);
            alerts.limit = Some(top - found.len().min(top));
            found.extend(store.rows(&alerts)?.collect::<shmon_core::Result<Vec<Row>>>()?);
        }
        let mut sessions = SessionQuery::new();
        (sessions.since, sessions.until, sessions.limit) = (Some(span.0), Some(span.1), Some(top));
        let slice = if time.period == Period::Day { Slice::Hour } else { Slice::Day };
        let mut known: HashMap<String, Slot> =
            store.levels_over_time(&span.query(), slice)?.into_iter().map(|s| (s.name.clone(), s)).collect();
        let slots =
            time.slots().into_iter().map(|name| known.remove(&name).unwrap_or_else(|| Slot::new(name)));
        Ok(Page {
            time: *time,
            title: time.title()?,
            stats: store.stats(&span.query(), top)?,
            before,
            failed: store.count(&failed)?,
            slots: slots.collect(),
            alerts: found,
            sessions: store.sessions(&sessions)?,
            checkpoint: store.last_checkpoint()?,
            titles: store.rule_titles(lang)?,
            verified: None,
        })
    }
}

/// How many rows of a level.
pub(crate) fn of_level(stats: &Stats, level: Level) -> u64 {
    stats.levels.iter().find(|c| c.name == level.as_str()).map_or(0, |c| c.count)
}

/// What verification found, line by line; the first says whether all is well.
pub(crate) fn verification(report: &Report, lang: Lang) -> Vec<String> {
    let mut lines = Vec::new();
    if report.problems.is_empty() {
        lines.push(match lang {
            Lang::En => format!(
                "The record is as it was written: {} rows and {} entries of evidence compared.",
                report.rows, report.entries
            ),
            Lang::Ja => format!(
                "記録は書き込まれたときのままです({} 行、証跡 {} 件を照合)。",
                report.rows, report.entries
            ),
        });
    } else {
        lines.push(
            say(
                lang,
                "ALTERED: the record is not as it was written.",
                "改変あり: 記録は書き込まれたときのままではありません。",
            )
            .into(),
        );
        lines.extend(report.problems.iter().take(10).map(|problem| problem.message.clone()));
    }
    lines.extend(report.warnings.iter().cloned());
    lines.push(match (&report.last_checkpoint, lang) {
        (Some((number, time, row)), Lang::En) => {
            format!("Rows up to {row} are signed by checkpoint {number} of {time}, whose key is destroyed.")
        }
        (Some((number, time, row)), Lang::Ja) => {
            format!("{row} 行目まではチェックポイント {number}({time})で署名済み。その鍵は破棄されています。")
        }
        (None, _) => {
            say(lang, "No checkpoint vouches for anything yet.", "保証するチェックポイントはまだありません。")
                .into()
        }
    });
    if report.unvouched > 0 {
        lines.push(match lang {
            Lang::En => format!("{} rows after it are not proven yet.", report.unvouched),
            Lang::Ja => format!("その後の {} 行はまだ証明されていません。", report.unvouched),
        });
    }
    if report.pruned > 0 {
        lines.push(match lang {
            Lang::En => format!("{} rows were removed on purpose, with a tombstone.", report.pruned),
            Lang::Ja => format!("{} 行は意図的に削除され、その記録が残っています。", report.pruned),
        });
    }
    lines
}
