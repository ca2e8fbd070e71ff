//! Brace expansion: `{a,b}`, `{1..9}`, `{a..e..2}`, nested, with a bound on how many words come of it.

use super::analysis::{IssueKind, Range32, Span};
use super::ast::{Part, PartKind, WordNode};
use super::machine::Machine;

/// Words of one brace expansion that are looked at.
const MAX_WORDS: usize = 1024;

impl Machine<'_> {
    /// Expands the braces of a word into fields; false where there turn out to be none.
    pub(super) fn expand_braces(&mut self, word: WordNode, span: Span) -> bool {
        let range = word.parts.start as usize..word.parts.end as usize;
        let parts: Vec<Part> = self.s.ast.parts.get(range).unwrap_or(&[]).to_vec();
        let mut words = Vec::new();
        let mut expander = Expander { machine: self, made: 0, over: false };
        expander.expand(&parts, &mut words, 0);
        let over = expander.over;
        if over {
            self.issue(IssueKind::Budget, span);
        }
        if words.len() == 1 && words[0].len() == parts.len() {
            return false;
        }
        for parts in words {
            let start = self.s.ast.parts.len() as u32;
            if !self.charge(parts.len()) {
                break;
            }
            self.s.ast.parts.extend_from_slice(&parts);
            let end = self.s.ast.parts.len() as u32;
            self.expand_field(Range32 { start, end }, span);
            self.s.ast.parts.truncate(start as usize);
        }
        true
    }
}

struct Expander<'m, 'a> {
    machine: &'m mut Machine<'a>,
    made: usize,
    over: bool,
}

impl Expander<'_, '_> {
    /// Appends every expansion of `parts` to `out`.
    fn expand(&mut self, parts: &[Part], out: &mut Vec<Vec<Part>>, depth: u32) {
        let Some((open, close, commas)) = find_braces(parts, 0).filter(|_| depth < 24) else {
            self.made += 1;
            if self.made > MAX_WORDS {
                self.over = true;
            } else {
                out.push(parts.to_vec());
            }
            return;
        };
        let mut middles: Vec<Vec<Part>> = Vec::new();
        if commas.is_empty() {
            match self.sequence(&parts[open + 1..close]) {
                Some(sequence) => middles.extend(sequence.into_iter().map(|p| vec![p])),
                None => {
                    // Not an expansion: the brace is literal, what follows may hold one.
                    let mut tails = Vec::new();
                    self.expand(&parts[open + 1..], &mut tails, depth + 1);
                    self.made = self.made.saturating_sub(tails.len());
                    return self.combine(&parts[..=open], &[Vec::new()], &tails, out);
                }
            }
        } else {
            let mut from = open + 1;
            for &comma in commas.iter().chain([&close]) {
                let before = self.made;
                self.expand(&parts[from..comma], &mut middles, depth + 1);
                self.made = before;
                from = comma + 1;
            }
        }
        let mut tails = Vec::new();
        let before = self.made;
        self.expand(&parts[close + 1..], &mut tails, depth + 1);
        self.made = before;
        self.combine(&parts[..open], &middles, &tails, out);
    }

    fn combine(
        &mut self,
        head: &[Part],
        middles: &[Vec<Part>],
        tails: &[Vec<Part>],
        out: &mut Vec<Vec<Part>>,
    ) {
        for middle in middles {
            for tail in tails {
                self.made += 1;
                if self.made > MAX_WORDS || !self.machine.charge((head.len() + middle.len() + tail.len()) / 8)
                {
                    self.over = true;
                    return;
                }
                let mut word = Vec::with_capacity(head.len() + middle.len() + tail.len());
                word.extend_from_slice(head);
                word.extend_from_slice(middle);
                word.extend_from_slice(tail);
                out.push(word);
            }
        }
    }

    /// `a..b` or `a..b..step` between braces.
    fn sequence(&mut self, parts: &[Part]) -> Option<Vec<Part>> {
        let [part] = parts else { return None };
        if part.kind != PartKind::Literal || part.flags != 0 {
            return None;
        }
        let text = self.machine.text(Range32 { start: part.start, end: part.end });
        let text = std::str::from_utf8(text).ok()?.to_owned();
        let mut fields = text.split("..");
        let (first, last) = (fields.next()?, fields.next()?);
        let step = match fields.next() {
            Some(step) => step.parse::<i64>().ok()?.unsigned_abs().max(1),
            None => 1,
        };
        if fields.next().is_some() {
            return None;
        }
        let letter = |s: &str| match s.as_bytes() {
            [b] if b.is_ascii_alphabetic() => Some(i64::from(*b)),
            _ => None,
        };
        let (from, to, letters) = match (first.parse::<i64>(), last.parse::<i64>()) {
            (Ok(from), Ok(to)) => (from, to, false),
            _ => (letter(first)?, letter(last)?, true),
        };
        let padded =
            |s: &str| s.trim_start_matches('-').starts_with('0') && s.trim_start_matches('-').len() > 1;
        let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
        let mut values = Vec::new();
        let mut value = from;
        let mut text = String::new();
        for _ in 0..=MAX_WORDS {
            if (from <= to && value > to) || (from > to && value < to) {
                break;
            }
            text.clear();
            use std::fmt::Write as _;
            if letters {
                text.push(char::from(value as u8));
            } else if write!(text, "{value:0width$}").is_err() {
                return None;
            }
            let range = self.machine.intern(text.as_bytes());
            values.push(Part {
                kind: PartKind::Literal,
                flags: 0,
                start: range.start,
                end: range.end,
                index: 0,
            });
            let step = i64::try_from(step).unwrap_or(i64::MAX);
            value = if from <= to { value.saturating_add(step) } else { value.saturating_sub(step) };
        }
        Some(values)
    }
}

/// The first balanced pair of braces from `from` on: indices of `{`, `}` and the commas directly between them.
fn find_braces(parts: &[Part], from: usize) -> Option<(usize, usize, Vec<usize>)> {
    let mut open = from + parts.get(from..)?.iter().position(|p| p.kind == PartKind::BraceOpen)?;
    let mut scans = 0;
    loop {
        let mut depth = 0;
        let mut commas = Vec::new();
        for (i, part) in parts.iter().enumerate().skip(open) {
            match part.kind {
                PartKind::BraceOpen => depth += 1,
                PartKind::BraceComma if depth == 1 => commas.push(i),
                PartKind::BraceClose => {
                    depth -= 1;
                    if depth == 0 {
                        return Some((open, i, commas));
                    }
                }
                _ => {}
            }
        }
        // Unclosed: a later brace may be closed. A bound keeps a heap of unclosed ones linear.
        scans += 1;
        if scans > 8 {
            return None;
        }
        open += 1 + parts.get(open + 1..)?.iter().position(|p| p.kind == PartKind::BraceOpen)?;
    }
}
