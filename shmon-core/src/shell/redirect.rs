//! Redirections: what a command reads, where its output goes, and the files that the text itself writes.

use super::analysis::{Range32, RedirRec, RedirectionKind, WordFlags, WordRec};
use super::capture::{Capture, Sink};
use super::descriptors::Open;
use super::machine::Machine;
use super::state::{File, Input, InputFrom, Val};

/// Files that are remembered.
const MAX_FILES: usize = 256;

/// What a command's redirections changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Applied {
    /// What was read before, where that is something else now: otherwise what the command read stays read.
    input: Option<Input>,
    sink: Sink,
    redirections: Range32,
    /// The descriptor that is read from.
    from: Option<usize>,
    /// How many descriptors there were.
    descriptors: usize,
    /// Output that goes to a file: where it is collected, the file, and whether it is appended.
    file: Option<(Capture, Range32, bool)>,
}

impl Machine<'_> {
    pub(super) fn redirect(&mut self, range: Range32) -> Applied {
        let mut applied = Applied {
            input: None,
            sink: self.sink,
            redirections: self.redirections,
            from: None,
            descriptors: self.s.descriptors.len(),
            file: None,
        };
        if range.is_empty() {
            return applied;
        }
        let mark = self.s.redirections.len();
        for index in range.start..range.end {
            let Some(node) = self.s.ast.redirections.get(index as usize).copied() else { break };
            let (value, flags) = if node.kind == RedirectionKind::Heredoc {
                self.heredoc(node.target)
            } else {
                self.expand_flagged(self.s.ast.word(node.target))
            };
            let input = self.input;
            self.apply(node.kind, node.fd, node.both, value, &mut applied);
            if self.input != input && applied.input.is_none() {
                applied.input = Some(input);
            }
            let span = self.span(Range32 { start: node.start, end: node.end });
            let (start, len) = (value.range.start, value.range.len() as u32);
            self.a.words.push(WordRec { start, len, flags, span });
            let target = (self.a.words.len() - 1) as u32;
            self.s.redirections.push(RedirRec { kind: node.kind, fd: node.fd, target });
        }
        // This command's own first, then those of the commands around it.
        let start = self.a.redirections.len() as u32;
        self.a.redirections.extend_from_slice(self.s.redirections.get(mark..).unwrap_or(&[]));
        self.s.redirections.truncate(mark);
        let outer = self.redirections;
        let outer_end = (outer.end as usize).min(outer.start as usize + 16);
        self.a.redirections.extend_from_within(outer.start as usize..outer_end);
        self.redirections = Range32 { start, end: self.a.redirections.len() as u32 };
        applied
    }

    fn heredoc(&mut self, index: u32) -> (Val, WordFlags) {
        let Some(doc) = self.s.ast.heredocs.get(index as usize).copied() else {
            return (Val::default(), WordFlags::default());
        };
        let mut flags = WordFlags::default();
        let mut value = Val { range: doc.body, known: true };
        if !doc.quoted && self.has_expansion_or_quotes(doc.parts) {
            let span = self.span(doc.body);
            let mut field = self.open_field(false, false, span);
            let mark = self.s.build.len();
            self.parts_into(doc.parts, &mut field);
            flags = field.flags;
            value = Val { range: self.intern_built(mark), known: !flags.contains(WordFlags::UNRESOLVED) };
        }
        if doc.quoted {
            flags.insert(WordFlags::QUOTED);
        }
        if doc.strip {
            let text = self.text(value.range);
            let mut stripped = Vec::with_capacity(text.len());
            for line in text.split_inclusive(|&b| b == b'\n') {
                let tabs = line.iter().take_while(|&&b| b == b'\t').count();
                stripped.extend_from_slice(&line[tabs..]);
            }
            if stripped.len() != text.len() {
                value.range = self.intern(&stripped);
            }
        }
        (value, flags)
    }

    fn has_expansion_or_quotes(&self, parts: Range32) -> bool {
        parts.len() > 1 || self.has_expansion(parts) || {
            // One literal that was escaped is shorter than its source.
            parts.of(&self.s.ast.parts).first().is_some_and(|p| p.flags & super::ast::PART_ESCAPED != 0)
        }
    }

    fn apply(&mut self, kind: RedirectionKind, fd: i32, both: bool, value: Val, applied: &mut Applied) {
        use RedirectionKind as K;
        match kind {
            K::Heredoc | K::HereString | K::Read | K::ReadWrite if fd == 0 => {
                if let Some(input) = self.opened(kind, value) {
                    self.input = input;
                }
            }
            K::Heredoc | K::HereString | K::Read | K::ReadWrite if fd > 2 => {
                let open = self.opened(kind, value).map_or(Open::Unknown, Open::Input);
                self.open_descriptor(fd, open);
            }
            K::Write | K::Append if fd == 1 || both => {
                let name = self.text(value.range);
                if matches!(name, b"/dev/stdout" | b"/dev/fd/1") {
                    return;
                }
                let device = name.starts_with(b"/dev/");
                self.finish_file(applied);
                if device {
                    self.sink = Sink::Discard;
                    return;
                }
                let capture = self.begin_capture(Sink::Capture);
                applied.file = Some((capture, value.range, kind == K::Append));
            }
            K::Write | K::Append if fd > 2 => self.open_output(fd, value.range, kind == K::Append),
            K::Duplicate => match (fd, self.text(value.range)) {
                (1, b"1") | (0, b"0") => {}
                (1, digits) => {
                    let file = self.output_of(digits);
                    self.finish_file(applied);
                    self.sink = Sink::Discard;
                    if let Some(name) = file {
                        let capture = self.begin_capture(Sink::Capture);
                        applied.file = Some((capture, name, true));
                    }
                }
                (0, digits) => {
                    let found = self.input_of(digits);
                    applied.from = found.map(|(at, _)| at);
                    self.input = found.map_or(Input::File, |(_, input)| input);
                }
                (3.., _) => self.open_descriptor(fd, Open::Unknown),
                _ => {}
            },
            _ => {}
        }
    }

    /// What is read from here on; `None` for what was read before.
    fn opened(&mut self, kind: RedirectionKind, value: Val) -> Option<Input> {
        if kind == RedirectionKind::Heredoc {
            return Some(Input::Text(value, InputFrom::Heredoc));
        }
        if kind == RedirectionKind::HereString {
            let mut text = self.text(value.range).to_vec();
            text.push(b'\n');
            let range = self.intern(&text);
            return Some(Input::Text(Val { range, known: value.known }, InputFrom::HereString));
        }
        let name = self.text(value.range);
        if matches!(name, b"/dev/stdin" | b"/dev/fd/0" | b"-") {
            return None;
        }
        if name == b"/dev/null" {
            let range = Range32 { start: value.range.start, end: value.range.start };
            return Some(Input::Text(Val { range, known: true }, InputFrom::File));
        }
        Some(self.file(value.range).map_or(Input::File, |content| Input::Text(content, InputFrom::File)))
    }

    fn finish_file(&mut self, applied: &mut Applied) {
        if let Some((capture, name, append)) = applied.file.take() {
            let mut content = self.take_capture(capture);
            if append && let Some(old) = self.file(name) {
                let both = [self.text(old.range), self.text(content.range)].concat();
                content = Val { range: self.intern(&both), known: old.known && content.known };
            } else if append {
                content.known = false;
            }
            self.write_file(name, content);
        }
    }

    pub(super) fn write_file(&mut self, name: Range32, content: Val) {
        match self.s.files.iter().position(|f| self.text(f.name) == self.text(name)) {
            Some(at) => self.s.files[at].content = content,
            None if self.s.files.len() < MAX_FILES => self.s.files.push(File { name, content }),
            None => {}
        }
        self.changes += 1;
    }

    pub(super) fn undo_redirect(&mut self, mut applied: Applied) {
        self.finish_file(&mut applied);
        if let Some(at) = applied.from {
            self.put_back(at, self.input);
        }
        if self.close_descriptors(applied.descriptors) {
            self.input = applied.input.unwrap_or(self.input);
        }
        self.sink = applied.sink;
        self.redirections = applied.redirections;
    }

    /// Closes what was opened since there were so many descriptors; false where it was `exec` alone that opened it, which stays
    /// open.
    pub(super) fn close_descriptors(&mut self, open: usize) -> bool {
        let keeps = std::mem::take(&mut self.keeps_redirections);
        if !keeps {
            self.s.descriptors.truncate(open);
        }
        !keeps
    }

    /// The content of a file that the text wrote, or of a process substitution.
    pub(super) fn file(&self, name: Range32) -> Option<Val> {
        if self.s.files.is_empty() {
            return None;
        }
        let mut wanted = self.text(name);
        wanted = wanted.strip_prefix(b"./").unwrap_or(wanted);
        self.s
            .files
            .iter()
            .rev()
            .find(|f| {
                let name = self.text(f.name);
                name.strip_prefix(b"./").unwrap_or(name) == wanted
            })
            .map(|f| f.content)
    }
}
