//! From the outbox over the wire: against real servers on the loopback.

#[path = "../support/mod.rs"]
mod support;

mod chatwork;
mod checkpoint;
mod faults;
mod lookups;
mod outbox;
mod secrets;
mod sinks;
mod transports;
mod untrusted;
