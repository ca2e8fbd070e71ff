//! The tables that lead from four bytes of a text to the atoms that may be there.

use super::clause::commonness;
use super::common::is_common;
use super::hash::{gram, gram_slot, gram_tag};
use super::layout::{GRAMS_LEAST_BITS, GRAMS_MOST_BITS, GRAMS_SEED, PLACE_WORDS};
use super::lower::Pool;
use super::tables::Writer;
use std::collections::BTreeMap;

/// So many atoms are entered until a hash is found that leaves none out of a table of the least size,
const WORK: usize = 400_000;
/// with no more hashes than these,
const MOST_TRIES: u32 = 512;
/// and so many hashes are tried for one of twice the size,
const TRIES: u32 = 32;
/// where there are no more atoms than these.
const FEW: usize = 4096;

/// Writes the tables of `atoms`, texts with their numbers, for a probe at every `stride`th byte; 0 where there are none.
pub(super) fn write(
    atoms: &[(u32, &[u8])],
    stride: usize,
    concerns: &[u32],
    w: &mut Writer,
    pool: &mut Pool,
) -> u32 {
    let mut atoms: Vec<Atom<'_>> = atoms.iter().map(|&(number, text)| Atom::new(number, text)).collect();
    // Those that have the least choice are the first to choose.
    atoms.sort_by_key(|atom| atom.text.len());
    let mut left: Vec<&Atom<'_>> = atoms.iter().collect();
    let mut tables = Vec::new();
    while !left.is_empty() {
        let table = best(&left, stride);
        left.clone_from(&table.left);
        tables.push(table);
    }
    // The next ones are written first, so that their places are less.
    tables.iter().rev().fold(0, |next, table| table.write(concerns, next, w, pool))
}

/// An atom with its grams, and how common these are.
struct Atom<'a> {
    number: u32,
    text: &'a [u8],
    grams: Vec<u32>,
    costs: Vec<u32>,
}

impl<'a> Atom<'a> {
    fn new(number: u32, text: &'a [u8]) -> Self {
        let fours = text.windows(4);
        let grams = fours.clone().map(|four| gram([four[0], four[1], four[2], four[3]])).collect();
        let cost = |four: &[u8]| {
            four.iter().map(|&b| commonness(b)).sum::<u32>() + if is_common(four) { 4000 } else { 0 }
        };
        Atom { number, text, grams, costs: fours.map(cost).collect() }
    }
}

/// Grams, each in a slot of its own, with the atoms that have them and where.
struct Table<'a> {
    bits: u32,
    factor: u32,
    /// The gram of each slot.
    slots: Vec<Option<u32>>,
    grams: BTreeMap<u32, Vec<(&'a Atom<'a>, usize)>>,
    /// Atoms that had no free slots.
    left: Vec<&'a Atom<'a>>,
}

/// The table that leaves the fewest atoms out.
fn best<'a>(atoms: &[&'a Atom<'a>], stride: usize) -> Table<'a> {
    let bits = (atoms.len() * stride * 2).next_power_of_two().trailing_zeros();
    let bits = bits.clamp(GRAMS_LEAST_BITS, GRAMS_MOST_BITS - 1);
    let (first, second) =
        if atoms.len() <= FEW { ((WORK / atoms.len().max(1)) as u32, TRIES) } else { (1, 1) };
    let mut best = Table { left: atoms.to_vec(), ..Table::new(bits, GRAMS_SEED) };
    let others =
        (0..first.min(MOST_TRIES)).map(|nth| (bits, nth)).chain((0..second).map(|nth| (bits + 1, nth)));
    for (bits, nth) in others {
        if best.left.is_empty() {
            break;
        }
        // Some factor gives the grams of an atom slots of their own, so that never all are left out: no two grams are near each
        // other under all powers, as they can be under all small multiples.
        if let Some(better) =
            Table::of(atoms, stride, bits, GRAMS_SEED.wrapping_pow(nth + 1), best.left.len())
        {
            best = better;
        }
    }
    best
}

impl<'a> Table<'a> {
    fn new(bits: u32, factor: u32) -> Self {
        Table { bits, factor, slots: vec![None; 1 << bits], grams: BTreeMap::new(), left: Vec::new() }
    }

    /// The table that leaves fewer than `most` out; none where so many are left out.
    fn of(atoms: &[&'a Atom<'a>], stride: usize, bits: u32, factor: u32, most: usize) -> Option<Self> {
        let mut table = Table::new(bits, factor);
        for atom in atoms {
            table.take(atom, stride);
            if table.left.len() >= most {
                return None;
            }
        }
        Some(table)
    }

    /// Enters an atom, where the slots are free.
    ///
    /// An atom of at least `stride + 3` bytes covers a whole gram at one of the probed places, whatever its offset is; so it
    /// is entered with `stride` grams that follow one another: with those that are rarest in commands.
    fn take(&mut self, atom: &'a Atom<'a>, stride: usize) {
        let grams = atom.grams.as_slice();
        let cost = |at: usize| atom.costs[at] + 20 * self.grams.get(&grams[at]).map_or(0, Vec::len) as u32;
        let best = (0..(grams.len() + 1).saturating_sub(stride))
            .filter(|&first| self.is_free(&grams[first..first + stride]))
            .min_by_key(|&first| (first..first + stride).map(cost).sum::<u32>());
        let Some(first) = best else { return self.left.push(atom) };
        for (at, &gram) in grams.iter().enumerate().skip(first).take(stride) {
            let slot = self.slot(gram);
            self.slots[slot] = Some(gram);
            self.grams.entry(gram).or_default().push((atom, at));
        }
    }

    fn slot(&self, gram: u32) -> usize {
        gram_slot(gram.wrapping_mul(self.factor), self.bits)
    }

    fn is_free(&self, grams: &[u32]) -> bool {
        grams.iter().all(|&gram| {
            let slot = self.slot(gram);
            self.slots[slot].is_none_or(|there| there == gram)
                && grams.iter().all(|&other| other == gram || self.slot(other) != slot)
        })
    }

    /// Writes the table before the `next` one, and gives its place.
    fn write(&self, concerns: &[u32], next: u32, w: &mut Writer, pool: &mut Pool) -> u32 {
        let mut tags = vec![[0u8; 2]; 1 << self.bits];
        let mut records = vec![0u32; 1 << self.bits];
        for (gram, places) in &self.grams {
            let places: Vec<[u32; PLACE_WORDS]> =
                places.iter().map(|(atom, at)| place(atom.number, concerns, atom.text, *at)).collect();
            let whom = places.iter().fold(0, |all, place| all | place[1]);
            let record = [&[*gram, whom, places.len() as u32], places.as_flattened()].concat();
            tags[self.slot(*gram)] = gram_tag(gram.wrapping_mul(self.factor));
            records[self.slot(*gram)] = w.list(&record);
        }
        let tags_at = pool.bytes.len() as u32;
        pool.bytes.extend(tags.as_flattened());
        let records_at = w.append(&records);
        w.append(&[self.bits, tags_at, self.factor, records_at, next])
    }
}

/// Where a gram stands in an atom, with another gram of the atom, at most four bytes before or after it.
fn place(number: u32, concerns: &[u32], atom: &[u8], offset: usize) -> [u32; PLACE_WORDS] {
    let end = atom.len() - 4;
    let other = if offset < end { end.min(offset + 4) } else { offset.saturating_sub(4) };
    let four = [atom[other], atom[other + 1], atom[other + 2], atom[other + 3]];
    [number, concerns[number as usize], offset as u32, (other + 4 - offset) as u32, gram(four)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::compiler::layout::{ATOM_WORDS, GRAMS_NEXT, H_ATOMS_AT};
    use crate::rule::scan::scan;
    use crate::rule::view::View;

    /// The tables of all texts, of which each concerns bit 0; and where the first is.
    fn tables(texts: &[String], stride: usize) -> (Vec<u32>, Vec<u8>, usize) {
        let (mut w, mut pool) = (Writer::new(), Pool::default());
        let atoms: Vec<(u32, &[u8])> = (0..).zip(texts.iter().map(String::as_bytes)).collect();
        let records: Vec<[u32; ATOM_WORDS]> = texts
            .iter()
            .map(|text| {
                let [at, length] = pool.add(text.as_bytes());
                [at, length, 0, 0]
            })
            .collect();
        w.words[H_ATOMS_AT] = w.append(records.as_flattened());
        let table = write(&atoms, stride, &vec![1; texts.len()], &mut w, &mut pool);
        (w.words, pool.bytes, table as usize)
    }

    fn found<const STRIDE: usize>(view: View<'_>, table: usize, text: &str, whom: u32) -> Vec<u32> {
        let mut all = Vec::new();
        scan::<STRIDE>(&view, table, text.as_bytes(), whom, &mut |atom, _| all.push(atom));
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn every_atom_is_found_wherever_it_stands() {
        let texts: Vec<String> = (0..300).map(|n| format!("{:06x}-{n}", n * 7919)).collect();
        assert!(texts.iter().all(|text| text.len() >= 6));
        let (words, bytes, table) = tables(&texts, 3);
        let (words_1, bytes_1, table_1) = tables(&texts, 1);
        let view = View { words: &words, bytes: &bytes };
        let view_1 = View { words: &words_1, bytes: &bytes_1 };
        for (number, atom) in texts.iter().enumerate().step_by(7) {
            for before in 0..40 {
                for after in 0..6 {
                    let text = format!("{}{}{}", "=".repeat(before), atom.to_uppercase(), "=".repeat(after));
                    assert!(found::<3>(view, table, &text, 1).contains(&(number as u32)), "{text}");
                    assert!(found::<1>(view_1, table_1, &text, 1).contains(&(number as u32)), "{text}");
                    assert!(found::<1>(view_1, table_1, &text, 2).is_empty(), "whom it doesn't concern");
                }
            }
        }
    }

    #[test]
    fn grams_that_fall_together_under_a_factor_do_not_under_all() {
        // The hashes of its first two grams differ by 22 with the first factor, with small multiples of it by 1,400 at most.
        let texts = ["lveo/x".to_owned()];
        let (words, bytes, table) = tables(&texts, 3);
        assert_eq!(found::<3>(View { words: &words, bytes: &bytes }, table, "=lveo/x=", 1), [0]);
    }

    #[test]
    fn atoms_without_a_free_slot_are_in_another_table() {
        // So many of four bytes, which have no choice, that some want the same slot.
        let texts: Vec<String> = (0..6000).map(|n| format!("{n:04}")).collect();
        let (words, bytes, table) = tables(&texts, 1);
        assert_ne!(words[table + GRAMS_NEXT], 0, "some were left out");
        let view = View { words: &words, bytes: &bytes };
        for (number, text) in texts.iter().enumerate() {
            assert_eq!(found::<1>(view, table, text, 1), [number as u32]);
        }
    }
}
