//! What a classification says: the level, why, and where in the text.

use crate::redact::{self, Secret};
use crate::rule::{Hit, RuleInfo, RuleSet};
use crate::shell::{Analysis, Invocation, Issue, Span};
use crate::{Level, Text};
use serde::{Deserialize, Serialize};

/// The answer for one command.
///
/// # Example
/// ```
/// use shmon_core::Classifier;
/// let verdict = Classifier::builtin().classify("mysql -u root -pSecret1 db; $tool --all");
/// assert_eq!(verdict.redacted.as_deref(), Some("mysql -u root -p**** db; $tool --all"));
/// assert_eq!(verdict.invocations[0].argv[0], "mysql");
/// // What only the shell would know is told, not guessed.
/// assert!(verdict.partial && !verdict.unresolved.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// The highest level of all findings; `Low` where there is none.
    pub level: Level,
    /// Noise: every invocation is on the exclusion list and no rule matched.
    pub excluded: bool,
    /// Level high or critical, or a secret is in the text.
    pub sensitive: bool,
    /// Something could not be resolved; what it was is in [`Verdict::unresolved`].
    pub partial: bool,
    /// The command with its secrets replaced; `None` where nothing had to be replaced.
    pub redacted: Option<String>,
    /// One entry per rule and invocation that matched, highest level first.
    pub findings: Vec<Finding>,
    /// The programs that would run, in the order in which they were found.
    pub invocations: Vec<InvocationInfo>,
    /// Why the verdict is partial.
    pub unresolved: Vec<Unresolved>,
}

/// One rule that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id, such as `destruction.rm-recursive-force`.
    pub rule: String,
    /// The rule's level, after overrides.
    pub level: Level,
    /// The rule's category, such as `destruction`.
    pub category: String,
    /// The rule's title.
    pub title: Text,
    /// Why this is dangerous, in a sentence.
    pub reason: Text,
    /// ATT&CK technique ids.
    pub attack: Vec<String>,
    /// The invocation that matched; empty where the rule matched the text alone.
    pub argv: Vec<String>,
    /// How the invocation was reached, outermost first.
    pub via: Vec<String>,
    /// Where, in bytes of the command.
    pub span: Span,
    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub count: u32,
}

const fn once() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_once(count: &u32) -> bool {
    *count == 1
}

/// A program that would run, as owned text (invalid UTF-8 is replaced).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InvocationInfo {
    /// Program and arguments after quote removal and expansion.
    pub argv: Vec<String>,
    /// How the program was reached, outermost first.
    pub via: Vec<String>,
    /// Where, in bytes of the command.
    pub span: Span,
}

/// A part of the command that could not be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Unresolved {
    /// What it was: `unset-variable`, `command-output`, `depth`, …
    pub reason: String,
    /// Where, in bytes of the command.
    pub span: Span,
}

/// The answer for one command, borrowed from the classifier and its buffers; nothing is allocated until it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct VerdictRef<'a> {
    pub(crate) command: &'a [u8],
    pub(crate) rules: &'a RuleSet,
    pub(crate) analysis: &'a Analysis,
    pub(crate) hits: &'a [Hit],
    pub(crate) secrets: &'a [Secret],
    pub(crate) excluded: bool,
}

impl<'a> VerdictRef<'a> {
    /// The highest level of all findings.
    #[inline]
    pub fn level(&self) -> Level {
        self.hits.first().map_or(Level::Low, |hit| hit.level)
    }

    /// Noise: every invocation is on the exclusion list and no rule matched.
    #[inline]
    pub fn excluded(&self) -> bool {
        self.excluded
    }

    /// Level high or critical, or a secret is in the text.
    #[inline]
    pub fn sensitive(&self) -> bool {
        self.level() >= Level::High || !self.secrets.is_empty()
    }

    /// Something could not be resolved.
    #[inline]
    pub fn partial(&self) -> bool {
        !self.analysis.issues().is_empty()
    }

    /// What could not be resolved.
    pub fn issues(&self) -> &'a [Issue] {
        self.analysis.issues()
    }

    /// The findings, highest level first.
    pub fn findings(&self) -> impl ExactSizeIterator<Item = FindingRef<'a>> + Clone + 'a {
        let (rules, analysis, command) = (self.rules, self.analysis, self.command);
        self.hits.iter().map(move |&hit| FindingRef { hit, rules, analysis, command })
    }

    /// The programs that would run.
    pub fn analysis(&self) -> &'a Analysis {
        self.analysis
    }

    /// The secrets in the text, in order of place.
    pub fn secrets(&self) -> &'a [Secret] {
        self.secrets
    }

    /// The command with its secrets replaced; `None` where nothing had to be replaced.
    pub fn redacted(&self) -> Option<String> {
        (!self.secrets.is_empty()).then(|| redact::replace(self.command, self.secrets))
    }

    /// The owned form.
    pub fn to_verdict(self) -> Verdict {
        let mut verdict = self.to_findings();
        verdict.invocations = self.analysis.invocations().map(|i| InvocationInfo::of(&i)).collect();
        verdict
    }

    /// The owned form without its invocations, which most readers don't ask for.
    pub fn to_findings(self) -> Verdict {
        Verdict {
            level: self.level(),
            excluded: self.excluded(),
            sensitive: self.sensitive(),
            partial: self.partial(),
            redacted: self.redacted(),
            findings: self.findings().map(FindingRef::to_finding).collect(),
            invocations: Vec::new(),
            unresolved: self
                .issues()
                .iter()
                .map(|i| Unresolved { reason: i.kind.as_str().to_owned(), span: i.span })
                .collect(),
        }
    }
}

impl InvocationInfo {
    fn of(invocation: &Invocation<'_>) -> Self {
        InvocationInfo { argv: argv(invocation), via: via(invocation), span: invocation.span() }
    }
}

fn argv(invocation: &Invocation<'_>) -> Vec<String> {
    invocation.argv().map(|w| String::from_utf8_lossy(w.bytes).into_owned()).collect()
}

fn via(invocation: &Invocation<'_>) -> Vec<String> {
    invocation.via().iter().map(|v| v.name.to_owned()).collect()
}

/// One rule that matched, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct FindingRef<'a> {
    hit: Hit,
    rules: &'a RuleSet,
    analysis: &'a Analysis,
    command: &'a [u8],
}

impl<'a> FindingRef<'a> {
    /// The rule's level, after overrides.
    pub fn level(&self) -> Level {
        self.hit.level
    }

    /// The rule's id.
    pub fn rule_id(&self) -> &'a str {
        self.rule().map_or("", |r| r.id())
    }

    /// The rule.
    pub fn rule(&self) -> Option<RuleInfo<'a>> {
        self.rules.info(self.hit)
    }

    /// The invocation that matched; `None` where the rule matched the command as a whole.
    pub fn invocation(&self) -> Option<Invocation<'a>> {
        self.analysis.invocation(self.hit.invocation as usize)
    }

    /// Where, in bytes of the command.
    pub fn span(&self) -> Span {
        self.invocation().map_or(Span::new(0, self.command.len()), |i| i.span())
    }

    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    pub fn count(&self) -> u32 {
        self.hit.count
    }

    /// The owned form.
    pub fn to_finding(self) -> Finding {
        let rule = self.rule();
        let invocation = self.invocation();
        Finding {
            rule: self.rule_id().to_owned(),
            level: self.level(),
            category: rule.map_or("", |r| r.category()).to_owned(),
            title: rule.map(|r| r.title()).unwrap_or_default(),
            reason: rule.map(|r| r.reason()).unwrap_or_default(),
            attack: rule.map(|r| r.attack().map(str::to_owned).collect()).unwrap_or_default(),
            argv: invocation.map(|i| argv(&i)).unwrap_or_default(),
            via: invocation.map(|i| via(&i)).unwrap_or_default(),
            span: self.span(),
            count: self.count(),
        }
    }
}
