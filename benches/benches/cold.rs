//! Whole processes, from starting one to having waited for it: the command line and what it is compared with, taken in
//! turn in one run, in another order each time. The peers are compiled here, by `cc` and `rustc`; one that can't be built is
//! skipped, visibly. Ours are copies, as `install.sh` makes one: what a linker wrote through a mapping lies in the
//! page cache in single pages, and starts more slowly until it is read anew.
//!
//! `SHMON_BIN` names the binary that is measured, else that of the same target folder (`cargo build --release -p shmon-cli`).

use nix::sys::resource::{UsageWho, getrusage};
use shmon_benches::{Random, patterns, program, rules, short};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What this program does as a peer of its own: the first classification of a process, and nothing else.
fn first(words: &[&str]) {
    let level = |classifier: &Classifier, command: &str| {
        black_box(classifier.level(command.as_bytes(), &Context::default(), &mut Scratch::default()));
    };
    match *words {
        ["nothing"] => {}
        ["classify", command] => level(&Classifier::builtin(), command),
        ["regex-set", command] => {
            let set = regex::bytes::RegexSet::new(patterns()).expect("the patterns are valid");
            black_box(set.matches(command.as_bytes()).matched_any());
        }
        ["rules", file, command] => {
            let built = Classifier::builder().rules_path(file).build().expect("the rules are valid");
            level(&built, command);
        }
        _ => panic!("use --first with nothing, classify COMMAND, regex-set COMMAND or rules FILE COMMAND"),
    }
}

struct Side {
    name: String,
    command: Command,
    times: Vec<f64>,
    /// Page faults of the last run, those of the start before `exec` too.
    faults: i64,
}

impl Side {
    fn new(name: &str, program: &Path, arguments: &[&str], home: &Path) -> Side {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .env("SHMON_HOME", home)
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Side { name: name.to_owned(), command, times: Vec::new(), faults: 0 }
    }

    fn run(&mut self) {
        let faults = || getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.minor_page_faults());
        let before = faults();
        let start = Instant::now();
        let status = self.command.status();
        self.times.push(start.elapsed().as_secs_f64() * 1e6);
        self.faults = faults() - before;
        assert!(status.is_ok_and(|s| s.success()), "{} failed", self.name);
    }

    /// The time that a tenth of the runs stayed under: what disturbs a process only makes it slower.
    fn quick(&mut self) -> f64 {
        self.times.sort_by(f64::total_cmp);
        self.times[self.times.len() / 10]
    }
}

/// Compiles `source` into `folder`; says so where that isn't possible.
fn compiled(folder: &Path, name: &str, source: &str, compiler: &[&str]) -> Option<std::path::PathBuf> {
    let ending = if compiler[0] == "rustc" { "rs" } else { "c" };
    // A crate's name has no spaces.
    let file = name.replace(' ', "_");
    let (text, out) = (folder.join(format!("{file}.{ending}")), folder.join(&file));
    std::fs::write(&text, source).ok()?;
    let done = Command::new(compiler[0]).args(&compiler[1..]).arg(&text).arg("-o").arg(&out).output();
    match done {
        Ok(done) if done.status.success() => Some(out),
        _ => {
            println!("skipped: {name}: {} doesn't build it", compiler.join(" "));
            None
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((_, rest)) = words.split_first().filter(|(word, _)| *word == "--first") {
        return first(&rest.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    let home = |name: &str| {
        let home = place.join(name);
        std::fs::create_dir_all(home.join("rules.d")).expect("a home");
        home
    };
    let empty = home("empty");
    let mut sides = Vec::new();
    let c = "int main(void) { return 0; }";
    let nothing = "fn main() {}";
    for (name, source, compiler) in [
        ("static C", c, &["cc", "-O2", "-static"][..]),
        ("dynamic C", c, &["cc", "-O2"]),
        (
            "static Rust",
            nothing,
            &["rustc", "-O", "-Ctarget-feature=+crt-static", "-Crelocation-model=static"],
        ),
        ("dynamic Rust", nothing, &["rustc", "-O"]),
    ] {
        if let Some(built) = compiled(place, name, source, compiler) {
            sides.push(Side::new(&format!("{name}, nothing"), &built, &[], &empty));
        }
    }
    let copied = |name: &str, program: &Path| {
        let copy = place.join(name);
        std::fs::copy(program, &copy).expect("a copy");
        copy
    };
    let this = copied("cold", &std::env::current_exe().expect("this program"));
    let library = |name: &str, words: &[&str], home: &Path| {
        Side::new(&format!("library: {name}"), &this, &[&["--first"], words].concat(), home)
    };
    sides.push(Side::new("/bin/true", Path::new("/bin/true"), &[], &empty));
    sides.push(library("nothing", &["nothing"], &empty));
    sides.push(library("first classification", &["classify", "nmap x"], &empty));
    sides.push(library("RegexSet of 150", &["regex-set", "nmap x"], &empty));
    if let Some(shmon) = program().map(|shmon| copied("shmon", &shmon)) {
        sides.push(Side::new(
            "shmon classify --format level 'ls -la'",
            &shmon,
            &["classify", "--format", "level", "ls -la"],
            &empty,
        ));
        sides.push(Side::new("shmon classify 'nmap x'", &shmon, &["classify", "nmap x"], &empty));
        for count in if short() { [5, 10] } else { [500, 10_000] } {
            let home = home(&count.to_string());
            std::fs::write(home.join("rules.d/own.toml"), rules(count, 7)).expect("rules");
            let name = format!("shmon classify 'nmap x', {count} rules of the user's");
            let mut warm = Side::new(&name, &shmon, &["classify", "nmap x"], &home);
            warm.run();
            warm.times.clear();
            sides.push(warm);
            let file = home.join("rules.d/own.toml");
            let compile = ["rules", file.to_str().expect("UTF-8"), "nmap x"];
            sides.push(library(&format!("{count} rules compiled"), &compile, &home));
        }
    } else {
        println!("skipped: shmon: build it with `cargo build --release -p shmon-cli`, or set SHMON_BIN");
    }
    sides.iter_mut().for_each(Side::run);
    // What takes long needs fewer runs, and leaves caches to nobody.
    let (mut quick, mut slow): (Vec<_>, Vec<_>) =
        (0..sides.len()).partition(|&side| sides[side].times[0] < 10_000.0);
    let mut random = Random::new(1);
    for (order, rounds) in [(&mut quick, 400), (&mut slow, 20)] {
        for _ in 0..if short() { 1 } else { rounds } {
            (1..order.len()).rev().for_each(|n| order.swap(n, random.below(n + 1)));
            order.iter().for_each(|&side| sides[side].run());
        }
    }
    let base = sides[0].quick();
    for side in &mut sides {
        let quick = side.quick();
        println!(
            "{:<58} {quick:>9.0} µs, {:.2} of the first, {} page faults",
            side.name,
            quick / base,
            side.faults
        );
    }
    let mut time = |name: &str| sides.iter().position(|s| s.name == name).map(|side| sides[side].quick());
    let mut own = |busy: &str, idle: &str| {
        if let (Some(busy_time), Some(idle_time)) = (time(busy), time(idle)) {
            println!("{busy}: {:.0} µs over {idle}", busy_time - idle_time);
        }
    };
    own("shmon classify --format level 'ls -la'", "static Rust, nothing");
    own("library: first classification", "library: nothing");
}
