//! A process that records one command, beside one that does nothing: what passes, and what the process costs a processor.

use crate::{WARM, micros, quantile};
use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is started again and again.
struct Program {
    name: &'static str,
    command: Command,
    times: Vec<Duration>,
    processor: Duration,
}

pub(crate) fn run(shmon: &Path, samples: usize) {
    let (with, without) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let Some(recorder) = recorder(shmon, with.path()) else {
        return println!("SKIPPED a process by itself: the recorder doesn't start");
    };
    let record = |home: &Path, arguments: &[&str]| {
        let mut command = Command::new(shmon);
        command.env("SHMON_HOME", home).args(arguments);
        command
    };
    let one = ["record", "--session", "s", "--exit", "0", "ls -l"];
    let no_wait = ["record", "--no-wait", "--session", "s", "--exit", "0", "ls -l"];
    let mut programs: Vec<Program> = [
        ("fork+exec of /bin/true", Command::new("/bin/true")),
        ("shmon --version (starts and ends)", record(with.path(), &["--version"])),
        ("shmon record, committed by the recorder", record(with.path(), &one)),
        ("shmon record --no-wait", record(with.path(), &no_wait)),
        ("shmon record, no recorder runs", record(without.path(), &one)),
    ]
    .map(|(name, command)| Program { name, command, times: Vec::new(), processor: Duration::ZERO })
    .into();
    for round in 0..samples + WARM {
        for program in &mut programs {
            let command = &mut program.command;
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let (began, before) = (Instant::now(), children());
            let ended = command.status().is_ok_and(|status| status.success());
            assert!(ended, "{command:?} failed");
            if round >= WARM {
                program.times.push(began.elapsed());
                program.processor += children().saturating_sub(before);
            }
        }
    }
    end(recorder);
    println!(
        "\nA process by itself, {samples} times each, in turns\n\n{:<44} {:>9} {:>9} {:>12} {:>15}",
        "", "p50 µs", "p99 µs", "× /bin/true", "processor µs"
    );
    let mut floor = f64::NAN;
    for Program { name, times, processor, .. } in &mut programs {
        times.sort_unstable();
        let (p50, p99) = (micros(quantile(times, 0.5)), micros(quantile(times, 0.99)));
        if floor.is_nan() {
            floor = p50;
        }
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let used = micros(*processor) / times.len() as f64;
        println!("{name:<44} {p50:>9.0} {p99:>9.0} {:>12.2} {used:>15.0}", p50 / floor);
    }
}

/// A recorder that runs.
fn recorder(shmon: &Path, home: &Path) -> Option<Child> {
    let mut command = Command::new(shmon);
    command.env("SHMON_HOME", home).args(["daemon", "--idle-exit", "0"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let until = Instant::now() + Duration::from_secs(20);
    while !home.join("run/awake").exists() {
        if Instant::now() > until {
            end(child);
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(child)
}

fn end(mut child: Child) {
    // Its bookkeeping has no part in what is measured.
    let _ = child.kill();
    let _ = child.wait();
}

/// Processor time of the children that have ended.
fn children() -> Duration {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(Duration::ZERO, |usage| {
        [usage.user_time(), usage.system_time()]
            .map(|time| Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()).unsigned_abs()))
            .iter()
            .sum()
    })
}
