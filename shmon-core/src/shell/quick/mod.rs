//! Ordinary commands in one pass: simple commands of words (with quotes and variables), with assignments and redirections, in
//! pipelines and lists; subshells, groups, conditions and loops over few words; what wrappers run, and text that is handed to a
//! shell. The result is the one of the full evaluation; whatever isn't surely the same is left to it: most of the output that
//! the text tells, programs that read commands or change the shell, functions, and what grows.

mod assignment;
mod compound;
mod list;
mod output;
mod plain;
mod programs;
mod redirection;
mod run;
mod simple;
mod strings;
mod substitution;
mod value;
mod word;

use super::analysis::{Analysis, Range32, RedirRec, Span, Via, ViaKind, WordRec};
use plain::Plain;

/// Longer commands are left to the full evaluation: shorter ones never reach its budgets, within the limits below.
const LONGEST: usize = 1024;
/// Wrappers inside each other.
const DEEPEST: usize = 4;
/// Variables that are remembered.
const MOST_VARIABLES: usize = 4;
/// Substitutions that are remembered.
const MOST_MET: usize = 6;
/// Rounds of all loops together.
const MOST_ROUNDS: u32 = 16;
/// Bytes of a value that is put into a word.
const LONGEST_VALUE: usize = 256;
/// Bytes of all that is put together.
const MOST_TEXT: usize = 16 << 10;

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

/// The words that end a list inside of a compound command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Nothing,
    Brace,
    Then,
    Fi,
    Do,
    Done,
}

/// A variable that has got a value.
#[derive(Debug, Clone, Copy, Default)]
struct Variable {
    name: Range32,
    value: Value,
    shell: u32,
}

/// Bytes of the text, and whether they are the whole truth.
#[derive(Debug, Clone, Copy, Default)]
struct Value {
    range: Range32,
    known: bool,
}

struct Quick<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Analysis,
    pipelines: u32,
    /// Pipes between commands so far.
    pipes: u32,
    pipeline: u32,
    stage: u32,
    /// The first word of the command at hand.
    first: u32,
    /// What ends the substitution or subshell at hand.
    closer: Option<u8>,
    /// Where the commands begin whose output is taken.
    captures: Option<usize>,
    /// The word that ends the list at hand.
    until: Until,
    via: [Via; DEEPEST],
    depth: usize,
    /// Those of the command at hand.
    redirections: Range32,
    /// Something whose output the text tells was seen.
    source: bool,
    /// Something of whose output the text tells a part was seen.
    partial: bool,
    /// The text may tell what the command at hand reads.
    fed: bool,
    /// What is run adds to output that isn't known.
    blurred: bool,
    /// The output of the commands that were read last, if the text tells it.
    told: Option<Range32>,
    /// Variables that have got values, and how many of them.
    variables: [Variable; MOST_VARIABLES],
    known: usize,
    /// How often variables have got values.
    changes: u32,
    /// Rounds of loops so far.
    rounds: u32,
    /// The first of them that belongs to the subshell at hand.
    scope: usize,
    /// Shells inside each other.
    shells: u32,
    /// The pipeline at hand is a single command.
    alone: bool,
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
    /// The texts of substitutions, and how many there were so far.
    substitutions: [Range32; MOST_MET],
    met: usize,
    /// The words that are the positional parameters of the shell at hand, `$0` first.
    arguments: Option<Range32>,
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
            pipes: 0,
            pipeline: 0,
            stage: 0,
            first: 0,
            closer: None,
            captures: None,
            until: Until::Nothing,
            via: [Via { kind: ViaKind::Wrapper, name: "" }; DEEPEST],
            depth: 0,
            redirections: Range32::default(),
            source: false,
            partial: false,
            fed: false,
            blurred: false,
            told: None,
            variables: [Variable::default(); MOST_VARIABLES],
            known: 0,
            changes: 0,
            rounds: 0,
            scope: 0,
            shells: 0,
            alone: true,
            folders: false,
            files: false,
            computed: 0,
            assignments: Range32::default(),
            around: Range32::default(),
            captured: false,
            in_stage: false,
            strings: false,
            substitutions: [Range32::default(); MOST_MET],
            met: 0,
            arguments: None,
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
