//! Lists as zsh and fish have them: counted from 1, with ranges, and words that a list multiplies.

use super::Dialect;
use super::analysis::{Range32, Span, WordFlags, WordRec};
use super::arith;
use super::ast::{Param, Part, PartKind};
use super::machine::Machine;
use super::param_value::Shape;
use super::state::{Val, VarKind};

/// Words that one word of fish becomes.
const MOST_WORDS: usize = 256;

impl Machine<'_> {
    /// All elements of a list of fish; of `$$x`, of the lists that it names.
    pub(super) fn list_values(&mut self, param: &Param) -> Shape {
        let shape = if param.joined { Shape::Star } else { Shape::At };
        let mut names = vec![param.name];
        if param.indirect {
            names = match self.elements_of(param.name) {
                Some(values) if values.iter().all(|v| v.known) => values.iter().map(|v| v.range).collect(),
                _ => return Shape::Unknown,
            };
        }
        for name in names {
            let special = match self.text(name) {
                b"status" => Some(self.status.map(i64::from)),
                _ => None,
            };
            match special {
                Some(Some(status)) => {
                    let range = self.intern(status.to_string().as_bytes());
                    self.s.list.push(Val { range, known: true });
                    continue;
                }
                Some(None) => return Shape::Unknown,
                None => {}
            }
            match self.elements_of(name) {
                Some(values) => self.s.list.extend(values),
                // At the top there are no arguments.
                None if self.text(name) == b"argv" => {}
                None => return Shape::Unknown,
            }
        }
        shape
    }

    /// The values of a variable; `None` where it isn't set here.
    fn elements_of(&self, name: Range32) -> Option<Vec<Val>> {
        let var = self.s.vars.get(self.lookup(name)?)?;
        Some(match var.kind {
            VarKind::Unset => Vec::new(),
            VarKind::Scalar(value) => vec![value],
            VarKind::Array(range) | VarKind::Assoc(range) => {
                range.of(&self.s.elements).iter().map(|e| e.value).collect()
            }
        })
    }

    /// `$x[2]`, `$x[-1]`, `$x[2..3]` of fish, `$x[2,3]` of zsh: of a scalar of zsh its characters.
    pub(super) fn counted_from_one(&mut self, kind: VarKind, parts: Range32) -> Shape {
        let mark = self.s.build.len();
        let known = self.expand_text(parts, false);
        let text = self.s.build.split_off(mark);
        if !known {
            return Shape::Unknown;
        }
        let fish = self.dialect == Dialect::Fish;
        let mut ranges = Vec::new();
        let items: Vec<&[u8]> = if fish {
            text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect()
        } else {
            vec![&text]
        };
        for item in items.into_iter().take(64) {
            let split = if fish {
                memchr::memmem::find(item, b"..").map(|at| (&item[..at], &item[at + 2..]))
            } else {
                item.iter().position(|&b| b == b',').map(|at| (&item[..at], &item[at + 1..]))
            };
            let (from, to) = split.unwrap_or((item, item));
            let default = |text: &[u8], other: &'static [u8]| {
                if text.is_empty() { other.to_vec() } else { text.to_vec() }
            };
            let from = arith::evaluate(&default(from, b"1"), self);
            let to = arith::evaluate(&default(to, b"-1"), self);
            match (from, to) {
                (Some(from), Some(to)) => ranges.push((from, to, split.is_some())),
                _ => return Shape::Unknown,
            }
        }
        let (values, chars): (Vec<Val>, bool) = match kind {
            VarKind::Array(range) | VarKind::Assoc(range) => {
                (range.of(&self.s.elements).iter().map(|e| e.value).collect(), false)
            }
            VarKind::Scalar(value) if fish => (vec![value], false),
            VarKind::Scalar(value) if value.known => {
                let start = value.range.start;
                let one =
                    |i: u32| Val { range: Range32 { start: start + i, end: start + i + 1 }, known: true };
                ((0..value.range.len() as u32).map(one).collect(), true)
            }
            _ => return Shape::Unknown,
        };
        let count = values.len() as i64;
        let place = |n: i64| if n < 0 { count + n + 1 } else { n };
        let mut many = false;
        for (from, to, range) in ranges {
            many |= range;
            let (from, to) = (place(from), place(to));
            if chars {
                let (from, to) = (from.max(1), to.min(count));
                let (first, last) = (usize::try_from(from - 1), usize::try_from(to - 1));
                if let (Ok(first), Ok(last)) = (first, last)
                    && let (Some(first), Some(last)) = (values.get(first), values.get(last))
                    && first.range.start <= last.range.start
                {
                    let range = Range32 { start: first.range.start, end: last.range.end };
                    self.s.list.push(Val { range, known: true });
                }
                continue;
            }
            let backwards = fish && to < from;
            let (low, high) = if backwards { (to, from) } else { (from, to) };
            let at = self.s.list.len();
            for n in low.max(1)..=high.min(count) {
                self.s.list.extend(usize::try_from(n - 1).ok().and_then(|i| values.get(i)));
            }
            if backwards {
                self.s.list.get_mut(at..).unwrap_or(&mut []).reverse();
            }
        }
        if many && !chars || fish {
            return Shape::At;
        }
        if self.s.list.is_empty() { Shape::Unset } else { Shape::Scalar }
    }

    /// zsh: what stands in the place of a name.
    pub(super) fn inner_values(&mut self, parts: Range32, name: Range32) -> Shape {
        if parts.is_empty() {
            return Shape::Unset;
        }
        let mark = self.s.build.len();
        let known = self.expand_text(parts, false);
        let range = self.intern_built(mark);
        let range = if range.is_empty() { name } else { range };
        self.s.list.push(Val { range, known });
        Shape::Scalar
    }

    /// zsh: what the flags of `${(flags)…}` make of the values; `None` where that isn't known.
    pub(super) fn zsh_flags(
        &mut self,
        param: &Param,
        shape: Shape,
        mark: usize,
        quoted: bool,
    ) -> Option<Shape> {
        let flags = self.text(param.flags).to_vec();
        let at_sign = flags.contains(&b'@');
        let mut shape = shape;
        // In quotes a list is one word, unless `[@]` or `(@)` says otherwise.
        if quoted && shape == Shape::At && param.index.is_none() && !at_sign && self.text(param.name) != b"@"
        {
            shape = Shape::Star;
        }
        if flags.is_empty() && !param.split {
            return Some(shape);
        }
        if self.s.list.get(mark..)?.iter().any(|v| !v.known) {
            return None;
        }
        let mut values: Vec<Vec<u8>> =
            self.s.list.get(mark..)?.iter().map(|v| self.text(v.range).to_vec()).collect();
        let many = if quoted && !at_sign { Shape::Star } else { Shape::At };
        let blanks = |values: &[Vec<u8>]| -> Vec<Vec<u8>> {
            let words = values.iter().flat_map(|v| v.split(u8::is_ascii_whitespace));
            words.filter(|w| !w.is_empty()).map(<[u8]>::to_vec).collect()
        };
        let mut at = 0;
        while let Some(&flag) = flags.get(at) {
            at += 1;
            match flag {
                b'U' => values.iter_mut().for_each(|v| v.make_ascii_uppercase()),
                b'L' => values.iter_mut().for_each(|v| v.make_ascii_lowercase()),
                b'o' => values.sort(),
                b'O' => values.sort_by(|a, b| b.cmp(a)),
                b'Q' => values.iter_mut().for_each(|v| v.retain(|b| !matches!(b, b'\'' | b'"' | b'\\'))),
                b'z' => {
                    values = blanks(&values);
                    shape = many;
                }
                b'P' => {
                    let name = self.intern(values.first()?);
                    self.s.list.truncate(mark);
                    match self.elements_of(name) {
                        Some(found) if found.iter().all(|v| v.known) => {
                            values = found.iter().map(|v| self.text(v.range).to_vec()).collect();
                        }
                        _ => return None,
                    }
                }
                b'f' => {
                    values =
                        values.iter().flat_map(|v| v.split(|&b| b == b'\n')).map(<[u8]>::to_vec).collect();
                    shape = many;
                }
                b's' | b'j' => {
                    let open = *flags.get(at)?;
                    let len = flags.get(at + 1..)?.iter().position(|&b| b == open)?;
                    let by = flags.get(at + 1..at + 1 + len)?.to_vec();
                    at += len + 2;
                    if flag == b'j' {
                        values = vec![values.join(by.as_slice())];
                        shape = Shape::Scalar;
                    } else if by.is_empty() {
                        values = values.iter().flatten().map(|b| vec![*b]).collect();
                        shape = many;
                    } else {
                        let split = |v: &Vec<u8>| super::wrap::replace_all(v, &by, b"\0");
                        values = values
                            .iter()
                            .map(split)
                            .flat_map(|v| v.split(|&b| b == 0).map(<[u8]>::to_vec).collect::<Vec<_>>())
                            .collect();
                        shape = many;
                    }
                }
                _ => {}
            }
        }
        if param.split {
            values = blanks(&values);
            shape = many;
        }
        self.s.list.truncate(mark);
        for value in values.into_iter().take(MOST_WORDS) {
            let range = self.intern(&value);
            self.s.list.push(Val { range, known: true });
        }
        Some(shape)
    }

    /// A word of fish in which a list or an output stands beside other text: each combination is a word.
    pub(super) fn multiply(&mut self, parts: Range32, span: Span) -> bool {
        let list = |m: &Self, part: &Part| match part.kind {
            PartKind::Param => m.s.ast.params.get(part.index as usize).is_some_and(|p| !p.joined),
            PartKind::Command => true,
            _ => false,
        };
        if parts.len() < 2 || !parts.of(&self.s.ast.parts).iter().any(|part| list(self, part)) {
            return false;
        }
        let mut words: Vec<(Vec<u8>, WordFlags)> = vec![(Vec::new(), WordFlags::default())];
        for index in parts.start..parts.end {
            let Some(part) = self.s.ast.parts.get(index as usize).copied() else { break };
            let mark = self.s.fields.len();
            let mut field = self.open_field(true, false, span);
            self.part(part, &mut field);
            self.close_field(&mut field);
            let made: Vec<WordRec> = self.s.fields.drain(mark..).collect();
            let mut next = Vec::new();
            for value in &made {
                for (text, flags) in &words {
                    if next.len() >= MOST_WORDS || !self.reserve(text.len() + value.range().len()) {
                        break;
                    }
                    let mut flags = *flags;
                    flags.insert(value.flags);
                    next.push(([text.as_slice(), self.text(value.range())].concat(), flags));
                }
            }
            words = next;
        }
        for (text, flags) in words {
            let range = self.intern(&text);
            self.s.fields.push(WordRec { start: range.start, len: range.len() as u32, flags, span });
        }
        true
    }
}
