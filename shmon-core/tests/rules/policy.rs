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

/// A loop's values make one finding, with the count; other programs and places stay apart.
#[test]
fn findings_of_a_loop_are_folded() {
    let cases: [(&str, &[(&str, u32)]); 5] = [
        ("for i in {1..254}; do nmap 10.0.0.$i; done", &[("nmap", 254)]),
        ("for i in a b; do nmap $i; masscan $i; done", &[("nmap", 2), ("masscan", 2)]),
        ("for c in nmap masscan; do $c x; done", &[("nmap", 1), ("masscan", 1)]),
        ("nmap a; nmap b", &[("nmap", 1), ("nmap", 1)]),
        // Decoded commands have no place of their own.
        ("echo bm1hcCBhOyBubWFwIGI= | base64 -d | sh", &[("nmap", 1), ("nmap", 1)]),
    ];
    let classifier = Classifier::builtin();
    for (command, expected) in cases {
        let verdict = classifier.classify(command);
        let found = verdict.findings.iter().filter(|f| f.rule.starts_with("reconnaissance."));
        let found: Vec<(&str, u32)> =
            found.filter(|f| !f.argv.is_empty()).map(|f| (f.argv[0].as_str(), f.count)).collect();
        assert_eq!(found, expected, "{command}");
    }
}
