//! What is left of a condition once it is known which program it is asked about: tests of the program's name are decided
//! when rules are compiled, and with them the alternatives of other programs go.

use super::layout::{PROGRAM_WORDS, node_words, op};

/// What is left of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Left {
    /// It holds.
    Holds,
    /// It never holds.
    Fails,
    /// This is still to be asked.
    Code(Vec<u32>),
}

/// The program that a condition is asked about: its name, or what its name begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) name: &'a [u8],
    pub(super) prefix: bool,
}

/// Narrows `code`, whose strings are in `bytes`.
pub(super) fn narrow(code: &[u32], bytes: &[u8], known: Known<'_>) -> Left {
    if code.is_empty() {
        return Left::Holds;
    }
    let mut narrower = Narrower { code, bytes, known, out: Vec::with_capacity(code.len()) };
    match narrower.node(0) {
        Some(true) => Left::Holds,
        Some(false) => Left::Fails,
        None => Left::Code(narrower.out),
    }
}

struct Narrower<'a> {
    code: &'a [u32],
    bytes: &'a [u8],
    known: Known<'a>,
    out: Vec<u32>,
}

impl Narrower<'_> {
    fn end(&self, at: usize) -> usize {
        at + node_words(self.code[at])
    }

    /// What the node at `at` is for the program; `None` where that isn't decided, and what is left was written.
    fn node(&mut self, at: usize) -> Option<bool> {
        let end = self.end(at);
        match self.code[at] & 0xFF {
            op::ALL => self.each(at, end, false),
            op::ANY => self.each(at, end, true),
            op::NONE => self.each(at, end, true).map(|held| !held),
            op::PROGRAM => self.program(at, end),
            _ => {
                self.out.extend_from_slice(&self.code[at..end]);
                None
            }
        }
    }

    /// The children of a node that is decided as soon as one of them is `stop`.
    fn each(&mut self, at: usize, end: usize, stop: bool) -> Option<bool> {
        let kind = self.code[at] & 0xFF;
        let open = self.out.len();
        self.out.push(kind);
        let mut child = at + 1;
        while child < end {
            let begin = self.out.len();
            match self.node(child) {
                Some(decided) if decided == stop => {
                    self.out.truncate(open);
                    return Some(stop);
                }
                Some(_) => self.out.truncate(begin),
                None => {
                    // What holds together is asked together.
                    if kind == op::ALL && self.out[begin] & 0xFF == op::ALL {
                        self.out.remove(begin);
                    }
                }
            }
            child = self.end(child);
        }
        if self.out.len() == open + 1 {
            self.out.truncate(open);
            return Some(!stop);
        }
        let length = (self.out.len() - open) as u32;
        self.out[open] = kind | length << 8;
        None
    }

    fn program(&mut self, at: usize, end: usize) -> Option<bool> {
        let Known { name, prefix } = self.known;
        let mut open = false;
        for place in (at + PROGRAM_WORDS..end).step_by(3) {
            let (start, length) = (self.code[place] as usize, self.code[place + 1] as usize);
            let want = &self.bytes[start..start + length];
            let longer = self.code[place + 2] != 0;
            if (longer && name.starts_with(want)) || (!longer && !prefix && name == want) {
                return Some(true);
            }
            open |= prefix && want.starts_with(name);
        }
        if !open {
            return Some(false);
        }
        self.out.extend_from_slice(&self.code[at..end]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: &[u8] = b"bashpython3";
    const BASH: [u32; 6] = [op::PROGRAM | 6 << 8, 0, 0, 0, 4, 0];
    const PYTHON: [u32; 6] = [op::PROGRAM | 6 << 8, 0, 0, 4, 6, 1];
    const ROOT: [u32; 2] = [op::ROOT | 2 << 8, 1];

    fn node(kind: u32, children: &[&[u32]]) -> Vec<u32> {
        let inner = children.concat();
        [&[kind | (inner.len() as u32 + 1) << 8], inner.as_slice()].concat()
    }

    #[test]
    fn alternatives_of_other_programs_go() {
        let either = node(
            op::ANY,
            &[&node(op::ALL, &[&BASH, &ROOT]), &node(op::ALL, &[&PYTHON, &node(op::NONE, &[&BASH])])],
        );
        let all = node(op::ALL, &[&either]);
        let of = |name: &str, prefix| narrow(&all, BYTES, Known { name: name.as_bytes(), prefix });
        let root = node(op::ALL, &[&node(op::ANY, &[&node(op::ALL, &[&ROOT])])]);
        assert_eq!(of("bash", false), Left::Code(root));
        assert_eq!(of("python3", false), Left::Holds);
        assert_eq!(of("python", true), Left::Holds);
        assert_eq!(of("perl", false), Left::Fails);
        // Nothing but the beginning is known: bash may still be meant.
        assert!(matches!(of("ba", true), Left::Code(_)));
    }
}
