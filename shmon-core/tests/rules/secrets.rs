//! Each kind of secret finds its hits, all of each and nothing else, and leaves its near misses alone.

use shmon_core::rule::compiler::{Source, source};
use shmon_core::rule::examples;
use shmon_core::{Classifier, Context, Scratch};

#[test]
fn every_kind_redacts_its_hits_and_nothing_else() {
    let (mut kinds, mut faults) = (0, Vec::new());
    for (name, text) in [
        ("secrets.toml", include_str!("../../rules/secrets.toml")),
        ("secrets-tokens.toml", include_str!("../../rules/secrets-tokens.toml")),
    ] {
        let source = Source { name: name.into(), text: text.to_owned() };
        let file = source::parse(&source).unwrap();
        for kind in file.secret.iter().map(toml::Spanned::get_ref) {
            assert!(kind.hits.len() >= 2 && kind.misses.len() >= 2, "{}: too few examples", kind.id);
        }
        let outcome = examples::run(&Classifier::builtin(), &source, &file);
        kinds += outcome.rules;
        faults.extend(outcome.faults.iter().map(ToString::to_string));
    }
    assert!(kinds >= 55, "{kinds} kinds");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_line_with_a_secret_is_sensitive_and_keeps_its_level() {
    let verdict = Classifier::builtin().classify("export DB_PASSWORD=abc12345");
    assert!(verdict.sensitive);
    assert_eq!(verdict.level, shmon_core::Level::Low);
    assert_eq!(verdict.redacted.as_deref(), Some("export DB_PASSWORD=****"));
}

#[test]
fn the_kind_is_told() {
    let classifier = Classifier::builtin();
    let mut scratch = Scratch::default();
    let command = b"curl -u alice:s3cret https://bob:pw@h/x";
    let verdict = classifier.classify_into(command, &Context::default(), &mut scratch);
    let kinds: Vec<_> = verdict.secrets().iter().map(|s| classifier.rules().secret_kind(s)).collect();
    assert_eq!(kinds, ["curl-user", "url-password"]);
    assert_eq!(verdict.redacted().as_deref(), Some("curl -u alice:**** https://bob:****@h/x"));
}

#[test]
fn bytes_that_are_no_text_are_redacted_too() {
    let verdict = Classifier::builtin().classify(b"x --password \xff\xfe\xfd y".as_slice());
    assert_eq!(verdict.redacted.as_deref(), Some("x --password **** y"));
}

/// What is found doesn't depend on where the blocks end that the text is looked at in.
#[test]
fn examples_are_redacted_wherever_they_stand() {
    let classifier = Classifier::builtin();
    let mut commands = 0;
    for text in [include_str!("../../rules/secrets.toml"), include_str!("../../rules/secrets-tokens.toml")] {
        let source = Source { name: "secrets.toml".into(), text: text.to_owned() };
        let file = source::parse(&source).unwrap();
        for kind in file.secret.iter().map(toml::Spanned::get_ref) {
            for example in kind.hits.iter().chain(&kind.misses) {
                let command = example.replace(['«', '»'], "");
                let alone = classifier.classify(&command).redacted.unwrap_or_else(|| command.clone());
                commands += 1;
                // Any distance to the end of a block, and to the one after it.
                for blanks in (1..=64).map(|n| " ".repeat(n)) {
                    let moved = format!("{blanks}{command}");
                    let redacted = classifier.classify(&moved).redacted.unwrap_or(moved);
                    assert_eq!(redacted.strip_prefix(&blanks), Some(alone.as_str()), "{blanks}{command}");
                }
            }
        }
    }
    assert!(commands > 300, "{commands} commands");
}
