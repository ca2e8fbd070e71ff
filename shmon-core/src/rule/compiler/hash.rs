//! The hashes that tables are built with and read with.

pub use crate::hash::{head, name_hash};

/// Slots of the table of prefixes.
pub const PREFIX_SLOTS: usize = 1024;

/// The slot of names that begin with these two bytes; 0 stands for none.
#[inline]
pub fn prefix_slot(first: u8, second: u8) -> usize {
    let both = u32::from(first) << 8 | u32::from(second);
    (both.wrapping_mul(0x9E37_79B1) >> 22) as usize
}

/// The hash of a gram.
#[inline]
pub fn gram_hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1)
}

/// Where a gram's hash stands in a filter of 2^`bits` bits: the word, by its high bits, and the bit, by its low ones (which
/// costs no shift).
#[inline]
pub fn gram_bit(hash: u32, bits: u32) -> (usize, u32) {
    ((hash >> (37 - bits)) as usize, hash & 31)
}

/// The slot of a gram's hash in a table of `mask` + 1 slots: the high bits, since low ones hardly depend on the bytes.
#[inline]
pub fn gram_slot(hash: u32, mask: u32) -> usize {
    ((u64::from(hash) * (u64::from(mask) + 1)) >> 32) as usize
}

/// Four bytes as a gram: ASCII letters in any case are the same (some other characters become the same too).
#[inline]
pub fn gram(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) | 0x2020_2020
}

/// Bits of the filter of the pairs that keys end with.
pub const KEY_ENDS: usize = 2048;

/// The bit of two bytes in the filter of the pairs that keys end with, letters in any case.
#[inline]
pub fn key_end(bytes: [u8; 2]) -> usize {
    let both = u32::from(u16::from_le_bytes(bytes) | 0x2020);
    (both.wrapping_mul(0x9E37_79B1) >> 21) as usize
}

/// FNV-1a, for sets of strings.
pub fn text_hash(text: &[u8]) -> u32 {
    text.iter().fold(0x811C_9DC5_u32, |h, &b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

/// The bit of a short option in a mask; `None` for characters that are no option letters.
#[inline]
pub const fn letter_bit(b: u8) -> Option<u32> {
    const NONE: u8 = u8::MAX;
    const TABLE: [u8; 256] = {
        let mut table = [NONE; 256];
        let mut b = 0;
        while b < 26 {
            table[b'a' as usize + b] = b as u8;
            table[b'A' as usize + b] = b as u8 + 26;
            b += 1;
        }
        let mut b = 0;
        while b < 10 {
            table[b'0' as usize + b] = b as u8 + 52;
            b += 1;
        }
        table[b'?' as usize] = 62;
        table[b'@' as usize] = 63;
        table
    };
    match TABLE[b as usize] {
        NONE => None,
        bit => Some(bit as u32),
    }
}
