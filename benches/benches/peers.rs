//! Peers outside of Rust's regex world beside the whole classification, in one run: tree-sitter's bash grammar, Python's
//! `re`, and Hyperscan and RE2 with the same 150 patterns.
//!
//! `cargo bench -p shmon-benches --features peers --bench peers`. Hyperscan and RE2 are compiled in where their headers
//! are (Debian: libhyperscan-dev, libre2-dev); what is missing is skipped, visibly.

use shmon_benches::plot::per_command;
use shmon_benches::{commands, corpus, patterns, short};
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// `scan.cc` with one of the libraries.
fn scanner(folder: &Path, library: &str, link: &str) -> Option<PathBuf> {
    let out = folder.join(link);
    let built = Command::new("c++")
        .args(["-O2", "-std=c++17", &format!("-DWITH_{library}"), "-o"])
        .arg(&out)
        .arg(format!("{PEERS}/scan.cc"))
        .arg(format!("-l{link}"))
        .output();
    if built.is_ok_and(|built| built.status.success()) {
        return Some(out);
    }
    println!(
        "skipped: {library}: its headers and library aren't there (Debian: libhyperscan-dev, libre2-dev)"
    );
    None
}

/// The number that a program prints first.
fn said(command: &mut Command) -> Option<f64> {
    let out = command.output().ok().filter(|out| out.status.success())?;
    String::from_utf8_lossy(&out.stdout).split_whitespace().next()?.parse().ok()
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let rounds = if short() { 1 } else { 9 };
    let mut corpora = vec![("generated", commands(if short() { 300 } else { 10_000 }, 1))];
    if !short() {
        corpora.extend(["nl2bash", "tldr"].into_iter().filter_map(|name| Some((name, corpus(name)?))));
    }
    let plain = patterns().join("\n").replace("(?-u:", "(?:");
    let pattern_file = folder.path().join("patterns");
    std::fs::write(&pattern_file, plain + "\n").expect("the patterns");
    let set = regex::bytes::RegexSet::new(patterns()).expect("the patterns are valid");
    let scanners = [("Hyperscan", "HYPERSCAN", "hs"), ("RE2::Set", "RE2", "re2")];
    let scanners = scanners.map(|(name, library, link)| (name, scanner(folder.path(), library, link)));
    for (name, all) in corpora {
        // A line each, for the programs of other languages.
        let all: Vec<&str> = all.iter().map(String::as_str).filter(|c| !c.contains('\n')).collect();
        let rows: Vec<&[u8]> = all.iter().map(|c| c.as_bytes()).collect();
        let file = folder.path().join(name);
        std::fs::write(&file, all.join("\n") + "\n").expect("the commands");
        let (classifier, mut scratch) = (Classifier::builtin(), Scratch::default());
        let shmon = per_command(&rows, rounds, |command| {
            black_box(classifier.classify_into(command, &Context::default(), &mut scratch).sensitive());
        });
        println!("{name}, {} rows: shmon {shmon:.0} ns", rows.len());
        let tell = |peer: &str, ns: Option<f64>| match ns {
            Some(ns) => println!("{name}: {peer} {ns:.0} ns, shmon is {:.3} of it", shmon / ns),
            None => println!("{name}: skipped: {peer} doesn't run"),
        };
        tell(
            "RegexSet of 150",
            Some(per_command(&rows, rounds, |c| {
                black_box(set.matches(c).matched_any());
            })),
        );
        let mut parser = tree_sitter::Parser::new();
        parser.set_language(&tree_sitter_bash::LANGUAGE.into()).expect("the grammar fits");
        let few: Vec<&[u8]> = rows.iter().copied().step_by(10).collect();
        tell(
            "tree-sitter-bash (every tenth)",
            Some(per_command(&few, rounds.min(3), |c| {
                black_box(parser.parse(c, None).is_some());
            })),
        );
        let mut python = Command::new("python3");
        python.arg(format!("{PEERS}/re_list.py")).args([&pattern_file, &file]);
        tell("Python's re, a list of 150", said(&mut python));
        for (peer, program) in &scanners {
            if let Some(program) = program {
                tell(peer, said(Command::new(program).args([&pattern_file, &file])));
            }
        }
    }
}
