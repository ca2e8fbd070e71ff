//! What a classification says: the level, why, and where in the text.

use crate::shell::Span;
use crate::{Level, Text};
use serde::Serialize;

/// The answer for one command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// The highest level of all findings; `Low` where there is none.
    pub level: Level,
    /// Noise: every invocation is on the exclusion list and no rule matched.
    pub excluded: bool,
    /// Level high or critical, or a secret is in the text.
    pub sensitive: bool,
    /// Something could not be resolved; what it was is in [`Verdict::unresolved`].
    pub partial: bool,
    /// The command with its secrets replaced; `None` where nothing had to be replaced.
    pub redacted: Option<String>,
    /// One entry per rule and invocation that matched, highest level first.
    pub findings: Vec<Finding>,
    /// The programs that would run, in the order in which they were found.
    pub invocations: Vec<InvocationInfo>,
    /// Why the verdict is partial.
    pub unresolved: Vec<Unresolved>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id, such as `destruction.rm-recursive-force`.
    pub rule: String,
    /// The rule's level, after overrides.
    pub level: Level,
    /// The rule's category, such as `destruction`.
    pub category: String,
    /// The rule's title.
    pub title: Text,
    /// Why this is dangerous, in a sentence.
    pub reason: Text,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The invocation that matched; empty where the rule matched the text alone.
    pub argv: Vec<String>,
    /// How the invocation was reached, outermost first.
    pub via: Vec<String>,
    /// Where, in bytes of the command.
    pub span: Span,
}

/// A program that would run, as owned text (invalid UTF-8 is replaced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InvocationInfo {
    /// Program and arguments after quote removal and expansion.
    pub argv: Vec<String>,
    /// How the program was reached, outermost first.
    pub via: Vec<String>,
    /// Where, in bytes of the command.
    pub span: Span,
}

/// A part of the command that could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unresolved {
    /// What it was: `unset-variable`, `command-output`, `depth`, …
    pub reason: String,
    /// Where, in bytes of the command.
    pub span: Span,
}
