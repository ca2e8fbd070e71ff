//! The Rust side of the comparisons with Python and C, over the same commands:
//!
//! ```text
//! faces commands N          prints N generated commands, one a line
//! faces patterns            prints the peer's 150 patterns in Python's syntax
//! faces rules word|command  prints one pattern for each rule, with level and examples, as JSON lines
//! faces corpus NAME         prints the commands of a corpus beside the project that have no newline, one a line
//! faces load FILE           reads the commands of FILE, nothing else
//! faces classify FILE       classifies them on one thread (for counting instructions)
//! faces rate FILE THREADS   prints the nanoseconds a command takes, best of five rounds
//! ```

use shmon_benches::raw::{self, Place};
use shmon_benches::{commands, corpus, patterns};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Commands that a thread takes at a time, as the Python module does.
const SHARE: usize = 1024;

fn classify(classifier: &Classifier, all: &[&str]) -> usize {
    let mut scratch = Scratch::default();
    let context = Context::default();
    // What the faces answer for each command.
    let brief = |command: &&str| {
        let verdict = classifier.classify_into(command.as_bytes(), &context, &mut scratch);
        (verdict.level() as usize, verdict.excluded(), verdict.sensitive(), verdict.partial())
    };
    all.iter().map(brief).map(|answer| black_box(answer).0).sum()
}

fn rate(all: &[&str], threads: usize) -> f64 {
    let classifier = Classifier::builtin();
    let round = || {
        let begun = Instant::now();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(share) = all.chunks(SHARE).nth(next.fetch_add(1, Ordering::Relaxed)) {
                        black_box(classify(&classifier, share));
                    }
                });
            }
        });
        begun.elapsed().as_nanos() as f64 / all.len() as f64
    };
    (0..6).map(|_| round()).skip(1).fold(f64::INFINITY, f64::min)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let read =
        |file: &str| std::fs::read_to_string(file).unwrap_or_else(|e| panic!("cannot read {file}: {e}"));
    match words[..] {
        ["commands", count] => {
            for command in commands(count.parse().expect("a number of commands"), 1) {
                println!("{command}");
            }
        }
        ["patterns"] => {
            for pattern in patterns() {
                println!("{}", pattern.replace("(?-u:", "(?:"));
            }
        }
        ["rules", place] => {
            let place = if place == "word" { Place::Word } else { Place::Command };
            for rule in raw::rules(place) {
                println!(
                    "{}",
                    serde_json::json!({
                        "id": rule.id,
                        "level": rule.level,
                        "pattern": rule.pattern,
                        "hits": rule.hits,
                        "misses": rule.misses,
                    })
                );
            }
        }
        ["corpus", name] => {
            for command in corpus(name).into_iter().flatten().filter(|command| !command.contains('\n')) {
                println!("{command}");
            }
        }
        ["load", file] => {
            let text = read(file);
            println!("{}", black_box(text.lines().collect::<Vec<_>>()).len());
        }
        ["classify", file] => {
            let text = read(file);
            println!("{}", classify(&Classifier::builtin(), &text.lines().collect::<Vec<_>>()));
        }
        ["rate", file, threads] => {
            let text = read(file);
            let all: Vec<&str> = text.lines().collect();
            println!("{:.1}", rate(&all, threads.parse().expect("a number of threads")));
        }
        _ => {
            eprintln!(
                "faces: use commands N, patterns, rules word|command, corpus NAME, load FILE, classify FILE or rate FILE THREADS"
            );
            std::process::exit(2);
        }
    }
}
