//! What is there, as features: compared with what a rule needs before its condition is asked.

use super::compiler::features::*;
use super::compiler::hash::letter_bit;
use super::compiler::layout::*;
use super::eval::{Here, redirect_bit, takes_assignments};
use super::options::STYLE_BUNDLED;
use super::view::View;
use crate::shell::Analysis;

/// Of more invocations than this, what follows in the pipeline isn't looked for: work stays linear.
const MANY: usize = 64;

/// Of so few the names are not compared with each other.
const FEW: usize = 8;

/// The features of one invocation, and of the command around it; each kind is found out when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Present {
    bits: [u64; FEATURES],
    /// The invocation that this is about.
    index: Option<usize>,
    /// What is known of it, see `KNOWN_*`.
    known: u8,
    /// The atoms that were found, 64 to a word, and their numbers.
    atoms: Vec<u64>,
    found: Vec<u32>,
    /// Whether the command, and what was derived from it, is ASCII.
    ascii: Option<bool>,
    /// The tokens of the names of all programs; of more than [`MANY`] no more are told.
    programs: Vec<u32>,
}

const KNOWN_LETTERS: u8 = 1;
const KNOWN_WORDS: u8 = 2;
const KNOWN_AROUND: u8 = 4;
/// Of the whole command: its programs, and its bytes.
const KNOWN_PROGRAMS: u8 = 8;
const KNOWN_BYTES: u8 = 16;
const KNOWN_NAMES: u8 = 32;
/// What another invocation shares.
const SHARED: u8 = KNOWN_PROGRAMS | KNOWN_BYTES | KNOWN_NAMES;

const PROGRAM_KINDS: u32 = 1 << T_PROGRAM | 1 << T_PROGRAM_HEAD;

/// What kind a feature is of.
const KINDS: [u8; FEATURES] = {
    let mut kinds = [KNOWN_WORDS; FEATURES];
    kinds[F_LETTERS] = KNOWN_LETTERS;
    kinds[F_AROUND] = KNOWN_AROUND;
    kinds[F_PROGRAMS] = KNOWN_PROGRAMS;
    kinds[F_BYTES] = KNOWN_BYTES;
    kinds[F_BYTES_HIGH] = KNOWN_BYTES;
    kinds
};

impl Present {
    /// Forgets the invocation and the atoms: another layer knows others.
    #[inline]
    pub(crate) fn another_layer(&mut self) {
        self.index = None;
        for atom in self.found.drain(..) {
            self.atoms[atom as usize / 64] = 0;
        }
    }

    /// Notes that the text holds an atom.
    #[inline]
    pub(crate) fn found(&mut self, atom: u32) {
        let word = atom as usize / 64;
        if word >= self.atoms.len() {
            self.atoms.resize(word + 1, 0);
        }
        let bit = 1 << (atom % 64);
        if self.atoms[word] & bit == 0 {
            self.atoms[word] |= bit;
            self.found.push(atom);
        }
    }

    /// Forgets what it knew: another command comes.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.index = None;
        self.known = 0;
        self.ascii = None;
    }

    /// The rules of the group at `at` that are worth asking, as bits.
    #[inline]
    pub(crate) fn candidates(&mut self, v: View<'_>, at: usize, here: Here<'_>, analysis: &Analysis) -> u64 {
        self.about(here);
        let head = v.slice(at, G_WORDS);
        let &[_, free, free_high, gates, tokens] = head else { return 0 };
        let mut rules = u64::from(free) | u64::from(free_high) << 32;
        if tokens != 0 {
            rules |= self.tokens(v, tokens as usize, here, analysis);
        }
        for gate in v.slice(at + G_WORDS, gates as usize * GATE_WORDS).chunks_exact(GATE_WORDS) {
            let bits = u64::from(gate[GATE_BITS]) | u64::from(gate[GATE_BITS_HIGH]) << 32;
            let mut there = bits & self.feature(gate[GATE_FEATURE] as usize, v, here, analysis);
            while there != 0 {
                let below = bits & ((there & there.wrapping_neg()) - 1);
                let mask = gate[GATE_MASKS_AT] as usize + 2 * below.count_ones() as usize;
                rules |= u64::from(v.word(mask)) | u64::from(v.word(mask + 1)) << 32;
                there &= there - 1;
            }
        }
        rules
    }

    /// The rules that the arguments and the atoms let pass.
    #[inline]
    fn tokens(&mut self, v: View<'_>, table: usize, here: Here<'_>, analysis: &Analysis) -> u64 {
        let head = v.slice(table, K_WORDS);
        let Some(&[kinds, bits, firsts, firsts_high, lasts, lasts_high]) = head.first_chunk::<K_WORDS>()
        else {
            return 0;
        };
        let firsts = u64::from(firsts) | u64::from(firsts_high) << 32;
        let lasts = u64::from(lasts) | u64::from(lasts_high) << 32;
        if kinds >> T_PROGRAM & 1 != 0 && self.known & KNOWN_NAMES == 0 {
            self.known |= KNOWN_NAMES;
            self.read_names(analysis);
        }
        let shift = 32 - bits.clamp(5, 31);
        let words = 1 << (bits.clamp(5, 31) - 5);
        let filter = v.slice(table + K_WORDS, words);
        let slots = v.slice(table + K_WORDS + words, 8 * words * TOKEN_SLOT_WORDS);
        let heads = kinds >> T_PROGRAM_HEAD & 1 != 0 && analysis.invocations().len() > MANY;
        let many = kinds & PROGRAM_KINDS != 0 && (heads || self.programs.len() >= MANY);
        let mut rules = if many { program_rules(slots) } else { 0 };
        let mut look = |token: u32| {
            let bit = token_hash(token) >> shift;
            if filter.get((bit >> 5) as usize).is_some_and(|w| w >> (bit & 31) & 1 != 0) {
                rules |= token_rules(slots, (bit >> 2) as usize, token);
            }
        };
        let has = |kind: u32| kinds >> kind & 1 != 0;
        if has(T_ATOM) {
            if self.found.len() <= MANY {
                self.found.iter().for_each(|&atom| look(atom_token(atom)));
            } else {
                let there = |token: u32| {
                    let atom = token & ((1 << TOKEN_KIND) - 1);
                    self.atoms.get(atom as usize / 64).is_some_and(|word| word >> (atom % 64) & 1 != 0)
                };
                let tokens = slots.chunks_exact(TOKEN_SLOT_WORDS).map(|slot| slot[0]);
                tokens.filter(|t| t >> TOKEN_KIND == T_ATOM && there(*t)).for_each(&mut look);
            }
        }
        if has(T_PROGRAM) && !many {
            self.programs.iter().for_each(|&program| look(program));
        }
        if has(T_PROGRAM_HEAD) && !many {
            analysis.invocations().take(MANY).for_each(|i| look(program_head_token(i.program())));
        }
        if firsts | lasts == 0 {
            return rules;
        }
        for word in here.invocation.argv().skip(1) {
            if firsts >> first_class(word.bytes) & 1 != 0 {
                if has(T_WORD) {
                    look(word_token(word.bytes));
                }
                if has(T_HEAD) {
                    look(head_token(word.bytes));
                }
                if has(T_FIRST) {
                    look(first_token(word.bytes));
                }
            }
            if lasts >> last_class(word.bytes) & 1 != 0 {
                if has(T_TAIL) {
                    look(tail_token(word.bytes));
                }
                if has(T_LAST) {
                    look(last_token(word.bytes));
                }
            }
        }
        rules
    }

    /// Whether every clause at `need` is met.
    #[inline]
    pub(crate) fn met(&mut self, v: View<'_>, need: usize, here: Here<'_>, analysis: &Analysis) -> bool {
        self.about(here);
        let mut at = need + 1;
        for _ in 0..v.at(need) {
            let items = v.slice(at + 1, v.at(at) * 3);
            let met = items.chunks_exact(3).any(|item| {
                let wanted = u64::from(item[1]) | u64::from(item[2]) << 32;
                self.feature(item[0] as usize, v, here, analysis) & wanted != 0
            });
            if !met {
                return false;
            }
            at += 1 + items.len();
        }
        true
    }

    #[inline]
    fn about(&mut self, here: Here<'_>) {
        if self.index != Some(here.index) {
            self.index = Some(here.index);
            self.known &= SHARED;
        }
    }

    /// The bits of a feature that are there.
    #[inline(always)]
    fn feature(&mut self, feature: usize, v: View<'_>, here: Here<'_>, analysis: &Analysis) -> u64 {
        let Some(&kind) = KINDS.get(feature) else {
            return self.atoms.get(feature - FEATURES).copied().unwrap_or(0);
        };
        if self.known & kind == 0 {
            self.find_out(kind, v, here, analysis);
        }
        self.bits[feature]
    }

    #[inline(never)]
    fn find_out(&mut self, kind: u8, v: View<'_>, here: Here<'_>, analysis: &Analysis) {
        self.known |= kind;
        match kind {
            KNOWN_LETTERS => self.read_letters(v, here),
            KNOWN_WORDS => self.read_words(here),
            KNOWN_AROUND => {
                let ascii = *self.ascii.get_or_insert_with(|| analysis.texts().is_ascii());
                self.bits[F_AROUND] = around(here, analysis) | u64::from(!ascii) << X_NOT_ASCII;
            }
            KNOWN_PROGRAMS => self.read_programs(analysis),
            _ => self.read_bytes(analysis),
        }
    }

    fn read_letters(&mut self, v: View<'_>, here: Here<'_>) {
        let bundled = {
            let spec = v.slot_spec(here.slot);
            spec != 0 && v.word(spec) == STYLE_BUNDLED
        };
        let mut letters = 0;
        for word in here.invocation.argv().skip(1) {
            match word.bytes {
                [b'-', b'-', ..] => {}
                [b'-', options @ ..] => {
                    for &b in options {
                        let Some(bit) = letter_bit(b) else { break };
                        letters |= 1 << bit;
                    }
                }
                bytes if bundled => {
                    letters |= bytes.iter().filter_map(|&b| letter_bit(b)).fold(0, |all, bit| all | 1 << bit);
                }
                _ => {}
            }
        }
        self.bits[F_LETTERS] = letters;
    }

    fn read_words(&mut self, here: Here<'_>) {
        let (mut heads, mut firsts, mut tails) = (0, 0, 0);
        let mut words = [0; F_PROGRAMS - F_WORDS];
        for word in here.invocation.argv().skip(1) {
            heads |= head_bit(word.bytes);
            firsts |= first_bit(word.bytes);
            tails |= tail_bit(word.bytes);
            let (feature, bit) = word_place(word.bytes);
            words[feature - F_WORDS] |= bit;
        }
        self.bits[F_HEADS] = heads;
        self.bits[F_FIRSTS] = firsts;
        self.bits[F_TAILS] = tails;
        self.bits[F_WORDS..F_PROGRAMS].copy_from_slice(&words);
    }

    fn read_names(&mut self, analysis: &Analysis) {
        self.programs.clear();
        let few = analysis.invocations().len() <= FEW;
        for invocation in analysis.invocations() {
            let token = program_token(invocation.program());
            if few || (self.programs.len() < MANY && !self.programs.contains(&token)) {
                self.programs.push(token);
            }
        }
    }

    #[cold]
    fn read_programs(&mut self, analysis: &Analysis) {
        self.bits[F_PROGRAMS] = analysis.invocations().fold(0, |all, i| all | head_bit(i.program()));
    }

    #[cold]
    fn read_bytes(&mut self, analysis: &Analysis) {
        let mut found = [0; FEATURES - F_BYTES];
        for &b in analysis.texts() {
            let (feature, bit) = byte_place(b);
            found[feature - F_BYTES] |= bit;
        }
        self.bits[F_BYTES..].copy_from_slice(&found);
    }
}

/// The rules of a token, from its slot on.
#[inline]
fn token_rules(slots: &[u32], mut slot: usize, token: u32) -> u64 {
    // At most half of the slots are taken, so an empty one ends the search.
    for _ in 0..slots.len() / TOKEN_SLOT_WORDS {
        let Some(&[entry, low, high]) = slots.get(slot * TOKEN_SLOT_WORDS..(slot + 1) * TOKEN_SLOT_WORDS)
        else {
            return 0;
        };
        if entry == token {
            return u64::from(low) | u64::from(high) << 32;
        }
        if entry == 0 {
            return 0;
        }
        slot = if (slot + 1) * TOKEN_SLOT_WORDS < slots.len() { slot + 1 } else { 0 };
    }
    0
}

/// The rules that any program lets pass.
#[cold]
fn program_rules(slots: &[u32]) -> u64 {
    let programs =
        slots.chunks_exact(TOKEN_SLOT_WORDS).filter(|slot| PROGRAM_KINDS >> (slot[0] >> TOKEN_KIND) & 1 != 0);
    programs.fold(0, |all, slot| all | u64::from(slot[1]) | u64::from(slot[2]) << 32)
}

/// What is around the invocation.
fn around(here: Here<'_>, analysis: &Analysis) -> u64 {
    let invocation = here.invocation;
    let count = analysis.invocations().len();
    let mut bits = 0;
    for redirection in invocation.redirections() {
        bits |= u64::from(redirect_bit(redirection.kind)) << X_REDIRECT;
    }
    let mut note = |bit: u32, holds: bool| bits |= u64::from(holds) << bit;
    let assigns = || {
        takes_assignments(invocation.program())
            && invocation.argv().skip(1).any(|word| memchr::memchr(b'=', word.bytes).is_some())
    };
    note(X_ASSIGN, invocation.assignments().len() > 0 || assigns());
    note(X_VIA, !invocation.via().is_empty());
    note(X_HIDING, !analysis.obfuscations().is_empty());
    note(X_ISSUE, !analysis.issues().is_empty());
    if count > 1 {
        let (pipeline, stage) = (invocation.pipeline(), invocation.stage());
        note(X_FROM, stage > 0);
        let follows = || analysis.invocations().any(|i| i.pipeline() == pipeline && i.stage() > stage);
        note(X_INTO, count > MANY || follows());
        note(X_OTHERS, true);
        note(X_LATER, here.index + 1 < count);
    }
    bits
}
