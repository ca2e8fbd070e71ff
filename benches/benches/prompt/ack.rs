//! What it costs to wait for the commit, with a real recorder; with recorders that do less; and with one that is stopped.

use crate::floor::{Floor, Work};
use crate::peers::{self, Peer};
use crate::shell::Shell;
use crate::{TURN, micros, quantile};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

struct Running {
    shell: Shell,
    times: Vec<Duration>,
    /// Ends before the folder in which it works.
    _floor: Option<Floor>,
    peer: Peer,
}

/// `SHMON_BENCH_BEFORE` names a program that is measured in the same turns; `pause` lies between two prompts.
pub(crate) fn run(shmon: &Path, samples: usize, pause: Duration) {
    let mut all: Vec<(Peer, Option<Work>)> = vec![(peers::plain("bash"), None)];
    all.push((
        peers::waiting("bash, an answer without a commit (floor)", shmon, "normal", false),
        Some(Work::Answer),
    ));
    all.push((
        peers::waiting("bash, a commit of one column (floor)", shmon, "normal", false),
        Some(Work::Commit),
    ));
    if let Some(before) = std::env::var_os("SHMON_BENCH_BEFORE").map(PathBuf::from) {
        all.extend(peers::acknowledged(&before, ", before").into_iter().map(|peer| (peer, None)));
    }
    all.extend(peers::acknowledged(shmon, "").into_iter().map(|peer| (peer, None)));
    let mut running: Vec<Running> = Vec::new();
    for (peer, work) in all {
        let floor = work.map(|work| Floor::start(&peer.home(), work));
        match peer.start() {
            Ok(shell) => {
                running.push(Running { shell, times: Vec::with_capacity(samples), _floor: floor, peer });
            }
            Err(reason) => return println!("SKIPPED the acknowledgement: {reason}"),
        }
    }
    // The shells have started their recorders by now.
    std::thread::sleep(Duration::from_secs(1));
    for turn in 0..=samples.div_ceil(TURN) {
        for Running { shell, times, .. } in &mut running {
            for _ in 0..TURN {
                if !pause.is_zero() {
                    std::thread::sleep(pause);
                }
                let time = shell.enter(":");
                if turn > 0 {
                    times.push(time);
                }
            }
        }
    }
    println!(
        "\nWaiting for the commit, {samples} prompts each, in turns of {TURN}, {} ms between prompts, each with a recorder of its own\n",
        pause.as_millis()
    );
    println!("{:<52} {:>9} {:>9} {:>9} {:>12}", "", "p10 µs", "p50 µs", "p99 µs", "added p50 µs");
    let mut plain = f64::NAN;
    for Running { peer, times, .. } in &mut running {
        times.sort_unstable();
        let [p10, p50, p99] = [0.1, 0.5, 0.99].map(|share| micros(quantile(times, share)));
        if peer.plain {
            plain = p50;
        }
        println!("{:<52} {p10:>9.0} {p50:>9.0} {p99:>9.0} {:>12.1}", peer.name, p50 - plain);
    }
    stopped(&mut running, samples);
}

/// With the last of the recorders stopped.
fn stopped(running: &mut [Running], samples: usize) {
    let Some(Running { peer, shell, .. }) = running.last_mut() else { return };
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
