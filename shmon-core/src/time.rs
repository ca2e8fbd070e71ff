//! Times as people and the ticket's database write them.

use crate::record::UnixNanos;
use jiff::Timestamp;

/// The system's time zone: `TZ`, or `/etc/localtime`. One file is read, and again after five minutes.
pub fn zone() -> jiff::tz::TimeZone {
    crate::zone::zone()
}

/// Now, in nanoseconds since the Unix epoch.
pub fn now() -> UnixNanos {
    nanos(Timestamp::now())
}

/// Now, in the system's time zone.
pub fn now_local() -> jiff::Zoned {
    Timestamp::now().to_zoned(zone())
}

/// A timestamp in nanoseconds since the Unix epoch; saturates in the years 1677 and 2262.
pub fn nanos(time: Timestamp) -> UnixNanos {
    i64::try_from(time.as_nanosecond()).unwrap_or(if time.as_second() < 0 { i64::MIN } else { i64::MAX })
}

/// Local time of the system's time zone, `YYYY-MM-DD HH:MM:SS`.
pub fn local(time: UnixNanos) -> String {
    let time = Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default();
    time.to_zoned(zone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The instant of a local `YYYY-MM-DD HH:MM:SS` (also with `T`, or the date alone); `None` for any other text.
pub fn parse_local(text: &str) -> Option<UnixNanos> {
    let civil: jiff::civil::DateTime = text.trim().parse().ok()?;
    Some(nanos(civil.to_zoned(zone()).ok()?.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_as_they_are_written() {
        let written = local(1_751_068_230_123_456_789);
        assert_eq!(parse_local(&written), Some(1_751_068_230_000_000_000));
        assert_eq!(parse_local(&written.replace(' ', "T")), Some(1_751_068_230_000_000_000));
        assert_eq!(parse_local("2025-06-28 00:00:00"), parse_local("2025-06-28"));
        assert_eq!(parse_local("yesterday"), None);
    }
}
