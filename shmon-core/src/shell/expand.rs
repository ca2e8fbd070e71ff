//! Words become fields: quote removal, expansion, splitting, brace expansion, names of files that the text wrote.

use super::analysis::{IssueKind, Range32, Span, WordFlags, WordRec};
use super::ast::{PART_GLOB, PART_QUOTED, Part, PartKind, WORD_BRACE, WORD_PLAIN, WordNode};
use super::capture::Sink;
use super::machine::{Flow, Machine};
use super::pattern;
use super::state::{File, Origin, Val};
use super::{ViaKind, escapes};

/// A field under construction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    mark: usize,
    pub(super) flags: WordFlags,
    /// There is a field even if it is empty.
    pub(super) started: bool,
    /// Unquoted values are split.
    pub(super) split: bool,
    /// Quoted glob characters get a backslash.
    pattern: bool,
    pub(super) span: Span,
    /// What it may consist of as written, so that no copy is needed.
    source: Range32,
}

impl Machine<'_> {
    /// Expands a word of a command to any number of fields.
    #[inline]
    pub(super) fn expand_word(&mut self, word: WordNode) {
        if word.flags & WORD_PLAIN != 0 {
            let range = Range32 { start: word.start, end: word.end };
            let span = self.span(range);
            self.s.fields.push(WordRec {
                start: word.start,
                len: word.end - word.start,
                flags: WordFlags::default(),
                span,
            });
            return;
        }
        self.expand_slow(word);
    }

    fn expand_slow(&mut self, word: WordNode) {
        if !self.step() {
            return;
        }
        let span = self.span(Range32 { start: word.start, end: word.end });
        if word.flags & WORD_BRACE != 0 && self.expand_braces(word, span) {
            return;
        }
        if self.dialect == super::Dialect::Fish && self.multiply(word.parts, span) {
            return;
        }
        if let [Part { kind: PartKind::Literal, flags, start, end, .. }] = *word.parts.of(&self.s.ast.parts)
            && (flags & PART_GLOB == 0 || self.s.folders.is_empty())
        {
            let quoted = if flags & PART_QUOTED != 0 { WordFlags::QUOTED } else { WordFlags::default() };
            let glob = if flags & PART_GLOB != 0 { WordFlags::GLOB } else { WordFlags::default() };
            self.s.fields.push(WordRec { start, len: end - start, flags: quoted | glob, span });
            return;
        }
        self.expand_field(word.parts, span);
    }

    /// From the first of the parts to the last.
    fn written(&self, parts: Range32) -> Range32 {
        match *parts.of(&self.s.ast.parts) {
            [Part { start, end, .. }] | [Part { start, .. }, .., Part { end, .. }] => Range32 { start, end },
            [] => Range32::default(),
        }
    }

    /// Expands parts that form one word after brace expansion.
    pub(super) fn expand_field(&mut self, parts: Range32, span: Span) {
        let mut field = self.open_field(true, !self.s.folders.is_empty(), span);
        field.source = self.written(parts);
        for index in parts.start..parts.end {
            if let Some(part) = self.s.ast.parts.get(index as usize).copied() {
                self.part(part, &mut field);
            }
        }
        self.close_field(&mut field);
    }

    pub(super) fn open_field(&self, split: bool, pattern: bool, span: Span) -> Field {
        let (mark, flags, source) = (self.s.build.len(), WordFlags::default(), Range32::default());
        Field { mark, flags, started: false, split, pattern, span, source }
    }

    /// Ends a field: it goes to the fields unless nothing made it.
    pub(super) fn close_field(&mut self, field: &mut Field) {
        let mark = field.mark;
        let flags = std::mem::take(&mut field.flags);
        let empty = self.s.build.len() == mark;
        if empty && !field.started {
            return;
        }
        field.started = false;
        if field.pattern {
            if flags.contains(WordFlags::GLOB) && self.match_files(mark, flags, field.span) {
                return;
            }
            unescape(&mut self.s.build, mark);
        }
        let range = self.settle_built(mark, field.source);
        let len = range.len() as u32;
        self.s.fields.push(WordRec { start: range.start, len, flags, span: field.span });
    }

    /// Replaces a glob by the names of files that this text has written; false where none matches.
    fn match_files(&mut self, mark: usize, flags: WordFlags, span: Span) -> bool {
        // Only inside a folder that the text made is it known what a glob finds.
        let built = self.s.build.get(mark..).unwrap_or(&[]);
        let Some(slash) = built.iter().rposition(|&b| b == b'/') else { return false };
        let folder = built.get(..slash).unwrap_or(&[]);
        let mut steps = self.pattern_steps;
        let made = self.s.folders.iter().any(|f| {
            let name = self.a.text.get(f.start as usize..f.end as usize).unwrap_or(&[]);
            pattern::matches(folder, name.strip_suffix(b"/").unwrap_or(name), &mut steps)
        });
        self.pattern_steps = steps;
        if !made {
            return false;
        }
        let pattern = self.s.build.split_off(mark);
        let mut names: Vec<Range32> = Vec::new();
        for file in &self.s.files {
            let name = self.a.text.get(file.name.start as usize..file.name.end as usize).unwrap_or(&[]);
            let depth = |path: &[u8]| path.iter().filter(|&&b| b == b'/').count();
            if !name.starts_with(b"<(")
                && depth(name) == depth(&pattern)
                && pattern::matches(&pattern, name, &mut steps)
                && !names.contains(&file.name)
            {
                names.push(file.name);
            }
        }
        self.pattern_steps = steps;
        if names.is_empty() {
            self.s.build.extend_from_slice(&pattern);
            return false;
        }
        names.sort_by(|a, b| self.text(*a).cmp(self.text(*b)));
        for name in names {
            self.s.fields.push(WordRec { start: name.start, len: name.len() as u32, flags, span });
        }
        true
    }

    /// Expands a word to one value, without splitting: for assignments, targets, subjects.
    pub(super) fn expand_value(&mut self, word: WordNode) -> Val {
        let (value, _) = self.expand_flagged(word);
        value
    }

    pub(super) fn expand_flagged(&mut self, word: WordNode) -> (Val, WordFlags) {
        let range = Range32 { start: word.start, end: word.end };
        if word.flags & WORD_PLAIN != 0 {
            return (Val { range, known: true }, WordFlags::default());
        }
        let span = self.span(range);
        let mut field = self.open_field(false, false, span);
        self.parts_into(word.parts, &mut field);
        let flags = field.flags;
        let known = !flags.contains(WordFlags::UNRESOLVED);
        let source = self.written(word.parts);
        (Val { range: self.settle_built(field.mark, source), known }, flags)
    }

    /// Expands a word to a pattern at the end of the build buffer; whether all of it is known.
    pub(super) fn expand_pattern(&mut self, word: WordNode) -> bool {
        if word.flags & WORD_PLAIN != 0 {
            let bytes = self.a.text.get(word.start as usize..word.end as usize).unwrap_or(&[]);
            self.s.build.extend_from_slice(bytes);
            return true;
        }
        self.expand_text(word.parts, true)
    }

    /// Expands parts to text at the end of the build buffer; whether all of it is known.
    pub(super) fn expand_text(&mut self, parts: Range32, pattern: bool) -> bool {
        let mut field = self.open_field(false, pattern, Span::default());
        self.parts_into(parts, &mut field);
        !field.flags.contains(WordFlags::UNRESOLVED)
    }

    pub(super) fn parts_into(&mut self, parts: Range32, field: &mut Field) {
        for index in parts.start..parts.end {
            if let Some(part) = self.s.ast.parts.get(index as usize).copied() {
                self.part(part, field);
            }
        }
    }

    /// Expands one part into the field.
    pub(super) fn part(&mut self, part: Part, field: &mut Field) {
        let quoted = part.flags & PART_QUOTED != 0;
        let range = Range32 { start: part.start, end: part.end };
        if quoted {
            field.flags.insert(WordFlags::QUOTED);
        }
        match part.kind {
            PartKind::Literal | PartKind::BraceOpen | PartKind::BraceComma | PartKind::BraceClose => {
                if part.flags & PART_GLOB != 0 {
                    field.flags.insert(WordFlags::GLOB);
                }
                field.started = true;
                self.append(range, quoted, field);
            }
            PartKind::AnsiC => {
                field.started = true;
                let mark = self.s.build.len();
                let text = self.a.text.get(part.start as usize..part.end as usize).unwrap_or(&[]);
                escapes::ansi_c(text, &mut self.s.build);
                if field.pattern {
                    escape(&mut self.s.build, mark);
                }
            }
            PartKind::Param => self.param(part, field),
            PartKind::Command => {
                if self.is_opaque(range) {
                    return self.unresolved(range, quoted, field);
                }
                let output = self.capture(part.index);
                self.substitute(range, output, quoted, field);
            }
            PartKind::Backquote => {
                let output = self.backquote(range, quoted);
                self.substitute(range, output, quoted, field);
            }
            PartKind::ReadFrom => {
                let content = self.capture_as("<()", Sink::Capture, part.index);
                self.s.files.push(File { name: range, content });
                field.started = true;
                self.append(range, true, field);
            }
            PartKind::WriteTo => {
                let via = Machine::via(ViaKind::Substitution, ">()");
                let input = std::mem::replace(&mut self.input, super::state::Input::Unknown);
                self.with_via(via, |m| m.run_discarding(part.index));
                self.input = input;
                field.started = true;
                self.append(range, true, field);
            }
            PartKind::Arith => {
                let parts = self.s.ast.exprs.get(part.index as usize).copied().unwrap_or_default();
                match self.arith(parts) {
                    Some(value) => {
                        field.started = true;
                        self.s.build.extend_from_slice(value.to_string().as_bytes());
                    }
                    None => self.unresolved(range, quoted, field),
                }
            }
        }
    }

    /// Appends bytes of the buffer as they are.
    pub(super) fn append(&mut self, range: Range32, quoted: bool, field: &mut Field) {
        if !self.reserve(range.len()) {
            return;
        }
        let mark = self.s.build.len();
        let bytes = self.a.text.get(range.start as usize..range.end as usize).unwrap_or(&[]);
        self.s.build.extend_from_slice(bytes);
        if quoted && field.pattern {
            escape(&mut self.s.build, mark);
        }
    }

    /// Puts the source text in the place of a value that isn't known.
    pub(super) fn unresolved(&mut self, range: Range32, quoted: bool, field: &mut Field) {
        field.flags.insert(WordFlags::UNRESOLVED);
        if !quoted {
            field.flags.insert(WordFlags::SPLITS);
        }
        field.started = true;
        self.append(range, true, field);
    }

    /// Adds a value: whole where quoted, else split.
    pub(super) fn add_value(&mut self, value: Val, quoted: bool, field: &mut Field) {
        if quoted {
            field.started = true;
        }
        if !value.known {
            return self.unresolved(value.range, quoted, field);
        }
        if quoted || !field.split {
            return self.append(value.range, quoted, field);
        }
        if !self.reserve(value.range.len()) || !self.charge(value.range.len() / 16) {
            return;
        }
        let (separators, count) = self.separators();
        let separators = &separators[..count];
        let mut pending_break = false;
        for at in value.range.start..value.range.end {
            let b = self.a.text.get(at as usize).copied().unwrap_or(0);
            if separators.contains(&b) {
                let blank = matches!(b, b' ' | b'\t' | b'\n');
                if !blank && !pending_break {
                    field.started = true;
                }
                if self.s.build.len() > field.mark || field.started {
                    self.close_field(field);
                }
                pending_break = blank;
                continue;
            }
            pending_break = false;
            if matches!(b, b'*' | b'?' | b'[') {
                field.flags.insert(WordFlags::GLOB);
            }
            self.s.build.push(b);
            field.started = true;
        }
    }

    /// What stands between the values of `"$*"`: the first character of IFS.
    pub(super) fn joiner(&self) -> Option<u8> {
        match self.scalar(b"IFS") {
            Some(value) if value.known => self.text(value.range).first().copied(),
            _ => Some(b' '),
        }
    }

    pub(super) fn separators(&self) -> ([u8; 8], usize) {
        if self.dialect == super::Dialect::Fish {
            // Output is split at newlines alone.
            return ([b'\n', 0, 0, 0, 0, 0, 0, 0], 1);
        }
        let mut set = [b' ', b'\t', b'\n', 0, 0, 0, 0, 0];
        let mut count = 3;
        if let Some(value) = self.scalar(b"IFS")
            && value.known
        {
            let text = self.text(value.range);
            count = text.len().min(8);
            set[..count].copy_from_slice(&text[..count]);
        }
        (set, count)
    }

    /// Whether this substitution was run before, in the text from which this one stems, without a known result.
    fn is_opaque(&self, range: Range32) -> bool {
        (self.s.regions.len() > 1 || self.in_place > 0)
            && self.s.opaque.iter().any(|o| *o != range && self.text(*o) == self.text(range))
    }

    fn substitute(&mut self, source: Range32, output: Val, quoted: bool, field: &mut Field) {
        if !output.known {
            if self.s.opaque.len() < 32 && !self.s.opaque.contains(&source) {
                self.s.opaque.push(source);
            }
            return self.unresolved(source, quoted, field);
        }
        let text = self.text(output.range);
        let len = text.iter().rposition(|&b| b != b'\n').map_or(0, |at| at + 1);
        let range = Range32 { start: output.range.start, end: output.range.start + len as u32 };
        if quoted {
            field.started = true;
        }
        self.add_value(Val { range, known: true }, quoted, field);
    }

    /// Backquotes with escapes inside: unescaped, parsed and run.
    fn backquote(&mut self, range: Range32, quoted: bool) -> Val {
        let none = Val { range: Range32 { start: range.end, end: range.end }, known: false };
        let span = self.span(range);
        if !self.deeper(span) {
            return none;
        }
        let source = self.text(range);
        let inner = source.get(1..source.len().saturating_sub(1)).unwrap_or(&[]);
        let mut text = Vec::with_capacity(inner.len());
        let mut bytes = inner.iter().copied().peekable();
        while let Some(b) = bytes.next() {
            match bytes.peek() {
                Some(&next)
                    if b == b'\\' && (matches!(next, b'$' | b'`' | b'\\') || (quoted && next == b'"')) =>
                {
                    text.push(next);
                    bytes.next();
                }
                _ => text.push(b),
            }
        }
        let inner = self.intern(&text);
        let node = self.parse(inner, Origin::Whole(span));
        let output = self.capture(node);
        self.depth -= 1;
        if self.flow == Flow::Exit { none } else { output }
    }

    /// Notes that an unknown value decides what runs.
    pub(super) fn unresolved_issue(&mut self, range: Range32, span: Span) {
        let text = self.text(range);
        let command = text.windows(2).any(|w| w == b"$(") || text.contains(&b'`');
        let kind = if command { IssueKind::CommandOutput } else { IssueKind::UnsetVariable };
        self.issue(kind, span);
    }
}

/// Puts a backslash before what is special in a pattern, from `mark` on.
fn escape(build: &mut Vec<u8>, mark: usize) {
    let special = |b: &u8| matches!(b, b'*' | b'?' | b'[' | b']' | b'\\' | b'(' | b')' | b'|');
    if !build.get(mark..).unwrap_or(&[]).iter().any(special) {
        return;
    }
    let tail = build.split_off(mark);
    for b in tail {
        if special(&b) {
            build.push(b'\\');
        }
        build.push(b);
    }
}

/// Takes the backslashes of [`escape`] away again.
fn unescape(build: &mut Vec<u8>, mark: usize) {
    if !build.get(mark..).unwrap_or(&[]).contains(&b'\\') {
        return;
    }
    let tail = build.split_off(mark);
    let mut bytes = tail.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        build.push(if b == b'\\' { bytes.next().unwrap_or(b) } else { b });
    }
}
