//! Pages of `shmon explain`, as people see them: `data/explain.txt` holds commands (`$ …`, `⏎` newline) and the page of each,
//! without the near misses, which change with the rules. `UPDATE_PAGES=1 cargo test -p shmon-cli --test explain` writes it
//! anew; read the difference.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

fn page(home: &Path, line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = line;
    // Options of explain stand before the command: `--lang ja -- …`.
    if let Some((options, command)) = line.split_once(" -- ")
        && options.starts_with("--")
    {
        words.extend(options.split(' ').map(str::to_owned));
        rest = command;
    }
    words.push("--".into());
    words.push(rest.replace('⏎', "\n"));
    let output = Command::new(env!("CARGO_BIN_EXE_shmon"))
        .arg("explain")
        .args(words)
        .env("SHMON_HOME", home)
        .env("NO_COLOR", "1")
        .output()
        .expect("shmon runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("the page is text");
    let near = |line: &&str| {
        let line = line.trim_start();
        !["nearly: ", "fails: ", "あと一歩: ", "不成立: "].iter().any(|start| line.starts_with(start))
    };
    text.lines().filter(near).fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{line}");
        all
    })
}

#[test]
fn pages_are_as_they_were() {
    let home = tempfile::tempdir().expect("a folder");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/explain.txt");
    let expected = std::fs::read_to_string(&path).expect("the pages");
    let commands: Vec<&str> = expected.lines().filter_map(|l| l.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 12, "{} commands", commands.len());
    let mut found = String::new();
    for command in commands {
        let _ = writeln!(found, "$ {command}\n{}", page(home.path(), command));
    }
    if std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &found).expect("written");
        return;
    }
    assert_eq!(found, expected, "the pages differ from {}", path.display());
}
