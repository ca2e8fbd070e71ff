//! Subcommands: one file each, with its arguments (`Args`) and `run`.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod classify;
pub(crate) mod completions;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod drain;
pub(crate) mod explain;
pub(crate) mod guard;
pub(crate) mod hook;
pub(crate) mod init;
pub(crate) mod log;
pub(crate) mod man;
pub(crate) mod notify;
pub(crate) mod proof;
pub(crate) mod prune;
pub(crate) mod record;
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod sigma;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod verify;
pub(crate) mod verify_proof;
