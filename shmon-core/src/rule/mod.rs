//! Rules: data that says what is dangerous, compiled into one automaton.

use crate::classifier::Context;
use crate::shell::Analysis;
use crate::{Finding, Level, Text, Verdict, verdict::InvocationInfo};

/// Compiled rules and exclusions.
#[derive(Debug, Default)]
pub struct RuleSet {}

impl RuleSet {
    pub(crate) fn evaluate(&self, command: &[u8], analysis: &Analysis, context: &Context<'_>) -> Verdict {
        let _ = (command, context);
        let mut verdict = Verdict::default();
        for invocation in analysis.invocations() {
            let argv: Vec<String> =
                invocation.argv().map(|w| String::from_utf8_lossy(w.bytes).into_owned()).collect();
            if argv.iter().any(|a| a == "rm") {
                verdict.level = Level::Critical;
                verdict.findings.push(Finding {
                    rule: "destruction.rm-recursive-force".into(),
                    level: Level::Critical,
                    category: "destruction".into(),
                    title: Text { en: "Dangerous deletion".into(), ja: Some("危険な削除".into()) },
                    reason: Text::default(),
                    attack: vec![],
                    argv: argv.clone(),
                    via: vec![],
                    span: invocation.span(),
                });
            }
            verdict.invocations.push(InvocationInfo { argv, via: vec![], span: invocation.span() });
        }
        verdict
    }
}
