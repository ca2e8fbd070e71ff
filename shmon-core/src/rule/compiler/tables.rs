//! The tables of the compiled form: programs, grams of free-text atoms, rule records.

use super::clause::{Atoms, Clause, encode};
use super::hash::{PREFIX_SLOTS, head, letter_bit, name_hash, prefix_slot};
use super::layout::*;
use super::lower::Pool;
use super::schema::{ProgramSpec, Style};
use super::{concern, grams};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a program's name leads to.
#[derive(Debug, Clone, Default)]
pub(super) struct ProgramEntry {
    pub(super) rules: Vec<u32>,
    /// In how many groups those are that can hold for this program.
    pub(super) count: u32,
    /// Where the groups are: see [`G_WORDS`].
    pub(super) at: u32,
    pub(super) excluded: bool,
    /// The atoms that its rules need.
    pub(super) atoms: BTreeSet<u32>,
    /// The class of programs with such atoms.
    pub(super) class: u32,
    pub(super) spec: u32,
    pub(super) secrets: Vec<u32>,
}

/// Program names (with `true`: every longer name too) and what they lead to.
pub(super) type Programs = BTreeMap<(String, bool), ProgramEntry>;

/// Makes every name hold what shorter prefixes say, so that one look-up is enough.
pub(super) fn inherit(programs: &mut Programs) {
    let prefixes: HashMap<String, ProgramEntry> =
        programs.iter().filter(|((_, p), _)| *p).map(|((n, _), e)| (n.clone(), e.clone())).collect();
    for ((name, is_prefix), entry) in programs.iter_mut() {
        let stems = (0..=name.len()).filter(|&end| name.is_char_boundary(end));
        let shorter = stems.filter(|&end| !(*is_prefix && end == name.len()));
        for from in shorter.filter_map(|end| prefixes.get(&name[..end])) {
            entry.rules.extend_from_slice(&from.rules);
            entry.secrets.extend_from_slice(&from.secrets);
            entry.excluded |= from.excluded;
            if entry.spec == 0 {
                entry.spec = from.spec;
            }
        }
        entry.rules.sort_unstable();
        entry.rules.dedup();
    }
}

/// Writes count and values, and gives their place; the same list is stored once.
pub(super) struct Writer {
    pub(super) words: Vec<u32>,
    lists: HashMap<Vec<u32>, u32>,
}

impl Writer {
    pub(super) fn new() -> Self {
        Writer { words: vec![0; HEADER_WORDS], lists: HashMap::new() }
    }

    pub(super) fn append(&mut self, words: &[u32]) -> u32 {
        let at = self.words.len() as u32;
        self.words.extend_from_slice(words);
        at
    }

    /// A list without its count.
    pub(super) fn list(&mut self, words: &[u32]) -> u32 {
        if let Some(&at) = self.lists.get(words) {
            return at;
        }
        let at = self.append(words);
        self.lists.insert(words.to_vec(), at);
        at
    }

    /// A list after its count.
    pub(super) fn counted(&mut self, count: usize, words: &[u32]) -> u32 {
        let mut all = vec![count as u32];
        all.extend_from_slice(words);
        self.list(&all)
    }

    pub(super) fn strings<S: AsRef<str>>(&mut self, all: &[S], pool: &mut Pool) -> u32 {
        let words: Vec<u32> = all.iter().flat_map(|s| pool.add(s.as_ref().as_bytes())).collect();
        self.counted(all.len(), &words)
    }

    pub(super) fn spec(&mut self, spec: &ProgramSpec, pool: &mut Pool) -> Result<u32, String> {
        let mut mask = 0u64;
        let mut longs = Vec::new();
        for option in &spec.values {
            match option.as_bytes() {
                [b'-', b] if *b != b'-' => match letter_bit(*b) {
                    Some(bit) => mask |= 1 << bit,
                    None => return Err(format!("'{option}': the letter of an option is a letter or digit")),
                },
                [b'-', _, ..] => longs.push(option.as_str()),
                _ => return Err(format!("'{option}': an option begins with `-`")),
            }
        }
        let style = match spec.style {
            Style::Gnu => 0,
            Style::Posix => 1,
            Style::Long => 2,
            Style::Bundled => 3,
        };
        let mut words = vec![style, mask as u32, (mask >> 32) as u32, longs.len() as u32];
        words.extend(longs.iter().flat_map(|l| pool.add(l.as_bytes())));
        Ok(self.list(&words))
    }

    pub(super) fn program_table(&mut self, programs: &Programs, pool: &mut Pool) {
        let slots = (programs.len() * 2).max(2).next_power_of_two();
        let mut table = vec![0u32; slots * SLOT_WORDS];
        let mut lengths = vec![0u32; PREFIX_SLOTS];
        for ((name, prefix), entry) in programs {
            let bytes = name.as_bytes();
            let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { continue };
            if *prefix {
                let bit = 1 << (bytes.len() as u32).min(31);
                match bytes.get(1) {
                    Some(&second) => lengths[prefix_slot(first, second)] |= bit,
                    None => (0..=u8::MAX).for_each(|second| lengths[prefix_slot(first, second)] |= bit),
                }
            }
            let low = head(bytes);
            let mut slot = name_hash(low, bytes.len(), last) as usize & (slots - 1);
            while table[slot * SLOT_WORDS + S_LEN] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            let [at, len] = pool.add(bytes);
            let secrets_at = if entry.secrets.is_empty() {
                0
            } else {
                let mut all = entry.secrets.clone();
                all.sort_unstable();
                all.dedup();
                self.counted(all.len(), &all)
            };
            let record = &mut table[slot * SLOT_WORDS..(slot + 1) * SLOT_WORDS];
            record[S_LOW] = low as u32;
            record[S_HIGH] = (low >> 32) as u32;
            record[S_LEN] = len | if *prefix { S_PREFIX } else { 0 };
            record[S_NAME] = at;
            record[S_COUNT] = entry.count
                | if entry.excluded { S_EXCLUDED } else { 0 }
                | if entry.atoms.is_empty() { 0 } else { S_ATOMS }
                | entry.class << S_CLASS;
            record[S_RULES_AT] = entry.at;
            record[S_SPEC] = entry.spec;
            record[S_SECRETS_AT] = secrets_at;
        }
        self.words[H_PROGRAM_MASK] = slots as u32 - 1;
        self.words[H_PROGRAM_AT] = self.append(&table);
        self.words[H_PREFIX_AT] = if lengths.iter().any(|&l| l != 0) { self.append(&lengths) } else { 0 };
    }

    /// The atoms in order of number, and the tables of grams that find them.
    pub(super) fn atoms(&mut self, atoms: &Atoms, programs: &Programs, pool: &mut Pool) {
        let all = atoms.list();
        let concerns = concern::concerns(atoms, programs);
        let mut records = Vec::with_capacity(all.len() * ATOM_WORDS);
        for (text, rules) in &all {
            let [at, len] = pool.add(text);
            let rules_at = self.list(rules);
            records.extend([at, len, rules.len() as u32, rules_at]);
        }
        self.words[H_ATOMS_AT] = self.append(&records);
        let of = |wanted: &dyn Fn(&[u8], &[u32]) -> bool| -> Vec<(u32, &[u8])> {
            let numbered = (0..).zip(&all).filter(|(_, (text, rules))| wanted(text, rules));
            numbered.map(|(number, (text, _))| (number, *text)).filter(|(n, _)| atoms.is_asked(*n)).collect()
        };
        let is_long = |text: &[u8]| text.len() >= LONG_STRIDE + 3;
        let waking = |long: bool| of(&|text, rules| !rules.is_empty() && is_long(text) == long);
        self.words[H_WAKING_AT] = grams::write(&waking(true), LONG_STRIDE, &concerns, self, pool);
        self.words[H_SHORT_AT] = grams::write(&waking(false), 1, &concerns, self, pool);
        self.words[H_ALL_AT] = grams::write(&of(&|_, _| true), 1, &concerns, self, pool);
    }

    /// Puts bytecode into the blob; set nodes get the place of the sets.
    pub(super) fn code(&mut self, code: &[u32], sets_at: u32) -> u32 {
        if code.is_empty() {
            return 0;
        }
        let mut code = code.to_vec();
        relocate(&mut code, sets_at);
        self.list(&code)
    }

    /// What a condition needs; 0 where it needs nothing.
    pub(super) fn clauses(&mut self, clauses: &[Clause]) -> u32 {
        if clauses.is_empty() { 0 } else { self.list(&encode(clauses)) }
    }
}

/// Adds the place of the sets to every set node.
pub(super) fn relocate(code: &mut [u32], sets_at: u32) {
    let mut at = 0;
    while at < code.len() {
        let (kind, length) = (code[at] & 0xFF, (code[at] >> 8) as usize);
        at += match kind & !op::NOCASE {
            op::SET => {
                code[at + 1] += sets_at;
                length
            }
            // Nodes with children: on to the first child, after what they hold themselves.
            op::ALL
            | op::ANY
            | op::NONE
            | op::PATH
            | op::ARG
            | op::BODY
            | op::TEXT
            | op::USER
            | op::ALSO
            | op::THEN => 1,
            op::PIPE => 2,
            op::OPERAND => 4,
            op::REDIRECT => 3,
            op::ASSIGN => 2,
            op::OPTION => 1 + SPELLING_WORDS + 3 * code[at + SPELLING_WORDS] as usize,
            _ => length,
        };
    }
}
