//! Values of parameters and what their operators make of them.

use super::analysis::{Range32, WordFlags};
use super::ast::{PART_QUOTED, Param, ParamOp, Part, PartKind};
use super::expand::Field;
use super::machine::Machine;
use super::state::{Val, VarKind};

/// What a parameter turned out to be; the values are on `State::list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not set, for certain.
    Unset,
    /// Set elsewhere, or not at all: the text doesn't tell.
    Unknown,
    Scalar,
    /// `$@`, `${a[@]}`
    At,
    /// `$*`, `${a[*]}`
    Star,
}

impl Machine<'_> {
    /// Expands `$x` or `${…}` into the field.
    pub(super) fn param(&mut self, part: Part, field: &mut Field) {
        let range = Range32 { start: part.start, end: part.end };
        let quoted = part.flags & PART_QUOTED != 0;
        let Some(param) = self.s.ast.params.get(part.index as usize).copied() else { return };
        let span = field.span;
        if !self.deeper(span) {
            return;
        }
        if self.step() {
            let mark = self.s.list.len();
            self.param_into(param, range, quoted, field, mark);
            self.s.list.truncate(mark);
        }
        self.depth -= 1;
    }

    fn param_into(&mut self, param: Param, source: Range32, quoted: bool, field: &mut Field, mark: usize) {
        if param.op == ParamOp::Unknown {
            return self.unresolved(source, quoted, field);
        }
        let mut shape = self.param_values(&param, mark);
        if shape == Shape::Unknown && param.op != ParamOp::None && !param.length {
            shape = self.typical(&param, shape);
        }
        if param.length {
            return match shape {
                Shape::Unknown => self.unresolved(source, quoted, field),
                Shape::Unset => self.add_number(0, field),
                Shape::Scalar => match self.s.list.get(mark) {
                    Some(value) if value.known => {
                        let text = self.text(value.range);
                        let len = std::str::from_utf8(text).map_or(text.len(), |s| s.chars().count());
                        self.add_number(len as i64, field);
                    }
                    _ => self.unresolved(source, quoted, field),
                },
                Shape::At | Shape::Star => self.add_number((self.s.list.len() - mark) as i64, field),
            };
        }
        match param.op {
            ParamOp::Default(or_empty) | ParamOp::Assign(or_empty)
                if self.counts_as_unset(shape, or_empty, mark) =>
            {
                if shape == Shape::Unknown {
                    // Most likely unset, but the environment may say otherwise.
                    field.flags.insert(WordFlags::UNRESOLVED);
                }
                if matches!(param.op, ParamOp::Assign(_)) {
                    let at = self.s.build.len();
                    let known = self.expand_text(param.arg, false);
                    let range = self.intern_built(at);
                    self.assign(param.name, Val { range, known });
                    return self.add_value(Val { range, known }, quoted, field);
                }
                return self.argument_into(param.arg, quoted, field);
            }
            ParamOp::Fail(or_empty)
                if shape != Shape::Unknown && self.counts_as_unset(shape, or_empty, mark) =>
            {
                // The message is printed and nothing further of the line runs.
                let build = self.s.build.len();
                self.expand_text(param.arg, false);
                self.s.build.truncate(build);
                if self.uncertain == 0 {
                    self.flow = super::machine::Flow::Exit;
                }
                return;
            }
            ParamOp::Alternative(or_empty) => {
                if shape == Shape::Unknown {
                    return self.unresolved(source, quoted, field);
                }
                if !self.counts_as_unset(shape, or_empty, mark) {
                    self.argument_into(param.arg, quoted, field);
                }
                return;
            }
            _ => {}
        }
        if shape == Shape::Unknown {
            return self.unresolved(source, quoted, field);
        }
        if shape == Shape::Unset {
            if quoted && !(self.dialect == super::Dialect::Fish && param.list && !param.joined) {
                field.started = true;
            }
            return;
        }
        if !self.operate(&param, shape, mark) {
            return self.unresolved(source, quoted, field);
        }
        if self.dialect == super::Dialect::Zsh {
            match self.zsh_flags(&param, shape, mark, quoted) {
                Some(changed) => shape = changed,
                None => return self.unresolved(source, quoted, field),
            }
        }
        if self.dialect == super::Dialect::Zsh && !quoted {
            // zsh splits no values; empty ones vanish.
            let values: Vec<Val> = self.s.list.drain(mark..).filter(|v| !v.range.is_empty()).collect();
            self.s.list.extend(values);
            let shape = if shape == Shape::Scalar { shape } else { Shape::At };
            return self.deliver(shape, mark, true, field);
        }
        self.deliver(shape, mark, quoted, field);
    }

    /// The word after `-` or `+`: what stands unquoted in it is split like a value.
    fn argument_into(&mut self, parts: Range32, quoted: bool, field: &mut Field) {
        if quoted || !field.split {
            return self.parts_into(parts, field);
        }
        for index in parts.start..parts.end {
            match self.s.ast.parts.get(index as usize).copied() {
                Some(Part { kind: PartKind::Literal, flags, start, end, .. }) if flags & PART_QUOTED == 0 => {
                    self.add_value(Val { range: Range32 { start, end }, known: true }, false, field);
                }
                Some(part) => self.part(part, field),
                None => {}
            }
        }
    }

    fn add_number(&mut self, value: i64, field: &mut Field) {
        field.started = true;
        self.s.build.extend_from_slice(value.to_string().as_bytes());
    }

    fn counts_as_unset(&self, shape: Shape, or_empty: bool, mark: usize) -> bool {
        match shape {
            Shape::Unset | Shape::Unknown => true,
            _ => {
                let values = self.s.list.get(mark..).unwrap_or(&[]);
                values.is_empty() || (or_empty && values.iter().all(|v| v.range.is_empty()))
            }
        }
    }

    /// Puts the values into the field, or several fields.
    fn deliver(&mut self, shape: Shape, mark: usize, quoted: bool, field: &mut Field) {
        let count = self.s.list.len() - mark;
        if quoted && shape == Shape::Star {
            field.started = true;
        }
        let joiner = if shape == Shape::Star { self.joiner() } else { Some(b' ') };
        for i in 0..count {
            let Some(value) = self.s.list.get(mark + i).copied() else { break };
            if i > 0 {
                if quoted && shape == Shape::Star || !field.split {
                    self.s.build.extend(joiner);
                } else {
                    self.close_field(field);
                }
            }
            self.add_value(value, quoted, field);
            if quoted && shape == Shape::At {
                field.started = true;
            }
        }
    }

    /// Finds the parameter's values and pushes them on the list.
    fn param_values(&mut self, param: &Param, mark: usize) -> Shape {
        if let Some(parts) = param.inner {
            return self.inner_values(parts, param.name);
        }
        if param.list {
            return self.list_values(param);
        }
        if param.indirect {
            return self.indirect_values(param, mark);
        }
        self.named_values(param.name, param.index)
    }

    fn named_values(&mut self, name: Range32, index: Option<Range32>) -> Shape {
        let text = self.text(name);
        match text {
            b"@" | b"*" => {
                let shape = if text == b"@" { Shape::At } else { Shape::Star };
                for at in self.args.start..self.args.end {
                    if let Some(value) = self.s.args.get(at as usize).copied() {
                        self.s.list.push(value);
                    }
                }
                shape
            }
            b"#" => self.push_number(self.args.len() as i64),
            b"?" => match self.status {
                Some(code) => self.push_number(i64::from(code)),
                None => Shape::Unknown,
            },
            b"0" => {
                let value = if self.zero.range.is_empty() {
                    Val { range: self.intern(b"bash"), known: true }
                } else {
                    self.zero
                };
                self.s.list.push(value);
                Shape::Scalar
            }
            [b'0'..=b'9', ..] => {
                let n = text
                    .iter()
                    .fold(0usize, |n, b| n.saturating_mul(10).saturating_add(usize::from(b - b'0')));
                let at = (self.args.start as usize).saturating_add(n - usize::from(n > 0));
                if at < self.args.end as usize
                    && let Some(value) = self.s.args.get(at).copied()
                {
                    self.s.list.push(value);
                    return Shape::Scalar;
                }
                if self.args_set { Shape::Unset } else { Shape::Unknown }
            }
            b"_" => match self.last_word {
                Some(value) => {
                    self.s.list.push(value);
                    Shape::Scalar
                }
                None => Shape::Unknown,
            },
            b"-" | b"$" | b"!" | b"" => Shape::Unknown,
            _ => self.variable_values(name, index),
        }
    }

    fn push_number(&mut self, value: i64) -> Shape {
        let range = self.intern(value.to_string().as_bytes());
        self.s.list.push(Val { range, known: true });
        Shape::Scalar
    }

    fn variable_values(&mut self, name: Range32, index: Option<Range32>) -> Shape {
        let Some(at) = self.lookup(name) else {
            // What is run for the index is run in any case.
            if let Some(parts) = index
                && self.has_expansion(parts)
            {
                let build = self.s.build.len();
                self.expand_text(parts, false);
                self.s.build.truncate(build);
            }
            return match self.text(name) {
                b"IFS" => self.push_text(b" \t\n"),
                b"BASH" | b"SHELL" => self.push_text(b"/bin/bash"),
                _ => Shape::Unknown,
            };
        };
        let Some(var) = self.s.vars.get(at).copied() else { return Shape::Unknown };
        let all = match index {
            Some(parts) => self.whole_index(parts),
            // zsh: `$list` is all of it.
            None if self.dialect == super::Dialect::Zsh && matches!(var.kind, VarKind::Array(_)) => {
                Some(Shape::At)
            }
            None => None,
        };
        if let Some(parts) = index
            && all.is_none()
            && matches!(self.dialect, super::Dialect::Zsh | super::Dialect::Fish)
            && !matches!(var.kind, VarKind::Assoc(_) | VarKind::Unset)
        {
            return self.counted_from_one(var.kind, parts);
        }
        match var.kind {
            VarKind::Unset => Shape::Unset,
            VarKind::Scalar(value) => {
                if let Some(parts) = index
                    && all.is_none()
                {
                    match self.arith(parts) {
                        Some(0 | -1) => {}
                        Some(_) => return Shape::Unset,
                        None => return Shape::Unknown,
                    }
                }
                self.s.list.push(value);
                all.unwrap_or(Shape::Scalar)
            }
            VarKind::Array(range) | VarKind::Assoc(range) => {
                if let Some(shape) = all {
                    for i in range.start..range.end {
                        if let Some(element) = self.s.elements.get(i as usize).copied() {
                            self.s.list.push(element.value);
                        }
                    }
                    return shape;
                }
                let found = if matches!(var.kind, VarKind::Array(_)) {
                    let wanted = match index {
                        Some(parts) => match self.arith(parts) {
                            Some(value) => value,
                            None => return Shape::Unknown,
                        },
                        None => 0,
                    };
                    let elements = range.of(&self.s.elements);
                    let wanted = if wanted < 0 {
                        elements.last().map_or(0, |e| e.index.saturating_add(1)).saturating_add(wanted)
                    } else {
                        wanted
                    };
                    elements.iter().find(|e| e.index == wanted).map(|e| e.value)
                } else {
                    let build = self.s.build.len();
                    let known = match index {
                        Some(parts) => self.expand_text(parts, false),
                        None => true,
                    };
                    if !known {
                        self.s.build.truncate(build);
                        return Shape::Unknown;
                    }
                    let key = self.s.build.split_off(build);
                    range.of(&self.s.elements).iter().find(|e| self.text(e.key) == key).map(|e| e.value)
                };
                match found {
                    Some(value) => {
                        self.s.list.push(value);
                        Shape::Scalar
                    }
                    None => Shape::Unset,
                }
            }
        }
    }

    fn push_text(&mut self, text: &[u8]) -> Shape {
        let range = self.intern(text);
        self.s.list.push(Val { range, known: true });
        Shape::Scalar
    }

    /// `[@]` or `[*]`.
    fn whole_index(&self, parts: Range32) -> Option<Shape> {
        match parts.of(&self.s.ast.parts) {
            [Part { kind: PartKind::Literal, start, end, .. }] => {
                match self.text(Range32 { start: *start, end: *end }) {
                    b"@" => Some(Shape::At),
                    b"*" => Some(Shape::Star),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn indirect_values(&mut self, param: &Param, mark: usize) -> Shape {
        // `${!prefix*}`: names.
        if matches!(param.op, ParamOp::Transform(b'*' | b'}' | b'@')) {
            let prefix = self.text(param.name).to_vec();
            let mut names: Vec<Range32> = Vec::new();
            for var in &self.s.vars {
                let name = self.a.text.get(var.name.start as usize..var.name.end as usize).unwrap_or(&[]);
                if name.starts_with(&prefix) && !names.iter().any(|n| self.text(*n) == name) {
                    names.push(var.name);
                }
            }
            names.sort_by(|a, b| self.text(*a).cmp(self.text(*b)));
            self.s.list.extend(names.into_iter().map(|range| Val { range, known: true }));
            return Shape::At;
        }
        // `${!a[@]}`: keys.
        if let Some(shape) = param.index.and_then(|parts| self.whole_index(parts)) {
            let Some(at) = self.lookup(param.name) else { return Shape::Unset };
            match self.s.vars.get(at).map(|v| v.kind) {
                Some(VarKind::Array(range)) => {
                    for i in range.start..range.end {
                        let index = self.s.elements.get(i as usize).map_or(0, |e| e.index);
                        self.push_number(index);
                    }
                }
                Some(VarKind::Assoc(range)) => {
                    for i in range.start..range.end {
                        if let Some(element) = self.s.elements.get(i as usize).copied() {
                            self.s.list.push(Val { range: element.key, known: true });
                        }
                    }
                }
                Some(VarKind::Scalar(_)) => {
                    self.push_number(0);
                }
                _ => return Shape::Unset,
            }
            return shape;
        }
        let shape = self.named_values(param.name, param.index);
        let target = match (shape, self.s.list.get(mark).copied()) {
            (Shape::Scalar, Some(value)) if value.known => value.range,
            (Shape::At | Shape::Star, Some(value)) if value.known && self.s.list.len() == mark + 1 => {
                value.range
            }
            (Shape::At | Shape::Star, None) | (Shape::Unset, _) => return Shape::Unset,
            _ => return Shape::Unknown,
        };
        self.s.list.truncate(mark);
        // `x='a[1]'; ${!x}`: an element.
        let text = self.text(target);
        if let Some(open) = text.iter().position(|&b| b == b'[')
            && text.ends_with(b"]")
        {
            let name = Range32 { start: target.start, end: target.start + open as u32 };
            let key = Range32 { start: target.start + open as u32 + 1, end: target.end - 1 };
            let part = Part { kind: PartKind::Literal, flags: 0, start: key.start, end: key.end, index: 0 };
            let start = self.s.ast.parts.len() as u32;
            self.s.ast.parts.push(part);
            return self.named_values(name, Some(Range32 { start, end: start + 1 }));
        }
        if text.is_empty() {
            return Shape::Unset;
        }
        self.named_values(target, None)
    }

    /// Variables of every environment whose beginnings obfuscators slice: `${PATH:0:1}` is a slash anywhere.
    fn typical(&mut self, param: &Param, shape: Shape) -> Shape {
        if !matches!(
            param.op,
            ParamOp::Slice
                | ParamOp::Prefix(_)
                | ParamOp::Suffix(_)
                | ParamOp::Replace(_)
                | ParamOp::Case(..)
        ) || param.indirect
        {
            return shape;
        }
        match typical_value(self.text(param.name)) {
            Some(value) => self.push_text(value),
            None => shape,
        }
    }
}

/// What a variable of every environment most likely holds.
pub(super) fn typical_value(name: &[u8]) -> Option<&'static [u8]> {
    Some(match name {
        b"HOME" | b"PWD" | b"OLDPWD" => b"/home/user",
        b"PATH" => b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        b"OSTYPE" => b"linux-gnu",
        b"HOSTTYPE" => b"x86_64",
        b"MACHTYPE" => b"x86_64-pc-linux-gnu",
        b"BASHOPTS" => b"checkwinsize:cmdhist:complete_fullquote",
        b"SHELLOPTS" => b"braceexpand:hashall:interactive-comments",
        b"PS1" => b"\\s-\\v\\$ ",
        b"PS2" => b"> ",
        b"PS4" => b"+ ",
        b"LANG" => b"C.UTF-8",
        b"TERM" => b"xterm-256color",
        _ => return None,
    })
}
