//! The spool: what shells append before a command runs and after it ended, until the recorder takes it.
//!
//! Each shell has its own file, `PID-START.spool`, and appends to it with one write a record. A record is four
//! NUL-terminated strings after a NUL; no field can hold a NUL, so nothing is quoted and any byte of a command survives:
//!
//! ```text
//! NUL header NUL first NUL second NUL /SEQUENCE NUL
//! s1 SEQ TIME               first: working directory   second: lines `key=value` about the shell
//! b1 SEQ TIME SOURCE        first: working directory   second: the command as typed
//! e1 SEQ TIME STATUS BEGAN  both empty
//! n1 SEQ TIME               first: what was noticed     second: its detail
//! ```
//!
//! With the source `list`, the command is a line of bash's `history 1`: a number, `*` or a space, a space, and the text.
//!
//! `TIME` and `BEGAN` are seconds since the epoch with a fraction, or `-`. The trailing sequence number and the leading
//! NUL make a record that was torn (a full disk, a killed machine) recognisable: the reader skips it and goes on with the
//! next one.

mod writer;

pub use writer::{Line, Writer, session_name};

use crate::record::UnixNanos;

/// The suffix of a shell's file.
pub const SUFFIX: &str = ".spool";

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A shell started to be watched.
    Session,
    /// A command was accepted.
    Begin,
    /// A command ended.
    End,
    /// The hook noticed something: a trap replaced, a line that nothing has seen.
    Note,
}

/// One record; the slices borrow from the file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// What it tells.
    pub kind: Kind,
    /// Grows by one with each beginning and note of a shell; an end has the number of its beginning.
    pub sequence: u64,
    /// When; `None` where the shell couldn't know.
    pub time: Option<UnixNanos>,
    /// The rest of the header: where a text came from, or status and time of the beginning.
    pub words: [&'a str; 2],
    /// Working directory, or what was noticed.
    pub first: &'a [u8],
    /// Command, description of the shell, or detail.
    pub second: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The command that began, as it was typed.
    pub fn command(&self) -> &'a [u8] {
        if self.words[0] == "list" { listed(self.second) } else { self.second }
    }
}

/// The text in what `history 1` shows, without the ends of lines behind it.
fn listed(line: &[u8]) -> &[u8] {
    let number = line.iter().position(|b| *b != b' ').unwrap_or(0);
    let digits = line[number..].iter().take_while(|b| b.is_ascii_digit()).count();
    let text = match &line[number + digits..] {
        // `*` marks an entry that was edited.
        [b' ' | b'*', b' ', text @ ..] if digits > 0 => text,
        _ => line,
    };
    let end = text.iter().rposition(|b| *b != b'\n').map_or(0, |last| last + 1);
    &text[..end]
}

/// What the reader found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Piece<'a> {
    /// A whole record.
    Entry(Entry<'a>),
    /// This many bytes that are no record, before one that is.
    Torn(usize),
}

/// Reads records from the bytes of a spool file.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which begin where a record may begin.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// How many bytes were read so far: where the next drain begins. What lies beyond is a record that isn't whole yet.
    pub fn consumed(&self) -> usize {
        self.at
    }

    /// Four strings from `at`, and where they end.
    fn strings(&self, mut at: usize) -> Option<([&'a [u8]; 4], usize)> {
        let mut found = [&self.bytes[..0]; 4];
        for slot in &mut found {
            let rest = self.bytes.get(at..)?;
            let length = rest.iter().position(|&b| b == 0)?;
            *slot = &rest[..length];
            at += length + 1;
        }
        Some((found, at))
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        // A hole where drained records were, or the start of the next one.
        while self.bytes.get(self.at) == Some(&0) {
            self.at += 1;
        }
        let start = self.at;
        let mut at = self.at;
        loop {
            while self.bytes.get(at) == Some(&0) {
                at += 1;
            }
            // Not yet whole: whatever is torn before it is told when it is.
            let ([header, first, second, trailer], end) = self.strings(at)?;
            if let Some(entry) = parse(header, first, second, trailer) {
                if self.bytes[start..at].iter().any(|&b| b != 0) {
                    self.at = at;
                    return Some(Piece::Torn(at - start));
                }
                self.at = end;
                return Some(Piece::Entry(entry));
            }
            at += header.len() + 1;
        }
    }
}

fn parse<'a>(header: &'a [u8], first: &'a [u8], second: &'a [u8], trailer: &[u8]) -> Option<Entry<'a>> {
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    let kind = match words.next()? {
        "s1" => Kind::Session,
        "b1" => Kind::Begin,
        "e1" => Kind::End,
        "n1" => Kind::Note,
        _ => return None,
    };
    let number = words.next()?;
    if trailer.strip_prefix(b"/")? != number.as_bytes() {
        return None;
    }
    let time = time(words.next()?);
    let rest = [words.next().unwrap_or(""), words.next().unwrap_or("")];
    Some(Entry { kind, sequence: number.parse().ok()?, time, words: rest, first, second })
}

/// `1700000000.123456` as nanoseconds; the separator is the locale's.
pub fn time(text: &str) -> Option<UnixNanos> {
    let (seconds, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    let digits = fraction.get(..fraction.len().min(9))?;
    let scale = 10_i64.pow(u32::try_from(9 - digits.len()).ok()?);
    let nanos = if digits.is_empty() { 0 } else { digits.parse::<u32>().ok()? };
    seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(nanos) * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(header: &str, first: &[u8], second: &[u8], trailer: &str) -> Vec<u8> {
        [b"\0", header.as_bytes(), b"\0", first, b"\0", second, b"\0", trailer.as_bytes(), b"\0"].concat()
    }

    fn begin(sequence: u32, command: &[u8]) -> Vec<u8> {
        record(&format!("b1 {sequence} 5.25 history"), b"/tmp", command, &format!("/{sequence}"))
    }

    fn pieces(bytes: &[u8]) -> (Vec<String>, usize) {
        let mut reader = Reader::new(bytes);
        let list = reader
            .by_ref()
            .map(|piece| match piece {
                Piece::Entry(e) => format!("{} {}", e.sequence, String::from_utf8_lossy(e.second)),
                Piece::Torn(n) => format!("torn {n}"),
            })
            .collect();
        (list, reader.consumed())
    }

    #[test]
    fn any_byte_survives() {
        let command: Vec<u8> = (1..=255).collect();
        let bytes = begin(7, &command);
        let Some(Piece::Entry(entry)) = Reader::new(&bytes).next() else { panic!("no entry") };
        assert_eq!((entry.kind, entry.sequence, entry.time), (Kind::Begin, 7, Some(5_250_000_000)));
        assert_eq!((entry.second, entry.first, entry.words[0]), (&command[..], &b"/tmp"[..], "history"));
    }

    #[test]
    fn a_line_of_the_history_is_its_text() {
        let text = |line: &str| String::from_utf8(listed(line.as_bytes()).to_vec()).unwrap();
        assert_eq!(text("    7  echo hello\n"), "echo hello");
        assert_eq!(text("  502*  echo with a space\n"), " echo with a space");
        assert_eq!(text("123456  5  6\n"), "5  6");
        assert_eq!(text("    2  cat <<E\nfive\nE\n\n"), "cat <<E\nfive\nE");
        assert_eq!(
            (text("no number"), text(""), text("    5  \n")),
            ("no number".into(), String::new(), String::new())
        );
        let bytes = record("b1 3 5.0 list", b"/", b"    2  \xff\xfe\n", "/3");
        let Some(Piece::Entry(entry)) = Reader::new(&bytes).next() else { panic!("no entry") };
        assert_eq!(entry.command(), b"\xff\xfe");
    }

    #[test]
    fn a_record_cut_anywhere_is_skipped_and_no_other_is_lost() {
        let (one, two, three) = (begin(1, b"echo one"), begin(2, b"b1 9 5 x"), begin(3, b"echo three"));
        for cut in 1..two.len() {
            let bytes = [&one[..], &two[..cut], &three[..]].concat();
            let (list, consumed) = pieces(&bytes);
            assert_eq!(consumed, bytes.len(), "cut at {cut}");
            assert_eq!(list.first().map(String::as_str), Some("1 echo one"));
            assert_eq!(list.last().map(String::as_str), Some("3 echo three"), "cut at {cut}: {list:?}");
            // Nothing but the end of the trailer may be missing from a record that counts.
            let whole = list.len() == 3 && list[1] == "2 b1 9 5 x";
            assert!(whole == (cut == two.len() - 1) || list[1].starts_with("torn"), "cut at {cut}: {list:?}");
        }
    }

    #[test]
    fn an_unfinished_end_waits() {
        let (one, two) = (begin(1, b"a"), begin(2, b"b"));
        for cut in 0..two.len() {
            let bytes = [&one[..], &two[..cut]].concat();
            let consumed = one.len() + cut.min(1);
            assert_eq!(pieces(&bytes), (vec!["1 a".to_owned()], consumed), "cut at {cut}");
        }
    }

    #[test]
    fn times_of_every_shell() {
        assert_eq!(time("1.5"), Some(1_500_000_000));
        assert_eq!(time("1,000001"), Some(1_000_001_000));
        assert_eq!(time("12"), Some(12_000_000_000));
        assert_eq!(time("1.1234567899"), Some(1_123_456_789));
        assert_eq!((time("-"), time(""), time("1.x"), time("99999999999999")), (None, None, None, None));
    }
}
