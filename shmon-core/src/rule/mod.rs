//! Rules: data that says what is dangerous, compiled into flat tables that are walked for each command.
//!
//! `docs/rules-language.md` describes the TOML form; [`compiler`] turns it into tables; the rest evaluates them.

mod builtin;
mod cache;
pub mod compiler;
mod eval;
pub mod examples;
mod fold;
mod info;
pub mod lint;
mod near;
mod options;
mod present;
mod scan;
mod scratch;
mod secret_options;
mod secrets;
mod set;
mod strtest;
mod view;

pub use info::RuleInfo;
pub use near::NearMiss;
pub use set::RuleSet;

pub(crate) use cache::Cache;
pub(crate) use compiler::Source;
pub(crate) use scratch::RuleScratch;
pub(crate) use set::{Hit, Parts};
