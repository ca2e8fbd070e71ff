//! Programs that turn text into text, computed where their input is known: what a pipeline feeds to a shell.

use super::analysis::{Range32, ViaKind, WordFlags};
use super::capture::Sink;
use super::decode;
use super::machine::Machine;
use super::state::{Input, InputFrom, Val, VarKind};
use super::transform;

/// Input in which regular expressions are searched.
const MAX_SEARCHED: usize = 1 << 16;
/// Output of one filter that is computed.
const MAX_OUTPUT: usize = 1 << 18;

impl Machine<'_> {
    /// Whether no word behind the program is unknown.
    fn knows_words(&self, argv: Range32) -> bool {
        let words = self.a.words.get(argv.start as usize + 1..argv.end as usize).unwrap_or(&[]);
        words.iter().all(|word| !word.flags.contains(WordFlags::UNRESOLVED))
    }

    /// Takes all of the known input.
    fn take_input(&mut self) -> Option<Val> {
        let Input::Text(value, from) = self.input else { return None };
        let end = value.range.end;
        self.input = Input::Text(Val { range: Range32 { start: end, end }, known: value.known }, from);
        Some(value)
    }

    /// Standard input is unknown, and no part of it is known.
    fn nothing_known_comes(&self) -> bool {
        match &self.input {
            Input::Text(value, _) => !value.known && value.range.is_empty(),
            _ => true,
        }
    }

    pub(super) fn filter(&mut self, name: &'static str, argv: Range32) {
        self.status = None;
        if let Some(code) = super::interpret::filter_code(name)
            && (argv.start + 1..argv.end).any(|i| code.may_run(self.arg_text(i)))
        {
            self.code(name, code, argv);
        }
        if self.sink == Sink::Discard {
            return;
        }
        // The common case by far, and it must not allocate: these make nothing of nothing.
        let only_passes = matches!(name, "sort" | "cut" | "head" | "tail" | "grep" | "tr" | "sed" | "tac");
        if only_passes && self.s.files.is_empty() && self.nothing_known_comes() {
            self.take_input();
            return self.write_unknown();
        }
        if !self.knows_words(argv) {
            return self.write_unknown();
        }
        let input = self.filter_input(argv);
        let known = input.is_none_or(|value| value.known);
        let length = input.map_or(0, |value| value.range.len());
        // Regular expressions and programs are compiled, which costs the same for the shortest text.
        let compiled = matches!(name, "sed" | "awk" | "gawk" | "mawk" | "grep" | "egrep" | "fgrep" | "expr");
        if compiled && length > MAX_SEARCHED {
            return self.write_unknown();
        }
        let words = argv.start + 1..argv.end;
        let fixed =
            if compiled { 64 + words.clone().map(|i| self.arg_text(i).len()).sum::<usize>() } else { 0 };
        if !self.charge(fixed + length / 16) {
            return;
        }
        let useless = !self.output_counts(known);
        let output = {
            let words: Vec<&[u8]> = words.map(|i| self.arg_text(i)).collect();
            let text = input.map(|value| self.text(value.range));
            match decode::run(name, &words, text, MAX_OUTPUT) {
                Some(output) => Some((output, true)),
                // Only that it decodes would be told of an output that nobody gets.
                None if useless && name != "rev" => None,
                None => transform::run(name, &words, text, MAX_OUTPUT).map(|output| (output, name == "rev")),
            }
        };
        match output {
            Some((output, decodes)) => {
                if decodes {
                    self.decoded = Some(name);
                }
                self.write(&output);
                if !known {
                    self.write_unknown();
                }
            }
            None => self.write_unknown(),
        }
    }

    /// Standard input, or the file that the last operand names where the text wrote it.
    fn filter_input(&mut self, argv: Range32) -> Option<Val> {
        if argv.len() > 1
            && !self.arg_text(argv.end - 1).starts_with(b"-")
            && let Some(content) = self.file(self.arg(argv.end - 1).range())
        {
            return Some(content);
        }
        self.take_input()
    }

    /// The values of the variables that it names; without a name it prints all.
    pub(super) fn printenv(&mut self, argv: Range32) {
        self.status = None;
        let mut none = true;
        for index in argv.start + 1..argv.end {
            let name = self.arg(index);
            if self.text(name.range()).starts_with(b"-") {
                continue;
            }
            none = false;
            let var = self.lookup(name.range()).and_then(|at| self.s.vars.get(at));
            match var.map(|var| (var.exported, var.kind)) {
                Some((true, VarKind::Scalar(value))) if value.known => {
                    self.write_range(value.range);
                    self.write(b"\n");
                }
                _ => self.write_unknown(),
            }
        }
        if none {
            self.write_unknown();
        }
    }

    pub(super) fn cat(&mut self, argv: Range32) {
        self.status = Some(0);
        let operands = argv.start + 1..argv.end;
        let mut none = true;
        for index in operands {
            let word = self.arg(index);
            let text = self.text(word.range());
            if text.len() > 1 && text.starts_with(b"-") {
                continue;
            }
            none = false;
            if text == b"-" {
                self.copy_input();
                continue;
            }
            match self.file(word.range()) {
                Some(content) => {
                    self.write_range(content.range);
                    if !content.known {
                        self.write_unknown();
                    }
                }
                None => {
                    self.status = None;
                    self.write_unknown();
                }
            }
        }
        if none {
            self.copy_input();
        }
    }

    fn copy_input(&mut self) {
        match self.take_input() {
            Some(value) => {
                self.write_range(value.range);
                if !value.known {
                    self.write_unknown();
                }
            }
            None => self.write_unknown(),
        }
    }

    pub(super) fn tee(&mut self, argv: Range32) {
        self.status = Some(0);
        let input = self.take_input();
        for index in argv.start + 1..argv.end {
            let word = self.arg(index);
            if !self.text(word.range()).starts_with(b"-") {
                let content = input.unwrap_or_default();
                self.write_file(word.range(), content);
            }
        }
        match input {
            Some(value) if value.known => self.write_range(value.range),
            _ => self.write_unknown(),
        }
    }

    /// Remembers folders that the text makes: globs inside them can only mean what it puts there.
    pub(super) fn mkdir(&mut self, argv: Range32) {
        self.status = None;
        for index in argv.start + 1..argv.end {
            let word = self.arg(index);
            let text = self.text(word.range());
            if !text.starts_with(b"-") && self.s.folders.len() < 64 {
                self.s.folders.push(word.range());
            }
        }
    }

    pub(super) fn rm(&mut self, argv: Range32) {
        self.status = None;
        if self.s.files.is_empty() {
            return;
        }
        for index in argv.start + 1..argv.end {
            let name = self.arg_text(index).to_vec();
            let buffer = &self.a.text;
            self.s.files.retain(|f| {
                buffer.get(f.name.start as usize..f.name.end as usize).is_none_or(|n| n != name.as_slice())
            });
        }
    }

    /// `which X`, `command -v X`, `type -p X`, `realpath X`: where X is.
    pub(super) fn which(&mut self, name: &'static str, argv: Range32) {
        self.status = None;
        let told = match name {
            // Without an option it says so in a sentence.
            "type" => matches!(self.arg_text((argv.start + 1).min(argv.end)), b"-p" | b"-P"),
            "readlink" => matches!(self.arg_text((argv.start + 1).min(argv.end)), b"-f" | b"-e" | b"-m"),
            _ => true,
        };
        if !told {
            return self.write_unknown();
        }
        for index in argv.start + 1..argv.end {
            let word = self.arg(index);
            let text = self.text(word.range()).to_vec();
            if text.starts_with(b"-") {
                continue;
            }
            if word.flags.contains(WordFlags::UNRESOLVED) {
                return self.write_unknown();
            }
            if matches!(name, "readlink" | "realpath") && !text.starts_with(b"/") {
                return self.write_unknown();
            }
            if !text.contains(&b'/') {
                self.write(b"/usr/bin/");
            }
            self.write(&text);
            self.write(b"\n");
        }
    }

    /// `cp a b`, `mv a b`: of files that the text wrote.
    pub(super) fn copy(&mut self, argv: Range32) {
        self.status = None;
        let mut operands = (argv.start + 1..argv.end)
            .map(|i| self.arg(i))
            .filter(|w| !self.text(w.range()).starts_with(b"-"));
        if let (Some(from), Some(to), None) = (operands.next(), operands.next(), operands.next())
            && let Some(content) = self.file(from.range())
        {
            self.write_file(to.range(), content);
        }
    }

    /// The step that text from a pipe has taken where it was decoded on the way.
    pub(super) fn decoded_via(&mut self, from: InputFrom) -> Option<super::Via> {
        (from == InputFrom::Pipe || from == InputFrom::HereString)
            .then(|| self.decoded.take())
            .flatten()
            .map(|name| Machine::via(ViaKind::Decoded, name))
    }
}

/// Splits a line as `read` does: at most `most` fields, the last with the rest; all of them for an array.
pub(super) fn split_fields(
    line: &[u8],
    offset: u32,
    most: usize,
    array: bool,
    separators: &[u8],
) -> Vec<Range32> {
    let blank = |b: u8| matches!(b, b' ' | b'\t' | b'\n') && separators.contains(&b);
    let sign = |b: u8| separators.contains(&b) && !blank(b);
    let mut fields = Vec::new();
    let mut at = 0;
    while at < line.len() {
        while at < line.len() && blank(line[at]) {
            at += 1;
        }
        if at == line.len() {
            break;
        }
        let start = at;
        if !array && fields.len() + 1 >= most {
            let mut end = line.iter().rposition(|&b| !blank(b)).map_or(start, |last| last + 1);
            // One separator after the last field goes, where it is the only one.
            if end > start && sign(line[end - 1]) && !line[start..end - 1].iter().any(|&b| sign(b)) {
                end -= 1;
            }
            fields.push(Range32 { start: offset + start as u32, end: offset + end as u32 });
            break;
        }
        while at < line.len() && !separators.contains(&line[at]) {
            at += 1;
        }
        fields.push(Range32 { start: offset + start as u32, end: offset + at as u32 });
        while at < line.len() && blank(line[at]) {
            at += 1;
        }
        at += usize::from(at < line.len() && sign(line[at]));
        if fields.len() >= 4096 {
            break;
        }
    }
    fields
}
