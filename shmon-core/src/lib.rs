//! shmon's library: it classifies shell commands by risk, keeps a complete and tamper-evident record of them,
//! and tells people at once.
//!
//! Data flows one way, and each stage is a module that can be used alone:
//!
//! ```text
//! command bytes ─ shell ─ invocations ─ rule ─ verdict ─┬─ record ─ store ─ outbox ─ notify
//!                                                       └─ returned to the caller
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::print_stdout,
        clippy::print_stderr,
        clippy::exit
    )
)]

#[cfg(feature = "store")]
pub mod audit;
pub mod classifier;
pub mod error;
pub mod explain;
pub mod lang;
pub mod level;
pub mod redact;
pub mod rule;
pub mod shell;
pub mod verdict;

#[cfg(feature = "store")]
pub mod config;
#[cfg(feature = "store")]
pub mod identity;
#[cfg(feature = "store")]
pub mod import;
#[cfg(feature = "notify")]
pub mod live;
#[cfg(feature = "store")]
pub mod log;
#[cfg(feature = "store")]
pub mod monitor;
#[cfg(feature = "notify")]
pub mod notify;
#[cfg(feature = "store")]
pub mod record;
#[cfg(feature = "store")]
pub mod recorder;
#[cfg(feature = "store")]
pub mod spool;
#[cfg(feature = "store")]
pub mod store;
pub mod text;
#[cfg(feature = "store")]
pub mod time;

pub use classifier::{Classifier, ClassifierBuilder, Context, Scratch};
pub use error::{Error, ErrorKind, Result};
pub use explain::Explanation;
pub use lang::{Lang, Text};
pub use level::Level;
#[cfg(feature = "notify")]
pub use live::LiveMonitor;
#[cfg(feature = "store")]
pub use monitor::Monitor;
pub use verdict::{Finding, Verdict};
