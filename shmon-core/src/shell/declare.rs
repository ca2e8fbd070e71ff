//! Commands that declare, unset and set: `export`, `declare` and their kin, `unset`, `set`.

use super::analysis::{Range32, WordFlags};
use super::chars::name_len;
use super::machine::Machine;
use super::state::{Val, Var, VarKind};

impl Machine<'_> {
    /// `export`, `declare`, `local`, `readonly`, `typeset`.
    pub(super) fn declare(&mut self, argv: Range32) {
        let local =
            matches!(self.arg_text(argv.start), b"local" | b"declare" | b"typeset") && self.frame != 0;
        let (mut attribute, mut reference, mut kind, mut global) = (0, false, None, false);
        let mut functions = false;
        let export = self.arg_text(argv.start) == b"export";
        let mut exported = export.then_some(true);
        // zsh's.
        if self.arg_text(argv.start) == b"integer" {
            if self.dialect != super::Dialect::Zsh {
                return;
            }
            attribute = b'i';
        }
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.arg_text(next);
            if word.len() < 2 || !matches!(word[0], b'-' | b'+') {
                break;
            }
            let on = word[0] == b'-';
            for b in &word[1..] {
                match b {
                    b'x' => exported = Some(on),
                    b'n' if export => exported = Some(false),
                    b'u' | b'l' | b'i' => attribute = *b,
                    b'n' => reference = true,
                    b'a' => kind = Some(VarKind::Array(Range32::default())),
                    b'A' => kind = Some(VarKind::Assoc(Range32::default())),
                    b'g' => global = true,
                    b'f' => functions = true,
                    _ => {}
                }
            }
            next += 1;
        }
        if functions {
            return self.export_functions(Range32 { start: next, end: argv.end });
        }
        for index in next..argv.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            let len = name_len(text);
            if len == 0 {
                continue;
            }
            let name = Range32 { start: word.start, end: word.start + len as u32 };
            let append = text.get(len..len + 2) == Some(b"+=");
            let valued = append || text.get(len) == Some(&b'=');
            if local && !global {
                let outer = self.lookup(name).and_then(|at| self.s.vars.get(at));
                let exported = outer.is_some_and(|v| v.exported);
                let fresh = Var::new(name, VarKind::Unset, exported);
                self.s.vars.push(Var { frame: self.frame, attribute, ..fresh });
            }
            let at = self.var_for(name);
            if attribute != 0 {
                self.s.vars[at].attribute = attribute;
            }
            if let (Some(kind), VarKind::Unset) = (kind, self.s.vars[at].kind) {
                self.s.vars[at].kind = kind;
            }
            if valued {
                let start = name.end + if append { 2 } else { 1 };
                let range = Range32 { start, end: word.start + word.len };
                let mut value = Val { range, known: !word.flags.contains(WordFlags::UNRESOLVED) };
                if append && let Some(old) = self.scalar(self.text(name)) {
                    let both = [self.text(old.range), self.text(range)].concat();
                    value = Val { range: self.intern(&both), known: value.known && old.known };
                }
                self.assign(name, value);
            } else if matches!(self.s.vars[at].kind, VarKind::Unset) && !local && attribute == 0 {
                // `export PATH`: a variable of the environment stays what it is.
                self.s.vars.remove(at);
                match exported {
                    Some(true) if self.s.exports.len() < 64 => self.s.exports.push(name),
                    Some(false) => {
                        let text = &self.a.text;
                        let of = |r: Range32| text.get(r.start as usize..r.end as usize).unwrap_or(&[]);
                        self.s.exports.retain(|e| of(*e) != of(name));
                    }
                    _ => {}
                }
                continue;
            }
            if reference {
                self.s.vars[at].reference = true;
            }
            if let (Some(exported), VarKind::Scalar(_)) = (exported, self.s.vars[at].kind) {
                self.s.vars[at].exported = exported;
            }
        }
        self.declare_arrays(kind, attribute);
    }

    /// `export -f name…`
    fn export_functions(&mut self, names: Range32) {
        for index in names.start..names.end {
            let name = self.arg_text(index).to_vec();
            let text = &self.a.text;
            for function in &mut self.s.functions {
                let range = function.name.start as usize..function.name.end as usize;
                function.exported |= text.get(range).is_some_and(|n| n == name.as_slice());
            }
        }
    }

    /// `declare -A x=(…)`: arrays among the arguments were parsed as assignments.
    fn declare_arrays(&mut self, kind: Option<VarKind>, attribute: u8) {
        let nodes = self.declared_arrays;
        for index in nodes.start..nodes.end {
            let Some(node) = self.s.ast.assignments.get(index as usize).copied() else { break };
            let at = self.var_for(node.name);
            if let Some(kind) = kind {
                self.s.vars[at].kind = kind;
            }
            if attribute != 0 {
                self.s.vars[at].attribute = attribute;
            }
            self.perform(node);
        }
        self.declared_arrays = Range32::default();
    }

    pub(super) fn unset(&mut self, rest: Range32) {
        for index in rest.start..rest.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            if text.starts_with(b"-") {
                continue;
            }
            let name = word.range();
            if text.ends_with(b"]") && text.contains(&b'[') {
                self.unset_element(name);
                continue;
            }
            let at = self.var_for(name);
            self.s.vars[at].kind = VarKind::Unset;
            self.changes += 1;
            let name = self.text(name).to_vec();
            let buffer = &self.a.text;
            self.s.functions.retain(|f| {
                buffer.get(f.name.start as usize..f.name.end as usize).is_none_or(|n| n != name.as_slice())
            });
        }
    }

    pub(super) fn set_builtin(&mut self, rest: Range32) {
        let mut next = rest.start;
        let mut explicit = false;
        while next < rest.end {
            match self.arg_text(next) {
                b"--" | b"-" => {
                    explicit = true;
                    next += 1;
                    break;
                }
                [sign @ (b'-' | b'+'), letters @ ..] if !letters.is_empty() => {
                    let option = letters.last() == Some(&b'o');
                    let all = letters.contains(&b'a')
                        || (option && next + 1 < rest.end && self.arg_text(next + 1) == b"allexport");
                    let on = *sign == b'-';
                    next += 1 + u32::from(option);
                    if all {
                        self.export_all = on;
                    }
                }
                _ => break,
            }
        }
        if explicit || next < rest.end {
            self.args = self.push_args(Range32 { start: next.min(rest.end), end: rest.end });
            self.args_set = true;
            self.changes += 1;
        }
    }
}
