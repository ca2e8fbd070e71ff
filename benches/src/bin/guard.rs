//! Runs one stage over the generated corpus, for counting its instructions under callgrind: `guard STAGE`;
//! `guard compile N` compiles N rules instead of 500, `guard STAGE FILE` takes the commands of a file, a line each.

use shmon_benches::{commands, rules};
use shmon_core::shell::{Analysis, Dialect, analyze};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;

fn main() {
    let stage = std::env::args().nth(1).unwrap_or_default();
    let all = match std::env::args().nth(2).and_then(|file| std::fs::read_to_string(file).ok()) {
        Some(text) => text.lines().map(str::to_owned).collect(),
        None => commands(2_000, 1),
    };
    match stage.as_str() {
        // What every stage pays besides.
        "nothing" => {
            black_box(all.len());
        }
        "cold" => {
            black_box(Classifier::builtin().classify("rm -rf /tmp/x").level);
        }
        "analyze" => {
            let mut analysis = Analysis::new();
            for command in &all {
                analyze(command.as_bytes(), Dialect::Bash, &mut analysis);
                black_box(analysis.invocations().len());
            }
        }
        "classify" => {
            let classifier = Classifier::builtin();
            let mut scratch = Scratch::default();
            for command in &all {
                black_box(
                    classifier
                        .classify_into(command.as_bytes(), &Context::default(), &mut scratch)
                        .sensitive(),
                );
            }
        }
        "level" => {
            let classifier = Classifier::builtin();
            let mut scratch = Scratch::default();
            for command in &all {
                black_box(classifier.level(command.as_bytes(), &Context::default(), &mut scratch));
            }
        }
        "compile" => {
            let count = std::env::args().nth(2).map_or(500, |n| n.parse().expect("a number of rules"));
            let built = Classifier::builder().rules_text("generated", rules(count, 7)).build();
            black_box(built.is_ok());
        }
        other => {
            eprintln!(
                "guard: unknown stage '{other}': use nothing, cold, analyze, classify, level or compile"
            );
            std::process::exit(2);
        }
    }
}
