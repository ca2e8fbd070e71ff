//! What a fresh process does first, and nothing else, for the benchmark `cold`: `first nothing`, `first classify COMMAND`
//! (the built-in rules), `first regex-set COMMAND` (150 raw patterns), `first rules FILE COMMAND` (compiled from TOML).

use shmon_benches::patterns;
use shmon_core::{Classifier, Context, Scratch};
use std::hint::black_box;

fn level(classifier: &Classifier, command: &str) {
    black_box(classifier.level(command.as_bytes(), &Context::default(), &mut Scratch::default()));
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["nothing"] => {}
        ["classify", command] => level(&Classifier::builtin(), command),
        ["regex-set", command] => {
            let set = regex::bytes::RegexSet::new(patterns()).expect("the patterns are valid");
            black_box(set.matches(command.as_bytes()).matched_any());
        }
        ["rules", file, command] => {
            let built = Classifier::builder().rules_path(file).build().expect("the rules are valid");
            level(&built, command);
        }
        _ => {
            eprintln!("first: use nothing, classify COMMAND, regex-set COMMAND or rules FILE COMMAND");
            std::process::exit(2);
        }
    }
}
