//! For each program the rules that it wakes: each with what is left of its condition for that program and with what it
//! needs, and before them all what at least one of them needs.

use super::Rule;
use super::narrow::{Known, Left, narrow};
use super::need::{self, Atoms, encode, needs};
use super::tables::{Programs, Writer};

/// Writes the rules of every program and puts their place into its entry.
pub(super) fn write(
    programs: &mut Programs,
    rules: &[Rule<'_>],
    strings: &[u8],
    sets: &[u32],
    sets_at: u32,
    atoms: &mut Atoms,
    w: &mut Writer,
) {
    for ((name, prefix), entry) in programs.iter_mut() {
        let known = Known { name: name.as_bytes(), prefix: *prefix };
        let mut words = vec![0];
        let mut all = Vec::with_capacity(entry.rules.len());
        for &rule in &entry.rules {
            let Some(code) = rules.get(rule as usize).map(|r| r.lowered.code.as_slice()) else { continue };
            let code = match narrow(code, strings, known) {
                Left::Fails => continue,
                Left::Holds => Vec::new(),
                Left::Code(code) => code,
            };
            let clauses = needs(&code, strings, sets, atoms);
            words.extend([rule, w.code(&code, sets_at), w.clauses(&clauses)]);
            all.push(clauses);
        }
        entry.count = all.len() as u32;
        if let Some(gate) = need::gate(all.iter().map(Vec::as_slice)) {
            words[0] = w.list(&encode(&[gate]));
        }
        entry.at = w.list(&words);
    }
}
