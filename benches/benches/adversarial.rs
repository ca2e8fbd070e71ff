//! Time per byte of inputs that are made to cost, at two sizes: where work is linear, the ratio is about 1 or less.
//! Prints a table; `--test` runs every input once without measuring.

#[path = "../../shmon-core/tests/support/adversarial.rs"]
mod adversarial;

use shmon_core::{Classifier, Context, Scratch};
use std::time::Instant;

const SIZES: [usize; 2] = [64 << 10, 1 << 20];

/// Nanoseconds per byte of the best of three runs, of the analysis alone and of the whole classification.
fn measure(classifier: &Classifier, text: &[u8], rounds: usize) -> [f64; 2] {
    let mut analysis = shmon_core::shell::Analysis::new();
    let mut scratch = Scratch::default();
    let mut best = [f64::INFINITY; 2];
    for _ in 0..rounds {
        let begun = Instant::now();
        shmon_core::shell::analyze(text, Context::default().dialect, &mut analysis);
        let analysed = begun.elapsed();
        let begun = Instant::now();
        std::hint::black_box(classifier.level(text, &Context::default(), &mut scratch));
        for (best, took) in best.iter_mut().zip([analysed, begun.elapsed()]) {
            *best = best.min(took.as_nanos() as f64 / text.len() as f64);
        }
    }
    best
}

fn main() {
    let rounds = if std::env::args().any(|a| a == "--test") { 1 } else { 3 };
    let classifier = Classifier::builtin();
    println!("ns per byte at {} KiB and {} KiB, and their ratio", SIZES[0] >> 10, SIZES[1] >> 10);
    println!(
        "{:<28}{:>10}{:>10}{:>8}{:>12}{:>10}{:>8}",
        "input", "analysis", "", "ratio", "classified", "", "ratio"
    );
    let mut worst = 0.0f64;
    for ((name, small), (_, large)) in adversarial::inputs(SIZES[0]).zip(adversarial::inputs(SIZES[1])) {
        let small = measure(&classifier, &small, rounds);
        let large = measure(&classifier, &large, rounds);
        let ratios = [large[0] / small[0], large[1] / small[1]];
        worst = worst.max(ratios[0]).max(ratios[1]);
        println!(
            "{name:<28}{:>10.1}{:>10.1}{:>8.2}{:>12.1}{:>10.1}{:>8.2}",
            small[0], large[0], ratios[0], small[1], large[1], ratios[1]
        );
    }
    println!("largest ratio: {worst:.2}");
}
