//! What a hook adds to a prompt: from Enter to the next prompt, in real shells on real pseudo-terminals, all of them in one run and in
//! turns, so that a busy machine is busy for each. `cargo bench -p shmon-benches --bench prompt`; arguments: `prompt`, `crowd`,
//! `row`, `ack`, `oneshot` (all of them without), `--samples N`, and for `ack` `--pause MS` between prompts.

mod ack;
mod floor;
mod oneshot;
mod peers;
mod shell;

use peers::Peer;
use shell::Shell;
use std::path::Path;
use std::time::{Duration, Instant};

/// Prompts that aren't counted: caches fill, `at most one try` of the recorder is over.
const WARM: usize = 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if shmon_benches::short() {
        println!("prompt: the short run only builds it; the tests of capture run the same shells");
        return;
    }
    let number = |name: &str| {
        arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1)?.parse::<u32>().ok())
    };
    let samples = number("--samples").map_or(400, |n| n as usize);
    let pause = Duration::from_millis(number("--pause").unwrap_or(0).into());
    let asked = |part: &str| {
        !arguments.iter().any(|a| ["prompt", "crowd", "row", "ack", "oneshot"].contains(&a.as_str()))
            || arguments.iter().any(|a| a == part)
    };
    let shmon = shell::build();
    if asked("prompt") {
        prompt(&shmon, samples);
    }
    if asked("crowd") {
        crowd(&shmon);
    }
    if asked("row") {
        row(&shmon, samples.min(100));
    }
    if asked("ack") {
        ack::run(&shmon, samples, pause);
    }
    if asked("oneshot") {
        oneshot::run(&shmon, samples);
    }
}

/// Prompts that one shell is given before the next has its turn: with one each, what is measured is the caches that the others (Python,
/// say) have emptied.
const TURN: usize = 25;
/// A peer that mostly takes so long is given fewer, a part of them: its median is known from fewer, and the whole ends in minutes.
const SLOW: Duration = Duration::from_millis(15);
const SELDOM: usize = 8;

/// The value below which this share of the sorted values lies.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[at]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn prompt(shmon: &Path, samples: usize) {
    let mut running: Vec<(Peer, Shell, Vec<Duration>, Vec<Duration>)> = Vec::new();
    for peer in peers::all(shmon) {
        match peer.start() {
            Ok(shell) => {
                running.push((peer, shell, Vec::with_capacity(samples), Vec::with_capacity(samples)));
            }
            Err(reason) => println!("SKIPPED {}: {reason}", peer.name),
        }
    }
    let mut late = vec![0; running.len()];
    let mut typed = 0;
    // The first turn is not counted.
    for turn in 0..=samples.div_ceil(TURN) {
        for ((peer, shell, times, processor), late) in running.iter_mut().zip(&mut late) {
            let slow = turn > 0 && *late * 2 > TURN;
            for _ in 0..if slow { TURN / SELDOM } else { TURN } {
                typed += usize::from(!peer.repeats);
                let line = format!(": {typed}");
                let before = shell.processor();
                let time = shell.enter(&line);
                if turn == 0 {
                    *late += usize::from(time > SLOW);
                } else {
                    times.push(time);
                    let used = shell.processor().zip(before).map_or(0, |(after, before)| after - before);
                    processor.push(Duration::from_nanos(used));
                }
            }
        }
    }
    println!(
        "\nEnter to prompt, {samples} prompts each (an eighth where one takes 15 ms), each another line, in turns of 25; what is added to the same\n\
         shell without a hook, as time that passes and as time of a processor in the shell itself (without the processes that\n\
         it starts), both p50\n"
    );
    println!(
        "{:<44} {:>9} {:>9} {:>10} {:>9} {:>13}",
        "", "p50 µs", "p99 µs", "added µs", "× plain", "processor µs"
    );
    let mut plain = (String::new(), 0.0, 0.0);
    for (peer, _, times, processor) in &mut running {
        times.sort_unstable();
        processor.sort_unstable();
        let (p50, p99) = (micros(quantile(times, 0.5)), micros(quantile(times, 0.99)));
        let used = micros(quantile(processor, 0.5));
        if peer.plain {
            plain = (peer.shell.clone(), p50, used);
        }
        let same = plain.0 == peer.shell;
        let (added, ratio, more) = if same {
            (p50 - plain.1, p50 / plain.1, used - plain.2)
        } else {
            (f64::NAN, f64::NAN, f64::NAN)
        };
        println!("{:<44} {p50:>9.0} {p99:>9.0} {added:>10.1} {ratio:>9.2} {more:>13.1}", peer.name);
    }
}

/// A hundred shells at once, a hundred commands each, and every one of them must be recorded.
fn crowd(shmon: &Path) {
    const SHELLS: usize = 100;
    const COMMANDS: usize = 100;
    const TYPISTS: usize = 4;
    println!("\n{SHELLS} shells, {COMMANDS} commands each, {TYPISTS} at a time\n");
    println!("{:<44} {:>9} {:>9} {:>12}", "", "p50 µs", "p99 µs", "rows lost");
    for peer in peers::crowd(shmon) {
        let mut shells: Vec<Shell> = match (0..SHELLS).map(|_| peer.start()).collect() {
            Ok(shells) => shells,
            Err(reason) => {
                println!("SKIPPED {}: {reason}", peer.name);
                continue;
            }
        };
        let mut times: Vec<Duration> = std::thread::scope(|scope| {
            let typists: Vec<_> = shells
                .chunks_mut(SHELLS / TYPISTS)
                .enumerate()
                .map(|(typist, mine)| {
                    scope.spawn(move || {
                        let mut times = Vec::new();
                        for command in 0..COMMANDS {
                            for (number, shell) in mine.iter_mut().enumerate() {
                                times.push(shell.enter(&format!(": {typist}-{number}-{command}")));
                            }
                        }
                        times
                    })
                })
                .collect();
            typists.into_iter().flat_map(|typist| typist.join().expect("a typist")).collect()
        });
        drop(shells);
        times.sort_unstable();
        let lost = peer.recorded().map(|rows| (SHELLS * COMMANDS).saturating_sub(rows).to_string());
        let (p50, p99) = (micros(quantile(&times, 0.5)), micros(quantile(&times, 0.99)));
        println!("{:<44} {p50:>9.0} {p99:>9.0} {:>12}", peer.name, lost.unwrap_or_else(|| "-".into()));
    }
}

/// From Enter to the row in the database, with the recorder that the shell itself started.
fn row(shmon: &Path, samples: usize) {
    let peer = peers::watched(shmon);
    let mut shell = match peer.start() {
        Ok(shell) => shell,
        Err(reason) => return println!("SKIPPED Enter to row: {reason}"),
    };
    shell.enter(": the first starts the recorder");
    let until = Instant::now() + Duration::from_secs(20);
    while !peer.has(": the first starts the recorder") && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut times: Vec<Duration> = (0..samples)
        .filter_map(|number| {
            let text = format!(": row {number}");
            let began = Instant::now();
            shell.enter(&text);
            while !peer.has(&text) {
                if began.elapsed() > Duration::from_secs(5) {
                    return None;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            // People don't type faster.
            let time = began.elapsed();
            std::thread::sleep(Duration::from_millis(50));
            Some(time)
        })
        .collect();
    times.sort_unstable();
    if times.is_empty() {
        return println!("SKIPPED Enter to row: no row came");
    }
    let (p50, p99) = (micros(quantile(&times, 0.5)) / 1e3, micros(quantile(&times, 0.99)) / 1e3);
    println!(
        "\nEnter to searchable row: p50 {p50:.1} ms, p99 {p99:.1} ms ({} of {samples} rows came)",
        times.len()
    );
}
