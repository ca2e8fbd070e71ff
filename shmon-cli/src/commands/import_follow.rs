//! `shmon import auditd --follow`: what the kernel sees executed, recorded as it comes.

use crate::context::Globals;
use anyhow::Result;
use shmon_core::Monitor;
use shmon_core::audit::{Execution, Follower};
use shmon_core::identity;
use shmon_core::monitor::Incoming;
use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often a log that is silent is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// After so long without a line, an event that lacks one is complete.
const SILENCE: Duration = Duration::from_secs(2);
/// After a failed commit the next try waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Records until it is ended. An event that was recorded before, by this or by an import, changes nothing.
pub(super) fn run(path: &Path, host: &str, globals: &Globals) -> Result<ExitCode> {
    let home = globals.home()?;
    let mut monitor = Monitor::open(&home, globals.config()?)?;
    let mut follower = Follower::new(path);
    let mut users: HashMap<u32, String> = HashMap::new();
    let mut heard = Instant::now();
    loop {
        let mut found = follower.read()?;
        if !found.is_empty() {
            heard = Instant::now();
        } else if heard.elapsed() >= SILENCE {
            found = follower.finish();
        }
        if found.is_empty() {
            std::thread::sleep(LOOK);
            continue;
        }
        let batch: Vec<Incoming> = found.iter().map(|e| event(e, host, &mut users)).collect();
        let recorded = loop {
            match monitor.record(&batch) {
                Ok(recorded) => break recorded,
                Err(error) => {
                    eprintln!("shmon: {error}");
                    std::thread::sleep(PATIENCE);
                }
            }
        };
        if recorded.iter().any(|answer| answer.notifications > 0) {
            crate::delivery::wake(&home)?;
        }
    }
}

fn event(execution: &Execution, host: &str, users: &mut HashMap<u32, String>) -> Incoming {
    for uid in [execution.login_uid, execution.uid].into_iter().flatten() {
        users.entry(uid).or_insert_with(|| identity::user_name(uid));
    }
    Incoming::Event(execution.event(host, |uid| users.get(&uid).cloned().unwrap_or_default()))
}
