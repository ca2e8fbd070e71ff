//! Ordinary commands in one pass: simple commands of words (with quotes, and with variables that nothing sets), with
//! assignments and redirections, in pipelines and lists, what wrappers run, and text that is handed to a shell. The result is
//! the one of the full evaluation; whatever isn't surely the same is left to it: output that the text tells, values of
//! variables, compound commands, reserved words, and programs that read commands or change the shell.

mod assignment;
mod plain;
mod programs;
mod run;
mod strings;
mod substitution;
mod word;

use super::analysis::{Analysis, Range32, RedirRec, RedirectionKind, Span, Via, ViaKind, WordFlags, WordRec};
use super::chars::{META, is};
use plain::Plain;

/// Longer commands are left to the full evaluation: shorter ones never reach its budgets.
const LONGEST: usize = 1024;
/// Wrappers inside each other.
const DEEPEST: usize = 4;
/// Redirections of one command.
const MOST_REDIRECTIONS: usize = 4;

/// Reads the command with which `out` began into it; false, with `out` undefined, where that is left to the full evaluation.
#[inline]
pub(super) fn run(command: &[u8], out: &mut Analysis) -> bool {
    if command.len() > LONGEST {
        return false;
    }
    match plain::read(command, out) {
        Some(Plain::Runs) => true,
        Some(Plain::Known(argv, span)) => follow(command, out, argv, span),
        None => list(command, out),
    }
}

/// Follows a known program of plain words, which are the whole command.
#[inline(never)]
fn follow(command: &[u8], out: &mut Analysis, argv: Range32, span: Span) -> bool {
    let mut quick = Quick::new(command, out);
    quick.at = command.len();
    (quick.pipelines, quick.pipeline) = (1, 1);
    quick.execute(argv, span).is_some()
}

/// Reads any other command.
#[inline(never)]
fn list(command: &[u8], out: &mut Analysis) -> bool {
    Quick::new(command, out).list().is_some()
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
    pipelines: u32,
    pipeline: u32,
    stage: u32,
    /// The first word of the command at hand.
    first: u32,
    /// What ends the substitution at hand.
    closer: Option<u8>,
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
    /// The assignments before the command at hand.
    assignments: Range32,
    /// The redirections of the command that runs the text at hand.
    around: Range32,
    /// The output of the text at hand goes on into a pipe or a file.
    captured: bool,
    /// The text at hand is run in a stage of a pipeline, to which its commands belong.
    in_stage: bool,
    /// Text was handed to a shell of its own.
    strings: bool,
    /// Substitutions so far.
    substitutions: u32,
    /// The positional parameters may have values.
    arguments: bool,
    /// Variables have got values, nobody noted which.
    environment: bool,
}

impl<'a> Quick<'a> {
    fn new(text: &'a [u8], out: &'a mut Analysis) -> Self {
        Quick {
            text,
            at: 0,
            out,
            pipelines: 0,
            pipeline: 0,
            stage: 0,
            first: 0,
            closer: None,
            via: [Via { kind: ViaKind::Wrapper, name: "" }; DEEPEST],
            depth: 0,
            redirections: Range32::default(),
            source: false,
            folders: false,
            files: false,
            computed: 0,
            assignments: Range32::default(),
            around: Range32::default(),
            captured: false,
            in_stage: false,
            strings: false,
            substitutions: 0,
            arguments: false,
            environment: false,
        }
    }
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

    /// Whether the text, or the substitution at hand, ends here.
    #[inline]
    fn is_over(&self) -> bool {
        self.peek().is_none_or(|b| Some(b) == self.closer)
    }

    fn list(&mut self) -> Option<Status> {
        loop {
            let status = self.pipeline()?;
            if self.is_over() {
                return Some(status);
            }
            let sequence = match (self.peek(), self.after()) {
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
            if sequence && self.is_over() {
                // Of a job in the background it is 0.
                return Some(Status::Zero);
            }
        }
    }

    fn pipeline(&mut self) -> Option<Status> {
        let outer = (self.pipeline, self.stage);
        let (from, before) = (self.out.invocations.len(), self.pipelines);
        if !self.in_stage {
            self.pipelines += 1;
            self.pipeline = self.pipelines;
            self.stage = 0;
        }
        let mut single = true;
        loop {
            self.blanks();
            let status = self.simple()?;
            if self.peek() != Some(b'|') || self.after() == Some(b'|') {
                if !single {
                    (self.pipeline, self.stage) = outer;
                }
                return Some(status);
            }
            if single && self.in_stage {
                self.own_pipeline(from, before)?;
            }
            single = false;
            self.at += if self.after() == Some(b'&') { 2 } else { 1 };
            self.stage += 1;
        }
    }

    /// The invocations since `from`, which began as a part of the stage around them, are the first stage of a pipeline.
    fn own_pipeline(&mut self, from: usize, before: u32) -> Option<()> {
        if self.pipelines != before {
            return None;
        }
        self.pipelines += 1;
        (self.pipeline, self.stage) = (self.pipelines, 0);
        for invocation in self.out.invocations.get_mut(from..)? {
            (invocation.pipeline, invocation.stage) = (self.pipeline, 0);
        }
        Some(())
    }

    /// A simple command and what it runs; the position is after it.
    fn simple(&mut self) -> Option<Status> {
        let start = self.at;
        let mut last = start;
        self.first = self.out.words.len() as u32;
        let mut targets = [(RedirectionKind::Read, 0, WordRec::default()); MOST_REDIRECTIONS];
        let mut redirected = 0;
        let mut assignments = Range32::default();
        loop {
            match self.peek() {
                None | Some(b';' | b'|') => break,
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'&') if self.after() != Some(b'>') || self.at == start => break,
                Some(b'<') if self.after() == Some(b'(') => {
                    let word = self.process()?;
                    self.out.words.push(word);
                }
                Some(b'&' | b'<' | b'>') => {
                    *targets.get_mut(redirected)? = self.redirection(None)?;
                    redirected += 1;
                }
                Some(b'#') => {
                    self.comment()?;
                    break;
                }
                Some(b) if Some(b) == self.closer => break,
                Some(_) => {
                    let word = self.word()?;
                    let digits = || self.source(word.span).iter().all(u8::is_ascii_digit);
                    if matches!(self.peek(), Some(b'<' | b'>')) && digits() {
                        *targets.get_mut(redirected)? = self.redirection(Some(word))?;
                        redirected += 1;
                    } else if self.out.words.len() == self.first as usize && self.assigns(word.span) {
                        self.assignment(word, &mut assignments)?;
                    } else {
                        self.out.words.push(word);
                    }
                }
            }
            last = self.at;
        }
        let argv = Range32 { start: self.first, end: self.out.words.len() as u32 };
        if !assignments.is_empty() {
            if argv.is_empty() {
                return self.only_assignments(assignments, &targets[..redirected], Span::new(start, last));
            }
            self.before_command(assignments, argv)?;
        }
        let program = *self.out.words.get(argv.start as usize)?;
        let name = self.text.get(program.start as usize..(program.start + program.len) as usize)?;
        if program.flags != WordFlags::default() || is_reserved(name) {
            return None;
        }
        self.redirections = self.settle(&targets[..redirected]);
        let span = match argv.of(&self.out.words) {
            _ if self.depth == 0 => Span::new(start, last),
            [program, .., argument] => Span { start: program.span.start, end: argument.span.end },
            _ => program.span,
        };
        self.assignments = assignments;
        let status = self.execute(argv, span);
        for &(kind, fd, word) in &targets[..redirected] {
            let writes = matches!(kind, RedirectionKind::Write | RedirectionKind::Append);
            if self.closer.is_none() {
                self.files |= writes;
                continue;
            }
            // Of a substitution's output something must be left, and what it writes may be read by the next.
            if kind != RedirectionKind::Read && !(fd == 2 && (!writes || self.is(word, b"/dev/null"))) {
                return None;
            }
        }
        status
    }

    /// Puts redirections into the result.
    #[inline]
    fn settle(&mut self, targets: &[(RedirectionKind, i32, WordRec)]) -> Range32 {
        if targets.is_empty() {
            return self.around;
        }
        let start = self.out.redirections.len() as u32;
        for &(kind, fd, word) in targets {
            let target = self.out.words.len() as u32;
            self.out.words.push(word);
            self.out.redirections.push(RedirRec { kind, fd, target });
        }
        if !self.around.is_empty() {
            // More of them than the full evaluation lists never stand around a command.
            self.out.redirections.extend_from_within(self.around.start as usize..self.around.end as usize);
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
        if self.is_over() || self.peek().is_some_and(|b| b == b'#' || is(b, META)) {
            return None;
        }
        let before = self.pipelines;
        let mut word = self.word()?;
        if self.pipelines != before {
            // Targets are expanded after the words, wherever they stand.
            return None;
        }
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

    /// A comment, which goes on to the end of the text.
    #[cold]
    fn comment(&mut self) -> Option<()> {
        if self.closer.is_some() || self.text.get(self.at..)?.contains(&b'\n') {
            return None;
        }
        self.at = self.text.len();
        Some(())
    }

    fn source(&self, span: Span) -> &[u8] {
        self.text.get(span.start as usize..span.end as usize).unwrap_or(&[])
    }

    fn is(&self, word: WordRec, text: &[u8]) -> bool {
        word.range().of(&self.out.text) == text
    }

    fn bytes(&self, word: u32) -> &[u8] {
        self.out.words.get(word as usize).map_or(&[], |word| word.range().of(&self.out.text))
    }
}

/// Words that begin or end something at the start of a command.
const RESERVED: [&[u8]; 22] = [
    b"!",
    b"if",
    b"then",
    b"else",
    b"elif",
    b"fi",
    b"for",
    b"while",
    b"until",
    b"do",
    b"done",
    b"case",
    b"esac",
    b"select",
    b"function",
    b"coproc",
    b"time",
    b"repeat",
    b"end",
    b"in",
    b"{",
    b"}",
];

/// For each first byte the lengths of such words, as bits.
static RESERVED_LENGTHS: [u16; 256] = {
    let mut lengths = [0; 256];
    let mut i = 0;
    while i < RESERVED.len() {
        lengths[RESERVED[i][0] as usize] |= 1 << RESERVED[i].len();
        i += 1;
    }
    lengths
};

#[inline]
fn is_reserved(word: &[u8]) -> bool {
    let Some(&first) = word.first() else { return false };
    // Few others begin so and are as long.
    word.len() < 16 && RESERVED_LENGTHS[usize::from(first)] >> word.len() & 1 != 0 && RESERVED.contains(&word)
}

#[cfg(test)]
mod tests;
