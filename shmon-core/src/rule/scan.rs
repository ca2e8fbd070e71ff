//! Finds which atoms occur in a text.
//!
//! Every few bytes (at every byte, where atoms are short), four bytes with letters folded are looked up in a bit filter
//! and, where that says perhaps, in a table of grams whose atoms are then compared. Memory is linear in the atoms and there
//! is nothing to build at run time; an Aho-Corasick automaton of the same atoms waits for one look-up before it can do the
//! next, and its tables grow out of the caches.

use super::compiler::hash::{gram as gram_of, gram_bit, gram_hash, gram_slot};
use super::compiler::layout::*;
use super::view::View;

/// Calls `found` with every atom of the table in `text` that concerns one of `whom` (repeatedly, where it is there several
/// times) and the rules that it wakes.
#[inline]
pub(crate) fn scan<const STRIDE: usize>(
    v: View<'_>,
    table: usize,
    text: &[u8],
    whom: u32,
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
                return Probe { v, table, filter, text, whom }.run::<STRIDE>(found);
            })*
        };
    }
    of_length!(17 16 18 19 20);
}

struct Probe<'a, const WORDS: usize> {
    v: View<'a>,
    table: usize,
    filter: &'a [u32; WORDS],
    text: &'a [u8],
    whom: u32,
}

impl<const WORDS: usize> Probe<'_, WORDS> {
    /// In its lowest bit, whether the gram may be in the table.
    #[inline(always)]
    fn perhaps(&self, gram: u32) -> u32 {
        let (word, bit) = gram_bit(gram_hash(gram), WORDS.trailing_zeros() + 5);
        self.filter[word % WORDS] >> bit
    }

    #[inline]
    fn run<const STRIDE: usize>(&self, found: &mut impl FnMut(u32, &[u32])) {
        // The grams of eight bytes.
        let at_once = 4 / STRIDE + 1;
        let mut at = 0;
        while let Some(eight) = self.text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let eight = u64::from_le_bytes(*eight) | 0x2020_2020_2020_2020;
            // One branch for all: hardly any is there.
            let any =
                (0..at_once).fold(0, |any, nth| any | self.perhaps((eight >> (8 * STRIDE * nth)) as u32));
            if any & 1 != 0 {
                self.suspects::<STRIDE>(at, found);
            }
            at += STRIDE * at_once;
        }
        while at + 4 <= self.text.len() {
            self.suspect(at, found);
            at += STRIDE;
        }
    }

    /// Looks closer at the grams of the eight bytes at `at`.
    #[cold]
    #[inline(never)]
    fn suspects<const STRIDE: usize>(&self, at: usize, found: &mut impl FnMut(u32, &[u32])) {
        for nth in 0..4 / STRIDE + 1 {
            self.suspect(at + STRIDE * nth, found);
        }
    }

    #[inline]
    fn suspect(&self, at: usize, found: &mut impl FnMut(u32, &[u32])) {
        if let Some(four) = self.text.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
            let gram = gram_of(*four);
            if self.perhaps(gram) & 1 != 0 {
                candidates(self.v, self.table, self.text, at, gram, self.whom, found);
            }
        }
    }
}

#[cold]
fn candidates(
    v: View<'_>,
    table: usize,
    text: &[u8],
    at: usize,
    gram: u32,
    whom: u32,
    found: &mut impl FnMut(u32, &[u32]),
) {
    let mask = v.word(table + GRAMS_MASK);
    let slots = v.at(table + GRAMS_SLOTS_AT);
    let mut slot = gram_slot(gram_hash(gram), mask);
    loop {
        let Some(&[entry, concerns, count, places]) =
            v.slice(slots + slot * GRAM_WORDS, GRAM_WORDS).first_chunk::<GRAM_WORDS>()
        else {
            return;
        };
        if count == 0 {
            return;
        }
        if entry == gram {
            if concerns & whom == 0 {
                return;
            }
            let around = around(text, at);
            let places = v.slice(places as usize, count as usize * PLACE_WORDS);
            for &[atom, concerns, offset, other, other_gram] in places.as_chunks::<PLACE_WORDS>().0 {
                // The other gram tells most of them apart.
                let there = around.get(other as usize..).and_then(|rest| rest.first_chunk::<4>());
                if concerns & whom == 0 || there.is_none_or(|four| gram_of(*four) != other_gram) {
                    continue;
                }
                let Some(start) = at.checked_sub(offset as usize) else { continue };
                let record = v.at(H_ATOMS_AT) + atom as usize * ATOM_WORDS;
                let wanted = v.text(record + A_TEXT);
                let part = text.get(start..start + wanted.len());
                if part.is_some_and(|part| part.eq_ignore_ascii_case(wanted)) {
                    found(atom, v.slice(v.at(record + A_RULES_AT), v.at(record + A_COUNT)));
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
