//! Simple commands: their words, assignments and redirections.

use super::super::analysis::{Range32, RedirectionKind, Span, WordFlags, WordRec};
use super::{Quick, Status, is_reserved};

/// Redirections of one command.
const MOST_REDIRECTIONS: usize = 4;

impl Quick<'_> {
    /// A simple command and what it runs; the position is after it.
    pub(super) fn simple(&mut self) -> Option<Status> {
        let start = self.at;
        let mut last = start;
        self.first = self.out.words.len() as u32;
        let mut targets = [(RedirectionKind::Read, 0, WordRec::default()); MOST_REDIRECTIONS];
        let mut redirected = 0;
        let mut assignments = Range32::default();
        loop {
            match self.peek() {
                None | Some(b';' | b'|') => break,
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'&') if self.after() != Some(b'>') || self.at == start => break,
                Some(b'<') if self.after() == Some(b'(') => {
                    let word = self.process()?;
                    self.out.words.push(word);
                }
                Some(b'&' | b'<' | b'>') => {
                    *targets.get_mut(redirected)? = self.redirection(None)?;
                    redirected += 1;
                }
                Some(b'#') => {
                    self.comment()?;
                    break;
                }
                Some(b) if Some(b) == self.closer => break,
                Some(_) => {
                    let word = self.word()?;
                    let digits = || self.source(word.span).iter().all(u8::is_ascii_digit);
                    if matches!(self.peek(), Some(b'<' | b'>')) && digits() {
                        *targets.get_mut(redirected)? = self.redirection(Some(word))?;
                        redirected += 1;
                    } else if self.out.words.len() == self.first as usize && self.assigns(word.span) {
                        self.assignment(word, &mut assignments)?;
                    } else {
                        self.out.words.push(word);
                    }
                }
            }
            last = self.at;
        }
        let argv = Range32 { start: self.first, end: self.out.words.len() as u32 };
        if !assignments.is_empty() {
            if argv.is_empty() {
                return self.only_assignments(assignments, &targets[..redirected], Span::new(start, last));
            }
            self.before_command(assignments, argv)?;
        }
        let program = *self.out.words.get(argv.start as usize)?;
        let name = self.text.get(program.start as usize..(program.start + program.len) as usize)?;
        if program.flags != WordFlags::default() || program.start != program.span.start || is_reserved(name) {
            return None;
        }
        self.redirections = self.settle(&targets[..redirected]);
        let span = match argv.of(&self.out.words) {
            _ if self.depth == 0 => Span::new(start, last),
            [program, .., argument] => Span { start: program.span.start, end: argument.span.end },
            _ => program.span,
        };
        self.assignments = assignments;
        let status = self.execute(argv, span);
        for &(kind, fd, word) in &targets[..redirected] {
            let writes = matches!(kind, RedirectionKind::Write | RedirectionKind::Append);
            if self.captures.is_none() {
                self.files |= writes;
                continue;
            }
            // Of a substitution's output something must be left, and what it writes may be read by the next.
            if kind != RedirectionKind::Read && !(fd == 2 && (!writes || self.is(word, b"/dev/null"))) {
                return None;
            }
        }
        status
    }

    /// A comment, which goes on to the end of the text.
    #[cold]
    fn comment(&mut self) -> Option<()> {
        if self.closer.is_some() || self.captures.is_some() || self.text.get(self.at..)?.contains(&b'\n') {
            return None;
        }
        self.at = self.text.len();
        Some(())
    }
}
