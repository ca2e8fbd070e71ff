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
/// Names of all programs of the command, see [`program_place`]: 256 bits in four features.
pub const F_PROGRAMS: usize = 9;
/// First two bytes of these names.
pub const F_PROGRAM_HEADS: usize = 13;
/// Bytes below 64 of the command and of all that was derived from it.
pub const F_BYTES: usize = 14;
/// Bytes from 64 on.
pub const F_BYTES_HIGH: usize = 15;
/// One bit: there are bytes that aren't ASCII.
pub const F_NOT_ASCII: usize = 16;
/// One bit: there is an assignment, before the program or as an argument.
pub const F_ASSIGNS: usize = 17;
/// How many there are.
pub const FEATURES: usize = 18;

/// A redirection of kind n: bit n.
pub const X_REDIRECT: u32 = 0;
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

/// What is looked up for each argument, beside the bits: a kind in the highest four bits, then what of the argument shows.
/// Unlike bits, two tokens are the same only where what shows is.
pub const TOKEN_KIND: u32 = 28;
/// Of an argument as a whole the place of its head, see [`head_place`], stands in the highest bits after the kind.
const TOKEN_PLACE: u32 = TOKEN_KIND - HEAD_PLACE_BITS;
/// Places of heads, as a power of two, and those with the same first byte.
const HEAD_PLACE_BITS: u32 = 9;
const HEAD_SECOND_BITS: u32 = HEAD_PLACE_BITS - 5;
/// Words of a set of such places.
pub const HEAD_PLACES: usize = 1 << (HEAD_PLACE_BITS - 5);
/// The argument as a whole, by its hash.
pub const T_WORD: u32 = 1;
/// Its head, see [`head_bit`].
pub const T_HEAD: u32 = 2;
/// Its first byte.
pub const T_FIRST: u32 = 3;
/// Its last two bytes.
pub const T_TAIL: u32 = 4;
/// Its last byte.
pub const T_LAST: u32 = 5;
/// A text that the scan found, by its number.
pub const T_ATOM: u32 = 6;
/// The name of any program of the command, by its hash.
pub const T_PROGRAM: u32 = 7;
/// The head of such a name.
pub const T_PROGRAM_HEAD: u32 = 8;

/// A token's hash: the highest bits count.
#[inline]
pub fn token_hash(token: u32) -> u32 {
    token.wrapping_mul(0x9E37_79B1)
}

const fn token(kind: u32, what: u32) -> u32 {
    kind << TOKEN_KIND | (what & ((1 << TOKEN_KIND) - 1))
}

/// The token of an atom.
#[inline]
pub const fn atom_token(number: u32) -> u32 {
    token(T_ATOM, number)
}

/// Two bytes, letters in any case; 0 stands for none.
#[inline]
const fn pair(a: u8, b: u8) -> u32 {
    ((a | 0x20) as u32) << 8 | (b | 0x20) as u32
}

/// The bit of two bytes.
#[inline]
const fn bit_of(pair: u32) -> u64 {
    1 << (pair.wrapping_mul(0x9E37_79B1) >> 26)
}

/// The bit of two bytes, letters in any case; 0 stands for none.
#[inline]
pub const fn pair_bit(a: u8, b: u8) -> u64 {
    bit_of(pair(a, b))
}

/// The bit of a byte that words end with.
#[inline]
pub const fn last_bit(b: u8) -> u64 {
    1 << (b & 63)
}

/// Which arguments, or programs, may have a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Those whose head has one of the places from the first to the last.
    Heads(usize, usize),
    /// Those whose last byte has one of these bits.
    Last(u64),
    /// It is about programs, of which one has this bit.
    Program(u64),
    /// It isn't about arguments.
    None,
}

/// Which arguments, or programs, may have this token.
pub const fn sign(token: u32) -> Sign {
    let place = match token >> TOKEN_KIND {
        T_WORD => (token >> TOKEN_PLACE) as usize % (1 << HEAD_PLACE_BITS),
        T_HEAD => place_of(token & 0xFFFF),
        // Of what begins with a dash the first byte doesn't count.
        T_FIRST if token as u8 == b'-' => return Sign::Heads(0, (1 << HEAD_PLACE_BITS) - 1),
        T_FIRST => {
            let first = place_of(pair(token as u8, 0)) >> HEAD_SECOND_BITS << HEAD_SECOND_BITS;
            return Sign::Heads(first, first + (1 << HEAD_SECOND_BITS) - 1);
        }
        // Letters in any case.
        T_TAIL | T_LAST => return Sign::Last(last_bit(token as u8) | last_bit(token as u8 ^ 0x20)),
        T_PROGRAM => return Sign::Program(program_place(token << (32 - TOKEN_KIND)).1),
        _ => return Sign::None,
    };
    Sign::Heads(place, place)
}

#[inline]
const fn head_pair(word: &[u8]) -> u32 {
    let (a, b, c) = match *word {
        [a, b, c, ..] => (a, b, c),
        [a, b] => (a, b, 0),
        [a] => (a, 0, 0),
        [] => (0, 0, 0),
    };
    match (a, b) {
        (b'-', b'-') => pair(b'-', c ^ 0x80),
        (b'-', _) => pair(b ^ 0x80, c),
        _ => pair(a, b),
    }
}

/// The place of a head's two bytes: those with the same first one stand together.
#[inline]
const fn place_of(pair: u32) -> usize {
    let (first, both) = (pair >> 8 & 31, pair.wrapping_mul(0x9E37_79B1));
    (first << HEAD_SECOND_BITS | both >> (32 - HEAD_SECOND_BITS)) as usize
}

/// The place of an argument's head among 32 times [`HEAD_PLACES`].
#[inline]
pub const fn head_place(word: &[u8]) -> usize {
    place_of(head_pair(word))
}

/// The bit of an argument's head: its first two bytes, of `--name` the first and the third, of `-name` the second and the
/// third.
#[inline]
pub const fn head_bit(word: &[u8]) -> u64 {
    bit_of(head_pair(word))
}

/// The token of an argument's head.
#[inline]
pub fn head_token(word: &[u8]) -> u32 {
    token(T_HEAD, head_pair(word))
}

#[inline]
fn word_hash(word: &[u8]) -> u32 {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    let last = word.last().copied().unwrap_or(0) | 0x20;
    name_hash(head(word) | FOLD, word.len(), last)
}

/// An argument's place in the features of whole words, letters in any case.
#[inline]
pub fn word_place(word: &[u8]) -> (usize, u64) {
    let place = word_hash(word) >> 24;
    (F_WORDS + (place >> 6) as usize, 1 << (place & 63))
}

/// The token of an argument as a whole, letters in any case.
#[inline]
pub fn word_token(word: &[u8]) -> u32 {
    token(T_WORD, (head_place(word) as u32) << TOKEN_PLACE | word_hash(word) >> (32 - TOKEN_PLACE))
}

/// The token of a program's name, from its hash.
#[inline]
pub const fn program_token(hash: u32) -> u32 {
    token(T_PROGRAM, hash >> (32 - TOKEN_KIND))
}

/// A program's place in the features of names, from the hash of its name.
#[inline]
pub const fn program_place(hash: u32) -> (usize, u64) {
    (F_PROGRAMS + (hash >> 30) as usize, 1 << (hash >> 24 & 63))
}

/// The token of a program's name by its first two bytes.
#[inline]
pub const fn program_head_token(name: &[u8]) -> u32 {
    token(T_PROGRAM_HEAD, head_pair(name))
}

/// The bit of an argument's first byte.
#[inline]
pub fn first_bit(word: &[u8]) -> u64 {
    pair_bit(word.first().copied().unwrap_or(0), 1)
}

/// The token of an argument's first byte.
#[inline]
pub fn first_token(word: &[u8]) -> u32 {
    token(T_FIRST, u32::from(word.first().copied().unwrap_or(0) | 0x20))
}

#[inline]
const fn tail_pair(word: &[u8]) -> u32 {
    match *word {
        [.., a, b] => pair(a, b),
        [a] => pair(0, a),
        [] => pair(0, 0),
    }
}

/// The bit of an argument's last two bytes.
#[inline]
pub const fn tail_bit(word: &[u8]) -> u64 {
    bit_of(tail_pair(word))
}

/// The token of an argument's last two bytes.
#[inline]
pub const fn tail_token(word: &[u8]) -> u32 {
    token(T_TAIL, tail_pair(word))
}

/// The token of an argument's last byte.
#[inline]
pub fn last_token(word: &[u8]) -> u32 {
    token(T_LAST, u32::from(word.last().copied().unwrap_or(0) | 0x20))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_shows_the_signs_of_its_tokens() {
        let words: [&[u8]; 9] = [b"", b"-", b"a", b"-x", b"--", b"--Name", b"-name", b"/etc", b"\xFF\xFE"];
        for word in words {
            for word in [word.to_vec(), word.to_ascii_uppercase()] {
                let (place, last) = (head_place(&word), word.last().map_or(0, |&b| last_bit(b)));
                for token in [word_token(&word), head_token(&word), first_token(&word)] {
                    let Sign::Heads(first, end) = sign(token) else { panic!("{token:x}") };
                    assert!((first..=end).contains(&place), "{word:?}");
                }
                for token in [tail_token(&word), last_token(&word)] {
                    let Sign::Last(bits) = sign(token) else { panic!("{token:x}") };
                    assert!(word.is_empty() || bits & last != 0, "{word:?}");
                }
            }
        }
        let hash = super::super::hash::hash_of_name(b"curl");
        assert_eq!(sign(program_token(hash)), Sign::Program(program_place(hash).1));
        assert_ne!(head_place(b"-name"), head_place(b"-type"));
    }
}
