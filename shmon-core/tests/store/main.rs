//! The store from outside: what is written is found, by us and by `sqlite3`.

mod common;
mod reading;
mod versions;
mod writers;
mod writing;
