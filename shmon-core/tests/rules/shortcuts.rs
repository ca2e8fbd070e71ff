//! Rules are picked by what their conditions need, and narrowed for each program: they find what asking every rule about every
//! program, with the whole of its condition, finds.

#[path = "../../../fuzz/rules.rs"]
mod generated;

use serde::Deserialize;
use shmon_core::{Classifier, Context, Scratch, Verdict};
use std::path::{Path, PathBuf};

/// The built-in rules without their shortcuts.
fn plain() -> Classifier {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    Classifier::builder().without_builtin().rules_path(rules).without_shortcuts().build().unwrap()
}

struct Sides {
    quick: Classifier,
    plain: Classifier,
    scratch: [Scratch; 2],
    findings: usize,
}

impl Sides {
    fn new(quick: Classifier, plain: Classifier) -> Self {
        assert_eq!(quick.rules().len(), plain.rules().len());
        Sides { quick, plain, scratch: Default::default(), findings: 0 }
    }

    /// What differs.
    fn compare(&mut self, command: &str, faults: &mut Vec<String>) {
        let (context, [one, other]) = (Context::default(), &mut self.scratch);
        let quick = self.quick.classify_with(command.as_bytes(), &context, one);
        let plain = self.plain.classify_with(command.as_bytes(), &context, other);
        self.findings += plain.findings.len();
        if quick != plain {
            faults.push(format!("{command:?}: {}, not {}", told(&quick), told(&plain)));
        }
    }
}

fn told(verdict: &Verdict) -> String {
    let all = verdict.findings.iter().map(|f| format!("{} {:?}×{}", f.rule, f.argv, f.count));
    format!("{:?} excluded {}", all.collect::<Vec<_>>(), verdict.excluded)
}

#[derive(Deserialize)]
struct Examples {
    #[serde(default)]
    rule: Vec<Commands>,
    #[serde(default)]
    secret: Vec<Commands>,
}

#[derive(Deserialize)]
struct Commands {
    #[serde(default)]
    hits: Vec<toml::Value>,
    #[serde(default)]
    misses: Vec<toml::Value>,
}

#[test]
fn built_in_rules_find_the_same_without_shortcuts() {
    let mut sides = Sides::new(Classifier::builtin(), plain());
    let mut faults = Vec::new();
    let mut all = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Examples = toml::from_str(&text).unwrap();
        for example in file.rule.iter().chain(&file.secret).flat_map(|r| r.hits.iter().chain(&r.misses)) {
            let command = example.as_str().or_else(|| example.get("command")?.as_str()).unwrap();
            sides.compare(command, &mut faults);
            // In a list and a pipeline, with words of others around it.
            sides.compare(&format!("cd /srv && {command} | tee out.log; curl -sO http://h/x"), &mut faults);
            all += 1;
        }
    }
    assert!(all > 2_000 && sides.findings > all, "{all} commands, {} findings", sides.findings);
    assert!(faults.is_empty(), "{} of {all} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn real_commands_find_the_same_without_shortcuts() {
    let shared = std::env::var_os("SHMON_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let Ok(files) = std::fs::read_dir(shared.join("corpora")) else {
        println!("skipped: there are no corpora beside the project");
        return;
    };
    let mut sides = Sides::new(Classifier::builtin(), plain());
    let mut faults = Vec::new();
    let mut all = 0;
    for file in files.filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "jsonl")) {
        // A part of them: the other side asks each of hundreds of rules.
        for line in std::fs::read_to_string(file.path()).unwrap().lines().step_by(5) {
            let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let Some(command) = row["cmd"].as_str() else { continue };
            sides.compare(command, &mut faults);
            all += 1;
        }
    }
    println!("{all} commands, {} findings", sides.findings);
    assert!(faults.is_empty(), "{} of {all} differ:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn generated_rules_find_the_same_without_shortcuts() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut findings = 0;
    for _ in 0..if cfg!(debug_assertions) { 500 } else { 10_000 } {
        let choices: Vec<u8> = (0..600)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                (seed >> 40) as u8
            })
            .collect();
        findings += generated::check(&choices);
    }
    assert!(findings > 1_000, "{findings}");
}
