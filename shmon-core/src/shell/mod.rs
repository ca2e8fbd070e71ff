//! From command text to the programs that bash would really run.
//!
//! [`analyze`] is pure, infallible and bounded: the same text always gives the same [`Analysis`], and work is linear in
//! the input. What can't be resolved without running something is listed as [`Issue`] and makes the analysis partial.

mod analysis;
mod arith;
mod ast;
mod awk;
mod basic_regex;
mod brace;
mod builtins;
mod capture;
mod chars;
mod code;
mod command;
mod compound;
mod conditional;
mod declare;
mod decode;
mod descriptors;
mod embedded;
mod environment;
mod escapes;
mod exec;
mod expand;
mod filters;
mod fish;
mod fish_run;
mod fish_word;
mod heredoc;
mod interpret;
mod invocation;
mod launch;
mod lists;
mod literals;
mod machine;
pub(crate) mod masks;
mod numbers;
mod obfuscation;
mod param;
mod param_ops;
mod param_value;
mod parser;
mod pattern;
mod print;
mod programs;
mod quick;
mod quotes;
mod read;
mod redirect;
mod reserved;
mod run;
mod scope;
mod sed;
mod shells;
mod simple;
mod state;
mod test_expr;
mod tr;
mod transform;
mod tree;
mod word;
mod work;
mod wrap;
mod wrapper_table;
mod wrappers;
mod xargs;
mod zsh;

pub use analysis::{
    Analysis, Assignment, Dialect, Issue, IssueKind, Obfuscation, Redirection, RedirectionKind, Span, Via,
    ViaKind, Word, WordFlags,
};
pub use invocation::{Argv, Invocation};

pub use tree::{TreeEntry, tree};

/// Finds every invocation in `command` and puts it into `out`, whose buffers are reused.
pub fn analyze(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    out.begin(command);
    if dialect != Dialect::Bash || !quick::run(command, out) {
        machine::go_on(command, dialect, out);
    }
}

/// [`analyze`] without its quick way for ordinary commands, which has to answer the same: for tests that compare the two.
#[doc(hidden)]
pub fn analyze_in_full(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    machine::run(command, dialect, out);
}

/// What the masks of a text's bytes get wrong, by any instructions of this machine; nothing, for tests.
#[doc(hidden)]
pub fn masks_disagree(text: &[u8]) -> Option<&'static str> {
    masks::disagreement(text)
}

/// Where the shell would first refuse `command`; `None` where it would read all of it. Only parses: text that is
/// handed to other shells isn't looked at. The buffers of `scratch` are reused and its content is lost.
pub fn syntax_error(command: &[u8], dialect: Dialect, scratch: &mut Analysis) -> Option<Span> {
    machine::parsed(command, dialect, scratch, |_, _| None)
}
