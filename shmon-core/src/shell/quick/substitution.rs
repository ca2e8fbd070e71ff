//! `$(…)`, backquotes and `<(…)` whose output nobody can know: their commands are listed before the one that takes it.

use super::super::analysis::{Range32, Span, Via, ViaKind, WordFlags, WordRec};
use super::word::Pieces;
use super::{MOST_MET, MOST_TEXT, Quick, Until, Value};

impl Quick<'_> {
    /// Whether the output of commands stands at the position.
    #[inline]
    pub(super) fn substitutes(&self, at: usize) -> bool {
        match self.text.get(at..) {
            Some([b'`', ..]) => true,
            // `$((` may be arithmetic.
            Some([b'$', b'(', next, ..]) => *next != b'(',
            _ => false,
        }
    }

    /// Follows the substitution at `at` inside of a word; where it ends, and its output where the text tells it.
    pub(super) fn output(&mut self, at: usize, pieces: &mut Pieces) -> Option<(usize, Option<Value>)> {
        let length = self.out.text.len();
        let end =
            if self.text[at] == b'`' { self.backquotes(at)? } else { self.commands(at + 2, b')', "$()")? };
        let told = self.told.take().map(|range| Value { range, known: true });
        if let Some(start) = pieces.copied
            && self.out.text.len() > length
        {
            // The word is copied together at the end of the text.
            (length <= MOST_TEXT).then_some(())?;
            pieces.copied = Some(self.out.text.len());
            self.out.text.extend_from_within(start..length);
        }
        Some((end, told))
    }

    fn backquotes(&mut self, at: usize) -> Option<usize> {
        let inner = self.text.get(at + 1..)?;
        let inner = &inner[..memchr::memchr(b'`', inner)?];
        if inner.contains(&b'\\') {
            return None;
        }
        let end = at + inner.len() + 2;
        // A quote inside may go on behind the end.
        (self.commands(at + 1, b'`', "$()")? == end).then_some(end)
    }

    /// `<(…)` or `>(…)` at the position, as a word.
    pub(super) fn process(&mut self) -> Option<WordRec> {
        let start = self.at;
        let reads = self.peek() == Some(b'<');
        // What `>(…)` runs belongs to the command's stage, and whether there is one must be seen.
        if !reads && (self.out.words.len() == self.first as usize || !(self.stage > 0 || self.in_stage)) {
            return None;
        }
        self.at = self.commands(start + 2, b')', if reads { "<()" } else { ">()" })?;
        if self.told.take().is_some() {
            return None;
        }
        self.ends(self.at)?.then(|| WordRec {
            start: start as u32,
            len: (self.at - start) as u32,
            flags: WordFlags::default(),
            span: Span::new(start, self.at),
        })
    }

    /// The commands from `at` up to `closer`; where the substitution ends.
    fn commands(&mut self, at: usize, closer: u8, name: &'static str) -> Option<usize> {
        *self.via.get_mut(self.depth)? = Via { kind: ViaKind::Substitution, name };
        let outer = (self.closer, self.first, self.pipeline, self.stage, self.redirections);
        let shell = (self.assignments, self.around, self.in_stage, self.captures, self.until, self.blurred);
        let variables = (self.known, self.scope, self.alone);
        let told = (self.source, self.partial);
        // Nobody knows what is written to it.
        let written = name == ">()";
        let fed = self.fed;
        self.fed &= !written;
        if !self.fed {
            (self.source, self.partial) = (false, false);
        }
        let words = self.out.words.len();
        (self.assignments, self.in_stage) = (Range32::default(), written);
        if !written {
            self.around = Range32::default();
        }
        self.depth += 1;
        self.closer = Some(closer);
        (self.until, self.blurred, self.scope) = (Until::Nothing, false, self.known);
        self.at = at;
        self.blanks();
        self.captures = if written { None } else { Some(self.at) };
        self.told = None;
        self.list()?;
        if self.peek() != Some(closer) || (!written && self.tells()) {
            return None;
        }
        // What a file of `<(…)` holds is read from it.
        let read = name == "<()" && self.partial;
        (self.source, self.partial) = (told.0, told.1 || read);
        self.fed = fed;
        self.depth -= 1;
        let end = self.at + 1;
        self.meet(Range32 { start: at as u32, end: end as u32 })?;
        (self.closer, self.first, self.pipeline, self.stage, self.redirections) = outer;
        (self.assignments, self.around, self.in_stage, self.captures, self.until, self.blurred) = shell;
        (self.known, self.scope, self.alone) = variables;
        // The words of a command stand together, after those of the commands inside of it.
        let first = self.first as usize;
        self.first = self.out.words.len() as u32;
        self.out.words.extend_from_within(first..words);
        Some(end)
    }

    /// Notes the text of a substitution; `None` where a string holds one that was met before, which the full evaluation doesn't
    /// run again.
    fn meet(&mut self, text: Range32) -> Option<()> {
        let met = self.substitutions.get(..self.met).unwrap_or(&self.substitutions);
        if self.strings {
            let bytes = text.of(&self.out.text);
            if self.met >= MOST_MET || met.iter().any(|m| m.of(&self.out.text) == bytes) {
                return None;
            }
        }
        if let Some(slot) = self.substitutions.get_mut(self.met) {
            *slot = text;
        }
        self.met += 1;
        Some(())
    }

    /// Whether the text tells what some command writes.
    fn tells(&self) -> bool {
        self.source || self.files || self.folders
    }
}
