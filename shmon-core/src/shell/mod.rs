//! From command text to the programs that bash would really run.
//!
//! [`analyze`] is pure, infallible and bounded: the same text always gives the same [`Analysis`], and work is linear in
//! the input. What can't be resolved without running something is listed as [`Issue`] and makes the analysis partial.

mod analysis;

pub use analysis::{
    Analysis, Argv, Assignment, Dialect, Invocation, Issue, IssueKind, Obfuscation, Redirection,
    RedirectionKind, Span, Via, ViaKind, Word, WordFlags,
};

/// Finds every invocation in `command` and puts it into `out`, whose buffers are reused.
pub fn analyze(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    let _ = dialect;
    out.clear();
    out.skeleton(command);
}
