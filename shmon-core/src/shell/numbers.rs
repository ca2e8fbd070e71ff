//! Arithmetic over the shell's variables.

use super::analysis::Range32;
use super::arith::{self, Names};
use super::ast::PartKind;
use super::machine::Machine;
use super::state::{Val, VarKind};

impl Machine<'_> {
    /// The value of an expression, where it is known.
    pub(super) fn arith(&mut self, parts: Range32) -> Option<i64> {
        if parts.is_empty() {
            return Some(0);
        }
        let mark = self.s.build.len();
        // A single literal is the common case; command substitutions inside are run in any case.
        let known = self.expand_text(parts, false);
        let text = self.s.build.split_off(mark);
        if !known || !self.charge(text.len() / 32) {
            // `$((x + $(f)))`: assignments inside are lost, which a later use shows as unknown.
            self.changes += 1;
            return None;
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            return Some(0);
        }
        arith::evaluate(&text, self)
    }

    /// Whether parts hold anything but literal text.
    pub(super) fn has_expansion(&self, parts: Range32) -> bool {
        parts.of(&self.s.ast.parts).iter().any(|p| p.kind != PartKind::Literal)
    }
}

impl Names for Machine<'_> {
    fn get(&mut self, name: &[u8], index: Option<i64>) -> Option<i64> {
        let value = match self.lookup_bytes(name) {
            // Unset counts as 0; names of the environment are hardly ever numbers.
            None => return if name == b"RANDOM" || name == b"SECONDS" { None } else { Some(0) },
            Some(at) => match self.s.vars.get(at)?.kind {
                VarKind::Unset => return Some(0),
                VarKind::Scalar(value) => value,
                VarKind::Array(range) => {
                    let index = index.unwrap_or(0);
                    match range.of(&self.s.elements).iter().find(|e| e.index == index) {
                        Some(element) => element.value,
                        None => return Some(0),
                    }
                }
                VarKind::Assoc(_) => return None,
            },
        };
        if !value.known {
            return None;
        }
        let text = self.text(value.range).trim_ascii().to_vec();
        if text.is_empty() {
            return Some(0);
        }
        let (sign, digits) = match text.strip_prefix(b"-") {
            Some(rest) => (-1, rest),
            None => (1, &text[..]),
        };
        if let Some(number) = arith::literal(digits) {
            return Some(number.wrapping_mul(sign));
        }
        // The value may be an expression itself; a bound ends `a=a`.
        if !self.deeper(super::Span::default()) {
            return None;
        }
        let number = if self.charge(16) { arith::evaluate(&text, self) } else { None };
        self.depth -= 1;
        number
    }

    fn set(&mut self, name: &[u8], index: Option<i64>, value: Option<i64>) {
        let name = match self.lookup_bytes(name) {
            Some(at) => self.s.vars[at].name,
            None => self.intern(name),
        };
        let text = value.map_or_else(String::new, |v| v.to_string());
        let val = Val { range: self.intern(text.as_bytes()), known: value.is_some() };
        match index {
            Some(index) => {
                let at = self.var_for(name);
                self.set_element(at, Some(index), Range32::default(), val);
            }
            None => self.assign(name, val),
        }
    }
}
