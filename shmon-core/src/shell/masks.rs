//! Classes of a text's bytes as bit masks: bit n is the nth byte. With AVX2 where the processor has it, with SSE2, which every
//! x86-64 processor has, or by tables: the masks are the same.

use super::chars::{self, PLAIN, QUOTE_SPECIAL};

/// Sixty-four bytes of a text: bit n of a mask is the nth.
pub(crate) const BLOCK: usize = 64;

/// The classes of one block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// Bytes that aren't plain: all that is special anywhere in a word.
    special: u64,
    /// `'`
    single: u64,
    /// Bytes that are special inside double quotes.
    double: u64,
    /// `=` and `:`
    pub(crate) separators: u64,
    /// `-`
    pub(crate) dashes: u64,
    /// Letters, digits, `_`, `-` and `.`
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
        read(text, &mut self.blocks);
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

    /// The first byte from `at` on that is none of a word.
    #[inline]
    pub(crate) fn word_end(&self, at: usize) -> usize {
        self.next(at, |block| !block.words)
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

/// Reads a text with the widest instructions that the processor has.
#[inline]
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
fn read(text: &[u8], blocks: &mut Vec<Block>) {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: `avx2::read` needs nothing but a processor that has AVX2, and this one says that it has.
        unsafe { avx2::read(text, blocks) }
    } else {
        by_block(text, blocks, sse2::block);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn read(text: &[u8], blocks: &mut Vec<Block>) {
    by_block(text, blocks, portable::block);
}

/// The last block is filled with zeros, which are in no class.
#[inline(always)]
fn by_block(text: &[u8], blocks: &mut Vec<Block>, block: impl Fn(&[u8; BLOCK]) -> Block) {
    let (whole, rest) = text.as_chunks::<BLOCK>();
    for bytes in whole {
        blocks.push(block(bytes));
    }
    if !rest.is_empty() {
        let mut bytes = [0; BLOCK];
        bytes[..rest.len()].copy_from_slice(rest);
        blocks.push(block(&bytes));
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Block, by_block};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn read(text: &[u8], blocks: &mut Vec<Block>) {
        by_block(text, blocks, |bytes| block(bytes));
    }

    #[target_feature(enable = "avx2")]
    fn mask(x: __m256i) -> u64 {
        u64::from(_mm256_movemask_epi8(x) as u32)
    }

    #[target_feature(enable = "avx2")]
    fn is(x: __m256i, byte: u8) -> __m256i {
        _mm256_cmpeq_epi8(x, _mm256_set1_epi8(byte as i8))
    }

    /// Where some bit is set.
    #[target_feature(enable = "avx2")]
    fn any(x: __m256i) -> u64 {
        u64::from(!(_mm256_movemask_epi8(_mm256_cmpeq_epi8(x, _mm256_setzero_si256())) as u32))
    }

    /// A class is a set of rectangles of the sixteen by sixteen bytes, each a bit that the row (the high half of a byte) and the
    /// column (the low half) have.
    #[target_feature(enable = "avx2")]
    fn block(bytes: &[u8; BLOCK]) -> Block {
        // Special bytes: 09 0A; 20 26 27 28 29 2A; 3B 3C 3E 3F; 5B 7B 7C; 7D; and inside double quotes 22 24; 5C 60.
        const ROWS: [i64; 2] = table([
            (0x01, &[0x0]),
            (0x02, &[0x2]),
            (0x04, &[0x3]),
            (0x08, &[0x5, 0x7]),
            (0x10, &[0x7]),
            (QUOTED_2, &[0x2]),
            (QUOTED_5, &[0x5]),
            (QUOTED_6, &[0x6]),
        ]);
        const COLUMNS: [i64; 2] = table([
            (0x01, &[0x9, 0xA]),
            (0x02, &[0x0, 0x6, 0x7, 0x8, 0x9, 0xA]),
            (0x04, &[0xB, 0xC, 0xE, 0xF]),
            (0x08, &[0xB]),
            (0x10, &[0xC, 0xD]),
            (QUOTED_2, &[0x2, 0x4]),
            (QUOTED_5, &[0xC]),
            (QUOTED_6, &[0x0]),
        ]);
        const QUOTED_2: u8 = 0x20;
        const QUOTED_5: u8 = 0x40;
        const QUOTED_6: u8 = 0x80;
        // Bytes of words: 2D 2E; 30 to 39; 41 to 4F and 61 to 6F; 50 to 5A and 70 to 7A; 5F. And separators: 3A 3D.
        const WORD_ROWS: [i64; 2] = table([
            (0x01, &[0x2]),
            (0x02, &[0x3]),
            (0x04, &[0x4, 0x6]),
            (0x08, &[0x5, 0x7]),
            (0x10, &[0x5]),
            (SEPARATOR, &[0x3]),
        ]);
        const WORD_COLUMNS: [i64; 2] = table([
            (0x01, &[0xD, 0xE]),
            (0x02, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (0x04, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF]),
            (0x08, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xA]),
            (0x10, &[0xF]),
            (SEPARATOR, &[0xA, 0xD]),
        ]);
        const SEPARATOR: u8 = 0x20;
        let mut block = Block::default();
        let (halves, _) = bytes.as_chunks::<32>();
        for (nth, half) in halves.iter().enumerate() {
            let &[a, b, c, d] = half.as_chunks::<8>().0 else { continue };
            let eight = i64::from_le_bytes;
            let x = _mm256_set_epi64x(eight(d), eight(c), eight(b), eight(a));
            let row = _mm256_and_si256(_mm256_srli_epi16::<4>(x), _mm256_set1_epi8(0x0F));
            // A byte above 7F has column 0, and its row is in no class.
            let special = rectangles(row, x, ROWS, COLUMNS);
            let quoted = _mm256_set1_epi8((QUOTED_2 | QUOTED_5 | QUOTED_6) as i8);
            let at = 32 * nth;
            block.special |= any(special) << at;
            block.double |= any(_mm256_and_si256(special, quoted)) << at;
            let words = rectangles(row, x, WORD_ROWS, WORD_COLUMNS);
            let separator = _mm256_set1_epi8(SEPARATOR as i8);
            block.words |= any(_mm256_andnot_si256(separator, words)) << at;
            block.separators |= any(_mm256_and_si256(separator, words)) << at;
            block.single |= mask(is(x, b'\'')) << at;
            block.dashes |= mask(is(x, b'-')) << at;
        }
        block
    }

    /// The bits that both the row and the column of each byte have.
    #[target_feature(enable = "avx2")]
    fn rectangles(row: __m256i, column: __m256i, rows: [i64; 2], columns: [i64; 2]) -> __m256i {
        let [low, high] = rows;
        let rows = _mm256_set_epi64x(high, low, high, low);
        let [low, high] = columns;
        let columns = _mm256_set_epi64x(high, low, high, low);
        _mm256_and_si256(_mm256_shuffle_epi8(rows, row), _mm256_shuffle_epi8(columns, column))
    }

    /// For each of sixteen places the bits with which it is told.
    const fn table<const N: usize>(all: [(u8, &[u8]); N]) -> [i64; 2] {
        let mut table = [0; 2];
        let mut n = 0;
        while n < N {
            let (bit, places) = all[n];
            let mut i = 0;
            while i < places.len() {
                let place = places[i] as usize;
                table[place / 8] |= (bit as i64) << (place % 8 * 8);
                i += 1;
            }
            n += 1;
        }
        table
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{BLOCK, Block};
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
    pub(super) fn block(bytes: &[u8; BLOCK]) -> Block {
        let mut block = Block::default();
        let (quarters, _) = bytes.as_chunks::<16>();
        for (nth, quarter) in quarters.iter().enumerate() {
            let mask = |x: m128i| u64::from(move_mask_i8_m128i(x) as u32) << (16 * nth);
            let x = load_unaligned_m128i(quarter);
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
            let letters = range(x | set_splat_i8_m128i(0x20), b'a', b'z');
            block.special |= mask(special);
            block.single |= mask(is(x, b'\''));
            block.double |= mask(double);
            block.separators |= mask(any([is(x, b'='), is(x, b':')]));
            block.dashes |= mask(is(x, b'-'));
            block.words |= mask(any([letters, range(x, b'0', b'9'), range(x, b'-', b'.'), is(x, b'_')]));
        }
        block
    }
}

#[cfg_attr(target_arch = "x86_64", allow(dead_code))]
mod portable {
    use super::{BLOCK, Block, PLAIN, QUOTE_SPECIAL, chars};

    pub(super) fn block(bytes: &[u8; BLOCK]) -> Block {
        let mask = |is: fn(u8) -> bool| bytes.iter().rev().fold(0, |mask, &b| mask << 1 | u64::from(is(b)));
        Block {
            special: mask(|b| !chars::is(b, PLAIN)),
            single: mask(|b| b == b'\''),
            double: mask(|b| chars::is(b, QUOTE_SPECIAL)),
            separators: mask(|b| matches!(b, b'=' | b':')),
            dashes: mask(|b| b == b'-'),
            words: mask(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same blocks by every way that this machine has.
    fn by_all_ways(text: &[u8]) -> Vec<Block> {
        let mut expected = Vec::new();
        by_block(text, &mut expected, portable::block);
        let mut found = Vec::new();
        read(text, &mut found);
        assert_eq!(found, expected, "{text:?}");
        #[cfg(target_arch = "x86_64")]
        {
            found.clear();
            by_block(text, &mut found, sse2::block);
            assert_eq!(found, expected, "{text:?}");
        }
        expected
    }

    #[test]
    fn every_byte_in_every_place_has_the_same_classes_on_all_paths() {
        #[cfg(target_arch = "x86_64")]
        println!("with AVX2: {}", std::arch::is_x86_feature_detected!("avx2"));
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut bytes = [0; BLOCK];
        // Miri takes a thousand times as long.
        for round in 0..if cfg!(miri) { 64 } else { 40_000_usize } {
            for b in &mut bytes {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                *b = (seed >> 40) as u8;
            }
            // Each byte stands in each place at least once.
            bytes[round % BLOCK] = (round / BLOCK) as u8;
            by_all_ways(&bytes);
        }
    }

    #[test]
    fn every_byte_of_a_text_counts() {
        let text: Vec<u8> = (0..200).map(|i| if i % 3 == 0 { b'-' } else { b'x' }).collect();
        for length in 0..=text.len() {
            let blocks = by_all_ways(&text[..length]);
            assert_eq!(blocks.len(), length.div_ceil(BLOCK));
            let dashes: u32 = blocks.iter().map(|block| block.dashes.count_ones()).sum();
            let words: u32 = blocks.iter().map(|block| block.words.count_ones()).sum();
            assert_eq!((dashes as usize, words as usize), (length.div_ceil(3), length));
        }
    }
}
