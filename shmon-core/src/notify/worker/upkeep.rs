//! What a worker does beside delivering: giving up, tidying, digests, and knowing when it is needed again.

use super::{Delivery, SECOND, Worker};
use crate::log::Lines;
use crate::notify::{digest, schedule};
use crate::record::UnixNanos;
use crate::store::Store;
use crate::{Error, Result};

/// How often the outbox is tidied.
const TIDY: i64 = 3600 * SECOND;

impl Worker {
    pub(super) fn tidy(&mut self, store: &mut Store, now: UnixNanos, delivery: &mut Delivery) -> Result<()> {
        let names: Vec<&str> = self.desks.iter().map(|d| d.name.as_str()).collect();
        let given_up = store.give_up(now.saturating_sub(self.give_up.0), &names, &self.give_up.1, now)?;
        delivery.dead += given_up as u64;
        if given_up > 0 {
            let mut lines = Lines::new();
            lines.warning(now, &format!("{given_up} notifications are dead: `shmon notify status` says why"));
            let _ = self.log.append(&lines);
        }
        if (now - self.tidied_at).abs() > TIDY {
            store.tidy(now.saturating_sub(TIDY), now.saturating_sub(self.keep), now)?;
            self.tidied_at = now;
        }
        Ok(())
    }

    /// Puts the digests into the outbox whose time has come.
    pub(super) fn digests(&self, store: &mut Store) -> Result<()> {
        let now = self.now();
        for desk in &self.desks {
            let today = schedule::digest_on(desk.digest, now, &self.options.time_zone);
            let Some((date, time)) = today else { continue };
            let day = date.to_string();
            let last = store.sink_state(&desk.name)?.digest_day;
            if last.as_deref() == Some(&day) || (time > now && last.is_some()) {
                continue;
            }
            if last.is_none() || last.as_deref() > Some(&day) {
                // The first day of a sink (or after a clock that ran ahead): nothing is told of the time before it.
                let told = if time > now { date.yesterday().unwrap_or(date).to_string() } else { day };
                store.digest_told(&desk.name, &told, None, now)?;
                continue;
            }
            let payload = digest::payload(store, desk.lang, time, &self.options.time_zone)?;
            store.digest_told(&desk.name, &day, Some(&payload), now)?;
        }
        Ok(())
    }

    /// When there is something to do again.
    pub(super) fn next_due(&self, store: &mut Store) -> Result<Option<UnixNanos>> {
        let now = self.now();
        let mut next: Option<UnixNanos> = None;
        for index in 0..self.desks.len() {
            let digest = schedule::next_digest(self.desks[index].digest, now, &self.options.time_zone);
            let due = match store.next_due(&self.desks[index].name)? {
                Some(due) => Some(due.max(self.free_at(store, index)?)),
                None => None,
            };
            next = [next, due, digest].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Says once in the log what keeps the worker from working.
    pub(super) fn complain(&self, error: &Error, told: &mut String) {
        let text = error.to_string();
        if text != *told {
            let mut lines = Lines::new();
            lines.warning(self.now(), &format!("notifications wait: {text}"));
            let _ = self.log.append(&lines);
            *told = text;
        }
    }
}
