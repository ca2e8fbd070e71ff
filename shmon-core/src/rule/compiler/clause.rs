//! Features of which a command has one where a condition holds, and how likely that is.

use super::common::is_common;
use super::features::*;
use std::collections::{BTreeMap, BTreeSet};

/// Texts that the scan of a command finds, by number.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    numbers: BTreeMap<Vec<u8>, u32>,
    /// For each, the rules that it wakes.
    pub(super) rules: Vec<Vec<u32>>,
    /// Those that conditions need which a program leads to.
    pub(super) needed: BTreeSet<u32>,
    /// Those that conditions of rules need which something else than a program wakes.
    pub(super) woken: BTreeSet<u32>,
}

impl Atoms {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        let next = self.rules.len() as u32;
        let number = *self.numbers.entry(text.to_ascii_lowercase()).or_insert(next);
        if number == next {
            self.rules.push(Vec::new());
        }
        number
    }

    /// Whether anything asks for the text.
    pub(super) fn is_asked(&self, number: u32) -> bool {
        self.needed.contains(&number)
            || self.woken.contains(&number)
            || self.rules.get(number as usize).is_some_and(|rules| !rules.is_empty())
    }

    /// The texts in order of number, with the rules that they wake.
    pub(super) fn list(&self) -> Vec<(&[u8], &[u32])> {
        let mut all: Vec<_> = self.numbers.iter().map(|(text, number)| (*number, text.as_slice())).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, text)| text).zip(self.rules.iter().map(Vec::as_slice)).collect()
    }
}

/// Any of these bits, or any of these atoms, must be there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Clause {
    pub(super) bits: [u64; FEATURES],
    /// What the bits of arguments stand for, and what has no bits.
    pub(super) tokens: BTreeSet<u32>,
    /// A token has no bits.
    pub(super) bitless: bool,
    pub(super) atoms: BTreeSet<u32>,
    /// How many of the atoms are texts that many commands hold.
    pub(super) common: u32,
}

/// How often an atom is there, in thousandths.
const ATOM_LIKELIHOOD: u32 = 6;
/// The same of bytes that aren't ASCII.
const NOT_ASCII_LIKELIHOOD: u32 = 20;
/// The same of an assignment.
const ASSIGNS_LIKELIHOOD: u32 = 60;
/// The same of an atom that many commands hold.
const COMMON_LIKELIHOOD: u32 = 80;

impl Clause {
    pub(super) fn one(feature: usize, bits: u64) -> Clause {
        let mut clause = Clause::default();
        clause.bits[feature] = bits;
        clause
    }

    /// A bit of an argument, and the token that it stands for.
    pub(super) fn token(feature: usize, bit: u64, token: u32) -> Clause {
        Clause { tokens: BTreeSet::from([token]), ..Clause::one(feature, bit) }
    }

    /// Arguments whose last byte is one of these.
    pub(super) fn last(bytes: &[u8]) -> Clause {
        let tokens = bytes.iter().map(|b| last_token(&[*b])).collect();
        Clause { tokens, bitless: true, ..Clause::default() }
    }

    pub(super) fn atom(number: u32, text: &[u8]) -> Clause {
        let common = u32::from(text.windows(4).all(is_common));
        Clause { atoms: BTreeSet::from([number]), common, ..Clause::default() }
    }

    pub(super) fn around(bit: u32) -> Clause {
        Clause::one(F_AROUND, 1 << bit)
    }

    pub(super) fn or(mut self, other: &Clause) -> Clause {
        for (mine, others) in self.bits.iter_mut().zip(other.bits) {
            *mine |= others;
        }
        self.tokens.extend(&other.tokens);
        self.bitless |= other.bitless;
        self.atoms.extend(&other.atoms);
        self.common += other.common;
        self
    }

    /// The features that gates ask for, and their bits: what has tokens has no gates.
    pub(super) fn gates(&self) -> impl Iterator<Item = (usize, u64)> {
        let plain =
            |feature: &usize| !matches!(*feature, F_HEADS | F_FIRSTS | F_TAILS | F_WORDS..=F_PROGRAM_HEADS);
        self.bits.into_iter().enumerate().filter(move |(feature, bits)| *bits != 0 && plain(feature))
    }

    /// What it takes to find its gates' features out, measured as likelihoods are.
    pub(super) fn cost(&self) -> u32 {
        let cost = |(feature, _)| match feature {
            F_BYTES | F_BYTES_HIGH => 200,
            F_AROUND => 60,
            _ => 30,
        };
        self.gates().map(cost).sum()
    }

    /// All tokens, of arguments and of atoms.
    pub(super) fn tokens(&self) -> impl Iterator<Item = u32> {
        self.tokens.iter().copied().chain(self.atoms.iter().map(|atom| atom_token(*atom)))
    }

    /// Whether the command as a whole tells, whatever invocation is asked.
    pub(super) fn is_whole(&self) -> bool {
        let of_program = |token: &u32| matches!(token >> TOKEN_KIND, T_PROGRAM | T_PROGRAM_HEAD);
        self.bits[..F_PROGRAMS].iter().all(|&bits| bits == 0)
            && self.bits[F_ASSIGNS] == 0
            && self.tokens.iter().all(of_program)
    }

    /// Whether it asks for bytes of the text, which take time to count.
    pub(super) fn asks_bytes(&self) -> bool {
        self.bits[F_BYTES] | self.bits[F_BYTES_HIGH] != 0
    }

    /// Its features and their bits; atoms are features of 64 each.
    pub(super) fn used(&self) -> BTreeMap<usize, u64> {
        let mut used: BTreeMap<usize, u64> = BTreeMap::new();
        for &atom in &self.atoms {
            *used.entry(FEATURES + atom as usize / 64).or_default() |= 1 << (atom % 64);
        }
        used.extend(self.bits.into_iter().enumerate().filter(|(_, bits)| *bits != 0));
        used
    }

    /// How often it is met by ordinary commands, roughly, in thousandths.
    pub(super) fn likelihood(&self) -> u32 {
        let around: u32 = [150, 100, 40, 10, 40, 20, 20, 0, 0, 150, 500, 500, 500, 400, 20, 30]
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.bits[F_AROUND] >> bit & 1 != 0)
            .map(|(_, often)| often)
            .sum();
        let bytes: u32 = (0..128u8)
            .filter(|&b| {
                let (feature, bit) = byte_place(b);
                b.to_ascii_lowercase() == b && self.bits[feature] & bit != 0
            })
            .map(commonness)
            .sum();
        let tokens: u32 = self.tokens.iter().map(|token| likelihood(*token)).sum();
        let sum = self.bits[F_LETTERS].count_ones() * 70
            + tokens
            + around
            + bytes
            + self.bits[F_NOT_ASCII] as u32 * NOT_ASCII_LIKELIHOOD
            + self.bits[F_ASSIGNS] as u32 * ASSIGNS_LIKELIHOOD
            + self.common * COMMON_LIKELIHOOD
            + self.atoms.len() as u32 * ATOM_LIKELIHOOD;
        sum.min(1000)
    }
}

/// How many of a thousand commands have an argument with the token, roughly.
fn likelihood(token: u32) -> u32 {
    let (high, low) = ((token >> 8) as u8, token as u8);
    match token >> TOKEN_KIND {
        T_WORD => 12,
        // `-name`, `-type`, `-exec`
        T_HEAD if high & 0x80 != 0 => 90,
        // `s/…/…/`, `a/b`
        T_HEAD if low == b'/' => 150,
        T_HEAD | T_TAIL if high.is_ascii_alphabetic() => 12,
        T_HEAD | T_TAIL => 5,
        T_PROGRAM | T_PROGRAM_HEAD => 6,
        _ => match low {
            b'-' => 700,
            b'/' => 200,
            b'.' => 150,
            b'0'..=b'9' => 12,
            b => commonness(b) / 8,
        },
    }
}

/// How many of a thousand commands hold the byte, roughly.
pub(super) fn commonness(b: u8) -> u32 {
    const ORDER: &[u8] = b"eta oinsrldcpmuf-/.hgbvwkyx|'\"0123$,*:=_;{}()5678&>9j@<\\z[]q+~?#%`!^";
    let place = ORDER.iter().position(|&o| o == b).unwrap_or(ORDER.len()) as u32;
    (900u32).saturating_sub(place * 13).max(10)
}

/// As words: the number of clauses, then for each the number of features, and of each feature its number and its bits.
/// Clauses that bits don't tell are left out.
pub(super) fn encode(clauses: &[Clause]) -> Vec<u32> {
    let told = clauses.iter().filter(|clause| !clause.bitless);
    let mut words = vec![told.clone().count() as u32];
    for clause in told {
        let used = clause.used();
        words.push(used.len() as u32);
        for (feature, bits) in used {
            words.extend([feature as u32, bits as u32, (bits >> 32) as u32]);
        }
    }
    words
}
