//! Conditions with alternatives, told apart: each alternative is asked on its own where that is asked less often than all of
//! them together, since what one needs says nothing about another.

use super::clause::{Atoms, Clause};
use super::layout::{node_words, op};
use super::need::needs;
use std::collections::HashMap;
use std::rc::Rc;

/// Alternatives of one condition; what has more is asked as it is.
const MOST: usize = 16;

/// Conditions that are tried for one; more are left as they are.
const TRIES: u32 = 256;

/// In millionths: what one more condition costs where nothing of it is there.
const ENTRY: u64 = 3000;

/// A condition and what it needs.
pub(super) struct Alternative {
    pub(super) code: Vec<u32>,
    pub(super) clauses: Vec<Clause>,
}

/// Tells the alternatives of conditions apart; those of many programs are the same.
pub(super) struct Splitter<'a> {
    bytes: &'a [u8],
    sets: &'a [u32],
    pub(super) atoms: &'a mut Atoms,
    tries: u32,
    known: HashMap<Vec<u32>, Rc<[Alternative]>>,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(bytes: &'a [u8], sets: &'a [u32], atoms: &'a mut Atoms) -> Self {
        Splitter { bytes, sets, atoms, tries: 0, known: HashMap::new() }
    }

    /// Conditions of which one holds where `code` does.
    pub(super) fn alternatives(&mut self, code: Vec<u32>) -> Rc<[Alternative]> {
        if let Some(known) = self.known.get(&code) {
            return known.clone();
        }
        self.tries = TRIES;
        let all: Rc<[Alternative]> = self.cheapest(code.clone()).into();
        self.known.insert(code, all.clone());
        all
    }

    fn cheapest(&mut self, code: Vec<u32>) -> Vec<Alternative> {
        let clauses = needs(&code, self.bytes, self.sets, self.atoms);
        let whole = Alternative { code, clauses };
        let cost = whole.cost();
        let mut best: Option<(u64, Vec<Alternative>)> = None;
        for split in splits(&whole.code) {
            if split.len() as u64 * ENTRY >= cost {
                continue;
            }
            let Some(left) = self.tries.checked_sub(split.len() as u32) else { break };
            self.tries = left;
            let parts: Vec<Alternative> = split.into_iter().flat_map(|part| self.cheapest(part)).collect();
            let sum = parts.iter().map(Alternative::cost).sum();
            if parts.len() <= MOST && sum < best.as_ref().map_or(cost, |(least, _)| *least) {
                best = Some((sum, parts));
            }
        }
        best.map_or_else(|| vec![whole], |(_, parts)| parts)
    }
}

impl Alternative {
    /// How often it is asked, in millionths, and what it costs to know that.
    fn cost(&self) -> u64 {
        let asked = self
            .clauses
            .iter()
            .fold(1_000_000, |asked, clause| asked * u64::from(clause.likelihood()) / 1000);
        asked + ENTRY
    }
}

/// For each node of alternatives that must hold, the conditions with one of these in its place.
fn splits(code: &[u32]) -> Vec<Vec<Vec<u32>>> {
    let Some(&head) = code.first() else { return Vec::new() };
    let end = code.len();
    match head & 0xFF {
        op::ANY => vec![children(code, 1, end).map(<[u32]>::to_vec).collect()],
        op::ALL => {
            let mut all = Vec::new();
            let mut at = 1;
            for child in children(code, 1, end) {
                let after = at + child.len();
                if child[0] & 0xFF == op::ANY {
                    let others = [&code[1..at], &code[after..]];
                    all.push(children(child, 1, child.len()).map(|one| all_of(others, one)).collect());
                }
                at = after;
            }
            all
        }
        _ => Vec::new(),
    }
}

/// A node that holds where the nodes of all these do.
fn all_of([before, after]: [&[u32]; 2], one: &[u32]) -> Vec<u32> {
    let one = if one[0] & 0xFF == op::ALL { &one[1..] } else { one };
    let length = (1 + before.len() + one.len() + after.len()) as u32;
    [&[op::ALL | length << 8], before, one, after].concat()
}

/// The nodes from `at` to `end`.
fn children(code: &[u32], mut at: usize, end: usize) -> impl Iterator<Item = &[u32]> {
    std::iter::from_fn(move || {
        let head = *code.get(at..end)?.first()?;
        let next = (at + node_words(head)).min(end);
        let child = &code[at..next];
        at = next;
        Some(child)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: u32, children: &[&[u32]]) -> Vec<u32> {
        let inner = children.concat();
        [&[kind | (inner.len() as u32 + 1) << 8], inner.as_slice()].concat()
    }

    const ROOT: [u32; 2] = [op::ROOT | 2 << 8, 1];
    const SSH: [u32; 2] = [op::SSH | 2 << 8, 1];
    const HIDING: [u32; 1] = [op::HIDING | 1 << 8];
    const ISSUE: [u32; 2] = [op::ISSUE | 2 << 8, 1];
    const VIA: [u32; 2] = [op::VIA | 2 << 8, 1];

    #[test]
    fn every_alternative_keeps_what_stands_beside_it() {
        let either = node(op::ANY, &[&node(op::ALL, &[&HIDING, &ISSUE]), &ISSUE]);
        let code = node(op::ALL, &[&ROOT, &either, &SSH]);
        let first = node(op::ALL, &[&ROOT, &HIDING, &ISSUE, &SSH]);
        let second = node(op::ALL, &[&ROOT, &ISSUE, &SSH]);
        assert_eq!(splits(&code), [[first, second]]);
        assert_eq!(splits(&either), [[node(op::ALL, &[&HIDING, &ISSUE]), ISSUE.to_vec()]]);
        assert!(splits(&node(op::ALL, &[&ROOT, &SSH])).is_empty());
        assert!(splits(&node(op::NONE, &[&either])).is_empty());
        assert!(splits(&[]).is_empty());
    }

    #[test]
    fn alternatives_are_told_apart_where_they_need_something() {
        let of = |code: Vec<u32>| {
            let parts = Splitter::new(&[], &[], &mut Atoms::default()).alternatives(code);
            parts.iter().map(|part| part.code.clone()).collect::<Vec<_>>()
        };
        let (also, then) = (node(op::ALSO, &[&ROOT]), node(op::THEN, &[&ROOT]));
        let pairs: [[&[u32]; 2]; 5] =
            [[&HIDING, &VIA], [&ISSUE, &VIA], [&HIDING, &ISSUE], [&HIDING, &also], [&ISSUE, &then]];
        let parts = pairs.map(|pair| node(op::ALL, &pair));
        assert_eq!(of(node(op::ANY, &parts.each_ref().map(Vec::as_slice))), parts);
        // Neither needs anything: two questions in place of one.
        let either = node(op::ANY, &[&ROOT, &SSH]);
        assert_eq!(of(either.clone()), [either]);
    }
}
