//! Text that is handed to a shell of its own: `sh -c '…'`, `ssh host …`, `watch …`. It is read where it stands.

use super::super::analysis::{Issue, IssueKind, Range32, Span, Via, WordFlags};
use super::super::machine::verbatim;
use super::super::wrap::is_one_expansion;
use super::{Quick, Status, Until};

/// Issues that are listed; the full evaluation stops at more.
const MOST_ISSUES: usize = 32;

impl Quick<'_> {
    /// Gives words, joined with blanks, to a shell.
    pub(super) fn joined(&mut self, words: Range32, via: Via) -> Option<Status> {
        match *words.of(&self.out.words) {
            [] => Some(self.nothing()),
            [_] => self.string(words.start, via),
            ref all => {
                let plain = |word: &super::WordRec| {
                    word.start == word.span.start && word.start + word.len == word.span.end
                };
                let next = |two: &[super::WordRec]| {
                    two[0].span.end + 1 == two[1].span.start
                        && self.text.get(two[0].span.end as usize) == Some(&b' ')
                };
                if !all.iter().all(plain) || !all.windows(2).all(next) {
                    return None;
                }
                let known = !all.iter().any(|word| word.flags.contains(WordFlags::UNRESOLVED));
                let range = Range32 { start: all.first()?.start, end: all.last()?.span.end };
                self.shell_text(range, known, Span { start: range.start, end: range.end }, via)
            }
        }
    }

    /// Gives one word to a shell.
    pub(super) fn string(&mut self, index: u32, via: Via) -> Option<Status> {
        let word = *self.out.words.get(index as usize)?;
        self.shell_text(word.range(), !word.flags.contains(WordFlags::UNRESOLVED), word.span, via)
    }

    /// Nothing is run, so that nothing is written.
    pub(super) fn nothing(&mut self) -> Status {
        (self.source, self.partial) = (true, true);
        Status::Unknown
    }

    /// Gives text to a shell, where it stands as it is in the command, in `span`.
    fn shell_text(&mut self, range: Range32, known: bool, span: Span, via: Via) -> Option<Status> {
        if range.is_empty() {
            return Some(self.nothing());
        }
        let command = self.text;
        let text = command.get(range.start as usize..range.end as usize)?;
        if !known {
            if is_one_expansion(text) {
                self.unresolved(is_command(text), span)?;
                return Some(self.nothing());
            }
            if text.starts_with(b"$") || text.iter().any(|b| matches!(b, b'`' | b'(')) {
                return None;
            }
        }
        let skip = verbatim(self.source(span), text)?;
        if self.captures.is_some() || span.start as usize + skip != range.start as usize {
            return None;
        }
        *self.via.get_mut(self.depth)? = via;
        let outer = (self.text, self.at, self.redirections, self.assignments);
        let shell = (self.around, self.captured, self.in_stage, self.closer, self.until, self.blurred);
        let variables = (self.known, self.scope, self.alone);
        (self.closer, self.until, self.blurred) = (None, Until::Nothing, false);
        self.scope = self.known;
        self.shells += 1;
        self.in_stage |= self.stage > 0 || self.is_piped();
        self.captured = self.is_captured();
        self.around = self.redirections;
        self.text = self.text.get(..range.end as usize)?;
        self.at = range.start as usize;
        self.strings = true;
        self.depth += 1;
        let status = self.list()?;
        if self.at != self.text.len() {
            return None;
        }
        self.depth -= 1;
        (self.text, self.at, self.redirections, self.assignments) = outer;
        (self.around, self.captured, self.in_stage, self.closer, self.until, self.blurred) = shell;
        (self.known, self.scope, self.alone) = variables;
        self.shells -= 1;
        Some(status)
    }

    /// Notes that an unknown value decides what runs.
    pub(super) fn unresolved(&mut self, command: bool, span: Span) -> Option<()> {
        self.issue(if command { IssueKind::CommandOutput } else { IssueKind::UnsetVariable }, span)
    }

    pub(super) fn issue(&mut self, kind: IssueKind, span: Span) -> Option<()> {
        let issue = Issue { kind, span };
        if self.out.issues.len() >= MOST_ISSUES {
            return None;
        }
        if !self.out.issues.contains(&issue) {
            self.out.issues.push(issue);
        }
        Some(())
    }
}

/// Whether the text of a value that isn't known is the output of a command.
pub(super) fn is_command(text: &[u8]) -> bool {
    text.contains(&b'`') || text.windows(2).any(|two| two == b"$(")
}
