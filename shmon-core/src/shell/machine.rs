//! The abstract evaluation: it walks the tree in the order in which bash would run it, with what the text itself
//! makes known, and collects invocations. Nothing is executed; steps, bytes and depth are bounded. Shells inside shells are in
//! `scope`, their output in `capture`.

use super::Dialect;
use super::analysis::{Analysis, InvRec, Issue, IssueKind, Obfuscation, Range32, Span, Via, ViaKind};
use super::ast::NodeId;
use super::capture::Sink;
use super::parser;
use super::state::{Input, Origin, Region, State, Val};
use super::work::worked;

/// Nodes, words and iterations that are looked at.
const MAX_STEPS: u32 = 60_000;
/// Bytes that may be derived besides the command's own, in addition to four times its length.
const MAX_DERIVED: usize = 1 << 20;
/// Invocations that are listed.
const MAX_INVOCATIONS: usize = 4_096;
/// Nesting of evaluation: commands, expansions, strings handed to shells, functions.
const MAX_EVAL_DEPTH: u32 = 100;
/// Searches of the command for text that was derived from it.
const MAX_SEARCHES: u32 = 32;
/// Issues and signs that are listed of each.
const MAX_NOTES: usize = 64;

/// Why the walk stops short of the next command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break(u32),
    Continue(u32),
    Return,
    Exit,
}

pub(super) struct Machine<'a> {
    pub(super) a: &'a mut Analysis,
    pub(super) s: &'a mut State,
    pub(super) dialect: Dialect,
    pub(super) depth: u32,
    steps: u32,
    bytes_left: usize,
    pub(super) flow: Flow,
    /// Above 0 in a branch that may not be taken.
    pub(super) uncertain: u32,
    /// How many such branches were begun, and the number of the one at hand.
    pub(super) branches: u32,
    pub(super) branch: u32,
    /// A jump out of a loop was passed over because it was uncertain.
    pub(super) jump_skipped: bool,
    /// The last exit status, where known.
    pub(super) status: Option<i32>,
    pub(super) input: Input,
    pub(super) sink: Sink,
    /// Whether everything captured so far is the true output.
    pub(super) out_known: bool,
    /// The positional parameters, a range of `State::args`; `None` at the top, where there are none.
    pub(super) args: Range32,
    /// Functions below this index belong to an outer shell: only exported ones are seen.
    pub(super) function_base: usize,
    /// Loops around the command, as `break` counts them.
    pub(super) loops: u32,
    /// Variables below this index belong to an outer shell and are shadowed, not changed.
    pub(super) var_base: usize,
    /// Variables below the first index are those of another environment, which aren't seen; below the second only
    /// exported ones are.
    pub(super) environment: (usize, usize),
    /// `set -a`: what is assigned is exported.
    pub(super) export_all: bool,
    /// `shopt -s nocasematch`
    pub(super) any_case: bool,
    /// Aliases below this index belong to an outer shell.
    pub(super) alias_base: usize,
    /// Counts changes of variables, to see whether a loop goes on.
    pub(super) changes: u32,
    /// Texts under way that `source` reads.
    pub(super) sourced: u32,
    /// The number of the function call under way, 0 outside.
    pub(super) frame: u32,
    pub(super) frames: u32,
    pub(super) pipeline: u32,
    pub(super) pipelines: u32,
    pub(super) stage: u32,
    /// The program that decoded what is on its way through a pipe.
    pub(super) decoded: Option<&'static str>,
    /// Arrays among the arguments of a `declare` that is about to run, as a range of the tree's assignments.
    pub(super) declared_arrays: Range32,
    /// Inside a stage of a pipeline, to which inner commands then belong.
    pub(super) in_stage: bool,
    /// `exec` without a program ran: its redirections stay.
    pub(super) keeps_redirections: bool,
    /// The redirections and assignments in force, as ranges of the result.
    pub(super) redirections: Range32,
    pub(super) assignments: Range32,
    /// Whether the positional parameters are known: inside functions and strings handed to shells.
    pub(super) args_set: bool,
    /// Steps that are left for patterns.
    pub(super) pattern_steps: u32,
    /// Texts for shells that stand in the command were parsed up to here.
    pub(super) in_place: u32,
    /// Searches for derived text that are left.
    searches: u32,
    pub(super) budget_spent: bool,
    /// `$0`
    pub(super) zero: Val,
    /// `$_`: the last word of the command before.
    pub(super) last_word: Option<Val>,
}

/// Analyses `command` into `out`.
pub(super) fn run(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    out.begin(command);
    go_on(command, dialect, out);
}

/// Analyses `command`, with which `out` began, into it.
pub(super) fn go_on(command: &[u8], dialect: Dialect, out: &mut Analysis) {
    out.restart(command.len());
    let mut state = out.state.take().unwrap_or_default();
    state.clear();
    // Offsets are 32 bits wide.
    let len = command.len().min(u32::MAX as usize / 4);
    let mut machine = Machine {
        a: out,
        s: &mut state,
        dialect,
        depth: 0,
        steps: MAX_STEPS,
        bytes_left: MAX_DERIVED + len.saturating_mul(4),
        flow: Flow::Next,
        uncertain: 0,
        branches: 0,
        keeps_redirections: false,
        branch: 0,
        jump_skipped: false,
        status: Some(0),
        input: Input::Terminal,
        sink: Sink::Discard,
        out_known: true,
        args: Range32::default(),
        function_base: 0,
        loops: 0,
        var_base: 0,
        environment: (0, 0),
        export_all: false,
        any_case: false,
        alias_base: 0,
        changes: 0,
        frame: 0,
        sourced: 0,
        frames: 0,
        pipeline: 0,
        pipelines: 0,
        stage: 0,
        decoded: None,
        declared_arrays: Range32::default(),
        in_stage: false,
        redirections: Range32::default(),
        assignments: Range32::default(),
        args_set: false,
        pattern_steps: super::pattern::MAX_STEPS,
        in_place: 0,
        searches: MAX_SEARCHES,
        budget_spent: false,
        zero: Val::default(),
        last_word: None,
    };
    let range = Range32 { start: 0, end: len as u32 };
    if super::obfuscation::only_symbols(command) {
        machine.sign("symbols", Span::new(0, len));
    }
    machine.source(range, Origin::Exact(0));
    machine.finish_traps();
    out.state = Some(state);
}

/// Where in `outer` the text stands, but for a newline at its end. Before it are quotes, at most a few bytes: `'…'`, `"…"`,
/// `$'…'`, `--command='…'`.
pub(super) fn verbatim(outer: &[u8], text: &[u8]) -> Option<usize> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let last = outer.len().checked_sub(text.len()).filter(|_| !text.is_empty())?;
    (0..=last.min(16)).find(|&skip| outer[skip..].starts_with(text))
}

/// Parses `command` alone, with the buffers of `scratch`, and shows the tree to `look`.
pub(super) fn parsed(
    command: &[u8],
    dialect: Dialect,
    scratch: &mut Analysis,
    look: impl FnOnce(&super::ast::Ast, NodeId) -> Option<Span>,
) -> Option<Span> {
    scratch.begin(command);
    let mut state = scratch.state.take().unwrap_or_default();
    state.clear();
    let len = command.len().min(u32::MAX as usize / 4);
    let range = Range32 { start: 0, end: len as u32 };
    let (root, trouble) = parser::parse(command, &scratch.classes, range, dialect, &mut state.ast);
    look(&state.ast, root);
    scratch.state = Some(state);
    let at = trouble.syntax.or(trouble.depth)?;
    Some(Span { start: at, end: range.end })
}

impl Machine<'_> {
    /// Takes one step; false, with an issue, where the budget is spent.
    pub(super) fn step(&mut self) -> bool {
        worked(1);
        if self.steps == 0 {
            self.over_budget();
            return false;
        }
        self.steps -= 1;
        true
    }

    /// Takes many steps at once, for work that grows with a length.
    pub(super) fn charge(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_sub(steps as u32);
        self.step()
    }

    pub(super) fn over_budget(&mut self) {
        if !self.budget_spent {
            self.budget_spent = true;
            let span = Span::new(0, self.a.text.len().min(self.command_len()));
            self.issue(IssueKind::Budget, span);
        }
        self.flow = Flow::Exit;
        self.steps = 0;
    }

    fn command_len(&self) -> usize {
        self.s.regions.first().map_or(0, |r| r.end as usize)
    }

    /// Reserves room for derived bytes; false where the budget is spent.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        worked(bytes);
        if self.bytes_left < bytes {
            self.bytes_left = 0;
            self.over_budget();
            return false;
        }
        self.bytes_left -= bytes;
        true
    }

    /// Goes one level deeper; false, with an issue, where that is too deep.
    pub(super) fn deeper(&mut self, span: Span) -> bool {
        if self.depth >= MAX_EVAL_DEPTH {
            self.issue(IssueKind::Depth, span);
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn text(&self, range: Range32) -> &[u8] {
        self.a.text.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    /// Puts derived bytes into the buffer.
    pub(super) fn intern(&mut self, bytes: &[u8]) -> Range32 {
        if !self.reserve(bytes.len()) {
            return Range32::default();
        }
        let start = self.a.text.len() as u32;
        self.a.text.extend_from_slice(bytes);
        Range32 { start, end: self.a.text.len() as u32 }
    }

    /// Moves what was built since `mark` into the buffer.
    pub(super) fn intern_built(&mut self, mark: usize) -> Range32 {
        let len = self.s.build.len().saturating_sub(mark);
        let range = if self.reserve(len) {
            let start = self.a.text.len() as u32;
            self.a.text.extend_from_slice(self.s.build.get(mark..).unwrap_or(&[]));
            Range32 { start, end: self.a.text.len() as u32 }
        } else {
            Range32::default()
        };
        self.s.build.truncate(mark);
        range
    }

    /// The same, without a copy where the text has it at `source` already.
    pub(super) fn settle_built(&mut self, mark: usize, source: Range32) -> Range32 {
        if self.s.build.get(mark..).is_some_and(|built| !built.is_empty() && built == self.text(source)) {
            self.s.build.truncate(mark);
            return source;
        }
        self.intern_built(mark)
    }

    pub(super) fn issue(&mut self, kind: IssueKind, span: Span) {
        let issue = Issue { kind, span };
        if self.a.issues.len() < MAX_NOTES && !self.a.issues.contains(&issue) {
            self.a.issues.push(issue);
        }
    }

    pub(super) fn sign(&mut self, kind: &'static str, span: Span) {
        let sign = Obfuscation { kind, span };
        if self.a.obfuscations.len() < MAX_NOTES && !self.a.obfuscations.contains(&sign) {
            self.a.obfuscations.push(sign);
        }
    }

    /// The part of the command from which these bytes of the buffer come.
    pub(super) fn span(&self, range: Range32) -> Span {
        let regions = &self.s.regions;
        if let Some(first) = regions.first()
            && range.start < first.end
        {
            return Span { start: range.start, end: range.end.min(first.end) };
        }
        let index = regions.partition_point(|r| r.start <= range.start);
        match index.checked_sub(1).and_then(|i| regions.get(i)) {
            Some(region) => match region.origin {
                Origin::Exact(offset) if range.start < region.end || range.is_empty() => {
                    // The region may end in a newline that a here-string or `echo` has added.
                    let most = self.command_len() as u32;
                    let to = |at: u32| (offset + (at.min(region.end) - region.start)).min(most);
                    Span { start: to(range.start), end: to(range.end) }
                }
                // Made up since, from nothing that stands in the command.
                Origin::Exact(_) => Span::default(),
                Origin::Whole(span) => span,
            },
            None => Span::default(),
        }
    }

    /// Where text that stands in the command at `span` comes from: byte for byte where it is found there verbatim.
    pub(super) fn origin(&self, text: Range32, span: Span) -> Origin {
        let outer = self.a.text.get(span.start as usize..span.end as usize).unwrap_or(&[]);
        match verbatim(outer, self.text(text)) {
            Some(skip) => Origin::Exact(span.start + skip as u32),
            None => Origin::Whole(span),
        }
    }

    /// Where derived text stands verbatim in the command; a bound on the searches keeps work linear.
    pub(super) fn locate(&mut self, text: Range32) -> Option<Span> {
        let len = self.command_len();
        let inner = self.text(text);
        let inner = inner.strip_suffix(b"\n").unwrap_or(inner);
        if self.searches == 0 || inner.len() < 2 || inner.len() > len {
            return None;
        }
        worked(len);
        let at = memchr::memmem::find(self.a.text.get(..len)?, inner);
        let span = at.map(|at| Span::new(at, at + inner.len()));
        self.searches -= 1;
        span
    }

    /// Parses and evaluates text in the current shell.
    pub(super) fn source(&mut self, range: Range32, origin: Origin) {
        let node = self.parse(range, origin);
        self.exec(node);
    }

    pub(super) fn parse(&mut self, range: Range32, origin: Origin) -> NodeId {
        // It stands in the command and isn't parsed for the second time: spans are what they are.
        if matches!(origin, Origin::Exact(at) if at == range.start)
            && self.s.regions.first().is_some_and(|command| range.end <= command.end)
            && range.start >= self.in_place
        {
            self.in_place = range.end;
            return self.parse_range(range);
        }
        // Parsed again (an alias, a loop): a copy keeps regions sorted and spans right.
        let sorted = self.s.regions.last().is_none_or(|r| r.end <= range.start);
        let range = if sorted {
            range
        } else {
            let len = range.len();
            if !self.reserve(len) {
                return super::ast::EMPTY;
            }
            let start = self.a.text.len() as u32;
            self.a.text.extend_from_within(range.start as usize..range.end as usize);
            Range32 { start, end: start + len as u32 }
        };
        self.s.regions.push(Region { start: range.start, end: range.end, origin });
        self.parse_range(range)
    }

    fn parse_range(&mut self, range: Range32) -> NodeId {
        let (node, trouble) =
            parser::parse(&self.a.text, &self.a.classes, range, self.dialect, &mut self.s.ast);
        if let Some(at) = trouble.depth {
            let span = self.span(Range32 { start: at, end: range.end });
            self.issue(IssueKind::Depth, span);
        }
        if let Some(at) = trouble.syntax {
            let span = self.span(Range32 { start: at, end: range.end });
            self.issue(IssueKind::Syntax, span);
        }
        node
    }

    /// Lists an invocation.
    pub(super) fn emit(&mut self, argv: Range32, assignments: Range32, span: Span) {
        if self.a.invocations.len() >= MAX_INVOCATIONS {
            self.over_budget();
            return;
        }
        let via = self.via_range();
        let program = match argv.of(&self.a.words) {
            [program, ..] => program.range().base(&self.a.text),
            [] => Range32::default(),
        };
        let rec = InvRec {
            argv,
            program,
            assignments,
            redirections: self.redirections,
            via,
            span,
            pipeline: self.pipeline,
            stage: self.stage,
        };
        self.a.invocations.push(rec);
    }

    /// The current path in the result; the one of the last invocation serves again where it is the same.
    fn via_range(&mut self) -> Range32 {
        if self.s.via.is_empty() {
            return Range32::default();
        }
        if let Some(last) = self.a.invocations.last()
            && last.via.of(&self.a.vias) == self.s.via.as_slice()
        {
            return last.via;
        }
        let start = self.a.vias.len() as u32;
        self.a.vias.extend_from_slice(&self.s.via);
        Range32 { start, end: self.a.vias.len() as u32 }
    }

    /// A step of the given kind.
    pub(super) const fn via(kind: ViaKind, name: &'static str) -> Via {
        Via { kind, name }
    }
}
