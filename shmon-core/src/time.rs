//! Times as people and the ticket's database write them.

use crate::record::UnixNanos;
use jiff::{Timestamp, tz::TimeZone};

/// Now, in nanoseconds since the Unix epoch.
pub fn now() -> UnixNanos {
    nanos(Timestamp::now())
}

/// A timestamp in nanoseconds since the Unix epoch; saturates in the years 1677 and 2262.
pub fn nanos(time: Timestamp) -> UnixNanos {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time.as_second() < 0 { i64::MIN } else { i64::MAX })
}

/// Local time of the system's time zone, `YYYY-MM-DD HH:MM:SS`.
pub fn local(time: UnixNanos) -> String {
    let time = Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default();
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
