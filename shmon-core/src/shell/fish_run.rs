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
        let local = |name| Var { frame, ..Var::new(name, VarKind::Unset, false) };
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
        let whole = self.text(word.range()).len() == len;
        let place = if whole { None } else { self.place(word, len) };
        if erase && !whole {
            let mut values = self.fish_values(name);
            match place {
                Some(at) if at < values.len() => {
                    values.remove(at);
                }
                Some(_) => {}
                None => values.iter_mut().for_each(|v| v.known = false),
            }
            return self.assign_list(name, &values);
        }
        if erase {
            let at = self.var_for(name);
            if let Some(slot) = self.s.vars.get_mut(at) {
                slot.kind = VarKind::Unset;
            }
            return;
        }
        let mut values = self.values(Range32 { start: next + 1, end: rest.end });
        if !whole {
            let mut old = self.fish_values(name);
            match (place, values.as_slice()) {
                (Some(at), [value]) if at < 256 => {
                    let empty = Val { range: Range32 { start: word.start, end: word.start }, known: true };
                    old.resize(old.len().max(at + 1), empty);
                    old[at] = *value;
                }
                // Which elements change isn't followed, so that none is known.
                _ => old.iter_mut().for_each(|v| v.known = false),
            }
            return self.assign_list(name, &old);
        }
        if append || prepend {
            let old = self.fish_values(name);
            values = if append { [old, values].concat() } else { [values, old].concat() };
        }
        self.assign_list(name, &values);
        if export && let Some(slot) = self.lookup(name).and_then(|at| self.s.vars.get_mut(at)) {
            slot.exported = true;
        }
    }

    fn fish_values(&self, name: Range32) -> Vec<Val> {
        match self.lookup(name).and_then(|at| self.s.vars.get(at)).map(|v| v.kind) {
            Some(VarKind::Array(range)) => range.of(&self.s.elements).iter().map(|e| e.value).collect(),
            Some(VarKind::Scalar(value)) => vec![value],
            _ => Vec::new(),
        }
    }

    /// The place, from 0, that `x[2]` names.
    fn place(&self, word: super::analysis::WordRec, name: usize) -> Option<usize> {
        let text = self.text(word.range()).get(name..)?;
        let index = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
        let index: i64 = std::str::from_utf8(index).ok()?.parse().ok()?;
        let name = Range32 { start: word.start, end: word.start + name as u32 };
        let count = self.fish_values(name).len() as i64;
        usize::try_from(if index < 0 { count + index } else { index - 1 }).ok()
    }

    /// `count words…`
    pub(super) fn fish_count(&mut self, argv: Range32) {
        let count = argv.len().saturating_sub(1);
        let unknown = (argv.start + 1..argv.end).any(|i| self.arg(i).flags.contains(WordFlags::UNRESOLVED));
        if unknown || self.dialect != super::Dialect::Fish {
            return self.write_unknown();
        }
        self.write(format!("{count}\n").as_bytes());
        self.status = Some(i32::from(count == 0));
    }

    /// `math EXPRESSION`, of whole numbers.
    pub(super) fn fish_math(&mut self, argv: Range32) {
        self.status = None;
        let value = self.join(Range32 { start: argv.start + 1, end: argv.end });
        let text: Vec<u8> =
            self.text(value.range).iter().map(|&b| if b == b'x' { b'*' } else { b }).collect();
        // Division gives fractions there.
        let whole = value.known && text.iter().all(|b| b.is_ascii_digit() || b" +-*()%".contains(b));
        match if whole { super::arith::evaluate(&text, self) } else { None } {
            Some(number) => self.write(format!("{number}\n").as_bytes()),
            None => self.write_unknown(),
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
        let input = match self.input {
            Input::Text(value, _) if value.known => Some(self.text(value.range).to_vec()),
            _ => None,
        };
        let output = match words.split_first() {
            Some((name, words)) if known => string(name, words, input.as_deref()),
            _ => None,
        };
        match output {
            Some(text) => self.write(&text),
            None => self.write_unknown(),
        }
    }
}

/// The output of `string NAME …`, of the words or else of the lines of the input.
fn string(name: &[u8], words: &[Vec<u8>], input: Option<&[u8]>) -> Option<Vec<u8>> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<usize>().ok();
    let (mut all, mut start, mut length, mut count) = (false, 1, None, 1);
    let mut at = 0;
    while at < words.len() {
        match (words[at].as_slice(), name) {
            (b"--", _) => {
                at += 1;
                break;
            }
            (b"-a" | b"--all", _) => all = true,
            (b"-s" | b"--start", b"sub") => {
                at += 1;
                start = number(words.get(at)?)?;
            }
            (b"-l" | b"--length", b"sub") => {
                at += 1;
                length = Some(number(words.get(at)?)?);
            }
            (b"-n" | b"--count", b"repeat") => {
                at += 1;
                count = number(words.get(at)?)?;
            }
            ([b'-', _, ..], _) => return None,
            _ => break,
        }
        at += 1;
    }
    let mut operands: Vec<&[u8]> = words.get(at..)?.iter().map(Vec::as_slice).collect();
    let own = match name {
        b"join" | b"split" => 1,
        b"replace" => 2,
        _ => 0,
    };
    if operands.len() <= own {
        let input = input?;
        operands.extend(input.strip_suffix(b"\n").unwrap_or(input).split(|&b| b == b'\n'));
    }
    if operands.len() < own || count > 1024 || start == 0 {
        return None;
    }
    let (own, operands) = operands.split_at(own);
    let each = |change: &dyn Fn(&[u8]) -> Vec<u8>| {
        operands.iter().flat_map(|word| [change(word), b"\n".to_vec()].concat()).collect::<Vec<u8>>()
    };
    match (name, own) {
        (b"upper", _) => Some(each(&<[u8]>::to_ascii_uppercase)),
        (b"lower", _) => Some(each(&<[u8]>::to_ascii_lowercase)),
        (b"collect", _) => Some(each(&<[u8]>::to_vec)),
        (b"trim", _) => Some(each(&|word| word.trim_ascii().to_vec())),
        (b"length", _) => Some(each(&|word| {
            std::str::from_utf8(word).map_or(word.len(), |s| s.chars().count()).to_string().into_bytes()
        })),
        (b"repeat", _) => Some(each(&|word| word.repeat(count.min((1 << 12) / word.len().max(1))))),
        (b"sub", _) => Some(each(&|word| {
            let from = (start - 1).min(word.len());
            word[from..from.saturating_add(length.unwrap_or(word.len())).min(word.len())].to_vec()
        })),
        (b"join", [by]) => Some([operands.join(*by), b"\n".to_vec()].concat()),
        (b"split", [by]) if !by.is_empty() => Some(each(&|word| super::wrap::replace_all(word, by, b"\n"))),
        (b"replace", [from, to]) if !from.is_empty() => {
            Some(each(&|word| match (all, memchr::memmem::find(word, from)) {
                (true, _) => super::wrap::replace_all(word, from, to),
                (false, Some(at)) => [&word[..at], to, &word[at + from.len()..]].concat(),
                (false, None) => word.to_vec(),
            }))
        }
        _ => None,
    }
}
