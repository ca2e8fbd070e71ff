//! The default policy: which commands get which level, and which are noise.

use shmon_core::{Classifier, Level, Verdict};

fn says(verdict: &Verdict) -> &'static str {
    if verdict.excluded { "excluded" } else { verdict.level.as_str() }
}

#[test]
fn the_policy_holds() {
    let classifier = Classifier::builtin();
    let mut faults = Vec::new();
    for line in include_str!("policy.tsv").lines().filter(|l| !l.starts_with('#')) {
        let mut fields = line.split('\t');
        let (command, want, rule) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        let verdict = classifier.classify(command);
        if says(&verdict) != want || (rule != "-" && !verdict.findings.iter().any(|f| f.rule == rule)) {
            faults.push(format!("{command}: {} instead of {want}, {:?}", says(&verdict), verdict.findings));
        }
        assert_eq!(verdict.sensitive, verdict.level >= Level::High, "{command}");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn titles_are_the_known_ones() {
    let verdict = Classifier::builtin().classify("nmap -sV target.example.com");
    assert_eq!(verdict.findings[0].title.ja.as_deref(), Some("ポートスキャン"));
    let verdict = Classifier::builtin().classify("rm -rf /tmp/test");
    assert_eq!(verdict.findings[0].title.ja.as_deref(), Some("危険な削除コマンド"));
}
