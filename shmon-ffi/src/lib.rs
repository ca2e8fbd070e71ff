//! The C ABI of shmon.
