//! What it costs to wait for the commit, with a real recorder; and with one that is stopped.

use crate::peers::{self, Peer};
use crate::shell::Shell;
use crate::{TURN, micros, quantile};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) fn run(shmon: &Path, samples: usize) {
    let mut running: Vec<(Peer, Shell, Vec<Duration>)> = Vec::new();
    for peer in peers::acknowledged(shmon) {
        match peer.start() {
            Ok(shell) => running.push((peer, shell, Vec::with_capacity(samples))),
            Err(reason) => return println!("SKIPPED the acknowledgement: {reason}"),
        }
    }
    // The shells have started their recorders by now.
    std::thread::sleep(Duration::from_secs(1));
    for turn in 0..=samples.div_ceil(TURN) {
        for (_, shell, times) in &mut running {
            for _ in 0..TURN {
                let time = shell.enter(":");
                if turn > 0 {
                    times.push(time);
                }
            }
        }
    }
    println!(
        "\nWaiting for the commit, {samples} prompts each, in turns of 25, each with a recorder of its own\n"
    );
    println!("{:<44} {:>9} {:>9} {:>12}", "", "p50 µs", "p99 µs", "added p50 µs");
    let mut plain = f64::NAN;
    for (peer, _, times) in &mut running {
        times.sort_unstable();
        let (p50, p99) = (micros(quantile(times, 0.5)), micros(quantile(times, 0.99)));
        if peer.plain {
            plain = p50;
        }
        println!("{:<44} {p50:>9.0} {p99:>9.0} {:>12.1}", peer.name, p50 - plain);
    }
    let Some((peer, shell, _)) = running.last_mut() else { return };
    let Some(recorder) = peer.recorder() else { return println!("SKIPPED a stopped recorder: none runs") };
    let signal = |name: &str| {
        let _ = Command::new("kill").args([name, &recorder]).status();
    };
    signal("-STOP");
    let first = shell.enter(":");
    let mut later: Vec<Duration> = (0..samples.min(100)).map(|_| shell.enter(":")).collect();
    signal("-CONT");
    later.sort_unstable();
    println!(
        "with a stopped recorder: the first prompt {:.0} µs, those after it p50 {:.0} µs, p99 {:.0} µs",
        micros(first),
        micros(quantile(&later, 0.5)),
        micros(quantile(&later, 0.99))
    );
}
