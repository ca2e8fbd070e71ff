//! `$…`: parameters with their operators, and what else a dollar sign starts.

use super::Dialect;
use super::analysis::Range32;
use super::ast::{Anchor, PART_QUOTED, Param, ParamOp, Part, PartKind, settle};
use super::chars::{NAME_START, is, name_len};
use super::parser::Parser;
use super::word::Place;

const SPECIAL: &[u8] = b"@*#?-$!";

impl Parser<'_> {
    fn push_part(&mut self, kind: PartKind, quoted: bool, start: usize, end: usize, index: u32) {
        let flags = if quoted { PART_QUOTED } else { 0 };
        self.ast.stacks.parts.push(Part { kind, flags, start: start as u32, end: end as u32, index });
    }

    /// Whatever stands at `$`.
    pub(super) fn dollar(&mut self, place: Place, quoted: bool) {
        if self.dialect == Dialect::Fish {
            return self.fish_dollar(quoted);
        }
        let start = self.pos;
        let Some(next) = self.peek_at(1) else {
            self.pos += 1;
            return self.push_part(PartKind::Literal, quoted, start, start + 1, 0);
        };
        match next {
            b'(' => {
                if self.peek_at(2) == Some(b'(')
                    && let Some(close) = self.arith_close(self.pos + 3)
                {
                    self.pos += 3;
                    let parts = self.arith_parts(close);
                    self.pos = close + 2;
                    return self.push_expr(parts, quoted, start);
                }
                self.command_substitution(quoted);
            }
            b'[' if self.dialect != Dialect::Sh => {
                self.pos += 1;
                let parts = self.subscript();
                self.push_expr(parts, quoted, start);
            }
            b'{' => self.braced(quoted),
            b'\'' if !quoted && place != Place::Heredoc => self.ansi_c(),
            b'"' if !quoted && place != Place::Heredoc => {
                self.pos += 1;
                self.double_quotes();
            }
            _ if is(next, NAME_START) => {
                let len = name_len(self.rest().get(1..).unwrap_or(&[]));
                self.simple_param(len, quoted);
            }
            _ if next.is_ascii_digit() || SPECIAL.contains(&next) => self.simple_param(1, quoted),
            _ => {
                self.pos += 1;
                self.push_part(PartKind::Literal, quoted, start, start + 1, 0);
            }
        }
    }

    fn push_expr(&mut self, parts: Range32, quoted: bool, start: usize) {
        self.ast.exprs.push(parts);
        let index = (self.ast.exprs.len() - 1) as u32;
        self.push_part(PartKind::Arith, quoted, start, self.pos, index);
    }

    fn push_param(&mut self, param: Param, quoted: bool, start: usize) {
        self.ast.params.push(param);
        let index = (self.ast.params.len() - 1) as u32;
        self.push_part(PartKind::Param, quoted, start, self.pos, index);
    }

    fn simple_param(&mut self, len: usize, quoted: bool) {
        let start = self.pos;
        // zsh: `$#x` is the length of x.
        if self.dialect == Dialect::Zsh
            && self.rest().starts_with(b"$#")
            && self.peek_at(2).is_some_and(|b| is(b, NAME_START))
        {
            let len = name_len(self.rest().get(2..).unwrap_or(&[]));
            let name = Range32 { start: (start + 2) as u32, end: (start + 2 + len) as u32 };
            self.pos += 2 + len;
            return self.push_param(Param { name, length: true, ..Param::default() }, quoted, start);
        }
        let name = Range32 { start: (start + 1) as u32, end: (start + 1 + len) as u32 };
        self.pos += 1 + len;
        let mut param = Param { name, ..Param::default() };
        if self.dialect == Dialect::Zsh && self.peek() == Some(b'[') {
            param.index = Some(self.subscript());
        }
        self.push_param(param, quoted, start);
    }

    /// `${…}`; the position is at `$`.
    fn braced(&mut self, quoted: bool) {
        let start = self.pos;
        self.pos += 2;
        // bash 5.3 and mksh: `${ command; }` runs it in this shell.
        if matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'|')) {
            return self.function_substitution(quoted, start);
        }
        if !self.enter() {
            return;
        }
        let mut param = Param::default();
        if self.dialect == Dialect::Zsh {
            self.zsh_prefix(&mut param);
        }
        let after = self.peek_at(1);
        match self.peek() {
            Some(b'#') if after.is_some_and(|b| b != b'}' && (is(b, NAME_START) || b.is_ascii_digit())) => {
                param.length = true;
                self.pos += 1;
            }
            // `${#@}`, `${#?}`; but `${##x}` takes x off `$#`.
            Some(b'#')
                if matches!(after, Some(b'@' | b'*' | b'?' | b'$' | b'!'))
                    && self.peek_at(2) == Some(b'}') =>
            {
                param.length = true;
                self.pos += 1;
            }
            Some(b'!')
                if after.is_some_and(|b| {
                    is(b, NAME_START) || b.is_ascii_digit() || matches!(b, b'@' | b'*' | b'#' | b'?')
                }) =>
            {
                param.indirect = true;
                self.pos += 1;
            }
            _ => {}
        }
        let rest = self.rest();
        let len = match rest.first() {
            Some(b) if is(*b, NAME_START) => name_len(rest),
            Some(b) if b.is_ascii_digit() => rest.iter().take_while(|b| b.is_ascii_digit()).count(),
            Some(b'$') if self.dialect == Dialect::Zsh && matches!(rest.get(1), Some(b'{' | b'(' | b'$')) => {
                0
            }
            Some(b) if SPECIAL.contains(b) => 1,
            _ => 0,
        };
        param.name = Range32 { start: self.pos as u32, end: (self.pos + len) as u32 };
        self.pos += len;
        if len == 0 && self.dialect == Dialect::Zsh && self.zsh_inner(&mut param) {
            // What stands in the place of the name was read.
        } else if len == 0 {
            self.refuse();
            param.op = ParamOp::Unknown;
        }
        if self.peek() == Some(b'[') {
            param.index = Some(self.subscript());
        }
        if param.op == ParamOp::None {
            self.operator(&mut param, quoted);
        }
        if self.peek() != Some(b'}') {
            // Not understood: to the brace that closes it.
            param.op = ParamOp::Unknown;
            let mark = self.ast.stacks.parts.len();
            self.parts(Place::Brace(0), false);
            self.ast.stacks.parts.truncate(mark);
        }
        if self.peek() == Some(b'}') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        self.leave();
        self.push_param(param, quoted, start);
    }

    /// zsh: flags in parentheses, and `=`, `~`, `^` before the name.
    fn zsh_prefix(&mut self, param: &mut Param) {
        if self.peek() == Some(b'(') {
            let rest = self.rest();
            let len = rest.iter().take(64).position(|&b| b == b')').map_or(0, |len| len + 1);
            let flags = Range32 { start: self.pos as u32 + 1, end: (self.pos + len.max(2)) as u32 - 1 };
            param.flags = flags;
            // Flags that aren't followed make the value unknown.
            let text = rest.get(1..len.max(2) - 1).unwrap_or(&[]);
            let mut at = 0;
            while let Some(&b) = text.get(at) {
                at += 1;
                match b {
                    b'U' | b'L' | b'f' | b'o' | b'O' | b'z' | b'Q' | b'P' | b'@' => {}
                    b's' | b'j' => {
                        let Some(&open) = text.get(at) else { break };
                        let tail = text.get(at + 1..).unwrap_or(&[]);
                        match tail.iter().position(|&b| b == open) {
                            Some(close) => at += close + 2,
                            None => param.op = ParamOp::Unknown,
                        }
                    }
                    _ => param.op = ParamOp::Unknown,
                }
            }
            self.pos += len;
        }
        while let Some(b @ (b'=' | b'~' | b'^')) = self.peek()
            && self.peek_at(1).is_some_and(|b| is(b, NAME_START) || matches!(b, b'$' | b'=' | b'~' | b'^'))
        {
            param.split |= b == b'=';
            self.pos += 1;
        }
    }

    /// zsh: `${${x}…}`, `${"$(…)"}` and `${:-x}`; whether there is one.
    fn zsh_inner(&mut self, param: &mut Param) -> bool {
        let mark = self.ast.stacks.parts.len();
        match self.peek() {
            Some(b'$') => self.dollar(Place::Brace(0), false),
            Some(b'"') => self.double_quotes(),
            Some(b':') if self.peek_at(1) == Some(b'-') => {}
            _ => return false,
        }
        param.inner = Some(settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts));
        true
    }

    fn function_substitution(&mut self, quoted: bool, start: usize) {
        if self.peek() == Some(b'|') {
            self.pos += 1;
        }
        if !self.enter() {
            return;
        }
        let node = self.inner_list(super::reserved::UNTIL_BRACE);
        self.leave();
        if self.peek() == Some(b'}') {
            self.pos += 1;
        } else {
            self.refuse();
        }
        self.push_part(PartKind::Command, quoted, start, self.pos, node);
    }

    fn argument(&mut self, stop: u8, quoted: bool) -> Range32 {
        let mark = self.ast.stacks.parts.len();
        self.parts(Place::Brace(stop), quoted);
        settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts)
    }

    /// The operator and its arguments; the position is after the name.
    fn operator(&mut self, param: &mut Param, quoted: bool) {
        let Some(b) = self.peek() else { return };
        let next = self.peek_at(1);
        let double = next == Some(b);
        match b {
            b'}' => {}
            b':' if matches!(next, Some(b'-' | b'=' | b'?' | b'+')) => {
                self.pos += 2;
                param.op = default_op(next.unwrap_or(b'-'), true);
                param.arg = self.argument(0, quoted);
            }
            // zsh's modifiers: `${x:l}`, `${x:t}`.
            b':' if self.dialect == Dialect::Zsh && next.is_some_and(|b| b.is_ascii_alphabetic()) => {
                let whole = self.peek_at(2) == Some(b'}');
                param.op = match next {
                    Some(b'l') if whole => ParamOp::Case(b',', true),
                    Some(b'u') if whole => ParamOp::Case(b'^', true),
                    Some(part @ (b't' | b'h' | b'r' | b'e')) if whole => ParamOp::PathPart(part),
                    _ => ParamOp::Unknown,
                };
                self.pos += if whole { 2 } else { 1 };
            }
            b':' => {
                self.pos += 1;
                param.op = ParamOp::Slice;
                param.arg = self.slice_argument();
                if self.peek() == Some(b':') {
                    self.pos += 1;
                    param.second = Some(self.slice_argument());
                }
            }
            b'-' | b'=' | b'?' | b'+' => {
                self.pos += 1;
                param.op = default_op(b, false);
                param.arg = self.argument(0, quoted);
            }
            b'#' | b'%' => {
                self.pos += if double { 2 } else { 1 };
                param.op = if b == b'#' { ParamOp::Prefix(double) } else { ParamOp::Suffix(double) };
                param.arg = self.argument(0, false);
            }
            b'/' => {
                let (anchor, len) = match next {
                    Some(b'/') => (Anchor::All, 2),
                    Some(b'#') => (Anchor::Start, 2),
                    Some(b'%') => (Anchor::End, 2),
                    _ => (Anchor::First, 1),
                };
                self.pos += len;
                param.op = ParamOp::Replace(anchor);
                param.arg = self.argument(b'/', false);
                if self.peek() == Some(b'/') {
                    self.pos += 1;
                    param.second = Some(self.argument(0, false));
                }
            }
            b'^' | b',' | b'~' => {
                self.pos += if double { 2 } else { 1 };
                param.op = ParamOp::Case(b, double);
                param.arg = self.argument(0, false);
            }
            b'@' => {
                param.op = ParamOp::Transform(next.unwrap_or(b'}'));
                self.pos += if next == Some(b'}') { 1 } else { 2 };
            }
            b'*' if param.indirect => {
                self.pos += 1;
                param.op = ParamOp::Transform(b'*');
            }
            _ => param.op = ParamOp::Unknown,
        }
    }

    /// An offset or length: `?:` inside parentheses or `${…}` is not a separator.
    fn slice_argument(&mut self) -> Range32 {
        let mark = self.ast.stacks.parts.len();
        let mut guard = 0;
        loop {
            self.parts(Place::Brace(b':'), false);
            // A conditional expression: its colon belongs to it.
            let question = self.ast.stacks.parts.get(mark..).unwrap_or(&[]).iter().any(|p| {
                p.kind == PartKind::Literal
                    && self.text.get(p.start as usize..p.end as usize).unwrap_or(&[]).contains(&b'?')
            });
            if self.peek() == Some(b':') && question && guard == 0 {
                guard = 1;
                let start = self.pos;
                self.pos += 1;
                self.push_part(PartKind::Literal, false, start, start + 1, 0);
                continue;
            }
            break;
        }
        settle(&mut self.ast.stacks.parts, mark, &mut self.ast.parts)
    }
}

fn default_op(b: u8, or_empty: bool) -> ParamOp {
    match b {
        b'-' => ParamOp::Default(or_empty),
        b'=' => ParamOp::Assign(or_empty),
        b'?' => ParamOp::Fail(or_empty),
        _ => ParamOp::Alternative(or_empty),
    }
}
