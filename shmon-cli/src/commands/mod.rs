//! Subcommands: one file each, with its arguments (`Args`) and `run`.

pub(crate) mod classify;
pub(crate) mod completions;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod drain;
pub(crate) mod hook;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod record;
