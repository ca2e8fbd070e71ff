//! What must be there for a condition to hold, as features: clauses that must all be met, each by any of its bits.

use super::features::*;
use super::layout::op;

/// Any of these bits must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Clause([u64; FEATURES]);

/// Clauses of one rule; more are hardly ever asked.
const MOST: usize = 4;

impl Clause {
    fn one(feature: usize, bits: u64) -> Clause {
        let mut clause = Clause::default();
        clause.0[feature] = bits;
        clause
    }

    fn around(bit: u32) -> Clause {
        Clause::one(F_AROUND, 1 << bit)
    }

    fn or(mut self, other: Clause) -> Clause {
        for (mine, others) in self.0.iter_mut().zip(other.0) {
            *mine |= others;
        }
        self
    }

    /// How often it is met by ordinary commands, roughly, in thousandths.
    fn likelihood(&self) -> u32 {
        let bits = |feature: usize| self.0[feature].count_ones();
        let around: u32 = [150, 100, 40, 10, 40, 20, 20, 20, 60, 150, 250, 250, 400, 300, 20, 30]
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0[F_AROUND] >> bit & 1 != 0)
            .map(|(_, often)| often)
            .sum();
        let bytes: u32 = (0..128u8)
            .filter(|&b| {
                let (feature, bit) = byte_place(b);
                b.to_ascii_lowercase() == b && self.0[feature] & bit != 0
            })
            .map(commonness)
            .sum();
        let sum = bits(F_LETTERS) * 70
            + bits(F_HEADS) * 60
            + bits(F_FIRSTS) * 100
            + bits(F_TAILS) * 60
            + bits(F_PROGRAMS) * 40
            + around
            + bytes;
        sum.min(1000)
    }
}

/// How many of a thousand commands hold the byte, roughly.
fn commonness(b: u8) -> u32 {
    const ORDER: &[u8] = b"eta oinsrldcpmuf-/.hgbvwkyx|'\"0123$,*:=_;{}()5678&>9j@<\\z[]q+~?#%`!^";
    let place = ORDER.iter().position(|&o| o == b).unwrap_or(ORDER.len()) as u32;
    (900u32).saturating_sub(place * 13).max(10)
}

/// What the code needs; `bytes` holds its strings, `sets` the words of its sets.
pub(super) fn needs(code: &[u32], bytes: &[u8], sets: &[u32]) -> Vec<Clause> {
    if code.is_empty() {
        return Vec::new();
    }
    let reader = Reader { code, bytes, sets };
    let mut clauses = reader.node(0);
    clauses.retain(|c| c.likelihood() < 950);
    clauses.sort_by_key(Clause::likelihood);
    clauses.dedup();
    clauses.truncate(MOST);
    clauses
}

/// One clause that is met wherever any of these is met in full; `None` where one needs nothing.
pub(super) fn gate<'a>(all: impl Iterator<Item = &'a [Clause]>) -> Option<Clause> {
    let mut gate = Clause::default();
    for clauses in all {
        gate = gate.or(*clauses.first()?);
    }
    (gate.likelihood() < 950).then_some(gate)
}

/// As words: the number of clauses, then for each the number of features, and of each feature its number and its bits.
pub(super) fn encode(clauses: &[Clause]) -> Vec<u32> {
    let mut words = vec![clauses.len() as u32];
    for clause in clauses {
        let used = || clause.0.iter().enumerate().filter(|(_, bits)| **bits != 0);
        words.push(used().count() as u32);
        for (feature, &bits) in used() {
            words.extend([feature as u32, bits as u32, (bits >> 32) as u32]);
        }
    }
    words
}

/// What a string test is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// An argument as a whole.
    Argument,
    /// Something else of the command.
    Else,
}

struct Reader<'a> {
    code: &'a [u32],
    bytes: &'a [u8],
    sets: &'a [u32],
}

impl<'a> Reader<'a> {
    fn end(&self, at: usize) -> usize {
        at + ((self.code[at] >> 8) as usize).max(1)
    }

    fn text(&self, at: usize) -> &'a [u8] {
        let start = self.code[at] as usize;
        &self.bytes[start..start + self.code[at + 1] as usize]
    }

    fn children(&self, from: usize, end: usize) -> impl Iterator<Item = usize> {
        let mut next = from;
        std::iter::from_fn(move || {
            let at = next;
            (at < end).then(|| {
                next = self.end(at);
                at
            })
        })
    }

    /// One of several: a clause of the most telling one of each.
    fn any(all: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
        let mut some = Clause::default();
        for clauses in all {
            match clauses.into_iter().min_by_key(Clause::likelihood) {
                Some(best) => some = some.or(best),
                None => return Vec::new(),
            }
        }
        vec![some]
    }

    fn node(&self, at: usize) -> Vec<Clause> {
        let end = self.end(at);
        match self.code[at] & 0xFF {
            op::ALL => self.children(at + 1, end).flat_map(|c| self.node(c)).collect(),
            op::ANY => Self::any(self.children(at + 1, end).map(|c| self.node(c))),
            op::PROGRAM => {
                let mut clause = Clause::default();
                for place in (at + 1..end).step_by(3) {
                    match self.text(place) {
                        // The start of a name of which nothing more is known.
                        [] | [_] if self.code[place + 2] != 0 => return Vec::new(),
                        name => clause.0[F_PROGRAMS] |= head_bit(name),
                    }
                }
                vec![clause]
            }
            op::FLAG => self.spellings(at + 1).0.into_iter().collect(),
            op::OPTION => {
                let (clause, test) = self.spellings(at + 1);
                let value = self.tests(test, end, Of::Else);
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
            op::ASSIGN => std::iter::once(Clause::around(X_ASSIGN))
                .chain(self.tests(at + 2, end, Of::Else))
                .collect(),
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
    fn elsewhere(&self, around: Clause, child: usize) -> Vec<Clause> {
        let whole = |c: &Clause| c.0[..F_PROGRAMS].iter().all(|&bits| bits == 0);
        let mut all = vec![around];
        if child < self.code.len() {
            all.extend(self.node(child).into_iter().filter(whole));
        }
        all
    }

    /// The option's clause, and where its spellings end.
    fn spellings(&self, at: usize) -> (Option<Clause>, usize) {
        let letters = u64::from(self.code[at]) | u64::from(self.code[at + 1]) << 32;
        let count = self.code[at + 2] as usize;
        let mut clause = Clause::one(F_LETTERS, letters);
        let mut known = true;
        for place in (0..count).map(|i| at + 3 + 3 * i) {
            let name = self.text(place);
            let least = self.code[place + 2];
            if least == u32::MAX {
                clause.0[F_HEADS] |= head_bit(name);
            } else if let (Some(&first), true) = (name.first(), least > 0) {
                clause.0[F_HEADS] |= head_bit(&[b'-', b'-', first]);
            } else {
                known = false;
            }
        }
        (known.then_some(clause), at + 3 + 3 * count)
    }

    fn subcommand(&self, mut at: usize, end: usize) -> Vec<Clause> {
        let mut all = Vec::new();
        while at < end {
            let next = at + 1 + 3 * self.code[at] as usize;
            let words = (at + 1..next).step_by(3).map(|place| {
                let code = if self.code[place + 2] != 0 { op::PREFIX } else { op::IS };
                literal(code, self.text(place), Of::Argument)
            });
            all.extend(Self::any(words));
            at = next;
        }
        all
    }

    /// String tests of which all must hold.
    fn tests(&self, from: usize, end: usize, of: Of) -> Vec<Clause> {
        self.children(from, end).flat_map(|at| self.test(at, of)).collect()
    }

    fn test(&self, at: usize, of: Of) -> Vec<Clause> {
        let end = self.end(at);
        match self.code[at] & 0xFF & !op::NOCASE {
            op::ALL => self.tests(at + 1, end, of),
            op::ANY => Self::any(self.children(at + 1, end).map(|c| self.test(c, of))),
            op::SET => {
                let set = self.code[at + 1] as usize;
                let slots = self.sets[set] as usize + 1;
                let members = self.sets[set + 1..set + 1 + slots * 2].chunks_exact(2);
                Self::any(members.filter(|m| m[1] != u32::MAX).map(|m| {
                    let start = m[0] as usize;
                    literal(op::IS, &self.bytes[start..start + m[1] as usize], of)
                }))
            }
            code @ (op::IS | op::PREFIX | op::SUFFIX | op::CONTAINS | op::WORD) => {
                literal(code, self.text(at + 1), of)
            }
            op::GLOB => glob(self.text(at + 1), of),
            _ => Vec::new(),
        }
    }
}

fn literal(code: u32, text: &[u8], of: Of) -> Vec<Clause> {
    if of == Of::Argument {
        let clause = match (code, text.len()) {
            (op::IS, _) => Some(Clause::one(F_HEADS, head_bit(text))),
            (op::PREFIX, 2..) if text != b"--" => Some(Clause::one(F_HEADS, head_bit(text))),
            (op::PREFIX, 1..) => Some(Clause::one(F_FIRSTS, first_bit(text))),
            (op::SUFFIX, 2..) => Some(Clause::one(F_TAILS, tail_bit(text))),
            _ => None,
        };
        if let Some(clause) = clause {
            return vec![clause];
        }
    }
    let rarest = text.iter().copied().min_by_key(|b| commonness(b.to_ascii_lowercase()));
    rarest.map(|b| byte_place(b)).map(|(feature, bit)| Clause::one(feature, bit)).into_iter().collect()
}

/// The literal runs of a glob: its beginning, its end, and all between.
fn glob(pattern: &[u8], of: Of) -> Vec<Clause> {
    if pattern.iter().any(|b| matches!(b, b'\\' | b'[')) {
        // Classes and escapes: the beginning is told, if anything.
        let plain = pattern.iter().position(|b| matches!(b, b'\\' | b'[' | b'*' | b'?')).unwrap_or(0);
        return literal(op::PREFIX, &pattern[..plain], of);
    }
    let mut runs = pattern.split(|b| matches!(b, b'*' | b'?'));
    let first = runs.next().unwrap_or(&[]);
    let last = runs.next_back().unwrap_or(&[]);
    let mut all = literal(op::PREFIX, first, of);
    all.extend(literal(op::SUFFIX, last, of));
    all.extend(runs.flat_map(|run| literal(op::CONTAINS, run, of)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(clauses: &[Clause]) -> Vec<[u64; FEATURES]> {
        clauses.iter().map(|c| c.0).collect()
    }

    #[test]
    fn a_literal_shows_in_its_head_tail_or_bytes() {
        assert_eq!(bits(&literal(op::IS, b"push", Of::Argument))[0][F_HEADS], pair_bit(b'p', b'u'));
        assert_eq!(bits(&literal(op::PREFIX, b"/", Of::Argument))[0][F_FIRSTS], first_bit(b"/etc"));
        assert_eq!(bits(&literal(op::SUFFIX, b".pem", Of::Argument))[0][F_TAILS], tail_bit(b"key.PEM"));
        let (feature, bit) = byte_place(b'q');
        assert_eq!(bits(&literal(op::CONTAINS, b"sequel", Of::Argument))[0][feature], bit);
        assert!(literal(op::CONTAINS, b"", Of::Else).is_empty());
    }

    #[test]
    fn a_glob_shows_in_what_is_literal() {
        let all = bits(&glob(b"/dev/sd*", Of::Argument));
        assert_eq!(all, bits(&literal(op::PREFIX, b"/dev/sd", Of::Argument)));
        assert_eq!(glob(b"*.p[ey]m", Of::Argument).len(), 0);
        assert_eq!(bits(&glob(b"*.ssh/*", Of::Argument)).len(), 1);
    }
}
