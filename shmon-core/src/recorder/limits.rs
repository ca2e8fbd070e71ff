//! In system mode one user must not fill the disk or keep the others waiting: what is beyond his share is counted, told
//! and not stored. Commands that are rated high or critical have a share of their own, so that a flood hides none.

use super::batch::{Batch, noticed};
use crate::config::SystemConfig;
use crate::monitor::Incoming;
use crate::store::Place;
use crate::{Classifier, Level, identity, time};
use std::collections::BTreeMap;
use std::time::Instant;

/// Before the names of [`Place`]s that hold what is counted and not told yet.
const PREFIX: &str = "flood:";
/// A flood is told when it begins and then so often, in seconds.
const OFTEN: u64 = 60;
/// Commands rated high or critical beyond the share: a tenth of it.
const ALARMS: f64 = 0.1;

/// The shares of all users.
#[derive(Debug)]
pub(super) struct Limits {
    config: SystemConfig,
    users: BTreeMap<u32, Share>,
}

#[derive(Debug)]
struct Share {
    commands: f64,
    bytes: f64,
    alarms: f64,
    filled: Instant,
    withheld: Withheld,
    told: Option<Instant>,
    changed: bool,
}

/// What was not stored and not told yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Withheld {
    commands: u64,
    bytes: u64,
}

impl Limits {
    /// Full shares, and what an earlier recorder counted and could not tell.
    pub(super) fn new(config: SystemConfig) -> Limits {
        Limits { config, users: BTreeMap::new() }
    }

    /// Takes over what the database holds of a flood; false for another place.
    pub(super) fn restore(&mut self, name: &str, value: &str, now: Instant) -> bool {
        let Some(uid) = name.strip_prefix(PREFIX).and_then(|uid| uid.parse().ok()) else { return false };
        let mut numbers = value.split(' ').map(|n| n.parse().unwrap_or(0));
        let withheld = Withheld { commands: numbers.next().unwrap_or(0), bytes: numbers.next().unwrap_or(0) };
        self.share(uid, now).withheld = withheld;
        true
    }

    /// Begins afresh after a failed commit: what is counted stands in the database, and what was read is read again.
    pub(super) fn forget(&mut self) {
        self.users.clear();
    }

    /// Leaves out what is beyond a user's share, and tells of it. The recorder's own notices are nobody's share.
    pub(super) fn apply(&mut self, classifier: &Classifier, batch: &mut Batch) {
        let (now, me) = (Instant::now(), rustix::process::getuid().as_raw());
        batch.incoming.retain(|incoming| match incoming {
            Incoming::Event(event) => {
                let uid = event.uid.unwrap_or(me);
                let level = || classifier.classify(&event.command).level;
                uid == me || self.admit(uid, event.command.len(), now, level)
            }
            Incoming::End(_) => true,
        });
        for (uid, withheld) in self.tell(now) {
            let at = time::now();
            let detail = format!(
                "user {uid} is beyond the limit: {} commands ({} bytes) were counted and not stored",
                withheld.commands, withheld.bytes
            );
            let mut event = noticed(&format!("{at}:flood:{uid}"), "flood", &detail, at);
            (event.uid, event.user) = (Some(uid), identity::user_name(uid));
            batch.incoming.push(Incoming::Event(event));
        }
        batch.places.extend(self.places());
    }

    fn share(&mut self, uid: u32, now: Instant) -> &mut Share {
        let config = &self.config;
        let share = self.users.entry(uid).or_insert_with(|| Share {
            commands: f64::from(config.burst_commands),
            bytes: f64::from(config.burst_bytes),
            alarms: f64::from(config.burst_commands) * ALARMS,
            filled: now,
            withheld: Withheld::default(),
            told: None,
            changed: false,
        });
        let seconds = now.saturating_duration_since(share.filled).as_secs_f64();
        share.filled = now;
        let fill = |now: f64, rate: f64, most: f64| (now + seconds * rate).min(most);
        let (rate, most) = (f64::from(config.commands_per_second), f64::from(config.burst_commands));
        share.commands = fill(share.commands, rate, most);
        share.alarms = fill(share.alarms, rate * ALARMS, most * ALARMS);
        share.bytes = fill(share.bytes, f64::from(config.bytes_per_second), f64::from(config.burst_bytes));
        share
    }

    /// Whether a command of this length is stored; `level` is asked only for what is beyond the share.
    fn admit(&mut self, uid: u32, length: usize, now: Instant, level: impl FnOnce() -> Level) -> bool {
        let share = self.share(uid, now);
        let cost = length as f64;
        if share.commands >= 1.0 && share.bytes >= cost {
            share.commands -= 1.0;
            share.bytes -= cost;
            return true;
        }
        // One long command may take what is left of the bytes, but not many.
        if share.alarms >= 1.0 && length <= 64 << 10 && level() >= Level::High {
            share.alarms -= 1.0;
            return true;
        }
        share.withheld.commands += 1;
        share.withheld.bytes += length as u64;
        share.changed = true;
        false
    }

    /// What is to be told now of each user's flood.
    fn tell(&mut self, now: Instant) -> Vec<(u32, Withheld)> {
        let due = |share: &Share| {
            share.withheld.commands > 0
                && share.told.is_none_or(|at| now.saturating_duration_since(at).as_secs() >= OFTEN)
        };
        let mut told = Vec::new();
        for (uid, share) in self.users.iter_mut().filter(|(_, share)| due(share)) {
            told.push((*uid, std::mem::take(&mut share.withheld)));
            share.told = Some(now);
            share.changed = true;
        }
        told
    }

    /// What changed, to be committed with the rows: a recorder that dies forgets no count.
    fn places(&mut self) -> Vec<Place> {
        let changed = self.users.iter_mut().filter_map(|(uid, share)| {
            let withheld = share.withheld;
            let value = (withheld.commands > 0).then(|| format!("{} {}", withheld.commands, withheld.bytes));
            std::mem::take(&mut share.changed).then(|| Place { name: format!("{PREFIX}{uid}"), value })
        });
        changed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> Limits {
        let mut config = SystemConfig::default();
        (config.commands_per_second, config.burst_commands) = (10, 100);
        (config.bytes_per_second, config.burst_bytes) = (1000, 10_000);
        Limits::new(config)
    }

    #[test]
    fn a_user_has_his_share_and_no_others() {
        let (mut limits, now) = (limits(), Instant::now());
        let admitted = |limits: &mut Limits, uid, count, at, level| {
            (0..count).filter(|_| limits.admit(uid, 10, at, || level)).count()
        };
        assert_eq!(admitted(&mut limits, 1, 1000, now, Level::Low), 100);
        assert_eq!(admitted(&mut limits, 2, 50, now, Level::Low), 50, "another user's share is his own");
        assert_eq!(
            admitted(&mut limits, 1, 1000, now, Level::Critical),
            10,
            "alarms have a share of their own"
        );
        let later = now + Duration::from_secs(5);
        assert_eq!(admitted(&mut limits, 1, 1000, later, Level::Low), 50);
        assert_eq!(limits.tell(later), [(1, Withheld { commands: 2840, bytes: 28_400 })]);
        assert_eq!(limits.tell(later), []);
        assert_eq!(admitted(&mut limits, 1, 1, later, Level::Low), 0);
        assert_eq!(limits.tell(later), [], "not so soon again");
        assert_eq!(limits.tell(later + Duration::from_secs(OFTEN)).len(), 1);
    }

    #[test]
    fn bytes_count_too_and_counts_outlive_the_recorder() {
        let (mut first, now) = (limits(), Instant::now());
        assert!(first.admit(1, 9_000, now, || Level::Low));
        assert!(!first.admit(1, 2_000, now, || Level::Low));
        assert!(!first.admit(1, 1 << 20, now, || Level::Critical), "no alarm of a megabyte beyond the share");
        let places = first.places();
        assert_eq!(places.len(), 1);
        let mut second = limits();
        assert!(second.restore(&places[0].name, places[0].value.as_deref().unwrap(), now));
        assert!(!second.restore("7-8", "1 2 3 4", now));
        assert_eq!(second.tell(now), [(1, Withheld { commands: 2, bytes: 2_000 + (1 << 20) })]);
        assert_eq!(second.places()[0].value, None);
    }
}
