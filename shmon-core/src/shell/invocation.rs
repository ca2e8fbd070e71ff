//! One program that would run, as the result shows it.

use super::analysis::{Analysis, Assignment, InvRec, Redirection, Span, Via, ViaKind, Word, WordRec};
use std::fmt;

/// One program that would run, with its arguments and how it was reached.
#[derive(Clone, Copy)]
pub struct Invocation<'a> {
    pub(super) all: &'a Analysis,
    pub(super) rec: &'a InvRec,
}

impl<'a> Invocation<'a> {
    /// Program and arguments; empty for assignments or redirections alone.
    pub fn argv(&self) -> Argv<'a> {
        Argv { text: &self.all.text, words: self.rec.argv.of(&self.all.words).iter() }
    }

    /// The word at `index`; 0 is the program.
    pub fn arg(&self, index: usize) -> Option<Word<'a>> {
        let at = self.rec.argv.start as usize + index;
        (at < self.rec.argv.end as usize).then(|| self.all.word(at as u32))
    }

    /// The program's name without its folder; empty where there is no program.
    pub fn program(&self) -> &'a [u8] {
        self.rec.program.of(&self.all.text)
    }

    /// How the invocation was reached, outermost first; empty for a plain command.
    pub fn via(&self) -> &'a [Via] {
        self.rec.via.of(&self.all.vias)
    }

    /// Whether it runs on another host.
    pub fn is_remote(&self) -> bool {
        self.via().iter().any(|v| v.kind == ViaKind::Remote)
    }

    /// Where it stands in the command: for a wrapped program the part that names it.
    pub fn span(&self) -> Span {
        self.rec.span
    }

    /// `NAME=value` before the program.
    pub fn assignments(&self) -> impl ExactSizeIterator<Item = Assignment<'a>> + 'a {
        let all = self.all;
        self.rec
            .assignments
            .of(&all.assignments)
            .iter()
            .map(move |&(name, value)| Assignment { name: all.word(name), value: all.word(value) })
    }

    /// Redirections of this invocation and of the compound commands around it, inner ones first.
    pub fn redirections(&self) -> impl ExactSizeIterator<Item = Redirection<'a>> + 'a {
        let all = self.all;
        self.rec.redirections.of(&all.redirections).iter().map(move |r| Redirection {
            kind: r.kind,
            fd: r.fd,
            target: all.word(r.target),
        })
    }

    /// The pipeline it belongs to: equal for all programs of one pipeline, and for nothing else.
    pub fn pipeline(&self) -> u32 {
        self.rec.pipeline
    }

    /// Its place in the pipeline, from 0.
    pub fn stage(&self) -> u32 {
        self.rec.stage
    }
}

impl fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("argv", &self.argv().collect::<Vec<_>>())
            .field("via", &self.via())
            .field("assignments", &self.assignments().collect::<Vec<_>>())
            .field("redirections", &self.redirections().collect::<Vec<_>>())
            .field("place", &(self.span(), self.pipeline(), self.stage()))
            .finish()
    }
}

/// The words of an invocation.
#[derive(Clone)]
pub struct Argv<'a> {
    text: &'a [u8],
    words: std::slice::Iter<'a, WordRec>,
}

impl<'a> Iterator for Argv<'a> {
    type Item = Word<'a>;

    #[inline]
    fn next(&mut self) -> Option<Word<'a>> {
        self.words.next().map(|word| word.of(self.text))
    }

    #[inline]
    fn nth(&mut self, n: usize) -> Option<Word<'a>> {
        self.words.nth(n).map(|word| word.of(self.text))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.words.size_hint()
    }
}

impl ExactSizeIterator for Argv<'_> {}
