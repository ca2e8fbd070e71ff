//! Classes of bytes, as tables.

/// A byte that a plain word may hold: none of it is special to any dialect anywhere in a word.
pub(super) const PLAIN: u8 = 1;
/// A byte that ends a word: blanks, newline and operators.
pub(super) const META: u8 = 2;
/// A byte of a name, not at its start.
pub(super) const NAME: u8 = 4;
/// A byte that starts a name.
pub(super) const NAME_START: u8 = 8;
/// A byte that is special inside double quotes.
pub(super) const QUOTE_SPECIAL: u8 = 16;
/// A glob character.
pub(super) const GLOB: u8 = 32;
/// A byte that ends a word, whatever follows it.
pub(super) const END: u8 = 64;
/// A byte that ends a literal part of a word.
pub(super) const STOP: u8 = 128;

const TABLE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        let mut class = 0;
        if b.is_ascii_alphabetic() || b == b'_' {
            class |= NAME | NAME_START;
        }
        if b.is_ascii_digit() {
            class |= NAME;
        }
        class |= match b {
            b' ' | b'\t' | b'\n' | b'|' | b'&' | b';' | b'(' | b')' | b'<' | b'>' => META,
            b'"' | b'$' | b'`' | b'\\' => QUOTE_SPECIAL,
            b'*' | b'?' | b'[' => GLOB,
            b'\'' | b'{' | b'}' => 0,
            _ => PLAIN,
        };
        if matches!(b, b' ' | b'\t' | b';' | b'|' | b'&') {
            class |= END;
        }
        if class & (META | QUOTE_SPECIAL) != 0 || matches!(b, b'\'' | b'{' | b'}' | b',') {
            class |= STOP;
        }
        table[i] = class;
        i += 1;
    }
    table
};

/// Whether the byte is of one of the classes.
#[inline]
pub(super) const fn is(b: u8, classes: u8) -> bool {
    TABLE[b as usize] & classes != 0
}

/// The length of the name (`[A-Za-z_][A-Za-z0-9_]*`) at the start of `text`.
pub(super) fn name_len(text: &[u8]) -> usize {
    match text.first() {
        Some(&b) if is(b, NAME_START) => text.iter().take_while(|&&b| is(b, NAME)).count(),
        _ => 0,
    }
}

/// Whether `part`, of some bytes, stands in the text; for short texts faster than a searcher is made.
#[inline]
pub(super) fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else { return true };
    let Some(starts) = (text.len() + 1).checked_sub(part.len()) else { return false };
    memchr::memchr_iter(*first, &text[..starts]).any(|at| text[at..].starts_with(part))
}
