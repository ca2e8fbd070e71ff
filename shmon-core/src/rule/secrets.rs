//! Finds secrets in a command: values of known names (`PASSWORD=…`, `--token …`, `"secret": …`, `Authorization: …`),
//! passwords in URLs, tokens of known form, key blocks, and options of known programs (`mysql -p…`, `curl -u a:…`).
//!
//! The text is not scanned byte by byte: a value needs `=`, `:` or `--`, and a token is a long run of word characters; masks
//! of sixteen bytes at a time show them.

use super::compiler::features::tail_bit;
use super::compiler::hash::{gram, gram_hash};
use super::compiler::layout::*;
use super::scratch::Facts;
use super::view::View;
use crate::redact::Secret;
use crate::shell::masks::{BLOCK, Block, Classes};
use crate::shell::{Analysis, Span};

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
    let Facts { arguments, slots, .. } = facts;
    for (layer, v) in (0..).zip(views) {
        let at = v.at(H_SECRETS_AT);
        if at == 0 {
            continue;
        }
        let ends = u64::from(v.word(at + C_KEY_ENDS)) | u64::from(v.word(at + C_KEY_ENDS_HIGH)) << 32;
        let mut search = Search { v, at, command, layer, ends, found };
        search.text(analysis.classes());
        arguments.reset();
        for (index, invocation) in analysis.invocations().enumerate() {
            let slot = slots.of(usize::from(layer), index).unwrap_or_else(|| v.program(invocation.program()));
            if !v.slot_secrets(slot).is_empty() {
                arguments.read(v, v.slot_spec(slot), index, &invocation);
                search.options(slot, &invocation, arguments, analysis);
            }
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
    /// The pairs of bytes that keys end with.
    ends: u64,
    pub(super) found: &'f mut Vec<Secret>,
}

/// Dashes that follow others; `before` is the block before.
#[inline]
fn doubles(dashes: u64, before: u64) -> u64 {
    dashes & (dashes << 1 | before >> (BLOCK - 1))
}

/// Where runs of at least [`LONG_RUN`] bits begin in `bits`, between the words of the block before and after.
#[inline]
fn run_begins(bits: u64, before: u64, after: u64) -> u64 {
    const { assert!(LONG_RUN == 16) };
    let mut run = u128::from(after) << 64 | u128::from(bits);
    for step in [1, 2, 4, 8] {
        run &= run >> step;
    }
    run as u64 & !(bits << 1 | before >> (BLOCK - 1))
}

impl Search<'_, '_> {
    pub(super) fn push(&mut self, start: usize, end: usize, kind: u32) {
        if start < end {
            self.found.push(Secret { span: Span::new(start, end), layer: self.layer, kind });
        }
    }

    /// What the text shows, whatever runs.
    fn text(&mut self, classes: &Classes) {
        let blocks = &classes.blocks;
        let (mut dashes_before, mut words_before) = (0, 0);
        let mut doubled = false;
        for (number, &Block { mut separators, dashes, words, .. }) in blocks.iter().enumerate() {
            while separators != 0 {
                self.separator(number * BLOCK + separators.trailing_zeros() as usize);
                separators &= separators - 1;
            }
            doubled |= doubles(dashes, dashes_before) != 0;
            let after = blocks.get(number + 1).map_or(0, |block| block.words);
            let mut runs = run_begins(words, words_before, after);
            while runs != 0 {
                let at = number * BLOCK + runs.trailing_zeros() as usize;
                self.run(at, classes.word_end(at));
                runs &= runs - 1;
            }
            (dashes_before, words_before) = (dashes, words);
        }
        if doubled {
            let (mut from, mut before) = (0, 0);
            for (number, &Block { dashes, .. }) in blocks.iter().enumerate() {
                let mut seconds = doubles(dashes, before);
                while seconds != 0 {
                    // The first of both.
                    let at = (number * BLOCK + seconds.trailing_zeros() as usize).saturating_sub(1);
                    if at >= from {
                        from = self.dashes(at, classes);
                    }
                    seconds &= seconds - 1;
                }
                before = dashes;
            }
        }
    }

    /// `name=value`, `name: value` and `://user:password@`, at `=` or `:`.
    #[inline]
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
        let mut end = classes.word_end(at) - at;
        if rest.starts_with(b"-----") {
            end = 5;
            for entry in self.v.list_of(self.v.at(self.at + C_BLOCKS_AT), 3) {
                if rest.starts_with(self.v.text(entry)) {
                    let stop = memchr::memmem::find(rest, b"-----END").unwrap_or(rest.len());
                    self.push(at, at + stop, self.v.word(entry + 2));
                    end = stop;
                }
            }
        } else if rest.get(end) == Some(&b' ')
            && !rest.starts_with(b"--no-")
            && let Some((kind, min, schemes)) = self.key(at + end)
        {
            let start = at + end + rest[end..].iter().take_while(|b| **b == b' ').count();
            if command.get(start) != Some(&b'-') {
                self.value(start, kind, min, schemes);
            }
        }
        at + end.max(2)
    }

    /// The key whose name ends at `end`: kind, least length of a value, schemes.
    #[inline]
    pub(super) fn key(&self, end: usize) -> Option<(u32, u32, usize)> {
        let tail = self.command.get(end.checked_sub(2)?..end)?;
        // Of names that end in a letter or digit most are told apart by their last two.
        if tail.iter().all(u8::is_ascii_alphanumeric) && self.ends & tail_bit(tail) == 0 {
            return None;
        }
        self.known_key(end)
    }

    fn known_key(&self, end: usize) -> Option<(u32, u32, usize)> {
        let v = self.v;
        let mut name = [0u8; NAME];
        let mut length = 0;
        let from = end.saturating_sub(NAME);
        for &b in self.command.get(from..end)?.iter().rev() {
            match b {
                b'_' | b'-' | b'.' => {}
                _ if b.is_ascii_alphanumeric() => {
                    length += 1;
                    name[NAME - length] = b.to_ascii_lowercase();
                }
                _ => break,
            }
        }
        let name = &name[NAME - length..];
        let last = gram(*name.last_chunk::<4>()?);
        let mask = v.at(self.at + C_KEY_MASK);
        let table = v.at(self.at + C_KEYS_AT);
        let mut slot = (gram_hash(last) >> 16) as usize & mask;
        loop {
            let entry = table + slot * 3;
            let count = v.at(entry + 1);
            if count == 0 {
                return None;
            }
            if v.word(entry) == last {
                let first = v.at(entry + 2);
                return (0..count).map(|i| first + i * KEY_WORDS).find_map(|key| {
                    let (text, min) = (v.text(key), v.word(key + 3));
                    let fits = if min & KEY_EXACT == 0 { name.ends_with(text) } else { name == text };
                    fits.then(|| (v.word(key + 2), min & !KEY_EXACT, v.at(key + 4)))
                });
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The value that begins at `start`.
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

    /// A token in a run of word characters.
    fn run(&mut self, start: usize, end: usize) {
        let first = self.v.at(self.at + C_TOKENS_AT);
        let run = self.command.get(start..end).unwrap_or(&[]);
        let option = run.first() == Some(&b'-');
        let mut inside = false;
        for (nth, byte) in run.iter().enumerate() {
            // A token begins where a word begins: after no letter or digit, or after a short option (`-pX`).
            if !inside || (nth == 2 && option) {
                let entries = self.v.at(first + usize::from(*byte));
                if entries != 0
                    && let Some((length, kind)) = self.token(entries, &self.command[start + nth..])
                {
                    self.push(start + nth, start + nth + length, kind);
                    return;
                }
            }
            inside = byte.is_ascii_alphanumeric();
        }
    }

    fn token(&self, entries: usize, text: &[u8]) -> Option<(usize, u32)> {
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
