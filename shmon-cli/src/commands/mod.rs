//! Subcommands: one file each, with its arguments (`Args`) and `run`.

pub(crate) mod classify;
pub(crate) mod daemon;
pub(crate) mod drain;
pub(crate) mod hook;
