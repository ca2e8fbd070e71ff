//! `NAME=value` before a command, or alone.

use super::super::analysis::{Range32, Span, WordFlags, WordRec};
use super::super::chars::name_len;
use super::{Quick, Status, Value};

impl Quick<'_> {
    /// Whether the word at the position may be an assignment, or `a:b`.
    #[inline]
    pub(super) fn may_assign(&self) -> bool {
        let classes = &self.out.classes;
        classes.has_separators() && classes.separator(self.at) < classes.special(self.at)
    }

    /// Whether a word that stands where an assignment may holds `=`.
    #[inline]
    pub(super) fn assigns(&self, word: Span) -> bool {
        let at = self.out.classes.separator(word.start as usize);
        at < word.end as usize && self.source(word).contains(&b'=')
    }

    /// Takes a word that holds `=` for what it is: an assignment, or else the program.
    #[cold]
    pub(super) fn assignment(&mut self, word: WordRec, assignments: &mut Range32) -> Option<()> {
        let source = self.source(word.span);
        let name = name_len(source);
        match source.get(name) {
            Some(b'=') if name > 0 => {}
            // An element of an array, or more of a value.
            Some(b'[' | b'+') if name > 0 => return None,
            _ => {
                self.out.words.push(word);
                return Some(());
            }
        }
        let (name_text, value) = source.split_at(name);
        // The second may see the first.
        let mut before = assignments.of(&self.out.assignments).iter().map(|&(name, _)| self.bytes(name));
        if before.any(|name| refers(value, name)) {
            return None;
        }
        if word.flags.contains(WordFlags::UNRESOLVED) && refers(value, name_text) {
            // `s=$s$c`: some variables start empty.
            return None;
        }
        let name = name as u32;
        let flags = match word.flags.contains(WordFlags::UNRESOLVED) {
            true => WordFlags::UNRESOLVED,
            false => WordFlags::default(),
        };
        let at = self.out.words.len() as u32;
        self.out.words.push(WordRec { len: name, flags: WordFlags::default(), ..word });
        self.out.words.push(WordRec {
            start: word.start + name + 1,
            len: word.len - name - 1,
            flags,
            ..word
        });
        self.first += 2;
        let index = self.out.assignments.len() as u32;
        if assignments.is_empty() {
            *assignments = Range32 { start: index, end: index };
        } else if assignments.end != index {
            // Those of a substitution stand between them.
            return None;
        }
        self.out.assignments.push((at, at + 1));
        assignments.end = index + 1;
        Some(())
    }

    /// Lists assignments that stand alone.
    #[cold]
    pub(super) fn only_assignments(
        &mut self,
        assignments: Range32,
        targets: usize,
        span: Span,
    ) -> Option<Status> {
        // Of a substitution's output something must be left, and `time` before them is rare.
        if self.captures.is_some() || self.depth != self.shells as usize {
            return None;
        }
        let forgotten =
            !self.alone || self.is_piped() || (self.peek() == Some(b'&') && self.after() != Some(b'&'));
        if !forgotten {
            for index in assignments.start..assignments.end {
                let &(name, value) = self.out.assignments.get(index as usize)?;
                let (name, value) = (self.word_at(name)?, self.word_at(value)?);
                let known = !value.flags.contains(WordFlags::UNRESOLVED);
                self.remember(name.range(), Value { range: value.range(), known })?;
            }
        }
        self.redirections = self.settle(targets);
        self.files |= self.out.targets.len() > targets;
        self.out.targets.truncate(targets);
        self.assignments = assignments;
        self.list_invocation(Range32::default(), Range32::default(), span);
        self.assignments = Range32::default();
        self.silent();
        Some(Status::Zero)
    }

    /// Checks assignments before a command: their values are expanded after its words.
    #[cold]
    pub(super) fn before_command(&mut self, assignments: Range32, argv: Range32) -> Option<()> {
        let substituted = |word: &WordRec| self.source(word.span).iter().any(|b| matches!(b, b'`' | b'('));
        let values = assignments.of(&self.out.assignments).iter();
        let mut values = values.filter_map(|&(_, value)| self.out.words.get(value as usize));
        if values.any(substituted) && argv.of(&self.out.words).iter().any(substituted) {
            return None;
        }
        // To these the assignments are arguments.
        let declares =
            matches!(self.bytes(argv.start), b"declare" | b"typeset" | b"local" | b"readonly" | b"export");
        (!declares).then_some(())
    }
}

/// Whether `$name` or `${name` stands in the text, or begins there.
fn refers(text: &[u8], name: &[u8]) -> bool {
    memchr::memchr_iter(b'$', text).any(|at| {
        let rest = &text[at + 1..];
        rest.strip_prefix(b"{").unwrap_or(rest).starts_with(name)
    })
}
