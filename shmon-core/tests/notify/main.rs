//! From the outbox over the wire: against real servers on the loopback.

#[path = "../support/mod.rs"]
mod support;

mod chatwork;
mod faults;
mod outbox;
mod sinks;
mod untrusted;
