//! String tests to bytecode: the texts of a test, its sets and expressions, and what must be there for it to hold.

use super::clause::commonness;
use super::features;
use super::glob::runs;
use super::hash::text_hash;
use super::layout::op;
use super::lower::{Fault, Lowerer, fault};
use super::out::Out;
use super::schema::{StrTable, StrTest};
use super::trigger::{SHORTEST_ATOM, Trigger, literal};
use std::collections::BTreeMap;

/// So many texts are told apart by a mask.
const SHORTEST_LIST: usize = 3;

impl Lowerer<'_> {
    /// Writes a string test as an ALL node; what comes back are the texts of which one must be there.
    pub(super) fn strtest(&mut self, t: &StrTest, key: &str, out: &mut Out) -> Result<Trigger, Fault> {
        let t: &StrTable = &t.0;
        let fold = if t.nocase { op::NOCASE } else { 0 };
        let open = out.open(op::ALL);
        let mut trigger = Trigger::always();
        for (want, flag) in [(t.quoted, 1), (t.glob, 2), (t.unresolved, 4), (t.disguised, 8)] {
            if let Some(want) = want {
                out.node(op::WORD_FLAG, &[flag, u32::from(want)]);
            }
        }
        if t.min_len.is_some() || t.max_len.is_some() {
            out.node(op::LENGTH, &[t.min_len.unwrap_or(0), t.max_len.unwrap_or(u32::MAX)]);
        }
        for (code, list) in [
            (op::IS, &t.is),
            (op::PREFIX, &t.prefix),
            (op::SUFFIX, &t.suffix),
            (op::CONTAINS, &t.contains),
            (op::WORD, &t.word),
            (op::REGEX, &t.regex),
        ] {
            if let Some(list) = list {
                let all = self.expand(&list.0, key)?;
                if all.iter().any(String::is_empty) && code != op::IS {
                    return fault(key, "an empty string fits everything");
                }
                trigger = trigger.best(self.one_of(
                    all.into_iter().map(|s| (code, s)).collect(),
                    fold,
                    key,
                    out,
                )?);
            }
        }
        if let Some(list) = &t.contains_all {
            for s in self.expand(list, key)? {
                trigger = trigger.best(self.one_of(vec![(op::CONTAINS, s)], fold, key, out)?);
            }
        }
        if let Some(list) = &t.pattern {
            let all = self.expand(&list.0, key)?.into_iter().map(|s| pattern(&s)).collect();
            trigger = trigger.best(self.one_of(all, fold, key, out)?);
        }
        if let Some(not) = &t.not {
            let node = out.open(op::NONE);
            let mut inner = (**not).clone();
            inner.0.nocase |= t.nocase;
            self.strtest(&inner, key, out)?;
            out.close(node);
        }
        out.close_group(open);
        Ok(trigger)
    }

    fn one_of(
        &mut self,
        tests: Vec<(u32, String)>,
        fold: u32,
        key: &str,
        out: &mut Out,
    ) -> Result<Trigger, Fault> {
        if tests.is_empty() {
            return fault(key, "is empty, so it can never hold");
        }
        let mut trigger = Trigger::default();
        for (code, text) in &tests {
            match literal(*code, text) {
                Some(atom) if atom.len() >= SHORTEST_ATOM => trigger.atoms.push(atom),
                _ => trigger.always = true,
            }
        }
        if trigger.always {
            trigger = Trigger::always();
        }
        let any = if tests.len() > 1 { Some(out.open(op::ANY)) } else { None };
        let (exact, rest): (Vec<_>, Vec<_>) = tests.into_iter().partition(|(c, _)| *c == op::IS && fold == 0);
        if exact.len() > 4 && !self.plain {
            let mut names: Vec<String> = exact.into_iter().map(|(_, s)| s).collect();
            names.sort();
            names.dedup();
            let at = self.set(names);
            out.node(op::SET, &[at]);
        } else {
            for (code, text) in &exact {
                self.text_node(*code, text, out);
            }
        }
        let (listed, rest): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|(code, text)| *code != op::REGEX && text_pairs(*code, text.as_bytes()) != 0);
        if listed.len() >= SHORTEST_LIST && !self.plain {
            let texts = listed
                .into_iter()
                .map(|(code, text)| (code | fold, if fold == 0 { text } else { text.to_ascii_lowercase() }));
            self.list(texts.collect(), out);
        } else {
            for (code, text) in &listed {
                let text = if fold == 0 { text.clone() } else { text.to_ascii_lowercase() };
                self.text_node(*code | fold, &text, out);
            }
        }
        for (code, text) in &rest {
            if *code == op::REGEX {
                let pattern = if fold == 0 { text.clone() } else { format!("(?i){text}") };
                out.node(op::REGEX, &[self.regexes.number(pattern)]);
            } else {
                let text = if fold == 0 { text.clone() } else { text.to_ascii_lowercase() };
                self.text_node(*code | fold, &text, out);
            }
        }
        if let Some(any) = any {
            out.close_group(any);
        }
        Ok(trigger)
    }

    /// A test with one text: the text, and the pairs of bytes that a string must have to hold it.
    fn text_node(&mut self, code: u32, text: &str, out: &mut Out) {
        let [at, len] = self.pool.add(text.as_bytes());
        let pairs = if self.plain { 0 } else { text_pairs(code & !op::NOCASE, text.as_bytes()) };
        out.node(code, &[at, len, pairs as u32, (pairs >> 32) as u32]);
    }

    /// Any of several texts, each under the bit of one of its pairs: a rare one, and one that few others have.
    fn list(&mut self, texts: Vec<(u32, String)>, out: &mut Out) {
        let mut by_bit: BTreeMap<u32, Vec<(u32, String)>> = BTreeMap::new();
        for (code, text) in texts {
            let wanted = text_pairs(code & !op::NOCASE, text.as_bytes());
            let bytes = text.as_bytes();
            let place = bytes
                .windows(2)
                .filter_map(|w| {
                    let bit = features::pair_bit(w[0], w[1]);
                    let others = by_bit.get(&bit.trailing_zeros()).map_or(0, Vec::len) as u32;
                    let common =
                        commonness(w[0].to_ascii_lowercase()) + commonness(w[1].to_ascii_lowercase());
                    (wanted & bit != 0).then_some((common + 100 * others, bit.trailing_zeros()))
                })
                .min();
            let Some((_, bit)) = place else { continue };
            by_bit.entry(bit).or_default().push((code, text));
        }
        let mask = by_bit.keys().fold(0u64, |all, bit| all | 1 << bit);
        let node = out.open(op::LIST);
        out.words.extend([mask as u32, (mask >> 32) as u32]);
        let offsets = out.words.len();
        out.words.resize(offsets + by_bit.len() + 1, 0);
        for (nth, texts) in by_bit.values().enumerate() {
            out.words[offsets + nth] = (out.words.len() - node) as u32;
            for (code, text) in texts {
                self.text_node(*code, text, out);
            }
        }
        out.words[offsets + by_bit.len()] = (out.words.len() - node) as u32;
        out.close(node);
    }

    fn set(&mut self, names: Vec<String>) -> u32 {
        if let Some(&at) = self.sets.known.get(&names) {
            return at;
        }
        let slots = (names.len() * 2).next_power_of_two();
        let at = self.sets.words.len();
        self.sets.words.push(slots as u32 - 1);
        self.sets.words.resize(at + 1 + slots * 2, u32::MAX);
        for name in &names {
            let mut slot = text_hash(name.as_bytes()) as usize & (slots - 1);
            while self.sets.words[at + 2 + slot * 2] != u32::MAX {
                slot = (slot + 1) & (slots - 1);
            }
            let [text, len] = self.pool.add(name.as_bytes());
            self.sets.words[at + 1 + slot * 2] = text;
            self.sets.words[at + 2 + slot * 2] = len;
        }
        self.sets.known.insert(names, at as u32);
        at as u32
    }
}

/// The cheapest test that a pattern of the short form means.
fn pattern(text: &str) -> (u32, String) {
    let special = |s: &str| s.contains(['*', '?', '[', '\\']);
    if !special(text) {
        return (op::IS, text.to_owned());
    }
    let inner = text.trim_matches('*');
    if !inner.is_empty() && !special(inner) {
        let (front, back) = (text.starts_with('*'), text.ends_with('*'));
        let code = match (front, back) {
            (true, true) => op::CONTAINS,
            (true, false) => op::SUFFIX,
            _ => op::PREFIX,
        };
        return (code, inner.to_owned());
    }
    (op::GLOB, text.to_owned())
}

/// The pairs of bytes that a string must have to pass a test.
fn text_pairs(code: u32, text: &[u8]) -> u64 {
    match code {
        op::GLOB => glob_pairs(text),
        _ => features::pairs(text),
    }
}

/// The pairs of bytes in the literal runs of a glob.
fn glob_pairs(text: &[u8]) -> u64 {
    runs(text).iter().fold(0, |all, run| all | features::pairs(run))
}
