//! Finds which atoms occur in a text.
//!
//! The text is probed every few bytes: four bytes, letters folded, are looked up in a bit filter and, where that says
//! perhaps, in a table of grams whose atoms are then compared. Atoms of six bytes and more need a probe at every
//! third byte only. Memory is linear in the atoms and there is nothing to build at run time; an Aho-Corasick automaton
//! of the same atoms has to look at every byte, and its tables grow out of the caches.

use super::compiler::hash::{gram as gram_of, gram_hash};
use super::compiler::layout::*;
use super::view::View;

/// Calls `found` with every atom in `text` (repeatedly, where it is there several times) and the rules that it wakes.
#[inline]
pub(crate) fn scan(v: View<'_>, text: &[u8], found: &mut impl FnMut(u32, &[u32])) {
    for table in [v.at(H_LONG_AT), v.at(H_SHORT_AT)] {
        if table != 0 {
            grams(v, table, text, found);
        }
    }
}

#[inline]
fn grams(v: View<'_>, table: usize, text: &[u8], found: &mut impl FnMut(u32, &[u32])) {
    let stride = v.at(table + GRAMS_STRIDE).max(1);
    let bits = v.word(table + GRAMS_FILTER_BITS).clamp(5, 31);
    let filter = v.slice(v.at(table + GRAMS_FILTER_AT), 1 << (bits - 5));
    let shift = 32 - bits;
    let mut at = 0;
    while let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let gram = gram_of(*four);
        let hash = gram_hash(gram);
        let bit = hash >> shift;
        if filter.get((bit >> 5) as usize).is_some_and(|w| w >> (bit & 31) & 1 != 0) {
            candidates(v, table, text, at, gram, hash, found);
        }
        at += stride;
    }
}

#[cold]
fn candidates(
    v: View<'_>,
    table: usize,
    text: &[u8],
    at: usize,
    gram: u32,
    hash: u32,
    found: &mut impl FnMut(u32, &[u32]),
) {
    let mask = v.at(table + GRAMS_MASK);
    let slots = v.at(table + GRAMS_SLOTS_AT);
    let mut slot = hash as usize & mask;
    loop {
        let entry = slots + slot * 3;
        let count = v.at(entry + 1);
        if count == 0 {
            return;
        }
        if v.word(entry) == gram {
            for place in v.slice(v.at(entry + 2), count * PLACE_WORDS).chunks_exact(PLACE_WORDS) {
                let Some(start) = at.checked_sub(place[1] as usize) else { continue };
                // The other gram tells most of them apart.
                let other = text.get(start + place[2] as usize..).and_then(|rest| rest.first_chunk::<4>());
                if other.is_none_or(|four| gram_of(*four) != place[3]) {
                    continue;
                }
                let atom = v.at(H_ATOMS_AT) + place[0] as usize * ATOM_WORDS;
                let wanted = v.text(atom + A_TEXT);
                let part = text.get(start..start + wanted.len());
                if part.is_some_and(|part| part.eq_ignore_ascii_case(wanted)) {
                    found(place[0], v.slice(v.at(atom + A_RULES_AT), v.at(atom + A_COUNT)));
                }
            }
            return;
        }
        slot = (slot + 1) & mask;
    }
}
