//! From command text to the programs that bash would really run.
//!
//! [`analyze`] is pure, infallible and bounded: the same text always gives the same [`Analysis`], and work is linear in
//! the input. What can't be resolved without running something is listed as [`Issue`] and makes the analysis partial.

mod analysis;
mod arith;
mod ast;
mod brace;
mod builtins;
mod chars;
mod command;
mod compound;
mod decode;
mod environment;
mod escapes;
mod exec;
mod expand;
mod filters;
mod machine;
mod obfuscation;
mod param;
mod param_value;
mod parser;
mod pattern;
mod programs;
mod redirect;
mod shells;
mod state;
mod test_expr;
mod transform;
mod word;
mod wrap;
mod wrappers;

pub use analysis::{
    Analysis, Argv, Assignment, Dialect, Invocation, Issue, IssueKind, Obfuscation, Redirection,
    RedirectionKind, Span, Via, ViaKind, Word, WordFlags,
};

/// Finds every invocation in `command` and puts it into `out`, whose buffers are reused.
pub fn analyze(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    machine::run(command, dialect, out);
}
