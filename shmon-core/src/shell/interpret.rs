//! Programs that carry code or commands of their own: interpreters' one-liners, editors' `!`, database shells' `\!`. Which
//! of the words are code is here; what the code runs is in `code`.

use super::analysis::{Range32, Span, ViaKind, WordFlags, WordRec};
use super::chars::holds;
use super::code::{self, Language};
use super::machine::Machine;
use super::state::{Input, Origin, Val};

/// Where a program's code is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Code {
    /// In the word after an option with one of these letters or long names; else in a file or on standard input.
    After(Language, &'static str, &'static [&'static str]),
    /// An editor's commands: `-c ':!command'`, `+!command`, and lines of its input.
    Editor,
    /// `1e command`.
    Sed,
    /// Each line of the words or of the input that starts with one of these.
    Lines(&'static [&'static str]),
}

impl Code {
    /// Whether this word may make the program run something: cheap, and true too often.
    pub(super) fn may_run(self, word: &[u8]) -> bool {
        match self {
            // Each of awk's words is taken as code as it is.
            Code::After(Language::Awk, ..) => {
                Language::Awk.may_run(word) && !code::commands(Language::Awk, word).is_empty()
            }
            Code::After(language, ..) => language.may_run(word),
            Code::Editor => word.starts_with(b"+") || word.contains(&b'!') || word.starts_with(b":"),
            Code::Sed => sed_command(word).is_some(),
            Code::Lines(marks) => marks.iter().any(|mark| holds(word, mark.as_bytes())),
        }
    }
}

/// The language of a filter whose words may hold code.
pub(super) fn filter_code(name: &str) -> Option<Code> {
    Some(match name {
        "awk" | "gawk" | "mawk" | "nawk" => Code::After(Language::Awk, "e", &["--source"]),
        "perl" => Code::After(Language::Perl, "eE", &[]),
        "sed" => Code::Sed,
        _ => return None,
    })
}

impl Machine<'_> {
    /// Runs what the program's code runs.
    pub(super) fn code(&mut self, name: &'static str, code: Code, argv: Range32) {
        let words = argv.start + 1..argv.end;
        match code {
            Code::After(Language::Awk, ..) => {
                for index in words {
                    self.run_code(Language::Awk, name, self.arg(index).range(), self.arg(index).span);
                }
            }
            Code::After(language, letters, long) => self.one_liner(name, language, letters, long, argv),
            Code::Editor => {
                for index in words {
                    let word = self.arg(index);
                    self.editor_command(name, word.range(), word.span);
                }
                self.input_lines(|m, line, span| m.editor_command(name, line, span));
            }
            Code::Lines(marks) => {
                for index in words {
                    let word = self.arg(index);
                    for line in self.lines(word.range()) {
                        self.marked_line(name, marks, line, word.span);
                    }
                }
                self.input_lines(|m, line, span| m.marked_line(name, marks, line, span));
            }
            Code::Sed => {
                for index in words {
                    let word = self.arg(index);
                    if let Some(skip) = sed_command(self.text(word.range())) {
                        let whole = word.range();
                        let part = Range32 { start: whole.start + skip as u32, end: whole.end };
                        self.run_part(name, whole, part, word.span);
                    }
                }
            }
        }
        self.status = None;
    }

    /// `python -c CODE`, `perl -ne CODE`, `node --eval=CODE`; else a file that the text wrote, or standard input.
    fn one_liner(
        &mut self,
        name: &'static str,
        language: Language,
        letters: &str,
        long: &[&str],
        argv: Range32,
    ) {
        let mut next = argv.start + 1;
        let mut given = false;
        while next < argv.end {
            let word = self.arg(next);
            let text = self.text(word.range());
            next += 1;
            let skip = match text {
                [b'-', b'-', ..] => match long.iter().find(|name| text.starts_with(name.as_bytes())) {
                    Some(name) if text.len() == name.len() => None,
                    Some(name) if text.get(name.len()) == Some(&b'=') => Some(name.len() as u32 + 1),
                    _ => continue,
                },
                [b'-', b'm', ..] if language == Language::Python => return,
                [b'-', options @ ..] if !options.is_empty() => {
                    let Some(at) = options
                        .iter()
                        .take_while(|b| b.is_ascii_alphanumeric())
                        .position(|b| letters.as_bytes().contains(b))
                    else {
                        continue;
                    };
                    (at + 1 < options.len()).then_some(at as u32 + 2)
                }
                _ => {
                    if !given {
                        match self.file(word.range()) {
                            Some(content) => self.run_code(language, name, content.range, word.span),
                            None if text == b"-" => break,
                            None => {}
                        }
                    }
                    return;
                }
            };
            given = true;
            match skip {
                Some(skip) => {
                    let range = Range32 { start: word.start + skip, end: word.start + word.len };
                    self.run_code(language, name, range, word.span);
                }
                None if next < argv.end => {
                    let code = self.arg(next);
                    next += 1;
                    self.run_code(language, name, code.range(), code.span);
                    if language == Language::Python {
                        return;
                    }
                }
                None => return,
            }
        }
        if !given && let Input::Text(value, _) = self.input {
            let span = self.input_span(value.range);
            self.run_code(language, name, value.range, span);
        }
    }

    /// Runs the commands that stand literally in code.
    fn run_code(&mut self, language: Language, name: &'static str, range: Range32, span: Span) {
        let text = self.text(range);
        if !language.may_run(text) {
            return;
        }
        let steps = text.len() / 16;
        if !self.charge(steps) {
            return;
        }
        let found = code::commands(language, self.text(range));
        let input = std::mem::replace(&mut self.input, Input::Terminal);
        for ran in found {
            if !ran.shell {
                let argv = self.literal_words(&ran.words, span);
                self.run_inner(argv, Machine::via(ViaKind::Wrapper, name));
                continue;
            }
            let Some(text) = ran.words.first() else { continue };
            let (start, end) = (range.start + ran.place.start as u32, range.start + ran.place.end as u32);
            let exact = Range32 { start, end };
            if self.text(exact) == text.as_slice() {
                self.run_part(name, range, exact, span);
            } else {
                let range = self.intern(text);
                self.run_text(Val { range, known: true }, span, Machine::via(ViaKind::ShellString, name));
            }
        }
        self.input = input;
    }

    /// Gives a part of a text that stands at `span` to a shell.
    fn run_part(&mut self, name: &'static str, whole: Range32, part: Range32, span: Span) {
        let span = match self.origin(whole, span) {
            Origin::Exact(at) => {
                Span { start: at + (part.start - whole.start), end: at + (part.end - whole.start) }
            }
            Origin::Whole(span) => span,
        };
        self.run_text(Val { range: part, known: true }, span, Machine::via(ViaKind::ShellString, name));
    }

    /// Words of the result with these texts.
    fn literal_words(&mut self, texts: &[Vec<u8>], span: Span) -> Range32 {
        let start = self.a.words.len() as u32;
        for text in texts {
            let range = self.intern(text);
            let (at, len) = (range.start, range.len() as u32);
            self.a.words.push(WordRec { start: at, len, flags: WordFlags::default(), span });
        }
        Range32 { start, end: self.a.words.len() as u32 }
    }

    /// The lines of a text.
    fn lines(&self, range: Range32) -> Vec<Range32> {
        let mut at = range.start;
        let ends = self.text(range).split(|&b| b == b'\n').map(|line| line.len() as u32);
        let mut lines = Vec::new();
        for len in ends.take(256) {
            lines.push(Range32 { start: at, end: at + len });
            at += len + 1;
        }
        lines
    }

    fn input_lines(&mut self, mut each: impl FnMut(&mut Self, Range32, Span)) {
        let Input::Text(value, _) = self.input else { return };
        if !self.charge(value.range.len() / 16) {
            return;
        }
        let span = self.input_span(value.range);
        for line in self.lines(value.range) {
            each(self, line, span);
        }
    }

    /// `:!command`, `:r !command`, `%!command`, and code of a language inside.
    fn editor_command(&mut self, name: &'static str, range: Range32, span: Span) {
        let text = self.text(range);
        if !Code::Editor.may_run(text) {
            return;
        }
        let start = text.strip_prefix(b"+").unwrap_or(text);
        let start = start.trim_ascii_start();
        let start = match start.iter().position(|b| *b != b':' && !b.is_ascii_whitespace()) {
            Some(at) => &start[at..],
            None => return,
        };
        for (word, language) in [
            (&b"py3 "[..], Language::Python),
            (b"py ", Language::Python),
            (b"python3 ", Language::Python),
            (b"python ", Language::Python),
            (b"lua ", Language::Lua),
            (b"ruby ", Language::Ruby),
            (b"perl ", Language::Perl),
        ] {
            if start.starts_with(word) {
                return self.run_code(language, name, range, span);
            }
        }
        let Some(bang) = memchr::memchr(b'!', start) else { return };
        let before = start[..bang].trim_ascii();
        let address = before.iter().take_while(|b| b"%.,$0123456789+-".contains(b)).count();
        let known: [&[u8]; 10] =
            [b"", b"r", b"re", b"read", b"w", b"write", b"sil", b"silent", b"term", b"0r"];
        if !known.contains(&before[address..].trim_ascii()) {
            return;
        }
        let mut skip = text.len() - start.len() + bang + 1;
        // `silent! !command`
        if before.starts_with(b"sil")
            && let Some(next) = memchr::memchr(b'!', &start[bang + 1..])
        {
            skip += next + 1;
        }
        let part = Range32 { start: range.start + skip as u32, end: range.end };
        if !part.is_empty() {
            self.run_part(name, range, part, span);
        }
    }

    /// A line that starts with one of the marks: the rest is a command for a shell.
    fn marked_line(&mut self, name: &'static str, marks: &[&str], line: Range32, span: Span) {
        let text = self.text(line);
        let start = text.trim_ascii_start();
        let Some(mark) = marks.iter().find(|mark| start.starts_with(mark.as_bytes())) else { return };
        let skip = text.len() - start.len() + mark.len();
        let part = Range32 { start: line.start + skip as u32, end: line.end };
        if !part.is_empty() {
            self.run_part(name, line, part, span);
        }
    }
}

/// Where the command of sed's `e` starts: after an address in lines, if any.
fn sed_command(script: &[u8]) -> Option<usize> {
    let digits = script.iter().take_while(|b| b.is_ascii_digit() || **b == b'$').count();
    script.get(digits..)?.starts_with(b"e ").then_some(digits + 2)
}
