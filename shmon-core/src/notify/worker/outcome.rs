//! What became of a job, written down: in the outbox first, then in the log.

use super::Delivery;
use super::desk::Done;
use super::{SECOND, Worker};
use crate::Result;
use crate::log::Lines;
use crate::notify::schedule;
use crate::notify::sink::{Attempt, Outcome, Search};
use crate::record::UnixNanos;
use crate::store::Store;
use crate::store::outbox::{Batch, Members, SETTLE};

/// The shortest time for which `Retry-After` is believed, and the longest.
const AFTER: (i64, i64) = (SECOND, 3600 * SECOND);

impl Worker {
    /// Writes down what became of a batch; keeps it for later where the database can't be written.
    pub(super) fn settle(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: Batch,
        outcome: Done,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let result = self.write_down(store, index, &batch, &outcome, delivery);
        if result.is_err() {
            self.unsaved.push((index, batch, outcome));
        }
        result
    }

    fn write_down(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: &Batch,
        outcome: &Done,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let now = self.now();
        let attempt = match outcome {
            Done::Sent(attempt) => attempt.clone(),
            Done::Searched(Some(Search::Found(id))) => {
                let answer = serde_json::json!({"message_id": id}).to_string();
                Outcome::Sent { id: id.clone(), answer }.into()
            }
            // Not there, or nobody can tell: it is sent again. Zero lost goes before zero doubled.
            Done::Searched(Some(Search::Absent)) => {
                return store.postponed(
                    batch.leader,
                    false,
                    now,
                    "sent, but not found: it is sent again",
                    now,
                );
            }
            Done::Searched(None) => {
                let repeats = self.desks[index].sink.as_ref().is_ok_and(|s| s.recognises_repeats());
                let reason = if repeats {
                    "unknown outcome: it is sent again under the same id"
                } else {
                    "unknown outcome: it is sent again, and may arrive twice"
                };
                return store.postponed(batch.leader, false, now, reason, now);
            }
            Done::Searched(Some(Search::Failed(attempt))) => attempt.clone(),
        };
        let searched = matches!(outcome, Done::Searched(_));
        self.note(store, index, batch, &attempt, searched, delivery, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one attempt, used once")]
    fn note(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: &Batch,
        attempt: &Attempt,
        searched: bool,
        delivery: &mut Delivery,
        now: UnixNanos,
    ) -> Result<()> {
        let name = self.desks[index].name.clone();
        let label = self.desks[index].sink.as_ref().map_or("", |s| s.label());
        let count = match &batch.members {
            Members::None => 1,
            Members::Joined(rest) => 1 + rest.len() as u64,
            Members::Equal(count, _) | Members::Different(count, ..) => *count,
        };
        let asked = attempt.after.map(|after| schedule::nanos(after).clamp(AFTER.0, AFTER.1));
        let failures = store.sink_state(&name)?.failures;
        let mut lines = Lines::new();
        match &attempt.outcome {
            Outcome::Sent { id, answer } => {
                store.delivered(batch.leader, id.as_deref(), now)?;
                if let Some(after) = asked {
                    store.block_sink(&name, now + after, None, now)?;
                }
                delivery.sent += 1;
                delivery.delivered += count;
                lines.notified(now, label, answer);
            }
            Outcome::Limited(reason) => {
                let wait = asked.unwrap_or_else(|| schedule::backoff(3 + failures, self.jitter.next()));
                store.postponed(batch.leader, searched, now, reason, now)?;
                store.block_sink(&name, now + wait, None, now)?;
                delivery.failed += 1;
            }
            Outcome::Misconfigured(reason) => {
                let wait = asked.unwrap_or_else(|| schedule::misconfigured(failures, self.jitter.next()));
                store.postponed(batch.leader, searched, now, reason, now)?;
                store.block_sink(&name, now + wait, Some(reason), now)?;
                delivery.failed += 1;
                if failures == 0 {
                    lines.warning(now, &format!("notifications wait, {name} has to be mended: {reason}"));
                }
            }
            Outcome::NotSent(reason) | Outcome::Unknown(reason) => {
                let unknown = searched || matches!(attempt.outcome, Outcome::Unknown(_));
                let wait = asked.unwrap_or_else(|| schedule::backoff(failures, self.jitter.next()));
                // The message waits longer than its sink, so that one that always fails holds up no other.
                let mut own = schedule::backoff(batch.attempts, self.jitter.next()).max(wait);
                if unknown && !searched {
                    own = own.max(SETTLE);
                }
                store.postponed(batch.leader, unknown, now + own, reason, now)?;
                store.block_sink(&name, now + wait, Some(reason), now)?;
                delivery.failed += 1;
                if failures + 1 == schedule::BREAKER {
                    lines.warning(now, &format!("notifications wait, {name} doesn't answer: {reason}"));
                }
            }
            Outcome::Refused(reason) | Outcome::TooLarge(reason) => {
                store.dead(batch.leader, reason, now)?;
                delivery.dead += count;
                lines.warning(now, &format!("notification {} to {name} was refused: {reason}", batch.leader));
            }
        }
        // The outbox has it all; a log that can't be written must not make a message go out twice.
        let _ = self.log.append(&lines);
        Ok(())
    }
}
