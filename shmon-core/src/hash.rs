//! The hash of a program's name, with which tables of programs are built and read.

/// The first eight bytes of a name as a number, padded with zeros.
#[inline]
pub const fn head(name: &[u8]) -> u64 {
    if let Some(first) = name.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    let n = name.len();
    if let (Some(a), Some(b)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        return u32::from_le_bytes(*a) as u64 | (u32::from_le_bytes(*b) as u64) << (8 * (n - 4));
    }
    match *name {
        [a, b, c] => a as u64 | (b as u64) << 8 | (c as u64) << 16,
        [a, b] => a as u64 | (b as u64) << 8,
        [a] => a as u64,
        _ => 0,
    }
}

/// Whether one of the eight bytes is this one.
#[inline]
pub(crate) const fn has_byte(eight: u64, byte: u8) -> bool {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    let other = eight ^ (LOWEST * byte as u64);
    other.wrapping_sub(LOWEST) & !other & (LOWEST << 7) != 0
}

/// The hash of a name, from its [`head`], length and last byte.
#[inline]
pub const fn name_hash(head: u64, len: usize, last: u8) -> u32 {
    let x = head ^ ((len as u64) << 56) ^ ((last as u64) << 48);
    (x.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}
