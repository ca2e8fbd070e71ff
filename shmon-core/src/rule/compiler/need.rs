//! What must be there for a condition to hold, as features: clauses that must all be met, each by any of its bits.

use super::clause::{Atoms, Clause, commonness};
use super::features::*;
use super::glob::{ends, runs};
use super::hash::hash_of_name;
use super::layout::{PROGRAM_WORDS, SPELLING_WORDS, node_words, op};

/// Texts of at least so many bytes are atoms.
const ATOM: usize = super::trigger::SHORTEST_ATOM;

/// Clauses of one rule; more are hardly ever asked.
const MOST: usize = 4;

/// A clause that so many of a thousand commands meet is met often.
const OFTEN: u32 = 300;

/// Of so few alternatives all clauses are put together.
const FEW: usize = 4;

/// What the code needs; `bytes` holds its strings, `sets` the words of its sets.
pub(super) fn needs(code: &[u32], bytes: &[u8], sets: &[u32], atoms: &mut Atoms) -> Vec<Clause> {
    if code.is_empty() {
        return Vec::new();
    }
    let mut clauses = Reader { code, bytes, sets, atoms }.node(0);
    clauses.retain(|c| c.likelihood() < if c.asks_bytes() { 500 } else { 950 });
    clauses.sort_by_cached_key(|clause| clause.likelihood() + clause.cost());
    clauses.dedup();
    // What has no bits can only be the first, which picks the rule; what is common is worth finding for another only where
    // that picks often.
    let often = clauses.first().is_some_and(|first| first.likelihood() >= OFTEN);
    let mut nth = 0;
    clauses.retain(|clause| {
        nth += 1;
        nth == 1 || !(clause.bitless || clause.common != 0 && !often)
    });
    clauses.truncate(MOST);
    clauses
}

/// What a string test is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// An argument as a whole.
    Argument,
    /// What an argument ends with, or nothing.
    Value,
    /// Something else of the command.
    Else,
}

struct Reader<'a> {
    code: &'a [u32],
    bytes: &'a [u8],
    sets: &'a [u32],
    atoms: &'a mut Atoms,
}

impl<'a> Reader<'a> {
    fn end(&self, at: usize) -> usize {
        at + node_words(self.code[at])
    }

    fn text(&self, at: usize) -> &'a [u8] {
        let start = self.code[at] as usize;
        &self.bytes[start..start + self.code[at + 1] as usize]
    }

    fn children(&self, from: usize, end: usize) -> Vec<usize> {
        let mut all = Vec::new();
        let mut at = from;
        while at < end {
            all.push(at);
            at = self.end(at);
        }
        all
    }

    /// One of several: of a few the most telling clauses of one of each; of more the most telling one of each, then the next of
    /// each.
    fn any(all: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
        let mut all: Vec<_> = all.collect();
        if all.iter().any(Vec::is_empty) {
            return Vec::new();
        }
        all.iter_mut().for_each(|clauses| clauses.sort_by_key(Clause::likelihood));
        if all.len() <= FEW {
            return all.into_iter().reduce(either).unwrap_or_default();
        }
        let mut some = vec![Clause::default(); MOST];
        let mut most = 0;
        for clauses in &all {
            most = most.max(clauses.len());
            for (nth, clause) in some.iter_mut().enumerate() {
                *clause = std::mem::take(clause).or(&clauses[nth.min(clauses.len() - 1)]);
            }
        }
        some.truncate(most);
        some
    }

    fn node(&mut self, at: usize) -> Vec<Clause> {
        let end = self.end(at);
        match self.code[at] & 0xFF {
            op::ALL => self.children(at + 1, end).into_iter().flat_map(|c| self.node(c)).collect(),
            op::ANY => Self::any(self.children(at + 1, end).into_iter().map(|c| self.node(c))),
            op::PROGRAM => {
                let mut clause = Clause::default();
                for place in (at + PROGRAM_WORDS..end).step_by(3) {
                    match self.text(place) {
                        // The start of a name of which nothing more is known.
                        [] | [_] if self.code[place + 2] != 0 => return Vec::new(),
                        name => {
                            let prefix = self.code[place + 2] != 0;
                            let ((feature, bit), token) = if prefix {
                                ((F_PROGRAM_HEADS, head_bit(name)), program_head_token(name))
                            } else {
                                (program_place(hash_of_name(name)), program_token(hash_of_name(name)))
                            };
                            clause.bits[feature] |= bit;
                            clause.tokens.insert(token);
                        }
                    }
                }
                vec![clause]
            }
            op::FLAG => self.spellings(at + 1).0.into_iter().collect(),
            op::OPTION => {
                let (clause, test) = self.spellings(at + 1);
                let value = self.tests(test, end, Of::Value);
                clause.into_iter().chain(value).collect()
            }
            op::SUBCOMMAND => self.subcommand(at + 1, end),
            op::OPERAND => self.tests(at + 4, end, Of::Argument),
            op::ARG => self.tests(at + 1, end, Of::Argument),
            op::PATH | op::TEXT => self.tests(at + 1, end, Of::Else),
            op::REDIRECT => {
                let kinds = Clause::one(F_AROUND, u64::from(self.code[at + 1] & 0x7F) << X_REDIRECT);
                std::iter::once(kinds).chain(self.tests(at + 3, end, Of::Else)).collect()
            }
            op::BODY => {
                let kinds = Clause::one(F_AROUND, 0b110_0000 << X_REDIRECT);
                std::iter::once(kinds).chain(self.tests(at + 1, end, Of::Else)).collect()
            }
            op::ASSIGN => {
                std::iter::once(Clause::one(F_ASSIGNS, 1)).chain(self.tests(at + 2, end, Of::Else)).collect()
            }
            op::VIA => vec![Clause::around(X_VIA)],
            op::PIPE => {
                let from = self.code[at + 1] % 2 == 1;
                let around = Clause::around(if from { X_FROM } else { X_INTO });
                self.elsewhere(around, at + 2)
            }
            op::ALSO => self.elsewhere(Clause::around(X_OTHERS), at + 1),
            op::THEN => self.elsewhere(Clause::around(X_LATER), at + 1),
            op::HIDING => vec![Clause::around(X_HIDING)],
            op::ISSUE => vec![Clause::around(X_ISSUE)],
            _ => Vec::new(),
        }
    }

    /// What another invocation needs, as far as that shows in the command as a whole.
    fn elsewhere(&mut self, around: Clause, child: usize) -> Vec<Clause> {
        let mut all = vec![around];
        if child < self.code.len() {
            all.extend(self.node(child).into_iter().filter(Clause::is_whole));
        }
        all
    }

    /// The option's clause, and where its spellings end.
    fn spellings(&self, at: usize) -> (Option<Clause>, usize) {
        let pair = |at: usize| u64::from(self.code[at]) | u64::from(self.code[at + 1]) << 32;
        let mut clause = Clause::one(F_LETTERS, pair(at));
        clause.bits[F_HEADS] = pair(at + 2);
        let known = clause.bits[F_HEADS] != u64::MAX;
        let end = at + SPELLING_WORDS + 3 * self.code[at + SPELLING_WORDS - 1] as usize;
        for long in (at + SPELLING_WORDS..end).step_by(3) {
            let name = self.text(long);
            clause.tokens.insert(match self.code[long + 2] {
                u32::MAX => head_token(name),
                _ => head_token(&[b'-', b'-', name.first().copied().unwrap_or(0)]),
            });
        }
        (known.then_some(clause), end)
    }

    fn subcommand(&mut self, mut at: usize, end: usize) -> Vec<Clause> {
        let mut all = Vec::new();
        while at < end {
            let next = at + 1 + 3 * self.code[at] as usize;
            let mut words = Vec::new();
            for place in (at + 1..next).step_by(3) {
                let code = if self.code[place + 2] != 0 { op::PREFIX } else { op::IS };
                words.push(self.literal(code, self.text(place), Of::Argument));
            }
            all.extend(Self::any(words.into_iter()));
            at = next;
        }
        all
    }

    /// String tests of which all must hold.
    fn tests(&mut self, from: usize, end: usize, of: Of) -> Vec<Clause> {
        self.children(from, end).into_iter().flat_map(|at| self.test(at, of)).collect()
    }

    fn test(&mut self, at: usize, of: Of) -> Vec<Clause> {
        let end = self.end(at);
        match self.code[at] & 0xFF & !op::NOCASE {
            op::ALL => self.tests(at + 1, end, of),
            op::ANY => Self::any(self.children(at + 1, end).into_iter().map(|c| self.test(c, of))),
            op::LIST => {
                let first = at + self.code[at + op::LIST_OFFSETS] as usize;
                Self::any(self.children(first, end).into_iter().map(|c| self.test(c, of)))
            }
            op::SET => {
                let set = self.code[at + 1] as usize;
                let slots = self.sets[set] as usize + 1;
                let members = self.sets[set + 1..set + 1 + slots * 2].chunks_exact(2);
                Self::any(members.filter(|m| m[1] != u32::MAX).map(|m| {
                    let start = m[0] as usize;
                    self.literal(op::IS, &self.bytes[start..start + m[1] as usize], of)
                }))
            }
            code @ (op::IS | op::PREFIX | op::SUFFIX | op::CONTAINS | op::WORD) => {
                self.literal(code, self.text(at + 1), of)
            }
            op::GLOB => self.glob(self.text(at + 1), of),
            _ => Vec::new(),
        }
    }

    /// The text stands in an argument, or somewhere in the command.
    fn literal(&mut self, code: u32, text: &[u8], of: Of) -> Vec<Clause> {
        // Names of options and subcommands show well enough as words.
        let path = || text.iter().any(|b| matches!(b, b'/' | b'.' | b'~'));
        if text.len() >= ATOM && (code != op::IS || of != Of::Argument || path()) {
            return vec![Clause::atom(self.atoms.number(text), text)];
        }
        let clause = match (of, code, text.len()) {
            (Of::Argument, op::IS, _) => {
                let (feature, bit) = word_place(text);
                Some(Clause::token(feature, bit, word_token(text)))
            }
            // Of what begins with a dash the third byte counts too.
            (Of::Argument, op::PREFIX, 2..) if text.len() > 2 || text[0] != b'-' => {
                Some(Clause::token(F_HEADS, head_bit(text), head_token(text)))
            }
            (Of::Argument, op::PREFIX, 1..) => {
                Some(Clause::token(F_FIRSTS, first_bit(text), first_token(text)))
            }
            (Of::Argument, op::SUFFIX, 2..) | (Of::Value, op::SUFFIX | op::IS, 2..) => {
                Some(Clause::token(F_TAILS, tail_bit(text), tail_token(text)))
            }
            (Of::Argument, op::SUFFIX, 1) | (Of::Value, op::SUFFIX | op::IS, 1) => Some(Clause::last(text)),
            _ => None,
        };
        if let Some(clause) = clause {
            return vec![clause];
        }
        if !text.is_ascii() {
            return vec![Clause::one(F_NOT_ASCII, 1)];
        }
        let rarest = text.iter().copied().min_by_key(|b| commonness(b.to_ascii_lowercase()));
        rarest.map(byte_place).map(|(feature, bit)| Clause::one(feature, bit)).into_iter().collect()
    }

    /// The literal runs of a glob (its beginning, its end, and all between), and the bytes that begin and end it.
    fn glob(&mut self, pattern: &[u8], of: Of) -> Vec<Clause> {
        let runs = runs(pattern);
        let last = runs.len().saturating_sub(1);
        let mut all = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            let code = match place {
                _ if last == 0 => op::IS,
                0 => op::PREFIX,
                _ if place == last => op::SUFFIX,
                _ => op::CONTAINS,
            };
            if !run.is_empty() {
                all.extend(self.literal(code, run, of));
            }
        }
        let ends = ends(pattern);
        let union = |clauses: Vec<Clause>| clauses.into_iter().reduce(|some, clause| some.or(&clause));
        let pairs = |first: &[u8], second: &[u8]| -> Vec<[u8; 2]> {
            first.iter().flat_map(|a| second.iter().map(|b| [*a, *b])).collect()
        };
        if of == Of::Argument {
            all.extend(match ends.first.as_slice() {
                // Of what begins with a dash the third byte counts too.
                [first, second] if !first.contains(&b'-') => union(
                    pairs(first, second)
                        .iter()
                        .map(|two| Clause::token(F_HEADS, head_bit(two), head_token(two)))
                        .collect(),
                ),
                [first, ..] => union(
                    first
                        .iter()
                        .map(|b| Clause::token(F_FIRSTS, first_bit(&[*b]), first_token(&[*b])))
                        .collect(),
                ),
                [] => None,
            });
        }
        if of != Of::Else {
            all.extend(match ends.last.as_slice() {
                [first, second] => union(
                    pairs(first, second)
                        .iter()
                        .map(|two| Clause::token(F_TAILS, tail_bit(two), tail_token(two)))
                        .collect(),
                ),
                [last] => Some(Clause::last(last)),
                _ => None,
            });
        }
        all
    }
}

/// What is met where one of two is: a clause of either together with one of the other, the most telling ones.
fn either(some: Vec<Clause>, others: Vec<Clause>) -> Vec<Clause> {
    let mut all = Vec::with_capacity(MOST * MOST);
    for one in some.iter().take(MOST) {
        all.extend(others.iter().take(MOST).map(|other| one.clone().or(other)));
    }
    all.sort_by_cached_key(Clause::likelihood);
    all.dedup();
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::super::clause::encode;
    use super::*;

    fn with<T>(make: impl FnOnce(&mut Reader<'_>) -> T) -> (T, Vec<String>) {
        let mut atoms = Atoms::default();
        let made = make(&mut Reader { code: &[], bytes: &[], sets: &[], atoms: &mut atoms });
        let texts = atoms.list().iter().map(|(text, _)| String::from_utf8_lossy(text).into_owned()).collect();
        (made, texts)
    }

    fn feature(code: u32, text: &str, of: Of, feature: usize) -> u64 {
        let (clauses, atoms) = with(|r| r.literal(code, text.as_bytes(), of));
        assert!(atoms.is_empty());
        clauses[0].bits[feature]
    }

    #[test]
    fn a_short_literal_shows_in_its_head_tail_or_bytes() {
        let (place, bit) = word_place(b"PUSH");
        assert_eq!(feature(op::IS, "push", Of::Argument, place), bit);
        assert_eq!(feature(op::PREFIX, "/", Of::Argument, F_FIRSTS), first_bit(b"/etc"));
        assert_eq!(feature(op::SUFFIX, ".pm", Of::Argument, F_TAILS), tail_bit(b"key.PM"));
        assert_eq!(feature(op::SUFFIX, ".pm", Of::Value, F_TAILS), tail_bit(b"key.PM"));
        let (place, bit) = byte_place(b'q');
        assert_eq!(feature(op::CONTAINS, "que", Of::Argument, place), bit);
        assert!(with(|r| r.literal(op::CONTAINS, b"", Of::Else)).0.is_empty());
    }

    #[test]
    fn a_long_literal_is_an_atom() {
        let (clauses, atoms) = with(|r| r.glob(b"/etc/Init.d/*.conf.d/x", Of::Argument));
        assert_eq!(atoms, ["/etc/init.d/", ".conf.d/x"]);
        let head = Clause::token(F_HEADS, head_bit(b"/e"), head_token(b"/E"));
        let tail = Clause::token(F_TAILS, tail_bit(b"/x"), tail_token(b"/X"));
        assert_eq!(clauses, [Clause::atom(0, b"/etc/init.d/"), Clause::atom(1, b".conf.d/x"), head, tail]);
    }

    #[test]
    fn few_bytes_at_an_end_are_tokens() {
        let (clauses, _) = with(|r| r.glob(b"[01]x*[ab]", Of::Argument));
        let tokens: Vec<Vec<u32>> = clauses.iter().map(|clause| clause.tokens().collect()).collect();
        assert!(tokens.contains(&vec![head_token(b"0x"), head_token(b"1x")]));
        assert!(tokens.contains(&vec![last_token(b"a"), last_token(b"b")]));
        // Bits don't tell last bytes, so nobody asks for them.
        assert_eq!(encode(&[Clause::last(b"a")]), [0]);
    }
}
