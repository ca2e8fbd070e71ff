//! Instants as people say them: `2 hours ago`, `yesterday`, `2025-06-28 08:50`, RFC 3339, `@1751100630`.

use anyhow::{Context as _, Result, bail};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _, Zoned};
use shmon_core::record::UnixNanos;
use shmon_core::time;

/// An instant on the command line, in nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct When(pub(crate) UnixNanos);

impl std::str::FromStr for When {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<When> {
        parse(text, &time::now_local()).map(|zoned| When(time::nanos(zoned.timestamp())))
    }
}

/// The instant that `text` means at `now`, in its time zone.
fn parse(text: &str, now: &Zoned) -> Result<Zoned> {
    let text = text.trim();
    let zone = now.time_zone();
    if let Some(seconds) = text.strip_prefix('@') {
        let seconds: i64 = seconds.parse().context("after '@' stand seconds since 1970")?;
        return Ok(Timestamp::from_second(seconds)?.to_zoned(TimeZone::clone(zone)));
    }
    if let Some(days) = match text {
        "now" => return Ok(now.clone()),
        "today" | "今日" | "本日" => Some(0),
        "yesterday" | "昨日" => Some(1),
        "一昨日" => Some(2),
        _ => None,
    } {
        return Ok(now.checked_sub(days.days())?.start_of_day()?);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.to_zoned(zone.clone()));
    }
    // The ticket's form may lack seconds.
    for form in [text.to_owned(), format!("{text}:00")] {
        if let Ok(civil) = form.parse::<DateTime>() {
            return Ok(civil.to_zoned(zone.clone())?);
        }
    }
    if let Ok(span) = text.parse::<Span>() {
        // "2 hours" and "2h" mean the past too: the record holds nothing of the future.
        return Ok(now.checked_sub(span.abs())?);
    }
    if let Some(span) = japanese(text) {
        return Ok(now.checked_sub(span)?);
    }
    bail!(
        "'{text}' is no time: say '2 hours ago', 'yesterday', '2025-06-28', '2025-06-28 08:50' or '@SECONDS'"
    );
}

/// `2時間前`, `3日前`, `1週間前`.
fn japanese(text: &str) -> Option<Span> {
    let text = text.strip_suffix('前').unwrap_or(text).trim_end();
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(unit);
    let count: i64 = count.parse().ok()?;
    match unit.trim_start() {
        "秒" | "秒間" => Span::new().try_seconds(count),
        "分" | "分間" => Span::new().try_minutes(count),
        "時間" => Span::new().try_hours(count),
        "日" | "日間" => Span::new().try_days(count),
        "週" | "週間" => Span::new().try_weeks(count),
        "か月" | "ヶ月" | "カ月" | "月" => Span::new().try_months(count),
        "年" | "年間" => Span::new().try_years(count),
        _ => return None,
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_say_times_in_many_ways() {
        let now: Zoned = "2025-06-28T08:50:30+09:00[Asia/Tokyo]".parse().unwrap();
        for (text, wanted) in [
            ("now", "2025-06-28T08:50:30"),
            ("today", "2025-06-28T00:00:00"),
            ("yesterday", "2025-06-27T00:00:00"),
            ("2 hours ago", "2025-06-28T06:50:30"),
            ("2h", "2025-06-28T06:50:30"),
            ("1 week 2 days ago", "2025-06-19T08:50:30"),
            ("90d", "2025-03-30T08:50:30"),
            ("30 minutes", "2025-06-28T08:20:30"),
            ("2025-06-01", "2025-06-01T00:00:00"),
            ("2025-06-01 12:34", "2025-06-01T12:34:00"),
            ("2025-06-01 12:34:56", "2025-06-01T12:34:56"),
            ("2025-06-01T00:00:00Z", "2025-06-01T09:00:00"),
            ("2時間前", "2025-06-28T06:50:30"),
            ("3 日前", "2025-06-25T08:50:30"),
            ("1週間前", "2025-06-21T08:50:30"),
            ("6か月前", "2024-12-28T08:50:30"),
            ("昨日", "2025-06-27T00:00:00"),
            ("@0", "1970-01-01T09:00:00"),
        ] {
            assert_eq!(parse(text, &now).unwrap().datetime(), wanted.parse::<DateTime>().unwrap(), "{text}");
        }
        for text in ["", "soon", "2025-13-01", "@x", "hours", "時間前", "2前", "99999999999年前"] {
            assert!(parse(text, &now).is_err(), "{text}");
        }
    }
}
