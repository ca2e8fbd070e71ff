//! Replays the fuzzers' corpus, and every crash that they found, on stable Rust.

#[path = "../../fuzz/checks.rs"]
mod checks;

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let path = entry.expect("readable").path();
        let input = std::fs::read(&path).expect("readable");
        println!("{}", path.display());
        check(&input);
        // A corpus is also a start for the other dialects and for cut text.
        for dialect in [b'0', b'1', b'2', b'3'] {
            let mut other = vec![dialect];
            other.extend_from_slice(input.get(1..).unwrap_or(&[]));
            check(&other);
            other.truncate(other.len() / 2 + 1);
            check(&other);
        }
        count += 1;
    }
    assert!(count >= 20, "{count} inputs in {}", folder.display());
}

#[test]
fn parse() {
    replay("parse", checks::parse);
}

#[test]
fn invocations() {
    replay("invocations", checks::invocations);
}

#[test]
fn classify() {
    replay("classify", checks::classify);
}

#[test]
fn quick() {
    replay("classify", checks::quick);
}

#[test]
fn masks() {
    replay("classify", checks::masks);
}

/// Rule files are their own corpus: whole, and cut in the middle.
#[test]
fn toml() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")).expect("the rules") {
        let text = std::fs::read(entry.expect("readable").path()).expect("readable");
        checks::toml(&text);
        checks::toml(&text[..text.len() / 2]);
    }
}
