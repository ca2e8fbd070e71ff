//! Everything about one command, for a person who asks why: the tree, the programs, the rules that fired and those that
//! nearly did. Slower than classifying; nothing here is on the way of the record.

use crate::classifier::{Classifier, Context, Scratch};
use crate::rule::NearMiss;
use crate::shell::{self, Obfuscation, TreeEntry};
use crate::verdict::Verdict;

/// The answer of [`Classifier::explain`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The verdict: level, findings, invocations, what stayed unresolved.
    pub verdict: Verdict,
    /// The parse tree of the text as it stands.
    pub tree: Vec<TreeEntry>,
    /// Signs that the text hides what it runs.
    pub obfuscations: Vec<Obfuscation>,
    /// Rules that a single test kept from firing.
    pub near_misses: Vec<NearMiss>,
}

impl Classifier {
    /// Explains one command.
    ///
    /// # Example
    /// ```
    /// use shmon_core::{Classifier, Context};
    /// let explained = Classifier::builtin().explain(b"echo 'rm -r x' | sh", &Context::default());
    /// assert_eq!(explained.tree[0].kind, "pipeline");
    /// assert!(explained.verdict.invocations.iter().any(|i| i.argv == ["rm", "-r", "x"]));
    /// assert!(explained.near_misses.iter().any(|near| near.failed.contains("-f")));
    /// ```
    pub fn explain(&self, command: &[u8], context: &Context<'_>) -> Explanation {
        let mut scratch = Scratch::default();
        let verdict = self.classify_with(command, context, &mut scratch);
        let Scratch { analysis, rules, .. } = &mut scratch;
        let obfuscations = analysis.obfuscations().to_vec();
        let near_misses = self.rules().near_misses(command, analysis, context, rules);
        let tree = shell::tree(command, context.dialect, analysis);
        Explanation { verdict, tree, obfuscations, near_misses }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two values of a loop are one finding: the second value's program has its level too.
    #[test]
    fn a_finding_with_a_count_speaks_for_all_its_programs() {
        let explain = |text: &str| Classifier::builtin().explain(text.as_bytes(), &Context::default());
        let explained = explain("for i in 1 2; do rm -rf /srv/$i; done");
        assert_eq!(explained.verdict.findings.iter().map(|f| f.count).max(), Some(2));
        assert_eq!(explained.near_misses, []);
        // What would raise the level is told of both.
        let explained = explain("for i in 1 2; do rm -r /srv/$i; done");
        let near: Vec<_> =
            explained.near_misses.iter().map(|near| (near.invocation, near.rule.as_str())).collect();
        assert_eq!(near, [(0, "destruction.rm-recursive-force"), (1, "destruction.rm-recursive-force")]);
    }
}
