//! The rules in force: the built-in ones and the user's, each compiled on its own, asked one after the other.

use super::cache::{Cache, Key};
use super::compiler::features::{F_PROGRAM_HEADS, F_PROGRAMS, program_place};
use super::compiler::hash::hash_of_name;
use super::compiler::layout::*;
use super::compiler::{Base, Compiled, Problem, Source, compile};
use super::eval::{Here, Machine};
use super::info::RuleInfo;
use super::present::Present;
use super::scan::scan;
use super::strtest::{LazyRegex, compile_regex};
use super::view::View;
use super::{builtin, scratch::RuleScratch};
use crate::classifier::Context;
use crate::shell::Analysis;
use crate::{Error, ErrorKind, Level, Result};
use std::borrow::Cow;

/// A rule that is switched off, in place of a level.
const DISABLED: u8 = u8::MAX;

/// One compiled set and the changes to it.
#[derive(Debug)]
pub(crate) struct Layer {
    words: Cow<'static, [u32]>,
    bytes: Cow<'static, [u8]>,
    regexes: Box<[LazyRegex]>,
    /// A level for each rule, where any was changed.
    levels: Option<Box<[u8]>>,
}

impl Layer {
    pub(crate) fn new(words: Cow<'static, [u32]>, bytes: Cow<'static, [u8]>) -> Self {
        let view = View { words: &words, bytes: &bytes };
        let regexes = (0..view.at(view.at(H_REGEX_AT))).map(|_| LazyRegex::default()).collect();
        Layer { words, bytes, regexes, levels: None }
    }

    pub(crate) fn regexes(&self) -> &[LazyRegex] {
        &self.regexes
    }

    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        View { words: &self.words, bytes: &self.bytes }
    }

    /// The level of a rule after changes; `None` where it is switched off.
    #[inline]
    pub(crate) fn level(&self, rule: u32) -> Option<Level> {
        match &self.levels {
            None => Some(self.view().rule_level(rule)),
            Some(levels) => levels.get(rule as usize).and_then(|&l| Level::from_u8(l)),
        }
    }

    fn set_level(&mut self, id: &str, level: u8) -> bool {
        let view = self.view();
        let mut found = Vec::new();
        for rule in 0..view.rules() as u32 {
            let name = view.rule_id(rule);
            if name == id || id.strip_suffix('*').is_some_and(|stem| name.starts_with(stem)) {
                found.push(rule);
            }
        }
        let all = view.rules() as u32;
        let mut levels = match self.levels.take() {
            Some(levels) => levels,
            None => (0..all).map(|r| self.view().rule_level(r) as u8).collect(),
        };
        for &rule in &found {
            if let Some(slot) = levels.get_mut(rule as usize) {
                *slot = level;
            }
        }
        self.levels = Some(levels);
        !found.is_empty()
    }
}

/// A rule that matched an invocation (or the command as a whole).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) level: Level,
    pub(crate) layer: u8,
    pub(crate) rule: u32,
    /// `u32::MAX` for the command as a whole.
    pub(crate) invocation: u32,
    /// How many it stands for: a loop's values.
    pub(crate) count: u32,
}

impl Hit {
    pub(crate) const WHOLE: u32 = u32::MAX;
}

/// Compiled rules and exclusions.
#[derive(Debug)]
pub struct RuleSet {
    layers: Vec<Layer>,
    /// The layer that says which programs are noise.
    excludes: usize,
    /// The day on which the set was built, as `yyyymmdd`.
    today: u32,
}

impl Default for RuleSet {
    /// The built-in rules.
    fn default() -> Self {
        RuleSet { layers: vec![builtin::layer()], excludes: 0, today: 0 }
    }
}

/// What a builder knows.
pub(crate) struct Parts<'a> {
    pub(crate) builtin: bool,
    pub(crate) sources: &'a [Source],
    pub(crate) disabled: &'a [String],
    pub(crate) levels: &'a [(String, Level)],
    pub(crate) exclude: Option<&'a [String]>,
    pub(crate) today: u32,
    /// The rules are compiled without their shortcuts.
    pub(crate) plain: bool,
    /// Where the compiled form is kept.
    pub(crate) cache: Option<&'a Cache>,
}

impl RuleSet {
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub(crate) fn build(parts: &Parts<'_>) -> Result<RuleSet> {
        let mut set = RuleSet { layers: Vec::with_capacity(2), excludes: 0, today: parts.today };
        if parts.builtin {
            set.layers.push(builtin::layer());
        }
        let mut compiled = Compiled::default();
        if !parts.sources.is_empty() || parts.exclude.is_some() || !parts.builtin {
            let cache = parts
                .cache
                .filter(|_| !parts.plain)
                .map(|cache| (cache, Key::new(builtin::BUILD, parts.builtin, parts.sources, parts.exclude)));
            let kept = cache.and_then(|(cache, key)| cache.load(key));
            let is_new = kept.is_none();
            compiled = match kept {
                Some(kept) => kept,
                None => {
                    let base = builtin::base(set.layers.first().map(Layer::view));
                    let base = Base { plain: parts.plain, ..base };
                    compile(parts.sources, &base, parts.exclude).map_err(|p| rule_error(&p))?
                }
            };
            if is_new {
                check_regexes(
                    View { words: &compiled.blob.words, bytes: &compiled.blob.bytes },
                    parts.sources,
                )?;
                if let Some((cache, key)) = cache {
                    cache.save(key, &compiled);
                }
            }
            let blob = std::mem::take(&mut compiled.blob);
            let layer = Layer::new(Cow::Owned(blob.words), Cow::Owned(blob.bytes));
            if compiled.excludes || !parts.builtin {
                set.excludes = set.layers.len();
            }
            set.layers.push(layer);
        }
        let off = compiled.disable.iter().chain(parts.disabled).map(|id| (id, DISABLED));
        let levels = compiled.levels.iter().chain(parts.levels).map(|(id, level)| (id, *level as u8));
        for (id, level) in levels.chain(off) {
            // Every layer is asked: a pattern such as `discovery.*` may fit rules of both.
            let found = set.layers.iter_mut().fold(false, |found, layer| layer.set_level(id, level) | found);
            if !found {
                return Err(unknown_rule(id, parts.sources));
            }
        }
        Ok(set)
    }

    /// All rules: the built-in ones first, in the order of their files.
    pub fn rules(&self) -> impl Iterator<Item = RuleInfo<'_>> + Clone {
        self.layers.iter().enumerate().flat_map(move |(n, layer)| {
            (0..layer.view().rules() as u32).map(move |rule| self.info_of(layer, n, rule))
        })
    }

    /// The rule with this id.
    pub fn rule(&self, id: &str) -> Option<RuleInfo<'_>> {
        self.rules().find(|r| r.id() == id)
    }

    /// How many rules there are, switched off or not.
    pub fn len(&self) -> usize {
        self.layers.iter().map(|l| l.view().rules()).sum()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of ATT&CK whose ids the built-in rules use.
    pub fn attack_version(&self) -> &str {
        self.layers.iter().map(|l| l.view().str(H_ATTACK)).find(|v| !v.is_empty()).unwrap_or("")
    }

    /// Bytes of the compiled form.
    pub fn memory(&self) -> usize {
        self.layers.iter().map(|l| l.words.len() * 4 + l.bytes.len()).sum()
    }

    fn info_of<'s>(&'s self, layer: &'s Layer, number: usize, rule: u32) -> RuleInfo<'s> {
        RuleInfo::new(layer.view(), rule, layer.level(rule), number == 0 && self.has_builtin())
    }

    fn has_builtin(&self) -> bool {
        self.layers.first().is_some_and(|l| matches!(l.words, Cow::Borrowed(_)))
    }

    pub(crate) fn info(&self, hit: Hit) -> Option<RuleInfo<'_>> {
        let number = usize::from(hit.layer);
        Some(self.info_of(self.layers.get(number)?, number, hit.rule))
    }

    /// Finds the secrets of a command.
    pub(crate) fn secrets(
        &self,
        command: &[u8],
        analysis: &Analysis,
        scratch: &mut RuleScratch,
        found: &mut Vec<crate::redact::Secret>,
    ) {
        let views = self.layers.iter().map(Layer::view);
        super::secrets::search(views, command, analysis, &mut scratch.facts, found);
    }

    /// The id of a secret's kind, such as `aws-access-key-id`.
    pub fn secret_kind(&self, secret: &crate::redact::Secret) -> &str {
        self.layers
            .get(usize::from(secret.layer))
            .map_or("", |layer| super::secrets::kind(layer.view(), secret.kind)[0])
    }

    /// What a secret's kind is called.
    pub fn secret_title(&self, secret: &crate::redact::Secret) -> crate::Text {
        let [_, en, ja] = self
            .layers
            .get(usize::from(secret.layer))
            .map_or(["", "", ""], |layer| super::secrets::kind(layer.view(), secret.kind));
        crate::Text { en: en.to_owned(), ja: (!ja.is_empty()).then(|| ja.to_owned()) }
    }

    /// Finds every rule that matches; the hits are in `scratch`, highest level first. Says whether the command is noise.
    pub(crate) fn evaluate(
        &self,
        command: &[u8],
        analysis: &Analysis,
        context: &Context<'_>,
        scratch: &mut RuleScratch,
    ) -> bool {
        scratch.hits.clear();
        scratch.facts.present.reset();
        let mut noise = analysis.invocations().len() > 0;
        for (number, layer) in self.layers.iter().enumerate() {
            noise &= self.layer(number, layer, command, analysis, context, scratch);
        }
        if !scratch.hits.is_empty() {
            self.allow(command, analysis, context, scratch);
            if scratch.hits.len() > 1 {
                scratch
                    .hits
                    .sort_unstable_by_key(|h| (std::cmp::Reverse(h.level), h.invocation, h.layer, h.rule));
                scratch.hits.dedup();
                super::fold::fold(&mut scratch.hits, analysis);
            }
        }
        noise && scratch.hits.is_empty()
    }

    fn layer(
        &self,
        number: usize,
        layer: &Layer,
        command: &[u8],
        analysis: &Analysis,
        context: &Context<'_>,
        scratch: &mut RuleScratch,
    ) -> bool {
        let view = layer.view();
        let mut noise = true;
        let RuleScratch { hits, woken, facts } = scratch;
        facts.slots.begin(number);
        let (mut concerned, mut programs) = (0, [0; F_PROGRAM_HEADS - F_PROGRAMS]);
        for invocation in analysis.invocations() {
            let name = invocation.program();
            let hash = hash_of_name(name);
            let slot = view.program_hashed(name, hash);
            let (feature, bit) = program_place(hash);
            programs[feature - F_PROGRAMS] |= bit;
            concerned |= view.slot_concern(slot);
            facts.slots.push(slot, hash);
        }
        facts.present.programs(&programs);
        let mut machine = Machine::new(view, &layer.regexes, command, analysis, context, facts);
        wake(view, analysis, concerned, machine.present, woken);
        let mut push = |rule: u32, invocation: u32| {
            if let Some(level) = layer.level(rule) {
                hits.push(Hit { level, layer: number as u8, rule, invocation, count: 1 });
            }
        };
        let slots = machine.slots.last().iter();
        for (index, (invocation, &(slot, _))) in analysis.invocations().zip(slots).enumerate() {
            let record = view.slot(slot);
            if number == self.excludes {
                noise &= record[S_COUNT] & S_EXCLUDED != 0;
            }
            let here = Here { index, invocation, slot };
            let (groups, mut at) = View::slot_rules(record);
            for _ in 0..groups {
                let mut rules = machine.candidates(at, here);
                let first = at + G_WORDS + view.at(at + G_GATES) * GATE_WORDS;
                while rules != 0 {
                    let rule = first + rules.trailing_zeros() as usize * D_WORDS;
                    let cond = view.at(rule + D_COND);
                    if machine.met(view.word(rule + D_NEED), here)
                        && (cond == 0 || machine.node(cond, Some(here)))
                    {
                        push(view.word(rule + D_RULE), index as u32);
                    }
                    rules &= rules - 1;
                }
                at = first + view.at(at + G_RULES) * D_WORDS;
            }
        }
        for &rule in woken.iter() {
            let record = view.rule(rule);
            let cond = view.at(record + R_COND);
            if view.word(record + R_LEVEL) & R_COMMAND != 0 {
                if machine.node(cond, None) {
                    push(rule, Hit::WHOLE);
                }
                continue;
            }
            let slots = machine.slots.last().iter();
            for (index, (invocation, &(slot, _))) in analysis.invocations().zip(slots).enumerate() {
                let here = Here { index, invocation, slot };
                if machine.met(view.word(record + R_NEED), here) && machine.node(cond, Some(here)) {
                    push(rule, index as u32);
                }
            }
        }
        noise
    }

    /// Takes out the hits that an allow entry accepts.
    fn allow(&self, command: &[u8], analysis: &Analysis, context: &Context<'_>, scratch: &mut RuleScratch) {
        let today = context.today.map_or(self.today, crate::classifier::Day::number);
        for layer in &self.layers {
            let view = layer.view();
            let entries = view.at(H_ALLOW_AT);
            for entry in (0..view.at(entries)).map(|i| entries + 1 + i * ALLOW_WORDS) {
                let expires = view.word(entry + W_EXPIRES);
                // Without a date nobody can say that it still holds.
                if expires != 0 && (today == 0 || today > expires) {
                    continue;
                }
                let RuleScratch { hits, facts, .. } = scratch;
                let mut machine = Machine::new(view, &layer.regexes, command, analysis, context, facts);
                hits.retain(|hit| {
                    let id =
                        self.layers.get(usize::from(hit.layer)).map_or("", |l| l.view().rule_id(hit.rule));
                    let mut rules = view.strings(view.at(entry + W_RULES_AT));
                    let named = rules.len() == 0
                        || rules
                            .any(|r| r == id || r.strip_suffix('*').is_some_and(|stem| id.starts_with(stem)));
                    let here = analysis.invocation(hit.invocation as usize).map(|invocation| Here {
                        index: hit.invocation as usize,
                        invocation,
                        slot: view.program(invocation.program()),
                    });
                    !(named && machine.node(view.at(entry + W_COND), here))
                });
            }
        }
    }
}

/// Collects the rules that something other than a program's name wakes, and finds the atoms of the command and of what was
/// derived from it: those that conditions need only where the `concerned` programs have such, or a rule was woken.
fn wake(view: View<'_>, analysis: &Analysis, concerned: u32, present: &mut Present, woken: &mut Vec<u32>) {
    woken.clear();
    woken.extend_from_slice(view.list(view.at(H_ALWAYS_AT)));
    if !analysis.obfuscations().is_empty() {
        woken.extend_from_slice(view.list(view.at(H_HIDING_AT)));
    }
    if !analysis.issues().is_empty() {
        woken.extend_from_slice(view.list(view.at(H_ISSUE_AT)));
    }
    let text = analysis.texts();
    if concerned == 0 {
        let mut wakes = |_: u32, rules: &[u32]| woken.extend_from_slice(rules);
        scan::<LONG_STRIDE>(&view, view.at(H_WAKING_AT), text, WAKES, &mut wakes);
        scan::<1>(&view, view.at(H_SHORT_AT), text, WAKES, &mut wakes);
    }
    let mut all = |whom: u32, woken: &mut Vec<u32>| {
        scan::<1>(&view, view.at(H_ALL_AT), text, whom, &mut |atom, rules| {
            present.found(atom);
            woken.extend_from_slice(rules);
        });
    };
    if concerned != 0 {
        all(concerned | WAKES, woken);
    }
    if !woken.is_empty() {
        all(WOKEN, woken);
    }
    if woken.len() > 1 {
        woken.sort_unstable();
        woken.dedup();
    }
}

fn check_regexes(view: View<'_>, sources: &[Source]) -> Result<()> {
    for pattern in view.strings(view.at(H_REGEX_AT)) {
        if let Err(message) = compile_regex(pattern) {
            let plain = pattern.strip_prefix("(?i)").unwrap_or(pattern);
            let place = sources.iter().find_map(|s| s.text.find(plain).map(|at| (s, at)));
            let problem = Problem {
                file: place.map_or_else(String::new, |(s, _)| s.name.clone()),
                line: place.map_or(0, |(s, at)| super::compiler::source::line_of(&s.text, at)),
                rule: None,
                key: Some("regex".into()),
                message: format!("'{plain}': {message}"),
            };
            return Err(rule_error(&[problem]));
        }
    }
    Ok(())
}

/// An id in `disable` or `levels` that no rule has, with its place where a file says it.
fn unknown_rule(id: &str, sources: &[Source]) -> Error {
    let message = format!("unknown rule '{id}': `shmon rules list` shows all ids");
    let quoted = [format!("\"{id}\""), format!("'{id}'")];
    let place =
        sources.iter().find_map(|s| quoted.iter().find_map(|q| s.text.find(q.as_str()).map(|at| (s, at))));
    match place {
        None => Error::new(ErrorKind::Rule, message),
        Some((source, at)) => rule_error(&[Problem {
            file: source.name.clone(),
            line: super::compiler::source::line_of(&source.text, at),
            rule: None,
            key: None,
            message,
        }]),
    }
}

/// One error for all problems, a line each.
pub(crate) fn rule_error(problems: &[Problem]) -> Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::new(ErrorKind::Rule, lines.join("\n"))
}
