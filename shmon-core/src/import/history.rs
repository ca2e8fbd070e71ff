//! The histories of shells: bash, zsh, fish.

use super::{Origin, Parser, Piece, Source};
use crate::record::UnixNanos;

const SECOND: UnixNanos = 1_000_000_000;

fn seconds(digits: &[u8]) -> Option<UnixNanos> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse::<i64>().ok()?.checked_mul(SECOND)
}

/// bash: a line is an entry; where `#SECONDS` stands before one, all lines up to the next such line are one entry
/// (readline's `read_history_range` joins them too).
#[derive(Default)]
pub(super) struct Bash {
    time: Option<UnixNanos>,
    lines: Vec<u8>,
}

impl Bash {
    fn put(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>) {
        let command = std::mem::take(&mut self.lines);
        if !command.is_empty() {
            out.push(file.piece(Source::Bash, command, self.time, None));
        }
    }
}

impl Parser for Bash {
    fn line(&mut self, _: u64, line: &[u8], file: &Origin<'_>, out: &mut Vec<Piece>) {
        if let Some(time) = line.strip_prefix(b"#").and_then(seconds) {
            self.put(file, out);
            self.time = Some(time);
            return;
        }
        if self.time.is_none() {
            self.lines.extend_from_slice(line);
            self.put(file, out);
            return;
        }
        if !self.lines.is_empty() {
            self.lines.push(b'\n');
        }
        self.lines.extend_from_slice(line);
    }

    fn end(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>) {
        self.put(file, out);
    }
}

/// zsh: `: SECONDS:DURATION;COMMAND` with `EXTENDED_HISTORY`, otherwise the command alone. A newline in a command is
/// written after a backslash (Src/hist.c, `savehistfile` and `readhistline`).
#[derive(Default)]
pub(super) struct Zsh {
    entry: Vec<u8>,
}

impl Parser for Zsh {
    fn line(&mut self, _: u64, line: &[u8], file: &Origin<'_>, out: &mut Vec<Piece>) {
        if let Some(begun) = line.strip_suffix(b"\\") {
            self.entry.extend_from_slice(begun);
            self.entry.push(b'\n');
            return;
        }
        self.entry.extend_from_slice(line);
        self.end(file, out);
    }

    fn end(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>) {
        let entry = unmetafied(&std::mem::take(&mut self.entry));
        if entry.is_empty() {
            return;
        }
        let Some((time, duration, command)) = extended(&entry) else {
            out.push(file.piece(Source::Zsh, entry, None, None));
            return;
        };
        // zsh writes 0 where it doesn't know (`INC_APPEND_HISTORY`).
        let duration = Some(duration).filter(|d| *d > 0);
        out.push(file.piece(Source::Zsh, command.to_vec(), Some(time), duration));
    }
}

fn extended(entry: &[u8]) -> Option<(UnixNanos, UnixNanos, &[u8])> {
    let rest = entry.strip_prefix(b": ")?;
    let colon = rest.iter().position(|b| *b == b':')?;
    let semicolon = colon + rest[colon..].iter().position(|b| *b == b';')?;
    Some((
        seconds(rest[..colon].trim_ascii())?,
        seconds(&rest[colon + 1..semicolon])?,
        &rest[semicolon + 1..],
    ))
}

/// zsh writes bytes that mean something to it as 0x83 and the byte with bit 5 flipped (Src/utils.c, `metafy`).
fn unmetafied(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, byte == 0x83) {
            (_, true) => match bytes.next() {
                Some(meta) => out.push(meta ^ 32),
                None => out.push(byte),
            },
            (byte, _) => out.push(byte),
        }
    }
    out
}

/// fish: a list like YAML's, but not YAML: `- cmd: TEXT`, `  when: SECONDS`, `  paths:` and `    - PATH`. In a text,
/// backslash and newline are `\\` and `\n` (`escape_yaml_fish_2_0`).
#[derive(Default)]
pub(super) struct Fish {
    command: Vec<u8>,
    time: Option<UnixNanos>,
}

impl Parser for Fish {
    fn line(&mut self, number: u64, line: &[u8], file: &Origin<'_>, out: &mut Vec<Piece>) {
        if let Some(text) = line.strip_prefix(b"- cmd:") {
            self.end(file, out);
            self.command = unescaped(text.strip_prefix(b" ").unwrap_or(text));
        } else if let Some(when) = line.strip_prefix(b"  when:") {
            self.time = seconds(when.trim_ascii());
            if self.time.is_none() {
                out.push(Piece::Bad(number, "'when' is no number of seconds".into()));
            }
        } else if !line.is_empty() && !line.starts_with(b"  paths:") && !line.starts_with(b"    - ") {
            out.push(Piece::Bad(
                number,
                "no line of fish's history ('- cmd:', '  when:', '  paths:')".into(),
            ));
        }
    }

    fn end(&mut self, file: &Origin<'_>, out: &mut Vec<Piece>) {
        let (command, time) = (std::mem::take(&mut self.command), self.time.take());
        if !command.is_empty() {
            out.push(file.piece(Source::Fish, command, time, None));
        }
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b'\\') => out.push(b'\\'),
            Some(other) => out.extend([b'\\', *other]),
            None => out.push(b'\\'),
        }
    }
    out
}
