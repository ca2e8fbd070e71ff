//! What became of commands whose callers want to know the row and the level, until they asked.

use super::batch::Batch;
use crate::monitor::{Incoming, Recorded};
use std::collections::{HashMap, VecDeque};

/// Answers that are kept: who asks, asks at once.
const KEPT: usize = 4096;

/// By session; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Answers {
    known: HashMap<String, (u32, Recorded)>,
    order: VecDeque<String>,
}

impl Answers {
    /// Takes what a commit said of the batch's sessions of one command.
    pub(super) fn keep(&mut self, batch: &mut Batch, recorded: &[Recorded]) {
        if batch.asked.is_empty() {
            return;
        }
        for (incoming, recorded) in batch.incoming.iter().zip(recorded) {
            if let Incoming::Event(event) = incoming
                && let Some(asked) = batch.asked.get_mut(&event.key).and_then(VecDeque::pop_front)
            {
                self.insert(asked.session, asked.uid, *recorded);
            }
        }
        // What was beyond a user's share isn't recorded, and nobody is told that it was.
        batch.asked.clear();
    }

    fn insert(&mut self, session: String, uid: u32, recorded: Recorded) {
        if self.known.insert(session.clone(), (uid, recorded)).is_none() {
            self.order.push_back(session);
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn get(&self, session: &str, uid: u32) -> Option<Recorded> {
        let (owner, recorded) = self.known.get(session)?;
        (*owner == uid).then_some(*recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_users_are_apart() {
        let mut answers = Answers::default();
        for number in 0..=KEPT {
            let recorded = Recorded { id: i64::try_from(number).ok(), ..Recorded::default() };
            answers.insert(format!("{number}-1"), 7, recorded);
        }
        assert_eq!(answers.get("0-1", 7), None);
        assert_eq!(answers.get("1-1", 7).and_then(|recorded| recorded.id), Some(1));
        assert_eq!(answers.get("1-1", 8), None, "another's");
        assert_eq!((answers.known.len(), answers.order.len()), (KEPT, KEPT));
    }
}
