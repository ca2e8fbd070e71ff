//! Reading the compiled form: every access is bounds-checked, a wrong index reads as nothing.

use super::compiler::hash::{hash_of_name, head, prefix_slot};
use super::compiler::layout::*;
use crate::{Level, Text};

/// The compiled form, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) words: &'a [u32],
    pub(crate) bytes: &'a [u8],
}

/// A slot of the program table; [`Slot::NONE`] where the program has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u32);

impl Slot {
    pub(crate) const NONE: Slot = Slot(0);
}

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn word(self, at: usize) -> u32 {
        self.words.get(at).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn at(self, index: usize) -> usize {
        self.word(index) as usize
    }

    #[inline]
    pub(crate) fn slice(self, at: usize, len: usize) -> &'a [u32] {
        self.words.get(at..at.saturating_add(len)).unwrap_or(&[])
    }

    /// The string whose offset and length stand at `at`.
    #[inline]
    pub(crate) fn text(self, at: usize) -> &'a [u8] {
        let start = self.at(at);
        self.bytes.get(start..start + self.at(at + 1)).unwrap_or(&[])
    }

    pub(crate) fn str(self, at: usize) -> &'a str {
        std::str::from_utf8(self.text(at)).unwrap_or("")
    }

    /// A list after its count.
    #[inline]
    pub(crate) fn list(self, at: usize) -> &'a [u32] {
        self.slice(at + 1, self.at(at))
    }

    /// Strings after their count.
    pub(crate) fn strings(self, at: usize) -> impl ExactSizeIterator<Item = &'a str> + Clone {
        (0..self.at(at)).map(move |i| self.str(at + 1 + 2 * i))
    }

    /// What is said about a program of this name.
    #[inline]
    pub(crate) fn program(self, name: &[u8]) -> Slot {
        self.program_hashed(name, hash_of_name(name))
    }

    /// The same for a name whose hash is known.
    #[inline]
    pub(crate) fn program_hashed(self, name: &[u8], hash: u32) -> Slot {
        let Some(&first) = name.first() else { return Slot::NONE };
        let exact = self.find(name, hash, name.len() as u32);
        if exact != Slot::NONE {
            return exact;
        }
        let prefixes = self.at(H_PREFIX_AT);
        if prefixes != 0 {
            let second = name.get(1).copied().unwrap_or(0);
            let mut lengths = self.word(prefixes + prefix_slot(first, second));
            while lengths != 0 {
                let length = 31 - lengths.leading_zeros();
                lengths &= !(1 << length);
                if let Some(stem) = name.get(..length as usize) {
                    let slot = self.find(stem, hash_of_name(stem), length | S_PREFIX);
                    if slot != Slot::NONE {
                        return slot;
                    }
                }
            }
        }
        Slot::NONE
    }

    #[inline]
    fn find(self, name: &[u8], hash: u32, tagged: u32) -> Slot {
        let low = head(name);
        let mask = self.at(H_PROGRAM_MASK);
        let table = self.at(H_PROGRAM_AT);
        let mut slot = hash as usize & mask;
        loop {
            let at = table + slot * SLOT_WORDS;
            let Some(record) = self.words.get(at..).and_then(|rest| rest.first_chunk::<SLOT_WORDS>()) else {
                return Slot::NONE;
            };
            if record[S_LEN] == 0 {
                return Slot::NONE;
            }
            if record[S_LEN] == tagged
                && record[S_LOW] == low as u32
                && record[S_HIGH] == (low >> 32) as u32
                && (name.len() <= 8 || self.text_at(record[S_NAME], name.len()) == name)
            {
                return Slot(at as u32);
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    fn text_at(self, at: u32, len: usize) -> &'a [u8] {
        self.bytes.get(at as usize..at as usize + len).unwrap_or(&[])
    }

    /// What stands in a slot; zeros where there is none.
    #[inline]
    pub(crate) fn slot(self, slot: Slot) -> &'a [u32; SLOT_WORDS] {
        let there = if slot == Slot::NONE { None } else { self.words.get(slot.0 as usize..) };
        there.and_then(|rest| rest.first_chunk()).unwrap_or(&[0; SLOT_WORDS])
    }

    /// The groups of rules that a program wakes, from its slot: how many, and where the first is.
    #[inline]
    pub(crate) fn slot_rules(record: &[u32; SLOT_WORDS]) -> (u32, usize) {
        (record[S_COUNT] & ((1 << S_CLASS) - 1), record[S_RULES_AT] as usize)
    }

    /// The program's class as a bit, see [`CLASSES`], where its rules need atoms.
    #[inline]
    pub(crate) fn slot_concern(self, slot: Slot) -> u32 {
        let count = if slot == Slot::NONE { 0 } else { self.word(slot.0 as usize + S_COUNT) };
        u32::from(count & S_ATOMS != 0) << (count >> S_CLASS & 31)
    }

    /// Where the program's option specification is; 0 for none.
    #[inline]
    pub(crate) fn slot_spec(self, slot: Slot) -> usize {
        if slot == Slot::NONE { 0 } else { self.at(slot.0 as usize + S_SPEC) }
    }

    /// Whether the program is given secrets.
    #[inline]
    pub(crate) fn takes_secrets(self, slot: Slot) -> bool {
        slot != Slot::NONE && self.word(slot.0 as usize + S_SECRETS_AT) != 0
    }

    #[inline]
    pub(crate) fn slot_secrets(self, slot: Slot) -> &'a [u32] {
        match if slot == Slot::NONE { 0 } else { self.at(slot.0 as usize + S_SECRETS_AT) } {
            0 => &[],
            at => self.list(at),
        }
    }

    /// The places of the entries of a list of records of `words` words, after their count.
    pub(crate) fn list_of(self, at: usize, words: usize) -> impl Iterator<Item = usize> {
        (0..self.at(at)).map(move |i| at + 1 + i * words)
    }

    pub(crate) fn rules(self) -> usize {
        self.at(H_RULES)
    }

    /// Where a rule's record begins.
    #[inline]
    pub(crate) fn rule(self, index: u32) -> usize {
        self.at(H_RULES_AT) + index as usize * RULE_WORDS
    }

    #[inline]
    pub(crate) fn rule_level(self, index: u32) -> Level {
        Level::from_u8(self.word(self.rule(index) + R_LEVEL) as u8).unwrap_or_default()
    }

    pub(crate) fn rule_text(self, index: u32, english: usize) -> Text {
        let at = self.rule(index) + english;
        let ja = self.str(at + 2);
        Text { en: self.str(at).to_owned(), ja: (!ja.is_empty()).then(|| ja.to_owned()) }
    }

    pub(crate) fn rule_id(self, index: u32) -> &'a str {
        self.str(self.rule(index) + R_ID)
    }
}
