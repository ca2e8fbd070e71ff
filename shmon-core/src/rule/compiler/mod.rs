//! From TOML to the compiled form. The build script compiles the built-in rules with this very code, so it depends on
//! nothing but the level, the texts and the TOML parser.

mod alternatives;
mod clause;
mod common;
mod concern;
mod dispatch;
pub mod features;
mod glob;
mod grams;
pub mod hash;
mod kinds;
pub mod layout;
mod lower;
mod narrow;
mod need;
mod out;
pub mod schema;
mod secrets;
mod shapes;
pub mod source;
mod spelling;
mod strings;
mod tables;
mod trigger;

pub use kinds::{ISSUE_KINDS, VIA_KINDS};
pub use source::{Problem, Source};

use crate::Level;
use clause::Atoms;
use layout::*;
use lower::{Lowered, Lowerer, Pool, Regexes, Sets};
use schema::{ProgramSpec, RuleFile, RuleSpec, Status, TextSpec};
use secrets::Secrets;
use std::collections::{BTreeMap, BTreeSet};
use tables::{Programs, Writer};
use trigger::Trigger;

/// What rules may use that isn't in their own files.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Lists for `@name`.
    pub lists: BTreeMap<String, Vec<String>>,
    /// How programs read their options.
    pub programs: Vec<ProgramSpec>,
    /// Ids that are taken.
    pub ids: BTreeSet<String>,
    /// Every rule is asked about every program, with the whole of its condition: slow, and for tests, which compare the findings.
    pub plain: bool,
}

/// The compiled rules, and what the files say about rules elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// Tables and bytecode.
    pub blob: Blob,
    /// Rule id, level, and where it is said.
    pub levels: Vec<(String, Level)>,
    /// Rule ids that are switched off.
    pub disable: Vec<String>,
    /// Whether the files replace the list of excluded programs.
    pub excludes: bool,
}

/// Compiles files; `exclude` replaces what the files say about excluded programs.
///
/// # Errors
/// All problems that were found.
pub fn compile(
    sources: &[Source],
    base: &Base,
    exclude: Option<&[String]>,
) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut files = Vec::new();
    for source in sources {
        match source::parse(source) {
            Ok(file) => files.push((source, file)),
            Err(problem) => problems.push(problem),
        }
    }
    let mut compiler = Compiler::new(base);
    for (_, file) in &files {
        for (name, list) in &file.lists {
            compiler.lists.insert(name.clone(), list.clone());
        }
        for (id, level) in &file.levels {
            compiler.out.levels.push((id.clone(), *level));
        }
        compiler.out.disable.extend(file.disable.iter().cloned());
        if let Some(attack) = &file.attack {
            compiler.attack = attack.clone();
        }
    }
    let excluded = exclude.map(<[String]>::to_vec).or_else(|| {
        let said: Vec<_> = files.iter().filter_map(|(_, f)| f.exclude.clone()).collect();
        (!said.is_empty()).then(|| said.concat())
    });
    for (source, file) in &files {
        compiler.file(source, file, &mut problems);
    }
    if let Some(names) = excluded {
        compiler.out.excludes = true;
        for name in names {
            compiler.programs.entry((name, false)).or_default().excluded = true;
        }
    }
    if problems.is_empty() { Ok(compiler.finish()) } else { Err(problems) }
}

/// What wakes a rule.
#[derive(Debug, Clone, Default)]
pub struct Waking {
    /// It is asked for every command.
    pub always: bool,
    /// Length of the shortest text that wakes it, in bytes.
    pub shortest_text: Option<usize>,
    /// Programs that wake it, with `true` where longer names do too.
    pub programs: Vec<(String, bool)>,
    /// Nothing but the program is asked.
    pub only_program: bool,
}

/// What wakes a rule with this condition.
///
/// # Errors
/// Key and reason, where the condition is wrong.
pub fn waking(
    condition: &schema::Cond,
    lists: &BTreeMap<String, Vec<String>>,
) -> Result<Waking, (String, String)> {
    let (mut pool, mut regexes, mut sets) = (Pool::default(), Regexes::default(), Sets::default());
    let mut lowerer =
        Lowerer { lists, pool: &mut pool, regexes: &mut regexes, sets: &mut sets, plain: false };
    let lowered = lowerer.condition(condition, true)?;
    Ok(Waking {
        always: lowered.trigger.always,
        shortest_text: lowered.trigger.atoms.iter().map(Vec::len).min(),
        programs: lowered.trigger.programs,
        only_program: lowered.code.is_empty(),
    })
}

struct Rule<'a> {
    spec: &'a RuleSpec,
    file: &'a str,
    line: usize,
    lowered: Lowered,
}

struct Compiler<'a> {
    base: &'a Base,
    lists: BTreeMap<String, Vec<String>>,
    attack: schema::AttackSpec,
    pool: Pool,
    regexes: Regexes,
    sets: Sets,
    rules: Vec<Rule<'a>>,
    allows: Vec<(Lowered, Vec<String>, u32, String)>,
    specs: Vec<ProgramSpec>,
    programs: Programs,
    secrets: Secrets,
    ids: BTreeSet<String>,
    out: Compiled,
}

impl<'a> Compiler<'a> {
    fn new(base: &'a Base) -> Self {
        Compiler {
            base,
            lists: base.lists.clone(),
            attack: schema::AttackSpec::default(),
            pool: Pool::default(),
            regexes: Regexes::default(),
            sets: Sets::default(),
            rules: Vec::new(),
            allows: Vec::new(),
            specs: base.programs.clone(),
            programs: Programs::default(),
            secrets: Secrets::default(),
            ids: BTreeSet::new(),
            out: Compiled::default(),
        }
    }

    fn lower(&mut self, condition: &schema::Cond, dispatched: bool) -> Result<Lowered, (String, String)> {
        let mut lowerer = Lowerer {
            lists: &self.lists,
            pool: &mut self.pool,
            regexes: &mut self.regexes,
            sets: &mut self.sets,
            plain: self.base.plain,
        };
        lowerer.condition(condition, dispatched)
    }

    fn file(&mut self, source: &'a Source, file: &'a RuleFile, problems: &mut Vec<Problem>) {
        let lines = source::Lines::new(&source.text);
        let problem = |start: usize, rule: Option<&str>, key: Option<String>, message: String| Problem {
            file: source.name.clone(),
            line: key.as_ref().map_or_else(|| lines.line(start), |k| lines.line_of_key(start, k)),
            rule: rule.map(str::to_owned),
            key,
            message,
        };
        for spec in &file.program {
            if let Err(message) = Writer::new().spec(spec.get_ref(), &mut Pool::default()) {
                problems.push(problem(spec.span().start, None, Some("values".into()), message));
            }
            self.specs.push(spec.get_ref().clone());
        }
        for spanned in &file.rule {
            let (start, rule) = (spanned.span().start, spanned.get_ref());
            let mut report = |key: &str, message: String| {
                problems.push(problem(start, Some(&rule.id), Some(key.into()), message));
            };
            if let Err(message) = check_id(&rule.id) {
                report("id", message);
            } else if self.base.ids.contains(&rule.id) {
                report("id", "is the id of a built-in rule: use an id of your own, and `disable` or `[levels]` to change the other".into());
            } else if !self.ids.insert(rule.id.clone()) {
                report("id", "is used by another rule too".into());
            }
            for id in &rule.attack {
                if !is_technique(id) {
                    report("attack", format!("'{id}' is no technique id: use T1234 or T1234.001"));
                }
            }
            match self.lower(&rule.condition, !self.base.plain) {
                Ok(lowered) => {
                    self.rules.push(Rule {
                        spec: rule,
                        file: &source.name,
                        line: lines.line(start),
                        lowered,
                    });
                }
                Err((key, message)) => report(&key, message),
            }
        }
        for spanned in &file.secret {
            let (start, secret) = (spanned.span().start, spanned.get_ref());
            let mut lowerer = Lowerer {
                lists: &self.lists,
                pool: &mut self.pool,
                regexes: &mut self.regexes,
                sets: &mut self.sets,
                plain: self.base.plain,
            };
            if let Err((key, message)) = self.secrets.add(secret, &mut lowerer) {
                problems.push(problem(start, Some(&secret.id), Some(key), message));
            }
        }
        for spanned in &file.allow {
            let (start, allow) = (spanned.span().start, spanned.get_ref());
            let mut report = |key: &str, message: String| {
                problems.push(problem(start, None, Some(key.into()), message));
            };
            if allow.reason.trim().is_empty() {
                report("reason", "is empty: say why the finding is accepted".into());
            }
            let expires = match &allow.expires {
                None => 0,
                Some(when) => match when.date {
                    Some(d) => u32::from(d.year) * 10_000 + u32::from(d.month) * 100 + u32::from(d.day),
                    None => {
                        report("expires", format!("'{when}' is no date: use YYYY-MM-DD"));
                        0
                    }
                },
            };
            let rules = allow.rule.clone().map(|r| r.0).unwrap_or_default();
            match self.lower(&allow.condition, false) {
                Ok(lowered) => self.allows.push((lowered, rules, expires, allow.reason.clone())),
                Err((key, message)) => report(&key, message),
            }
        }
    }

    fn finish(mut self) -> Compiled {
        let mut w = Writer::new();
        let mut text = std::mem::take(&mut self.pool);
        let sets_at = w.append(&self.sets.words);
        let mut atoms = Atoms::default();
        let (mut always, mut hiding, mut issue) = (Vec::new(), Vec::new(), Vec::new());
        let mut records = Vec::with_capacity(self.rules.len() * RULE_WORDS);
        let always_asked = Trigger::always();
        for (index, rule) in self.rules.iter().enumerate() {
            let index = index as u32;
            let trigger = if self.base.plain { &always_asked } else { &rule.lowered.trigger };
            for name in &trigger.programs {
                self.programs.entry(name.clone()).or_default().rules.push(index);
            }
            for atom in &trigger.atoms {
                let number = atoms.number(atom);
                atoms.rules[number as usize].push(index);
            }
            for (list, wanted) in
                [(&mut always, trigger.always), (&mut hiding, trigger.hiding), (&mut issue, trigger.issue)]
            {
                if wanted {
                    list.push(index);
                }
            }
            records.extend(self.record(rule, sets_at, &mut atoms, &mut w, &mut text));
        }
        for rules in &mut atoms.rules {
            rules.dedup();
        }
        let specs = std::mem::take(&mut self.specs);
        for spec in &specs {
            let Ok(at) = w.spec(spec, &mut text) else { continue };
            for name in &spec.name.0 {
                let key = match name.strip_suffix('*') {
                    Some(stem) => (stem.to_owned(), true),
                    None => (name.clone(), false),
                };
                self.programs.entry(key).or_default().spec = at;
            }
        }
        self.secrets.programs(&mut w, &mut self.programs);
        tables::inherit(&mut self.programs);
        let (strings, sets) = (&text.bytes, &self.sets.words);
        dispatch::write(&mut self.programs, &self.rules, strings, sets, sets_at, &mut atoms, &mut w);
        concern::classes(&mut self.programs);
        w.program_table(&self.programs, &mut text);
        w.atoms(&atoms, &self.programs, &mut text);
        w.words[H_SECRETS_AT] = self.secrets.write(&mut w, &mut text);
        w.words[H_VERSION] = VERSION;
        w.words[H_RULES] = self.rules.len() as u32;
        w.words[H_RULES_AT] = w.append(&records);
        w.words[H_ALWAYS_AT] = w.counted(always.len(), &always);
        w.words[H_HIDING_AT] = w.counted(hiding.len(), &hiding);
        w.words[H_ISSUE_AT] = w.counted(issue.len(), &issue);
        w.words[H_REGEX_AT] = w.strings(&self.regexes.patterns, &mut text);
        let mut allows = Vec::new();
        for (lowered, rules, expires, reason) in &self.allows {
            // What wakes an allow entry is a finding; its program is tested like everything else.
            let cond = w.code(&lowered.code, sets_at);
            let rules_at = w.strings(rules, &mut text);
            let [reason, len] = text.add(reason.as_bytes());
            allows.extend([cond, rules_at, *expires, reason, len]);
        }
        w.words[H_ALLOW_AT] = w.counted(self.allows.len(), &allows);
        let [at, len] = text.add(self.attack.version.as_bytes());
        w.words[H_ATTACK] = at;
        w.words[H_ATTACK_LEN] = len;
        self.out.blob = Blob { words: w.words, bytes: text.bytes };
        self.out
    }

    fn record(
        &self,
        rule: &Rule<'_>,
        sets_at: u32,
        atoms: &mut Atoms,
        w: &mut Writer,
        text: &mut Pool,
    ) -> [u32; RULE_WORDS] {
        let spec = rule.spec;
        let mut r = [0; RULE_WORDS];
        let mut put = |at: usize, s: &str, text: &mut Pool| {
            let [start, len] = text.add(s.as_bytes());
            r[at] = start;
            r[at + 1] = len;
        };
        put(R_ID, &spec.id, text);
        put(R_FILE, rule.file, text);
        for (at, value) in [
            (R_TITLE_EN, Some(&spec.title)),
            (R_REASON_EN, spec.reason.as_ref()),
            (R_ALT_EN, spec.alternative.as_ref()),
        ] {
            if let Some(TextSpec(value)) = value {
                put(at, &value.en, text);
                put(at + 2, value.ja.as_deref().unwrap_or(""), text);
            }
        }
        r[R_LEVEL] = spec.level as u32;
        if spec.status == Status::Experimental {
            r[R_LEVEL] = (spec.level.min(Level::Medium)) as u32 | R_EXPERIMENTAL;
        }
        if !rule.lowered.invocation {
            r[R_LEVEL] |= R_COMMAND;
        }
        r[R_CATEGORY_LEN] = spec.id.find('.').unwrap_or(spec.id.len()) as u32;
        r[R_COND] = w.code(&rule.lowered.code, sets_at);
        if !self.base.plain && rule.lowered.trigger.is_more_than_programs() {
            let needs = need::needs(&rule.lowered.code, &text.bytes, &self.sets.words, atoms);
            atoms.woken.extend(needs.iter().flat_map(|clause| &clause.atoms));
            r[R_NEED] = w.clauses(&needs);
        }
        // An id of another version of ATT&CK means the same: both are reported, this version's first.
        let mut attack: Vec<&str> = Vec::new();
        for id in &spec.attack {
            let (main, others) = match self.attack.alias.iter().find(|(k, v)| *k == id || v.0.contains(id)) {
                Some((main, others)) => (main.as_str(), others.0.as_slice()),
                None => (id.as_str(), &[][..]),
            };
            for id in std::iter::once(main).chain(others.iter().map(String::as_str)) {
                if !attack.contains(&id) {
                    attack.push(id);
                }
            }
        }
        r[R_ATTACK_AT] = w.strings(&attack, text);
        // English and Japanese in turns.
        let harmless: Vec<&str> = spec
            .false_positives
            .iter()
            .flat_map(|TextSpec(t)| [t.en.as_str(), t.ja.as_deref().unwrap_or("")])
            .collect();
        r[R_FALSE_POSITIVES_AT] = w.strings(&harmless, text);
        let commands = |all: &[schema::Example]| all.iter().map(|e| e.command.clone()).collect::<Vec<_>>();
        r[R_HITS_AT] = w.strings(&commands(&spec.hits), text);
        r[R_MISSES_AT] = w.strings(&commands(&spec.misses), text);
        r[R_LINE] = rule.line as u32;
        r
    }
}

fn check_id(id: &str) -> Result<(), String> {
    let part = |p: &str| {
        !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    match id.split_once('.') {
        Some((category, name)) if part(category) && part(name) => Ok(()),
        _ => Err("must be category.name, of lower-case letters, digits and '-'".into()),
    }
}

fn is_technique(id: &str) -> bool {
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let Some(rest) = id.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => digits(rest, 4),
    }
}
