//! Regular expressions of built-in rules as tables, so that nothing is compiled when a rule asks.
//!
//! A table is: 256 bytes that give the class of each byte, the number of columns (two bytes, little endian: the classes and
//! one for the end of the text), the start state, then a row for each state. A cell is two bytes, little endian: the place
//! of the next state's row in the rows, [`DEAD`](crate::compiler::layout::DFA_DEAD) or
//! [`MATCH`](crate::compiler::layout::DFA_MATCH).

use crate::compiler::layout::{DFA_DEAD, DFA_MATCH};
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, nfa::thompson};
use std::collections::{BTreeMap, HashMap};

/// The table of a pattern that finds something anywhere in a text.
pub(crate) fn table(pattern: &str) -> Result<Vec<u8>, String> {
    let dfa = dense::Builder::new()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .thompson(thompson::Config::new().utf8(false).shrink(true))
        .configure(
            dense::Config::new()
                .minimize(true)
                .start_kind(regex_automata::dfa::StartKind::Unanchored)
                .dfa_size_limit(Some(8 << 20))
                .determinize_size_limit(Some(32 << 20)),
        )
        .build(pattern)
        .map_err(|e| e.to_string())?;
    let start = dfa.start_state(&start::Config::new().anchored(Anchored::No)).map_err(|e| e.to_string())?;
    // A match state is reached one byte late; nothing after it matters.
    let end = |id: StateID| dfa.is_match_state(id) || dfa.is_dead_state(id);
    let mut numbers = HashMap::from([(start, 0)]);
    let mut states = vec![start];
    let mut rows: Vec<Vec<StateID>> = Vec::new();
    let mut next = 0;
    while let Some(&state) = states.get(next) {
        let mut row: Vec<StateID> = (0..=255).map(|b| dfa.next_state(state, b)).collect();
        row.push(dfa.next_eoi_state(state));
        for &to in &row[..256] {
            if !end(to) && !numbers.contains_key(&to) {
                numbers.insert(to, states.len());
                states.push(to);
            }
        }
        rows.push(row);
        next += 1;
    }
    // Bytes that lead to the same states from everywhere are one class.
    let mut columns: BTreeMap<Vec<usize>, u8> = BTreeMap::new();
    let mut classes = [0u8; 256];
    let mut representatives = Vec::new();
    for byte in 0..256 {
        let column: Vec<usize> = rows.iter().map(|row| row[byte].as_usize()).collect();
        let fresh = columns.len() as u8;
        classes[byte] = *columns.entry(column).or_insert_with(|| {
            representatives.push(byte);
            fresh
        });
    }
    let width = representatives.len() + 1;
    if states.len() * width * 2 > usize::from(u16::MAX) {
        return Err(format!(
            "has {} states of {width} classes: more than a table of 64 KiB holds",
            states.len()
        ));
    }
    let cell = |to: StateID| -> u16 {
        if dfa.is_match_state(to) {
            DFA_MATCH
        } else if dfa.is_dead_state(to) {
            DFA_DEAD
        } else {
            // Rows are of even length, from 2 on: no row has the number of an end.
            (numbers[&to] * width * 2 + 2) as u16
        }
    };
    let mut out = classes.to_vec();
    out.extend((width as u16).to_le_bytes());
    out.extend(cell(start).to_le_bytes());
    for row in &rows {
        for &byte in &representatives {
            out.extend(cell(row[byte]).to_le_bytes());
        }
        let last = if dfa.is_match_state(row[256]) { DFA_MATCH } else { DFA_DEAD };
        out.extend(last.to_le_bytes());
    }
    Ok(out)
}
