//! What must be there for a condition to hold, as features: clauses that must all be met, each by any of its bits.

use super::features::*;
use super::layout::{PROGRAM_WORDS, SPELLING_WORDS, op};
use std::collections::{BTreeMap, BTreeSet};

/// Texts that the scan of a command finds, by number.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    numbers: BTreeMap<Vec<u8>, u32>,
    /// For each, the rules that it wakes.
    pub(super) rules: Vec<Vec<u32>>,
}

impl Atoms {
    /// The number of a text.
    pub(super) fn number(&mut self, text: &[u8]) -> u32 {
        let next = self.rules.len() as u32;
        let number = *self.numbers.entry(text.to_ascii_lowercase()).or_insert(next);
        if number == next {
            self.rules.push(Vec::new());
        }
        number
    }

    /// The texts in order of number, with the rules that they wake.
    pub(super) fn list(&self) -> Vec<(&[u8], &[u32])> {
        let mut all: Vec<_> = self.numbers.iter().map(|(text, number)| (*number, text.as_slice())).collect();
        all.sort_unstable();
        all.into_iter().map(|(_, text)| text).zip(self.rules.iter().map(Vec::as_slice)).collect()
    }
}

/// Any of these bits, or any of these atoms, must be there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Clause {
    bits: [u64; FEATURES],
    atoms: BTreeSet<u32>,
}

/// Texts of at least so many bytes are atoms: the scan finds them with a probe at every third byte.
const ATOM: usize = super::tables::LONG_ATOM;
/// How often an atom is there, in thousandths.
const ATOM_LIKELIHOOD: u32 = 6;

/// Clauses of one rule; more are hardly ever asked.
const MOST: usize = 4;

impl Clause {
    fn one(feature: usize, bits: u64) -> Clause {
        let mut clause = Clause::default();
        clause.bits[feature] = bits;
        clause
    }

    fn atom(number: u32) -> Clause {
        Clause { atoms: BTreeSet::from([number]), ..Clause::default() }
    }

    fn around(bit: u32) -> Clause {
        Clause::one(F_AROUND, 1 << bit)
    }

    fn or(mut self, other: &Clause) -> Clause {
        for (mine, others) in self.bits.iter_mut().zip(other.bits) {
            *mine |= others;
        }
        self.atoms.extend(&other.atoms);
        self
    }

    /// Whether the command as a whole tells, whatever invocation is asked.
    fn is_whole(&self) -> bool {
        self.bits[..F_PROGRAMS].iter().all(|&bits| bits == 0)
    }

    /// Whether it asks for bytes of the text, which take time to count.
    fn asks_bytes(&self) -> bool {
        self.bits[F_BYTES] | self.bits[F_BYTES_HIGH] != 0
    }

    /// Its features and their bits; atoms are features of 64 each.
    pub(super) fn used(&self) -> BTreeMap<usize, u64> {
        let mut used: BTreeMap<usize, u64> = BTreeMap::new();
        for &atom in &self.atoms {
            *used.entry(FEATURES + atom as usize / 64).or_default() |= 1 << (atom % 64);
        }
        used.extend(self.bits.into_iter().enumerate().filter(|(_, bits)| *bits != 0));
        used
    }

    /// How often it is met by ordinary commands, roughly, in thousandths.
    fn likelihood(&self) -> u32 {
        let bits = |feature: usize| self.bits[feature].count_ones();
        let around: u32 = [150, 100, 40, 10, 40, 20, 20, 20, 60, 150, 250, 250, 400, 300, 20, 30]
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.bits[F_AROUND] >> bit & 1 != 0)
            .map(|(_, often)| often)
            .sum();
        let bytes: u32 = (0..128u8)
            .filter(|&b| {
                let (feature, bit) = byte_place(b);
                b.to_ascii_lowercase() == b && self.bits[feature] & bit != 0
            })
            .map(commonness)
            .sum();
        let sum = bits(F_LETTERS) * 70
            + bits(F_HEADS) * 60
            + (F_WORDS..F_PROGRAMS).map(bits).sum::<u32>() * 25
            + bits(F_FIRSTS) * 100
            + bits(F_TAILS) * 60
            + bits(F_PROGRAMS) * 40
            + around
            + bytes
            + self.atoms.len() as u32 * ATOM_LIKELIHOOD;
        sum.min(1000)
    }
}

/// How many of a thousand commands hold the byte, roughly.
pub(super) fn commonness(b: u8) -> u32 {
    const ORDER: &[u8] = b"eta oinsrldcpmuf-/.hgbvwkyx|'\"0123$,*:=_;{}()5678&>9j@<\\z[]q+~?#%`!^";
    let place = ORDER.iter().position(|&o| o == b).unwrap_or(ORDER.len()) as u32;
    (900u32).saturating_sub(place * 13).max(10)
}

/// What the code needs; `bytes` holds its strings, `sets` the words of its sets.
pub(super) fn needs(code: &[u32], bytes: &[u8], sets: &[u32], atoms: &mut Atoms) -> Vec<Clause> {
    if code.is_empty() {
        return Vec::new();
    }
    let mut reader = Reader { code, bytes, sets, atoms };
    let mut clauses = reader.node(0);
    clauses.retain(|c| c.likelihood() < if c.asks_bytes() { 500 } else { 950 });
    clauses.sort_by_key(Clause::likelihood);
    clauses.dedup();
    clauses.truncate(MOST);
    clauses
}

/// As words: the number of clauses, then for each the number of features, and of each feature its number and its bits.
pub(super) fn encode(clauses: &[Clause]) -> Vec<u32> {
    let mut words = vec![clauses.len() as u32];
    for clause in clauses {
        let used = clause.used();
        words.push(used.len() as u32);
        for (feature, bits) in used {
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
    atoms: &'a mut Atoms,
}

impl<'a> Reader<'a> {
    fn end(&self, at: usize) -> usize {
        at + ((self.code[at] >> 8) as usize).max(1)
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

    /// One of several: a clause of the most telling one of each.
    fn any(all: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
        let mut some = Clause::default();
        for clauses in all {
            match clauses.into_iter().min_by_key(Clause::likelihood) {
                Some(best) => some = some.or(&best),
                None => return Vec::new(),
            }
        }
        vec![some]
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
                        name => clause.bits[F_PROGRAMS] |= head_bit(name),
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
            op::ASSIGN => {
                std::iter::once(Clause::around(X_ASSIGN)).chain(self.tests(at + 2, end, Of::Else)).collect()
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
        (known.then_some(clause), at + SPELLING_WORDS + 3 * self.code[at + SPELLING_WORDS - 1] as usize)
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
        // Names of options and subcommands show well enough in their heads.
        let path = || text.iter().any(|b| matches!(b, b'/' | b'.' | b'~'));
        if text.len() >= ATOM && (code != op::IS || path()) {
            return vec![Clause::atom(self.atoms.number(text))];
        }
        if of == Of::Argument {
            let clause = match (code, text.len()) {
                (op::IS, _) => {
                    let (feature, bit) = word_place(text);
                    Some(Clause::one(feature, bit))
                }
                // Of what begins with a dash the third byte counts too.
                (op::PREFIX, 2..) if text.len() > 2 || text[0] != b'-' => {
                    Some(Clause::one(F_HEADS, head_bit(text)))
                }
                (op::PREFIX, 1..) => Some(Clause::one(F_FIRSTS, first_bit(text))),
                (op::SUFFIX, 2..) => Some(Clause::one(F_TAILS, tail_bit(text))),
                _ => None,
            };
            if let Some(clause) = clause {
                return vec![clause];
            }
        }
        let rarest = text.iter().copied().min_by_key(|b| commonness(b.to_ascii_lowercase()));
        rarest.map(byte_place).map(|(feature, bit)| Clause::one(feature, bit)).into_iter().collect()
    }

    /// The literal runs of a glob: its beginning, its end, and all between.
    fn glob(&mut self, pattern: &[u8], of: Of) -> Vec<Clause> {
        let runs = runs(pattern);
        let last = runs.len().saturating_sub(1);
        let mut all = Vec::new();
        for (place, run) in runs.iter().enumerate() {
            let code = match place {
                0 => op::PREFIX,
                _ if place == last => op::SUFFIX,
                _ => op::CONTAINS,
            };
            all.extend(self.literal(code, run, of));
        }
        all
    }
}

/// The literal texts between what stands for other bytes in a glob: the first begins it, the last ends it, and either is
/// empty where something else does. Nothing is said about what follows a class that isn't closed.
pub(super) fn runs(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut runs = vec![Vec::new()];
    let mut at = 0;
    while let Some(&b) = pattern.get(at) {
        at += 1;
        match b {
            b'*' | b'?' => runs.push(Vec::new()),
            b'\\' if at < pattern.len() => {
                runs.last_mut().into_iter().for_each(|run| run.push(pattern[at]));
                at += 1;
            }
            b'[' => {
                // As the evaluation reads a class: `]` at its beginning belongs to it, `a-z` is one step.
                let first = at + usize::from(matches!(pattern.get(at), Some(b'!' | b'^')));
                let mut inside = first;
                runs.push(Vec::new());
                loop {
                    match (pattern.get(inside), pattern.get(inside + 1), pattern.get(inside + 2)) {
                        (None, ..) => return runs,
                        (Some(b']'), ..) if inside > first => break,
                        (_, Some(b'-'), Some(last)) if *last != b']' => inside += 3,
                        _ => inside += 1,
                    }
                }
                at = inside + 1;
            }
            _ => runs.last_mut().into_iter().for_each(|run| run.push(b)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
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
        assert_eq!(feature(op::SUFFIX, ".pem", Of::Argument, F_TAILS), tail_bit(b"key.PEM"));
        let (place, bit) = byte_place(b'q');
        assert_eq!(feature(op::CONTAINS, "seque", Of::Argument, place), bit);
        assert!(with(|r| r.literal(op::CONTAINS, b"", Of::Else)).0.is_empty());
    }

    #[test]
    fn a_long_literal_is_an_atom() {
        let (clauses, atoms) = with(|r| r.glob(b"/etc/Init.d/*.conf.d/x", Of::Argument));
        assert_eq!(atoms, ["/etc/init.d/", ".conf.d/x"]);
        assert_eq!(clauses, [Clause::atom(0), Clause::atom(1)]);
        let texts = |pattern: &str| -> Vec<String> {
            runs(pattern.as_bytes()).into_iter().map(|r| String::from_utf8_lossy(&r).into_owned()).collect()
        };
        assert_eq!(texts("*.p[ey]m"), ["", ".p", "m"]);
        assert_eq!(texts("a[!a-z]b?\\*c"), ["a", "b", "*c"]);
        assert_eq!(texts("a[]x]b"), ["a", "b"]);
        assert_eq!(texts("a[x-]b]c"), ["a", "b]c"]);
        // Whatever follows isn't told.
        assert_eq!(texts("a[xb"), ["a", ""]);
    }
}
