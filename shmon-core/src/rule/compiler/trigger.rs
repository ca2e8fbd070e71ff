//! What must be there before a condition is worth asking: programs, texts, signs of hiding.

use super::layout::op;

/// What wakes a rule; any one of these is enough.
#[derive(Debug, Clone, Default)]
pub(super) struct Trigger {
    /// Program names, with `true` where a longer name fits too.
    pub(super) programs: Vec<(String, bool)>,
    /// Texts of which one is in the command.
    pub(super) atoms: Vec<Vec<u8>>,
    /// Signs of hiding.
    pub(super) hiding: bool,
    /// Something that could not be resolved.
    pub(super) issue: bool,
    /// Every command.
    pub(super) always: bool,
}

/// The shortest atom that the scan can find.
pub(super) const SHORTEST_ATOM: usize = 4;

impl Trigger {
    pub(super) fn always() -> Self {
        Trigger { always: true, ..Trigger::default() }
    }

    /// Whether something else than a program wakes the rule too.
    pub(super) fn is_more_than_programs(&self) -> bool {
        self.always || self.hiding || self.issue || !self.atoms.is_empty()
    }

    /// How much work it saves: greater is better.
    fn score(&self) -> usize {
        if self.always {
            0
        } else if !self.atoms.is_empty() {
            let shortest = self.atoms.iter().map(Vec::len).min().unwrap_or(0).min(40);
            10 + shortest + if self.hiding || self.issue { 0 } else { 1 }
        } else if self.hiding || self.issue {
            60
        } else {
            100
        }
    }

    pub(super) fn union(mut self, other: Trigger) -> Trigger {
        self.programs.extend(other.programs);
        self.atoms.extend(other.atoms);
        self.hiding |= other.hiding;
        self.issue |= other.issue;
        self.always |= other.always;
        self
    }

    pub(super) fn best(self, other: Trigger) -> Trigger {
        if other.score() > self.score() { other } else { self }
    }
}

/// A text that must be there for the test to hold.
pub(super) fn literal(code: u32, text: &str) -> Option<Vec<u8>> {
    match code {
        op::IS | op::PREFIX | op::SUFFIX | op::CONTAINS | op::WORD => Some(text.as_bytes().to_vec()),
        op::GLOB => {
            let mut best = Vec::new();
            let mut run = Vec::new();
            let mut bytes = text.bytes();
            while let Some(b) = bytes.next() {
                match b {
                    b'*' | b'?' => keep_longer(&mut best, &mut run),
                    b'[' => {
                        keep_longer(&mut best, &mut run);
                        bytes.by_ref().skip(1).find(|&b| b == b']');
                    }
                    b'\\' => run.extend(bytes.next()),
                    _ => run.push(b),
                }
            }
            keep_longer(&mut best, &mut run);
            Some(best)
        }
        _ => None,
    }
}

fn keep_longer(best: &mut Vec<u8>, run: &mut Vec<u8>) {
    if run.len() > best.len() {
        std::mem::swap(best, run);
    }
    run.clear();
}
