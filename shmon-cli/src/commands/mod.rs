//! Subcommands: one file each, with its arguments (`Args`) and `run`.

pub(crate) mod classify;
