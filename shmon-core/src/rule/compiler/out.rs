//! Bytecode as it is written: nodes with their length.

use super::schema::Count;

/// Bytecode under construction.
#[derive(Default)]
pub(super) struct Out {
    pub(super) words: Vec<u32>,
    /// Whether anything asks about an invocation.
    pub(super) invocation: bool,
}

impl Out {
    pub(super) fn open(&mut self, code: u32) -> usize {
        self.words.push(code);
        self.words.len() - 1
    }

    pub(super) fn close(&mut self, node: usize) {
        let length = (self.words.len() - node) as u32;
        let code = self.words[node] & 0xFF;
        self.words[node] = code | length << 8;
    }

    /// Closes a node that only holds others together: one alone stands for itself.
    pub(super) fn close_group(&mut self, node: usize) {
        let first = node + 1;
        let only = self.words.get(first).is_some_and(|head| first + (head >> 8) as usize == self.words.len());
        if only {
            self.words.remove(node);
        } else {
            self.close(node);
        }
    }

    pub(super) fn node(&mut self, code: u32, payload: &[u32]) {
        let node = self.open(code);
        self.words.extend_from_slice(payload);
        self.close(node);
    }

    pub(super) fn count(&mut self, code: u32, count: Count) {
        self.node(code, &[count.min, count.max.unwrap_or(u32::MAX)]);
    }
}
