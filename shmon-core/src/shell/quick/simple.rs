//! Simple commands: their words, assignments and redirections.

use super::super::analysis::{Analysis, Range32, Span, WordFlags, WordRec};
use super::super::chars::{END, GLOB, is};
use super::{Quick, Status, is_reserved};

impl Quick<'_> {
    /// A simple command and what it runs; the position is after it.
    pub(super) fn simple(&mut self) -> Option<Status> {
        let start = self.at;
        let mut last = start;
        self.first = self.out.words.len() as u32;
        let targets = self.out.targets.len();
        let mut assignments = Range32::default();
        let mut assigns = self.may_assign();
        loop {
            if !assigns {
                self.words(&mut last);
            }
            match self.peek() {
                None | Some(b';' | b'|') => break,
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'&') if self.after() != Some(b'>') || self.at == start => break,
                Some(b'<' | b'>') if self.after() == Some(b'(') => {
                    let word = self.process()?;
                    self.out.words.push(word);
                }
                Some(b'&' | b'<' | b'>') => self.redirect(None, targets)?,
                Some(b'#') => {
                    self.comment()?;
                    break;
                }
                Some(b) if Some(b) == self.closer => break,
                Some(b'"' | b'$') if self.out.words.len() > self.first as usize && self.vanishing() > 0 => {
                    // The span of the first invocation of all ends behind it.
                    (self.depth == 0 || !self.out.invocations.is_empty()).then_some(())?;
                    self.at += self.vanishing();
                }
                Some(_) => {
                    let word = self.word()?;
                    let digits = || self.source(word.span).iter().all(u8::is_ascii_digit);
                    if matches!(self.peek(), Some(b'<' | b'>')) && digits() {
                        self.redirect(Some(word), targets)?;
                    } else if self.out.words.len() == self.first as usize && self.assigns(word.span) {
                        self.assignment(word, &mut assignments)?;
                    } else {
                        self.out.words.push(word);
                    }
                }
            }
            last = self.at;
            assigns = self.out.words.len() == self.first as usize;
        }
        let argv = Range32 { start: self.first, end: self.out.words.len() as u32 };
        if !assignments.is_empty() {
            if argv.is_empty() {
                return self.only_assignments(assignments, targets, Span::new(start, last));
            }
            self.before_command(assignments, argv)?;
        }
        let program = *self.out.words.get(argv.start as usize).filter(|_| !argv.is_empty())?;
        let name = self.text.get(program.start as usize..(program.start + program.len) as usize)?;
        let bare = program.flags == WordFlags::default() && program.start == program.span.start;
        if (bare && is_reserved(name)) || !(bare || self.is_told(program) || self.may_be_nothing(program)) {
            return None;
        }
        self.redirections = self.settle(targets);
        let span = match argv.of(&self.out.words) {
            _ if self.depth == 0 => Span::new(start, last),
            [program, .., argument] => Span { start: program.span.start, end: argument.span.end },
            _ => program.span,
        };
        self.assignments = assignments;
        let status = self.execute(argv, span);
        if self.out.targets.len() > targets {
            self.redirected(targets)?;
        }
        status
    }

    /// Takes the words and spaces from the position on up to what has to be looked at more closely: words that are plain, that
    /// are one quoted text, an escaped byte or `{}`, and after the first those that hold glob characters. `last` is where the last
    /// one ends.
    #[inline]
    fn words(&mut self, last: &mut usize) {
        let (text, folders) = (self.text, self.folders);
        let first = self.first as usize;
        let Analysis { words, classes, .. } = &mut *self.out;
        let mut at = self.at;
        loop {
            let (start, special) = classes.plain_words(at, text, |start, end| {
                words.push(WordRec::plain(start, end));
                *last = end;
            });
            at = start;
            if text.get(at) == Some(&b'#') {
                break;
            }
            let (skip, end, after, flags) = match text.get(special) {
                Some(b'\'') if special == at => {
                    let end = classes.single(at + 1);
                    (1, end, end + 1, WordFlags::QUOTED)
                }
                Some(b'"') if special == at => {
                    let end = classes.double(at + 1);
                    if text.get(end) != Some(&b'"') {
                        break;
                    }
                    (1, end, end + 1, WordFlags::QUOTED)
                }
                Some(b'\\') if special == at && text.get(at + 1) != Some(&b'\n') => {
                    (1, at + 2, at + 2, WordFlags::QUOTED)
                }
                Some(b'{') if special == at && text.get(at + 1) == Some(&b'}') => {
                    (0, at + 2, at + 2, WordFlags::default())
                }
                Some(b'*' | b'?' | b'[') if words.len() > first && !folders => {
                    let mut end = special;
                    while text.get(end).is_some_and(|b| is(*b, GLOB)) {
                        end = classes.special(end + 1);
                    }
                    (0, end, end, WordFlags::GLOB)
                }
                _ if special > at => (0, special, special, WordFlags::default()),
                _ => break,
            };
            let next = text.get(after);
            if after > text.len() || next.is_some_and(|b| !is(*b, END)) {
                break;
            }
            let from = at + skip;
            let span = Span::new(at, after);
            words.push(WordRec { start: from as u32, len: (end - from) as u32, flags, span });
            *last = after;
            at = after;
            if next != Some(&b' ') {
                break;
            }
            at += 1;
        }
        self.at = at;
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
