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
    /// ` `
    pub(super) spaces: u64,
    /// `'`
    single: u64,
    /// Bytes that are special inside double quotes.
    double: u64,
    /// `=` and `:`
    pub(crate) separators: u64,
    /// `-`, `_` and `.`
    pub(crate) joints: u64,
    /// Letters, digits, `-`, `_` and `.`
    pub(crate) words: u64,
}

impl Block {
    /// No byte of any class.
    pub(crate) const NONE: Block =
        Block { special: 0, spaces: 0, single: 0, double: 0, separators: 0, joints: 0, words: 0 };
}

/// The classes of a text's bytes; the buffer is reused.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    pub(crate) blocks: Vec<Block>,
    length: usize,
}

impl Classes {
    /// Reads another text, which is lengthened and shortened again meanwhile.
    #[inline]
    pub(super) fn read(&mut self, text: &mut Vec<u8>) {
        self.blocks.clear();
        self.length = text.len();
        // Zeros are in no class.
        text.extend_from_slice(&[0; BLOCK]);
        let (blocks, _) = text.as_chunks::<BLOCK>();
        read(blocks.get(..self.length.div_ceil(BLOCK)).unwrap_or(&[]), &mut self.blocks);
        text.truncate(self.length);
    }

    /// The text's length.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether the text is of plain bytes and spaces.
    #[inline]
    pub(super) fn are_plain(&self) -> bool {
        let others = |block: &Block| block.special ^ block.spaces;
        match self.blocks.as_slice() {
            [block] => others(block) == 0,
            blocks => blocks.iter().all(|block| others(block) == 0),
        }
    }

    /// Whether there is a `=` or `:`.
    #[inline]
    pub(super) fn has_separators(&self) -> bool {
        match self.blocks.as_slice() {
            [block] => block.separators != 0,
            blocks => blocks.iter().any(|block| block.separators != 0),
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

    /// The first `-`, `_` or `.` from `at` on.
    #[inline]
    pub(crate) fn joint(&self, at: usize) -> usize {
        self.next(at, |block| block.joints)
    }

    /// The first byte from `at` on that is none of a word.
    #[inline]
    pub(crate) fn word_end(&self, at: usize) -> usize {
        self.next(at, |block| !block.words)
    }

    /// The plain words from `at` on that have a space behind them: where the first word that has none begins, and where its
    /// plain bytes end. None of them begins with `#`.
    #[inline(always)]
    pub(super) fn plain_words(
        &self,
        at: usize,
        text: &[u8],
        mut word: impl FnMut(usize, usize),
    ) -> (usize, usize) {
        let mut start = at;
        let mut number = at / BLOCK;
        let mut from = u64::MAX << (at % BLOCK);
        while let Some(block) = self.blocks.get(number) {
            let mut special = block.special & from;
            while special != 0 {
                let end = number * BLOCK + special.trailing_zeros() as usize;
                let lowest = special & special.wrapping_neg();
                if block.spaces & lowest == 0 || end >= text.len() {
                    return (start, end);
                }
                if start < end {
                    if text[start] == b'#' {
                        return (start, end);
                    }
                    word(start, end);
                }
                start = end + 1;
                special ^= lowest;
            }
            number += 1;
            from = u64::MAX;
        }
        (start, self.length)
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
fn read(text: &[[u8; BLOCK]], blocks: &mut Vec<Block>) {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: `avx2::read` needs nothing but a processor that has AVX2, and this one says that it has.
        unsafe { avx2::read(text, blocks) }
    } else {
        blocks.extend(text.iter().map(sse2::block));
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn read(text: &[[u8; BLOCK]], blocks: &mut Vec<Block>) {
    blocks.extend(text.iter().map(portable::block));
}

/// What the masks of a text say, and its bytes one by one, or the masks that other instructions make, don't; `None` where all
/// agree.
pub(super) fn disagreement(text: &[u8]) -> Option<&'static str> {
    let length = text.len();
    let mut padded = text.to_vec();
    let mut classes = Classes::default();
    classes.read(&mut padded);
    padded.resize(length.next_multiple_of(BLOCK), 0);
    let (blocks, _) = padded.as_chunks::<BLOCK>();
    if !blocks.iter().map(portable::block).eq(classes.blocks.iter().copied()) {
        return Some("blocks by tables");
    }
    #[cfg(target_arch = "x86_64")]
    if !blocks.iter().map(sse2::block).eq(classes.blocks.iter().copied()) {
        return Some("blocks with SSE2");
    }
    type Find = fn(&Classes, usize) -> usize;
    type Is = fn(u8) -> bool;
    let finds: [(&str, Find, Is); 6] = [
        ("special", Classes::special, |b| !chars::is(b, PLAIN)),
        ("single", Classes::single, |b| b == b'\''),
        ("double", Classes::double, |b| chars::is(b, QUOTE_SPECIAL)),
        ("separator", Classes::separator, |b| matches!(b, b'=' | b':')),
        ("joint", Classes::joint, |b| matches!(b, b'_' | b'-' | b'.')),
        ("word_end", Classes::word_end, |b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))),
    ];
    finds.into_iter().find_map(|(name, find, is)| {
        let mut next = length;
        let wrong = |at| {
            if text.get(at).is_some_and(|&b| is(b)) {
                next = at;
            }
            find(&classes, at) != next
        };
        (0..=length).rev().any(wrong).then_some(name)
    })
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Block};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx2")]
    pub(super) fn read(text: &[[u8; BLOCK]], blocks: &mut Vec<Block>) {
        for bytes in text {
            blocks.push(block(bytes));
        }
    }

    /// Where a byte's highest bit is set.
    #[target_feature(enable = "avx2")]
    fn highest([low, high]: [__m256i; 2]) -> u64 {
        let mask = |x| u64::from(_mm256_movemask_epi8(x) as u32);
        mask(low) | mask(high) << 32
    }

    #[target_feature(enable = "avx2")]
    fn is(halves: [__m256i; 2], byte: u8) -> u64 {
        let byte = _mm256_set1_epi8(byte as i8);
        let [low, high] = halves;
        highest([_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte)])
    }

    /// Where one of the bits is set.
    #[target_feature(enable = "avx2")]
    fn any(halves: [__m256i; 2], bits: u8) -> u64 {
        let bits = _mm256_set1_epi8(bits as i8);
        let [low, high] = halves;
        !is([_mm256_and_si256(low, bits), _mm256_and_si256(high, bits)], 0)
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
        // Joints of words: 2D 2E; 5F. The rest of words: 30 to 39; 41 to 4F and 61 to 6F; 50 to 5A and 70 to 7A. And
        // separators: 3A 3D.
        const WORD_ROWS: [i64; 2] = table([
            (0x01, &[0x2]),
            (0x02, &[0x5]),
            (0x04, &[0x3]),
            (0x08, &[0x4, 0x6]),
            (0x10, &[0x5, 0x7]),
            (SEPARATOR, &[0x3]),
        ]);
        const WORD_COLUMNS: [i64; 2] = table([
            (0x01, &[0xD, 0xE]),
            (0x02, &[0xF]),
            (0x04, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (0x08, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0xE, 0xF]),
            (0x10, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xA]),
            (SEPARATOR, &[0xA, 0xD]),
        ]);
        const JOINT: u8 = 0x03;
        const ALPHANUMERIC: u8 = 0x1C;
        // The highest bit, so that no comparison is needed.
        const SEPARATOR: u8 = 0x80;
        let (eights, _) = bytes.as_chunks::<8>();
        let &[a, b, c, d, e, f, g, h] = eights else { return Block::default() };
        let halves = [four(a, b, c, d), four(e, f, g, h)];
        let fifteen = _mm256_set1_epi8(0x0F);
        let rows = halves.map(|x| _mm256_and_si256(_mm256_srli_epi16::<4>(x), fifteen));
        // A byte above 7F has column 0, and its row is in no class.
        let special = rectangles(rows, halves, ROWS, COLUMNS);
        let words = rectangles(rows, halves, WORD_ROWS, WORD_COLUMNS);
        let joints = any(words, JOINT);
        Block {
            special: any(special, u8::MAX),
            spaces: is(halves, b' '),
            single: is(halves, b'\''),
            double: any(special, QUOTED_2 | QUOTED_5 | QUOTED_6),
            separators: highest(words),
            joints,
            words: joints | any(words, ALPHANUMERIC),
        }
    }

    /// Thirty-two bytes.
    #[target_feature(enable = "avx2")]
    fn four(a: [u8; 8], b: [u8; 8], c: [u8; 8], d: [u8; 8]) -> __m256i {
        let [a, b, c, d] = [a, b, c, d].map(i64::from_le_bytes);
        _mm256_set_epi64x(d, c, b, a)
    }

    /// The bits that both the row and the column of each byte have.
    #[target_feature(enable = "avx2")]
    fn rectangles(
        row: [__m256i; 2],
        column: [__m256i; 2],
        rows: [i64; 2],
        columns: [i64; 2],
    ) -> [__m256i; 2] {
        let [low, high] = rows;
        let rows = _mm256_set_epi64x(high, low, high, low);
        let [low, high] = columns;
        let columns = _mm256_set_epi64x(high, low, high, low);
        let both = |row, column| {
            _mm256_and_si256(_mm256_shuffle_epi8(rows, row), _mm256_shuffle_epi8(columns, column))
        };
        [both(row[0], column[0]), both(row[1], column[1])]
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
            block.spaces |= mask(is(x, b' '));
            block.single |= mask(is(x, b'\''));
            block.double |= mask(double);
            block.separators |= mask(any([is(x, b'='), is(x, b':')]));
            let joints = any([range(x, b'-', b'.'), is(x, b'_')]);
            block.joints |= mask(joints);
            block.words |= mask(any([letters, range(x, b'0', b'9'), joints]));
        }
        block
    }
}

mod portable {
    use super::{BLOCK, Block, PLAIN, QUOTE_SPECIAL, chars};

    pub(super) fn block(bytes: &[u8; BLOCK]) -> Block {
        let mask = |is: fn(u8) -> bool| bytes.iter().rev().fold(0, |mask, &b| mask << 1 | u64::from(is(b)));
        Block {
            special: mask(|b| !chars::is(b, PLAIN)),
            spaces: mask(|b| b == b' '),
            single: mask(|b| b == b'\''),
            double: mask(|b| chars::is(b, QUOTE_SPECIAL)),
            separators: mask(|b| matches!(b, b'=' | b':')),
            joints: mask(|b| matches!(b, b'_' | b'-' | b'.')),
            words: mask(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(disagreement(&bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn every_byte_of_a_text_counts() {
        let text: Vec<u8> = (0..200).map(|i| if i % 3 == 0 { b'-' } else { b'x' }).collect();
        for length in (0..=text.len()).filter(|n| !cfg!(miri) || n % BLOCK < 2 || n % BLOCK == BLOCK - 1) {
            assert_eq!(disagreement(&text[..length]), None);
            let mut classes = Classes::default();
            classes.read(&mut text[..length].to_vec());
            let blocks = classes.blocks;
            assert_eq!(blocks.len(), length.div_ceil(BLOCK));
            let joints: u32 = blocks.iter().map(|block| block.joints.count_ones()).sum();
            let words: u32 = blocks.iter().map(|block| block.words.count_ones()).sum();
            assert_eq!((joints as usize, words as usize), (length.div_ceil(3), length));
        }
    }
}
