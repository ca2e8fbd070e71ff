//! The quick way answers as the full evaluation does.

use crate::shell::{Analysis, Dialect, machine};
use std::fmt::Write as _;

/// Everything that can be seen of an analysis.
fn shown(analysis: &Analysis) -> String {
    let mut text = format!("{:?} {:?}\n", analysis.issues(), analysis.obfuscations());
    for i in analysis.invocations() {
        let argv: Vec<_> = i.argv().map(|w| (w, w.flags)).collect();
        let redirections: Vec<_> = i.redirections().map(|r| (r, r.target.flags)).collect();
        let assignments: Vec<_> = i.assignments().collect();
        let place = (i.span(), i.pipeline(), i.stage());
        let _ = writeln!(text, "{argv:?} {redirections:?} {assignments:?} {:?} {place:?}", i.via());
    }
    text
}

/// Whether the quick way answers; where it does, it answers as the full evaluation.
fn agrees(command: &str, quick: &mut Analysis, full: &mut Analysis) -> bool {
    quick.classes.read(command.as_bytes());
    let answered = super::run(command.as_bytes(), quick);
    if answered {
        machine::run(command.as_bytes(), Dialect::Bash, full);
        assert_eq!(shown(quick), shown(full), "{command}");
    }
    answered
}

#[test]
fn ordinary_commands_are_answered_as_the_full_evaluation_does() {
    let commands = include_str!("cases.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("## "));
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    for command in commands {
        let (command, expected) = match command.strip_prefix("no: ") {
            Some(command) => (command, false),
            None => (command, true),
        };
        assert_eq!(agrees(command, &mut quick, &mut full), expected, "{command}");
    }
}

/// Words of the grammar in any order: what the quick way takes for ordinary is so.
#[test]
fn generated_commands_agree() {
    const PARTS: &[&str] = &[
        "ls",
        "rm",
        "-rf",
        "find",
        ".",
        "-exec",
        "\\;",
        "{}",
        "+",
        "-name",
        "'*.c'",
        "\"a b\"",
        "xargs",
        "-0",
        "-I",
        "-n1",
        "sudo",
        "nohup",
        "nice",
        "-n",
        "5",
        "echo",
        "printf",
        "cat",
        "sed",
        "s/a/b/",
        "tee",
        "sh",
        "bash",
        "-c",
        "|",
        "||",
        "&&",
        ";",
        "&",
        "|&",
        ">",
        ">>",
        "<",
        "2>",
        "2>&1",
        "&>",
        ">&",
        "<>",
        "file",
        "/dev/null",
        "1",
        "-",
        "--",
        "a=b",
        "*",
        "a*b",
        "x'y'z",
        "''",
        "\"\"",
        "\\ ",
        "\\(",
        "!",
        "time",
        "#",
        "if",
        "true",
        "false",
        "test",
        "[",
        "mkdir",
        "d",
        "d/*",
        "which",
        "seq",
        "3",
        "grep",
        "x",
        "kill",
        "cd",
        "~",
        "\t",
        "é",
        "a,b",
        "rm\\",
        "\"",
        "'",
        "$x",
        "\"$x\"",
        "$HOME/a",
        "${x}",
        "$1",
        "$$",
        "$",
        "\"a\\\"b\\.c\"",
        "{x}",
        "{",
        "}",
        "{}y",
        "$_",
        "..",
        ",",
        "`",
        "(",
        ")",
        "\n",
        "<<<",
        "env",
        "exec",
        "-ok",
        "-execdir",
        "basename",
        "a/b",
        "cp",
        "mv",
        "timeout",
        "$(",
        "$(ls",
        "`",
        "<(",
        "date",
        "sort",
        "\"$(ls -l \\\"$x\\\" 'a b')\"",
    ];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % n
    };
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let mut answered = 0;
    for _ in 0..60_000 {
        let mut command = String::new();
        for _ in 0..1 + next(9) {
            command.push_str(PARTS[next(PARTS.len())]);
            if next(5) > 0 {
                command.push(' ');
            }
        }
        answered += usize::from(agrees(&command, &mut quick, &mut full));
    }
    assert!(answered > 5_000, "{answered} were answered");
}

#[test]
fn real_commands_agree() {
    let shared = std::env::var_os("SHMON_SHARED").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        std::path::PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(shared.join("corpora")) else {
        println!("skipped: there are no corpora beside the project");
        return;
    };
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let (mut all, mut answered) = (0, 0);
    for file in files.filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "jsonl")) {
        for line in std::fs::read_to_string(file.path()).unwrap().lines() {
            let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let Some(command) = row["cmd"].as_str() else { continue };
            all += 1;
            answered += usize::from(agrees(command, &mut quick, &mut full));
        }
    }
    println!("{answered} of {all} commands are ordinary");
    assert!(all == 0 || answered * 2 > all);
}
