//! Finds which atoms occur in a text.
//!
//! The text is probed every few bytes: four bytes, letters folded, are looked up in a bit filter and, where that says
//! perhaps, in a table of grams whose atoms are then compared. Atoms of six bytes and more need a probe at every
//! third byte only. Memory is linear in the atoms and there is nothing to build at run time; an Aho-Corasick automaton
//! of the same atoms has to look at every byte, and its tables grow out of the caches.

use super::compiler::hash::{gram as gram_of, gram_hash, gram_slot};
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
    let mut look = |at: usize, gram: u32| {
        let hash = gram_hash(gram);
        let bit = hash >> shift;
        if filter.get((bit >> 5) as usize).is_some_and(|w| w >> (bit & 31) & 1 != 0) {
            candidates(v, table, text, at, gram, hash, found);
        }
    };
    let mut at = 0;
    if stride == LONG_STRIDE {
        // Two grams of eight bytes.
        while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let eight = u64::from_le_bytes(*eight) | 0x2020_2020_2020_2020;
            look(at, eight as u32);
            look(at + LONG_STRIDE, (eight >> (8 * LONG_STRIDE)) as u32);
            at += 2 * LONG_STRIDE;
        }
    }
    while let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        look(at, gram_of(*four));
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
    let mask = v.word(table + GRAMS_MASK);
    let slots = v.at(table + GRAMS_SLOTS_AT);
    let mut slot = gram_slot(hash, mask);
    loop {
        let Some(&[entry, count, places]) = v.slice(slots + slot * 3, 3).first_chunk::<3>() else { return };
        if count == 0 {
            return;
        }
        if entry == gram {
            let around = around(text, at);
            for place in v.slice(places as usize, count as usize * PLACE_WORDS).chunks_exact(PLACE_WORDS) {
                // The other gram tells most of them apart.
                let there = around.get(place[2] as usize..).and_then(|rest| rest.first_chunk::<4>());
                if there.is_none_or(|four| gram_of(*four) != place[3]) {
                    continue;
                }
                let Some(start) = at.checked_sub(place[1] as usize) else { continue };
                let atom = v.at(H_ATOMS_AT) + place[0] as usize * ATOM_WORDS;
                let wanted = v.text(atom + A_TEXT);
                let part = text.get(start..start + wanted.len());
                if part.is_some_and(|part| part.eq_ignore_ascii_case(wanted)) {
                    found(place[0], v.slice(v.at(atom + A_RULES_AT), v.at(atom + A_COUNT)));
                }
            }
            return;
        }
        slot = (slot + 1) & mask as usize;
    }
}

/// The bytes from four before `at` to eight after it; zeros where there are none.
#[inline]
fn around(text: &[u8], at: usize) -> [u8; 12] {
    if let Some(whole) =
        at.checked_sub(4).and_then(|from| text.get(from..)).and_then(|t| t.first_chunk::<12>())
    {
        return *whole;
    }
    let mut bytes = [0; 12];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (at + place).checked_sub(4).and_then(|i| text.get(i)).copied().unwrap_or(0);
    }
    bytes
}
