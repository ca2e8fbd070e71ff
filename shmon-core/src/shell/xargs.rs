//! Lists of arguments: `xargs` and GNU `parallel`, with the items where the input is known.

use super::analysis::{Range32, ViaKind, WordFlags, WordRec};
use super::machine::Machine;
use super::state::{Input, Val};
use super::wrap::{XARGS_LONG, XARGS_SHORT, listed, replace_all};

/// Options of parallel that take a value.
pub(super) const PARALLEL_SHORT: &str = "jaSCInNPLsE";
pub(super) const PARALLEL_LONG: &str = "jobs arg-file sshlogin delay timeout colsep replace max-args joblog results tmpdir block \
        recstart recend retries nice load memfree tagstring max-procs max-replace-args max-lines max-chars workdir \
        env halt sshloginfile wd transferfile basefile return arg-sep arg-file-sep trim shuf-seed compress-program profile";

/// Runs of one `xargs` that are followed.
const MOST_RUNS: usize = 16;

impl Machine<'_> {
    pub(super) fn xargs(&mut self, argv: Range32) {
        self.write_unknown();
        let mut replace: Option<Vec<u8>> = None;
        let (mut delimiter, mut per) = (None, None);
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            if word.len() < 2 || word[0] != b'-' {
                break;
            }
            next += 1;
            if word == b"--" {
                break;
            }
            if let Some(name) = word.strip_prefix(b"--") {
                let (name, value) = match name.iter().position(|&b| b == b'=') {
                    Some(at) => (&name[..at], Some(&name[at + 1..])),
                    None => (name, None),
                };
                match name {
                    b"replace" => replace = Some(value.unwrap_or(b"{}").to_vec()),
                    b"null" => delimiter = Some(0),
                    b"max-args" => per = count(value.unwrap_or_else(|| self.arg_text(next))),
                    b"delimiter" => {
                        let value = value.unwrap_or_else(|| self.arg_text(next));
                        delimiter = delimiter_byte(value);
                    }
                    _ => {}
                }
                if value.is_none() && listed(XARGS_LONG, name) {
                    next += 1;
                }
                continue;
            }
            let word = word.to_vec();
            for (i, b) in word.iter().enumerate().skip(1) {
                let rest = &word[i + 1..];
                match b {
                    b'0' => delimiter = Some(0),
                    b'i' => {
                        replace = Some(if rest.is_empty() { b"{}".to_vec() } else { rest.to_vec() });
                        break;
                    }
                    b'e' | b'l' => break,
                    _ if XARGS_SHORT.as_bytes().contains(b) => {
                        let value = if rest.is_empty() {
                            next += 1;
                            self.arg_text(next - 1).to_vec()
                        } else {
                            rest.to_vec()
                        };
                        match b {
                            b'I' | b'J' => replace = Some(value),
                            b'd' => delimiter = delimiter_byte(&value),
                            b'n' => per = count(&value),
                            _ => {}
                        }
                        break;
                    }
                    _ => {}
                }
            }
        }
        let via = Machine::via(ViaKind::Wrapper, "xargs");
        let mut inner = Range32 { start: next.min(argv.end), end: argv.end };
        if inner.is_empty() {
            let range = self.intern(b"echo");
            let span = self.arg(argv.start).span;
            let start = self.a.words.len() as u32;
            let (at, len) = (range.start, range.len() as u32);
            self.a.words.push(WordRec { start: at, len, flags: WordFlags::default(), span });
            inner = Range32 { start, end: start + 1 };
        }
        let input = self.input;
        let items = match input {
            Input::Text(value, _) if value.known => self.items(value.range, replace.is_some(), delimiter),
            _ => Vec::new(),
        };
        let span = match input {
            Input::Text(value, _) => self.input_span(value.range),
            _ => super::Span::default(),
        };
        // What xargs runs doesn't read its input.
        self.input = Input::Terminal;
        let per = if replace.is_some() { 1 } else { per.unwrap_or(items.len()).max(1) };
        if items.is_empty() {
            self.run_inner(inner, via);
        }
        for items in items.chunks(per).take(MOST_RUNS) {
            let words = self.with_items(inner, items, replace.as_deref(), span);
            self.run_inner(words, via);
        }
        self.input = input;
    }

    /// The items that xargs reads from known input.
    fn items(&self, text: Range32, lines: bool, delimiter: Option<u8>) -> Vec<Vec<u8>> {
        let bytes = self.text(text);
        let mut items: Vec<Vec<u8>> = match (delimiter, lines) {
            (Some(d), _) => bytes.split(|&b| b == d).map(<[u8]>::to_vec).collect(),
            (None, true) => bytes.split(|&b| b == b'\n').map(|l| l.trim_ascii_start().to_vec()).collect(),
            (None, false) => quoted_items(bytes),
        };
        items.retain(|i| !i.is_empty() && i != b"\n");
        items.truncate(256);
        items
    }

    /// The words with items: in place of the mark, or appended.
    fn with_items(
        &mut self,
        words: Range32,
        items: &[Vec<u8>],
        replace: Option<&[u8]>,
        span: super::Span,
    ) -> Range32 {
        let start = self.a.words.len() as u32;
        for index in words.start..words.end {
            let mut word = self.arg(index);
            if let Some(mark) = replace
                && !mark.is_empty()
                && let Some(item) = items.first()
            {
                let old = self.text(word.range());
                if old.windows(mark.len()).any(|w| w == mark) {
                    let new = replace_all(old, mark, item);
                    let range = self.intern(&new);
                    word.start = range.start;
                    word.len = range.len() as u32;
                }
            }
            self.a.words.push(word);
        }
        if replace.is_none() {
            for item in items {
                let range = self.intern(item);
                let (at, len) = (range.start, range.len() as u32);
                self.a.words.push(WordRec { start: at, len, flags: WordFlags::default(), span });
            }
        }
        Range32 { start, end: self.a.words.len() as u32 }
    }

    /// GNU parallel: a command line for a shell, with `{}` for the arguments after `:::`.
    pub(super) fn parallel(&mut self, argv: Range32) {
        self.write_unknown();
        let options = self.options(argv, PARALLEL_SHORT, PARALLEL_LONG, "");
        let via = Machine::via(ViaKind::Wrapper, "parallel");
        let mut end = options.next;
        while end < argv.end && !self.arg_text(end).starts_with(b":::") {
            end += 1;
        }
        let words = Range32 { start: options.next, end };
        let marker = end;
        if words.is_empty() {
            // The items are the commands.
            if marker < argv.end && self.arg_text(marker) == b":::" {
                for index in marker + 1..argv.end {
                    self.run_string(index, via);
                }
            } else {
                self.shell_input(via);
            }
            return;
        }
        let item = (marker + 1 < argv.end && self.arg_text(marker) == b":::")
            .then(|| self.arg_text(marker + 1).to_vec());
        let value = self.join(words);
        let mut text = self.text(value.range).to_vec();
        let marks: [&[u8]; 8] = [b"{}", b"{.}", b"{/}", b"{//}", b"{/.}", b"{1}", b"{2}", b"{#}"];
        let marked = marks.iter().any(|m| text.windows(m.len()).any(|w| w == *m));
        if let Some(item) = item {
            for mark in marks {
                text = replace_all(&text, mark, &item);
            }
            if !marked {
                text.push(b' ');
                text.extend_from_slice(&item);
            }
        }
        let range = if text == self.text(value.range) { value.range } else { self.intern(&text) };
        let span = self.joined_span(words);
        let input = std::mem::replace(&mut self.input, Input::Terminal);
        self.run_text(Val { range, known: value.known }, span, via);
        self.input = input;
    }
}

fn delimiter_byte(value: &[u8]) -> Option<u8> {
    match value {
        b"\\0" => Some(0),
        b"\\n" => Some(b'\n'),
        b"\\t" => Some(b'\t'),
        [b, ..] => Some(*b),
        [] => None,
    }
}

/// The value of `-n`.
fn count(value: &[u8]) -> Option<usize> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Items separated by blanks, with quotes and backslashes as xargs reads them.
fn quoted_items(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut items = Vec::new();
    let mut item = Vec::new();
    let mut quote = 0;
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        at += 1;
        match b {
            _ if quote != 0 && b == quote => quote = 0,
            _ if quote != 0 => item.push(b),
            b'\'' | b'"' => quote = b,
            b'\\' => {
                item.extend(bytes.get(at));
                at += 1;
            }
            _ if b.is_ascii_whitespace() => {
                if !item.is_empty() {
                    items.push(std::mem::take(&mut item));
                }
            }
            _ => item.push(b),
        }
    }
    if !item.is_empty() {
        items.push(item);
    }
    items
}
