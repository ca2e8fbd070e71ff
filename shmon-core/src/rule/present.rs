//! What is there, as features: compared with what a rule needs before its condition is asked.

use super::compiler::features::*;
use super::compiler::hash::letter_bit;
use super::compiler::layout::*;
use super::eval::{Here, redirect_bit, takes_assignments};
use super::options::STYLE_BUNDLED;
use super::view::{Slot, View};
use crate::shell::{Analysis, Argv, Word};

/// Of more invocations than this, what follows in the pipeline isn't looked for: work stays linear.
const MANY: usize = 64;

/// Of so few programs the names are not compared with each other.
const FEW: usize = 8;

/// The features of one invocation, and of the command around it; each kind is found out when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Present {
    bits: [u64; FEATURES],
    /// The invocation that this is about.
    index: Option<usize>,
    /// What is known of it, see `KNOWN_*`.
    known: u16,
    /// The atoms that were found, 64 to a word, and their numbers.
    atoms: Vec<u64>,
    found: Vec<u32>,
    /// The hashes of the names of more than [`FEW`] programs, each once; of more than [`MANY`] no more are told.
    programs: Vec<u32>,
}

const KNOWN_LETTERS: u16 = 1;
const KNOWN_WORDS: u16 = 2;
const KNOWN_AROUND: u16 = 4;
/// Of the whole command: its programs, how their names begin, these as tokens, its bytes, and whether they are ASCII.
const KNOWN_PROGRAMS: u16 = 8;
const KNOWN_PROGRAM_HEADS: u16 = 16;
const KNOWN_NAMES: u16 = 32;
const KNOWN_BYTES: u16 = 64;
const KNOWN_ASCII: u16 = 128;
/// Of the invocation.
const KNOWN_ASSIGNS: u16 = 256;
/// What another invocation shares.
const SHARED: u16 = KNOWN_PROGRAMS | KNOWN_PROGRAM_HEADS | KNOWN_NAMES | KNOWN_BYTES | KNOWN_ASCII;

/// What kind a feature is of.
const KINDS: [u16; FEATURES] = {
    let mut kinds = [KNOWN_WORDS; FEATURES];
    kinds[F_LETTERS] = KNOWN_LETTERS;
    kinds[F_AROUND] = KNOWN_AROUND;
    let mut at = F_PROGRAMS;
    while at < F_PROGRAM_HEADS {
        kinds[at] = KNOWN_PROGRAMS;
        at += 1;
    }
    kinds[F_PROGRAM_HEADS] = KNOWN_PROGRAM_HEADS;
    kinds[F_BYTES] = KNOWN_BYTES;
    kinds[F_BYTES_HIGH] = KNOWN_BYTES;
    kinds[F_NOT_ASCII] = KNOWN_ASCII;
    kinds[F_ASSIGNS] = KNOWN_ASSIGNS;
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
    }

    /// Notes the names of all programs, see [`program_place`].
    #[inline]
    pub(crate) fn programs(&mut self, bits: &[u64; F_PROGRAM_HEADS - F_PROGRAMS]) {
        self.bits[F_PROGRAMS..F_PROGRAM_HEADS].copy_from_slice(bits);
        self.known |= KNOWN_PROGRAMS;
    }

    /// The rules of the group at `at` that are worth asking, as bits.
    #[inline]
    pub(crate) fn candidates(
        &mut self,
        v: View<'_>,
        at: usize,
        here: Here<'_>,
        analysis: &Analysis,
        names: &[(Slot, u32)],
    ) -> u64 {
        self.about(here);
        let Some((head, rest)) = v.words.get(at..).and_then(|rest| rest.split_first_chunk::<G_WORDS>())
        else {
            return 0;
        };
        let &[_, free, free_high, gates, tokens] = head;
        let mut rules = u64::from(free) | u64::from(free_high) << 32;
        if tokens != 0 {
            rules |= self.tokens(v, tokens as usize, here, analysis, names);
        }
        for &[feature, low, high, masks] in rest.as_chunks::<GATE_WORDS>().0.iter().take(gates as usize) {
            let bits = u64::from(low) | u64::from(high) << 32;
            let mut there = bits & self.feature(feature as usize, v, here, analysis);
            while there != 0 {
                let below = bits & ((there & there.wrapping_neg()) - 1);
                let mask = masks as usize + 2 * below.count_ones() as usize;
                rules |= u64::from(v.word(mask)) | u64::from(v.word(mask + 1)) << 32;
                there &= there - 1;
            }
        }
        rules
    }

    /// The rules that the arguments, the atoms and the programs let pass.
    #[inline(never)]
    fn tokens(
        &mut self,
        v: View<'_>,
        table: usize,
        here: Here<'_>,
        analysis: &Analysis,
        names: &[(Slot, u32)],
    ) -> u64 {
        let Some((head, rest)) = v.words.get(table..).and_then(|rest| rest.split_first_chunk::<K_WORDS>())
        else {
            return 0;
        };
        let &[kinds, _, lasts, lasts_high, programs, programs_high] = head;
        let Some(heads) = rest.first_chunk::<HEAD_PLACES>() else { return 0 };
        let mut rules = 0;
        if kinds >> T_ATOM & 1 != 0 && !self.found.is_empty() {
            rules |= self.atom_tokens(v, table);
        }
        let programs = u64::from(programs) | u64::from(programs_high) << 32;
        let there = self.bits[F_PROGRAMS..F_PROGRAM_HEADS].iter().fold(0, |all, bits| all | bits);
        if programs & there != 0 {
            rules |= self.program_tokens(v, table, programs, names);
        }
        if kinds >> T_PROGRAM_HEAD & 1 != 0 {
            rules |= program_head_tokens(v, table, analysis);
        }
        let lasts = u64::from(lasts) | u64::from(lasts_high) << 32;
        let mut arguments = here.invocation.argv();
        arguments.next();
        rules | argument_tokens(v, table, arguments, heads, lasts)
    }

    /// The rules that the atoms let pass.
    #[inline(never)]
    fn atom_tokens(&self, v: View<'_>, table: usize) -> u64 {
        if self.found.len() <= MANY {
            return self.found.iter().fold(0, |all, &atom| all | token_rules(v, table, atom_token(atom)));
        }
        let there = |token: u32| {
            let atom = token & ((1 << TOKEN_KIND) - 1);
            self.atoms.get(atom as usize / 64).is_some_and(|word| word >> (atom % 64) & 1 != 0)
        };
        rules_of(v, table, |token| token >> TOKEN_KIND == T_ATOM && there(token))
    }

    /// The rules that the names of all programs let pass, of which `programs` are the bits.
    #[inline(never)]
    fn program_tokens(&mut self, v: View<'_>, table: usize, programs: u64, names: &[(Slot, u32)]) -> u64 {
        let look = |hash: u32| match programs & program_place(hash).1 {
            0 => 0,
            _ => token_rules(v, table, program_token(hash)),
        };
        if names.len() <= FEW {
            return names.iter().fold(0, |all, &(_, hash)| all | look(hash));
        }
        if self.known & KNOWN_NAMES == 0 {
            self.known |= KNOWN_NAMES;
            self.programs.clear();
            for &(_, hash) in names {
                if self.programs.len() < MANY && !self.programs.contains(&hash) {
                    self.programs.push(hash);
                }
            }
        }
        if self.programs.len() >= MANY {
            return rules_of(v, table, |token| token >> TOKEN_KIND == T_PROGRAM);
        }
        self.programs.iter().fold(0, |all, &hash| all | look(hash))
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
    fn find_out(&mut self, kind: u16, v: View<'_>, here: Here<'_>, analysis: &Analysis) {
        self.known |= kind;
        match kind {
            KNOWN_LETTERS => self.read_letters(v, here),
            KNOWN_WORDS => self.read_words(here),
            KNOWN_AROUND => self.bits[F_AROUND] = around(here, analysis),
            // Noted before anything is asked.
            KNOWN_PROGRAMS => {}
            KNOWN_PROGRAM_HEADS => {
                self.bits[F_PROGRAM_HEADS] =
                    analysis.invocations().fold(0, |all, i| all | head_bit(i.program()));
            }
            KNOWN_ASSIGNS => self.bits[F_ASSIGNS] = u64::from(assigns(here)),
            KNOWN_ASCII => self.bits[F_NOT_ASCII] = u64::from(!analysis.texts().is_ascii()),
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

    #[cold]
    fn read_bytes(&mut self, analysis: &Analysis) {
        let mut found = [0; F_NOT_ASCII - F_BYTES];
        for &b in analysis.texts() {
            let (feature, bit) = byte_place(b);
            found[feature - F_BYTES] |= bit;
        }
        self.bits[F_BYTES..F_NOT_ASCII].copy_from_slice(&found);
    }
}

/// The rules that the beginnings of the names of all programs let pass.
#[cold]
fn program_head_tokens(v: View<'_>, table: usize, analysis: &Analysis) -> u64 {
    if analysis.invocations().len() > MANY {
        return rules_of(v, table, |token| token >> TOKEN_KIND == T_PROGRAM_HEAD);
    }
    let tokens = analysis.invocations().map(|invocation| program_head_token(invocation.program()));
    tokens.fold(0, |all, token| all | token_rules(v, table, token))
}

/// The rules that the arguments let pass whose heads, or whose last bytes, may be those of tokens.
#[inline(never)]
fn argument_tokens(
    v: View<'_>,
    table: usize,
    arguments: Argv<'_>,
    heads: &[u32; HEAD_PLACES],
    lasts: u64,
) -> u64 {
    let mut rules = 0;
    for Word { bytes, .. } in arguments {
        let place = head_place(bytes);
        let is_head = heads[place >> 5] >> (place & 31) & 1 != 0;
        if is_head || bytes.last().is_some_and(|&b| lasts & last_bit(b) != 0) {
            rules |= word_rules(v, table, bytes);
        }
    }
    rules
}

/// The rules that one argument lets pass.
#[inline(never)]
fn word_rules(v: View<'_>, table: usize, word: &[u8]) -> u64 {
    let kinds = v.word(table + K_KINDS);
    let look = |kind: u32, token: fn(&[u8]) -> u32| {
        if kinds >> kind & 1 != 0 { token_rules(v, table, token(word)) } else { 0 }
    };
    look(T_WORD, word_token)
        | look(T_HEAD, head_token)
        | look(T_FIRST, first_token)
        | look(T_TAIL, tail_token)
        | look(T_LAST, last_token)
}

/// How many bits the filter of a token table has, as a power of two, and where it is.
#[inline]
fn filter(v: View<'_>, table: usize) -> (u32, usize) {
    (v.word(table + K_FILTER_BITS) & 31, table + K_WORDS + HEAD_PLACES)
}

/// The rules that a token lets pass.
#[inline(never)]
fn token_rules(v: View<'_>, table: usize, token: u32) -> u64 {
    let (bits, filter) = filter(v, table);
    let bit = token_hash(token).wrapping_shr(32 - bits);
    if v.word(filter + (bit >> 5) as usize) >> (bit & 31) & 1 == 0 {
        return 0;
    }
    let (slots, most) = (filter + (1 << bits >> 5), (1usize << bits >> 2).wrapping_sub(1));
    let mut slot = (bit >> 2) as usize;
    // At most half of the slots are taken, so an empty one ends the search.
    for _ in 0..=most {
        let entry = v.words.get(slots + slot * TOKEN_SLOT_WORDS..).and_then(|rest| rest.first_chunk());
        let Some(&[entry, low, high]) = entry else { return 0 };
        if entry == token {
            return u64::from(low) | u64::from(high) << 32;
        }
        if entry == 0 {
            return 0;
        }
        slot = (slot + 1) & most;
    }
    0
}

/// The rules that all these tokens let pass.
#[cold]
fn rules_of(v: View<'_>, table: usize, wanted: impl Fn(u32) -> bool) -> u64 {
    let (bits, filter) = filter(v, table);
    let slots = v.slice(filter + (1 << bits >> 5), (1usize << bits >> 2) * TOKEN_SLOT_WORDS);
    let slots = slots.as_chunks::<TOKEN_SLOT_WORDS>().0.iter();
    let wanted = slots.filter(|slot| slot[0] != 0 && wanted(slot[0]));
    wanted.fold(0, |all, slot| all | u64::from(slot[1]) | u64::from(slot[2]) << 32)
}

/// Whether there is an assignment.
fn assigns(here: Here<'_>) -> bool {
    let invocation = here.invocation;
    invocation.assignments().len() > 0
        || takes_assignments(invocation.program())
            && invocation.argv().skip(1).any(|word| memchr::memchr(b'=', word.bytes).is_some())
}

/// What is around the invocation.
fn around(here: Here<'_>, analysis: &Analysis) -> u64 {
    let invocation = here.invocation;
    let count = analysis.invocations().len();
    let mut bits = u64::from(!invocation.via().is_empty()) << X_VIA
        | u64::from(!analysis.obfuscations().is_empty()) << X_HIDING
        | u64::from(!analysis.issues().is_empty()) << X_ISSUE;
    for redirection in invocation.redirections() {
        bits |= u64::from(redirect_bit(redirection.kind)) << X_REDIRECT;
    }
    if count > 1 {
        let (pipeline, stage) = (invocation.pipeline(), invocation.stage());
        let follows = || analysis.invocations().any(|i| i.pipeline() == pipeline && i.stage() > stage);
        bits |= 1 << X_OTHERS
            | u64::from(stage > 0) << X_FROM
            | u64::from(count > MANY || follows()) << X_INTO
            | u64::from(here.index + 1 < count) << X_LATER;
    }
    bits
}
