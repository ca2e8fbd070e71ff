//! Which of a program's arguments are options, values of options, and operands.

use super::compiler::features::head_bit;
use super::compiler::hash::letter_bit;
use super::compiler::layout::{SPEC_LONGS, SPELLING_WORDS};
use super::view::View;
use crate::shell::{Invocation, Word};

/// The arguments of one invocation, told apart; the buffers are reused.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Short options that occur, as letter bits.
    pub(crate) letters: u64,
    /// Indices of words that are options, in order, with the bits of their heads.
    options: Vec<(u32, u64)>,
    /// Indices of words that are operands, in order.
    pub(crate) operands: Vec<u32>,
    /// The invocation that this is about, and where its specification is.
    key: Option<(usize, usize)>,
}

impl Arguments {
    /// Forgets what it knew: another command comes.
    #[inline]
    pub(crate) fn reset(&mut self) {
        self.key = None;
    }

    /// Reads the arguments of invocation number `index`, unless they are known already.
    pub(crate) fn read(&mut self, v: View<'_>, spec: usize, index: usize, invocation: &Invocation<'_>) {
        if self.key == Some((index, spec)) {
            return;
        }
        self.key = Some((index, spec));
        self.letters = 0;
        self.options.clear();
        self.operands.clear();
        let spec = Spec::new(v, spec);
        let mut only_operands = false;
        let mut words = invocation.argv().enumerate().skip(1);
        while let Some((at, word)) = words.next() {
            let at = at as u32;
            let bytes = word.bytes;
            if only_operands || bytes.len() < 2 || !matches!(bytes.first(), Some(b'-' | b'+')) {
                self.operands.push(at);
                if spec.style == STYLE_BUNDLED && self.operands.len() == 1 && self.options.is_empty() {
                    self.letters |=
                        bytes.iter().filter_map(|b| letter_bit(*b)).fold(0, |m, bit| m | 1 << bit);
                }
                only_operands |= spec.style == STYLE_POSIX;
            } else if bytes == b"--" {
                only_operands = true;
            } else if bytes[0] == b'+' {
                // `+x` is an option for few programs (`set`, `bash`, `date`), an operand (a mode, a format) for others.
                self.options.push((at, head_bit(bytes)));
                self.operands.push(at);
            } else {
                self.options.push((at, head_bit(bytes)));
                match spec.shape(bytes, &mut self.letters) {
                    Shape::NextIsValue => {
                        words.next();
                    }
                    Shape::Complete => {}
                }
            }
        }
    }
}

const STYLE_POSIX: u32 = 1;
const STYLE_LONG: u32 = 2;
pub(crate) const STYLE_BUNDLED: u32 = 3;

enum Shape {
    Complete,
    NextIsValue,
}

struct Spec<'a> {
    v: View<'a>,
    at: usize,
    style: u32,
    /// Letters that take a value.
    values: u64,
}

impl<'a> Spec<'a> {
    fn new(v: View<'a>, at: usize) -> Self {
        if at == 0 {
            return Spec { v, at, style: 0, values: 0 };
        }
        Spec { v, at, style: v.word(at), values: letters(v, at + 1) }
    }

    /// Collects the letters of an option word, and says whether its value is the next word.
    fn shape(&self, bytes: &[u8], mask: &mut u64) -> Shape {
        if bytes.starts_with(b"--") || (self.style == STYLE_LONG && bytes.len() > 2) {
            return if self.long_takes_value(bytes) { Shape::NextIsValue } else { Shape::Complete };
        }
        let mut rest = &bytes[1..];
        while let Some((&b, tail)) = rest.split_first() {
            rest = tail;
            let Some(bit) = letter_bit(b) else { break };
            *mask |= 1 << bit;
            if self.values >> bit & 1 != 0 {
                return if tail.is_empty() { Shape::NextIsValue } else { Shape::Complete };
            }
        }
        if self.long_takes_value(bytes) { Shape::NextIsValue } else { Shape::Complete }
    }

    fn long_takes_value(&self, bytes: &[u8]) -> bool {
        self.at != 0
            && self.v.list_of(self.at + SPEC_LONGS, 2).any(|l| {
                let l = self.v.text(l);
                l == bytes || (bytes.len() >= 5 && bytes.starts_with(b"--") && l.starts_with(bytes))
            })
    }
}

fn letters(v: View<'_>, at: usize) -> u64 {
    u64::from(v.word(at)) | u64::from(v.word(at + 1)) << 32
}

/// The spellings of an option in bytecode: a mask of letters, then long spellings.
#[derive(Clone, Copy)]
pub(crate) struct Spellings<'a> {
    v: View<'a>,
    at: usize,
}

impl<'a> Spellings<'a> {
    pub(crate) fn new(v: View<'a>, at: usize) -> Self {
        Spellings { v, at }
    }

    /// One past its last word.
    pub(crate) fn end(self) -> usize {
        self.at + SPELLING_WORDS + 3 * self.count()
    }

    fn count(self) -> usize {
        self.v.at(self.at + SPELLING_WORDS - 1)
    }

    /// The heads of words that may be long spellings.
    fn heads(self) -> u64 {
        letters(self.v, self.at + 2)
    }

    fn letters(self) -> u64 {
        letters(self.v, self.at)
    }

    /// How a word spells this option: the length of the spelling in the word.
    fn spelt(self, word: &[u8]) -> Option<usize> {
        let end = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
        (0..self.count()).find_map(|i| {
            let at = self.at + SPELLING_WORDS + 3 * i;
            let (name, least) = (self.v.text(at), self.v.word(at + 2));
            if least == u32::MAX {
                // `-delete`: as it stands, perhaps with a value after `=` or, for `-Dname`, nothing else.
                return (word.get(..end) == Some(name)).then_some(end);
            }
            let given = word.get(2..end)?;
            (word.starts_with(b"--") && given.len() >= least as usize && name.starts_with(given))
                .then_some(end)
        })
    }

    /// Whether the option is there.
    pub(crate) fn present(self, arguments: &Arguments, invocation: &Invocation<'_>) -> bool {
        if self.letters() & arguments.letters != 0 {
            return true;
        }
        let heads = self.heads();
        heads != 0
            && arguments.options.iter().any(|&(i, head)| {
                head & heads != 0 && invocation.arg(i as usize).is_some_and(|w| self.spelt(w.bytes).is_some())
            })
    }

    /// Calls `test` with each value of the option (empty where it has none) until one fits.
    pub(crate) fn any_value(
        self,
        arguments: &Arguments,
        spec: usize,
        invocation: &Invocation<'_>,
        mut test: impl FnMut(Value<'_>) -> bool,
    ) -> bool {
        let wanted = self.letters();
        let heads = self.heads();
        let spec = Spec::new(self.v, spec);
        // Letters of words that may be long options (`-name`) are not collected.
        let letters = spec.style == STYLE_LONG || wanted & arguments.letters != 0;
        if !letters && arguments.options.iter().all(|(_, head)| head & heads == 0) {
            return false;
        }
        for &(index, head) in &arguments.options {
            let Some(word) = invocation.arg(index as usize) else { continue };
            let next = || invocation.arg(index as usize + 1);
            if head & heads != 0
                && let Some(end) = self.spelt(word.bytes)
            {
                let value = match word.bytes.get(end + 1..) {
                    Some(value) => Value { word, start: end + 1, bytes: value },
                    None => match next() {
                        Some(next) => Value { word: next, start: 0, bytes: next.bytes },
                        None => Value { word, start: word.bytes.len(), bytes: b"" },
                    },
                };
                if test(value) {
                    return true;
                }
                continue;
            }
            if !letters || word.bytes.starts_with(b"--") || word.bytes.first() != Some(&b'-') {
                continue;
            }
            let bytes = word.bytes;
            for at in 1..bytes.len() {
                let Some(bit) = bytes.get(at).and_then(|b| letter_bit(*b)) else { break };
                if wanted >> bit & 1 != 0 {
                    let value = if at + 1 < bytes.len() {
                        let start = at + 1 + usize::from(bytes[at + 1] == b'=');
                        Value { word, start, bytes: &bytes[start..] }
                    } else {
                        match next() {
                            Some(next) => Value { word: next, start: 0, bytes: next.bytes },
                            None => Value { word, start: bytes.len(), bytes: b"" },
                        }
                    };
                    if test(value) {
                        return true;
                    }
                    break;
                }
                if spec.values >> bit & 1 != 0 {
                    break;
                }
            }
        }
        false
    }
}

/// The value of an option: part of a word.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    /// The word that holds it.
    pub(crate) word: Word<'a>,
    /// Where in the word it begins.
    pub(crate) start: usize,
    /// The value.
    pub(crate) bytes: &'a [u8],
}
