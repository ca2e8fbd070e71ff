//! Findings of a loop: one for each value is told once, with the count.

use super::set::Hit;
use crate::shell::{Analysis, Invocation};

/// Findings before it with which one is compared: what a loop's body holds.
const WINDOW: usize = 16;

/// Folds hits of one rule whose invocations stand at the same place and differ only in values; the first stays.
pub(super) fn fold(hits: &mut Vec<Hit>, analysis: &Analysis) {
    if hits.len() < 2 {
        return;
    }
    let mut kept: usize = 0;
    for at in 0..hits.len() {
        let Some(&hit) = hits.get(at) else { break };
        let before = hits.get_mut(kept.saturating_sub(WINDOW)..kept).unwrap_or(&mut []);
        let same = before.iter_mut().rev().find(|other| {
            other.rule == hit.rule && other.layer == hit.layer && differ_in_values(analysis, other, &hit)
        });
        match same {
            Some(other) => other.count = other.count.saturating_add(1),
            None => {
                hits[kept] = hit;
                kept += 1;
            }
        }
    }
    hits.truncate(kept);
}

fn differ_in_values(analysis: &Analysis, one: &Hit, other: &Hit) -> bool {
    at_one_place(analysis, one.invocation as usize, other.invocation as usize)
}

/// Whether two invocations stand at the same place and differ only in values.
pub(super) fn at_one_place(analysis: &Analysis, one: usize, other: usize) -> bool {
    let (Some(one), Some(other)) = (analysis.invocation(one), analysis.invocation(other)) else {
        return false;
    };
    one.span() == other.span()
        && one.argv().len() == other.argv().len()
        && one.via() == other.via()
        && alike(&one, &other)
}

/// The same program, and each word from the same place; where no word has a place of its own (decoded text), the same words.
fn alike(one: &Invocation<'_>, other: &Invocation<'_>) -> bool {
    let whole = one.span();
    let mut placed = false;
    let mut equal = true;
    for (index, (a, b)) in one.argv().zip(other.argv()).enumerate() {
        if a.span != b.span || (index == 0 && a.bytes != b.bytes) {
            return false;
        }
        placed |= a.span != whole;
        equal &= a.bytes == b.bytes;
    }
    placed || equal
}
