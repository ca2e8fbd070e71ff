//! What an ordinary command's program does to the reading: what it runs, and what is known of its status and output.

use super::super::analysis::{InvRec, Range32, Span, Via, ViaKind, WordFlags};
use super::super::interpret::filter_code;
use super::super::wrap::{self, listed};
use super::super::wrappers::{self, Action, Builtin, Rest, Wrapper};
use super::{Quick, Status};

impl Quick<'_> {
    /// Lists an invocation and follows what it runs.
    pub(super) fn execute(&mut self, argv: Range32, span: Span) -> Option<Status> {
        let program = self.out.words.get(argv.start as usize)?;
        let name = self.bytes(argv.start);
        // What runs is in the file that `<(…)` makes.
        if program.flags != WordFlags::default() || name.first() == Some(&b'<') {
            return None;
        }
        let base = program.range().base(&self.out.text);
        self.emit(argv, base, span);
        let (name, base) = (self.bytes(argv.start), base.of(&self.out.text));
        let Some(entry) = wrappers::lookup(base) else {
            // It may be a script that the text wrote, even just now.
            let is_path = base.len() < name.len();
            let written =
                || self.redirections.of(&self.out.redirections).iter().any(|r| self.bytes(r.target) == name);
            return (!is_path || !(self.files || written())).then_some(Status::Unknown);
        };
        if self.closer.is_some() && !writes_anything(&entry.action) {
            // What it writes is known, if only that it is nothing.
            return None;
        }
        match &entry.action {
            Action::Silent | Action::Copy | Action::Rm => Some(Status::Unknown),
            Action::Builtin(Builtin::Other | Builtin::Test) => Some(Status::Unknown),
            Action::Builtin(Builtin::True) => Some(Status::Zero),
            // What they change matters to nobody at the end.
            Action::Builtin(
                Builtin::Alias
                | Builtin::Unalias
                | Builtin::Unset
                | Builtin::Set
                | Builtin::Shift
                | Builtin::Read,
            ) => (self.depth == 0 && self.at == self.text.len()).then_some(Status::Unknown),
            Action::OptionText(_) => {
                let options = |i| self.bytes(i).starts_with(b"--");
                (entry.name == "split" && !(argv.start + 1..argv.end).any(options)).then_some(Status::Unknown)
            }
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
                // `-v` sets a variable.
                let sets = self.bytes(argv.start + 1).starts_with(b"-") && argv.len() > 1;
                (!sets && !self.is_captured()).then_some(Status::Zero)
            }
            Action::Which => {
                self.source = true;
                Some(Status::Unknown)
            }
            Action::Code(code) => {
                let written = self.source || self.files;
                let runs = |i| code.may_run(self.bytes(i));
                (!written && !(argv.start + 1..argv.end).any(runs)).then_some(Status::Unknown)
            }
            Action::Filter => {
                if let Some(code) = filter_code(entry.name)
                    && (argv.start + 1..argv.end).any(|i| code.may_run(self.bytes(i)))
                {
                    return None;
                }
                let starts = matches!(entry.name, "seq" | "basename" | "dirname" | "perl" | "expr")
                    || (matches!(entry.name, "awk" | "gawk" | "mawk")
                        && (argv.start..argv.end)
                            .any(|i| memchr::memmem::find(self.bytes(i), b"BEGIN").is_some()));
                if starts {
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
            Action::Embedded(marks) => {
                let marked =
                    |i| marks.iter().any(|m| memchr::memmem::find(self.bytes(i), m.as_bytes()).is_some());
                let clusters = |i| matches!(self.bytes(i), [b'-', .., b'c' | b'e' | b'I']);
                (!(argv.start + 1..argv.end).any(|i| marked(i) || clusters(i))).then_some(Status::Unknown)
            }
            Action::After(words) => {
                let shell =
                    |word: &[u8]| entry.name == "gdb" && (word.contains(&b'!') || word.starts_with(b"shell"));
                let marked = |i| {
                    shell(self.bytes(i)) || words.iter().any(|(word, _)| word.as_bytes() == self.bytes(i))
                };
                let fed = entry.name == "gdb" && self.source;
                (!fed && !(argv.start + 1..argv.end).any(marked)).then_some(Status::Unknown)
            }
            _ => None,
        }
    }

    /// Whether the output of the command at hand goes on: into a pipe or a file.
    fn is_captured(&self) -> bool {
        !self.redirections.is_empty() || (self.peek() == Some(b'|') && self.after() != Some(b'|'))
    }

    #[inline]
    fn emit(&mut self, argv: Range32, program: Range32, span: Span) {
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
        while let Some((name, run)) = wrap::find_exec(at..argv.end, |word| self.bytes(word)) {
            at = run.end + 1;
            status = self.inner(run, ViaKind::Wrapper, name)?;
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

/// Whether nobody can know what the program writes, so that it is the same inside of a substitution.
fn writes_anything(action: &Action) -> bool {
    matches!(
        action,
        Action::Filter | Action::Cat | Action::Find | Action::Xargs | Action::Wrap(_) | Action::Code(_)
    )
}
