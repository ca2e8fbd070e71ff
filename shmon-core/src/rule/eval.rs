//! Conditions over invocations: a walk over bytecode that stops at the first test that fails.

use super::compiler::features::head_bit;
use super::compiler::layout::{PROGRAM_WORDS, node_words, op};
use super::options::{Arguments, Spellings};
use super::present::Present;
use super::scratch::{Facts, Slots};
use super::strtest::{LazyRegex, Pairs, Subject, holds};
use super::view::{Slot, View};
use crate::classifier::Context;
use crate::shell::{Analysis, Dialect, Invocation, IssueKind, RedirectionKind, ViaKind, WordFlags};

/// How many other invocations conditions may look at in one command: keeps nested `then` and `also` linear.
const LOOKS: u32 = 100_000 * LOOK;
const LOOK: u32 = 64;
const PASS: u32 = 1;

/// Evaluates conditions for one command.
pub(crate) struct Machine<'a> {
    pub(crate) view: View<'a>,
    pub(crate) regexes: &'a [LazyRegex],
    pub(crate) command: &'a [u8],
    pub(crate) analysis: &'a Analysis,
    pub(crate) context: &'a Context<'a>,
    pub(crate) arguments: &'a mut Arguments,
    pub(crate) present: &'a mut Present,
    pairs: &'a Pairs,
    pub(crate) slots: &'a Slots,
    pub(crate) looks: u32,
}

/// The invocation that a condition is about.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) index: usize,
    pub(crate) invocation: Invocation<'a>,
    pub(crate) slot: Slot,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(
        view: View<'a>,
        regexes: &'a [LazyRegex],
        command: &'a [u8],
        analysis: &'a Analysis,
        context: &'a Context<'a>,
        facts: &'a mut Facts,
    ) -> Self {
        let Facts { arguments, present, pairs, slots } = facts;
        arguments.reset();
        present.another_layer();
        pairs.forget();
        Machine { view, regexes, command, analysis, context, arguments, present, pairs, slots, looks: LOOKS }
    }

    fn subject(&self, word: crate::shell::Word<'a>) -> Subject<'a> {
        Subject::new(word.bytes, word.flags, self.pairs)
    }

    fn plain(&self, bytes: &'a [u8]) -> Subject<'a> {
        Subject::new(bytes, WordFlags::default(), self.pairs)
    }

    /// The rules of the group at `at` that are worth asking, as bits.
    #[inline]
    pub(crate) fn candidates(&mut self, at: usize, here: Here<'a>) -> u64 {
        self.present.candidates(self.view, at, here, self.analysis, self.slots.last())
    }

    /// Whether what a condition needs is there, so that it is worth asking.
    #[inline]
    pub(crate) fn met(&mut self, need: u32, here: Here<'a>) -> bool {
        need == 0 || self.present.met(self.view, need as usize, here, self.analysis)
    }

    /// Whether the node at `pc` holds for an invocation (`None`: the command as a whole).
    pub(crate) fn node(&mut self, pc: usize, here: Option<Here<'a>>) -> bool {
        let v = self.view;
        let head = v.word(pc);
        let end = pc + node_words(head);
        let code = head & 0xFF;
        match code {
            op::ALL => return self.each(pc + 1, end, here, false),
            op::ANY => return self.each(pc + 1, end, here, true),
            op::NONE => return !self.each(pc + 1, end, here, true),
            op::TEXT => return self.text(pc + 1, end, &self.plain(self.command)),
            op::ROOT => return self.context.root == Some(v.word(pc + 1) != 0),
            op::SSH => return self.context.ssh == Some(v.word(pc + 1) != 0),
            op::SHELL => {
                let bit = match self.context.dialect {
                    Dialect::Bash => 1,
                    Dialect::Sh => 2,
                    Dialect::Zsh => 4,
                    Dialect::Fish => 8,
                };
                return v.word(pc + 1) & bit != 0;
            }
            op::USER => {
                return self.context.user.is_some_and(|u| self.text(pc + 1, end, &self.plain(u.as_bytes())));
            }
            op::HIDING => {
                let found = self.analysis.obfuscations();
                return !found.is_empty()
                    && (pc + 1 == end
                        || (pc + 1..end)
                            .step_by(2)
                            .any(|at| found.iter().any(|o| o.kind.as_bytes() == v.text(at))));
            }
            op::ISSUE => {
                let mask = v.word(pc + 1);
                return self.analysis.issues().iter().any(|i| mask >> issue_bit(i.kind) & 1 != 0);
            }
            _ => {}
        }
        let Some(here) = here else { return false };
        let inv = here.invocation;
        match code {
            op::PROGRAM => {
                let name = inv.program();
                let heads = u64::from(v.word(pc + 1)) | u64::from(v.word(pc + 2)) << 32;
                if heads & head_bit(name) == 0 {
                    return false;
                }
                (pc + PROGRAM_WORDS..end).step_by(3).any(|at| {
                    let want = v.text(at);
                    if v.word(at + 2) != 0 { name.starts_with(want) } else { name == want }
                })
            }
            op::PATH => inv.arg(0).is_some_and(|w| self.text(pc + 1, end, &self.subject(w))),
            op::FLAG => {
                self.read(here);
                Spellings::new(v, pc + 1).present(self.arguments, &inv)
            }
            op::OPTION => {
                self.read(here);
                let spellings = Spellings::new(v, pc + 1);
                let test = spellings.end();
                let (regexes, spec, pairs) = (self.regexes, v.slot_spec(here.slot), self.pairs);
                spellings.any_value(self.arguments, spec, &inv, |value| {
                    holds(v, regexes, test, end, &Subject::new(value.bytes, value.word.flags, pairs))
                })
            }
            op::SUBCOMMAND => {
                self.read(here);
                subcommand(v, pc, self.arguments, &inv).is_some()
            }
            op::OPERAND => {
                self.read(here);
                self.operand(pc, end, inv)
            }
            op::OPERANDS => {
                self.read(here);
                (v.at(pc + 1)..=v.at(pc + 2)).contains(&self.arguments.operands.len())
            }
            op::ARG => inv.argv().skip(1).any(|w| self.text(pc + 1, end, &self.subject(w))),
            op::ARGS => (v.at(pc + 1)..=v.at(pc + 2)).contains(&inv.argv().len().saturating_sub(1)),
            op::REDIRECT => {
                let (mask, fd) = (v.word(pc + 1), v.word(pc + 2) as i32);
                inv.redirections().any(|r| {
                    mask & redirect_bit(r.kind) != 0
                        && (fd == i32::MIN || fd == r.fd)
                        && self.text(pc + 3, end, &self.subject(r.target))
                })
            }
            op::BODY => inv.redirections().any(|r| {
                matches!(r.kind, RedirectionKind::Heredoc | RedirectionKind::HereString)
                    && self.text(pc + 1, end, &self.subject(r.target))
            }),
            op::ASSIGN => self.assign(pc, end, inv),
            op::VIA => {
                let mask = v.word(pc + 1);
                inv.via().iter().any(|via| {
                    mask >> via_bit(via.kind) & 1 != 0
                        || (pc + 2..end).step_by(2).any(|at| {
                            let want = v.text(at);
                            let name = via.name.as_bytes();
                            name == want || name.split(|&b| b == b' ').next() == Some(want)
                        })
                })
            }
            op::PIPE => {
                let direction = v.word(pc + 1);
                let (pipeline, stage) = (inv.pipeline(), inv.stage());
                self.others(pc + 2, here, |other| {
                    other.pipeline() == pipeline
                        && match direction {
                            0 => other.stage() > stage,
                            1 => other.stage() < stage,
                            2 => other.stage() == stage + 1,
                            _ => other.stage() + 1 == stage,
                        }
                })
            }
            op::ALSO => self.others(pc + 1, here, |_| true),
            op::THEN => {
                let from = here.index;
                self.others_from(pc + 1, from + 1, here, |_| true)
            }
            _ => false,
        }
    }

    fn each(&mut self, mut pc: usize, end: usize, here: Option<Here<'a>>, some: bool) -> bool {
        while pc < end {
            if self.node(pc, here) == some {
                return some;
            }
            pc += node_words(self.view.word(pc));
        }
        !some
    }

    #[inline]
    fn text(&self, pc: usize, end: usize, subject: &Subject<'_>) -> bool {
        holds(self.view, self.regexes, pc, end, subject)
    }

    fn read(&mut self, here: Here<'a>) {
        self.arguments.read(self.view, self.view.slot_spec(here.slot), here.index, &here.invocation);
    }

    fn operand(&self, pc: usize, end: usize, inv: Invocation<'a>) -> bool {
        let v = self.view;
        let (nth, from, every) = (v.word(pc + 1) as i32, v.word(pc + 2) as i32, v.word(pc + 3) != 0);
        let operands = &self.arguments.operands;
        let place = |n: i32| -> Option<usize> {
            if n > 0 { Some(n as usize - 1) } else { operands.len().checked_sub(n.unsigned_abs() as usize) }
        };
        let range = match (nth, from) {
            (0, 0) => Some(&operands[..]),
            (0, from) => place(from).and_then(|i| operands.get(i..)),
            (nth, _) => place(nth).and_then(|i| operands.get(i..=i)),
        };
        let Some(range) = range.filter(|r| !r.is_empty()) else { return false };
        let mut tests = range
            .iter()
            .map(|&i| inv.arg(i as usize).is_some_and(|w| self.text(pc + 4, end, &self.subject(w))));
        if every { tests.all(|t| t) } else { tests.any(|t| t) }
    }

    fn assign(&self, pc: usize, end: usize, inv: Invocation<'a>) -> bool {
        let names = pc + 2;
        let values = names + self.view.at(pc + 1);
        let fits = |name: Subject<'_>, value: Subject<'_>| {
            self.text(names, values, &name) && self.text(values, end, &value)
        };
        if inv.assignments().any(|a| fits(self.subject(a.name), self.subject(a.value))) {
            return true;
        }
        if !takes_assignments(inv.program()) {
            return false;
        }
        inv.argv().skip(1).any(|w| {
            let Some(equals) = w.bytes.iter().position(|&b| b == b'=') else { return false };
            let (name, value) = (&w.bytes[..equals], &w.bytes[equals + 1..]);
            fits(Subject::new(name, w.flags, self.pairs), Subject::new(value, w.flags, self.pairs))
        })
    }

    fn others(&mut self, pc: usize, here: Here<'a>, filter: impl Fn(&Invocation<'a>) -> bool) -> bool {
        self.others_from(pc, 0, here, filter)
    }

    fn others_from(
        &mut self,
        pc: usize,
        from: usize,
        here: Here<'a>,
        filter: impl Fn(&Invocation<'a>) -> bool,
    ) -> bool {
        let analysis = self.analysis;
        for (index, invocation) in analysis.invocations().enumerate().skip(from) {
            // Passing by costs less than a look, but thousands of programs pass by thousands.
            let passes = index == here.index || !filter(&invocation);
            match self.looks.checked_sub(if passes { PASS } else { LOOK }) {
                Some(left) => self.looks = left,
                None => return false,
            }
            if passes {
                continue;
            }
            let slot = self.view.program(invocation.program());
            if self.node(pc, Some(Here { index, invocation, slot })) {
                return true;
            }
        }
        false
    }
}

/// Programs whose arguments may be assignments.
pub(crate) fn takes_assignments(program: &[u8]) -> bool {
    matches!(program, b"export" | b"declare" | b"typeset" | b"local" | b"readonly" | b"env" | b"sudo")
}

/// How many operands the words of a SUBCOMMAND node take, where they are there.
fn subcommand(v: View<'_>, pc: usize, arguments: &Arguments, inv: &Invocation<'_>) -> Option<usize> {
    let end = pc + (v.word(pc) >> 8) as usize;
    let mut at = pc + 1;
    let mut nth = 0;
    while at < end {
        let next = at + 1 + 3 * v.at(at);
        let word = arguments.operands.get(nth).and_then(|&i| inv.arg(i as usize))?;
        let fits = (at + 1..next).step_by(3).any(|a| {
            let want = v.text(a);
            if v.word(a + 2) != 0 { word.bytes.starts_with(want) } else { word.bytes == want }
        });
        if !fits {
            return None;
        }
        at = next;
        nth += 1;
    }
    Some(nth)
}

/// The same for the first that fits of several, which an ANY node holds.
pub(crate) fn subcommands(
    v: View<'_>,
    pc: usize,
    arguments: &Arguments,
    inv: &Invocation<'_>,
) -> Option<usize> {
    let end = pc + (v.word(pc) >> 8) as usize;
    let mut at = pc + 1;
    while at < end {
        if let Some(words) = subcommand(v, at, arguments, inv) {
            return Some(words);
        }
        at += node_words(v.word(at));
    }
    None
}

pub(crate) fn redirect_bit(kind: RedirectionKind) -> u32 {
    match kind {
        RedirectionKind::Read => 1,
        RedirectionKind::Write => 2,
        RedirectionKind::Append => 4,
        RedirectionKind::ReadWrite => 8,
        RedirectionKind::Duplicate => 16,
        RedirectionKind::Heredoc => 32,
        RedirectionKind::HereString => 64,
    }
}

fn via_bit(kind: ViaKind) -> u32 {
    match kind {
        ViaKind::Wrapper => 0,
        ViaKind::ShellString => 1,
        ViaKind::ShellInput => 2,
        ViaKind::Substitution => 3,
        ViaKind::Decoded => 4,
        ViaKind::Definition => 5,
        ViaKind::Remote => 6,
        ViaKind::Container => 7,
        ViaKind::Scheduled => 8,
    }
}

fn issue_bit(kind: IssueKind) -> u32 {
    match kind {
        IssueKind::UnsetVariable => 0,
        IssueKind::CommandOutput => 1,
        IssueKind::Glob => 2,
        IssueKind::Depth => 3,
        IssueKind::Budget => 4,
        IssueKind::Syntax => 5,
        IssueKind::ExternalScript => 6,
    }
}
