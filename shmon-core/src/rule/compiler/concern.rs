//! Whom an atom concerns: programs in a few classes, so that a bit for each tells most atoms off that no program of a command
//! asks for.

use super::clause::Atoms;
use super::layout::{CLASSES, WAKES, WOKEN};
use super::tables::Programs;
use std::collections::{BTreeMap, BTreeSet};

/// Of more sets of atoms than this, those that come later are not compared: work stays linear.
const MOST_SETS: usize = 512;

/// Gives every program a class: those that need the same atoms have the same, and others are put where they add least.
pub(super) fn classes(programs: &mut Programs) {
    let mut sets: BTreeMap<BTreeSet<u32>, u32> = BTreeMap::new();
    for entry in programs.values().filter(|entry| !entry.atoms.is_empty()) {
        sets.entry(entry.atoms.clone()).or_default();
    }
    let mut order: Vec<_> = sets.iter_mut().collect();
    order.sort_by_key(|(set, _)| std::cmp::Reverse(set.len()));
    let mut classes = vec![BTreeSet::new(); CLASSES as usize];
    for (place, (set, class)) in order.into_iter().enumerate() {
        // What the class would look for in vain: for this program, and for those that are in it.
        let waste = |all: &BTreeSet<u32>| {
            let shared = all.intersection(set).count();
            (all.len() - shared) + (set.len() - shared)
        };
        let best = || (0..CLASSES).min_by_key(|&class| waste(&classes[class as usize]));
        let best = if place < MOST_SETS { best() } else { None };
        *class = best.unwrap_or(place as u32 % CLASSES);
        classes[*class as usize].extend(set);
    }
    for entry in programs.values_mut() {
        entry.class = sets.get(&entry.atoms).copied().unwrap_or(0);
    }
}

/// For each atom whom it concerns, as bits.
pub(super) fn concerns(atoms: &Atoms, programs: &Programs) -> Vec<u32> {
    let wakes = atoms.rules.iter().map(|rules| if rules.is_empty() { 0 } else { WAKES });
    let mut all: Vec<u32> = wakes.collect();
    for &atom in &atoms.woken {
        all[atom as usize] |= WOKEN;
    }
    for entry in programs.values() {
        for &atom in &entry.atoms {
            all[atom as usize] |= 1 << entry.class;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::compiler::tables::ProgramEntry;

    #[test]
    fn an_atom_concerns_all_who_need_it_and_few_others() {
        let mut atoms = Atoms::default();
        for text in 0..200 {
            atoms.number(format!("atom{text}").as_bytes());
        }
        atoms.rules[7].push(0);
        atoms.woken.insert(8);
        // Programs in 20 families, of which each needs atoms of its own and one that all need.
        let mut programs = Programs::new();
        for program in 0..100u32 {
            let family = program % 20;
            let needed = (family * 9 + 10..family * 9 + 18).chain([9]).collect();
            programs
                .insert((format!("p{program}"), false), ProgramEntry { atoms: needed, ..Default::default() });
        }
        classes(&mut programs);
        let concerns = concerns(&atoms, &programs);
        assert_eq!((concerns[6], concerns[7], concerns[8]), (0, WAKES, WOKEN));
        assert_eq!(concerns[9].count_ones(), 20, "a class for each family");
        for entry in programs.values() {
            for (atom, concerns) in (10..).zip(&concerns[10..190]) {
                assert_eq!(concerns >> entry.class & 1 != 0, entry.atoms.contains(&atom), "{atom}");
            }
        }
    }
}
