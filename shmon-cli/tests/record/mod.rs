//! What tests over a record share: the program in a home, and what it says.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses the part that it needs")]

use std::path::Path;
use std::process::{Command, Output};

/// `shmon` in a home, in the language of the configuration.
pub fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shmon"));
    command.args(args).env("SHMON_HOME", home).env("HOME", home).env_remove("SHMON_LANG");
    command
}

/// What became of a call.
pub fn shmon(home: &Path, args: &[&str]) -> Output {
    command(home, args).output().unwrap()
}

/// Standard output of a call that ends with `status`; only one that fails says something beside it.
#[track_caller]
pub fn says(home: &Path, status: i32, args: &[&str]) -> String {
    said(&shmon(home, args), status, args)
}

/// The same of a call that was made.
#[track_caller]
pub fn said(output: &Output, status: i32, args: &[&str]) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {errors}");
    assert!(status == 2 || errors.is_empty(), "{args:?}: {errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
