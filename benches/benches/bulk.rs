//! A million commands through `shmon classify`: rate on one core and on two, what the engine has of it, and memory.
//!
//! `SHMON_BIN` names the binary that is measured, else that of the same target folder (`cargo build --release -p shmon-cli`).

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use shmon_benches::{commands, program, short};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Seconds, and the greatest resident size in KiB.
fn run(shmon: &Path, format: &str, input: &Path, cores: usize) -> (f64, u64) {
    let all = sched_getaffinity(None).expect("the cores");
    let mut some = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|&core| all.is_set(core)).take(cores).for_each(|core| some.set(core));
    let home = input.with_file_name("home");
    // The child has the cores of the thread that starts it.
    sched_setaffinity(None, &some).expect("fewer cores");
    let mut child = Command::new(shmon)
        .args(["classify", "--format", format])
        .env("SHMON_HOME", home)
        .stdin(File::open(input).expect("the commands"))
        .stdout(Stdio::null())
        .spawn()
        .expect("shmon starts");
    let start = Instant::now();
    sched_setaffinity(None, &all).expect("all cores");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        match child.try_wait().expect("shmon can be waited for") {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(2)),
        }
    };
    assert!(code.success(), "shmon failed");
    (start.elapsed().as_secs_f64(), peak)
}

fn main() {
    let Some(shmon) = program() else {
        println!("skipped: build shmon with `cargo build --release -p shmon-cli`, or set SHMON_BIN");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let counts = if short() { [1_000, 10_000] } else { [100_000, 1_000_000] };
    let write = |name: &str, lines: &mut dyn Iterator<Item = String>| {
        let path = folder.path().join(name);
        let text = lines.fold(String::new(), |text, line| text + &line + "\n");
        std::fs::write(&path, text).expect("the commands");
        path
    };
    let rounds = if short() { 1 } else { 5 };
    let best = |format: &str, input: &Path, cores: usize| {
        let runs = (0..rounds).map(|_| run(&shmon, format, input, cores));
        runs.fold((f64::MAX, 0), |(time, peak), (t, p)| (time.min(t), peak.max(p)))
    };
    for count in counts {
        let input = write(&count.to_string(), &mut commands(count, 1).into_iter());
        // What is left of the work where the engine has next to none.
        let trivial = write("ls", &mut std::iter::repeat_n("ls".to_owned(), count));
        for format in ["level", "jsonl"] {
            let mut one = 0.0;
            for cores in [1, 2] {
                let (seconds, peak) = best(format, &input, cores);
                let rate = count as f64 / seconds;
                if cores == 1 {
                    one = rate;
                }
                println!(
                    "{count} commands, {format}, {cores} cores: {:.3} million a second, {:.2} of one core, peak {:.1} MiB",
                    rate / 1e6,
                    rate / one,
                    peak as f64 / 1024.0
                );
            }
            let (seconds, _) = best(format, &trivial, 1);
            println!("{count} × ls, {format}, 1 core: {:.0} ns a line", seconds * 1e9 / count as f64);
        }
    }
}
