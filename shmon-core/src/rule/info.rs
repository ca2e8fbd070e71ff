//! What users can read about a rule.

use super::compiler::layout::*;
use super::view::View;
use crate::{Level, Text};

/// A rule, borrowed from its set.
#[derive(Clone, Copy)]
pub struct RuleInfo<'a> {
    view: View<'a>,
    rule: u32,
    level: Option<Level>,
    builtin: bool,
}

impl<'a> RuleInfo<'a> {
    pub(super) fn new(view: View<'a>, rule: u32, level: Option<Level>, builtin: bool) -> Self {
        RuleInfo { view, rule, level, builtin }
    }

    fn at(&self, field: usize) -> usize {
        self.view.rule(self.rule) + field
    }

    /// `category.name`.
    pub fn id(&self) -> &'a str {
        self.view.rule_id(self.rule)
    }

    /// The part of the id before the dot.
    pub fn category(&self) -> &'a str {
        self.id().get(..self.view.at(self.at(R_CATEGORY_LEN))).unwrap_or("")
    }

    /// The level in force, or that of the file where the rule is switched off.
    pub fn level(&self) -> Level {
        self.level.unwrap_or_else(|| self.view.rule_level(self.rule))
    }

    /// Whether the rule is asked at all.
    pub fn is_enabled(&self) -> bool {
        self.level.is_some()
    }

    /// Whether it is one of shmon's own rules.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// Whether the rule is under observation.
    pub fn is_experimental(&self) -> bool {
        self.view.word(self.at(R_LEVEL)) & R_EXPERIMENTAL != 0
    }

    /// What is done, in a few words.
    pub fn title(&self) -> Text {
        self.view.rule_text(self.rule, R_TITLE_EN)
    }

    /// Why it is dangerous; empty where the file doesn't say.
    pub fn reason(&self) -> Text {
        self.view.rule_text(self.rule, R_REASON_EN)
    }

    /// What to do instead.
    pub fn alternative(&self) -> Option<Text> {
        Some(self.view.rule_text(self.rule, R_ALT_EN)).filter(|t| !t.en.is_empty())
    }

    /// ATT&CK technique ids, with their ids in other versions.
    pub fn attack(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + 'a {
        self.view.strings(self.view.at(self.at(R_ATTACK_AT)))
    }

    /// When the rule finds something harmless.
    pub fn false_positives(&self) -> impl Iterator<Item = Text> + Clone + 'a {
        let mut strings = self.view.strings(self.view.at(self.at(R_FALSE_POSITIVES_AT)));
        std::iter::from_fn(move || {
            let (en, ja) = (strings.next()?, strings.next()?);
            Some(Text { en: en.to_owned(), ja: (!ja.is_empty()).then(|| ja.to_owned()) })
        })
    }

    /// Commands that the rule finds.
    pub fn hits(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + 'a {
        self.view.strings(self.view.at(self.at(R_HITS_AT)))
    }

    /// Commands that look alike and that the rule doesn't find.
    pub fn misses(&self) -> impl ExactSizeIterator<Item = &'a str> + Clone + 'a {
        self.view.strings(self.view.at(self.at(R_MISSES_AT)))
    }

    /// The file that holds the rule, and the line (from 1).
    pub fn place(&self) -> (&'a str, usize) {
        (self.view.str(self.at(R_FILE)), self.view.at(self.at(R_LINE)))
    }
}

impl std::fmt::Debug for RuleInfo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleInfo").field("id", &self.id()).field("level", &self.level()).finish()
    }
}
