//! The examples that each built-in rule carries.

use shmon_core::rule::compiler::{Source, schema::Example, source};
use shmon_core::shell::Dialect;
use shmon_core::{Classifier, Context, Scratch, Verdict};
use std::path::Path;

fn sources() -> Vec<Source> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "toml") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            all.push(Source { name, text: std::fs::read_to_string(&path).unwrap() });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

fn classify(classifier: &Classifier, example: &Example) -> Verdict {
    let mut context = Context::default();
    context.root = example.root;
    context.ssh = example.ssh;
    context.user = example.user.as_deref();
    context.dialect = match example.shell.as_deref() {
        Some("sh") => Dialect::Sh,
        Some("zsh") => Dialect::Zsh,
        Some("fish") => Dialect::Fish,
        _ => Dialect::Bash,
    };
    classifier.classify_with(example.command.as_bytes(), &context, &mut Scratch::default())
}

#[test]
fn every_rule_finds_its_hits_and_leaves_its_misses() {
    let classifier = Classifier::builtin();
    let mut faults = Vec::new();
    let mut rules = 0;
    for source in sources() {
        let file = source::parse(&source).unwrap_or_else(|p| panic!("{p}"));
        for rule in file.rule.iter().map(toml::Spanned::get_ref) {
            rules += 1;
            for (examples, wanted, kind) in [(&rule.hits, true, "hit"), (&rule.misses, false, "near miss")] {
                if examples.len() < 2 {
                    faults.push(format!("{}: {} needs two examples of a {kind}", source.name, rule.id));
                }
                for example in examples {
                    let verdict = classify(&classifier, example);
                    if verdict.findings.iter().any(|f| f.rule == rule.id) != wanted {
                        let said = if wanted { "isn't found" } else { "is found" };
                        faults.push(format!(
                            "{}: {}: {kind} {said}: {}",
                            source.name, rule.id, example.command
                        ));
                    }
                }
            }
        }
    }
    assert_eq!(rules, classifier.rules().len());
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn rules_are_told_in_both_languages() {
    for rule in Classifier::builtin().rules().rules() {
        for (what, text) in [("title", rule.title()), ("reason", rule.reason())] {
            assert!(!text.en.is_empty(), "{}: no English {what}", rule.id());
            assert!(text.ja.is_some(), "{}: no Japanese {what}", rule.id());
        }
    }
}
