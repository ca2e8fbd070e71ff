//! The system's time zone.

use jiff::tz::TimeZone;
use std::path::{Component, Path};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a look at the system's time zone counts: a long-running process sees a change within so much.
const ZONE_COUNTS: Duration = Duration::from_secs(300);

/// The system's time zone: `TZ`, or `/etc/localtime`.
///
/// One file is read. [`TimeZone::system`] is asked only where `TZ` is no plain name of a zone: it lists the whole time zone
/// database first, which takes a short process longer than all that it has to do (3.4 of 5.0 million instructions of one
/// `shmon classify`).
pub(crate) fn zone() -> TimeZone {
    static ZONE: Mutex<Option<(Instant, TimeZone)>> = Mutex::new(None);
    let mut kept = ZONE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        Some((read, zone)) if read.elapsed() < ZONE_COUNTS => zone.clone(),
        _ => {
            let zone = read_zone(std::env::var_os("TZ").as_deref().map(Path::new));
            *kept = Some((Instant::now(), zone.clone()));
            zone
        }
    }
}

/// The zone that `TZ` names; that of `/etc/localtime` where it isn't set.
fn read_zone(name: Option<&Path>) -> TimeZone {
    let file = match name {
        None => Path::new("/etc/localtime").to_path_buf(),
        Some(name) => {
            let plain = name.components().all(|c| matches!(c, Component::Normal(_)));
            if !plain || name.as_os_str().is_empty() {
                return TimeZone::system();
            }
            Path::new("/usr/share/zoneinfo").join(name)
        }
    };
    let zone = std::fs::read(&file).ok().and_then(|data| {
        let file = std::fs::read_link(&file).unwrap_or(file);
        let name = file.strip_prefix("/usr/share/zoneinfo").ok().and_then(Path::to_str).unwrap_or("Local");
        TimeZone::tzif(name, &data).ok()
    });
    zone.unwrap_or_else(TimeZone::system)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_zone_is_the_one_that_the_whole_database_gives() {
        let times = [-2_000_000_000, 0, 1_751_068_230, 1_761_440_400, 4_000_000_000];
        let offsets = |zone: &TimeZone| times.map(|t| zone.to_offset(Timestamp::from_second(t).unwrap()));
        for name in ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "UTC"] {
            let zone = read_zone(Some(Path::new(name)));
            if let Ok(whole) = TimeZone::get(name) {
                assert_eq!(offsets(&zone), offsets(&whole), "{name}");
            }
        }
        assert_eq!(offsets(&read_zone(None)), offsets(&TimeZone::try_system().unwrap_or(TimeZone::UTC)));
        // What is no name of a file, or none of a zone, is the library's to read.
        for name in ["", "/etc/localtime", "../zoneinfo/UTC", ":UTC", "JST-9", "No/Where"] {
            assert_eq!(offsets(&read_zone(Some(Path::new(name)))), offsets(&TimeZone::system()), "{name}");
        }
    }
}
