//! Finds which atoms occur in a text.
//!
//! Every few bytes (at every byte, where atoms are short), four bytes with letters folded are looked up in a bit filter
//! and, where that says perhaps, in a table of grams whose atoms are then compared. Memory is linear in the atoms and there
//! is nothing to build at run time; an Aho-Corasick automaton of the same atoms waits for one look-up before it can do the
//! next, and its tables grow out of the caches.

use super::compiler::hash::{gram as gram_of, gram_hash, gram_slot};
use super::compiler::layout::*;
use super::view::View;

/// Calls `found` with every atom of the table in `text` (repeatedly, where it is there several times) and the rules that it
/// wakes.
#[inline]
pub(crate) fn scan<const STRIDE: usize>(
    v: View<'_>,
    table: usize,
    text: &[u8],
    found: &mut impl FnMut(u32, &[u32]),
) {
    if table == 0 {
        return;
    }
    let bits = v.at(table + GRAMS_FILTER_BITS);
    let filter = v.slice(v.at(table + GRAMS_FILTER_AT), 1 << bits.saturating_sub(5).min(GRAMS_MOST_BITS));
    // Of a known length: no look-up needs a check.
    macro_rules! of_length {
        ($($bits:literal)*) => {
            $(if let Ok(filter) = <&[u32; 1 << ($bits - 5)]>::try_from(filter) {
                return probe::<STRIDE, _>(v, table, filter, text, found);
            })*
        };
    }
    of_length!(17 16 18 19 20);
}

#[inline]
fn probe<const STRIDE: usize, const WORDS: usize>(
    v: View<'_>,
    table: usize,
    filter: &[u32; WORDS],
    text: &[u8],
    found: &mut impl FnMut(u32, &[u32]),
) {
    // The grams of eight bytes.
    let at_once = 4 / STRIDE + 1;
    let shift = 27 - WORDS.trailing_zeros();
    let perhaps = |gram: u32| {
        let bit = gram_hash(gram) >> shift;
        filter[(bit >> 5) as usize % WORDS] >> (bit & 31) & 1
    };
    let mut at = 0;
    while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let eight = u64::from_le_bytes(*eight) | 0x2020_2020_2020_2020;
        // One branch for all: hardly any is there.
        let any = (0..at_once).fold(0, |any, nth| any | perhaps((eight >> (8 * STRIDE * nth)) as u32));
        if any != 0 {
            for place in (0..at_once).map(|nth| STRIDE * nth) {
                let gram = (eight >> (8 * place)) as u32;
                if perhaps(gram) != 0 {
                    candidates(v, table, text, at + place, gram, found);
                }
            }
        }
        at += STRIDE * at_once;
    }
    while let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let gram = gram_of(*four);
        if perhaps(gram) != 0 {
            candidates(v, table, text, at, gram, found);
        }
        at += STRIDE;
    }
}

#[cold]
fn candidates(
    v: View<'_>,
    table: usize,
    text: &[u8],
    at: usize,
    gram: u32,
    found: &mut impl FnMut(u32, &[u32]),
) {
    let mask = v.word(table + GRAMS_MASK);
    let slots = v.at(table + GRAMS_SLOTS_AT);
    let mut slot = gram_slot(gram_hash(gram), mask);
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
