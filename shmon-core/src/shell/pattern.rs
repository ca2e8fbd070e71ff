//! Shell patterns: `*`, `?`, `[…]`, extended globs, with a backslash before what is literal.

use super::work::worked;

/// Steps of all matches of one analysis; beyond them patterns count as not matching.
pub(super) const MAX_STEPS: u32 = 1_000_000;

/// Whether the whole of `text` matches `pattern`; takes its steps from `steps`.
pub(super) fn matches(pattern: &[u8], text: &[u8], steps: &mut u32) -> bool {
    let before = *steps;
    let found = full(pattern, text, steps, 0);
    worked((before - *steps) as usize);
    found
}

fn full(pattern: &[u8], text: &[u8], steps: &mut u32, depth: u32) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when the last star has to take one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if *steps == 0 || depth > 16 {
            return false;
        }
        *steps -= 1;
        if p < pattern.len() {
            let extended =
                matches!(pattern[p], b'?' | b'*' | b'+' | b'@' | b'!') && pattern.get(p + 1) == Some(&b'(');
            if extended && let Some(close) = group_end(pattern, p + 1) {
                if group(pattern, p, close, &text[t..], steps, depth) {
                    return true;
                }
            } else if pattern[p] == b'*' {
                retry = Some((p, t));
                p += 1;
                continue;
            } else if t < text.len()
                && let Some(len) = one(&pattern[p..], text[t])
            {
                p += len;
                t += 1;
                continue;
            }
        } else if t == text.len() {
            return true;
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                retry = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
            _ => return false,
        }
    }
}

/// How much of the pattern's start matches this byte.
fn one(pattern: &[u8], b: u8) -> Option<usize> {
    match pattern[0] {
        b'?' => Some(1),
        b'\\' => match pattern.get(1) {
            Some(&c) => (c == b).then_some(2),
            None => (b == b'\\').then_some(1),
        },
        b'[' => match set(pattern, b) {
            Some((len, found)) => found.then_some(len),
            None => (b == b'[').then_some(1),
        },
        c => (c == b).then_some(1),
    }
}

/// The bracket expression at the start of the pattern: its length and whether it holds `b`.
fn set(pattern: &[u8], b: u8) -> Option<(usize, bool)> {
    let mut i = 1;
    let negated = matches!(pattern.get(i), Some(b'!' | b'^'));
    if negated {
        i += 1;
    }
    let first = i;
    let mut found = false;
    loop {
        match *pattern.get(i)? {
            b']' if i > first => return Some((i + 1, found != negated)),
            b'[' if pattern.get(i + 1) == Some(&b':') => {
                let rest = &pattern[i + 2..];
                let len = rest.windows(2).position(|w| w == b":]")?;
                found |= class(&rest[..len], b);
                i += len + 4;
            }
            c => {
                let (low, used) = if c == b'\\' { (*pattern.get(i + 1)?, 2) } else { (c, 1) };
                i += used;
                if pattern.get(i) == Some(&b'-') && pattern.get(i + 1).is_some_and(|&c| c != b']') {
                    let mut high = pattern[i + 1];
                    i += 2;
                    if high == b'\\' {
                        high = *pattern.get(i)?;
                        i += 1;
                    }
                    found |= (low..=high).contains(&b);
                } else {
                    found |= low == b;
                }
            }
        }
    }
}

/// Whether `b` is of the named class.
pub(super) fn class(name: &[u8], b: u8) -> bool {
    match name {
        b"alpha" => b.is_ascii_alphabetic(),
        b"digit" => b.is_ascii_digit(),
        b"alnum" => b.is_ascii_alphanumeric(),
        b"upper" => b.is_ascii_uppercase(),
        b"lower" => b.is_ascii_lowercase(),
        b"space" => b.is_ascii_whitespace() || b == 0x0b,
        b"blank" => matches!(b, b' ' | b'\t'),
        b"punct" => b.is_ascii_punctuation(),
        b"print" => (0x20..0x7f).contains(&b),
        b"graph" => b.is_ascii_graphic(),
        b"cntrl" => b.is_ascii_control(),
        b"xdigit" => b.is_ascii_hexdigit(),
        b"word" => b.is_ascii_alphanumeric() || b == b'_',
        _ => false,
    }
}

/// The index of the parenthesis that closes the group whose `(` is at `open`.
fn group_end(pattern: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0;
    let mut i = open;
    while i < pattern.len() {
        match pattern[i] {
            b'\\' => i += 1,
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
        i += 1;
    }
    None
}

/// Matches `X(a|b)rest` where `pattern[at]` is X and `close` the index of `)`.
fn group(pattern: &[u8], at: usize, close: usize, text: &[u8], steps: &mut u32, depth: u32) -> bool {
    let kind = pattern[at];
    let rest = &pattern[close + 1..];
    let inner = &pattern[at + 2..close];
    if kind == b'!' {
        return (0..=text.len()).any(|len| {
            !alternatives(inner).any(|alt| full(alt, &text[..len], steps, depth + 1))
                && full(rest, &text[len..], steps, depth + 1)
        });
    }
    if matches!(kind, b'?' | b'*') && full(rest, text, steps, depth + 1) {
        return true;
    }
    for len in 0..=text.len() {
        if *steps == 0 {
            return false;
        }
        let matched = alternatives(inner).any(|alt| full(alt, &text[..len], steps, depth + 1));
        if !matched {
            continue;
        }
        if full(rest, &text[len..], steps, depth + 1) {
            return true;
        }
        let again = matches!(kind, b'*' | b'+') && len > 0;
        if again && group(pattern, at, close, &text[len..], steps, depth + 1) {
            return true;
        }
    }
    false
}

/// The alternatives of a group, split at `|` outside inner groups.
fn alternatives(inner: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut depth = 0u32;
    let mut escaped = false;
    inner.split(move |&b| {
        if escaped {
            escaped = false;
            return false;
        }
        match b {
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'|' => return depth == 0,
            _ => {}
        }
        false
    })
}

/// The first place in `text` from `from` on where `pattern` matches, longest match first: `(start, end)`.
pub(super) fn find(pattern: &[u8], text: &[u8], from: usize, steps: &mut u32) -> Option<(usize, usize)> {
    worked(text.len().saturating_sub(from));
    let literal = !pattern.iter().any(|b| matches!(b, b'*' | b'?' | b'[' | b'\\' | b'('));
    if literal {
        if pattern.is_empty() {
            return None;
        }
        let rest = text.get(from..)?;
        return rest
            .windows(pattern.len())
            .position(|w| w == pattern)
            .map(|at| (from + at, from + at + pattern.len()));
    }
    for start in from..=text.len() {
        for end in (start..=text.len()).rev() {
            if *steps == 0 {
                return None;
            }
            *steps -= 1;
            if full(pattern, &text[start..end], steps, 0) {
                return Some((start, end));
            }
        }
    }
    None
}

/// How many bytes at the start of `text` the pattern matches.
pub(super) fn prefix(pattern: &[u8], text: &[u8], longest: bool, steps: &mut u32) -> Option<usize> {
    let fits = |len: &usize| full(pattern, &text[..*len], steps, 0);
    let bound = text.len().min(4096);
    if longest { (0..=bound).rev().find(fits) } else { (0..=bound).find(fits) }
}

/// From which byte on the pattern matches the rest of `text`.
pub(super) fn suffix(pattern: &[u8], text: &[u8], longest: bool, steps: &mut u32) -> Option<usize> {
    let fits = |at: &usize| full(pattern, &text[*at..], steps, 0);
    let bound = text.len().saturating_sub(4096);
    if longest { (bound..=text.len()).find(fits) } else { (bound..=text.len()).rev().find(fits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_bash() {
        let yes: [(&str, &str); 10] = [
            ("*", ""),
            ("a*c", "abbc"),
            ("?b", "ab"),
            ("[a-c]x", "bx"),
            ("[!a]", "b"),
            ("\\*", "*"),
            ("@(a|b)c", "bc"),
            ("*(ab)", "abab"),
            ("!(x)", "y"),
            ("[[:digit:]]", "7"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes(), &mut { MAX_STEPS }), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a", "b"), ("a*", "ba"), ("?", ""), ("[!a]", "a"), ("\\*", "x"), ("!(x)", "x")]
        {
            assert!(!matches(pattern.as_bytes(), text.as_bytes(), &mut { MAX_STEPS }), "{pattern} {text}");
        }
        assert_eq!(find(b"b*", b"abcb", 0, &mut { MAX_STEPS }), Some((1, 4)));
        assert_eq!(prefix(b"*/", b"a/b/c", true, &mut { MAX_STEPS }), Some(4));
        assert_eq!(suffix(b".*", b"a.b.c", false, &mut { MAX_STEPS }), Some(3));
    }
}
