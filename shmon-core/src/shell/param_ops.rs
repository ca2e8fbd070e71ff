//! What the operators of `${…}` make of values: `#`, `%`, `/`, `^`, `,`, `@`, slices.

use super::analysis::Range32;
use super::ast::{Anchor, Param, ParamOp};
use super::machine::Machine;
use super::param_value::Shape;
use super::pattern;
use super::state::Val;

impl Machine<'_> {
    /// Applies the operator to the values on the list; false where the result isn't known.
    pub(super) fn operate(&mut self, param: &Param, shape: Shape, mark: usize) -> bool {
        match param.op {
            ParamOp::None | ParamOp::Default(_) | ParamOp::Assign(_) | ParamOp::Fail(_) => return true,
            ParamOp::Alternative(_) | ParamOp::Unknown => return false,
            ParamOp::Transform(_) if param.indirect => return true,
            _ => {}
        }
        if self.s.list.get(mark..).unwrap_or(&[]).is_empty() {
            return true;
        }
        if self.s.list.get(mark..).unwrap_or(&[]).iter().any(|v| !v.known) {
            return false;
        }
        if param.op == ParamOp::Slice {
            return self.slice_values(param, shape, mark);
        }
        let build = self.s.build.len();
        let pattern_known = self.expand_text(param.arg, !matches!(param.op, ParamOp::Transform(_)));
        let pattern = self.s.build.split_off(build);
        let mut replacement = Vec::new();
        let mut known = pattern_known;
        if let Some(second) = param.second {
            known &= self.expand_text(second, false);
            replacement = self.s.build.split_off(build);
        }
        if !known {
            return false;
        }
        for at in mark..self.s.list.len() {
            let Some(value) = self.s.list.get(at).copied() else { break };
            let mut steps = self.pattern_steps;
            let text = self.text(value.range);
            let made: Option<Vec<u8>> = match param.op {
                ParamOp::Prefix(longest) => {
                    let cut = pattern::prefix(&pattern, text, longest, &mut steps).unwrap_or(0);
                    Some(text[cut..].to_vec())
                }
                ParamOp::Suffix(longest) => {
                    let cut = pattern::suffix(&pattern, text, longest, &mut steps).unwrap_or(text.len());
                    Some(text[..cut].to_vec())
                }
                ParamOp::Replace(anchor) => Some(replace(text, &pattern, &replacement, anchor, &mut steps)),
                ParamOp::Case(sign, all) => Some(change_case(text, sign, all, &pattern, &mut steps)),
                ParamOp::Transform(kind) => transform(text, kind),
                ParamOp::PathPart(kind) => Some(path_part(text, kind)),
                _ => None,
            };
            self.pattern_steps = steps;
            let Some(made) = made else { return false };
            if !self.charge(value.range.len() / 64) {
                return false;
            }
            let range = self.intern(&made);
            if let Some(slot) = self.s.list.get_mut(at) {
                slot.range = range;
            }
        }
        true
    }

    fn slice_values(&mut self, param: &Param, shape: Shape, mark: usize) -> bool {
        let Some(offset) = self.arith(param.arg) else { return false };
        let length = match param.second {
            Some(parts) => match self.arith(parts) {
                Some(value) => Some(value),
                None => return false,
            },
            None => None,
        };
        if shape == Shape::Scalar {
            let Some(value) = self.s.list.get(mark).copied() else { return true };
            let text = self.text(value.range);
            let chars = std::str::from_utf8(text).ok().filter(|s| !s.is_ascii());
            let count = chars.map_or(text.len(), |s| s.chars().count());
            let Some((from, to)) = bounds(offset, length, count) else {
                if let Some(slot) = self.s.list.get_mut(mark) {
                    slot.range.end = slot.range.start;
                }
                return true;
            };
            let byte = |n: usize| chars.map_or(n, |s| s.char_indices().nth(n).map_or(s.len(), |(i, _)| i));
            let (from, to) = (byte(from) as u32, byte(to) as u32);
            if let Some(slot) = self.s.list.get_mut(mark) {
                slot.range = Range32 { start: value.range.start + from, end: value.range.start + to };
            }
            return true;
        }
        // `${@:0}` starts with `$0`.
        let positional = matches!(self.text(param.name), b"@" | b"*");
        if positional {
            let shape_mark = self.s.list.len();
            if self.named_zero() {
                self.s.list.get_mut(mark..).unwrap_or(&mut []).rotate_right(1);
            }
            debug_assert!(self.s.list.len() >= shape_mark);
        }
        let count = self.s.list.len() - mark;
        match bounds(offset, length, count) {
            Some((from, to)) => {
                self.s.list.truncate(mark + to);
                self.s.list.drain(mark..mark + from);
            }
            None => self.s.list.truncate(mark),
        }
        true
    }

    fn named_zero(&mut self) -> bool {
        let value = if self.zero.range.is_empty() {
            Val { range: self.intern(b"bash"), known: true }
        } else {
            self.zero
        };
        self.s.list.push(value);
        true
    }
}

/// Start and end of a slice of `count`, or `None` where it is empty.
fn bounds(offset: i64, length: Option<i64>, count: usize) -> Option<(usize, usize)> {
    let count = i64::try_from(count).ok()?;
    let from = if offset < 0 { count.checked_add(offset)? } else { offset };
    if from < 0 || from > count {
        return None;
    }
    let to = match length {
        None => count,
        Some(length) if length < 0 => count.checked_add(length)?,
        Some(length) => from.saturating_add(length).min(count),
    };
    if to < from {
        return None;
    }
    Some((usize::try_from(from).ok()?, usize::try_from(to).ok()?))
}

pub(super) fn replace(text: &[u8], pattern: &[u8], by: &[u8], anchor: Anchor, steps: &mut u32) -> Vec<u8> {
    if pattern.is_empty() {
        return match anchor {
            Anchor::Start => [by, text].concat(),
            Anchor::End => [text, by].concat(),
            _ => text.to_vec(),
        };
    }
    match anchor {
        Anchor::Start => match pattern::prefix(pattern, text, true, steps) {
            Some(len) => [by, &text[len..]].concat(),
            None => text.to_vec(),
        },
        Anchor::End => match pattern::suffix(pattern, text, true, steps) {
            Some(at) => [&text[..at], by].concat(),
            None => text.to_vec(),
        },
        Anchor::First | Anchor::All => {
            let mut out = Vec::with_capacity(text.len());
            let mut from = 0;
            while from <= text.len()
                && let Some((start, end)) = pattern::find(pattern, text, from, steps)
            {
                out.extend_from_slice(&text[from..start]);
                out.extend_from_slice(by);
                from = end;
                if start == end {
                    out.extend_from_slice(text.get(end..end + 1).unwrap_or(&[]));
                    from = end + 1;
                }
                if anchor == Anchor::First || out.len() > 1 << 20 {
                    break;
                }
            }
            out.extend_from_slice(text.get(from..).unwrap_or(&[]));
            out
        }
    }
}

fn change_case(text: &[u8], sign: u8, all: bool, pattern: &[u8], steps: &mut u32) -> Vec<u8> {
    let mut out = text.to_vec();
    for b in out.iter_mut().take(if all { usize::MAX } else { 1 }) {
        if !pattern.is_empty() && !pattern::matches(pattern, &[*b], steps) {
            continue;
        }
        *b = match sign {
            b'^' => b.to_ascii_uppercase(),
            b',' => b.to_ascii_lowercase(),
            _ if b.is_ascii_uppercase() => b.to_ascii_lowercase(),
            _ => b.to_ascii_uppercase(),
        };
    }
    out
}

/// `${x@U}` and its kin.
fn transform(text: &[u8], kind: u8) -> Option<Vec<u8>> {
    Some(match kind {
        b'U' => text.to_ascii_uppercase(),
        b'L' => text.to_ascii_lowercase(),
        b'u' => change_case(text, b'^', false, b"", &mut { pattern::MAX_STEPS }),
        b'E' => {
            let mut out = Vec::new();
            super::escapes::ansi_c(text, &mut out);
            out
        }
        b'Q' => {
            let mut out = vec![b'\''];
            for &b in text {
                if b == b'\'' {
                    out.extend_from_slice(b"'\\''");
                } else {
                    out.push(b);
                }
            }
            out.push(b'\'');
            out
        }
        // A prompt without anything to expand.
        b'P' if !text.iter().any(|b| matches!(b, b'\\' | b'$' | b'`' | b'!')) => text.to_vec(),
        _ => return None,
    })
}

/// `${x:t}` and its kin: the last part of a path, what is before it, without or only the ending.
fn path_part(text: &[u8], kind: u8) -> Vec<u8> {
    let slash = text.iter().rposition(|&b| b == b'/');
    let dot = text.iter().rposition(|&b| b == b'.').filter(|&dot| slash.is_none_or(|slash| dot > slash));
    let part = match (kind, slash, dot) {
        (b't', Some(slash), _) => &text[slash + 1..],
        (b'h', Some(0), _) => b"/",
        (b'h', Some(slash), _) => &text[..slash],
        (b'h', None, _) => b".",
        (b'r', _, Some(dot)) => &text[..dot],
        (b'e', _, Some(dot)) => &text[dot + 1..],
        (b'e', _, None) => b"",
        _ => text,
    };
    part.to_vec()
}
