//! `[[ … ]]`, as far as its operands are known.

use super::analysis::Range32;
use super::arith;
use super::ast::{PART_QUOTED, PartKind, WORD_OPERATOR, WORD_PLAIN, WordNode};
use super::basic_regex;
use super::machine::Machine;
use super::pattern;
use super::state::{Element, Val, VarKind};

impl Machine<'_> {
    /// The truth of a conditional, where it is known. Substitutions inside are run in any case.
    pub(super) fn conditional(&mut self, words: Range32) -> Option<bool> {
        let mut at = words.start;
        let truth = self.cond_or(&mut at, words.end, 0);
        if at < words.end {
            // Not understood: the rest is still expanded for what it runs.
            while at < words.end {
                self.expand_value(self.s.ast.word(at));
                at += 1;
            }
            return None;
        }
        truth
    }

    fn is_operator(&self, at: u32, end: u32, sign: &[u8]) -> bool {
        if at >= end {
            return false;
        }
        let word = self.s.ast.word(at);
        word.flags & WORD_OPERATOR != 0 && self.word_text(word) == sign
    }

    fn word_text(&self, word: WordNode) -> &[u8] {
        self.text(Range32 { start: word.start, end: word.end })
    }

    fn cond_or(&mut self, at: &mut u32, end: u32, depth: u32) -> Option<bool> {
        let mut left = self.cond_and(at, end, depth);
        while self.is_operator(*at, end, b"||") {
            *at += 1;
            let right = self.cond_and(at, end, depth);
            left = match (left, right) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        left
    }

    fn cond_and(&mut self, at: &mut u32, end: u32, depth: u32) -> Option<bool> {
        let mut left = self.cond_not(at, end, depth);
        while self.is_operator(*at, end, b"&&") {
            *at += 1;
            let right = self.cond_not(at, end, depth);
            left = match (left, right) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        left
    }

    fn cond_not(&mut self, at: &mut u32, end: u32, depth: u32) -> Option<bool> {
        let mut negated = false;
        while self.is_operator(*at, end, b"!") {
            *at += 1;
            negated = !negated;
        }
        let truth = if self.is_operator(*at, end, b"(") && depth < 32 {
            *at += 1;
            let truth = self.cond_or(at, end, depth + 1);
            if self.is_operator(*at, end, b")") {
                *at += 1;
            }
            truth
        } else {
            self.cond_primary(at, end)
        };
        truth.map(|t| t != negated)
    }

    fn cond_primary(&mut self, at: &mut u32, end: u32) -> Option<bool> {
        if *at >= end {
            return None;
        }
        let first = self.s.ast.word(*at);
        *at += 1;
        let text = self.word_text(first);
        let unary = text.len() == 2 && text[0] == b'-' && text[1].is_ascii_alphabetic();
        let next_is_operand = *at < end && self.s.ast.word(*at).flags & WORD_OPERATOR == 0;
        if unary && next_is_operand && !self.is_binary(*at, end) {
            let kind = text[1];
            let operand = self.s.ast.word(*at);
            *at += 1;
            let value = self.expand_value(operand);
            let empty = value.range.is_empty();
            return match kind {
                b'n' if value.known => Some(!empty),
                b'z' if value.known => Some(empty),
                b'v' if value.known => {
                    if self.lookup(value.range).is_some() {
                        Some(true)
                    } else {
                        None
                    }
                }
                _ => None,
            };
        }
        let left = self.expand_value(first);
        if *at >= end || !self.is_binary(*at, end) {
            return left.known.then_some(!left.range.is_empty());
        }
        let operator = self.s.ast.word(*at);
        *at += 1;
        if *at >= end {
            return None;
        }
        let right = self.s.ast.word(*at);
        *at += 1;
        self.compare(left, operator, right)
    }

    fn is_binary(&self, at: u32, end: u32) -> bool {
        if at >= end {
            return false;
        }
        matches!(
            self.word_text(self.s.ast.word(at)),
            b"=" | b"=="
                | b"!="
                | b"=~"
                | b"<"
                | b">"
                | b"-eq"
                | b"-ne"
                | b"-lt"
                | b"-le"
                | b"-gt"
                | b"-ge"
                | b"-nt"
                | b"-ot"
                | b"-ef"
        )
    }

    fn compare(&mut self, left: Val, operator: WordNode, right: WordNode) -> Option<bool> {
        let sign = self.word_text(operator).to_vec();
        match sign.as_slice() {
            b"=" | b"==" | b"!=" => {
                let mark = self.s.build.len();
                let known = self.expand_pattern(right);
                let pattern = self.s.build.split_off(mark);
                if !known || !left.known {
                    return None;
                }
                let mut steps = self.pattern_steps;
                let found = if self.any_case {
                    let (pattern, text) =
                        (pattern.to_ascii_lowercase(), self.text(left.range).to_ascii_lowercase());
                    pattern::matches(&pattern, &text, &mut steps)
                } else {
                    pattern::matches(&pattern, self.text(left.range), &mut steps)
                };
                self.pattern_steps = steps;
                Some(found == (sign != b"!="))
            }
            b"<" | b">" => {
                let right = self.expand_value(right);
                if !left.known || !right.known {
                    return None;
                }
                let (l, r) = (self.text(left.range), self.text(right.range));
                Some(if sign == b"<" { l < r } else { l > r })
            }
            b"-eq" | b"-ne" | b"-lt" | b"-le" | b"-gt" | b"-ge" => {
                let right = self.expand_value(right);
                if !left.known || !right.known {
                    return None;
                }
                let (l, r) = (self.text(left.range).to_vec(), self.text(right.range).to_vec());
                let (l, r) = (arith::evaluate(&l, self)?, arith::evaluate(&r, self)?);
                Some(match sign.as_slice() {
                    b"-eq" => l == r,
                    b"-ne" => l != r,
                    b"-lt" => l < r,
                    b"-le" => l <= r,
                    b"-gt" => l > r,
                    _ => l >= r,
                })
            }
            b"=~" => self.regex_matches(left, right),
            _ => {
                self.expand_value(right);
                None
            }
        }
    }

    /// `[[ … =~ … ]]`: quoted parts stand for themselves, and the groups are left in `BASH_REMATCH`.
    fn regex_matches(&mut self, left: Val, right: WordNode) -> Option<bool> {
        let mark = self.s.build.len();
        let mut known = left.known;
        if right.flags & WORD_PLAIN != 0 {
            known &= self.expand_pattern(right);
        }
        for index in right.parts.start..right.parts.end {
            let Some(part) = self.s.ast.parts.get(index as usize).copied() else { break };
            let start = self.s.build.len();
            known &= self.expand_text(Range32 { start: index, end: index + 1 }, false);
            if part.flags & PART_QUOTED != 0 || part.kind == PartKind::AnsiC {
                let text = self.s.build.split_off(start);
                for b in text {
                    if b.is_ascii_punctuation() {
                        self.s.build.push(b'\\');
                    }
                    self.s.build.push(b);
                }
            }
        }
        let pattern = self.s.build.split_off(mark);
        let text = self.text(left.range).to_vec();
        if !known || text.len() > 1 << 12 || !self.charge(64 + pattern.len() + text.len() / 16) {
            self.forget_groups();
            return None;
        }
        let compiled = basic_regex::compile(&pattern, true, self.any_case);
        let Some(captures) = compiled.and_then(|mut pattern| pattern.captures(&text, 0)) else {
            self.forget_groups();
            return None;
        };
        let groups: Vec<Vec<u8>> = captures
            .iter()
            .map(|group| group.and_then(|span| text.get(span.range())).unwrap_or(&[]).to_vec())
            .collect();
        let found = captures.is_match();
        let name = self.intern(b"BASH_REMATCH");
        let at = self.var_for(name);
        let mut range = Range32 { start: self.s.elements.len() as u32, end: self.s.elements.len() as u32 };
        for (index, group) in groups.iter().enumerate().filter(|_| found) {
            let value = Val { range: self.intern(group), known: true };
            let index = i64::try_from(index).unwrap_or(0);
            self.s.elements.push(Element { index, key: Range32::default(), value });
            range.end += 1;
        }
        self.s.vars[at].kind = VarKind::Array(range);
        self.changes += 1;
        Some(found)
    }

    /// What matched isn't known.
    fn forget_groups(&mut self) {
        let name = self.intern(b"BASH_REMATCH");
        if let Some(at) = self.lookup(name) {
            self.s.vars.remove(at);
            self.changes += 1;
        }
    }
}
