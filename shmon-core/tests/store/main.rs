//! The store from outside: what is written is found, by us and by `sqlite3`.

mod clock;
mod common;
mod durability;
mod evidence;
mod import;
mod killed;
mod proof;
mod reading;
mod retention;
mod rules;
mod search;
mod versions;
mod writers;
mod writing;
