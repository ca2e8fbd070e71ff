//! Rules from TOML: what compiling them takes.

use criterion::{Criterion, criterion_group, criterion_main};
use shmon_benches::{rules, short};
use shmon_core::Classifier;

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

criterion_group!(benches, compile);
criterion_main!(benches);
