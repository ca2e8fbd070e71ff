//! The cases of `data/shell/cases.tsv`: which programs a command runs, with which words.

use shmon_core::shell::{self, Analysis, Dialect};

#[test]
fn programs_are_those_listed() {
    let mut analysis = Analysis::new();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in include_str!("data/shell/cases.tsv").lines().skip(1) {
        let (command, expected) = line.split_once('\t').expect("two columns");
        shell::analyze(command.as_bytes(), Dialect::Bash, &mut analysis);
        let found: Vec<String> = analysis
            .invocations()
            .map(|i| {
                i.argv().map(|w| String::from_utf8_lossy(w.bytes).into_owned()).collect::<Vec<_>>().join(" ")
            })
            .filter(|argv| !argv.is_empty())
            .collect();
        let found = if found.is_empty() { "-".to_owned() } else { found.join(" ; ") };
        if found != expected {
            wrong.push(format!("{command}\n  expected {expected}\n  found    {found}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
