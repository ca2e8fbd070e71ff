//! What must hold for any bytes, for the fuzz targets and for the test that replays their corpus.
//! The first byte chooses the dialect, the rest is the command.

use shmon_core::shell::{self, Analysis, Dialect, Span};
use shmon_core::{Classifier, Context, Scratch};
use std::sync::OnceLock;

fn split(input: &[u8]) -> (Dialect, &[u8]) {
    match input.split_first() {
        Some((b'1', rest)) => (Dialect::Sh, rest),
        Some((b'2', rest)) => (Dialect::Zsh, rest),
        Some((b'3', rest)) => (Dialect::Fish, rest),
        Some((_, rest)) => (Dialect::Bash, rest),
        None => (Dialect::Bash, input),
    }
}

fn inside(span: Span, command: &[u8]) {
    assert!(span.start <= span.end && span.end as usize <= command.len(), "{span:?} of {}", command.len());
}

/// The masks of the text's bytes, by all instructions of this machine, and byte by byte.
pub(crate) fn masks(input: &[u8]) {
    assert_eq!(shell::masks_disagree(input), None);
}

/// The quick way for ordinary commands, against the full evaluation; the whole input is a command of bash.
pub(crate) fn quick(input: &[u8]) {
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    shell::analyze(input, Dialect::Bash, &mut quick);
    shell::analyze_in_full(input, Dialect::Bash, &mut full);
    assert_eq!(format!("{quick:?}"), format!("{full:?}"));
}

/// Lexer and parser alone.
pub(crate) fn parse(input: &[u8]) {
    let (dialect, command) = split(input);
    let mut analysis = Analysis::new();
    if let Some(span) = shell::syntax_error(command, dialect, &mut analysis) {
        inside(span, command);
    }
}

/// The analysis: spans lie in the command, and the same text gives the same answer in used buffers.
pub(crate) fn invocations(input: &[u8]) {
    let (dialect, command) = split(input);
    let mut analysis = Analysis::new();
    shell::analyze(command, dialect, &mut analysis);
    let first = format!("{analysis:?}");
    for invocation in analysis.invocations() {
        inside(invocation.span(), command);
        invocation.argv().for_each(|word| inside(word.span, command));
        invocation.redirections().for_each(|r| inside(r.target.span, command));
        invocation.assignments().for_each(|a| inside(a.value.span, command));
    }
    analysis.issues().iter().for_each(|issue| inside(issue.span, command));
    analysis.obfuscations().iter().for_each(|sign| inside(sign.span, command));
    shell::analyze(command, dialect, &mut analysis);
    assert_eq!(first, format!("{analysis:?}"));
}

/// The whole of `classify`: the quick way answers as the full evaluation, the level alone is that of the verdict, findings
/// and secrets lie in the command, and what is left of a secret's text is its mask.
pub(crate) fn classify(input: &[u8]) {
    static CLASSIFIER: OnceLock<Classifier> = OnceLock::new();
    let classifier = CLASSIFIER.get_or_init(Classifier::builtin);
    let (dialect, command) = split(input);
    let mut context = Context::default();
    context.dialect = dialect;
    let mut scratch = Scratch::default();
    let verdict = classifier.classify_into(command, &context, &mut scratch);
    let mut full = Analysis::new();
    shell::analyze_in_full(command, dialect, &mut full);
    assert_eq!(format!("{:?}", verdict.analysis()), format!("{full:?}"));
    let mut end = 0;
    for secret in verdict.secrets() {
        inside(secret.span, command);
        assert!(secret.span.start >= end && secret.span.start < secret.span.end, "{:?}", verdict.secrets());
        end = secret.span.end;
    }
    let verdict = verdict.to_verdict();
    verdict.findings.iter().for_each(|finding| inside(finding.span, command));
    assert!(verdict.findings.is_sorted_by(|a, b| a.level >= b.level));
    assert_eq!(verdict.redacted.is_some(), end > 0);
    // The same buffers, the level alone, and again.
    assert_eq!(verdict.level, classifier.level(command, &context, &mut scratch));
    assert_eq!(verdict, classifier.classify_with(command, &context, &mut scratch));
}

/// A rule file of any text, and a command after a NUL: it is compiled or refused, with and without the shortcuts of the compiler,
/// and finds the same.
pub(crate) fn toml(input: &[u8]) {
    let (rules, command) = match input.iter().position(|&b| b == 0) {
        Some(nul) => (&input[..nul], &input[nul + 1..]),
        None => (input, &b"sudo rm -rf /srv/data | tee -a /etc/passwd"[..]),
    };
    let rules = String::from_utf8_lossy(rules);
    let builder = Classifier::builder().without_builtin().rules_text("any.toml", rules);
    match (builder.clone().build(), builder.without_shortcuts().build()) {
        (Ok(quick), Ok(plain)) => {
            let [quick, plain] = [quick, plain].map(|classifier| classifier.classify(command));
            assert_eq!(quick, plain);
        }
        (Err(quick), Err(plain)) => assert_eq!(quick.to_string(), plain.to_string()),
        (quick, plain) => panic!("{:?}, not {:?}", quick.err(), plain.err()),
    }
}
