//! Buffers of the evaluation.

use super::options::Arguments;
use super::present::Present;
use super::set::Hit;

/// Reused from command to command.
#[derive(Debug, Default)]
pub(crate) struct RuleScratch {
    /// The rules that matched the last command.
    pub(crate) hits: Vec<Hit>,
    /// Rules to ask.
    pub(crate) woken: Vec<u32>,
    /// The arguments of the invocation at hand.
    pub(crate) arguments: Arguments,
    /// Its features.
    pub(crate) present: Present,
}
