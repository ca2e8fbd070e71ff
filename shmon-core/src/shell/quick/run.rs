//! What an ordinary command's program does to the reading: what it runs, and what is known of its status and output.

use super::super::analysis::{InvRec, Range32, Span, Via, ViaKind, WordFlags, WordRec};
use super::super::chars::holds;
use super::super::interpret::filter_code;
use super::super::run::is_all_unresolved;
use super::super::wrap::{self, listed};
use super::super::wrappers::{self, Action, Builtin};
use super::strings::is_command;
use super::{Quick, Status};

impl Quick<'_> {
    /// Lists an invocation and follows what it runs.
    pub(super) fn execute(&mut self, argv: Range32, span: Span) -> Option<Status> {
        let program = *self.out.words.get(argv.start as usize)?;
        if program.flags.contains(WordFlags::UNRESOLVED) {
            return self.execute_rest(argv, span);
        }
        let path = program.range().of(&self.out.text);
        // What runs is in the file that `<(…)` makes.
        if path.first() == Some(&b'<') || !(program.flags == WordFlags::default() || self.is_told(program)) {
            return None;
        }
        let (base, entry) = wrappers::program(path);
        let name = Range32 { start: program.start + base as u32, end: program.range().end };
        self.list_invocation(argv, name, span);
        let Some(entry) = entry else {
            return (base == 0 || !self.was_written(program.range())).then_some(Status::Unknown);
        };
        if self.captures.is_some() && !self.writes_anything(&entry.action, argv) {
            if self.tell_all(entry.name, &entry.action, argv) {
                return Some(Status::Unknown);
            }
            // What it writes is known, if only that it is nothing.
            return None;
        }
        match &entry.action {
            Action::Silent | Action::Copy | Action::Rm => Some(self.silent()),
            Action::Mkdir => {
                self.folders = true;
                Some(self.silent())
            }
            Action::Tee => {
                self.files = true;
                Some(Status::Zero)
            }
            Action::Cat => Some(Status::Zero),
            Action::Builtin(builtin) => self.builtin(*builtin, argv),
            Action::Which => {
                if self.tells_where(entry.name, argv) && !self.tell_all(entry.name, &entry.action, argv) {
                    self.tell();
                }
                Some(Status::Unknown)
            }
            Action::Code(code) => {
                let written = self.source || self.partial || self.files;
                let runs = |i| code.may_run(self.bytes(i));
                (!written && !(argv.start + 1..argv.end).any(runs)).then_some(Status::Unknown)
            }
            Action::Filter => {
                if let Some(code) = filter_code(entry.name)
                    && (argv.start + 1..argv.end).any(|i| code.may_run(self.bytes(i)))
                {
                    return None;
                }
                self.filter(entry.name, argv)
            }
            Action::Find => self.find(argv),
            Action::Xargs => self.xargs(argv),
            Action::Wrap(wrapper) => self.wrapper(entry.name, wrapper, argv),
            Action::Embedded(marks) => {
                let marked = |i| marks.iter().any(|mark| holds(self.bytes(i), mark.as_bytes()));
                let clusters = |i| matches!(self.bytes(i), [b'-', .., b'c' | b'e' | b'I' | b'x']);
                (!(argv.start + 1..argv.end).any(|i| marked(i) || clusters(i))).then_some(Status::Unknown)
            }
            Action::After(words) => {
                let shell =
                    |word: &[u8]| entry.name == "gdb" && (word.contains(&b'!') || word.starts_with(b"shell"));
                let marked = |i| {
                    shell(self.bytes(i)) || words.iter().any(|(word, _)| word.as_bytes() == self.bytes(i))
                };
                let fed = entry.name == "gdb" && (self.source || self.partial);
                (!fed && !(argv.start + 1..argv.end).any(marked)).then_some(Status::Unknown)
            }
            action => self.launch(entry.name, action, argv),
        }
    }

    /// Whether a word is one expansion without a value, so that it may be nothing.
    pub(super) fn may_be_nothing(&self, word: WordRec) -> bool {
        word.flags.contains(WordFlags::UNRESOLVED | WordFlags::SPLITS)
            && is_all_unresolved(word.range().of(&self.out.text))
    }

    /// Executes what stands behind the words that may be nothing.
    #[cold]
    fn execute_rest(&mut self, argv: Range32, mut span: Span) -> Option<Status> {
        let mut rest = argv;
        while let Some(&word) = rest.of(&self.out.words).first()
            && self.may_be_nothing(word)
        {
            self.unresolved(is_command(word.range().of(&self.out.text)), word.span)?;
            rest.start += 1;
        }
        let (Some(first), Some(last)) = (rest.of(&self.out.words).first(), rest.of(&self.out.words).last())
        else {
            return Some(Status::Unknown);
        };
        if self.depth > 0 && first.span.start <= last.span.end && first.span.start >= span.start {
            span = Span { start: first.span.start, end: last.span.end.max(first.span.end) };
        }
        if first.flags.contains(WordFlags::UNRESOLVED) { None } else { self.execute(rest, span) }
    }

    /// Whether a word is `\word`, `"word"`, `'word'` or `[`, which hides nothing.
    #[cold]
    pub(super) fn is_told(&self, word: WordRec) -> bool {
        let value = word.range().of(&self.out.text);
        if word.flags == WordFlags::GLOB {
            return value == b"[";
        }
        let inner = match self.source(word.span) {
            [b'\\', inner @ ..] | [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
            _ => return false,
        };
        word.flags == WordFlags::QUOTED && !value.is_empty() && inner == value
    }

    /// Whether the text may have written the script at this path, even just now.
    #[cold]
    fn was_written(&self, path: Range32) -> bool {
        let path = in_folder(path.of(&self.out.text));
        let mut targets = self.redirections.of(&self.out.redirections).iter().map(|r| self.bytes(r.target));
        self.files || targets.any(|target| in_folder(target) == path)
    }

    /// Lists an invocation.
    #[inline]
    pub(super) fn list_invocation(&mut self, argv: Range32, program: Range32, span: Span) {
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
            program,
            assignments: self.assignments,
            redirections: self.redirections,
            via,
            span,
            pipeline: self.pipeline,
            stage: self.stage,
        });
    }

    /// Whether the output of the command at hand goes into a pipe of its own.
    pub(super) fn is_piped(&self) -> bool {
        self.peek() == Some(b'|') && self.after() != Some(b'|')
    }

    /// Whether the output of the command at hand goes on: into a pipe or a file.
    pub(super) fn is_captured(&self) -> bool {
        self.captured || !self.redirections.is_empty() || self.is_piped()
    }

    /// The status of a program of which it is known that it writes nothing.
    pub(super) fn silent(&mut self) -> Status {
        if self.captures.is_some() || self.is_captured() {
            self.tell();
        }
        Status::Unknown
    }

    fn filter(&mut self, name: &'static str, argv: Range32) -> Option<Status> {
        if self.is_unresolved(argv) {
            // Nothing is computed.
            return Some(Status::Unknown);
        }
        // These write no more than they read.
        let passes = matches!(
            name,
            "cut"
                | "head"
                | "tail"
                | "grep"
                | "tr"
                | "sort"
                | "uniq"
                | "rev"
                | "tac"
                | "basename"
                | "dirname"
                | "perl"
                | "expr"
        );
        if matches!(name, "basename" | "dirname") && self.tell_all(name, &Action::Filter, argv) {
            return Some(Status::Unknown);
        }
        let starts = matches!(name, "seq" | "basename" | "dirname" | "perl" | "expr")
            || (matches!(name, "awk" | "gawk" | "mawk") && self.starts(argv));
        if starts {
            self.tell();
        }
        if (self.source || self.partial) && self.is_captured() && !(passes && self.computed == 0) {
            // One computed output stays far below what may be derived.
            self.computed += 1;
        }
        (self.computed <= 1).then_some(Status::Unknown)
    }

    /// Whether awk's program may write something without input, if only nothing.
    fn starts(&self, argv: Range32) -> bool {
        let has = |text: &[u8]| (argv.start + 1..argv.end).any(|i| holds(self.bytes(i), text));
        !has(b"{") || has(b"BEGIN") || has(b"END")
    }

    /// Whether the output of `which X`, `readlink X` is known.
    fn tells_where(&self, name: &str, argv: Range32) -> bool {
        let option = if argv.len() > 1 { self.bytes(argv.start + 1) } else { b"" };
        let told = match name {
            "type" => matches!(option, b"-p" | b"-P"),
            "readlink" => matches!(option, b"-f" | b"-e" | b"-m"),
            _ => true,
        };
        let first = (argv.start + 1..argv.end).find(|&i| !self.bytes(i).starts_with(b"-"));
        told && first.is_none_or(|first| {
            !self.has(first, WordFlags::UNRESOLVED)
                && (!matches!(name, "readlink" | "realpath") || self.bytes(first).starts_with(b"/"))
        })
    }

    /// Whether nobody can know what the program writes, so that it is the same inside of a substitution.
    fn writes_anything(&self, action: &Action, argv: Range32) -> bool {
        let echo = matches!(action, Action::Builtin(Builtin::Echo));
        (echo && self.echoes_unknown(argv))
            || (matches!(action, Action::Builtin(Builtin::Printf)) && self.prints_unknown(argv))
            || matches!(
                action,
                Action::Filter
                    | Action::Cat
                    | Action::Which
                    | Action::Find
                    | Action::Xargs
                    | Action::Wrap(_)
                    | Action::Env
                    | Action::Code(_)
                    | Action::Embedded(_)
                    | Action::Container
                    | Action::Ssh
            )
    }

    fn has(&self, word: u32, flags: WordFlags) -> bool {
        self.out.words.get(word as usize).is_some_and(|word| word.flags.contains(flags))
    }

    /// Runs words of the result through a wrapper.
    pub(super) fn inner(&mut self, argv: Range32, kind: ViaKind, name: &'static str) -> Option<Status> {
        if argv.is_empty() {
            return Some(self.nothing());
        }
        *self.via.get_mut(self.depth)? = Via { kind, name };
        self.depth += 1;
        let first = self.out.words.get(argv.start as usize)?.span;
        let last = self.out.words.get(argv.end as usize - 1)?.span;
        // Words that were put in place of others don't stand in order.
        let end = if first.start <= last.end { last.end.max(first.end) } else { first.end };
        let assignments = std::mem::take(&mut self.assignments);
        let status = self.execute(argv, Span { start: first.start, end });
        self.assignments = assignments;
        self.depth -= 1;
        status
    }

    fn find(&mut self, argv: Range32) -> Option<Status> {
        let mut status = Status::Unknown;
        let mut at = argv.start + 1;
        let outer = std::mem::replace(&mut self.blurred, true);
        while let Some(from) = self.may_run(Range32 { start: at, end: argv.end })
            && let Some((name, run)) = wrap::find_exec(from..argv.end, |word| self.bytes(word))
        {
            at = run.end + 1;
            status = self.inner(run, ViaKind::Wrapper, name)?;
        }
        self.blurred = outer;
        Some(status)
    }

    /// The first of `find`'s arguments that may be one of those that run something, by length and second letter.
    fn may_run(&self, args: Range32) -> Option<u32> {
        const LENGTHS: u32 = 1 << 3 | 1 << 5 | 1 << 6 | 1 << 8;
        let may = |word: &WordRec| {
            word.len < 16
                && LENGTHS >> word.len & 1 != 0
                && matches!(self.out.text.get(word.start as usize + 1), Some(b'e' | b'o'))
        };
        args.of(&self.out.words).iter().position(may).map(|at| args.start + at as u32)
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
        let mut inner = Range32 { start: next.min(argv.end), end: argv.end };
        if inner.is_empty() {
            let span = self.out.words.get(argv.start as usize)?.span;
            let start = self.out.text.len() as u32;
            self.out.text.extend_from_slice(b"echo");
            inner = Range32 { start: self.out.words.len() as u32, end: self.out.words.len() as u32 + 1 };
            self.out.words.push(WordRec { start, len: 4, flags: WordFlags::default(), span });
        }
        let outer = std::mem::replace(&mut self.blurred, true);
        let status = self.inner(inner, ViaKind::Wrapper, "xargs");
        self.blurred = outer;
        status
    }
}

/// A path without the folder that it starts from.
fn in_folder(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"./").unwrap_or(path)
}
