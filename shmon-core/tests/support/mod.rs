//! Real servers for tests: loopback only, one thread a connection, gone with their owner.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part that it needs")]

pub mod home;
pub mod http;
pub mod queue;
pub mod smtp;
pub mod tls;
