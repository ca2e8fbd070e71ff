//! For each program the rules that it wakes: each with what is left of its condition for that program, with alternatives told
//! apart, and with what that needs. What is there picks the rules that are worth asking, all at once: a bit of a feature leads
//! to a mask of rules, and so does a token.

use super::Rule;
use super::alternatives::{Alternative, Splitter};
use super::clause::{Atoms, Clause};
use super::features::{HEAD_PLACES, Sign, TOKEN_KIND, sign, token_hash};
use super::layout::{GROUP, TOKEN_SLOT_WORDS};
use super::narrow::{Known, Left, narrow};
use super::tables::{Programs, Writer};
use std::collections::BTreeMap;

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
    let mut splitter = Splitter::new(strings, sets, atoms);
    for ((name, prefix), entry) in programs.iter_mut() {
        let known = Known { name: name.as_bytes(), prefix: *prefix };
        let mut words = Vec::new();
        let mut conditions = Vec::new();
        for &rule in &entry.rules {
            let Some(whole) = rules.get(rule as usize) else { continue };
            let code = match narrow(&whole.lowered.code, strings, known) {
                Left::Fails => continue,
                Left::Holds => Vec::new(),
                Left::Code(code) => code,
            };
            conditions.push((rule, splitter.alternatives(code)));
        }
        entry.count = 0;
        entry.atoms.clear();
        let all: Vec<(u32, &Alternative)> =
            conditions.iter().flat_map(|(rule, all)| all.iter().map(|one| (*rule, one))).collect();
        for group in all.chunks(GROUP) {
            entry.count += 1;
            words.extend(gates(group.iter().map(|(_, one)| one.clauses.first()), w));
            for (rule, Alternative { code, clauses }) in group {
                entry.atoms.extend(clauses.iter().flat_map(|clause| &clause.atoms));
                words.extend([*rule, w.code(code, sets_at), w.clauses(clauses.get(1..).unwrap_or(&[]))]);
            }
        }
        splitter.atoms.needed.extend(&entry.atoms);
        entry.at = if words.is_empty() { 0 } else { w.list(&words) };
    }
}

/// The head of a group: which bit and which token lets which rules pass, by the first clause of each.
fn gates<'a>(firsts: impl ExactSizeIterator<Item = Option<&'a Clause>>, w: &mut Writer) -> Vec<u32> {
    let count = firsts.len() as u32;
    let mut free = 0u64;
    // By feature, then by bit.
    let mut masks: BTreeMap<usize, BTreeMap<u32, u64>> = BTreeMap::new();
    let mut tokens: BTreeMap<u32, u64> = BTreeMap::new();
    for (place, clause) in firsts.enumerate() {
        let rule = 1u64 << place;
        let Some(clause) = clause else {
            free |= rule;
            continue;
        };
        for (feature, bits) in clause.gates() {
            let by_bit = masks.entry(feature).or_default();
            for bit in (0..64).filter(|bit| bits >> bit & 1 != 0) {
                *by_bit.entry(bit).or_default() |= rule;
            }
        }
        for token in clause.tokens() {
            *tokens.entry(token).or_default() |= rule;
        }
    }
    let tokens_at = token_table(&tokens, w);
    let mut words = vec![count, free as u32, (free >> 32) as u32, masks.len() as u32, tokens_at];
    for (feature, by_bit) in masks {
        let bits = by_bit.keys().fold(0u64, |all, bit| all | 1 << bit);
        let table: Vec<u32> = by_bit.values().flat_map(|m| [*m as u32, (*m >> 32) as u32]).collect();
        words.extend([feature as u32, bits as u32, (bits >> 32) as u32, w.list(&table)]);
    }
    words
}

/// Tokens and the rules that they let pass: a filter that tells nearly all other tokens off, then a table.
fn token_table(tokens: &BTreeMap<u32, u64>, w: &mut Writer) -> u32 {
    if tokens.is_empty() {
        return 0;
    }
    let filter_bits = (tokens.len() * 8).next_power_of_two().trailing_zeros().clamp(7, 24);
    let slot_bits = filter_bits - 2;
    let kinds = tokens.keys().fold(0, |all, token| all | 1u32 << (token >> TOKEN_KIND));
    let (mut lasts, mut programs) = (0u64, 0u64);
    let mut heads = [0u32; HEAD_PLACES];
    for token in tokens.keys() {
        match sign(*token) {
            Sign::Heads(first, last) => {
                (first..=last).for_each(|place| heads[place >> 5] |= 1 << (place & 31));
            }
            Sign::Last(bits) => lasts |= bits,
            Sign::Program(bit) => programs |= bit,
            Sign::None => {}
        }
    }
    let mut filter = vec![0u32; 1 << (filter_bits - 5)];
    let mut slots = vec![0u32; TOKEN_SLOT_WORDS << slot_bits];
    for (&token, &rules) in tokens {
        let hash = token_hash(token);
        let bit = hash >> (32 - filter_bits);
        filter[(bit >> 5) as usize] |= 1 << (bit & 31);
        let mut slot = (hash >> (32 - slot_bits)) as usize;
        while slots[slot * TOKEN_SLOT_WORDS] != 0 {
            slot = (slot + 1) & ((1 << slot_bits) - 1);
        }
        let entry = [token, rules as u32, (rules >> 32) as u32];
        slots[slot * TOKEN_SLOT_WORDS..(slot + 1) * TOKEN_SLOT_WORDS].copy_from_slice(&entry);
    }
    let masks = [lasts, programs].map(|mask| [mask as u32, (mask >> 32) as u32]);
    w.list(&[&[kinds, filter_bits], masks.as_flattened(), &heads, &filter, &slots].concat())
}
