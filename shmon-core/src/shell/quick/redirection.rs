//! Redirections of a command.

use super::super::analysis::{Range32, RedirRec, RedirectionKind, Span, WordFlags, WordRec};
use super::super::chars::{META, is};
use super::Quick;

/// Redirections of one command.
const MOST_REDIRECTIONS: usize = 4;

impl Quick<'_> {
    /// Reads a redirection of the command whose first is `targets`.
    pub(super) fn redirect(&mut self, descriptor: Option<WordRec>, targets: usize) -> Option<()> {
        let target = self.redirection(descriptor)?;
        self.out.targets.push(target);
        (self.out.targets.len() - targets <= MOST_REDIRECTIONS).then_some(())
    }

    /// Puts the redirections from `targets` on into the result.
    #[inline]
    pub(super) fn settle(&mut self, targets: usize) -> Range32 {
        if self.out.targets.len() <= targets { self.around } else { self.settled(targets) }
    }

    fn settled(&mut self, targets: usize) -> Range32 {
        let start = self.out.redirections.len() as u32;
        for &(kind, fd, word) in self.out.targets.get(targets..).unwrap_or(&[]) {
            let target = self.out.words.len() as u32;
            self.out.words.push(word);
            self.out.redirections.push(RedirRec { kind, fd, target });
        }
        if !self.around.is_empty() {
            // More of them than the full evaluation lists never stand around a command.
            self.out.redirections.extend_from_within(self.around.start as usize..self.around.end as usize);
        }
        Range32 { start, end: self.out.redirections.len() as u32 }
    }

    /// Notes what the redirections from `targets` on write, and forgets them: the command has run.
    pub(super) fn redirected(&mut self, targets: usize) -> Option<()> {
        for &(kind, fd, word) in self.out.targets.get(targets..)? {
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
        self.out.targets.truncate(targets);
        Some(())
    }

    /// A redirection at its operator; the target's span is all of it.
    fn redirection(&mut self, descriptor: Option<WordRec>) -> Option<(RedirectionKind, i32, WordRec)> {
        use RedirectionKind as K;
        let start = descriptor.map_or(self.at, |d| d.start as usize);
        let fd = match descriptor {
            // One digit is what people write.
            Some(word) if word.len == 1 => self.source(word.span).first().map(|b| i32::from(b - b'0')),
            Some(_) => return None,
            None => None,
        };
        let both = self.peek() == Some(b'&');
        self.at += usize::from(both);
        let rest = self.text.get(self.at..)?;
        let (kind, length) = match *rest {
            [b'<', b'<' | b'(', ..] | [b'>', b'(', ..] => return None,
            [b'<', b'&', ..] => (K::Duplicate, 2),
            [b'<', b'>', ..] => (K::ReadWrite, 2),
            [b'<', ..] => (K::Read, 1),
            [b'>', b'>', ..] => (K::Append, 2),
            [b'>', b'|' | b'!', ..] => (K::Write, 2),
            [b'>', b'&', ..] => (K::Duplicate, 2),
            _ => (K::Write, 1),
        };
        let input = rest.first() == Some(&b'<');
        self.at += length;
        self.blanks();
        if self.is_over() || self.peek().is_some_and(|b| b == b'#' || is(b, META)) {
            return None;
        }
        let before = self.pipelines;
        let mut word = self.word()?;
        if self.pipelines != before {
            // Targets are expanded after the words, wherever they stand.
            return None;
        }
        if word.flags.contains(WordFlags::GLOB) && self.source(word.span).contains(&b'$') {
            // Values aren't patterns there.
            return None;
        }
        let fd = fd.unwrap_or(if input { 0 } else { 1 });
        let mut kind = kind;
        if kind == K::Duplicate {
            let named = !self.source(word.span).iter().all(|b| b.is_ascii_digit() || *b == b'-');
            if named && !input && descriptor.is_none() {
                kind = K::Write;
            } else if both {
                return None;
            }
        }
        word.span = Span::new(start, self.at);
        Some((kind, fd, word))
    }
}
