//! Rules that nearly matched: what test kept each from firing. A slow walk for people; `eval` answers for everybody else.

use super::RuleScratch;
use super::compiler::hash::letter_bit;
use super::compiler::layout::*;
use super::eval::{Here, Machine};
use super::fold::at_one_place;
use super::set::{Hit, RuleSet};
use super::view::View;
use crate::classifier::Context;
use crate::shell::Analysis;
use crate::{Level, Text};

/// Rules that are told for one invocation, and for all of them.
const MOST: usize = 2;
const MOST_OF_ALL: usize = 6;
/// A list with more entries than this isn't one thing that is missing.
const LONGEST_LIST: usize = 4;

/// A rule that an invocation's program asks, and that failed a single test.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearMiss {
    /// The rule's id.
    pub rule: String,
    /// The level that it would have given.
    pub level: Level,
    /// The rule's title.
    pub title: Text,
    /// The invocation, as an index of the analysis.
    pub invocation: usize,
    /// The test that failed, in the words of the rules' language: `flag -f, --force`, `not arg …`.
    pub failed: String,
}

impl RuleSet {
    /// The rules that nearly matched, by invocation, the highest level first.
    pub(crate) fn near_misses(
        &self,
        command: &[u8],
        analysis: &Analysis,
        context: &Context<'_>,
        scratch: &mut RuleScratch,
    ) -> Vec<NearMiss> {
        let mut all = Vec::new();
        let hits = std::mem::take(&mut scratch.hits);
        // A rule that would not raise the level of what it asks is no news.
        let reached = |index: usize| {
            let of_this = |h: &&Hit| {
                let other = h.invocation as usize;
                other == index || h.count > 1 && at_one_place(analysis, other, index)
            };
            hits.iter().filter(of_this).map(|h| h.level).max().unwrap_or(Level::Low)
        };
        for layer in self.layers() {
            let view = layer.view();
            let mut machine =
                Machine::new(view, layer.regexes(), command, analysis, context, &mut scratch.facts);
            for (index, invocation) in analysis.invocations().enumerate().take(64) {
                let slot = view.program(invocation.program());
                let here = Here { index, invocation, slot };
                let (groups, mut at) = View::slot_rules(view.slot(slot));
                for _ in 0..groups {
                    let first = at + G_WORDS + view.at(at + G_GATES) * GATE_WORDS;
                    let count = view.at(at + G_RULES);
                    for rule in (0..count).map(|i| first + i * D_WORDS) {
                        let number = view.word(rule + D_RULE);
                        let Some(level) = layer.level(number) else { continue };
                        let cond = view.at(rule + D_COND);
                        let Some((failed, held)) = failure(&mut machine, cond, here) else { continue };
                        let option = ["flag", "option", "subcommand"].iter().any(|o| failed.starts_with(o));
                        let listed = failed.matches("; ").count().max(failed.matches(", ").count());
                        // One thing that is missing from what is there already: most rules ask more than a name.
                        let near = held > 0 && (option || listed < LONGEST_LIST);
                        if near && level > reached(index) {
                            all.push((
                                held,
                                NearMiss {
                                    rule: view.rule_id(number).to_owned(),
                                    level,
                                    title: view.rule_text(number, R_TITLE_EN),
                                    invocation: index,
                                    failed,
                                },
                            ));
                        }
                    }
                    at = first + count * D_WORDS;
                }
            }
        }
        scratch.hits = hits;
        all.sort_by_key(|(held, near)| (near.invocation, std::cmp::Reverse((near.level, *held))));
        let mut all: Vec<NearMiss> = all.into_iter().map(|(_, near)| near).collect();
        let mut told = (usize::MAX, 0);
        all.retain(|near| {
            told = if told.0 == near.invocation { (told.0, told.1 + 1) } else { (near.invocation, 1) };
            told.1 <= MOST
        });
        if all.len() > MOST_OF_ALL {
            all.sort_by_key(|near| std::cmp::Reverse(near.level));
            all.truncate(MOST_OF_ALL);
            all.sort_by_key(|near| near.invocation);
        }
        all
    }
}

/// The single test of a condition that fails, and how many hold beside it; `None` where the condition holds or more
/// than one test fails.
fn failure<'a>(machine: &mut Machine<'a>, cond: usize, here: Here<'a>) -> Option<(String, usize)> {
    if cond == 0 || machine.node(cond, Some(here)) {
        return None;
    }
    let view = machine.view;
    if view.word(cond) & 0xFF != op::ALL {
        return Some((describe(view, cond, 0), 0));
    }
    let tests: Vec<usize> = children(view, cond).collect();
    let mut failed = tests.iter().copied().filter(|&test| !machine.node(test, Some(here)));
    let (only, None) = (failed.next()?, failed.next()) else { return None };
    drop(failed);
    if view.word(only) & 0xFF == op::ALL {
        return failure(machine, only, here);
    }
    // That something isn't there holds of nearly every command.
    let held = tests.iter().filter(|&&test| test != only && view.word(test) & 0xFF != op::NONE).count();
    Some((describe(view, only, 0), held))
}

fn end(view: View<'_>, pc: usize) -> usize {
    pc + node_words(view.word(pc))
}

/// The nodes inside an ALL, ANY or NONE.
fn children(view: View<'_>, pc: usize) -> impl Iterator<Item = usize> {
    nodes(view, pc + 1, end(view, pc))
}

fn nodes(view: View<'_>, from: usize, to: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(from), move |&at| Some(end(view, at))).take_while(move |&at| at < to)
}

/// A node in the words of the rules' language.
fn describe(view: View<'_>, pc: usize, depth: u32) -> String {
    let code = view.word(pc) & 0xFF;
    let to = end(view, pc);
    let joined = |from: usize, by: &str| {
        if depth > 4 {
            return "…".to_owned();
        }
        let all: Vec<String> =
            nodes(view, from, to).take(6).map(|at| describe(view, at, depth + 1)).collect();
        all.join(by)
    };
    let strings = |from: usize, stride: usize| {
        let all: Vec<&str> = (from..to).step_by(stride).take(8).map(|at| view.str(at)).collect();
        all.join(", ")
    };
    let named = |name: &str, from: usize| format!("{name} {}", joined(from, " and "));
    match code {
        op::ALL => joined(pc + 1, " and "),
        op::ANY => format!("any of ({})", joined(pc + 1, "; ")),
        op::NONE => format!("not ({})", joined(pc + 1, "; ")),
        op::PROGRAM => format!("program {}", strings(pc + PROGRAM_WORDS, 3)),
        op::PATH => named("path", pc + 1),
        op::FLAG => format!("flag {}", spellings(view, pc + 1)),
        op::OPTION => {
            let test = pc + 1 + SPELLING_WORDS + 3 * view.at(pc + SPELLING_WORDS);
            format!("option {} {}", spellings(view, pc + 1), joined(test, " and "))
        }
        op::SUBCOMMAND => {
            let mut words = Vec::new();
            let mut at = pc + 1;
            while at < to && words.len() < 4 {
                let next = at + 1 + 3 * view.at(at);
                let all: Vec<&str> = (at + 1..next).step_by(3).map(|a| view.str(a)).collect();
                words.push(all.join("|"));
                at = next;
            }
            format!("subcommand {}", words.join(" "))
        }
        op::OPERAND => named("operand", pc + 4),
        op::OPERANDS => format!("{} operands", count(view, pc + 1)),
        op::ARG => named("argument", pc + 1),
        op::ARGS => format!("{} arguments", count(view, pc + 1)),
        op::REDIRECT => named("redirection to", pc + 3),
        op::BODY => named("heredoc", pc + 1),
        op::ASSIGN => "an assignment".to_owned(),
        op::PIPE => named("in the same pipeline:", pc + 2),
        op::ALSO => named("also", pc + 1),
        op::THEN => named("then", pc + 1),
        op::VIA => format!("reached through {}", strings(pc + 2, 2)),
        op::TEXT => named("text", pc + 1),
        op::HIDING => format!("hidden by {}", strings(pc + 1, 2)),
        op::ISSUE => "something unresolved".to_owned(),
        op::USER => named("user", pc + 1),
        op::ROOT => "as root".to_owned(),
        op::SSH => "over SSH".to_owned(),
        op::SHELL => "another shell".to_owned(),
        op::LIST => format!("any of ({})", joined(pc + view.at(pc + op::LIST_OFFSETS), "; ")),
        _ => string_test(view, pc, code, depth),
    }
}

fn string_test(view: View<'_>, pc: usize, code: u32, depth: u32) -> String {
    let name = match code & !op::NOCASE {
        op::IS => "is",
        op::PREFIX => "begins with",
        op::SUFFIX => "ends with",
        op::CONTAINS => "contains",
        op::WORD => "has the word",
        op::GLOB => "matches",
        op::REGEX => {
            let place = view.at(H_REGEX_AT) + 1 + 2 * view.at(pc + 1);
            return format!("matches /{}/", view.str(place));
        }
        op::SET => {
            let at = view.at(pc + 1);
            let entries = (0..=view.at(at)).map(|slot| at + 1 + slot * 2);
            let all: Vec<&str> =
                entries.filter(|&e| view.word(e + 1) != u32::MAX).take(8).map(|e| view.str(e)).collect();
            return format!("is one of {}", all.join(", "));
        }
        op::WORD_FLAG => return "is written in a certain way".to_owned(),
        op::LENGTH => return format!("has {} bytes", count(view, pc + 1)),
        _ if depth > 4 => return "…".to_owned(),
        _ => return "a test".to_owned(),
    };
    // Backslashes stay single: they are the pattern's own.
    format!("{name} {}", format!("{:?}", view.str(pc + 1)).replace("\\\\", "\\"))
}

/// How many, between two bounds.
fn count(view: View<'_>, at: usize) -> String {
    match (view.word(at), view.word(at + 1)) {
        (0, u32::MAX) => "any number of".to_owned(),
        (least, u32::MAX) => format!("at least {least}"),
        (0, most) => format!("at most {most}"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least} to {most}"),
    }
}

/// The spellings of an option: letters, then long names.
fn spellings(view: View<'_>, at: usize) -> String {
    let mask = u64::from(view.word(at)) | u64::from(view.word(at + 1)) << 32;
    let letters = (b'!'..=b'~').filter(|&b| letter_bit(b).is_some_and(|bit| mask >> bit & 1 != 0));
    let mut all: Vec<String> = letters.map(|b| format!("-{}", char::from(b))).collect();
    for i in 0..view.at(at + SPELLING_WORDS - 1) {
        let name = at + SPELLING_WORDS + 3 * i;
        let dashes = if view.word(name + 2) == u32::MAX { "" } else { "--" };
        all.push(format!("{dashes}{}", view.str(name)));
    }
    all.join(", ")
}
