//! What a glob says about the texts that fit it: the literal runs of which it is made, and the bytes that begin and end it.

/// The literal texts between what stands for other bytes in a glob: the first begins it, the last ends it, and either is
/// empty where something else does. Nothing is said about what follows a class that isn't closed.
pub(super) fn runs(pattern: &[u8]) -> Vec<Vec<u8>> {
    let mut runs = vec![Vec::new()];
    for part in parts(pattern) {
        match part {
            Part::Byte(b) => runs.last_mut().into_iter().for_each(|run| run.push(b)),
            Part::Star | Part::Any | Part::Class(_) => runs.push(Vec::new()),
            Part::Open => {
                runs.push(Vec::new());
                return runs;
            }
        }
    }
    runs
}

/// What the first and the last of a glob's bytes may be, as far as few bytes are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// The first bytes: none, one or two.
    pub(super) first: Vec<Vec<u8>>,
    /// The last bytes, in order.
    pub(super) last: Vec<Vec<u8>>,
}

/// More members than these say too little.
const FEW: usize = 20;

pub(super) fn ends(pattern: &[u8]) -> Ends {
    let parts = parts(pattern);
    let members = |part: &Part| match part {
        Part::Byte(b) => Some(vec![*b]),
        Part::Class(members) if (1..=FEW).contains(&members.len()) => Some(members.clone()),
        _ => None,
    };
    if parts.iter().any(|part| matches!(part, Part::Open)) {
        return Ends::default();
    }
    let first = parts.iter().map_while(members).take(2).collect();
    let mut last: Vec<_> = parts.iter().rev().map_while(members).take(2).collect();
    last.reverse();
    Ends { first, last }
}

/// One step of a glob.
enum Part {
    Byte(u8),
    /// `*`
    Star,
    /// `?`, or a class of many bytes.
    Any,
    /// The bytes of a class.
    Class(Vec<u8>),
    /// A class without end: an ordinary bracket, or nothing that is told here.
    Open,
}

fn parts(pattern: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(&b) = pattern.get(at) {
        at += 1;
        match b {
            b'*' => parts.push(Part::Star),
            b'?' => parts.push(Part::Any),
            b'\\' if at < pattern.len() => {
                parts.push(Part::Byte(pattern[at]));
                at += 1;
            }
            b'[' => match class(pattern, at) {
                Some((part, end)) => {
                    parts.push(part);
                    at = end;
                }
                None => {
                    parts.push(Part::Open);
                    return parts;
                }
            },
            _ => parts.push(Part::Byte(b)),
        }
    }
    parts
}

/// The class whose inside begins at `at`, and where it ends. As the evaluation reads it: `]` at its beginning belongs to
/// it, `a-z` is one step.
fn class(pattern: &[u8], at: usize) -> Option<(Part, usize)> {
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    let first = at + usize::from(negated);
    let mut inside = first;
    let mut members = Vec::new();
    loop {
        match (pattern.get(inside), pattern.get(inside + 1), pattern.get(inside + 2)) {
            (None, ..) => return None,
            (Some(b']'), ..) if inside > first => break,
            (Some(from), Some(b'-'), Some(last)) if *last != b']' => {
                members.extend(*from..=*last);
                inside += 3;
            }
            (Some(b), ..) => {
                members.push(*b);
                inside += 1;
            }
        }
    }
    let part = if negated { Part::Any } else { Part::Class(members) };
    Some((part, inside + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_runs() {
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

    #[test]
    fn bytes_at_the_ends() {
        let of = |pattern: &str| {
            let ends = ends(pattern.as_bytes());
            let shown = |all: Vec<Vec<u8>>| -> Vec<String> {
                all.into_iter().map(|b| String::from_utf8_lossy(&b).into_owned()).collect()
            };
            (shown(ends.first), shown(ends.last))
        };
        let list = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(of("[0-2]e*[gp]x"), (list(&["012", "e"]), list(&["gp", "x"])));
        assert_eq!(of("*a"), (list(&[]), list(&["a"])));
        assert_eq!(of("a?b"), (list(&["a"]), list(&["b"])));
        assert_eq!(of("[!a]b[a-z]"), (list(&[]), list(&[])));
        assert_eq!(of("x[ab"), (list(&[]), list(&[])));
    }
}
