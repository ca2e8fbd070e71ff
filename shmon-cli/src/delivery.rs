//! Gets notifications on their way without anybody waiting for them.

use anyhow::{Context as _, Result};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use shmon_core::config::{Config, Home};
use shmon_core::names;
use shmon_core::notify::{Options, Worker};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Starts a delivery worker in a process group of its own; where one is running already, the new one sees its lock and
/// ends at once.
pub(crate) fn wake(home: &Home) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program's file")?;
    Command::new(program)
        .args(["notify", "worker"])
        .env("SHMON_HOME", home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("cannot start the delivery of notifications; `shmon notify flush` sends them")?;
    Ok(())
}

/// Starts the user's recorder, which sees by a lock whether one runs.
pub(crate) fn start_recorder(home: &Home) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program's file")?;
    Command::new(program)
        .args(["daemon", "--background"])
        .env("SHMON_HOME", home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the recorder")?;
    Ok(())
}

/// A worker with this process's environment.
pub(crate) fn worker(home: &Home, config: &Config) -> Result<Worker> {
    let mut options = Options::with_env(|name| std::env::var(name).ok());
    // The C library of a static program can't load the host's name services.
    options.resolve = cfg!(static_program).then_some(names::addresses);
    Ok(Worker::new(home, config, options)?)
}

/// For a process that will hold tokens: no core dump of it is written, and no other process of the user may read its
/// memory.
pub(crate) fn keep_secrets() {
    // It can't fail on a kernel that has it, and on another one nothing is lost.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn a_process_with_tokens_leaves_no_core_dump() {
        keep_secrets();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
