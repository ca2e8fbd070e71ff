//! What fish's own commands do: `set`, `string`, `psub`, and the parameters of its functions.

use super::analysis::{Range32, WordFlags};
use super::chars::name_len;
use super::machine::Machine;
use super::state::{Element, Input, Val, Var, VarKind};

impl Machine<'_> {
    /// Makes words the list that a variable holds, counted from 1.
    fn assign_list(&mut self, name: Range32, words: &[Val]) {
        let at = self.var_for(name);
        let start = self.s.elements.len() as u32;
        for (i, value) in words.iter().enumerate() {
            let index = i64::try_from(i + 1).unwrap_or(i64::MAX);
            self.s.elements.push(Element { index, key: Range32::default(), value: *value });
        }
        let range = Range32 { start, end: self.s.elements.len() as u32 };
        if let Some(slot) = self.s.vars.get_mut(at) {
            slot.kind = VarKind::Array(range);
        }
        self.changes += 1;
    }

    fn values(&self, words: Range32) -> Vec<Val> {
        (words.start..words.end).map(|index| self.arg_val(index)).collect()
    }

    /// `$argv` and the named parameters of a function that is being called.
    pub(super) fn fish_parameters(&mut self, params: Range32, args: Range32) {
        let values = self.values(args);
        let name = self.intern(b"argv");
        let frame = self.frame;
        let local = |name| Var {
            name,
            kind: VarKind::Unset,
            frame,
            attribute: 0,
            reference: false,
            other: None,
            exported: false,
        };
        self.s.vars.push(local(name));
        self.assign_list(name, &values);
        for (i, index) in (params.start..params.end).enumerate() {
            let word = self.s.ast.word(index);
            let name = Range32 { start: word.start, end: word.end };
            self.s.vars.push(local(name));
            let value = values.get(i).map_or(&[][..], std::slice::from_ref);
            self.assign_list(name, value);
        }
    }

    /// `set [options] name values…`
    pub(super) fn fish_set(&mut self, rest: Range32) {
        self.status = Some(0);
        let (mut erase, mut append, mut prepend, mut query) = (false, false, false, false);
        let mut export = false;
        let mut next = rest.start;
        while next < rest.end {
            let word = self.arg_text(next);
            match word {
                b"--" => {
                    next += 1;
                    break;
                }
                b"--erase" => erase = true,
                b"--append" => append = true,
                b"--prepend" => prepend = true,
                b"--export" => export = true,
                b"--query" | b"--names" | b"--show" => query = true,
                [b'-', b'-', ..] => {}
                [b'-', letters @ ..] if !letters.is_empty() => {
                    erase |= letters.contains(&b'e');
                    export |= letters.contains(&b'x');
                    append |= letters.contains(&b'a');
                    prepend |= letters.contains(&b'p');
                    query |= letters.iter().any(|b| matches!(b, b'q' | b'n' | b'S'));
                }
                _ => break,
            }
            next += 1;
        }
        if query || next >= rest.end {
            self.status = None;
            return self.write_unknown();
        }
        let word = self.arg(next);
        let len = name_len(self.text(word.range()));
        if len == 0 || word.flags.contains(WordFlags::UNRESOLVED) {
            return;
        }
        let name = Range32 { start: word.start, end: word.start + len as u32 };
        if erase {
            let at = self.var_for(name);
            if let Some(slot) = self.s.vars.get_mut(at) {
                slot.kind = VarKind::Unset;
            }
            return;
        }
        let mut values = self.values(Range32 { start: next + 1, end: rest.end });
        if len < self.text(word.range()).len() {
            // One element changes: which one isn't followed, so that none is known.
            for value in &mut values {
                value.known = false;
            }
            return self.assign_list(name, &values);
        }
        if append || prepend {
            let old = match self.lookup(name).and_then(|at| self.s.vars.get(at)).map(|v| v.kind) {
                Some(VarKind::Array(range)) => {
                    range.of(&self.s.elements).iter().map(|e| e.value).collect::<Vec<_>>()
                }
                Some(VarKind::Scalar(value)) => vec![value],
                _ => Vec::new(),
            };
            values = if append { [old, values].concat() } else { [values, old].concat() };
        }
        self.assign_list(name, &values);
        if export && let Some(slot) = self.lookup(name).and_then(|at| self.s.vars.get_mut(at)) {
            slot.exported = true;
        }
    }

    /// `cmd | psub`: the name of a file that holds the input.
    pub(super) fn psub(&mut self) {
        let content = match self.input {
            Input::Text(value, _) => value,
            _ => Val { range: Range32::default(), known: false },
        };
        let name = format!("/tmp/.psub.{}", self.s.files.len());
        let range = self.intern(name.as_bytes());
        self.write_file(range, content);
        self.write(name.as_bytes());
        self.write(b"\n");
        self.status = Some(0);
    }

    /// `string upper|lower|join|collect|replace …` of known words or input.
    pub(super) fn fish_string(&mut self, argv: Range32) {
        self.status = None;
        let mut words = Vec::new();
        let mut known = true;
        for index in argv.start + 1..argv.end {
            known &= !self.arg(index).flags.contains(WordFlags::UNRESOLVED);
            words.push(self.arg_text(index).to_vec());
        }
        let output = match words.split_first() {
            Some((name, words)) if known => {
                let options = words.iter().take_while(|w| w.len() > 1 && w.starts_with(b"-")).count();
                let (options, operands) = words.split_at(options);
                string(name, options, operands)
            }
            _ => None,
        };
        match output {
            Some(text) => self.write(&text),
            None => self.write_unknown(),
        }
    }
}

fn string(name: &[u8], options: &[Vec<u8>], operands: &[Vec<u8>]) -> Option<Vec<u8>> {
    let all = options.iter().any(|o| matches!(o.as_slice(), b"-a" | b"--all"));
    let unknown = |o: &Vec<u8>| !matches!(o.as_slice(), b"-a" | b"--all" | b"--");
    if operands.is_empty() || options.iter().any(unknown) {
        return None;
    }
    let each = |change: &dyn Fn(&[u8]) -> Vec<u8>, words: &[Vec<u8>]| {
        words.iter().flat_map(|word| [change(word), b"\n".to_vec()].concat()).collect::<Vec<u8>>()
    };
    match (name, operands) {
        (b"upper", words) => Some(each(&<[u8]>::to_ascii_uppercase, words)),
        (b"lower", words) => Some(each(&<[u8]>::to_ascii_lowercase, words)),
        (b"collect", words) => Some(each(&<[u8]>::to_vec, words)),
        (b"join", [by, words @ ..]) => Some([words.join(by.as_slice()), b"\n".to_vec()].concat()),
        (b"replace", [from, to, words @ ..]) if !from.is_empty() => Some(each(
            &|word| match (all, memchr::memmem::find(word, from)) {
                (true, _) => super::wrap::replace_all(word, from, to),
                (false, Some(at)) => [&word[..at], to, &word[at + from.len()..]].concat(),
                (false, None) => word.to_vec(),
            },
            words,
        )),
        _ => None,
    }
}
