//! Commands of one program and plain words: most of what people type.

use super::super::analysis::{Analysis, InvRec, Range32, Span, WordRec};
use super::super::masks::BLOCK;
use super::super::wrappers::{self, Action, Builtin};
use super::is_reserved;

/// What a command of plain words is.
pub(super) enum Plain {
    /// One of a program that just runs: it was put into the result.
    Runs,
    /// One of a program that may run others: its words, and where they stand.
    Known(Range32, Span),
}

/// Reads a command that is made of plain words and spaces into `out`; `None`, and no words, where it is another.
#[inline]
pub(super) fn read(command: &[u8], out: &mut Analysis) -> Option<Plain> {
    if !out.classes.are_plain() {
        return None;
    }
    let read = words(command, out).and_then(|()| program(command, out));
    if read.is_none() {
        out.words.clear();
    }
    read
}

/// Puts the words into `out`; `None` where one begins a comment.
#[inline]
fn words(command: &[u8], out: &mut Analysis) -> Option<()> {
    let words = &mut out.words;
    let mut word = |start: usize, end: usize| {
        if command.get(start) == Some(&b'#') {
            return None;
        }
        words.push(WordRec::plain(start, end));
        Some(())
    };
    let mut start = 0;
    for (number, block) in out.classes.blocks.iter().enumerate() {
        let mut spaces = block.spaces;
        while spaces != 0 {
            let end = number * BLOCK + spaces.trailing_zeros() as usize;
            if start < end {
                word(start, end)?;
            }
            start = end + 1;
            spaces &= spaces - 1;
        }
    }
    if start < command.len() { word(start, command.len()) } else { Some(()) }
}

/// Looks at the program; `None` where it is no name of one.
#[inline]
fn program(command: &[u8], out: &mut Analysis) -> Option<Plain> {
    let (first, last) = (out.words.first()?.span, out.words.last()?.span);
    let span = Span { start: first.start, end: last.end };
    let argv = Range32 { start: 0, end: out.words.len() as u32 };
    let name = command.get(first.start as usize..first.end as usize)?;
    if is_reserved(name) || (out.classes.has_separators() && name.contains(&b'=')) {
        return None;
    }
    let (base, entry) = wrappers::program(name);
    if entry.is_some_and(|entry| !just_runs(&entry.action)) {
        return Some(Plain::Known(argv, span));
    }
    let program = Range32 { start: first.start + base as u32, end: first.end };
    out.invocations.push(InvRec {
        argv,
        program,
        assignments: Range32::default(),
        redirections: Range32::default(),
        via: Range32::default(),
        span,
        pipeline: 1,
        stage: 0,
    });
    Some(Plain::Runs)
}

/// Whether a program does nothing to the reading where it is the whole command.
fn just_runs(action: &Action) -> bool {
    matches!(
        action,
        Action::Silent
            | Action::Copy
            | Action::Rm
            | Action::Mkdir
            | Action::Tee
            | Action::Cat
            | Action::Which
            | Action::Printenv
            | Action::Builtin(
                Builtin::Other | Builtin::Test | Builtin::Shopt | Builtin::True | Builtin::Echo
            )
    )
}
