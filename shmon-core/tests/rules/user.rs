//! Rules, changes and allow entries of users, and the messages for wrong ones.

use shmon_core::classifier::Day;
use shmon_core::{Classifier, Context, Level, Scratch};

const TITLE: &str = "title = 'x'";

fn build(toml: &str) -> Classifier {
    Classifier::builder().rules_text("mine.toml", toml).build().unwrap()
}

fn fault(toml: &str) -> String {
    Classifier::builder().rules_text("mine.toml", toml).build().unwrap_err().to_string()
}

#[test]
fn a_rule_is_added() {
    let c = build(
        "[[rule]]\nid='mine.deploy'\nlevel='high'\ntitle={en='Deployment', ja='配備'}\nmatch={program='deploy'}\n",
    );
    let verdict = c.classify("deploy now");
    assert_eq!(verdict.level, Level::High);
    assert_eq!(verdict.findings[0].rule, "mine.deploy");
    assert_eq!(verdict.findings[0].category, "mine");
    assert_eq!(c.classify("rm -rf /x").level, Level::Critical, "the built-in rules stay");
}

#[test]
fn every_shared_list_and_program_is_known() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let file = toml::from_str::<shmon_core::rule::compiler::schema::RuleFile>(&text).unwrap();
        names.extend(file.lists.into_keys());
    }
    assert!(names.len() > 40, "{} lists", names.len());
    for name in &names {
        build(&format!("[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{program='x', arg='@{name}'}}\n"));
    }
    // Of another file than lists.toml: its list, and how its program reads options (`-i` takes a value).
    let c = build(&format!(
        "[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{program='@netcat-programs', operands=2}}\n"
    ));
    let found = |command: &str| c.classify(command).findings.iter().any(|f| f.rule == "a.b");
    assert!(found("ncat -i 5 host 80"));
    assert!(!found("ncat -i 5 host"));
}

#[test]
fn levels_and_switches() {
    let c = Classifier::builder().level("transfer.curl", Level::Low).disable("discovery.*").build().unwrap();
    assert_eq!(c.classify("curl x").level, Level::Low);
    assert_eq!(c.classify("curl x").findings.len(), 1, "the finding stays, at its new level");
    assert!(c.classify("ps aux").findings.is_empty());
    let c = build("disable = ['transfer.wget']\n[levels]\n'transfer.curl' = 'medium'\n");
    assert!(c.classify("wget x").findings.is_empty());
    assert_eq!(c.classify("curl x").level, Level::Medium);
    let e = Classifier::builder().disable("no.such").build().unwrap_err().to_string();
    assert!(e.contains("unknown rule 'no.such'"), "{e}");
}

#[test]
fn exclusions_are_replaced() {
    let c = Classifier::builder().exclude(["true"]).build().unwrap();
    assert!(c.classify("true").excluded);
    assert!(!c.classify("ls").excluded);
    let c = build("exclude = ['make']");
    assert!(c.classify("make all").excluded);
}

#[test]
fn allowed_findings_disappear_until_the_day_after() {
    let toml = "[[allow]]\nrule='transfer.curl'\nmatch={operand='https://mirror.example/*'}\nreason='mirror'\nexpires=2030-01-31\n";
    let c = build(toml);
    let on = |y, m, d| {
        let mut context = Context::default();
        context.today = Day::new(y, m, d);
        c.classify_with(b"curl https://mirror.example/a", &context, &mut Scratch::default()).level
    };
    assert_eq!(on(2030, 1, 31), Level::Low);
    assert_eq!(on(2030, 2, 1), Level::High);
    assert_eq!(c.classify("curl https://mirror.example/a").level, Level::High, "no date: it doesn't hold");
    let dated =
        Classifier::builder().rules_text("m", toml).today(Day::new(2029, 5, 5).unwrap()).build().unwrap();
    assert_eq!(dated.classify("curl https://mirror.example/a").level, Level::Low);
    assert_eq!(dated.classify("curl https://other.example/a").level, Level::High);
}

#[test]
fn without_the_built_in_rules() {
    let c = Classifier::builder().without_builtin().build().unwrap();
    assert_eq!(c.rules().len(), 0);
    assert_eq!(c.classify("rm -rf /").level, Level::Low);
    assert!(!c.classify("ls").excluded);
}

#[test]
fn messages_name_file_line_rule_and_key() {
    for (toml, parts) in [
        ("[[rule]]\nid='a.b'\nlevel='hgih'\n", &["mine.toml:3:", "rule 'a.b'", "key 'level'", "hgih"][..]),
        (
            &format!("[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{ programm='x' }}\n"),
            &["mine.toml:5:", "rule 'a.b'", "key 'match'", "programm", "program"],
        ),
        (
            &format!(
                "[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{ program='x', operand='@nolist' }}\n"
            ),
            &["mine.toml:5:", "rule 'a.b'", "match.operand", "unknown list '@nolist'"],
        ),
        (
            &format!("[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{}}\n"),
            &["mine.toml:5:", "'a.b'", "is empty"],
        ),
        (
            &format!(
                "[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nmatch={{ program='x', arg={{regex='('}} }}\n"
            ),
            &["mine.toml:5:", "regex"],
        ),
        (
            &format!("[[rule]]\nid='transfer.curl'\nlevel='high'\n{TITLE}\nmatch={{ program='x' }}\n"),
            &["mine.toml:2:", "key 'id'", "built-in rule"],
        ),
        (
            &format!("[[rule]]\nid='a.b'\nlevel='high'\n{TITLE}\nattack=['1059']\nmatch={{ program='x' }}\n"),
            &["mine.toml:5:", "key 'attack'", "T1234"],
        ),
        ("[[allow]]\nmatch={program='x'}\nreason=' '\n", &["mine.toml:3:", "key 'reason'"]),
        ("[[rule]\n", &["mine.toml:1:"]),
        ("exclude = ['ls']\ndisable = ['no.such']\n", &["mine.toml:2:", "unknown rule 'no.such'"]),
        ("[levels]\n\"no.such\" = 'high'\n", &["mine.toml:2:", "unknown rule 'no.such'"]),
    ] {
        let said = fault(toml);
        for part in parts {
            assert!(said.contains(part), "no {part} in: {said}\n{toml}");
        }
    }
}
