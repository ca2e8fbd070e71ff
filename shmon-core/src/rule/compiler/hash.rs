//! The hashes that tables are built with and read with.

pub use crate::hash::{head, name_hash};

/// The hash of a program's name.
#[inline]
pub fn hash_of_name(name: &[u8]) -> u32 {
    name_hash(head(name), name.len(), name.last().copied().unwrap_or(0))
}

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

/// The slot of a gram's hash among 2^`bits`: the high bits, since low ones hardly depend on the bytes.
#[inline]
pub fn gram_slot(hash: u32, bits: u32) -> usize {
    (hash >> (32 - bits)) as usize
}

/// What tells nearly all grams apart that have the same slot: the low bits, which are those of the first two bytes.
#[inline]
pub fn gram_tag(hash: u32) -> [u8; 2] {
    (hash as u16).to_le_bytes()
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
