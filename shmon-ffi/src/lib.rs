//! The C ABI of shmon: `include/shmon.h` is made from these files.
//!
//! Every function that can fail goes through `status::guard`, which turns errors and panics into a status and keeps
//! the message for `shmon_last_error`. There is no global state: everything lives in handles, and the last error in the
//! calling thread.
#![expect(non_camel_case_types, reason = "these are the names that C sees")]
#![warn(clippy::missing_safety_doc)]

pub mod batch;
pub mod classifier;
pub mod classify;
#[cfg(feature = "store")]
pub mod event;
#[cfg(feature = "store")]
pub mod monitor;
pub mod status;
pub mod types;
pub mod verdict;
