//! Measures what a command costs by the number of rules and by its length: a table on standard error, the drawing on
//! standard output. `cargo run --release -p shmon-benches --bin plot >benches/plot.svg`

use shmon_benches::plot::{by_length, by_rules, svg};

fn main() {
    let rules = by_rules(&[0, 500, 2_000, 5_000, 10_000], 7);
    for &(count, ns, compiled, memory) in &rules {
        eprintln!("{count} rules: {ns:.0} ns per command; compiled in {compiled:.0} ms to {memory} KiB");
    }
    let lengths = by_length(&[20, 50, 100, 200, 400, 800], 7);
    for (length, ns) in &lengths {
        eprintln!("{length:.0} bytes: {ns:.0} ns per command, {:.1} per byte", ns / length);
    }
    let rules: Vec<_> = rules.iter().map(|r| (r.0 as f64, r.1)).collect();
    print!("{}", svg(&rules, &lengths));
}
