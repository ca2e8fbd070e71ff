//! `shmon rules`: what it lists, checks, makes and imports.

use std::path::Path;
use std::process::{Command, Output};

fn shmon(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_shmon"))
        .args(args)
        .env("SHMON_HOME", home)
        .env("SHMON_LANG", "en")
        .output()
        .unwrap()
}

fn text(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn list_and_show() {
    let home = tempfile::tempdir().unwrap();
    let all = text(&shmon(home.path(), &["rules", "list"]));
    assert!(all.contains("destruction.rm-recursive-force"), "{all}");
    let some = text(&shmon(home.path(), &["rules", "list", "--attack", "T1046", "--level", "high"]));
    assert!(some.contains("reconnaissance.nmap") && !some.contains("destruction."), "{some}");
    let json = text(&shmon(home.path(), &["rules", "list", "--json", "--category", "mail"]));
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["category"], "mail");
    let one = shmon(home.path(), &["rules", "show", "reconnaissance.nmap"]);
    assert!(text(&one).contains("T1046"));
    assert_eq!(shmon(home.path(), &["rules", "show", "no.such"]).status.code(), Some(1));
    assert_eq!(shmon(home.path(), &["rules", "list", "--category", "none"]).status.code(), Some(1));
}

#[test]
fn the_pages_about_the_rules_are_fresh() {
    let home = tempfile::tempdir().unwrap();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
    let checked = shmon(home.path(), &["rules", "docs", "--check", docs]);
    assert!(checked.status.success(), "run `cargo run -p shmon-cli -- rules docs docs`:\n{}", text(&checked));
}

#[test]
fn the_index_of_techniques_agrees_with_itself_and_with_the_rules() {
    const TACTICS: [&str; 14] = [
        "recon",
        "resources",
        "initial",
        "execution",
        "persistence",
        "escalation",
        "evasion",
        "credentials",
        "discovery",
        "lateral",
        "collection",
        "control",
        "exfiltration",
        "impact",
    ];
    let lines = include_str!("../data/attack.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut index = std::collections::BTreeMap::new();
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        assert!(fields.len() == 3 || fields.len() == 4, "{line}");
        assert!(fields[1].split(',').all(|t| TACTICS.contains(&t)), "{line}: an unknown tactic");
        assert!(index.insert(fields[0], fields).is_none(), "{line}: twice");
    }
    for (id, fields) in &index {
        let Some((parent, _)) = id.split_once('.') else { continue };
        let parent = index.get(parent).unwrap_or_else(|| panic!("{id}: no parent"));
        let plain = parent[2].split(" (").next().unwrap();
        assert!(fields[2].starts_with(&format!("{plain}: ")), "{id}: {} below {}", fields[2], parent[2]);
        assert!(
            fields[1].split(',').all(|t| parent[1].split(',').any(|p| p == t)),
            "{id}: tactics of its parent"
        );
    }
    // Every rule's techniques are in the index; ids of later versions stand beside those that they replaced.
    let later: Vec<(&str, &str)> = index.values().filter_map(|f| Some((f[0], *f.get(3)?))).collect();
    let classifier = shmon_core::Classifier::builtin();
    for rule in classifier.rules().rules() {
        let named: Vec<&str> = rule.attack().collect();
        for id in &named {
            match later.iter().find(|(_, new)| new == id) {
                Some((old, _)) => assert!(named.contains(old), "{}: {id} without {old}", rule.id()),
                None => assert!(index.contains_key(id), "{}: {id} isn't in the index", rule.id()),
            }
        }
    }
    assert_eq!(classifier.rules().attack_version(), "17.1");
}

#[test]
fn pages_are_written_and_those_of_no_category_removed() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("docs");
    std::fs::create_dir_all(dir.join("rules")).unwrap();
    std::fs::write(dir.join("rules/gone.md"), "old").unwrap();
    let path = dir.to_str().unwrap();
    assert_eq!(shmon(home.path(), &["rules", "docs", "--check", path]).status.code(), Some(1));
    assert!(shmon(home.path(), &["rules", "docs", path]).status.success());
    assert!(!dir.join("rules/gone.md").exists());
    assert!(shmon(home.path(), &["rules", "docs", "--check", path]).status.success());
    let index = std::fs::read_to_string(dir.join("RULES.md")).unwrap();
    assert!(index.contains("(rules/destruction.md)") && index.contains("### Credential Access"), "{index}");
    let page = std::fs::read_to_string(dir.join("rules/destruction.md")).unwrap();
    assert!(page.contains("`rm -rf /tmp/test`") && page.contains("危険な削除コマンド"), "{page}");
}

#[test]
fn a_new_rule_is_tested_and_used() {
    let home = tempfile::tempdir().unwrap();
    let new = shmon(home.path(), &["rules", "new", "mine.tool", "--program", "tool"]);
    assert!(new.status.success());
    let dir = home.path().join("rules.d");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("mine.toml"), new.stdout).unwrap();
    let tested = shmon(home.path(), &["rules", "test"]);
    assert!(
        tested.status.success() && text(&tested).contains("1 rules, 4 examples, 0 faults"),
        "{}",
        text(&tested)
    );
    assert!(text(&shmon(home.path(), &["rules", "list"])).contains("mine.tool"));
    let level = shmon(home.path(), &["classify", "--format", "level", "tool -x"]);
    assert_eq!(text(&level), "high\n");
    assert_eq!(shmon(home.path(), &["rules", "new", "Not An Id"]).status.code(), Some(2));
}

#[test]
fn faults_and_remarks_are_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("bad.toml");
    std::fs::write(
        &file,
        "[[rule]]\nid = 'mine.a'\nlevel = 'high'\ntitle = 'x'\nmatch = { program = 'a', args = 0, flags = '-x' }\n\
         hits = ['a -x', 'a']\nmisses = ['b', 'c']\n\
         [[rule]]\nid = 'mine.b'\nlevel = 'low'\ntitle = 'x'\nreason = 'y'\nmatch = { via = 'sudo' }\n\
         [[rule]]\nid = 'mine.c'\nlevel = 'low'\ntitle = 'x'\nreason = 'y'\nmatch = { program = 'q', flags = '-x' }\n\
         alternative = 'use `rm -rf x`'\nhits = ['q -x', 'q -x a']\nmisses = ['q', 'q -y']\n\
         [[rule]]\nid = 'mine.d'\nlevel = 'medium'\ntitle = 'x'\nreason = 'y'\nmatch = { program = 'q' }\n\
         hits = ['q -x', 'q -x a']\nmisses = ['p', 'r -y']\n",
    )
    .unwrap();
    let path = file.to_str().unwrap();
    let lint = text(&shmon(home.path(), &["rules", "lint", path]));
    for said in [
        "'mine.a', key 'match': can never hold",
        "'mine.a', key 'reason': is missing",
        "'mine.b', key 'hits': 0 examples",
        "'mine.b', key 'match': is asked for every command",
        "'mine.c', key 'alternative': `rm -rf x` would itself be found",
        "'mine.c', key 'match': adds nothing to 'mine.d'",
    ] {
        assert!(lint.contains(said), "no {said} in\n{lint}");
    }
    let test = shmon(home.path(), &["rules", "test", path]);
    assert_eq!(test.status.code(), Some(1));
    assert!(
        text(&test).contains("bad.toml:6: rule 'mine.a', key 'hits': isn't found: a -x"),
        "{}",
        text(&test)
    );
}

#[test]
fn sigma_rules_are_translated_or_refused() {
    let home = tempfile::tempdir().unwrap();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sigma");
    let out = shmon(home.path(), &["rules", "import-sigma", data]);
    assert!(out.status.success());
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(errors.contains("parent.yml: not translated: selection: the field 'ParentImage'"), "{errors}");
    assert!(errors.contains("1 translated, 1 not"), "{errors}");
    let toml = text(&out);
    assert!(toml.contains("id = \"sigma.remote-copy-of-archives\""), "{toml}");
    assert!(toml.contains("T1048.002") && toml.contains("Archives are copied to another host."), "{toml}");
    let classifier =
        shmon_core::Classifier::builder().without_builtin().rules_text("s", toml).build().unwrap();
    let hits = |c: &str| classifier.classify(c).findings.len();
    assert_eq!(hits("scp -q a.tar.gz h:"), 1);
    assert_eq!(hits("sftp -q a.tar h"), 1);
    assert_eq!(hits("scp a.tar.gz h:"), 0);
    assert_eq!(hits("tar -q a.tar"), 0);
}
