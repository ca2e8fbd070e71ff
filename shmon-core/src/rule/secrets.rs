//! Finds secrets in a command: values of known names (`PASSWORD=…`, `--token …`, `"secret": …`, `Authorization: …`),
//! passwords in URLs, tokens of known form, key blocks, and options of known programs (`mysql -p…`, `curl -u a:…`).
//!
//! The text is not scanned byte by byte: a value needs `=`, `:` or `--`, and a token is a long run of word characters; masks
//! of sixteen bytes at a time show them.

use super::compiler::hash::{KEY_ENDS, gram, gram_hash, key_end};
use super::compiler::layout::*;
use super::scratch::Facts;
use super::view::View;
use crate::redact::Secret;
use crate::shell::masks::{BLOCK, Block, Classes};
use crate::shell::{Analysis, Span};

/// No bytes of any class.
static NONE: Block = Block::NONE;

/// Bytes of a name that are looked at.
const NAME: usize = 48;

/// Puts every secret of the command into `found`, in order and without overlaps.
pub(crate) fn search<'a>(
    views: impl Iterator<Item = View<'a>>,
    command: &[u8],
    analysis: &Analysis,
    facts: &mut Facts,
    found: &mut Vec<Secret>,
) {
    found.clear();
    let classes = analysis.classes();
    // Most commands are of one block, and most show nothing.
    let short = match classes.blocks.as_slice() {
        [] => Some(Signs::of(&NONE, &NONE, &NONE)),
        [block] => Some(Signs::of(block, &NONE, &NONE)),
        _ => None,
    };
    for (layer, v) in (0..).zip(views) {
        let at = v.at(H_SECRETS_AT);
        if at == 0 {
            continue;
        }
        match &short {
            Some(signs) if !signs.any() => {}
            Some(signs) => Search { v, at, command, layer, found }.block(signs, classes),
            None => Search { v, at, command, layer, found }.text(classes),
        }
        // What is said about the programs was mostly looked up for the rules.
        let known = facts.slots.all(usize::from(layer));
        if known.is_none_or(|slots| slots.iter().any(|(slot, _)| v.takes_secrets(*slot))) {
            Search { v, at, command, layer, found }.programs(analysis, facts);
        }
    }
    if found.len() > 1 {
        found.sort_unstable_by_key(|s| (s.span.start, std::cmp::Reverse(s.span.end)));
        let mut end = 0;
        found.retain(|s| {
            let keep = s.span.start >= end;
            end = end.max(s.span.end);
            keep
        });
    }
}

/// The id and titles of a kind.
pub(crate) fn kind(v: View<'_>, number: u32) -> [&str; 3] {
    let at = v.at(v.at(H_SECRETS_AT) + C_KINDS_AT) + number as usize * KIND_WORDS;
    [v.str(at), v.str(at + 2), v.str(at + 4)]
}

pub(super) struct Search<'a, 'f> {
    pub(super) v: View<'a>,
    at: usize,
    pub(super) command: &'a [u8],
    layer: u8,
    pub(super) found: &'f mut Vec<Secret>,
}

/// What secrets show themselves by: bits of one block.
struct Signs {
    separators: u64,
    /// Where long runs of word characters begin.
    runs: u64,
    /// The second of two characters between words.
    doubles: u64,
}

impl Signs {
    /// Those of a block, from it and the ones before and after it.
    #[inline]
    fn of(block: &Block, before: &Block, after: &Block) -> Signs {
        Signs {
            separators: block.separators,
            runs: run_begins(block.words, before.words, after.words),
            doubles: doubles(block.joints, before.joints),
        }
    }

    #[inline]
    fn any(&self) -> bool {
        self.separators | self.runs | self.doubles != 0
    }
}

/// The signs of each block, with the place of its first byte.
#[inline]
fn signs(classes: &Classes) -> impl Iterator<Item = (usize, Signs)> {
    let block = |number: usize| classes.blocks.get(number).unwrap_or(&NONE);
    (0..classes.blocks.len()).map(move |number| {
        let before = block(number.wrapping_sub(1));
        (number * BLOCK, Signs::of(block(number), before, block(number + 1)))
    })
}

/// The places of the bits, from `first` on.
#[inline]
fn places(first: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = first + bits.trailing_zeros() as usize;
        (bits != 0).then(|| {
            bits &= bits - 1;
            place
        })
    })
}

/// Bits that follow others; `before` is the block before.
#[inline]
fn doubles(bits: u64, before: u64) -> u64 {
    bits & (bits << 1 | before >> (BLOCK - 1))
}

/// Where runs of at least [`LONG_RUN`] bits begin in `bits`, between the words of the block before and after.
#[inline]
fn run_begins(bits: u64, before: u64, after: u64) -> u64 {
    const { assert!(LONG_RUN == 16) };
    let begins = !(bits << 1 | before >> (BLOCK - 1));
    // Most end in their block.
    if bits >> (BLOCK - 1) & after & 1 == 0 {
        return [1, 2, 4, 8].iter().fold(bits, |run, step| run & run >> step) & begins;
    }
    let both = u128::from(after) << 64 | u128::from(bits);
    [1, 2, 4, 8].iter().fold(both, |run, step| run & run >> step) as u64 & begins
}

impl<'a> Search<'a, '_> {
    pub(super) fn push(&mut self, start: usize, end: usize, kind: u32) {
        if start < end {
            self.found.push(Secret { span: Span::new(start, end), layer: self.layer, kind });
        }
    }

    /// What a text of several blocks shows, whatever runs.
    #[inline(never)]
    fn text(&mut self, classes: &Classes) {
        signs(classes).for_each(|(first, signs)| self.shown(first, &signs, classes));
        signs(classes).fold(0, |from, (first, signs)| self.doubled(first, signs.doubles, from, classes));
    }

    /// What a text of one block shows, whatever runs.
    #[inline(never)]
    fn block(&mut self, signs: &Signs, classes: &Classes) {
        self.shown(0, signs, classes);
        self.doubled(0, signs.doubles, 0, classes);
    }

    /// What is found at separators and in long runs.
    #[inline]
    fn shown(&mut self, first: usize, signs: &Signs, classes: &Classes) {
        places(first, signs.separators).for_each(|at| self.separator(at));
        places(first, signs.runs).for_each(|at| self.run(at, classes));
    }

    /// What is found at two dashes, from `from` on; where the next ones may be.
    #[inline]
    fn doubled(&mut self, first: usize, seconds: u64, mut from: usize, classes: &Classes) -> usize {
        for second in places(first, seconds) {
            let at = second.saturating_sub(1);
            if at >= from && self.command.get(at..at + 2) == Some(b"--") {
                from = self.dashes(at, classes);
            }
        }
        from
    }

    /// What the programs are given.
    #[inline(never)]
    fn programs(&mut self, analysis: &Analysis, facts: &mut Facts) {
        let v = self.v;
        let Facts { arguments, slots, .. } = facts;
        arguments.reset();
        for (index, invocation) in analysis.invocations().enumerate() {
            let slot = slots.of(usize::from(self.layer), index);
            let slot = slot.unwrap_or_else(|| v.program(invocation.program()));
            if v.takes_secrets(slot) {
                arguments.read(v, v.slot_spec(slot), index, &invocation);
                self.options(slot, &invocation, arguments, analysis);
            }
        }
    }

    /// `name=value`, `name: value` and `://user:password@`, at `=` or `:`.
    #[inline(never)]
    fn separator(&mut self, at: usize) {
        let command = self.command;
        if command[at] == b':' && command.get(at + 1..at + 3) == Some(b"//") {
            return self.url(at + 3);
        }
        // `==`, `!=`, `:=`, `+=`, `::`
        if matches!(command.get(at + 1), Some(b'=' | b':' | b'~')) {
            return;
        }
        let mut end = at;
        let mut quoted = false;
        while let Some(b) = end.checked_sub(1).and_then(|i| command.get(i)) {
            match b {
                b'"' | b'\'' | b'\\' => quoted = true,
                b' ' if command[at] == b':' && at - end < 2 => {}
                _ => break,
            }
            end -= 1;
        }
        let Some((kind, min, schemes)) = self.key(end) else { return };
        let mut start = at + 1;
        if command[at] == b':' || quoted {
            while command.get(start) == Some(&b' ') {
                start += 1;
            }
        }
        self.value(start, kind, min, schemes);
    }

    /// `--name value`, and blocks that begin with `-----BEGIN`, at `--`; where the next one may be.
    fn dashes(&mut self, at: usize, classes: &Classes) -> usize {
        let command = self.command;
        let rest = command.get(at..).unwrap_or(&[]);
        if rest.starts_with(b"-----") {
            return self.begin(at, rest);
        }
        let end = classes.word_end(at);
        if command.get(end) == Some(&b' ')
            && let Some((kind, min, schemes)) = self.key(end)
            && !rest.starts_with(b"--no-")
        {
            let blanks = command[end..].iter().take_while(|b| **b == b' ').count();
            if command.get(end + blanks) != Some(&b'-') {
                self.value(end + blanks, kind, min, schemes);
            }
        }
        end.max(at + 2)
    }

    /// A block of text that may begin with the dashes at `at`; where it ends, or they do.
    #[cold]
    fn begin(&mut self, at: usize, rest: &[u8]) -> usize {
        let mut end = 5;
        for entry in self.v.list_of(self.v.at(self.at + C_BLOCKS_AT), 3) {
            if rest.starts_with(self.v.text(entry)) {
                end = memchr::memmem::find(rest, b"-----END").unwrap_or(rest.len());
                self.push(at, at + end, self.v.word(entry + 2));
            }
        }
        at + end.max(2)
    }

    /// The key whose name ends at `end`: kind, least length of a value, schemes.
    #[inline]
    pub(super) fn key(&self, end: usize) -> Option<(u32, u32, usize)> {
        // Most names are told apart by their last two bytes.
        let bit = key_end(*self.command.get(..end)?.last_chunk::<2>()?);
        let ends = self.v.slice(self.v.at(self.at + C_KEY_ENDS_AT), KEY_ENDS / 32);
        if ends.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 != 0) {
            self.known_key(end)
        } else {
            None
        }
    }

    #[cold]
    fn known_key(&self, end: usize) -> Option<(u32, u32, usize)> {
        let text = self.command.get(..end)?;
        // And by their last four, where nothing stands between them.
        let last = text.last_chunk::<4>()?;
        if last.iter().all(u8::is_ascii_alphanumeric) {
            self.keys(*last)?;
        }
        let mut name = [0u8; NAME];
        let mut length = 0;
        for &b in text.iter().rev().take(NAME) {
            if b.is_ascii_alphanumeric() {
                length += 1;
                name[NAME - length] = b.to_ascii_lowercase();
            } else if !JOINTS.contains(&b) {
                break;
            }
        }
        let name = &name[NAME - length..];
        let (count, first) = self.keys(*name.last_chunk()?)?;
        let v = self.v;
        (0..count).map(|i| first + i * KEY_WORDS).find_map(|key| {
            let (text, min) = (v.text(key), v.word(key + 3));
            let fits = if min & KEY_EXACT == 0 { name.ends_with(text) } else { name == text };
            fits.then(|| (v.word(key + 2), min & !KEY_EXACT, v.at(key + 4)))
        })
    }

    /// The keys that end so: how many, and where the first is.
    fn keys(&self, last: [u8; 4]) -> Option<(usize, usize)> {
        let (v, last) = (self.v, gram(last));
        let mask = v.at(self.at + C_KEY_MASK);
        let table = v.at(self.at + C_KEYS_AT);
        let mut slot = (gram_hash(last) >> 16) as usize & mask;
        loop {
            let &[entry, count, first] = v.slice(table + slot * 3, 3).first_chunk::<3>()?;
            if count == 0 {
                return None;
            }
            if entry == last {
                return Some((count as usize, first as usize));
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The value that begins at `start`.
    #[cold]
    pub(super) fn value(&mut self, mut start: usize, kind: u32, min: u32, schemes: usize) {
        let command = self.command;
        for _ in 0..2 {
            let scheme =
                self.v.strings(schemes).map(str::len).zip(self.v.strings(schemes)).find(|(len, s)| {
                    command.get(start..start + len).is_some_and(|w| w.eq_ignore_ascii_case(s.as_bytes()))
                        && command.get(start + len) == Some(&b' ')
                });
            match scheme {
                Some((len, _)) => start += len + 1,
                None => break,
            }
        }
        let (start, end) = extent(command, start);
        let value = command.get(start..end).unwrap_or(&[]);
        if value.len() >= min as usize && !is_placeholder(value) {
            self.push(start, end, kind);
        }
    }

    /// `user:password@host` from `start` on.
    #[cold]
    fn url(&mut self, start: usize) {
        let kind = self.v.word(self.at + C_URL);
        if kind == 0 {
            return;
        }
        let rest = self.command.get(start..).unwrap_or(&[]);
        if memchr::memchr(b'@', rest).is_none() {
            return;
        }
        let end = rest.iter().position(|b| b"/?# \t\n\"'`<>|;&()".contains(b)).unwrap_or(rest.len());
        let Some(at) = rest[..end].iter().rposition(|&b| b == b'@') else { return };
        let Some(colon) = rest[..at].iter().position(|&b| b == b':') else { return };
        let secret = &rest[colon + 1..at];
        if !is_placeholder(secret) {
            self.push(start + colon + 1, start + at, kind - 1);
        }
    }

    /// A token in the run of word characters that begins at `start`.
    #[inline(never)]
    fn run(&mut self, start: usize, classes: &Classes) {
        let end = classes.word_end(start);
        let option = self.command.get(start) == Some(&b'-');
        let mut at = start;
        while at < end {
            if let Some((length, kind)) = self.token(at) {
                return self.push(at, at + length, kind);
            }
            // A token begins where a word begins: after no letter or digit, or after a short option (`-pX`).
            at = match classes.joint(at) + 1 {
                next if option && at < start + 2 && next > start + 2 => start + 2,
                next => next,
            };
        }
    }

    /// The token that begins at `at`: its length and kind.
    #[inline]
    fn token(&self, at: usize) -> Option<(usize, u32)> {
        let v = self.v;
        let text = self.command.get(at..)?;
        let &[first, second, ..] = text else { return None };
        let row = v.at(self.at + C_TOKENS_AT) + 2 * usize::from(first);
        let seconds = v.word(row);
        if seconds >> (second & 31) & 1 != 0 { self.token_of(v.at(row + 1), text) } else { None }
    }

    #[cold]
    fn token_of(&self, entries: usize, text: &[u8]) -> Option<(usize, u32)> {
        let v = self.v;
        v.list_of(entries, TOKEN_WORDS).find_map(|entry| {
            let rest = text.strip_prefix(v.text(entry))?;
            let chars = v.slice(v.at(entry + 2), 8);
            let member = |b: &u8| chars.get(usize::from(b >> 5)).is_some_and(|w| w >> (b & 31) & 1 != 0);
            let count = rest.iter().take_while(|b| member(b)).count();
            // What follows directly must not be more of the same word.
            let more = rest.get(count).is_some_and(u8::is_ascii_alphanumeric);
            ((v.at(entry + 3)..=v.at(entry + 4)).contains(&count) && !more)
                .then(|| (text.len() - rest.len() + count, v.word(entry + 5)))
        })
    }
}

/// Begin and end of a value: in quotes up to the quote, else up to what ends a word.
fn extent(command: &[u8], start: usize) -> (usize, usize) {
    let rest = command.get(start..).unwrap_or(&[]);
    let escaped = usize::from(rest.first() == Some(&b'\\'));
    match rest.get(escaped) {
        Some(&quote @ (b'"' | b'\'')) => {
            let from = escaped + 1;
            let inner = &rest[from..];
            // The end of a quote that began before the name: `'Password: ' x`.
            if matches!(inner.first(), None | Some(b' ' | b'\n' | b')' | b';')) {
                return (start, start);
            }
            let mut end = inner.iter().position(|&b| b == quote).unwrap_or(inner.len());
            if escaped != 0 && inner[..end].last() == Some(&b'\\') {
                end -= 1;
            }
            (start + from, start + from + end)
        }
        _ => {
            let end = rest.iter().position(|b| b" \t\n\"'`;|&<>(),}".contains(b)).unwrap_or(rest.len());
            (start, start + end)
        }
    }
}

/// Whether the value stands for one that is elsewhere: a variable, a command, a template.
pub(super) fn is_reference(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'$' | b'`' | b'<' | b'{' | b'%' | b'*'))
}

/// Whether the value is no secret: a reference, a file, a word of an example, a word of a grammar.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let Some(&first) = value.first() else { return true };
    if is_reference(value) || matches!(first, b'/' | b'@' | b'[' | b'(' | b'~') || value.starts_with(b"./") {
        return true;
    }
    if value.iter().all(|b| *b == first) && !first.is_ascii_digit() {
        return true;
    }
    const WORDS: [&[u8]; 22] = [
        b"true",
        b"false",
        b"yes",
        b"no",
        b"none",
        b"null",
        b"nil",
        b"undefined",
        b"password",
        b"passwd",
        b"pass",
        b"secret",
        b"token",
        b"path/to/key",
        b"stdin",
        b"prompt",
        b"auto",
        b"required",
        b"optional",
        b"default",
        b"never",
        b"always",
    ];
    WORDS.iter().any(|w| value.eq_ignore_ascii_case(w)) || value.starts_with(b"path/to/")
}
