//! `shmon rules import-sigma`: what is translated finds what the Sigma rule finds, and what can't be is refused with its reason.

use shmon_core::{Classifier, Context, Scratch};
use std::process::Command;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    yaml: String,
    user: Option<String>,
    #[serde(default)]
    hits: Vec<String>,
    #[serde(default)]
    misses: Vec<String>,
    refused: Option<String>,
}

#[test]
fn detections_find_what_they_say() {
    let cases: Cases = toml::from_str(include_str!("data/sigma-round-trip.toml")).unwrap();
    assert!(cases.case.len() >= 25, "{} cases", cases.case.len());
    let home = tempfile::tempdir().unwrap();
    for case in &cases.case {
        let detection: String = case.yaml.trim().lines().map(|line| format!("  {line}\n")).collect();
        let file = home.path().join("rule.yml");
        let text = format!(
            "title: A Case\nlogsource:\n  category: process_creation\n  product: linux\ndetection:\n{detection}level: high\n"
        );
        std::fs::write(&file, text).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_shmon"))
            .args(["rules", "import-sigma"])
            .arg(&file)
            .env("SHMON_HOME", home.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        if let Some(why) = &case.refused {
            assert!(!out.status.success(), "{}: is translated", case.name);
            assert!(
                errors.contains("rule.yml: not translated: ") && errors.contains(why),
                "{}: {errors}",
                case.name
            );
            continue;
        }
        assert!(out.status.success(), "{}: {errors}", case.name);
        let toml = String::from_utf8(out.stdout).unwrap();
        let rules = Classifier::builder().without_builtin().rules_text("s", toml.as_str()).build().unwrap();
        let mut context = Context::default();
        context.user = case.user.as_deref();
        for (commands, wanted) in [(&case.hits, true), (&case.misses, false)] {
            assert!(!commands.is_empty(), "{}: no commands", case.name);
            for command in commands {
                let verdict = rules.classify_with(command.as_bytes(), &context, &mut Scratch::default());
                assert_eq!(!verdict.findings.is_empty(), wanted, "{}: {command}\n{toml}", case.name);
            }
        }
    }
}
