//! The examples that each built-in rule carries, and what lint says about the built-in rules.

use shmon_core::Classifier;
use shmon_core::rule::compiler::{Source, schema::RuleFile, source};
use shmon_core::rule::{examples, lint::lint};
use std::path::Path;

fn files() -> Vec<(Source, RuleFile)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let name = format!("rules/{}", path.file_name().unwrap().to_string_lossy());
            let source = Source { name, text: std::fs::read_to_string(&path).unwrap() };
            let file = source::parse(&source).unwrap_or_else(|p| panic!("{p}"));
            all.push((source, file));
        }
    }
    all.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    all
}

#[test]
fn every_rule_finds_its_hits_and_leaves_its_misses() {
    let classifier = Classifier::builtin();
    let mut faults = Vec::new();
    let mut rules = 0;
    for (source, file) in files() {
        rules += file.rule.len();
        faults.extend(examples::run(&classifier, &source, &file).faults);
    }
    assert_eq!(rules, classifier.rules().len());
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn lint_has_nothing_to_say() {
    let found: Vec<String> = lint(&files(), &Classifier::builtin()).iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn built_in_rules_ask_no_regular_expression() {
    for (source, _) in files() {
        let line = source.text.lines().position(|l| l.contains("regex =") || l.contains("regex="));
        assert!(line.is_none(), "{}:{}: use a structured test", source.name, line.unwrap_or(0) + 1);
    }
}

/// What titles name as it is typed.
const PROGRAMS: [&str; 13] = [
    "awk", "chroot", "gawk", "git", "netcat", "rustcat", "sed", "shmon", "socat", "ssh", "sudo", "tar", "zsh",
];

#[test]
fn rules_are_told_in_both_languages() {
    for rule in Classifier::builtin().rules().rules() {
        for (what, text) in [("title", rule.title()), ("reason", rule.reason())] {
            assert!(!text.en.is_empty(), "{}: no English {what}", rule.id());
            assert!(text.ja.is_some(), "{}: no Japanese {what}", rule.id());
        }
        let title = rule.title().en;
        let first = title.split([' ', '\'']).next().unwrap_or_default();
        let capital = title.starts_with(|c: char| !c.is_ascii_lowercase());
        assert!(capital || PROGRAMS.contains(&first), "{}: '{title}' begins with a small letter", rule.id());
        for text in rule.false_positives() {
            assert!(!text.en.is_empty() && text.ja.is_some(), "{}: {text:?} in one language only", rule.id());
        }
    }
}
