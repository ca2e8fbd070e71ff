//! Runs the hits and near misses that rules carry.

use super::compiler::schema::{Example, RuleFile};
use super::compiler::{Problem, Source, source};
use crate::shell::Dialect;
use crate::{Classifier, Context, Scratch, Verdict};

/// Classifies an example with what it says about the caller.
pub fn classify(classifier: &Classifier, example: &Example) -> Verdict {
    let context = Context {
        root: example.root,
        ssh: example.ssh,
        user: example.user.as_deref(),
        dialect: match example.shell.as_deref() {
            Some("sh") => Dialect::Sh,
            Some("zsh") => Dialect::Zsh,
            Some("fish") => Dialect::Fish,
            _ => Dialect::Bash,
        },
        ..Context::default()
    };
    classifier.classify_with(example.command.as_bytes(), &context, &mut Scratch::default())
}

/// How many examples were run, and those that the classifier doesn't meet.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Rules and kinds of secrets.
    pub rules: usize,
    /// Hits and near misses.
    pub examples: usize,
    /// Hits that aren't found and near misses that are.
    pub faults: Vec<Problem>,
}

/// Runs all examples of a file.
pub fn run(classifier: &Classifier, source: &Source, file: &RuleFile) -> Outcome {
    let mut outcome = Outcome::default();
    let lines = source::Lines::new(&source.text);
    for spanned in &file.rule {
        let (start, rule) = (spanned.span().start, spanned.get_ref());
        outcome.rules += 1;
        for (key, examples, wanted) in [("hits", &rule.hits, true), ("misses", &rule.misses, false)] {
            for example in examples {
                outcome.examples += 1;
                if classify(classifier, example).findings.iter().any(|f| f.rule == rule.id) != wanted {
                    let said = if wanted { "isn't found" } else { "is found" };
                    outcome.faults.push(Problem {
                        file: source.name.clone(),
                        line: lines.line_of_key(start, key),
                        rule: Some(rule.id.clone()),
                        key: Some(key.to_owned()),
                        message: format!("{said}: {}", example.command),
                    });
                }
            }
        }
    }
    for spanned in &file.secret {
        let (start, kind) = (spanned.span().start, spanned.get_ref());
        outcome.rules += 1;
        let hits = kind.hits.iter().map(|h| ("hits", h));
        for (key, example) in hits.chain(kind.misses.iter().map(|m| ("misses", m))) {
            outcome.examples += 1;
            let command = example.replace(['«', '»'], "");
            let wanted = masked(example);
            let redacted = classifier.classify(&command).redacted.unwrap_or_else(|| command.clone());
            if redacted != wanted {
                outcome.faults.push(Problem {
                    file: source.name.clone(),
                    line: lines.line_of_key(start, key),
                    rule: Some(kind.id.clone()),
                    key: Some(key.to_owned()),
                    message: format!("becomes {redacted} instead of {wanted}"),
                });
            }
        }
    }
    outcome
}

/// The example with its `«…»` parts replaced.
fn masked(example: &str) -> String {
    let parts = example.split(['«', '»']).enumerate();
    parts.map(|(i, part)| if i % 2 == 0 { part } else { crate::redact::MASK }).collect()
}
