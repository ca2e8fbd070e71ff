//! The keys by which entries are known again, and how often an entry that differs in nothing from another came.

use super::Source;
use crate::record::Event;
use crate::store::Entry;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// So many dated entries are remembered at least, so that a history of any length takes the same memory.
const REMEMBERED: usize = if cfg!(test) { 64 } else { 1 << 16 };

type Content = [u8; 16];

/// How often each content came.
#[derive(Default)]
pub(super) struct Repeated {
    /// Without a time of their own: whole histories may consist of a few commands, so none is forgotten.
    undated: HashMap<Content, u32>,
    /// With a time: equal ones are of the same second, and nearly always stand close together.
    dated: HashMap<Content, u32>,
    /// Those before; whichever comes again becomes one of the newest.
    older: HashMap<Content, u32>,
}

impl Repeated {
    /// The same entry of the same user has the same key in every import, also when the file has grown or was cut at its
    /// start meanwhile. Entries that differ in nothing are counted.
    pub(super) fn key(&mut self, source: Source, event: &Event, dated: bool) -> String {
        let mut hasher = Sha256::new();
        // The file's time changes.
        let time = if dated { event.started_at } else { 0 };
        for part in [&event.user, &event.host, &event.session_id] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.update(time.to_be_bytes());
        hasher.update(&event.command);
        let hash: [u8; 32] = hasher.finalize().into();
        let mut content = [0; 16];
        content.copy_from_slice(&hash[..16]);
        let count = self.count(content, dated);
        let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("import:{}:{hex}:{count}", source.name())
    }

    fn count(&mut self, content: Content, dated: bool) -> u32 {
        if !dated {
            let count = self.undated.entry(content).or_default();
            *count += 1;
            return *count;
        }
        if self.dated.len() >= REMEMBERED && !self.dated.contains_key(&content) {
            self.older = std::mem::take(&mut self.dated);
        }
        let older = &mut self.older;
        let count = self.dated.entry(content).or_insert_with(|| older.remove(&content).unwrap_or_default());
        *count += 1;
        *count
    }
}

/// Makes the key the one of the next entry with this content; false where it isn't one of [`Repeated::key`].
pub(super) fn count_on(entry: &mut Entry) -> bool {
    let Entry::Command(record, _) = entry else { return false };
    let parts: Vec<&str> = record.event.key.split(':').collect();
    let ["import", source, content, count] = parts[..] else { return false };
    let Some(next) = count.parse::<u32>().ok().and_then(|count| count.checked_add(1)) else { return false };
    record.event.key = format!("import:{source}:{content}:{next}");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_entries_are_forgotten_and_new_ones_are_not() {
        let mut repeated = Repeated::default();
        let content = |n: usize| {
            let mut content = [0; 16];
            content[..8].copy_from_slice(&n.to_be_bytes());
            content
        };
        // The first comes again and again, the others once.
        for n in 1..5 * REMEMBERED {
            assert_eq!(repeated.count(content(n), true), 1);
            if n % (REMEMBERED / 2) == 0 {
                assert_eq!(repeated.count(content(0), true), (n / (REMEMBERED / 2)) as u32);
            }
        }
        assert!(repeated.dated.len() + repeated.older.len() <= 2 * REMEMBERED);
        assert_eq!(repeated.count(content(5 * REMEMBERED - 1), true), 2);
        assert_eq!(repeated.count(content(1), true), 1, "forgotten");
        for n in 0..3 * REMEMBERED {
            assert_eq!(repeated.count(content(n), false), 1);
        }
        assert_eq!(repeated.count(content(0), false), 2);
    }
}
