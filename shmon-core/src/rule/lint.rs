//! What is suspicious about rules that compile: they can't fire, add nothing, are asked for every command, lack examples.

use super::compiler::schema::{Cond, Example, RuleFile, RuleSpec};
use super::compiler::{Problem, Source, Waking, source, waking};
use super::examples;
use crate::{Classifier, Level};
use std::collections::{BTreeMap, BTreeSet};

/// Looks at every rule of the files, with `classifier` holding them (and the built-in ones, where they are in force).
pub fn lint(files: &[(Source, RuleFile)], classifier: &Classifier) -> Vec<Problem> {
    let mut lists = super::builtin::base(None).lists;
    for (_, file) in files {
        lists.extend(file.lists.clone());
    }
    let ours = files.iter().flat_map(|(_, f)| &f.rule).map(|r| r.get_ref().id.clone()).collect();
    let mut linter = Linter { files, classifier, lists, ours, found: Vec::new() };
    for (at, file) in files {
        for spanned in &file.rule {
            linter.rule(at, spanned.span().start, spanned.get_ref());
        }
    }
    linter.shadowed();
    linter.found
}

struct Linter<'a> {
    files: &'a [(Source, RuleFile)],
    classifier: &'a Classifier,
    lists: BTreeMap<String, Vec<String>>,
    /// The ids of the files' rules.
    ours: BTreeSet<String>,
    found: Vec<Problem>,
}

impl Linter<'_> {
    fn report(&mut self, at: &Source, start: usize, rule: &RuleSpec, key: &str, message: String) {
        self.found.push(Problem {
            file: at.name.clone(),
            line: source::line_of_key(&at.text, start, key),
            rule: Some(rule.id.clone()),
            key: Some(key.to_owned()),
            message,
        });
    }

    fn rule(&mut self, at: &Source, start: usize, rule: &RuleSpec) {
        for (key, count) in [("hits", rule.hits.len()), ("misses", rule.misses.len())] {
            if count < 2 {
                let message = format!("{count} examples: give at least two");
                self.report(at, start, rule, key, message);
            }
        }
        if rule.reason.is_none() {
            self.report(at, start, rule, "reason", "is missing: say why it is dangerous".into());
        }
        if let Some(why) = contradiction(&rule.condition) {
            self.report(at, start, rule, "match", format!("can never hold: {why}"));
        } else if !rule.hits.is_empty()
            && rule
                .hits
                .iter()
                .all(|h| !examples::classify(self.classifier, h).findings.iter().any(|f| f.rule == rule.id))
        {
            self.report(at, start, rule, "match", "finds none of its own hits".into());
        }
        match waking(&rule.condition, &self.lists) {
            Ok(Waking { always: true, .. }) => {
                let message = "is asked for every command: name a program, or a text of four bytes or more that must be there";
                self.report(at, start, rule, "match", message.into());
            }
            Ok(Waking { shortest_text: Some(length), .. }) if length < 6 => {
                let message = format!("is woken by a text of {length} bytes: six or more are found faster");
                self.report(at, start, rule, "match", message);
            }
            Ok(_) => {}
            Err((key, message)) => self.report(at, start, rule, &key, message),
        }
        if let Some(alternative) = &rule.alternative {
            let texts = [Some(alternative.0.en.as_str()), alternative.0.ja.as_deref()];
            for command in texts.into_iter().flatten().flat_map(quoted) {
                let level = self.classifier.classify(command).level;
                if level >= Level::High && level >= rule.level {
                    let message = format!("`{command}` would itself be found, at level {level}");
                    self.report(at, start, rule, "alternative", message);
                }
            }
        }
        for miss in &rule.misses {
            self.near_miss(at, start, rule, miss);
        }
    }

    /// A near miss is harmless, so no other rule may find it as gravely, except those that it names.
    fn near_miss(&mut self, at: &Source, start: usize, rule: &RuleSpec, miss: &Example) {
        let verdict = examples::classify(self.classifier, miss);
        let grave: Vec<&str> = verdict
            .findings
            .iter()
            .filter(|f| f.level >= rule.level.max(Level::High) && f.rule != rule.id)
            .map(|f| f.rule.as_str())
            .collect();
        for found in &grave {
            if self.ours.contains(*found) && !miss.found.iter().any(|id| id == found) {
                let message =
                    format!("'{}' is found by {found}: name it in `found`, or mend one", miss.command);
                self.report(at, start, rule, "misses", message);
            }
        }
        for named in miss.found.iter().filter(|id| !grave.contains(&id.as_str())) {
            let message = format!("'{}' isn't found by {named}", miss.command);
            self.report(at, start, rule, "misses", message);
        }
    }

    /// Rules that say nothing that another one doesn't say: the other asks for the program alone, at the same level or a
    /// higher one, and names the same techniques.
    fn shadowed(&mut self) {
        let lists = self.lists.clone();
        let files = self.files;
        let all: Vec<_> = files
            .iter()
            .flat_map(|(at, f)| f.rule.iter().map(move |r| (at, r.span().start, r.get_ref())))
            .filter_map(|(at, start, rule)| Some((at, start, rule, waking(&rule.condition, &lists).ok()?)))
            .collect();
        let mut wide: BTreeMap<&(String, bool), Vec<&RuleSpec>> = BTreeMap::new();
        for (_, _, rule, wakes) in all.iter().filter(|a| a.3.only_program) {
            for program in &wakes.programs {
                wide.entry(program).or_default().push(rule);
            }
        }
        for (at, start, rule, wakes) in all.iter().filter(|a| !a.3.programs.is_empty()) {
            let covered_by = |p: &(String, bool)| {
                wide.get(p).into_iter().flatten().find(|w| {
                    w.id != rule.id
                        && w.level >= rule.level
                        && rule.attack.iter().all(|id| w.attack.contains(id))
                })
            };
            let covering: Option<Vec<_>> = wakes.programs.iter().map(covered_by).collect();
            if let Some([first, ..]) = covering.as_deref() {
                let message = format!(
                    "adds nothing to '{}': same program, no higher level, no further technique",
                    first.id
                );
                self.report(at, *start, rule, "match", message);
            }
        }
    }
}

/// Parts between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Why a condition can't hold, where that is plain to see.
fn contradiction(c: &Cond) -> Option<String> {
    let no_arguments = c.args.is_some_and(|n| n.max == Some(0));
    if no_arguments && (c.arg.is_some() || c.operand.is_some() || c.flags.is_some() || c.option.is_some()) {
        return Some("it asks for no argument and for one".into());
    }
    if c.operands.is_some_and(|n| n.max == Some(0)) && (c.operand.is_some() || c.subcommand.is_some()) {
        return Some("it asks for no operand and for one".into());
    }
    for (name, count) in [("args", c.args), ("operands", c.operands)] {
        if count.is_some_and(|n| n.max.is_some_and(|max| max < n.min)) {
            return Some(format!("`{name}` has a `max` below its `min`"));
        }
    }
    if let (Some(programs), Some(not)) = (&c.program, &c.not) {
        fn bare(n: &Cond) -> Option<&super::compiler::schema::OneOrMany> {
            let only = Cond { program: n.program.clone(), ..Cond::default() };
            n.program.as_ref().filter(|_| format!("{only:?}") == format!("{n:?}"))
        }
        if not.0.iter().filter_map(bare).any(|p| programs.0.iter().all(|name| p.0.contains(name))) {
            return Some("`not` takes out every program".into());
        }
    }
    let children = c.all.iter().flatten().chain([&c.then, &c.also].into_iter().filter_map(|b| b.as_deref()));
    children.into_iter().find_map(contradiction)
}
