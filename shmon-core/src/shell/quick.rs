//! Ordinary commands in one pass: simple commands of plain and quoted words, with redirections, in pipelines and lists,
//! and what common wrappers run. The result is the one of the full evaluation; whatever isn't surely the same is left to
//! it: expansions, compound commands, reserved words, shells, and programs that read commands or change the shell.

use super::analysis::{
    Analysis, InvRec, Range32, RedirRec, RedirectionKind, Span, Via, ViaKind, WordFlags, WordRec,
};
use super::chars::{self, META, PLAIN, is};
use super::wrap::{self, listed};
use super::wrappers::{self, Action, Builtin, Rest, Wrapper};

/// Longer commands are left to the full evaluation: shorter ones never reach its budgets.
const LONGEST: usize = 1024;
/// Wrappers inside each other.
const DEEPEST: usize = 4;
/// Redirections of one command.
const MOST_REDIRECTIONS: usize = 4;

/// Reads the command into `out`; false, with `out` undefined, where that is left to the full evaluation.
pub(super) fn run(command: &[u8], out: &mut Analysis) -> bool {
    if command.len() > LONGEST {
        return false;
    }
    out.clear();
    out.text.extend_from_slice(command);
    let mut quick = Quick {
        text: command,
        at: 0,
        out,
        pipeline: 0,
        stage: 0,
        via: [Via { kind: ViaKind::Wrapper, name: "" }; DEEPEST],
        depth: 0,
        redirections: Range32::default(),
        source: false,
        folders: false,
        files: false,
        computed: 0,
    };
    quick.list().is_some()
}

/// What is known of a command's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Unknown,
    /// Perhaps known to be 0: what follows `||` would not run.
    Zero,
}

struct Quick<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Analysis,
    pipeline: u32,
    stage: u32,
    via: [Via; DEEPEST],
    depth: usize,
    /// Those of the command at hand.
    redirections: Range32,
    /// Something whose output the text tells was seen.
    source: bool,
    /// A folder was made.
    folders: bool,
    /// A file was written.
    files: bool,
    /// How many outputs would be computed from it.
    computed: u32,
}

impl Quick<'_> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn after(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn list(&mut self) -> Option<()> {
        loop {
            let status = self.pipeline()?;
            let sequence = match (self.peek(), self.after()) {
                (None, _) => return Some(()),
                (Some(b';'), next) if !matches!(next, Some(b';' | b'&' | b'|')) => true,
                (Some(b'&'), Some(b'&')) => {
                    self.at += 1;
                    false
                }
                (Some(b'&'), next) if !matches!(next, Some(b';' | b'|')) => true,
                (Some(b'|'), Some(b'|')) if status == Status::Unknown => {
                    self.at += 1;
                    false
                }
                _ => return None,
            };
            self.at += 1;
            self.blanks();
            if sequence && self.peek().is_none() {
                return Some(());
            }
        }
    }

    fn pipeline(&mut self) -> Option<Status> {
        self.pipeline += 1;
        self.stage = 0;
        loop {
            self.blanks();
            let status = self.simple()?;
            if self.peek() != Some(b'|') || self.after() == Some(b'|') {
                return Some(status);
            }
            self.at += if self.after() == Some(b'&') { 2 } else { 1 };
            self.stage += 1;
        }
    }

    /// A simple command and what it runs; the position is after it.
    fn simple(&mut self) -> Option<Status> {
        let start = self.at;
        let mut last = start;
        let first = self.out.words.len() as u32;
        let mut targets = [(RedirectionKind::Read, 0, WordRec::default()); MOST_REDIRECTIONS];
        let mut redirected = 0;
        loop {
            match self.peek() {
                None | Some(b';' | b'|') => break,
                Some(b' ' | b'\t') => {
                    self.at += 1;
                    continue;
                }
                Some(b'&') if self.after() != Some(b'>') || self.at == start => break,
                Some(b'&' | b'<' | b'>') => {
                    *targets.get_mut(redirected)? = self.redirection(None)?;
                    redirected += 1;
                }
                // A comment.
                Some(b'#') => return None,
                Some(_) => {
                    let word = self.word()?;
                    let digits = || self.source(word.span).iter().all(u8::is_ascii_digit);
                    if matches!(self.peek(), Some(b'<' | b'>')) && digits() {
                        *targets.get_mut(redirected)? = self.redirection(Some(word))?;
                        redirected += 1;
                    } else {
                        self.out.words.push(word);
                    }
                }
            }
            last = self.at;
        }
        let argv = Range32 { start: first, end: self.out.words.len() as u32 };
        let program = self.out.words.get(first as usize)?;
        let name = self.text.get(program.start as usize..(program.start + program.len) as usize)?;
        // An assignment, or a word of the grammar.
        if program.flags != WordFlags::default() || is_reserved(name) || name.contains(&b'=') {
            return None;
        }
        self.redirections = self.settle(&targets[..redirected]);
        let status = self.execute(argv, Span::new(start, last));
        let writes = |kind| matches!(kind, RedirectionKind::Write | RedirectionKind::Append);
        self.files |= targets[..redirected].iter().any(|(kind, ..)| writes(*kind));
        status
    }

    /// Puts redirections into the result.
    #[inline]
    fn settle(&mut self, targets: &[(RedirectionKind, i32, WordRec)]) -> Range32 {
        if targets.is_empty() {
            return Range32::default();
        }
        let start = self.out.redirections.len() as u32;
        for &(kind, fd, word) in targets {
            let target = self.out.words.len() as u32;
            self.out.words.push(word);
            self.out.redirections.push(RedirRec { kind, fd, target });
        }
        Range32 { start, end: self.out.redirections.len() as u32 }
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
        if matches!(self.peek(), None | Some(b'#')) || self.peek().is_some_and(|b| is(b, META)) {
            return None;
        }
        let mut word = self.word()?;
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

    /// The word at the position; the position is after it, at what ends it.
    #[inline]
    fn word(&mut self) -> Option<WordRec> {
        let start = self.at;
        let rest = self.text.get(start..)?;
        let at = start + rest.iter().position(|&b| !is(b, PLAIN)).unwrap_or(rest.len());
        if at > start && self.ends(at)? {
            self.at = at;
            let span = Span::new(start, at);
            return Some(WordRec {
                start: span.start,
                len: span.end - span.start,
                flags: WordFlags::default(),
                span,
            });
        }
        self.composed(start, at)
    }

    /// Whether the word ends here; `None` where the full evaluation has to look.
    #[inline]
    fn ends(&self, at: usize) -> Option<bool> {
        match self.text.get(at) {
            None | Some(b' ' | b'\t' | b';' | b'|' | b'&') => Some(true),
            Some(b'<' | b'>') => (self.text.get(at + 1) != Some(&b'(')).then_some(true),
            Some(b'\n' | b'(' | b')' | b'$' | b'`' | b'{' | b'}') => None,
            Some(_) => Some(false),
        }
    }

    /// A word with quotes or glob characters, of which the bytes before `at` are plain.
    fn composed(&mut self, start: usize, at: usize) -> Option<WordRec> {
        if self.text[start..].starts_with(b"{}") && at == start && self.ends(start + 2) == Some(true) {
            self.at = start + 2;
            let span = Span::new(start, start + 2);
            return Some(WordRec { start: span.start, len: 2, flags: WordFlags::default(), span });
        }
        let mut at = at;
        let mut flags = WordFlags::default();
        let mut pieces = Pieces { first: (start, at), copied: None };
        while !self.ends(at)? {
            let from = at;
            let b = self.text[at];
            match b {
                b'\'' | b'"' => {
                    let inner = &self.text[at + 1..];
                    let length = memchr::memchr(b, inner)?;
                    if b == b'"' && inner[..length].iter().any(|&b| is(b, chars::QUOTE_SPECIAL)) {
                        return None;
                    }
                    flags.insert(WordFlags::QUOTED);
                    pieces.add(from + 1, from + 1 + length, self.text, &mut self.out.text);
                    at += length + 2;
                }
                b'\\' => {
                    if matches!(self.text.get(at + 1), None | Some(b'\n')) {
                        return None;
                    }
                    flags.insert(WordFlags::QUOTED);
                    pieces.add(from + 1, from + 2, self.text, &mut self.out.text);
                    at += 2;
                }
                _ => {
                    while at < self.text.len() && is(self.text[at], PLAIN | chars::GLOB) {
                        if is(self.text[at], chars::GLOB) {
                            flags.insert(WordFlags::GLOB);
                        }
                        at += 1;
                    }
                    pieces.add(from, at, self.text, &mut self.out.text);
                }
            }
        }
        if self.folders && flags.contains(WordFlags::GLOB) {
            // It may find what the text put there.
            return None;
        }
        self.at = at;
        let (first, len) = pieces.word(&self.out.text);
        Some(WordRec { start: first as u32, len: len as u32, flags, span: Span::new(start, at) })
    }

    fn source(&self, span: Span) -> &[u8] {
        self.text.get(span.start as usize..span.end as usize).unwrap_or(&[])
    }

    fn bytes(&self, word: u32) -> &[u8] {
        match self.out.words.get(word as usize) {
            Some(w) => self.out.text.get(w.start as usize..(w.start + w.len) as usize).unwrap_or(&[]),
            None => &[],
        }
    }

    /// Lists an invocation and follows what it runs.
    fn execute(&mut self, argv: Range32, span: Span) -> Option<Status> {
        let program = self.out.words.get(argv.start as usize)?;
        if program.flags != WordFlags::default() {
            return None;
        }
        self.emit(argv, span);
        let name = self.bytes(argv.start);
        let base = match memchr::memrchr(b'/', name) {
            Some(slash) => &name[slash + 1..],
            None => name,
        };
        let Some(entry) = wrappers::lookup(base) else {
            // It may be a script that the text wrote.
            return (!self.files || base.len() == name.len()).then_some(Status::Unknown);
        };
        match &entry.action {
            Action::Silent | Action::Copy | Action::Rm => Some(Status::Unknown),
            Action::Builtin(Builtin::Other | Builtin::Test) => Some(Status::Unknown),
            Action::Builtin(Builtin::True) => Some(Status::Zero),
            Action::Mkdir => {
                self.folders = true;
                Some(Status::Unknown)
            }
            Action::Tee => {
                self.files = true;
                Some(Status::Zero)
            }
            Action::Cat => Some(Status::Zero),
            Action::Builtin(Builtin::Echo) => {
                self.source = true;
                Some(Status::Zero)
            }
            Action::Builtin(Builtin::Printf) => {
                self.source = true;
                (!self.is_captured()).then_some(Status::Zero)
            }
            Action::Which => {
                self.source = true;
                Some(Status::Unknown)
            }
            Action::Filter => {
                if matches!(entry.name, "seq" | "basename" | "dirname" | "perl") {
                    self.source = true;
                }
                if self.source && self.is_captured() {
                    // One computed output stays far below what may be derived.
                    self.computed += 1;
                }
                (self.computed <= 1).then_some(Status::Unknown)
            }
            Action::Find => self.find(argv),
            Action::Xargs => self.xargs(argv),
            Action::Wrap(wrapper) => self.wrapper(entry.name, wrapper, argv),
            _ => None,
        }
    }

    /// Whether the output of the command at hand goes on: into a pipe or a file.
    fn is_captured(&self) -> bool {
        !self.redirections.is_empty() || (self.peek() == Some(b'|') && self.after() != Some(b'|'))
    }

    #[inline]
    fn emit(&mut self, argv: Range32, span: Span) {
        let via = match self.via.get(..self.depth) {
            None | Some([]) => Range32::default(),
            Some(steps) => {
                let start = self.out.vias.len() as u32;
                self.out.vias.extend_from_slice(steps);
                Range32 { start, end: self.out.vias.len() as u32 }
            }
        };
        self.out.invocations.push(InvRec {
            argv,
            assignments: Range32::default(),
            redirections: self.redirections,
            via,
            span,
            pipeline: self.pipeline,
            stage: self.stage,
        });
    }

    /// Runs words of the result through a wrapper.
    fn inner(&mut self, argv: Range32, kind: ViaKind, name: &'static str) -> Option<Status> {
        if argv.is_empty() {
            return Some(Status::Unknown);
        }
        *self.via.get_mut(self.depth)? = Via { kind, name };
        self.depth += 1;
        let first = self.out.words.get(argv.start as usize)?.span;
        let last = self.out.words.get(argv.end as usize - 1)?.span;
        // Words that were put in place of others don't stand in order.
        let end = if first.start <= last.end { last.end.max(first.end) } else { first.end };
        let status = self.execute(argv, Span { start: first.start, end });
        self.depth -= 1;
        status
    }

    /// A wrapper without options of its own, whose rest is a program and its arguments.
    fn wrapper(&mut self, name: &'static str, wrapper: &Wrapper, argv: Range32) -> Option<Status> {
        let next = argv.start + 1;
        if next == argv.end {
            return Some(Status::Unknown);
        }
        let word = self.bytes(next);
        let own = word.first() == Some(&b'-') || (wrapper.assignments && wrap::is_assignment(word));
        if wrapper.rest != Rest::Argv || wrapper.skip != 0 || own {
            return None;
        }
        self.inner(Range32 { start: next, end: argv.end }, wrapper.via, name)
    }

    fn find(&mut self, argv: Range32) -> Option<Status> {
        let mut status = Status::Unknown;
        let mut at = argv.start + 1;
        while at < argv.end {
            let name: &'static str = match self.bytes(at) {
                b"-exec" => "find -exec",
                b"-execdir" => "find -execdir",
                b"-ok" => "find -ok",
                b"-okdir" => "find -okdir",
                _ => {
                    at += 1;
                    continue;
                }
            };
            let start = at + 1;
            let mut end = start;
            while end < argv.end {
                let word = self.bytes(end);
                if word == b";" || (word == b"+" && end > start && self.bytes(end - 1) == b"{}") {
                    break;
                }
                end += 1;
            }
            status = self.inner(Range32 { start, end }, ViaKind::Wrapper, name)?;
            at = end + 1;
        }
        Some(status)
    }

    fn xargs(&mut self, argv: Range32) -> Option<Status> {
        // Known input would become arguments.
        if self.source {
            return None;
        }
        let mut next = argv.start + 1;
        while next < argv.end {
            let word = self.bytes(next);
            if word.len() < 2 || word[0] != b'-' {
                break;
            }
            let takes = match word {
                b"--" => {
                    next += 1;
                    break;
                }
                [b'-', b'-', name @ ..] => !name.contains(&b'=') && listed(wrap::XARGS_LONG, name),
                _ => {
                    let stop = word.iter().skip(1).position(|b| {
                        matches!(b, b'i' | b'e' | b'l') || wrap::XARGS_SHORT.as_bytes().contains(b)
                    });
                    stop.is_some_and(|at| at + 2 == word.len() && !matches!(word[at + 1], b'i' | b'e' | b'l'))
                }
            };
            next += 1 + u32::from(takes);
        }
        let inner = Range32 { start: next.min(argv.end), end: argv.end };
        if inner.is_empty() {
            // `echo`, which doesn't stand in the text.
            return None;
        }
        self.inner(inner, ViaKind::Wrapper, "xargs")
    }
}

/// The parts of a word: one is where it stands in the command, several are copied together.
struct Pieces {
    first: (usize, usize),
    /// Where the copy begins.
    copied: Option<usize>,
}

impl Pieces {
    fn add(&mut self, start: usize, end: usize, command: &[u8], text: &mut Vec<u8>) {
        match self.copied {
            Some(_) => text.extend_from_slice(&command[start..end]),
            None if self.first.0 == self.first.1 => self.first = (start, end),
            None if start == end => {}
            None if self.first.1 == start => self.first.1 = end,
            None => {
                self.copied = Some(text.len());
                text.extend_from_slice(&command[self.first.0..self.first.1]);
                text.extend_from_slice(&command[start..end]);
            }
        }
    }

    /// Begin and length of the word in the text.
    fn word(&self, text: &[u8]) -> (usize, usize) {
        match self.copied {
            Some(start) => (start, text.len() - start),
            None => (self.first.0, self.first.1 - self.first.0),
        }
    }
}

/// Words that begin or end something at the start of a command.
fn is_reserved(word: &[u8]) -> bool {
    matches!(
        word,
        b"!" | b"if"
            | b"then"
            | b"else"
            | b"elif"
            | b"fi"
            | b"for"
            | b"while"
            | b"until"
            | b"do"
            | b"done"
            | b"case"
            | b"esac"
            | b"select"
            | b"function"
            | b"coproc"
            | b"time"
            | b"repeat"
            | b"end"
            | b"in"
            | b"{"
            | b"}"
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Analysis, Dialect, machine};
    use std::fmt::Write as _;

    /// Everything that can be seen of an analysis.
    fn shown(analysis: &Analysis) -> String {
        let mut text = format!("{:?} {:?}\n", analysis.issues(), analysis.obfuscations());
        for i in analysis.invocations() {
            let argv: Vec<_> = i.argv().map(|w| (w, w.flags)).collect();
            let redirections: Vec<_> = i.redirections().map(|r| (r, r.target.flags)).collect();
            let assignments: Vec<_> = i.assignments().collect();
            let place = (i.span(), i.pipeline(), i.stage());
            let _ = writeln!(text, "{argv:?} {redirections:?} {assignments:?} {:?} {place:?}", i.via());
        }
        text
    }

    /// Whether the quick way answers; where it does, it answers as the full evaluation.
    fn agrees(command: &str, quick: &mut Analysis, full: &mut Analysis) -> bool {
        let answered = super::run(command.as_bytes(), quick);
        if answered {
            machine::run(command.as_bytes(), Dialect::Bash, full);
            assert_eq!(shown(quick), shown(full), "{command}");
        }
        answered
    }

    #[test]
    fn ordinary_commands_are_answered_as_the_full_evaluation_does() {
        let commands = include_str!("quick.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("## "));
        let (mut quick, mut full) = (Analysis::new(), Analysis::new());
        for command in commands {
            let (command, expected) = match command.strip_prefix("no: ") {
                Some(command) => (command, false),
                None => (command, true),
            };
            assert_eq!(agrees(command, &mut quick, &mut full), expected, "{command}");
        }
    }

    /// Words of the grammar in any order: what the quick way takes for ordinary is so.
    #[test]
    fn generated_commands_agree() {
        const PARTS: &[&str] = &[
            "ls",
            "rm",
            "-rf",
            "find",
            ".",
            "-exec",
            "\\;",
            "{}",
            "+",
            "-name",
            "'*.c'",
            "\"a b\"",
            "xargs",
            "-0",
            "-I",
            "-n1",
            "sudo",
            "nohup",
            "nice",
            "-n",
            "5",
            "echo",
            "printf",
            "cat",
            "sed",
            "s/a/b/",
            "tee",
            "sh",
            "bash",
            "-c",
            "|",
            "||",
            "&&",
            ";",
            "&",
            "|&",
            ">",
            ">>",
            "<",
            "2>",
            "2>&1",
            "&>",
            ">&",
            "<>",
            "file",
            "/dev/null",
            "1",
            "-",
            "--",
            "a=b",
            "*",
            "a*b",
            "x'y'z",
            "''",
            "\"\"",
            "\\ ",
            "\\(",
            "!",
            "time",
            "#",
            "if",
            "true",
            "false",
            "test",
            "[",
            "mkdir",
            "d",
            "d/*",
            "which",
            "seq",
            "3",
            "grep",
            "x",
            "kill",
            "cd",
            "~",
            "\t",
            "é",
            "a,b",
            "rm\\",
            "\"",
            "'",
            "$x",
            "`",
            "(",
            ")",
            "\n",
            "<<<",
            "env",
            "exec",
            "-ok",
            "-execdir",
            "basename",
            "a/b",
            "cp",
            "mv",
            "timeout",
        ];
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = |n: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) as usize % n
        };
        let (mut quick, mut full) = (Analysis::new(), Analysis::new());
        let mut answered = 0;
        for _ in 0..60_000 {
            let mut command = String::new();
            for _ in 0..1 + next(9) {
                command.push_str(PARTS[next(PARTS.len())]);
                if next(5) > 0 {
                    command.push(' ');
                }
            }
            answered += usize::from(agrees(&command, &mut quick, &mut full));
        }
        assert!(answered > 5_000, "{answered} were answered");
    }

    #[test]
    fn real_commands_agree() {
        let shared = std::env::var_os("SHMON_SHARED").map_or_else(
            || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
            std::path::PathBuf::from,
        );
        let Ok(files) = std::fs::read_dir(shared.join("corpora")) else {
            println!("skipped: there are no corpora beside the project");
            return;
        };
        let (mut quick, mut full) = (Analysis::new(), Analysis::new());
        let (mut all, mut answered) = (0, 0);
        for file in
            files.filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "jsonl"))
        {
            for line in std::fs::read_to_string(file.path()).unwrap().lines() {
                let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
                let Some(command) = row["cmd"].as_str() else { continue };
                all += 1;
                answered += usize::from(agrees(command, &mut quick, &mut full));
            }
        }
        println!("{answered} of {all} commands are ordinary");
        assert!(all == 0 || answered * 2 > all);
    }
}
