//! The quick way answers as the full evaluation does.

mod generated;

use crate::shell::{Analysis, Dialect, machine};

/// Whether the quick way answers; where it does, it answers as the full evaluation.
fn agrees(command: &str, quick: &mut Analysis, full: &mut Analysis) -> bool {
    quick.begin(command.as_bytes());
    let answered = super::run(command.as_bytes(), quick);
    if answered {
        machine::run(command.as_bytes(), Dialect::Bash, full);
        assert_eq!(format!("{quick:?}"), format!("{full:?}"), "{command}");
    }
    answered
}

#[test]
fn ordinary_commands_are_answered_as_the_full_evaluation_does() {
    let commands = include_str!("cases.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("## "));
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let mut wrong = Vec::new();
    for command in commands {
        let (command, expected) = match command.strip_prefix("no: ") {
            Some(command) => (command, false),
            None => (command, true),
        };
        if agrees(command, &mut quick, &mut full) != expected {
            wrong.push(command);
        }
    }
    assert!(wrong.is_empty(), "these are answered otherwise than is said:\n{}", wrong.join("\n"));
}

/// Words and the spaces between them begin and end anywhere in the blocks that masks are made of.
#[test]
fn plain_words_of_any_length_agree() {
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    for program in ["frob", "/opt/bin/frobnicate", "ls", "grep", "sudo"] {
        for length in 0..140 {
            let word = "x".repeat(length);
            for command in [
                format!("{program} {word} y"),
                format!("{program}  y {word}  "),
                format!("{word} {program} a:b"),
                format!("{}{program} {word}", " ".repeat(length)),
                format!("{program} {}", "y ".repeat(length)),
            ] {
                assert!(agrees(&command, &mut quick, &mut full), "{command}");
            }
            for command in [format!("{word}=y {program}"), format!("{program} {word} # {word}")] {
                agrees(&command, &mut quick, &mut full);
            }
        }
    }
}

/// Rounds of loops and values that grow in them have bounds: what goes beyond is given up early.
#[test]
fn what_grows_is_given_up() {
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let nested = |words: &str| {
        let loops = ["a", "b", "c", "d"].map(|name| format!("for {name} in {words}; do "));
        format!("{}ls $a$b$c$d{}", loops.concat(), "; done".repeat(loops.len()))
    };
    let doubled = |times: usize| format!("a=xy; {}ls $a", "a=$a$a; ".repeat(times));
    let rounds = |words: &str| format!("a=xyz; for b in {words}; do a=$a$a$a$a; a=\"$a$a\"; done; ls $a");
    let words = "1 2 3 4 5 6 7 8 9 10";
    let printed = format!("a={}; {}ls $a", "x".repeat(99), "a=\"$(echo \"$a$a\")\"; ".repeat(20));
    for (command, expected) in [
        (nested("x"), true),
        (nested("x y"), false),
        (nested(words), false),
        (doubled(7), true),
        (doubled(60), false),
        (rounds("1"), true),
        (rounds(words), false),
        (printed, false),
    ] {
        let answered = agrees(&command, &mut quick, &mut full);
        assert!(quick.text.len() <= super::MOST_TEXT + 2 * super::LONGEST, "{}: {command}", quick.text.len());
        assert!(quick.invocations.len() <= 64, "{}: {command}", quick.invocations.len());
        assert_eq!(answered, expected, "{command}");
    }
}

/// With `SHMON_LEFT` set it lists those that are left to the full evaluation.
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
    let left = std::env::var_os("SHMON_LEFT").is_some();
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let (mut all, mut answered) = (0, 0);
    for file in files.filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "jsonl")) {
        let before = all - answered;
        for line in std::fs::read_to_string(file.path()).unwrap().lines() {
            let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let Some(command) = row["cmd"].as_str() else { continue };
            let answers = agrees(command, &mut quick, &mut full);
            all += 1;
            answered += usize::from(answers);
            if left && !answers {
                println!("left {:?}: {command:?}", file.file_name());
            }
        }
        println!("{} of {:?} are left", all - answered - before, file.file_name());
    }
    println!("{answered} of {all} commands are ordinary");
    assert!(all == 0 || answered * 2 > all);
}
