//! Compound commands in one pass: subshells, groups, conditions whose outcome isn't known, loops over few words; `time`.

use super::super::analysis::{Range32, Via, ViaKind, WordFlags};
use super::super::chars::name_len;
use super::super::reserved::begins;
use super::{MOST_ROUNDS, Quick, Status, Until, Value};

/// A compound command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compound {
    Subshell,
    Group,
    If,
    While,
    For,
}

/// What a reserved word or a bracket opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opens {
    Compound(Compound),
    /// `time` before a pipeline.
    Time,
}

impl Until {
    fn words(self) -> &'static [&'static [u8]] {
        match self {
            Until::Nothing => &[],
            Until::Brace => &[b"}"],
            Until::Then => &[b"then"],
            Until::Fi => &[b"elif", b"else", b"fi"],
            Until::Do => &[b"do"],
            Until::Done => &[b"done"],
        }
    }
}

impl Quick<'_> {
    /// What begins here, unless it is a simple command.
    #[inline]
    pub(super) fn opens(&self) -> Option<Opens> {
        Some(Opens::Compound(match self.peek()? {
            b'(' if self.after() != Some(b'(') => Compound::Subshell,
            b'{' if self.is_word(b"{") => Compound::Group,
            b'i' if self.is_word(b"if") => Compound::If,
            b'w' if self.is_word(b"while") => Compound::While,
            b'u' if self.is_word(b"until") => Compound::While,
            b'f' if self.is_word(b"for") => Compound::For,
            b't' if self.is_word(b"time") => return Some(Opens::Time),
            _ => return None,
        }))
    }

    /// Whether the reserved word stands here.
    fn is_word(&self, word: &[u8]) -> bool {
        begins(self.text.get(self.at..).unwrap_or(&[]), word)
    }

    /// Takes the reserved word that stands here.
    fn accept(&mut self, word: &[u8]) -> bool {
        let found = self.is_word(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Whether the list inside of a compound command ends here.
    #[inline]
    pub(super) fn ends_compound(&self) -> bool {
        self.until != Until::Nothing && self.until.words().iter().any(|word| self.is_word(word))
    }

    /// A list up to one of the words.
    fn inside(&mut self, until: Until) -> Option<Status> {
        let outer = std::mem::replace(&mut self.until, until);
        self.blanks();
        let status = self.list()?;
        let ends = until == Until::Nothing || self.ends_compound();
        self.until = outer;
        ends.then_some(status)
    }

    /// Follows the compound command at the position; afterwards it is behind it and the blanks.
    #[cold]
    pub(super) fn compound(&mut self, compound: Compound) -> Option<Status> {
        let piped = !self.alone;
        let shell = (self.in_stage, self.captured, self.scope, self.closer, self.alone);
        let known = self.known;
        let before = (self.pipelines, self.pipes, self.changes);
        if piped {
            (self.in_stage, self.captured) = (true, true);
        } else if !self.in_stage {
            // Its commands count themselves.
            self.pipelines -= 1;
        }
        if piped || compound == Compound::Subshell {
            self.scope = self.known;
        }
        let status = match compound {
            Compound::Subshell => {
                self.at += 1;
                self.closer = Some(b')');
                self.blanks();
                let status = self.inside(Until::Nothing)?;
                (self.peek() == Some(b')')).then_some(())?;
                self.at += 1;
                status
            }
            Compound::Group => {
                self.at += 1;
                let status = self.inside(Until::Brace)?;
                self.at += 1;
                status
            }
            Compound::If => self.condition()?,
            Compound::While => self.repeated()?,
            Compound::For => self.each()?,
        };
        if piped || compound == Compound::Subshell {
            self.known = known;
        }
        (self.in_stage, self.captured, self.scope, self.closer, self.alone) = shell;
        self.blanks();
        // What stands behind it would apply to what is inside.
        let alone = matches!(self.peek(), None | Some(b';')) || self.is_over();
        let list = matches!((self.peek(), self.after()), (Some(b'|'), Some(b'|')) | (Some(b'&'), Some(b'&')));
        if !piped && !self.in_stage && self.is_piped() {
            // The first stage of a pipeline, which is that of all its commands if it is their only one. What of their output is
            // known wasn't noted.
            (self.source, self.partial) = (true, true);
            return (before == (self.pipelines, self.pipes, self.changes)).then_some(status);
        }
        (alone || list || (piped && self.is_piped())).then_some(status)
    }

    /// `if` with conditions of which nothing is known: whatever may run does.
    fn condition(&mut self) -> Option<Status> {
        self.at += 2;
        loop {
            (self.inside(Until::Then)? == Status::Unknown).then_some(())?;
            self.at += 4;
            self.inside(Until::Fi)?;
            if self.accept(b"elif") {
                continue;
            }
            if self.accept(b"else") {
                self.inside(Until::Fi)?;
            }
            return self.accept(b"fi").then_some(Status::Unknown);
        }
    }

    /// `while` and `until` with a condition of which nothing is known: one round shows all.
    fn repeated(&mut self) -> Option<Status> {
        self.at += 5;
        (self.inside(Until::Do)? == Status::Unknown).then_some(())?;
        self.at += 2;
        self.inside(Until::Done)?;
        self.at += 4;
        Some(Status::Unknown)
    }

    /// `for NAME in WORDS; do …; done`
    fn each(&mut self) -> Option<Status> {
        self.at += 3;
        self.blanks();
        let start = self.at;
        let length = name_len(self.text.get(start..)?);
        let name = Range32 { start: start as u32, end: (start + length) as u32 };
        self.at += length;
        self.blanks();
        if length == 0 || self.at == start + length || !self.accept(b"in") {
            return None;
        }
        self.first = self.out.words.len() as u32;
        loop {
            self.blanks();
            if self.peek() == Some(b';') {
                break;
            }
            if self.peek() == Some(b'#') {
                return None;
            }
            let word = self.word()?;
            self.out.words.push(word);
        }
        let words = Range32 { start: self.first, end: self.out.words.len() as u32 };
        self.at += 1;
        self.blanks();
        if words.is_empty() || !self.accept(b"do") {
            return None;
        }
        let body = self.at;
        for word in words.start..words.end {
            self.rounds += 1;
            (self.rounds <= MOST_ROUNDS).then_some(())?;
            let word = self.word_at(word)?;
            let known = !word.flags.contains(WordFlags::UNRESOLVED);
            self.remember(name, Value { range: word.range(), known })?;
            self.at = body;
            self.inside(Until::Done)?;
        }
        self.at += 4;
        Some(Status::Unknown)
    }

    /// Takes `time` before a pipeline of simple commands, of which it is a step on the way.
    #[cold]
    pub(super) fn time(&mut self) -> Option<()> {
        self.at += 4;
        self.blanks();
        if matches!(self.peek(), None | Some(b'-' | b';' | b'|' | b'&' | b'!')) || self.opens().is_some() {
            return None;
        }
        *self.via.get_mut(self.depth)? = Via { kind: ViaKind::Wrapper, name: "time" };
        self.depth += 1;
        Some(())
    }
}
