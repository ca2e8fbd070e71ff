//! The default policy as data: every command has the level that the table says.

use shmon_core::{Classifier, Level};
use std::path::{Path, PathBuf};

/// Checks each row of a table, `command TAB level|excluded`, and lists every row that differs.
fn check(name: &str, table: &str) {
    let classifier = Classifier::builtin();
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table.lines() {
        let mut fields = line.split('\t');
        let (Some(command), Some(expected)) = (fields.next(), fields.next()) else { continue };
        let command = command.replace("\\n", "\n");
        rows += 1;
        let verdict = classifier.classify(&command);
        let fits = match expected {
            "excluded" => verdict.excluded && verdict.level == Level::Low,
            level => {
                let expected = level.parse::<Level>().unwrap();
                let above = line.contains("or above)") && verdict.level > expected;
                !verdict.excluded && (verdict.level == expected || above)
            }
        };
        if !fits {
            let rules: Vec<_> = verdict.findings.iter().map(|f| f.rule.as_str()).collect();
            let got = if verdict.excluded { "excluded" } else { verdict.level.as_str() };
            wrong.push(format!("{command:?}: expected {expected}, got {got} {rules:?}"));
        }
    }
    assert!(rows > 0, "{name}: no rows");
    assert!(wrong.is_empty(), "{name}: {} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn default_policy() {
    check("policy.tsv", include_str!("data/policy.tsv"));
}

/// The folder with the users' own table and the labelled corpora, where it lies beside the project.
fn shared() -> PathBuf {
    std::env::var_os("SHMON_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from)
}

#[test]
fn users_own_table() {
    let path = shared().join("seed/expected.tsv");
    match std::fs::read_to_string(&path) {
        Ok(table) => {
            let rows: String =
                table.lines().filter(|l| !l.starts_with("# ")).map(|l| format!("{l}\n")).collect();
            check("expected.tsv", &rows);
        }
        Err(_) => println!("skipped: {} is not there (set SHMON_SHARED)", path.display()),
    }
}

#[test]
fn a_million_bytes_of_anything_are_answered() {
    let classifier = Classifier::builtin();
    for unit in [
        "$(", "`", "\"", "'", "{", "(", "<<A\n", "a;", "|", "\\", "\0", "\u{3042}", "$((", "if ", "${x:-",
        "eval ",
    ] {
        let command = unit.repeat(1_000_000 / unit.len());
        classifier.classify(&command);
    }
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    classifier.classify(&bytes);
}
