//! Variables: looking up, assigning, arrays. Arithmetic over them is in `numbers`.

use super::analysis::Range32;
use super::arith;
use super::ast::{AssignNode, AssignValue, PartKind};
use super::chars::name_len;
use super::machine::Machine;
use super::obfuscation;
use super::state::{Element, Val, Var, VarKind};
use super::work::worked;

/// Variables that are kept: each look-up walks over them.
const MAX_VARIABLES: usize = 1024;
/// Elements of one array that are kept.
const MAX_ELEMENTS: usize = 4096;

impl Machine<'_> {
    /// The index of the innermost variable of this name.
    pub(super) fn lookup(&self, name: Range32) -> Option<usize> {
        if self.s.vars.is_empty() {
            return None;
        }
        self.lookup_bytes(self.text(name))
    }

    pub(super) fn lookup_bytes(&self, name: &[u8]) -> Option<usize> {
        let mut wanted = name;
        for _ in 0..8 {
            worked(self.s.vars.len());
            let at = self.s.vars.iter().rposition(|v| self.text(v.name) == wanted)?;
            let var = self.s.vars.get(at)?;
            if at < self.environment.1 && (at < self.environment.0 || !var.inherited()) {
                return None;
            }
            match var.kind {
                VarKind::Scalar(target) if var.reference => wanted = self.text(target.range),
                _ => return Some(at),
            }
        }
        None
    }

    pub(super) fn scalar(&self, name: &[u8]) -> Option<Val> {
        let at = self.lookup_bytes(name)?;
        match self.s.vars.get(at)?.kind {
            VarKind::Scalar(value) => Some(value),
            VarKind::Array(range) => range.of(&self.s.elements).first().map(|e| e.value),
            _ => None,
        }
    }

    /// The variable to change, made in this shell where an outer one would be changed.
    pub(super) fn var_for(&mut self, name: Range32) -> usize {
        match self.lookup(name) {
            Some(at) if at >= self.var_base => at,
            Some(at) => {
                let copy = self.s.vars[at];
                self.s.vars.push(copy);
                self.s.vars.len() - 1
            }
            None => {
                let kind = VarKind::Unset;
                if self.s.vars.len() >= MAX_VARIABLES {
                    self.over_budget();
                    return self.s.vars.len() - 1;
                }
                let name = self.referenced(name);
                let exported = self.export_all || self.is_exported(name);
                self.s.vars.push(Var::new(name, kind, exported));
                self.s.vars.len() - 1
            }
        }
    }

    /// Whether a name that has no value here yet is one of the environment, or was exported beforehand.
    pub(super) fn is_exported(&self, name: Range32) -> bool {
        let text = self.text(name);
        obfuscation::is_set(text) || self.s.exports.iter().any(|e| self.text(*e) == text)
    }

    /// Variables of the environment of one command: those of `words` that are `NAME=value`. How many were made.
    pub(super) fn push_environment(&mut self, words: Range32) -> usize {
        let before = self.s.vars.len();
        for index in words.start..words.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            let len = name_len(text);
            if len == 0 || text.get(len) != Some(&b'=') || self.s.vars.len() >= MAX_VARIABLES {
                continue;
            }
            let name = Range32 { start: word.start, end: word.start + len as u32 };
            let range = Range32 { start: name.end + 1, end: word.start + word.len };
            let known = !word.flags.contains(super::WordFlags::UNRESOLVED);
            let kind = VarKind::Scalar(Val { range, known });
            self.s.vars.push(Var::new(name, kind, true));
        }
        self.s.vars.len() - before
    }

    /// Takes the variables away again that [`Machine::push_environment`] put at `from`.
    pub(super) fn drop_environment(&mut self, from: usize, count: usize) {
        if count > 0 && self.s.vars.len() >= from + count {
            self.s.vars.drain(from..from + count);
        }
    }

    /// Sets a variable to one value.
    pub(super) fn assign(&mut self, name: Range32, value: Val) {
        let at = self.var_for(name);
        let mut value = value;
        let attribute = self.s.vars[at].attribute;
        if attribute != 0 && value.known {
            value = self.attributed(attribute, value);
        }
        let changed = match self.s.vars[at].kind {
            VarKind::Scalar(old) => {
                !old.known || !value.known || self.text(old.range) != self.text(value.range)
            }
            _ => true,
        };
        if changed {
            self.changes += 1;
        }
        self.s.vars[at].exported |= self.export_all;
        // What stood there before the branch at hand stays possible; what the branch put there itself doesn't.
        let is_older = self.s.vars[at].since < self.branch;
        self.s.vars[at].other = match self.s.vars[at].kind {
            VarKind::Scalar(old) if self.uncertain > 0 && old.known && changed && is_older => Some(old),
            VarKind::Scalar(_) if self.uncertain > 0 => self.s.vars[at].other,
            _ => None,
        };
        self.s.vars[at].since = self.branches;
        match self.s.vars[at].kind {
            VarKind::Array(_) => self.set_element(at, Some(0), Range32::default(), value),
            _ => self.s.vars[at].kind = VarKind::Scalar(value),
        }
    }

    fn attributed(&mut self, attribute: u8, value: Val) -> Val {
        let text = self.text(value.range).to_vec();
        let range = match attribute {
            b'u' => self.intern(&text.to_ascii_uppercase()),
            b'l' => self.intern(&text.to_ascii_lowercase()),
            b'i' => match arith::evaluate(&text, self) {
                Some(number) => self.intern(number.to_string().as_bytes()),
                None => return Val { known: false, ..value },
            },
            _ => value.range,
        };
        Val { range, known: true }
    }

    pub(super) fn set_element(&mut self, at: usize, index: Option<i64>, key: Range32, value: Val) {
        let old = match self.s.vars[at].kind {
            VarKind::Array(range) | VarKind::Assoc(range) => range,
            _ => Range32::default(),
        };
        let assoc = matches!(self.s.vars[at].kind, VarKind::Assoc(_));
        if old.len() >= MAX_ELEMENTS || !self.charge(old.len() / 8) {
            return self.over_budget();
        }
        let start = self.s.elements.len();
        let mut index = index.unwrap_or(0);
        // A scalar becomes element 0.
        if let VarKind::Scalar(scalar) = self.s.vars[at].kind {
            self.s.elements.push(Element { index: 0, key: Range32::default(), value: scalar });
        }
        self.s.elements.extend_from_within(old.start as usize..old.end as usize);
        if index < 0 && !assoc {
            index += self.s.elements.get(start..).and_then(<[Element]>::last).map_or(0, |e| e.index + 1);
        }
        let tail = self.s.elements.get(start..).unwrap_or(&[]);
        let found = tail
            .iter()
            .position(|e| if assoc { self.text(e.key) == self.text(key) } else { e.index == index });
        match found {
            Some(i) => self.s.elements[start + i].value = value,
            None => {
                let place = if assoc { tail.len() } else { tail.partition_point(|e| e.index < index) };
                self.s.elements.insert(start + place, Element { index, key, value });
            }
        }
        let range = Range32 { start: start as u32, end: self.s.elements.len() as u32 };
        self.s.vars[at].kind = if assoc { VarKind::Assoc(range) } else { VarKind::Array(range) };
        self.changes += 1;
    }

    /// Evaluates and performs an assignment; its value for the record.
    pub(super) fn perform(&mut self, node: AssignNode) -> Val {
        match node.value {
            AssignValue::Word(index) => {
                if node.index.is_none() {
                    self.start_empty(node.name, index);
                }
                let value = self.expand_value(self.s.ast.word(index));
                if let Some(parts) = node.index {
                    self.assign_element(node.name, parts, value, node.append);
                } else if node.append {
                    self.append_to(node.name, value);
                } else {
                    self.assign(node.name, value);
                }
                value
            }
            AssignValue::Array(words) => {
                self.assign_array(node.name, words, node.append);
                Val { range: Range32 { start: node.name.end, end: node.end }, known: true }
            }
        }
    }

    /// `s=$s$c` of a name that has no value yet: it starts empty, unless it may be one of the environment.
    fn start_empty(&mut self, name: Range32, word: u32) {
        let text = self.text(name);
        if !text.iter().any(u8::is_ascii_lowercase) {
            return;
        }
        let refers = self.s.ast.word(word).parts.of(&self.s.ast.parts).iter().any(|part| {
            part.kind == PartKind::Param
                && self.s.ast.params.get(part.index as usize).is_some_and(|p| self.text(p.name) == text)
        });
        if refers && self.lookup(name).is_none() && !self.is_exported(name) {
            self.var_for(name);
        }
    }

    /// `unset 'name[index]'`
    pub(super) fn unset_element(&mut self, target: Range32) {
        let text = self.text(target);
        let open = text.iter().position(|&b| b == b'[').unwrap_or(0) as u32;
        let name = Range32 { start: target.start, end: target.start + open };
        let key = text.get(open as usize + 1..text.len().saturating_sub(1)).unwrap_or(&[]).to_vec();
        let Some(at) = self.lookup(name) else { return };
        let (range, assoc) = match self.s.vars.get(at).map(|v| v.kind) {
            Some(VarKind::Array(range)) => (range, false),
            Some(VarKind::Assoc(range)) => (range, true),
            _ => return,
        };
        let index = if assoc { None } else { arith::evaluate(&key, self) };
        if !self.charge(range.len() / 8) {
            return;
        }
        let kept: Vec<Element> = range
            .of(&self.s.elements)
            .iter()
            .filter(|e| if assoc { self.text(e.key) != key } else { Some(e.index) != index })
            .copied()
            .collect();
        let start = self.s.elements.len() as u32;
        self.s.elements.extend_from_slice(&kept);
        let range = Range32 { start, end: self.s.elements.len() as u32 };
        let at = self.var_for(name);
        self.s.vars[at].kind = if assoc { VarKind::Assoc(range) } else { VarKind::Array(range) };
        self.changes += 1;
    }

    /// The name that a reference (`declare -n`) stands for in the end.
    fn referenced(&self, name: Range32) -> Range32 {
        let mut name = name;
        for _ in 0..8 {
            let text = self.text(name);
            let target =
                self.s.vars.iter().rev().find(|v| self.text(v.name) == text).and_then(|v| match v.kind {
                    VarKind::Scalar(value) if v.reference && value.known => Some(value.range),
                    _ => None,
                });
            match target {
                Some(range) if name_len(self.text(range)) == range.len() => name = range,
                _ => break,
            }
        }
        name
    }

    /// Sets `name` or `name[index]`, as `read` and `printf -v` take it.
    pub(super) fn assign_named(&mut self, target: Range32, value: Val) {
        let text = self.text(target);
        let Some(open) = text.iter().position(|&b| b == b'[').filter(|_| text.ends_with(b"]")) else {
            return self.assign(target, value);
        };
        let name = Range32 { start: target.start, end: target.start + open as u32 };
        let key = Range32 { start: name.end + 1, end: target.end - 1 };
        let at = self.var_for(name);
        if matches!(self.s.vars[at].kind, VarKind::Assoc(_)) {
            return self.set_element(at, None, key, value);
        }
        let key = self.text(key).to_vec();
        if let Some(index) = arith::evaluate(&key, self) {
            self.set_element(at, Some(index), Range32::default(), value);
        }
    }

    fn append_to(&mut self, name: Range32, value: Val) {
        let at = self.var_for(name);
        match self.s.vars[at].kind {
            VarKind::Scalar(old) => {
                let integer = self.s.vars[at].attribute == b'i';
                let both =
                    [self.text(old.range), if integer { b"+" } else { b"" }, self.text(value.range)].concat();
                let range = self.intern(&both);
                self.assign(name, Val { range, known: old.known && value.known });
            }
            VarKind::Array(range) => {
                let first = range.of(&self.s.elements).first().map(|e| e.value);
                let old = first.unwrap_or(Val { known: true, ..Val::default() });
                let both = [self.text(old.range), self.text(value.range)].concat();
                let range = self.intern(&both);
                self.set_element(
                    at,
                    Some(0),
                    Range32::default(),
                    Val { range, known: old.known && value.known },
                );
            }
            _ => self.assign(name, value),
        }
    }

    fn assign_element(&mut self, name: Range32, parts: Range32, value: Val, append: bool) {
        let at = self.var_for(name);
        let assoc = matches!(self.s.vars[at].kind, VarKind::Assoc(_));
        if assoc {
            let mark = self.s.build.len();
            self.expand_text(parts, false);
            let key = self.intern_built(mark);
            return self.set_element(at, None, key, value);
        }
        let Some(index) = self.arith(parts) else {
            // Which element isn't known: the array isn't either.
            self.changes += 1;
            return;
        };
        let mut value = value;
        if append && let VarKind::Array(range) = self.s.vars[at].kind {
            let old = range.of(&self.s.elements).iter().find(|e| e.index == index).map(|e| e.value);
            if let Some(old) = old {
                let both = [self.text(old.range), self.text(value.range)].concat();
                let range = self.intern(&both);
                value = Val { range, known: old.known && value.known };
            }
        }
        self.set_element(at, Some(index), Range32::default(), value);
    }

    fn assign_array(&mut self, name: Range32, words: Range32, append: bool) {
        let at = self.var_for(name);
        let assoc = matches!(self.s.vars[at].kind, VarKind::Assoc(_));
        let mut made: Vec<Element> = Vec::new();
        // zsh counts from 1.
        let mut next = i64::from(self.dialect == super::Dialect::Zsh && !assoc);
        if append {
            match self.s.vars[at].kind {
                VarKind::Array(range) | VarKind::Assoc(range) => {
                    made.extend_from_slice(range.of(&self.s.elements));
                }
                VarKind::Scalar(value) => made.push(Element { index: 0, key: Range32::default(), value }),
                VarKind::Unset => {}
            }
            next = made.last().map_or(0, |e| e.index.saturating_add(1));
        }
        let mark = self.s.fields.len();
        let mut pending: Vec<super::analysis::WordRec> = Vec::new();
        for index in words.start..words.end {
            let word = self.s.ast.word(index);
            let text = self.text(Range32 { start: word.start, end: word.end });
            // `[key]=value`
            if text.first() == Some(&b'[')
                && let Some(close) = text.windows(2).position(|w| w == b"]=")
            {
                let value = self.expand_value(word);
                let key_end = self.text(value.range).windows(2).position(|w| w == b"]=").unwrap_or(close);
                let key = Range32 { start: value.range.start + 1, end: value.range.start + key_end as u32 };
                let range = Range32 { start: (key.end + 2).min(value.range.end), end: value.range.end };
                let key_text = self.text(key).to_vec();
                let position = if assoc { Some(0) } else { arith::evaluate(&key_text, self) };
                if let Some(position) = position {
                    next = position;
                }
                let same = |e: &Element| if assoc { self.text(e.key) == key_text } else { e.index == next };
                let value = Val { range, known: value.known };
                match made.iter().position(same) {
                    Some(i) => made[i].value = value,
                    None => made.push(Element { index: next, key, value }),
                }
                next = next.saturating_add(1);
                continue;
            }
            self.expand_word(word);
            if assoc {
                // `m=(key value …)`
                pending.extend(self.s.fields.drain(mark..));
                while pending.len() >= 2 {
                    let (key, field) = (pending[0], pending[1]);
                    pending.drain(..2);
                    let known = !field.flags.contains(super::WordFlags::UNRESOLVED);
                    let value = Val { range: field.range(), known };
                    made.push(Element { index: 0, key: key.range(), value });
                }
                continue;
            }
            for i in mark..self.s.fields.len() {
                let Some(field) = self.s.fields.get(i) else { break };
                let known = !field.flags.contains(super::WordFlags::UNRESOLVED);
                let value = Val { range: field.range(), known };
                made.push(Element { index: next, key: Range32::default(), value });
                next = next.saturating_add(1);
            }
            self.s.fields.truncate(mark);
            if made.len() >= MAX_ELEMENTS {
                self.over_budget();
                break;
            }
        }
        if !assoc {
            made.sort_by_key(|e| e.index);
        }
        let start = self.s.elements.len() as u32;
        self.s.elements.extend_from_slice(&made);
        let range = Range32 { start, end: self.s.elements.len() as u32 };
        self.s.vars[at].kind = if assoc { VarKind::Assoc(range) } else { VarKind::Array(range) };
        self.changes += 1;
    }
}
