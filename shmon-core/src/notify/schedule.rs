//! When: limits, back-off, quiet hours, the time of the digest. Pure: times come in, times go out.

use super::config::{DailyAt, QuietHours};
use super::sink::Limit;
use crate::record::UnixNanos;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;

/// Failures after which a sink counts as dead: it is then only probed.
pub(crate) const BREAKER: u32 = 5;

/// The longest wait between two attempts at a sink that doesn't answer: an alert is late by that much at most.
const LONGEST: i64 = 120 * SECOND;
/// While somebody has to mend it, a sink is asked less often.
const MISCONFIGURED: i64 = 60 * SECOND;
const MISCONFIGURED_LONGEST: i64 = 600 * SECOND;

pub(crate) fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// When the limit allows the next request: `oldest` is the last but `limit.count - 1`.
///
/// An exact sliding window: with the oldest of `count` requests inside the span, the next waits until that one leaves it.
pub(crate) fn allowed_at(limit: &Limit, oldest: UnixNanos) -> UnixNanos {
    // A hair more than the span, as the server's clock measures arrival and ours the decision to send.
    oldest.saturating_add(nanos(limit.span)).saturating_add(SECOND / 4)
}

/// How long to wait after `failures` failures in a row: 1 s, 2 s, 4 s … 2 min, of which a random half is taken off, so
/// that a hundred hosts don't come back in step.
pub(crate) fn backoff(failures: u32, random: u64) -> i64 {
    let full = SECOND.saturating_mul(1 << failures.min(20)).min(LONGEST);
    full / 2 + i64::try_from(random % (full as u64 / 2 + 1)).unwrap_or(0)
}

/// How long to leave a sink alone that somebody has to mend.
pub(crate) fn misconfigured(failures: u32, random: u64) -> i64 {
    let full = MISCONFIGURED.saturating_mul(1 << failures.min(4)).min(MISCONFIGURED_LONGEST);
    full - i64::try_from(random % (full as u64 / 8)).unwrap_or(0)
}

fn zoned(now: UnixNanos, tz: &TimeZone) -> Zoned {
    Timestamp::from_nanosecond(i128::from(now)).unwrap_or_default().to_zoned(tz.clone())
}

/// The end of the quiet hours that `now` is in; `None` outside of them.
pub(crate) fn quiet_until(hours: QuietHours, now: UnixNanos, tz: &TimeZone) -> Option<UnixNanos> {
    let local = zoned(now, tz);
    let minute = i16::from(local.hour()) * 60 + i16::from(local.minute());
    let (from, until) = (i16::try_from(hours.from).ok()?, i16::try_from(hours.until).ok()?);
    let quiet =
        if from <= until { (from..until).contains(&minute) } else { !(until..from).contains(&minute) };
    if !quiet {
        return None;
    }
    let date = if minute < until { local.date() } else { local.date().checked_add(1.day()).ok()? };
    at(date, hours.until, tz)
}

/// The local day of `now`, and its digest's time; `None` where there is no digest.
pub(crate) fn digest_on(daily: DailyAt, now: UnixNanos, tz: &TimeZone) -> Option<(Date, UnixNanos)> {
    let date = zoned(now, tz).date();
    Some((date, at(date, daily.0?, tz)?))
}

/// The next digest after `now`.
pub(crate) fn next_digest(daily: DailyAt, now: UnixNanos, tz: &TimeZone) -> Option<UnixNanos> {
    let (date, time) = digest_on(daily, now, tz)?;
    if time > now { Some(time) } else { at(date.checked_add(1.day()).ok()?, daily.0?, tz) }
}

fn at(date: Date, minute: u16, tz: &TimeZone) -> Option<UnixNanos> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    let time = date.at(hour, minute, 0, 0).to_zoned(tz.clone()).ok()?;
    Some(crate::time::nanos(time.timestamp()))
}

/// Numbers that only have to differ between hosts and moments (splitmix64).
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(text: &str, tz: &TimeZone) -> UnixNanos {
        let civil: jiff::civil::DateTime = text.parse().unwrap();
        crate::time::nanos(civil.to_zoned(tz.clone()).unwrap().timestamp())
    }

    #[test]
    fn windows_are_exact() {
        let limit =
            Limit { scope: String::new(), count: 10, span: Duration::from_secs(10), posts_only: true };
        let mut sent: Vec<UnixNanos> = Vec::new();
        let mut now = 0;
        for _ in 0..1000 {
            now = now.max(sent.iter().rev().nth(9).map_or(0, |oldest| allowed_at(&limit, *oldest)));
            sent.push(now);
        }
        for window in sent.windows(11) {
            assert!(window[10] - window[0] > 10 * SECOND);
        }
    }

    #[test]
    fn backoff_grows_and_stays_bounded() {
        let mut jitter = Jitter::new(1);
        for failures in 0..64 {
            let full = SECOND.saturating_mul(1 << failures.min(20)).min(LONGEST);
            for _ in 0..50 {
                let wait = backoff(failures, jitter.next());
                assert!((full / 2..=full).contains(&wait), "{failures}: {wait}");
                assert!((1..=MISCONFIGURED_LONGEST).contains(&misconfigured(failures, jitter.next())));
            }
        }
    }

    #[test]
    fn quiet_hours_end_in_local_time() {
        let tz = TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::fixed(jiff::tz::offset(9)));
        let night = QuietHours { from: 22 * 60, until: 7 * 60 };
        let morning = when("2025-06-29T07:00:00", &tz);
        assert_eq!(quiet_until(night, when("2025-06-28T23:30:00", &tz), &tz), Some(morning));
        assert_eq!(quiet_until(night, when("2025-06-29T06:59:59", &tz), &tz), Some(morning));
        assert_eq!(quiet_until(night, morning, &tz), None);
        assert_eq!(quiet_until(night, when("2025-06-28T21:59:00", &tz), &tz), None);
        let noon = QuietHours { from: 12 * 60, until: 13 * 60 };
        assert_eq!(
            quiet_until(noon, when("2025-06-28T12:10:00", &tz), &tz),
            Some(when("2025-06-28T13:00:00", &tz))
        );
        assert_eq!(quiet_until(QuietHours { from: 0, until: 0 }, morning, &tz), None);
    }

    #[test]
    fn a_digest_a_day() {
        let tz = TimeZone::UTC;
        let nine = DailyAt(Some(9 * 60));
        let early = when("2025-06-28T08:00:00", &tz);
        assert_eq!(next_digest(nine, early, &tz), Some(when("2025-06-28T09:00:00", &tz)));
        let late = when("2025-06-28T09:00:00", &tz);
        assert_eq!(next_digest(nine, late, &tz), Some(when("2025-06-29T09:00:00", &tz)));
        assert_eq!(next_digest(DailyAt(None), late, &tz), None);
    }
}
