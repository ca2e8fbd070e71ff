//! What many rules cost per command, in memory and in compiling.

use criterion::{Criterion, criterion_group, criterion_main};
use shmon_benches::{commands, rules, short};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::time::Instant;

fn with(count: usize) -> Classifier {
    Classifier::builder().rules_text("generated", rules(count, 7)).build().expect("generated rules are valid")
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
    table(&sets, &all);
}

/// What so many rules cost: both sides of each ratio are measured in turn, of which the best rounds count.
fn table(sets: &[(usize, Classifier)], all: &[String]) {
    let mut best = vec![(f64::MAX, f64::MAX); sets.len()];
    let mut scratch = Scratch::default();
    for round in 0..if short() { 1 } else { 9 } {
        for ((count, classifier), (command, compile)) in sets.iter().zip(&mut best) {
            let start = Instant::now();
            for command in all {
                black_box(
                    classifier.classify_into(command.as_bytes(), &Context::default(), &mut scratch).level(),
                );
            }
            *command = command.min(start.elapsed().as_nanos() as f64 / all.len() as f64);
            if round < 3 {
                let toml = rules(*count, 7);
                let start = Instant::now();
                black_box(Classifier::builder().rules_text("generated", toml).build().is_ok());
                *compile = compile.min(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let builtin = Classifier::builtin().rules().memory();
    for ((count, classifier), (command, compile)) in sets.iter().zip(&best) {
        let memory = classifier.rules().memory() - builtin;
        println!(
            "{count} rules: {command:.0} ns per command, {:.2} of {} rules; compiled in {compile:.1} ms, {:.1} µs a rule; \
             {} KiB, {} bytes a rule",
            command / best[0].0,
            sets[0].0,
            compile * 1e3 / *count as f64,
            memory / 1024,
            memory / count,
        );
    }
}

criterion_group!(benches, scale);
criterion_main!(benches);
