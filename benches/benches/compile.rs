//! Rules from TOML: compiling them, and what many rules cost per command.

use criterion::{Criterion, criterion_group, criterion_main};
use shmon_benches::{commands, rules, short};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::time::Instant;

fn with(count: usize) -> Classifier {
    Classifier::builder().rules_text("generated", rules(count, 7)).build().expect("generated rules are valid")
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.sample_size(10);
    for count in if short() { [50, 100] } else { [500, 10_000] } {
        let toml = rules(count, 7);
        group.bench_function(format!("{count} rules"), |b| {
            b.iter(|| {
                Classifier::builder()
                    .rules_text("generated", toml.as_str())
                    .build()
                    .expect("valid")
                    .rules()
                    .len()
            });
        });
    }
    group.finish();
}

fn scale(c: &mut Criterion) {
    let all = commands(if short() { 300 } else { 10_000 }, 1);
    let counts = if short() { [50, 100, 200] } else { [500, 2_000, 10_000] };
    let sets: Vec<(usize, Classifier)> = counts.map(|n| (n, with(n))).into();
    let mut group = c.benchmark_group("scale");
    group.sample_size(10);
    for (count, classifier) in &sets {
        let mut scratch = Scratch::default();
        group.bench_function(format!("{count} rules"), |b| {
            b.iter(|| {
                all.iter()
                    .filter(|c| {
                        classifier.classify_into(c.as_bytes(), &Context::default(), &mut scratch).excluded()
                    })
                    .count()
            });
        });
    }
    group.finish();
    let mut best = vec![f64::MAX; sets.len()];
    let mut scratch = Scratch::default();
    for _ in 0..if short() { 1 } else { 9 } {
        for ((_, classifier), best) in sets.iter().zip(&mut best) {
            let start = Instant::now();
            for command in &all {
                black_box(
                    classifier.classify_into(command.as_bytes(), &Context::default(), &mut scratch).level(),
                );
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / all.len() as f64);
        }
    }
    for ((count, classifier), ns) in sets.iter().zip(&best) {
        println!(
            "{count} rules: {ns:.0} ns per command, {:.2} of {} rules; {} KiB compiled",
            ns / best[0],
            sets[0].0,
            classifier.rules().memory() / 1024
        );
    }
}

criterion_group!(benches, compile, scale);
criterion_main!(benches);
