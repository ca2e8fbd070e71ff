//! Sinks: one file each.
