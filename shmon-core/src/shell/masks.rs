//! Classes of sixteen bytes at a time, as bit masks: bit n is the nth byte. With SSE2, which every x86-64 processor has, or by
//! tables: the masks are the same.

use super::chars::{self, PLAIN, QUOTE_SPECIAL};

/// Bytes that a mask is about.
const LANES: usize = 16;

/// What the shell's reading stops at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lexical {
    /// Bytes that aren't plain: all that is special anywhere in a word.
    special: u32,
    /// `'`
    single: u32,
    /// Bytes that are special inside double quotes.
    double: u32,
}

/// What a secret shows by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Signs {
    /// `=` and `:`
    separators: u32,
    /// `-`
    dashes: u32,
    /// Letters, digits, `_`, `-` and `.`
    words: u32,
}

/// Calls `each` with the place of every sixteen bytes of `text`, and these bytes; the last may be there again, and what is
/// missing in a text that is shorter is 0.
#[inline(always)]
fn sixteens(text: &[u8], mut each: impl FnMut(usize, &[u8; LANES])) {
    let (whole, rest) = text.as_chunks::<LANES>();
    for (nth, bytes) in whole.iter().enumerate() {
        each(nth * LANES, bytes);
    }
    if rest.is_empty() {
        return;
    }
    match text.last_chunk::<LANES>() {
        Some(last) => each(text.len() - LANES, last),
        None => {
            let mut bytes = [0; LANES];
            bytes[..rest.len()].copy_from_slice(rest);
            each(0, &bytes);
        }
    }
}

/// Sixty-four bytes of a text: bit n of a mask is the nth.
pub(crate) const BLOCK: usize = 64;

/// The classes of one block, see [`Lexical`] and [`Signs`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Block {
    special: u64,
    single: u64,
    double: u64,
    pub(crate) separators: u64,
    pub(crate) dashes: u64,
    pub(crate) words: u64,
}

/// The classes of a text's bytes; the buffer is reused.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pub(crate) blocks: Vec<Block>,
    length: usize,
}

impl Classes {
    /// Reads another text.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) {
        self.blocks.clear();
        self.length = text.len();
        for chunk in text.chunks(BLOCK) {
            let mut block = Block::default();
            sixteens(chunk, |at, bytes| {
                let found = lexical(bytes);
                block.special |= u64::from(found.special) << at;
                block.single |= u64::from(found.single) << at;
                block.double |= u64::from(found.double) << at;
                let found = signs(bytes);
                block.separators |= u64::from(found.separators) << at;
                block.dashes |= u64::from(found.dashes) << at;
                block.words |= u64::from(found.words) << at;
            });
            self.blocks.push(block);
        }
    }

    /// The first byte from `at` on that isn't plain; the text's length where there is none.
    #[inline]
    pub(super) fn special(&self, at: usize) -> usize {
        self.next(at, |block| block.special)
    }

    /// The first `'` from `at` on.
    #[inline]
    pub(super) fn single(&self, at: usize) -> usize {
        self.next(at, |block| block.single)
    }

    /// The first byte from `at` on that is special inside double quotes.
    #[inline]
    pub(super) fn double(&self, at: usize) -> usize {
        self.next(at, |block| block.double)
    }

    /// The first `=` or `:` from `at` on.
    #[inline]
    pub(super) fn separator(&self, at: usize) -> usize {
        self.next(at, |block| block.separators)
    }

    #[inline(always)]
    fn next(&self, at: usize, class: impl Fn(&Block) -> u64) -> usize {
        let mut number = at / BLOCK;
        let Some(block) = self.blocks.get(number) else { return self.length };
        let mut bits = class(block) & (u64::MAX << (at % BLOCK));
        while bits == 0 {
            number += 1;
            match self.blocks.get(number) {
                Some(block) => bits = class(block),
                None => return self.length,
            }
        }
        number * BLOCK + bits.trailing_zeros() as usize
    }
}

#[cfg(not(target_arch = "x86_64"))]
use portable::{lexical, signs};
#[cfg(target_arch = "x86_64")]
use sse2::{lexical, signs};

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{LANES, Lexical, Signs};
    use safe_arch::{
        bitandnot_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, m128i, min_u8_m128i, move_mask_i8_m128i,
        set_splat_i8_m128i, sub_i8_m128i,
    };

    #[inline(always)]
    fn is(x: m128i, byte: u8) -> m128i {
        cmp_eq_mask_i8_m128i(x, set_splat_i8_m128i(byte as i8))
    }

    /// The bytes from `first` to `last`.
    #[inline(always)]
    fn range(x: m128i, first: u8, last: u8) -> m128i {
        let from = sub_i8_m128i(x, set_splat_i8_m128i(first as i8));
        cmp_eq_mask_i8_m128i(min_u8_m128i(from, set_splat_i8_m128i((last - first) as i8)), from)
    }

    #[inline(always)]
    fn any<const N: usize>(all: [m128i; N]) -> m128i {
        all.into_iter().fold(m128i::default(), |some, one| some | one)
    }

    #[inline(always)]
    fn mask(x: m128i) -> u32 {
        move_mask_i8_m128i(x) as u32
    }

    #[inline(always)]
    pub(super) fn lexical(bytes: &[u8; LANES]) -> Lexical {
        let x = load_unaligned_m128i(bytes);
        let double = any([is(x, b'"'), is(x, b'$'), is(x, b'`'), is(x, b'\\')]);
        let special = any([
            double,
            range(x, b'\t', b'\n'),
            is(x, b' '),
            range(x, b'&', b'*'),
            bitandnot_m128i(is(x, b'='), range(x, b';', b'?')),
            is(x, b'['),
            range(x, b'{', b'}'),
        ]);
        Lexical { special: mask(special), single: mask(is(x, b'\'')), double: mask(double) }
    }

    #[inline(always)]
    pub(super) fn signs(bytes: &[u8; LANES]) -> Signs {
        let x = load_unaligned_m128i(bytes);
        let letters = range(x | set_splat_i8_m128i(0x20), b'a', b'z');
        let words = any([letters, range(x, b'0', b'9'), range(x, b'-', b'.'), is(x, b'_')]);
        let separators = any([is(x, b'='), is(x, b':')]);
        Signs { separators: mask(separators), dashes: mask(is(x, b'-')), words: mask(words) }
    }
}

#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod portable {
    use super::{LANES, Lexical, PLAIN, QUOTE_SPECIAL, Signs, chars};

    #[inline]
    fn mask(bytes: &[u8; LANES], is: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().rev().fold(0, |mask, &b| mask << 1 | u32::from(is(b)))
    }

    pub(super) fn lexical(bytes: &[u8; LANES]) -> Lexical {
        Lexical {
            special: mask(bytes, |b| !chars::is(b, PLAIN)),
            single: mask(bytes, |b| b == b'\''),
            double: mask(bytes, |b| chars::is(b, QUOTE_SPECIAL)),
        }
    }

    pub(super) fn signs(bytes: &[u8; LANES]) -> Signs {
        Signs {
            separators: mask(bytes, |b| matches!(b, b'=' | b':')),
            dashes: mask(bytes, |b| b == b'-'),
            words: mask(bytes, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_in_every_lane_has_the_same_classes_on_both_paths() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut bytes = [0; LANES];
        for round in 0..40_000_usize {
            for b in &mut bytes {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *b = (seed >> 40) as u8;
            }
            // Each byte stands in each lane at least once.
            bytes[round % LANES] = (round / LANES) as u8;
            assert_eq!(lexical(&bytes), portable::lexical(&bytes), "{bytes:?}");
            assert_eq!(signs(&bytes), portable::signs(&bytes), "{bytes:?}");
        }
    }

    #[test]
    fn every_byte_of_a_text_comes() {
        let text: Vec<u8> = (0..100).collect();
        for length in 0..=text.len() {
            let mut seen = Vec::new();
            sixteens(&text[..length], |at, bytes| {
                let there = LANES.min(length - at);
                assert_eq!(&bytes[..there], &text[at..at + there]);
                assert!(bytes[there..].iter().all(|b| *b == 0));
                seen.truncate(at);
                seen.extend_from_slice(&bytes[..there]);
            });
            assert_eq!(seen, &text[..length]);
        }
    }
}
