//! Tests of strings as regular expressions.

/// One string that a test accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) regex: String,
    /// Anything may stand before it.
    pub(super) open_left: bool,
    /// Anything may stand after it.
    pub(super) open_right: bool,
}

/// What ends a word in the raw line.
const END: &str = r#"(?:[\s'";|&)<>]|$)"#;

/// Characters as they are.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' ' => out.push_str(r"\s+"),
            c if c.is_control() => out.push_str(&format!(r"\x{:02x}", u32::from(c))),
            c => {
                if r"\.+*?()|[]{}^$".contains(c) {
                    out.push('\\');
                }
                out.push(c);
            }
        }
    }
    out
}

/// A glob over a whole word.
pub(super) fn glob(text: &str) -> Word {
    let trimmed = text.trim_start_matches('*');
    let open_left = trimmed.len() < text.len();
    let mut rest = trimmed.trim_end_matches('*');
    let mut open_right = rest.len() < trimmed.len();
    if rest.ends_with('\\') {
        // A star that is meant.
        rest = trimmed;
        open_right = false;
    }
    let mut regex = String::new();
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => regex.push_str(r"\S*"),
            '?' => regex.push_str(r"\S"),
            '\\' => regex.push_str(&escape(&chars.next().unwrap_or('\\').to_string())),
            '[' => match chars.as_str().find(']') {
                Some(end) if end > 0 => {
                    let class = &chars.as_str()[..end];
                    let (not, class) = match class.strip_prefix(['!', '^']) {
                        Some(class) => ("^", class),
                        None => ("", class),
                    };
                    regex.push_str(&format!(
                        "[{not}{}]",
                        class.replace('\\', r"\\").replace('[', r"\[").replace('&', r"\&")
                    ));
                    chars = chars.as_str()[end + 1..].chars();
                }
                _ => regex.push_str(r"\["),
            },
            c => regex.push_str(&escape(&c.to_string())),
        }
    }
    if regex.is_empty() {
        regex = r"\S+".to_owned();
    }
    Word { regex, open_left, open_right }
}

/// `(?:a|b)`, or `a` alone.
pub(super) fn any_of(all: &[String]) -> String {
    let mut distinct: Vec<&String> = Vec::new();
    for one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    match distinct[..] {
        [one] => one.clone(),
        _ => format!("(?:{})", distinct.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("|")),
    }
}

/// One of the words with what must stand around it; `start` is what may stand before a word.
pub(super) fn words(all: &[Word], start: &str, last: bool) -> String {
    let group = |left: bool, right: bool| {
        let group = all.iter().filter(|w| w.open_left == left && w.open_right == right);
        let group: Vec<String> = group.map(|w| w.regex.clone()).collect();
        let end = if right || !last { "" } else { END };
        (!group.is_empty()).then(|| any_of(&group) + end)
    };
    let closed: Vec<String> = [group(false, false), group(false, true)].into_iter().flatten().collect();
    let open: Vec<String> = [group(true, false), group(true, true)].into_iter().flatten().collect();
    let closed = (!closed.is_empty()).then(|| format!("{start}{}", any_of(&closed)));
    any_of(&closed.into_iter().chain(open).collect::<Vec<_>>())
}
