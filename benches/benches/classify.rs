//! ns per command of the whole classification, against a raw regex scan and shell lexers of others, in one run.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shmon_benches::plot::per_command;
use shmon_benches::raw::{self, Place};
use shmon_benches::{commands, corpus, patterns, short};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::time::Instant;

fn corpora() -> Vec<(&'static str, Vec<String>)> {
    if short() {
        return vec![("generated", commands(300, 1))];
    }
    let mut all = vec![("generated", commands(10_000, 1))];
    all.extend(["nl2bash", "tldr"].into_iter().filter_map(|name| Some((name, corpus(name)?))));
    all
}

/// One raw expression for each built-in rule; the short run builds a few.
fn raw_rules() -> Vec<String> {
    let rules = raw::rules(Place::Word).into_iter().filter_map(|rule| rule.pattern);
    rules.take(if short() { 20 } else { usize::MAX }).collect()
}

fn classify(c: &mut Criterion) {
    let classifier = Classifier::builtin();
    let set = regex::bytes::RegexSet::new(patterns()).expect("the patterns are valid");
    let rules = regex::bytes::RegexSetBuilder::new(raw_rules())
        .unicode(false)
        .size_limit(1 << 30)
        .dfa_size_limit(1 << 27)
        .build()
        .expect("the rules' patterns are valid");
    // The literal texts of the same patterns, the names among them.
    let words: Vec<String> = patterns().iter().map(|pattern| longest_literal(pattern)).collect();
    let literals = aho_corasick::AhoCorasick::builder()
        .kind(Some(aho_corasick::AhoCorasickKind::DFA))
        .build(&words)
        .expect("the literals are valid");
    for (name, all) in corpora() {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(all.len() as u64)).sample_size(10);
        group.bench_function("shmon", |b| {
            let mut scratch = Scratch::default();
            b.iter(|| {
                all.iter()
                    .filter(|command| {
                        let verdict =
                            classifier.classify_into(command.as_bytes(), &Context::default(), &mut scratch);
                        verdict.sensitive()
                    })
                    .count()
            });
        });
        group.bench_function("regex-set", |b| {
            b.iter(|| all.iter().filter(|command| set.matches(command.as_bytes()).matched_any()).count());
        });
        group.bench_function("aho-corasick", |b| {
            b.iter(|| {
                all.iter()
                    .map(|command| literals.find_overlapping_iter(command.as_str()).count())
                    .sum::<usize>()
            });
        });
        group.bench_function("shlex", |b| {
            b.iter(|| all.iter().filter_map(|command| shlex::split(command)).count());
        });
        group.bench_function("brush-parser (tokens of every tenth)", |b| {
            let few: Vec<&String> = all.iter().step_by(10).collect();
            b.iter(|| few.iter().filter(|command| brush_parser::tokenize_str(command).is_ok()).count());
        });
        group.finish();
        ratios(name, &all, &classifier, [&set, &rules], &literals);
    }
}

/// The longest part of a pattern that stands for itself.
fn longest_literal(pattern: &str) -> String {
    let plain = pattern
        .replace(r"(?-u:\b)", " ")
        .replace(r"(?-u:\s)+", " ")
        .replace(r"(?-u:\w)+", " ")
        .replace("[^ ]+", " ");
    plain.split([' ', '*']).max_by_key(|part| part.len()).unwrap_or_default().to_owned()
}

/// All sides in one run, and what the whole classification is of each.
fn ratios(
    name: &str,
    all: &[String],
    classifier: &Classifier,
    [set, rules]: [&regex::bytes::RegexSet; 2],
    literals: &aho_corasick::AhoCorasick,
) {
    let rounds = if short() { 1 } else { 9 };
    let mut scratch = Scratch::default();
    for (rows, ascii) in [("ASCII", true), ("other", false)] {
        let some: Vec<&[u8]> = all.iter().filter(|c| c.is_ascii() == ascii).map(String::as_bytes).collect();
        if some.is_empty() {
            continue;
        }
        let shmon = per_command(&some, rounds, |command| {
            black_box(classifier.classify_into(command, &Context::default(), &mut scratch).sensitive());
        });
        println!("{name}, {} {rows} rows: shmon {shmon:.0} ns", some.len());
        let peer = |peer: &str, run: &mut dyn FnMut(&[u8])| {
            let ns = per_command(&some, rounds, run);
            println!("{name}, {rows} rows: {peer} {ns:.0} ns, shmon is {:.2} of it", shmon / ns);
        };
        peer("RegexSet of 150", &mut |command| {
            black_box(set.matches(command).matched_any());
        });
        peer("RegexSet of the rules", &mut |command| {
            black_box(rules.matches(command).matched_any());
        });
        peer("aho-corasick", &mut |command| {
            black_box(literals.find_overlapping_iter(command).count());
        });
        peer("shlex", &mut |command| {
            black_box(std::str::from_utf8(command).ok().and_then(shlex::split));
        });
        peer("brush-parser's tokens", &mut |command| {
            black_box(std::str::from_utf8(command).is_ok_and(|c| brush_parser::tokenize_str(c).is_ok()));
        });
    }
    let mut times: Vec<u64> = all
        .iter()
        .map(|command| {
            (0..5)
                .map(|_| {
                    let start = Instant::now();
                    black_box(
                        classifier
                            .classify_into(command.as_bytes(), &Context::default(), &mut scratch)
                            .level(),
                    );
                    start.elapsed().as_nanos() as u64
                })
                .min()
                .unwrap_or(0)
        })
        .collect();
    times.sort_unstable();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("{name}: median {median} ns, p99 {p99} ns, ratio {:.1}", p99 as f64 / median as f64);
}

criterion_group!(benches, classify);
criterion_main!(benches);
