//! Reserved words: which stands at the position, and what ends a list.

use super::Dialect;
use super::chars::{self, META, is};
use super::parser::Parser;

/// What ends a list besides the end of the text.
pub(super) type Until = u16;
pub(super) const UNTIL_PAREN: Until = 1;
pub(super) const UNTIL_BRACE: Until = 2;
pub(super) const UNTIL_THEN: Until = 4;
pub(super) const UNTIL_ELSE: Until = 8;
pub(super) const UNTIL_FI: Until = 16;
pub(super) const UNTIL_DO: Until = 32;
pub(super) const UNTIL_DONE: Until = 64;
pub(super) const UNTIL_ESAC: Until = 128;
/// The end of a `case` arm.
pub(super) const UNTIL_ARM: Until = 256;
/// fish's `end`.
pub(super) const UNTIL_END: Until = 512;

/// Whether the text begins with this reserved word.
#[inline]
pub(super) fn begins(text: &[u8], word: &[u8]) -> bool {
    match text.strip_prefix(word) {
        Some([]) => true,
        Some([b'\\', next @ ..]) => next.first() == Some(&b'\n'),
        Some([next, ..]) => is(*next, META),
        None => false,
    }
}

impl Parser<'_> {
    /// The plain word at the position, which may be a reserved word.
    pub(super) fn bare_word(&self) -> &[u8] {
        let rest = self.rest();
        let mut len = 0;
        while len < rest.len()
            && len < 16
            && (is(rest[len], chars::PLAIN) || matches!(rest[len], b'{' | b'}' | b'['))
        {
            len += 1;
        }
        match rest.get(len) {
            None => &rest[..len],
            Some(&b) if is(b, META) => &rest[..len],
            Some(b'\r') => &rest[..len],
            Some(b'\\') if rest.get(len + 1) == Some(&b'\n') => &rest[..len],
            _ => &[],
        }
    }

    /// Whether this reserved word stands here.
    #[inline]
    pub(super) fn at_word(&self, word: &[u8]) -> bool {
        begins(self.rest(), word)
    }

    /// The length of the reserved word here that opens nothing; 0 where none stands.
    #[inline]
    pub(super) fn closing_word(&self) -> usize {
        let words: &[&[u8]] = match self.peek() {
            Some(b'}') => &[b"}"],
            Some(b't') => &[b"then"],
            Some(b'e') => &[b"else", b"elif", b"esac"],
            Some(b'f') => &[b"fi"],
            Some(b'd') => &[b"do", b"done"],
            _ => &[],
        };
        words.iter().find(|word| self.at_word(word)).map_or(0, |word| word.len())
    }

    pub(super) fn ends_list(&self, until: Until) -> bool {
        if until == 0 {
            return false;
        }
        match self.peek() {
            Some(b')') => until & UNTIL_PAREN != 0,
            Some(b';') => until & UNTIL_ARM != 0 && self.at_arm_end(),
            Some(first @ (b'}' | b't' | b'e' | b'f' | b'd')) => {
                let ends = |flag: Until, word: &[u8]| until & flag != 0 && self.at_word(word);
                match first {
                    b'}' => ends(UNTIL_BRACE, b"}"),
                    b't' => ends(UNTIL_THEN, b"then"),
                    b'f' => ends(UNTIL_FI, b"fi"),
                    b'd' => ends(UNTIL_DO, b"do") || ends(UNTIL_DONE, b"done"),
                    _ => {
                        ends(UNTIL_ELSE, b"else")
                            || ends(UNTIL_ELSE, b"elif")
                            || ends(UNTIL_ESAC, b"esac")
                            || ends(UNTIL_END, b"end")
                    }
                }
            }
            _ => false,
        }
    }

    /// Whether `;;`, `;&`, `;;&` or zsh's `;|` stands here.
    pub(super) fn at_arm_end(&self) -> bool {
        match self.peek_at(1) {
            Some(b';' | b'&') => true,
            Some(b'|') => self.dialect == Dialect::Zsh,
            _ => false,
        }
    }

    /// Consumes the reserved word if it stands here.
    pub(super) fn accept(&mut self, word: &[u8]) -> bool {
        let found = self.at_word(word);
        if found {
            self.pos += word.len();
        }
        found
    }

    /// Consumes the reserved word that must stand here.
    pub(super) fn expect(&mut self, word: &[u8]) {
        if !self.accept(word) {
            self.refuse();
        }
    }
}
