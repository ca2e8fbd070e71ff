//! Finds which atoms occur in a text.
//!
//! Every few bytes (at every byte, where atoms are short), four bytes with letters folded lead to a slot. Its tag says nearly
//! always that no atom is there; else the atoms that hold these four bytes are compared. Memory is linear in the atoms and there
//! is nothing to build at run time; an Aho-Corasick automaton of the same atoms waits for one look-up before it can do the
//! next, and its tables grow out of the caches.

use super::compiler::hash::{gram as gram_of, gram_slot, gram_tag};
use super::compiler::layout::*;
use super::view::View;

/// Calls `found` with every atom of the table in `text` that concerns one of `whom` (repeatedly, where it is there several
/// times) and the rules that it wakes.
#[inline]
pub(crate) fn scan<const STRIDE: usize>(
    v: &View<'_>,
    mut table: usize,
    text: &[u8],
    whom: u32,
    found: &mut impl FnMut(u32, &[u32]),
) {
    while let Some(&[bits, tags, factor, records, next]) = v.slice(table, GRAMS_WORDS).first_chunk()
        && table != 0
    {
        let (tags, _) = v.bytes.get(tags as usize..).unwrap_or(&[]).as_chunks::<2>();
        let probe = Probe { v, bits, factor, records: records as usize, text, whom };
        match tags.first_chunk::<{ 1 << GRAMS_LEAST_BITS }>() {
            // Of a known length: no look-up needs a check.
            Some(tags) if bits == GRAMS_LEAST_BITS => {
                probe.run::<STRIDE>(|hash| tags[gram_slot(hash, GRAMS_LEAST_BITS)] == gram_tag(hash), found);
            }
            _ => probe.run::<STRIDE>(
                |hash| tags.get(gram_slot(hash, bits & 31)).is_some_and(|&tag| tag == gram_tag(hash)),
                found,
            ),
        }
        table = if (next as usize) < table { next as usize } else { 0 };
    }
}

/// Bytes that are looked at together.
const TOGETHER: usize = 16;

struct Probe<'a> {
    v: &'a View<'a>,
    bits: u32,
    factor: u32,
    records: usize,
    text: &'a [u8],
    whom: u32,
}

impl Probe<'_> {
    #[inline(always)]
    fn run<const STRIDE: usize>(&self, perhaps: impl Fn(u32) -> bool, found: &mut impl FnMut(u32, &[u32])) {
        let length = self.text.len();
        let factor = self.factor;
        let mut probe = |four: [u8; 4], at: usize| {
            let hash = gram_of(four).wrapping_mul(factor);
            if perhaps(hash) {
                self.candidates(at, hash, found);
            }
        };
        let Some(last) = length.checked_sub(TOGETHER) else {
            let mut at = 0;
            while let Some(four) = self.text.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
                probe(*four, at);
                at += STRIDE;
            }
            return;
        };
        let mut at = 0;
        while at + 4 <= length {
            // The last ones overlap those before.
            let first = at.min(last);
            let Some(bytes) = self.text.get(first..).and_then(|rest| rest.first_chunk::<TOGETHER>()) else {
                return;
            };
            // Each in its place: no loop, and no check.
            macro_rules! each {
                ($($place:literal)*) => {
                    $(if $place % STRIDE == 0 && let Some(four) = bytes[$place..].first_chunk::<4>() {
                        probe(*four, first + $place);
                    })*
                };
            }
            each!(0 1 2 3 4 5 6 7 8 9 10 11 12);
            at += (TOGETHER - 4) / STRIDE * STRIDE + STRIDE;
        }
    }

    /// Compares the atoms that have the gram at `at`, where there are such.
    #[cold]
    #[inline(never)]
    fn candidates(&self, at: usize, hash: u32, found: &mut impl FnMut(u32, &[u32])) {
        let record = self.v.at(self.records + gram_slot(hash, self.bits & 31));
        if let Some(&[gram, concerns, count]) = self.v.slice(record, GRAM_WORDS).first_chunk()
            && record != 0
            && gram.wrapping_mul(self.factor) == hash
            && concerns & self.whom != 0
        {
            self.compare(at, record + GRAM_WORDS, count as usize, found);
        }
    }

    #[inline(never)]
    fn compare(&self, at: usize, places: usize, count: usize, found: &mut impl FnMut(u32, &[u32])) {
        let v = self.v;
        let places = v.slice(places, count * PLACE_WORDS);
        for &[atom, concerns, offset, other, other_gram] in places.as_chunks::<PLACE_WORDS>().0 {
            if concerns & self.whom == 0 {
                continue;
            }
            // The other gram tells most of them apart.
            let there = (at + other as usize).checked_sub(4).and_then(|from| self.text.get(from..));
            if there.and_then(|rest| rest.first_chunk()).is_none_or(|four| gram_of(*four) != other_gram) {
                continue;
            }
            let Some(start) = at.checked_sub(offset as usize) else { continue };
            let record = v.at(H_ATOMS_AT) + atom as usize * ATOM_WORDS;
            let wanted = v.text(record + A_TEXT);
            let part = self.text.get(start..start + wanted.len());
            if part.is_some_and(|part| part.eq_ignore_ascii_case(wanted)) {
                found(atom, v.slice(v.at(record + A_RULES_AT), v.at(record + A_COUNT)));
            }
        }
    }
}
