//! String tests over bytes.

use super::compiler::features;
use super::compiler::hash::text_hash;
use super::compiler::layout::{H_REGEX_AT, node_words, op};
use super::view::View;
use crate::shell::WordFlags;
use std::cell::Cell;
use std::sync::OnceLock;

/// A regular expression that is compiled when it is first asked.
#[derive(Debug, Default)]
pub(crate) struct LazyRegex(OnceLock<Option<Box<regex_automata::meta::Regex>>>);

impl LazyRegex {
    fn is_match(&self, pattern: &str, text: &[u8]) -> bool {
        let compiled = self.0.get_or_init(|| compile_regex(pattern).ok().map(Box::new));
        compiled.as_ref().is_some_and(|r| r.is_match(text))
    }
}

/// Compiles a rule's regular expression: bytes, ASCII classes, bounded memory.
pub(crate) fn compile_regex(pattern: &str) -> Result<regex_automata::meta::Regex, String> {
    use regex_automata::{meta, util::syntax};
    meta::Builder::new()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(
            meta::Config::new()
                .utf8_empty(false)
                .nfa_size_limit(Some(1 << 20))
                .hybrid_cache_capacity(1 << 18),
        )
        .build(pattern)
        .map_err(|e| e.to_string())
}

/// Something to test: bytes and what is known about the word.
#[derive(Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) flags: WordFlags,
    /// The pairs of bytes that were counted before.
    known: &'a Pairs,
}

impl<'a> Subject<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], flags: WordFlags, known: &'a Pairs) -> Self {
        Subject { bytes, flags, known }
    }

    #[inline]
    fn pairs(&self) -> u64 {
        self.known.of(self.bytes)
    }

    /// Whether it has all of these pairs: where not, it doesn't hold the text that has them.
    #[inline]
    fn has(&self, wanted: u64) -> bool {
        wanted == 0 || wanted & !self.pairs() == 0
    }
}

/// The pairs of bytes of texts, so that each text's are counted once for all tests of a command.
#[derive(Debug)]
pub(crate) struct Pairs {
    /// Address and length of a text, the command it was counted for, and its pairs.
    entries: [Cell<(usize, usize, u64, u64)>; Pairs::SLOTS],
    command: Cell<u64>,
}

impl Default for Pairs {
    fn default() -> Self {
        Pairs { entries: [const { Cell::new((0, 0, 0, 0)) }; Pairs::SLOTS], command: Cell::new(1) }
    }
}

impl Pairs {
    const SLOTS: usize = 64;

    /// Forgets all texts: what stands at their addresses may change.
    #[inline]
    pub(crate) fn forget(&self) {
        self.command.set(self.command.get() + 1);
    }

    #[inline]
    fn of(&self, text: &[u8]) -> u64 {
        let at = text.as_ptr() as usize;
        let entry = &self.entries[(at ^ text.len() << 3) % Pairs::SLOTS];
        let (address, length, command, pairs) = entry.get();
        if address == at && length == text.len() && command == self.command.get() {
            return pairs;
        }
        let pairs = features::pairs(text);
        entry.set((at, text.len(), self.command.get(), pairs));
        pairs
    }
}

/// Evaluates the nodes in `pc..end`, of which all must hold.
pub(crate) fn holds(v: View<'_>, regexes: &[LazyRegex], mut pc: usize, end: usize, s: &Subject<'_>) -> bool {
    while pc < end {
        let head = v.word(pc);
        let next = pc + node_words(head);
        if !node(v, regexes, head & 0xFF, pc, next, s) {
            return false;
        }
        pc = next;
    }
    true
}

fn some(v: View<'_>, regexes: &[LazyRegex], mut pc: usize, end: usize, s: &Subject<'_>) -> bool {
    while pc < end {
        let head = v.word(pc);
        let next = pc + node_words(head);
        if node(v, regexes, head & 0xFF, pc, next, s) {
            return true;
        }
        pc = next;
    }
    false
}

fn node(v: View<'_>, regexes: &[LazyRegex], code: u32, pc: usize, end: usize, s: &Subject<'_>) -> bool {
    let fold = code & op::NOCASE != 0;
    let bytes = s.bytes;
    let code = code & !op::NOCASE;
    if (op::IS..=op::GLOB).contains(&code)
        && !s.has(u64::from(v.word(pc + 3)) | u64::from(v.word(pc + 4)) << 32)
    {
        return false;
    }
    match code {
        op::ALL => holds(v, regexes, pc + 1, end, s),
        op::ANY => some(v, regexes, pc + 1, end, s),
        op::NONE => !some(v, regexes, pc + 1, end, s),
        op::IS => equal(bytes, v.text(pc + 1), fold),
        op::PREFIX => {
            let want = v.text(pc + 1);
            bytes.get(..want.len()).is_some_and(|b| equal(b, want, fold))
        }
        op::SUFFIX => {
            let want = v.text(pc + 1);
            bytes.len().checked_sub(want.len()).is_some_and(|at| equal(&bytes[at..], want, fold))
        }
        op::CONTAINS => find(bytes, v.text(pc + 1), fold, 0).is_some(),
        op::WORD => {
            let want = v.text(pc + 1);
            let inside = |i: Option<usize>| {
                i.and_then(|i| bytes.get(i)).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
            };
            let mut from = 0;
            while let Some(at) = find(bytes, want, fold, from) {
                if !inside(at.checked_sub(1)) && !inside(Some(at + want.len())) {
                    return true;
                }
                from = at + 1;
            }
            false
        }
        op::GLOB => glob(v.text(pc + 1), bytes, fold),
        op::SET => in_set(v, v.at(pc + 1), bytes),
        op::REGEX => {
            let index = v.at(pc + 1);
            let place = v.at(H_REGEX_AT) + 1 + 2 * index;
            regexes.get(index).is_some_and(|r| r.is_match(v.str(place), bytes))
        }
        op::WORD_FLAG => {
            let flag = match v.word(pc + 1) {
                1 => WordFlags::QUOTED,
                2 => WordFlags::GLOB,
                4 => WordFlags::UNRESOLVED,
                _ => WordFlags::DISGUISED,
            };
            s.flags.contains(flag) == (v.word(pc + 2) != 0)
        }
        op::LIST => list(v, regexes, pc, s),
        op::LENGTH => (v.at(pc + 1)..=v.at(pc + 2)).contains(&bytes.len()),
        _ => false,
    }
}

/// Any of several texts: those are compared whose bit the subject's pairs have, and all of whose pairs it has.
fn list(v: View<'_>, regexes: &[LazyRegex], pc: usize, s: &Subject<'_>) -> bool {
    let pairs = s.pairs();
    let mask = u64::from(v.word(pc + 1)) | u64::from(v.word(pc + 2)) << 32;
    let mut there = pairs & mask;
    while there != 0 {
        let below = mask & ((there & there.wrapping_neg()) - 1);
        let offsets = pc + op::LIST_OFFSETS + below.count_ones() as usize;
        let (mut at, end) = (pc + v.at(offsets), pc + v.at(offsets + 1));
        while let Some(&[head, _, _, low, high]) = v.slice(at, 5).first_chunk::<5>()
            && at < end
        {
            let next = at + node_words(head);
            let wanted = u64::from(low) | u64::from(high) << 32;
            if wanted & !pairs == 0 && node(v, regexes, head & 0xFF, at, next, s) {
                return true;
            }
            at = next;
        }
        there &= there - 1;
    }
    false
}

#[inline]
fn equal(a: &[u8], want: &[u8], fold: bool) -> bool {
    if fold { a.eq_ignore_ascii_case(want) } else { a == want }
}

/// The first place of `want` in `text` at or after `from`; `want` is in lower case where `fold` is set.
pub(crate) fn find(text: &[u8], want: &[u8], fold: bool, from: usize) -> Option<usize> {
    let (&first, rest) = want.split_first()?;
    let other = if fold { first.to_ascii_uppercase() } else { first };
    let mut at = from;
    loop {
        at += memchr::memchr2(first, other, text.get(at..)?)?;
        let tail = text.get(at + 1..at + want.len())?;
        if equal(tail, rest, fold) {
            return Some(at);
        }
        at += 1;
    }
}

fn in_set(v: View<'_>, at: usize, bytes: &[u8]) -> bool {
    let mask = v.at(at);
    let mut slot = text_hash(bytes) as usize & mask;
    // At most half of the slots are taken, so an empty one ends the search.
    for _ in 0..=mask {
        let entry = at + 1 + slot * 2;
        if v.word(entry + 1) == u32::MAX {
            return false;
        }
        if v.at(entry + 1) == bytes.len() && v.text(entry) == bytes {
            return true;
        }
        slot = (slot + 1) & mask;
    }
    false
}

/// Glob with `*`, `?`, `[…]` and `\`, where `*` stands for any bytes. Linear in text × pattern at worst.
pub(crate) fn glob(pattern: &[u8], text: &[u8], fold: bool) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match step(pattern, p, text[t], fold) {
            Step::Star => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Step::Fits(next) => {
                p = next;
                t += 1;
                continue;
            }
            Step::Fails => {}
        }
        match &mut star {
            Some((after, from)) => {
                *from += 1;
                p = *after;
                t = *from;
            }
            None => return false,
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|&b| b == b'*'))
}

enum Step {
    Star,
    Fits(usize),
    Fails,
}

fn step(pattern: &[u8], p: usize, b: u8, fold: bool) -> Step {
    let lower = |b: u8| if fold { b.to_ascii_lowercase() } else { b };
    let b = lower(b);
    match pattern.get(p) {
        None => Step::Fails,
        Some(b'*') => Step::Star,
        Some(b'?') => Step::Fits(p + 1),
        Some(b'\\') if p + 1 < pattern.len() => {
            if lower(pattern[p + 1]) == b {
                Step::Fits(p + 2)
            } else {
                Step::Fails
            }
        }
        Some(b'[') => {
            let mut i = p + 1;
            let negated = matches!(pattern.get(i), Some(b'!' | b'^'));
            i += usize::from(negated);
            let first = i;
            let mut fits = false;
            while let Some(&c) = pattern.get(i) {
                if c == b']' && i > first {
                    return if fits != negated { Step::Fits(i + 1) } else { Step::Fails };
                }
                if let (Some(b'-'), Some(&to)) = (pattern.get(i + 1), pattern.get(i + 2))
                    && to != b']'
                {
                    fits |= (lower(c)..=lower(to)).contains(&b);
                    i += 3;
                } else {
                    fits |= lower(c) == b;
                    i += 1;
                }
            }
            // No end of the class: an ordinary bracket.
            if b == b'[' { Step::Fits(p + 1) } else { Step::Fails }
        }
        Some(&c) => {
            if lower(c) == b {
                Step::Fits(p + 1)
            } else {
                Step::Fails
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, want) in [
            ("/dev/sd*", "/dev/sda1", true),
            ("/dev/sd?", "/dev/sda1", false),
            ("*.p[ey]m", "key.pem", true),
            ("*.p[!ey]m", "key.pem", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*", "", true),
            ("[0-9]*", "7z", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes(), false), want, "{pattern} on {text}");
        }
        assert!(glob(b"DROP *", b"drop table", true));
    }

    #[test]
    fn finding() {
        assert_eq!(find(b"aaab", b"ab", false, 0), Some(2));
        assert_eq!(find(b"xDROPx", b"drop", true, 0), Some(1));
        assert_eq!(find(b"abc", b"abcd", false, 0), None);
        assert_eq!(find(b"abcabc", b"abc", false, 1), Some(3));
    }
}
