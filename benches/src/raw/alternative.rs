//! One way in which a rule can match, and the expression for all of them.

use super::Place;
use super::text::{Word, any_of, escape, words};

/// Where in a simple command a piece may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A complete expression.
    Raw(String),
    /// A word of the command.
    Words(Vec<Word>),
    /// Nothing follows.
    Nothing,
}

/// Program, pieces in order, and what stands before and after in other commands of the line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) before: String,
    /// Names; of a path as it is written where `written`.
    pub(super) programs: Vec<Word>,
    pub(super) written: bool,
    pub(super) pieces: Vec<Piece>,
    pub(super) after: String,
}

impl Alternative {
    /// Both hold.
    pub(super) fn and(&self, other: &Alternative) -> Alternative {
        let mut both = self.clone();
        if !other.programs.is_empty() {
            // The inner condition names the narrower choice.
            both.programs.clone_from(&other.programs);
            both.written = other.written;
        }
        both.pieces.extend(other.pieces.iter().cloned());
        both.before = format!("{}{}", other.before, self.before);
        both.after.push_str(&other.after);
        both
    }

    fn head(&self, place: Place) -> String {
        if self.programs.is_empty() {
            return String::new();
        }
        let start = r"(?:^|[\s;&|(`])";
        if self.written {
            return words(&self.programs, start, true);
        }
        let plain = |w: &&Word| w.regex.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let names = |all: Vec<&Word>, start: &str| {
            let wordy = |c: char| c.is_alphanumeric() || c == '_';
            let ends = |w: &&&Word| !w.open_right && w.regex.ends_with(wordy);
            let (closed, open): (Vec<&Word>, Vec<&Word>) = all.iter().partition(|w| ends(w));
            let texts = |all: Vec<&Word>| all.into_iter().map(|w| w.regex.clone()).collect::<Vec<_>>();
            let closed = (!closed.is_empty()).then(|| any_of(&texts(closed)) + r"\b");
            let open = (!open.is_empty()).then(|| any_of(&texts(open)));
            let both: Vec<String> = closed.into_iter().chain(open).collect();
            (!both.is_empty()).then(|| start.to_owned() + &any_of(&both))
        };
        let (wordy, other): (Vec<&Word>, Vec<&Word>) = self.programs.iter().partition(plain);
        let start = match place {
            Place::Word => r"\b".to_owned(),
            Place::Command => format!(r"{start}(?:\S*/)?"),
        };
        let both = [names(wordy, &start), names(other, r"(?:^|[\s;&|(/])")];
        any_of(&both.into_iter().flatten().collect::<Vec<_>>())
    }

    fn tail(&self, with_head: bool) -> Option<String> {
        let mut out = String::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            let first = index == 0 && !with_head;
            let gap = if first { "" } else { "[^|;&]*" };
            let start = if first { r#"(?:^|[\s'"=])"# } else { r#"[\s'"=]"# };
            match piece {
                Piece::Raw(regex) => out.push_str(&format!("{gap}{regex}")),
                Piece::Words(all) => {
                    out.push_str(gap);
                    out.push_str(&words(all, start, index + 1 == self.pieces.len()));
                }
                Piece::Nothing => out.push_str(r"\s*(?:$|[;|&)])"),
            }
        }
        (with_head || !out.is_empty()).then_some(out)
    }
}

/// One expression for all alternatives; those of the same program share its name.
pub(super) fn join(all: &[Alternative], place: Place) -> Option<String> {
    let mut groups: Vec<(String, String, Vec<String>)> = Vec::new();
    for alternative in all {
        let head = alternative.head(place);
        let tail = match alternative.tail(!head.is_empty()) {
            Some(tail) => tail,
            None if alternative.before.is_empty() && alternative.after.is_empty() => continue,
            None => String::new(),
        };
        let start = format!("{}{head}", alternative.before);
        match groups.iter_mut().find(|(s, a, _)| *s == start && *a == alternative.after) {
            Some((_, _, tails)) => tails.push(tail),
            None => groups.push((start, alternative.after.clone(), vec![tail])),
        }
    }
    let joined: Vec<String> = groups
        .into_iter()
        .map(|(start, after, tails)| {
            // The program alone is enough.
            let tail = if tails.iter().any(String::is_empty) { String::new() } else { any_of(&tails) };
            format!("{start}{tail}{after}")
        })
        .filter(|one| !one.is_empty())
        .collect();
    (!joined.is_empty()).then(|| joined.join("|"))
}

/// Options, each with all its spellings, in any order; single letters also in one cluster.
pub(super) fn options(entries: &[String]) -> String {
    let mut all = Vec::new();
    for order in orders(entries.len()) {
        let letters: Option<Vec<String>> = order.iter().map(|&i| letters(&entries[i])).collect();
        if let Some(letters) = letters.filter(|_| order.len() > 1) {
            all.push(format!(r"\s-\w*{}", letters.join(r"\w*")));
        }
        let each: Vec<String> = order.iter().map(|&i| format!(r"\s{}", spelling(&entries[i]))).collect();
        all.push(each.join("[^|;&]*"));
    }
    any_of(&all)
}

/// Every order of up to three; more are taken as they come.
fn orders(count: usize) -> Vec<Vec<usize>> {
    match count {
        1 => vec![vec![0]],
        2 => vec![vec![0, 1], vec![1, 0]],
        3 => vec![vec![0, 1, 2], vec![0, 2, 1], vec![1, 0, 2], vec![1, 2, 0], vec![2, 0, 1], vec![2, 1, 0]],
        _ => vec![(0..count).collect()],
    }
}

fn split(entry: &str) -> (Vec<char>, Vec<String>) {
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for one in entry.split('|') {
        let mut letters = one.strip_prefix('-').unwrap_or_default().chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter != '-' => short.push(letter),
            _ => long.push(escape(&one.replace(['[', ']'], ""))),
        }
    }
    (short, long)
}

fn letters(entry: &str) -> Option<String> {
    let (short, _) = split(entry);
    match short[..] {
        [] => None,
        [one] => Some(escape(&one.to_string())),
        _ => Some(format!("[{}]", short.iter().map(|c| escape(&c.to_string())).collect::<String>())),
    }
}

/// One option in all its spellings.
pub(super) fn spelling(entry: &str) -> String {
    let (_, mut long) = split(entry);
    if let Some(letters) = letters(entry) {
        long.insert(0, format!(r"-\w*{letters}"));
    }
    any_of(&long)
}
