//! shmon's library: it classifies shell commands by risk, keeps a complete and tamper-evident record of them,
//! and tells people at once.
//!
//! Data flows one way, and each stage is a module that can be used alone:
//!
//! ```text
//! command bytes ─ shell ─ invocations ─ rule ─ verdict ─┬─ record ─ store ─ outbox ─ notify
//!                                                       └─ returned to the caller
//! ```
//!
//! # Classify
//! ```
//! use shmon_core::{Classifier, Context, Level, Scratch};
//!
//! let classifier = Classifier::builtin();
//! let verdict = classifier.classify("sudo sh -c 'rm -rf /srv/data' && make");
//! assert_eq!(verdict.level, Level::Critical);
//! assert_eq!(verdict.findings[0].rule, "destruction.rm-recursive-force");
//! assert_eq!(verdict.findings[0].argv, ["rm", "-rf", "/srv/data"]);
//! assert_eq!(verdict.findings[0].via, ["sudo", "sh -c"]);
//!
//! // Many commands: reused buffers, and answers that borrow from them.
//! let (context, mut scratch) = (Context::default(), Scratch::default());
//! for command in ["make", "nmap -sV target.example.com"] {
//!     let verdict = classifier.classify_into(command.as_bytes(), &context, &mut scratch);
//!     println!("{} {command}", verdict.level());
//! }
//! ```
//!
//! # Record
//! With the feature `store` a `Monitor` classifies, stores and logs; with `notify` a `LiveMonitor` also tells people.
#![cfg_attr(
    feature = "store",
    doc = r##"
```
use shmon_core::config::{Config, Home};
use shmon_core::monitor::Incoming;
use shmon_core::record::Event;
use shmon_core::store::{Query, Store};
use shmon_core::{Level, Monitor};

# fn main() -> shmon_core::Result<()> {
# let folder = tempfile::tempdir().unwrap();
# let folder = folder.path().join("monitor");
let home = Home::new(folder);
let mut monitor = Monitor::open(&home, Config::default())?;
let mut event = Event::default();
event.command = b"nmap -sV target.example.com".to_vec();
let recorded = monitor.record(&[Incoming::Event(event.complete()?)])?;
assert_eq!((recorded[0].id, recorded[0].level), (Some(1), Level::High));

let store = Store::open_read(home.database(&Config::default()))?;
let mut query = Query::new();
query.min_level = Some(Level::High);
for row in store.rows(&query)? {
    println!("{} {}", row?.id, Level::High);
}
# Ok(())
# }
```
"##
)]
//!
//! # Features
//! Both are on by default; without them neither SQLite nor TLS is linked, and [`Classifier`], [`shell`], [`rule`] and
//! [`redact`] are what there is.
//!
//! - `store`: the record in SQLite, configuration, capture's spool and recorder, import and audit.
//! - `notify` (with `store`): sinks and delivery.
// One call in `shell/masks.rs`, for instructions that not every processor has.
#![deny(unsafe_code)]
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
mod hash;
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
#[cfg(feature = "store")]
pub mod names;
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
mod zone;

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

/// The README's Rust is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
