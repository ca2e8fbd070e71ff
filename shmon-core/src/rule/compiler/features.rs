//! Features of an invocation as bits: what conditions need is compared with what is there, before they are asked.
//! The compiler and the evaluation make bits with the same functions.

use super::hash::{head, name_hash};

/// Letters of short options, see [`letter_bit`](super::hash::letter_bit).
pub const F_LETTERS: usize = 0;
/// First two bytes of arguments, see [`pair_bit`] and [`head_bit`].
pub const F_HEADS: usize = 1;
/// First byte of arguments.
pub const F_FIRSTS: usize = 2;
/// Last two bytes of arguments.
pub const F_TAILS: usize = 3;
/// What is around, see `X_*`.
pub const F_AROUND: usize = 4;
/// Arguments as a whole, by their hash, see [`word_place`]: 256 bits in four features.
pub const F_WORDS: usize = 5;
/// First two bytes of the names of all programs of the command.
pub const F_PROGRAMS: usize = 9;
/// Bytes below 64 of the command and of all that was derived from it.
pub const F_BYTES: usize = 10;
/// Bytes from 64 on.
pub const F_BYTES_HIGH: usize = 11;
/// How many there are.
pub const FEATURES: usize = 12;

/// A redirection of kind n: bit n.
pub const X_REDIRECT: u32 = 0;
/// An assignment, before the program or as an argument.
pub const X_ASSIGN: u32 = 8;
/// It was reached through something.
pub const X_VIA: u32 = 9;
/// It isn't the first of its pipeline.
pub const X_FROM: u32 = 10;
/// It isn't the last of its pipeline.
pub const X_INTO: u32 = 11;
/// There are other invocations.
pub const X_OTHERS: u32 = 12;
/// There are invocations after it.
pub const X_LATER: u32 = 13;
/// Signs of hiding.
pub const X_HIDING: u32 = 14;
/// Something could not be resolved.
pub const X_ISSUE: u32 = 15;

/// The bit of two bytes, letters in any case; 0 stands for none.
#[inline]
pub fn pair_bit(a: u8, b: u8) -> u64 {
    let both = u32::from(a | 0x20) << 8 | u32::from(b | 0x20);
    1 << (both.wrapping_mul(0x9E37_79B1) >> 26)
}

/// The bit of an argument's head: its first two bytes, of `--name` the first and the third, of `-name` the second and the
/// third.
#[inline]
pub fn head_bit(word: &[u8]) -> u64 {
    match *word {
        [b'-', b'-', c, ..] => pair_bit(b'-', c ^ 0x80),
        [b'-', b, c, ..] => pair_bit(b ^ 0x80, c),
        [a, b, ..] => pair_bit(a, b),
        [a] => pair_bit(a, 0),
        [] => pair_bit(0, 0),
    }
}

/// An argument's place in the features of whole words, letters in any case.
#[inline]
pub fn word_place(word: &[u8]) -> (usize, u64) {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    let last = word.last().copied().unwrap_or(0) | 0x20;
    let place = name_hash(head(word) | FOLD, word.len(), last) >> 24;
    (F_WORDS + (place >> 6) as usize, 1 << (place & 63))
}

/// The bit of an argument's first byte.
#[inline]
pub fn first_bit(word: &[u8]) -> u64 {
    pair_bit(word.first().copied().unwrap_or(0), 1)
}

/// The bit of an argument's last two bytes.
#[inline]
pub fn tail_bit(word: &[u8]) -> u64 {
    match *word {
        [.., a, b] => pair_bit(a, b),
        [a] => pair_bit(0, a),
        [] => pair_bit(0, 0),
    }
}

/// A byte's place in the two features of bytes, letters in any case.
#[inline]
pub const fn byte_place(b: u8) -> (usize, u64) {
    const FOLDED: [u8; 256] = {
        let mut table = [0; 256];
        let mut b = 0;
        while b < 256 {
            table[b] = (b as u8).to_ascii_lowercase() & 0x7F;
            b += 1;
        }
        table
    };
    let b = FOLDED[b as usize];
    (F_BYTES + (b >> 6) as usize, 1 << (b & 63))
}

/// The pairs of bytes in a text, as bits: a text that holds another has all of its bits.
#[inline]
pub fn pairs(text: &[u8]) -> u64 {
    let mut bits = 0;
    let mut last = match text.first() {
        Some(&b) => b,
        None => return 0,
    };
    for &b in &text[1..] {
        bits |= pair_bit(last, b);
        last = b;
    }
    bits
}
