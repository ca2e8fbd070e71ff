//! Conditions to bytecode, and what must be there before a condition is worth asking.

use super::features::head_bit;
use super::kinds::{VIA_KINDS, issue_mask, redirect_mask};
use super::layout::op;
use super::out::Out;
use super::schema::{Cond, OneOrMany, OperandTest, StrTest};
use super::trigger::Trigger;
use std::collections::{BTreeMap, HashMap};

/// A condition that can't be compiled: its key and why.
pub(super) type Fault = (String, String);

pub(super) fn fault<T>(key: &str, message: impl Into<String>) -> Result<T, Fault> {
    Err((key.to_owned(), message.into()))
}

/// Strings of the blob, each stored once.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) bytes: Vec<u8>,
    known: HashMap<Vec<u8>, u32>,
}

impl Pool {
    pub(super) fn add(&mut self, text: &[u8]) -> [u32; 2] {
        let at = match self.known.get(text) {
            Some(&at) => at,
            None => {
                let at = self.bytes.len() as u32;
                self.bytes.extend_from_slice(text);
                self.known.insert(text.to_vec(), at);
                at
            }
        };
        [at, text.len() as u32]
    }
}

/// Makes bytecode.
pub(super) struct Lowerer<'a> {
    pub(super) lists: &'a BTreeMap<String, Vec<String>>,
    pub(super) pool: &'a mut Pool,
    pub(super) regexes: &'a mut Regexes,
    /// Sets by content, with where their words are in `sets`.
    pub(super) sets: &'a mut Sets,
    /// Texts are compared with nothing before them that may tell them apart, see `Base::plain`.
    pub(super) plain: bool,
}

/// Regular expressions, each stored once.
#[derive(Default)]
pub(super) struct Regexes {
    pub(super) patterns: Vec<String>,
    known: HashMap<String, u32>,
}

impl Regexes {
    pub(super) fn number(&mut self, pattern: String) -> u32 {
        let next = self.patterns.len() as u32;
        let number = *self.known.entry(pattern.clone()).or_insert(next);
        if number == next {
            self.patterns.push(pattern);
        }
        number
    }
}

/// Hash sets for long lists of exact strings.
#[derive(Default)]
pub(super) struct Sets {
    pub(super) known: HashMap<Vec<String>, u32>,
    /// Their words, one after the other; a set node holds an offset into these.
    pub(super) words: Vec<u32>,
}

/// A compiled condition.
pub(super) struct Lowered {
    /// Bytecode; empty where it is always true once the trigger fired by program.
    pub(super) code: Vec<u32>,
    pub(super) trigger: Trigger,
    /// Whether it asks about an invocation.
    pub(super) invocation: bool,
}

const MAX_DEPTH: usize = 12;

impl Lowerer<'_> {
    /// Compiles the condition of a rule.
    /// `dispatched` says that its programs wake it, so that they need no test of their own.
    pub(super) fn condition(&mut self, cond: &Cond, dispatched: bool) -> Result<Lowered, Fault> {
        let mut out = Out::default();
        let trigger = self.cond(cond, "match", &mut out, dispatched, 0)?;
        let invocation = out.invocation;
        let mut code = out.words;
        if code.len() == 1 {
            code.clear();
        }
        let mut trigger = trigger;
        trigger.atoms.sort();
        trigger.atoms.dedup();
        trigger.programs.sort();
        trigger.programs.dedup();
        Ok(Lowered { code, trigger, invocation })
    }

    /// Writes one condition as an ALL node. `top` says that a `program` key wakes the rule and needs no test of its own.
    fn cond(
        &mut self,
        c: &Cond,
        key: &str,
        out: &mut Out,
        top: bool,
        depth: usize,
    ) -> Result<Trigger, Fault> {
        if depth > MAX_DEPTH {
            return fault(key, format!("conditions are nested more than {MAX_DEPTH} deep"));
        }
        let at = |k: &str| format!("{key}.{k}");
        let open = out.open(op::ALL);
        let mut trigger = Trigger::always();
        let mut keys = 0;
        // Cheap tests come first: the evaluation stops at the first that fails.
        if let Some(program) = &c.program {
            keys += 1;
            out.invocation = true;
            let names = self.programs(program, &at("program"))?;
            if !top {
                let node = out.open(op::PROGRAM);
                let heads = names.iter().fold(0, |all, (name, prefix)| {
                    all | if self.plain || *prefix && name.len() < 3 {
                        u64::MAX
                    } else {
                        head_bit(name.as_bytes())
                    }
                });
                out.words.extend([heads as u32, (heads >> 32) as u32]);
                for (name, prefix) in &names {
                    out.words.extend(self.pool.add(name.as_bytes()));
                    out.words.push(u32::from(*prefix));
                }
                out.close(node);
            }
            trigger = trigger.best(Trigger { programs: names, ..Trigger::default() });
        }
        for (name, value, code) in [("root", c.root, op::ROOT), ("ssh", c.ssh, op::SSH)] {
            if let Some(want) = value {
                let _ = name;
                keys += 1;
                out.node(code, &[u32::from(want)]);
            }
        }
        if let Some(shells) = &c.shell {
            keys += 1;
            let mut mask = 0;
            for s in &shells.0 {
                mask |= match s.as_str() {
                    "bash" => 1,
                    "sh" => 2,
                    "zsh" => 4,
                    "fish" => 8,
                    _ => {
                        return fault(
                            &at("shell"),
                            format!("unknown shell '{s}': use bash, sh, zsh or fish"),
                        );
                    }
                };
            }
            out.node(op::SHELL, &[mask]);
        }
        if let Some(user) = &c.user {
            keys += 1;
            let node = out.open(op::USER);
            self.strtest(user, &at("user"), out)?;
            out.close(node);
        }
        if let Some(via) = &c.via {
            keys += 1;
            out.invocation = true;
            self.via(via, out);
        }
        if let Some(hiding) = &c.obfuscation {
            keys += 1;
            let node = out.open(op::HIDING);
            for kind in hiding.0.iter().filter(|k| *k != "any") {
                out.words.extend(self.pool.add(kind.as_bytes()));
            }
            out.close(node);
            trigger = trigger.best(Trigger { hiding: true, ..Trigger::default() });
        }
        if let Some(kinds) = &c.unresolved {
            keys += 1;
            let mask = issue_mask(kinds).map_err(|m| (at("unresolved"), m))?;
            out.node(op::ISSUE, &[mask]);
            trigger = trigger.best(Trigger { issue: true, ..Trigger::default() });
        }
        if let Some(flags) = &c.flags {
            keys += 1;
            out.invocation = true;
            for spec in &flags.0 {
                let node = out.open(op::FLAG);
                self.spellings(spec, &at("flags"), out)?;
                out.close(node);
            }
        }
        if let Some(path) = &c.path {
            keys += 1;
            out.invocation = true;
            trigger = trigger.best(self.str_node(op::PATH, &[], path, &at("path"), out)?);
        }
        if let Some(subcommands) = &c.subcommand {
            keys += 1;
            out.invocation = true;
            self.subcommands(subcommands, &at("subcommand"), out)?;
        }
        if let Some(count) = c.operands {
            keys += 1;
            out.invocation = true;
            out.count(op::OPERANDS, count);
        }
        if let Some(count) = c.args {
            keys += 1;
            out.invocation = true;
            out.count(op::ARGS, count);
        }
        if let Some(operand) = &c.operand {
            keys += 1;
            out.invocation = true;
            trigger = trigger.best(self.operand(operand, &at("operand"), out)?);
        }
        if let Some(option) = &c.option {
            keys += 1;
            out.invocation = true;
            let node = out.open(op::OPTION);
            if option.name.0.is_empty() {
                return fault(&at("option"), "`name` is empty");
            }
            let spec = option.name.0.join("|");
            self.spellings(&spec, &at("option.name"), out)?;
            if let Some(value) = &option.value {
                let atoms = self.strtest(value, &at("option.value"), out)?;
                trigger = trigger.best(atoms);
            }
            out.close(node);
        }
        if let Some(arg) = &c.arg {
            keys += 1;
            out.invocation = true;
            trigger = trigger.best(self.str_node(op::ARG, &[], arg, &at("arg"), out)?);
        }
        if let Some(r) = &c.redirect {
            keys += 1;
            out.invocation = true;
            let mask = redirect_mask(r.kind.as_ref()).map_err(|m| (at("redirect.kind"), m))?;
            let node = out.open(op::REDIRECT);
            out.words.extend([mask, r.fd.unwrap_or(i32::MIN) as u32]);
            if let Some(target) = &r.target {
                trigger = trigger.best(self.strtest(target, &at("redirect.target"), out)?);
            }
            out.close(node);
        }
        if let Some(body) = &c.body {
            keys += 1;
            out.invocation = true;
            trigger = trigger.best(self.str_node(op::BODY, &[], body, &at("body"), out)?);
        }
        if let Some(a) = &c.assignment {
            keys += 1;
            out.invocation = true;
            let node = out.open(op::ASSIGN);
            let length = out.words.len();
            out.words.push(0);
            if let Some(name) = &a.name {
                trigger = trigger.best(self.strtest(name, &at("assignment.name"), out)?);
            }
            out.words[length] = (out.words.len() - length - 1) as u32;
            if let Some(value) = &a.value {
                trigger = trigger.best(self.strtest(value, &at("assignment.value"), out)?);
            }
            out.close(node);
        }
        if let Some(text) = &c.text {
            keys += 1;
            trigger = trigger.best(self.str_node(op::TEXT, &[], text, &at("text"), out)?);
        }
        for (name, child, direction) in [
            ("piped_directly_from", &c.piped_directly_from, 3),
            ("piped_directly_into", &c.piped_directly_into, 2),
            ("piped_from", &c.piped_from, 1),
            ("piped_into", &c.piped_into, 0),
        ] {
            if let Some(child) = child {
                keys += 1;
                out.invocation = true;
                let node = out.open(op::PIPE);
                out.words.push(direction);
                self.cond(child, &at(name), out, false, depth + 1)?;
                out.close(node);
            }
        }
        for (name, child, code) in [("also", &c.also, op::ALSO), ("then", &c.then, op::THEN)] {
            if let Some(child) = child {
                keys += 1;
                out.invocation = true;
                let node = out.open(code);
                self.cond(child, &at(name), out, false, depth + 1)?;
                out.close(node);
            }
        }
        if let Some(all) = &c.all {
            keys += 1;
            for (i, child) in all.iter().enumerate() {
                // A child's program may be what wakes the rule, but another child may win: it keeps its test.
                let t = self.cond(child, &format!("{}[{i}]", at("all")), out, false, depth + 1)?;
                trigger = trigger.best(t);
            }
        }
        if let Some(any) = &c.any {
            keys += 1;
            if any.is_empty() {
                return fault(&at("any"), "is empty, so it can never hold");
            }
            let node = out.open(op::ANY);
            let mut union = Trigger::default();
            for (i, child) in any.iter().enumerate() {
                union =
                    union.union(self.cond(child, &format!("{}[{i}]", at("any")), out, false, depth + 1)?);
            }
            out.close(node);
            trigger = trigger.best(union);
        }
        if let Some(not) = &c.not {
            keys += 1;
            let node = out.open(op::NONE);
            for child in &not.0 {
                self.cond(child, &at("not"), out, false, depth + 1)?;
            }
            out.close(node);
        }
        if keys == 0 {
            return fault(key, "is empty: it would fit every command");
        }
        out.close(open);
        Ok(trigger)
    }

    fn programs(&self, names: &OneOrMany, key: &str) -> Result<Vec<(String, bool)>, Fault> {
        let mut all = Vec::new();
        for name in self.expand(&names.0, key)? {
            let (stem, prefix) = match name.strip_suffix('*') {
                Some(stem) => (stem.to_owned(), true),
                None => (name.clone(), false),
            };
            if stem.is_empty() || stem.contains(['*', '?', '/', ' ']) {
                return fault(
                    key,
                    format!("'{name}': a program is a name without folder, or a beginning and `*`"),
                );
            }
            if prefix && stem.len() > 31 {
                return fault(key, format!("'{name}': at most 31 characters before `*`"));
            }
            all.push((stem, prefix));
        }
        if all.is_empty() {
            return fault(key, "is empty");
        }
        Ok(all)
    }

    /// Replaces `@name` by the list's strings (lists may hold `@other`).
    pub(super) fn expand(&self, names: &[String], key: &str) -> Result<Vec<String>, Fault> {
        let mut out = Vec::new();
        self.expand_into(names, key, 0, &mut out)?;
        Ok(out)
    }

    fn expand_into(
        &self,
        names: &[String],
        key: &str,
        depth: usize,
        out: &mut Vec<String>,
    ) -> Result<(), Fault> {
        if depth > 8 {
            return fault(key, "lists refer to one another without end");
        }
        for name in names {
            match name.strip_prefix('@').filter(|n| !n.is_empty() && !n.contains(['*', '/', '.'])) {
                Some(list) => match self.lists.get(list) {
                    Some(content) => self.expand_into(content, key, depth + 1, out)?,
                    None => return fault(key, format!("unknown list '@{list}'")),
                },
                None => out.push(name.clone()),
            }
        }
        Ok(())
    }

    fn via(&mut self, via: &OneOrMany, out: &mut Out) {
        let node = out.open(op::VIA);
        let mask_at = out.words.len();
        out.words.push(0);
        let mut mask = 0;
        for name in &via.0 {
            match VIA_KINDS.iter().position(|k| k == name) {
                Some(bit) => mask |= 1 << bit,
                None => out.words.extend(self.pool.add(name.as_bytes())),
            }
        }
        out.words[mask_at] = mask;
        out.close(node);
    }

    fn operand(&mut self, o: &OperandTest, key: &str, out: &mut Out) -> Result<Trigger, Fault> {
        if o.nth.is_some() && (o.from.is_some() || o.every) {
            return fault(key, "`nth` goes neither with `from` nor with `every`");
        }
        let fixed = [o.nth.unwrap_or(0) as u32, o.from.unwrap_or(0) as u32, u32::from(o.every)];
        self.str_node(op::OPERAND, &fixed, &o.test, key, out)
    }

    fn str_node(
        &mut self,
        code: u32,
        fixed: &[u32],
        t: &StrTest,
        key: &str,
        out: &mut Out,
    ) -> Result<Trigger, Fault> {
        let node = out.open(code);
        out.words.extend_from_slice(fixed);
        let trigger = self.strtest(t, key, out)?;
        out.close(node);
        Ok(trigger)
    }
}
