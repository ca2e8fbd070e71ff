//! Gets notifications on their way without anybody waiting for them.

use anyhow::{Context as _, Result};
use shmon_core::config::Home;
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
