//! Ordinary commands in one pass: simple commands of plain and quoted words, with redirections, in pipelines and lists,
//! and what common wrappers run. The result is the one of the full evaluation; whatever isn't surely the same is left to
//! it: expansions, compound commands, reserved words, shells, and programs that read commands or change the shell.

mod run;

use super::analysis::{Analysis, Range32, RedirRec, RedirectionKind, Span, Via, ViaKind, WordFlags, WordRec};
use super::chars::{self, END, META, is};

/// Longer commands are left to the full evaluation: shorter ones never reach its budgets.
const LONGEST: usize = 1024;
/// Wrappers inside each other.
const DEEPEST: usize = 4;
/// Redirections of one command.
const MOST_REDIRECTIONS: usize = 4;

/// Reads the command into `out`; false, with `out` undefined, where that is left to the full evaluation.
pub(super) fn run(command: &[u8], out: &mut Analysis) -> bool {
    if command.len() > LONGEST {
        return false;
    }
    out.clear();
    out.text.extend_from_slice(command);
    out.classes.read(command);
    let mut quick = Quick {
        text: command,
        at: 0,
        out,
        pipeline: 0,
        stage: 0,
        via: [Via { kind: ViaKind::Wrapper, name: "" }; DEEPEST],
        depth: 0,
        redirections: Range32::default(),
        source: false,
        folders: false,
        files: false,
        computed: 0,
    };
    quick.list().is_some()
}

/// What is known of a command's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Unknown,
    /// Perhaps known to be 0: what follows `||` would not run.
    Zero,
}

struct Quick<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Analysis,
    pipeline: u32,
    stage: u32,
    via: [Via; DEEPEST],
    depth: usize,
    /// Those of the command at hand.
    redirections: Range32,
    /// Something whose output the text tells was seen.
    source: bool,
    /// A folder was made.
    folders: bool,
    /// A file was written.
    files: bool,
    /// How many outputs would be computed from it.
    computed: u32,
}

impl Quick<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn after(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn list(&mut self) -> Option<()> {
        loop {
            let status = self.pipeline()?;
            let sequence = match (self.peek(), self.after()) {
                (None, _) => return Some(()),
                (Some(b';'), next) if !matches!(next, Some(b';' | b'&' | b'|')) => true,
                (Some(b'&'), Some(b'&')) => {
                    self.at += 1;
                    false
                }
                (Some(b'&'), next) if !matches!(next, Some(b';' | b'|')) => true,
                (Some(b'|'), Some(b'|')) if status == Status::Unknown => {
                    self.at += 1;
                    false
                }
                _ => return None,
            };
            self.at += 1;
            self.blanks();
            if sequence && self.peek().is_none() {
                return Some(());
            }
        }
    }

    fn pipeline(&mut self) -> Option<Status> {
        self.pipeline += 1;
        self.stage = 0;
        loop {
            self.blanks();
            let status = self.simple()?;
            if self.peek() != Some(b'|') || self.after() == Some(b'|') {
                return Some(status);
            }
            self.at += if self.after() == Some(b'&') { 2 } else { 1 };
            self.stage += 1;
        }
    }

    /// A simple command and what it runs; the position is after it.
    fn simple(&mut self) -> Option<Status> {
        let start = self.at;
        let mut last = start;
        let first = self.out.words.len() as u32;
        let mut targets = [(RedirectionKind::Read, 0, WordRec::default()); MOST_REDIRECTIONS];
        let mut redirected = 0;
        loop {
            match self.peek() {
                None | Some(b';' | b'|') => break,
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'&') if self.after() != Some(b'>') || self.at == start => break,
                Some(b'&' | b'<' | b'>') => {
                    *targets.get_mut(redirected)? = self.redirection(None)?;
                    redirected += 1;
                }
                // A comment.
                Some(b'#') => return None,
                Some(_) => {
                    let word = self.word()?;
                    let digits = || self.source(word.span).iter().all(u8::is_ascii_digit);
                    if matches!(self.peek(), Some(b'<' | b'>')) && digits() {
                        *targets.get_mut(redirected)? = self.redirection(Some(word))?;
                        redirected += 1;
                    } else {
                        self.out.words.push(word);
                    }
                }
            }
            last = self.at;
        }
        let argv = Range32 { start: first, end: self.out.words.len() as u32 };
        let program = self.out.words.get(first as usize)?;
        let name = self.text.get(program.start as usize..(program.start + program.len) as usize)?;
        // An assignment, or a word of the grammar.
        if program.flags != WordFlags::default() || is_reserved(name) || name.contains(&b'=') {
            return None;
        }
        self.redirections = self.settle(&targets[..redirected]);
        let status = self.execute(argv, Span::new(start, last));
        let writes = |kind| matches!(kind, RedirectionKind::Write | RedirectionKind::Append);
        self.files |= targets[..redirected].iter().any(|(kind, ..)| writes(*kind));
        status
    }

    /// Puts redirections into the result.
    #[inline]
    fn settle(&mut self, targets: &[(RedirectionKind, i32, WordRec)]) -> Range32 {
        if targets.is_empty() {
            return Range32::default();
        }
        let start = self.out.redirections.len() as u32;
        for &(kind, fd, word) in targets {
            let target = self.out.words.len() as u32;
            self.out.words.push(word);
            self.out.redirections.push(RedirRec { kind, fd, target });
        }
        Range32 { start, end: self.out.redirections.len() as u32 }
    }

    /// A redirection at its operator; the target's span is all of it.
    fn redirection(&mut self, descriptor: Option<WordRec>) -> Option<(RedirectionKind, i32, WordRec)> {
        use RedirectionKind as K;
        let start = descriptor.map_or(self.at, |d| d.start as usize);
        let fd = match descriptor {
            // One digit is what people write.
            Some(word) if word.len == 1 => self.source(word.span).first().map(|b| i32::from(b - b'0')),
            Some(_) => return None,
            None => None,
        };
        let both = self.peek() == Some(b'&');
        self.at += usize::from(both);
        let rest = self.text.get(self.at..)?;
        let (kind, length) = match *rest {
            [b'<', b'<' | b'(', ..] | [b'>', b'(', ..] => return None,
            [b'<', b'&', ..] => (K::Duplicate, 2),
            [b'<', b'>', ..] => (K::ReadWrite, 2),
            [b'<', ..] => (K::Read, 1),
            [b'>', b'>', ..] => (K::Append, 2),
            [b'>', b'|' | b'!', ..] => (K::Write, 2),
            [b'>', b'&', ..] => (K::Duplicate, 2),
            _ => (K::Write, 1),
        };
        let input = rest.first() == Some(&b'<');
        self.at += length;
        self.blanks();
        if matches!(self.peek(), None | Some(b'#')) || self.peek().is_some_and(|b| is(b, META)) {
            return None;
        }
        let mut word = self.word()?;
        let fd = fd.unwrap_or(if input { 0 } else { 1 });
        let mut kind = kind;
        if kind == K::Duplicate {
            let named = !self.source(word.span).iter().all(|b| b.is_ascii_digit() || *b == b'-');
            if named && !input && descriptor.is_none() {
                kind = K::Write;
            } else if both {
                return None;
            }
        }
        word.span = Span::new(start, self.at);
        Some((kind, fd, word))
    }

    /// The word at the position; the position is after it, at what ends it.
    #[inline]
    fn word(&mut self) -> Option<WordRec> {
        let start = self.at;
        let at = self.out.classes.special(start);
        if self.text.get(at).is_none_or(|b| is(*b, END)) {
            if at == start {
                return None;
            }
            self.at = at;
            let span = Span::new(start, at);
            return Some(WordRec {
                start: span.start,
                len: span.end - span.start,
                flags: WordFlags::default(),
                span,
            });
        }
        self.composed(start, at)
    }

    /// Whether the word ends here; `None` where the full evaluation has to look.
    #[inline]
    fn ends(&self, at: usize) -> Option<bool> {
        match self.text.get(at) {
            None | Some(b' ' | b'\t' | b';' | b'|' | b'&') => Some(true),
            Some(b'<' | b'>') => (self.text.get(at + 1) != Some(&b'(')).then_some(true),
            Some(b'\n' | b'(' | b')' | b'$' | b'`' | b'{' | b'}') => None,
            Some(_) => Some(false),
        }
    }

    /// A word with quotes or glob characters, of which the bytes before `at` are plain.
    fn composed(&mut self, start: usize, at: usize) -> Option<WordRec> {
        if self.text[start..].starts_with(b"{}") && at == start && self.ends(start + 2) == Some(true) {
            self.at = start + 2;
            let span = Span::new(start, start + 2);
            return Some(WordRec { start: span.start, len: 2, flags: WordFlags::default(), span });
        }
        let mut at = at;
        let mut flags = WordFlags::default();
        let mut pieces = Pieces { first: (start, at), copied: None };
        while !self.ends(at)? {
            let from = at;
            let b = self.text[at];
            match b {
                b'\'' | b'"' => {
                    let classes = &self.out.classes;
                    let end = if b == b'"' { classes.double(at + 1) } else { classes.single(at + 1) };
                    if self.text.get(end) != Some(&b) {
                        return None;
                    }
                    flags.insert(WordFlags::QUOTED);
                    pieces.add(from + 1, end, self.text, &mut self.out.text);
                    at = end + 1;
                }
                b'\\' => {
                    if matches!(self.text.get(at + 1), None | Some(b'\n')) {
                        return None;
                    }
                    flags.insert(WordFlags::QUOTED);
                    pieces.add(from + 1, from + 2, self.text, &mut self.out.text);
                    at += 2;
                }
                _ => {
                    at = self.out.classes.special(at);
                    while self.text.get(at).is_some_and(|b| is(*b, chars::GLOB)) {
                        flags.insert(WordFlags::GLOB);
                        at = self.out.classes.special(at + 1);
                    }
                    pieces.add(from, at, self.text, &mut self.out.text);
                }
            }
        }
        if self.folders && flags.contains(WordFlags::GLOB) {
            // It may find what the text put there.
            return None;
        }
        self.at = at;
        let (first, len) = pieces.word(&self.out.text);
        Some(WordRec { start: first as u32, len: len as u32, flags, span: Span::new(start, at) })
    }

    fn source(&self, span: Span) -> &[u8] {
        self.text.get(span.start as usize..span.end as usize).unwrap_or(&[])
    }

    fn bytes(&self, word: u32) -> &[u8] {
        match self.out.words.get(word as usize) {
            Some(w) => self.out.text.get(w.start as usize..(w.start + w.len) as usize).unwrap_or(&[]),
            None => &[],
        }
    }
}

/// The parts of a word: one is where it stands in the command, several are copied together.
struct Pieces {
    first: (usize, usize),
    /// Where the copy begins.
    copied: Option<usize>,
}

impl Pieces {
    fn add(&mut self, start: usize, end: usize, command: &[u8], text: &mut Vec<u8>) {
        match self.copied {
            Some(_) => text.extend_from_slice(&command[start..end]),
            None if self.first.0 == self.first.1 => self.first = (start, end),
            None if start == end => {}
            None if self.first.1 == start => self.first.1 = end,
            None => {
                self.copied = Some(text.len());
                text.extend_from_slice(&command[self.first.0..self.first.1]);
                text.extend_from_slice(&command[start..end]);
            }
        }
    }

    /// Begin and length of the word in the text.
    fn word(&self, text: &[u8]) -> (usize, usize) {
        match self.copied {
            Some(start) => (start, text.len() - start),
            None => (self.first.0, self.first.1 - self.first.0),
        }
    }
}

/// Words that begin or end something at the start of a command.
fn is_reserved(word: &[u8]) -> bool {
    matches!(
        word,
        b"!" | b"if"
            | b"then"
            | b"else"
            | b"elif"
            | b"fi"
            | b"for"
            | b"while"
            | b"until"
            | b"do"
            | b"done"
            | b"case"
            | b"esac"
            | b"select"
            | b"function"
            | b"coproc"
            | b"time"
            | b"repeat"
            | b"end"
            | b"in"
            | b"{"
            | b"}"
    )
}

#[cfg(test)]
mod tests;
