//! Every key of the language, as cases in `language.toml`: a condition, commands that it holds for, and others.

use serde::Deserialize;
use shmon_core::Classifier;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "match")]
    condition: toml::Value,
    #[serde(default)]
    hits: Vec<String>,
    #[serde(default)]
    misses: Vec<String>,
}

#[test]
fn conditions_mean_what_the_page_says() {
    let cases: Cases = toml::from_str(include_str!("language.toml")).unwrap();
    let mut faults = Vec::new();
    for case in cases.case {
        let rule = format!(
            "[[rule]]\nid='test.case'\nlevel='high'\ntitle='x'\nmatch = {}\n",
            toml::Value::try_from(&case.condition).unwrap()
        );
        let c = match Classifier::builder().without_builtin().rules_text(&case.name, rule.as_str()).build() {
            Ok(c) => c,
            Err(e) => {
                faults.push(format!("{}: {e}\n{rule}", case.name));
                continue;
            }
        };
        for (commands, wanted) in [(&case.hits, true), (&case.misses, false)] {
            for command in commands {
                if c.classify(command).findings.is_empty() == wanted {
                    faults.push(format!(
                        "{}: {} {command}",
                        case.name,
                        if wanted { "not found:" } else { "found:" }
                    ));
                }
            }
        }
        assert!(!case.hits.is_empty(), "{}", case.name);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
