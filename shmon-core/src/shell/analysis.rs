//! The result of an analysis: flat, reusable buffers behind borrowing accessors, so that a clean command costs no
//! allocation in the steady state.

use super::invocation::Invocation;
use super::masks::Classes;
use super::state::State;
use crate::hash::{has_byte, head};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A range in bytes of the command as it was given; serialised as `[start, end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        [self.start, self.end].serialize(s)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <[u32; 2]>::deserialize(d).map(|[start, end]| Span { start, end })
    }
}

/// The shell whose grammar is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// GNU bash: the default.
    #[default]
    Bash,
    /// POSIX sh, dash, ash.
    Sh,
    /// zsh, as typed interactively.
    Zsh,
    /// fish, as typed interactively.
    Fish,
}

impl Dialect {
    /// The dialect of a shell's name or path (`/bin/zsh`, `-bash`); bash where it isn't known.
    pub fn of_shell(name: &str) -> Dialect {
        match name.rsplit('/').next().unwrap_or(name).trim_start_matches('-') {
            "zsh" => Dialect::Zsh,
            "fish" => Dialect::Fish,
            "sh" | "dash" | "ash" => Dialect::Sh,
            _ => Dialect::Bash,
        }
    }
}

/// What kind of step led to an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ViaKind {
    /// A program that runs the rest of its arguments: `sudo`, `nice`, `xargs`, `find -exec`.
    Wrapper,
    /// A string handed to a shell: `bash -c`, `su -c`, `eval`, `trap`, `watch`.
    ShellString,
    /// Text that a shell reads: heredoc, here-string, pipe, `source`.
    ShellInput,
    /// `$(…)`, backquotes, `<(…)`.
    Substitution,
    /// Text that was decoded on the way: `base64`, `xxd`, `rev`, `printf` escapes.
    Decoded,
    /// An alias, function or variable of the same line.
    Definition,
    /// Runs on another host: `ssh host cmd`.
    Remote,
    /// Runs in a container: `docker exec`.
    Container,
    /// Runs later: `at`, `batch`, `crontab`, `systemd-run`.
    Scheduled,
}

/// One step on the way to an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Via {
    /// What kind of step.
    pub kind: ViaKind,
    /// What users see: `sudo`, `bash -c`, `heredoc`, `base64`, `alias`.
    pub name: &'static str,
}

/// Facts about a word that its bytes alone don't tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WordFlags(u8);

impl WordFlags {
    /// Part of the word was quoted.
    pub const QUOTED: WordFlags = WordFlags(1);
    /// The word holds an active glob character.
    pub const GLOB: WordFlags = WordFlags(2);
    /// Part of the word could not be resolved and stands as its source text.
    pub const UNRESOLVED: WordFlags = WordFlags(4);
    /// The word is written so that its text is hidden (`r''m`, `$'\x72m'`).
    pub const DISGUISED: WordFlags = WordFlags(8);
    /// An unresolved part may become several words or none (`$x`, `$@` without quotes).
    pub const SPLITS: WordFlags = WordFlags(16);

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: WordFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets the flags of `other`.
    pub const fn insert(&mut self, other: WordFlags) {
        self.0 |= other.0;
    }
}

impl std::ops::BitOr for WordFlags {
    type Output = WordFlags;

    fn bitor(self, rhs: Self) -> Self {
        WordFlags(self.0 | rhs.0)
    }
}

/// A word after expansion and quote removal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word's bytes.
    pub bytes: &'a [u8],
    /// Facts that the bytes don't tell.
    pub flags: WordFlags,
    /// Where the word stands in the command.
    pub span: Span,
}

impl fmt::Debug for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.bytes) {
            Ok(text) => write!(f, "{text:?}")?,
            Err(_) => write!(f, "b\"{}\"", self.bytes.escape_ascii())?,
        }
        write!(f, "@{}..{}", self.span.start, self.span.end)?;
        if self.flags == WordFlags::default() { Ok(()) } else { write!(f, "/{:b}", self.flags.0) }
    }
}

/// What a redirection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectionKind {
    /// `<`
    Read,
    /// `>` and `>|` and `&>`
    Write,
    /// `>>` and `&>>`
    Append,
    /// `<>`
    ReadWrite,
    /// `<&` and `>&` with a descriptor.
    Duplicate,
    /// `<<` and `<<-`
    Heredoc,
    /// `<<<`
    HereString,
}

/// A redirection of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirection<'a> {
    /// What it does.
    pub kind: RedirectionKind,
    /// The descriptor, where one is written or implied (0 for reads, 1 for writes).
    pub fd: i32,
    /// The file name, descriptor, or body.
    pub target: Word<'a>,
}

/// `NAME=value` before a command, or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The variable's name.
    pub name: Word<'a>,
    /// The value.
    pub value: Word<'a>,
}

/// Why a part could not be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueKind {
    /// The program's name comes from a variable whose value isn't known.
    UnsetVariable,
    /// The program's name or a shell's input comes from a command whose output isn't known.
    CommandOutput,
    /// The program's name is a glob with several possible meanings.
    Glob,
    /// Deeper nesting than is looked at.
    Depth,
    /// More steps, words or invocations than are looked at.
    Budget,
    /// The text ends inside a quote, substitution or compound command, or bash would refuse it.
    Syntax,
    /// A shell reads its commands from a file or the network.
    ExternalScript,
}

impl IssueKind {
    /// The name that output uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            IssueKind::UnsetVariable => "unset-variable",
            IssueKind::CommandOutput => "command-output",
            IssueKind::Glob => "glob",
            IssueKind::Depth => "depth",
            IssueKind::Budget => "budget",
            IssueKind::Syntax => "syntax",
            IssueKind::ExternalScript => "external-script",
        }
    }
}

/// A part that could not be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// Why.
    pub kind: IssueKind,
    /// Where.
    pub span: Span,
}

/// A sign that the text was written to hide what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obfuscation {
    /// What was found: `split-quotes`, `ansi-c`, `glob-command`, `decoded`, `variable-slices`, `reversed`, …
    pub kind: &'static str,
    /// Where.
    pub span: Span,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WordRec {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) flags: WordFlags,
    pub(super) span: Span,
}

impl WordRec {
    /// A word that stands in the command as it is.
    #[inline]
    pub(super) fn plain(start: usize, end: usize) -> Self {
        let span = Span::new(start, end);
        WordRec { start: span.start, len: span.end - span.start, flags: WordFlags::default(), span }
    }

    /// The word, whose bytes are in `text`.
    #[inline]
    pub(super) fn of(self, text: &[u8]) -> Word<'_> {
        let bytes = text.get(self.start as usize..(self.start + self.len) as usize).unwrap_or(&[]);
        Word { bytes, flags: self.flags, span: self.span }
    }

    /// The word's bytes in the buffer.
    pub(super) fn range(&self) -> Range32 {
        Range32 { start: self.start, end: self.start + self.len }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RedirRec {
    pub(super) kind: RedirectionKind,
    pub(super) fd: i32,
    pub(super) target: u32,
}

/// Where the part of a path behind its last slash begins.
#[inline]
pub(super) fn base(path: &[u8]) -> usize {
    // Most names are short and without a slash.
    if !has_byte(head(path), b'/') && path.get(8..).is_none_or(|rest| !rest.contains(&b'/')) {
        return 0;
    }
    path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1)
}

/// A range of indices of some arena, or of bytes of the buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Range32 {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Range32 {
    /// The part of a path in `text` behind its last slash.
    #[inline]
    pub(super) fn base(self, text: &[u8]) -> Range32 {
        Range32 { start: self.start + base(self.of(text)) as u32, end: self.end }
    }

    pub(super) fn len(self) -> usize {
        (self.end.saturating_sub(self.start)) as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.end <= self.start
    }

    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        all.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct InvRec {
    pub(super) argv: Range32,
    /// The program's name without its folder, in the text.
    pub(super) program: Range32,
    pub(super) assignments: Range32,
    pub(super) redirections: Range32,
    pub(super) via: Range32,
    pub(super) span: Span,
    pub(super) pipeline: u32,
    pub(super) stage: u32,
}

/// Everything found in one command; reuse it for the next to save allocations.
#[derive(Default)]
pub struct Analysis {
    /// The command, and behind it every text that was derived from it.
    pub(super) text: Vec<u8>,
    pub(super) words: Vec<WordRec>,
    pub(super) assignments: Vec<(u32, u32)>,
    pub(super) redirections: Vec<RedirRec>,
    pub(super) vias: Vec<Via>,
    pub(super) invocations: Vec<InvRec>,
    pub(super) issues: Vec<Issue>,
    pub(super) obfuscations: Vec<Obfuscation>,
    /// The redirections of the commands at hand, until they run.
    pub(super) targets: Vec<(RedirectionKind, i32, WordRec)>,
    /// The classes of the command's bytes.
    pub(super) classes: Classes,
    /// The evaluation's buffers, and after it the parse tree.
    pub(super) state: Option<Box<State>>,
}

impl Analysis {
    /// An empty analysis.
    pub fn new() -> Self {
        Analysis::default()
    }

    /// The invocations, in the order in which they were found; a wrapper stands before what it runs.
    pub fn invocations(&self) -> impl ExactSizeIterator<Item = Invocation<'_>> + Clone {
        self.invocations.iter().map(|rec| Invocation { all: self, rec })
    }

    /// The invocation with this index.
    pub fn invocation(&self, index: usize) -> Option<Invocation<'_>> {
        self.invocations.get(index).map(|rec| Invocation { all: self, rec })
    }

    /// What could not be resolved; empty means that the analysis is complete.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Signs of hiding.
    pub fn obfuscations(&self) -> &[Obfuscation] {
        &self.obfuscations
    }

    /// The command, and behind it every text that was derived from it: all words are parts of this.
    pub(crate) fn texts(&self) -> &[u8] {
        &self.text
    }

    /// The classes of the command's bytes, as [`analyze`](super::analyze) reads them.
    pub(crate) fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Forgets everything, keeps the buffers, and takes another command.
    #[inline(always)]
    pub(super) fn begin(&mut self, command: &[u8]) {
        self.clear();
        self.text.extend_from_slice(command);
        self.classes.read(&mut self.text);
    }

    /// Forgets everything but the command, of so many bytes, and its classes.
    pub(super) fn restart(&mut self, length: usize) {
        self.text.truncate(length);
        self.words.clear();
        self.assignments.clear();
        self.redirections.clear();
        self.targets.clear();
        self.vias.clear();
        self.invocations.clear();
        self.issues.clear();
        self.obfuscations.clear();
    }

    /// Forgets everything and keeps the buffers.
    #[inline]
    pub fn clear(&mut self) {
        self.restart(0);
    }

    pub(super) fn word(&self, index: u32) -> Word<'_> {
        self.words.get(index as usize).copied().unwrap_or_default().of(&self.text)
    }
}

/// All that can be seen of it.
impl fmt::Debug for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis")
            .field("invocations", &self.invocations().collect::<Vec<_>>())
            .field("issues", &self.issues)
            .field("obfuscations", &self.obfuscations)
            .finish()
    }
}
