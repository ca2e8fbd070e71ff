//! `sed` without files: the commands that change text, on known input.

use super::basic_regex::{Pattern, compile};

/// Commands of one script.
const MOST_COMMANDS: usize = 64;

enum Address {
    Line(usize),
    Last,
    Match(Lazy),
}

/// A pattern that is compiled when it is first asked for: most input is a line or none.
struct Lazy {
    pattern: Vec<u8>,
    extended: bool,
    any_case: bool,
    compiled: Option<Pattern>,
}

impl Lazy {
    fn new(pattern: Vec<u8>, extended: bool, any_case: bool) -> Lazy {
        Lazy { pattern, extended, any_case, compiled: None }
    }

    /// The pattern; `None` where it isn't understood.
    fn get(&mut self) -> Option<&mut Pattern> {
        if self.compiled.is_none() {
            self.compiled = Some(compile(&self.pattern, self.extended, self.any_case)?);
        }
        self.compiled.as_mut()
    }
}

enum Action {
    Substitute { what: Box<Lazy>, by: Vec<u8>, all: bool, nth: usize, print: bool },
    Translate(Vec<(u8, u8)>),
    Delete,
    Print,
    Quit,
}

struct Command {
    from: Option<Address>,
    to: Option<Address>,
    inverted: bool,
    action: Action,
    /// Between the two addresses.
    inside: bool,
}

/// What `sed` prints, or `None` where the script has more than is understood.
pub(super) fn run(words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let (mut scripts, mut quiet, mut extended) = (Vec::<u8>::new(), false, false);
    let mut given = false;
    let mut at = 0;
    while at < words.len() {
        match words[at] {
            b"-e" | b"--expression" => {
                at += 1;
                scripts.extend_from_slice(words.get(at)?);
                scripts.push(b'\n');
                given = true;
            }
            b"-E" | b"-r" | b"--regexp-extended" => extended = true,
            b"-n" | b"--quiet" | b"--silent" => quiet = true,
            b"-nE" | b"-nr" | b"-En" | b"-rn" => (quiet, extended) = (true, true),
            b"-u" => {}
            word if word.starts_with(b"-") => return None,
            word if !given => {
                scripts.extend_from_slice(word);
                given = true;
            }
            _ => return None,
        }
        at += 1;
    }
    let mut commands = parse(&scripts, extended)?;
    let lines: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
    let mut out = Vec::with_capacity(input.len());
    for (index, line) in lines.iter().enumerate() {
        let (mut text, end): (Vec<u8>, &[u8]) = match line.split_last() {
            Some((b'\n', text)) => (text.to_vec(), b"\n"),
            _ => (line.to_vec(), b""),
        };
        let (mut deleted, mut quit) = (false, false);
        for command in &mut commands {
            if !command.applies(index + 1, index + 1 == lines.len(), &text)? {
                continue;
            }
            match &mut command.action {
                Action::Substitute { what, by, all, nth, print } => {
                    if let Some(changed) = substitute(what.get()?, by, *all, *nth, &text)? {
                        text = changed;
                        if *print {
                            out.extend_from_slice(&text);
                            out.push(b'\n');
                        }
                    }
                }
                Action::Translate(pairs) => {
                    for b in &mut text {
                        if let Some((_, to)) = pairs.iter().find(|(from, _)| from == b) {
                            *b = *to;
                        }
                    }
                }
                Action::Delete => deleted = true,
                Action::Print => {
                    out.extend_from_slice(&text);
                    out.push(b'\n');
                }
                Action::Quit => quit = true,
            }
            if deleted || quit {
                break;
            }
        }
        if !deleted && !quiet {
            out.extend_from_slice(&text);
            out.extend_from_slice(end);
        }
        if quit || out.len() > 1 << 20 {
            break;
        }
    }
    Some(out)
}

impl Command {
    /// Whether the command is for this line; `None` where that can't be told.
    fn applies(&mut self, line: usize, last: bool, text: &[u8]) -> Option<bool> {
        let hit = |address: &mut Address| match address {
            Address::Line(n) => Some(*n == line),
            Address::Last => Some(last),
            Address::Match(what) => what.get()?.is_match(text),
        };
        let found = match (&mut self.from, &mut self.to) {
            (None, _) => true,
            (Some(from), None) => hit(from)?,
            (Some(_), Some(to)) if self.inside => {
                self.inside = !(hit(to)? || matches!(to, Address::Line(n) if *n <= line));
                true
            }
            (Some(from), Some(to)) => {
                let starts = hit(from)?;
                self.inside = starts && !matches!(to, Address::Line(n) if *n <= line);
                starts
            }
        };
        Some(found != self.inverted)
    }
}

fn parse(script: &[u8], extended: bool) -> Option<Vec<Command>> {
    let mut commands = Vec::new();
    let mut rest = script;
    loop {
        while let [b' ' | b'\t' | b'\n' | b';', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return Some(commands);
        }
        if commands.len() >= MOST_COMMANDS {
            return None;
        }
        let from = address(&mut rest, extended)?;
        let mut to = None;
        if from.is_some()
            && let [b',', after @ ..] = rest
        {
            rest = after;
            to = address(&mut rest, extended)?;
            to.as_ref()?;
        }
        rest = rest.trim_ascii_start();
        let mut inverted = false;
        while let [b'!', after @ ..] = rest {
            inverted = true;
            rest = after.trim_ascii_start();
        }
        let (&name, after) = rest.split_first()?;
        rest = after;
        let action = match name {
            b's' => substitution(&mut rest, extended)?,
            b'y' => translation(&mut rest)?,
            b'd' => Action::Delete,
            b'p' => Action::Print,
            b'q' => Action::Quit,
            _ => return None,
        };
        commands.push(Command { from, to, inverted, action, inside: false });
        match rest.trim_ascii_start().first() {
            None | Some(b';' | b'\n') => {}
            _ if rest.iter().take_while(|b| b.is_ascii_whitespace()).any(|&b| b == b'\n') => {}
            _ => return None,
        }
    }
}

/// An address before a command; the outer `None` where it isn't understood.
#[expect(clippy::option_option, reason = "not there and not understood are different answers")]
fn address(rest: &mut &[u8], extended: bool) -> Option<Option<Address>> {
    let (&first, after) = match rest.split_first() {
        Some(parts) => parts,
        None => return Some(None),
    };
    match first {
        b'0'..=b'9' => {
            let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let number = std::str::from_utf8(&rest[..len]).ok()?.parse().ok()?;
            *rest = &rest[len..];
            // `first~step` and GNU's others.
            if matches!(rest.first(), Some(b'~' | b'+')) { None } else { Some(Some(Address::Line(number))) }
        }
        b'$' => {
            *rest = after;
            Some(Some(Address::Last))
        }
        b'/' => {
            let (pattern, tail) = delimited(after, b'/')?;
            *rest = tail;
            Some(Some(Address::Match(Lazy::new(pattern, extended, false))))
        }
        _ => Some(None),
    }
}

/// Up to the delimiter; a backslash before it is dropped. The text and what follows.
fn delimited(text: &[u8], delimiter: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut bracket = false;
    loop {
        match *text.get(at)? {
            b if b == delimiter && !bracket => return Some((out, &text[at + 1..])),
            b'\\' => {
                let next = *text.get(at + 1)?;
                if next != delimiter || bracket {
                    out.push(b'\\');
                }
                out.push(next);
                at += 2;
            }
            b => {
                bracket = match b {
                    b'[' => true,
                    b']' => out.last() == Some(&b'['),
                    _ => bracket,
                };
                out.push(b);
                at += 1;
            }
        }
    }
}

fn substitution(rest: &mut &[u8], extended: bool) -> Option<Action> {
    let (&delimiter, after) = rest.split_first()?;
    if matches!(delimiter, b'\\' | b'\n') {
        return None;
    }
    let (pattern, tail) = delimited(after, delimiter)?;
    let (by, tail) = delimited(tail, delimiter)?;
    let len = tail.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    let (mut all, mut nth, mut print, mut any_case) = (false, 1, false, false);
    for b in &tail[..len] {
        match b {
            b'g' => all = true,
            b'p' => print = true,
            b'i' | b'I' => any_case = true,
            b'1'..=b'9' => nth = usize::from(b - b'0'),
            _ => return None,
        }
    }
    *rest = &tail[len..];
    if pattern.is_empty() {
        return None;
    }
    Some(Action::Substitute { what: Box::new(Lazy::new(pattern, extended, any_case)), by, all, nth, print })
}

fn translation(rest: &mut &[u8]) -> Option<Action> {
    let (&delimiter, after) = rest.split_first()?;
    let (from, tail) = delimited(after, delimiter)?;
    let (to, tail) = delimited(tail, delimiter)?;
    *rest = tail;
    if from.len() != to.len() || from.contains(&b'\\') || to.contains(&b'\\') {
        return None;
    }
    Some(Action::Translate(from.into_iter().zip(to).collect()))
}

/// The line with the pattern's matches replaced, where there are any; `None` where that would cost too much.
#[expect(clippy::option_option, reason = "nothing to replace and too much to replace are different answers")]
fn substitute(what: &mut Pattern, by: &[u8], all: bool, nth: usize, text: &[u8]) -> Option<Option<Vec<u8>>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut from, mut count, mut changed) = (0, 0, false);
    let all_found =
        if all || nth > 1 { what.find_all(text)? } else { what.find(text)?.into_iter().collect() };
    for found in all_found {
        count += 1;
        if count < nth {
            continue;
        }
        out.extend_from_slice(&text[from..found.start]);
        if by.iter().any(|b| matches!(b, b'\\' | b'&')) {
            let captures = what.captures(text, found.start)?;
            replacement(by, |group| text.get(captures.get_group(group)?.range()), &mut out);
        } else {
            out.extend_from_slice(by);
        }
        from = found.end;
        changed = true;
        if out.len() > 1 << 18 {
            return None;
        }
        if !all {
            break;
        }
    }
    out.extend_from_slice(&text[from..]);
    Some(changed.then_some(out))
}

/// The right side of `s`, with groups, and GNU's changes of case.
fn replacement<'t>(by: &[u8], group: impl Fn(usize) -> Option<&'t [u8]>, out: &mut Vec<u8>) {
    let (mut case, mut once) = (0u8, 0u8);
    let mut push = |bytes: &[u8], case: u8, once: &mut u8| {
        for &b in bytes {
            out.push(match (std::mem::take(once), case) {
                (b'u', _) | (0, b'U') => b.to_ascii_uppercase(),
                (b'l', _) | (0, b'L') => b.to_ascii_lowercase(),
                _ => b,
            });
        }
    };
    let mut at = 0;
    while at < by.len() {
        match (by[at], by.get(at + 1)) {
            (b'\\', Some(digit @ b'0'..=b'9')) => {
                push(group(usize::from(digit - b'0')).unwrap_or(&[]), case, &mut once);
                at += 2;
            }
            (b'\\', Some(kind @ (b'U' | b'L' | b'E'))) => {
                case = if *kind == b'E' { 0 } else { *kind };
                at += 2;
            }
            (b'\\', Some(kind @ (b'u' | b'l'))) => {
                once = *kind;
                at += 2;
            }
            (b'\\', Some(b'n')) => {
                push(b"\n", 0, &mut once);
                at += 2;
            }
            (b'\\', Some(b't')) => {
                push(b"\t", 0, &mut once);
                at += 2;
            }
            (b'\\', Some(other)) => {
                push(&[*other], 0, &mut once);
                at += 2;
            }
            (b'&', _) => {
                push(group(0).unwrap_or(&[]), case, &mut once);
                at += 1;
            }
            (b, _) => {
                push(&[b], case, &mut once);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sed(words: &[&str], input: &str) -> Option<String> {
        let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        run(&words, input.as_bytes()).map(|o| String::from_utf8_lossy(&o).into_owned())
    }

    /// The expected output is what GNU sed prints.
    #[test]
    fn scripts_do_what_sed_does() {
        let cases: [(&[&str], &str, &str); 19] = [
            (&["s/x/m/"], "rx -rf x\n", "rm -rf x\n"),
            (&["s/x//g;y/ab/rm/"], "xaxb\n", "rm\n"),
            (&["s/\\.//g"], "r.m\n", "rm\n"),
            (&["s/[0-9]*//g"], "r1m22", "rm"),
            (&["-E", "s/(.)(.)/\\2\\1/g"], "mrr-\n", "rm-r\n"),
            (&["s/\\(.\\)\\(.\\)/\\2\\1/"], "mr\n", "rm\n"),
            (&["s/.*/&; &/"], "ls\n", "ls; ls\n"),
            (&["s/x/Y/2"], "xxx\n", "xYx\n"),
            (&["-n", "2p"], "a\nrm\nb\n", "rm\n"),
            (&["1d;$d"], "a\nrm\nb\n", "rm\n"),
            (&["-n", "/r/,/m/p"], "a\nr\nx\nm\nb\n", "r\nx\nm\n"),
            (&["2q"], "a\nb\nc\n", "a\nb\n"),
            (&["/a/!d"], "a\nb\n", "a\n"),
            (&["-e", "s/a/b/", "-e", "s/b/c/"], "a\n", "c\n"),
            (&["s#/#_#g"], "/a/b\n", "_a_b\n"),
            (&["s/r/\\U&x\\E&/"], "r\n", "RXr\n"),
            (&["s/[/]/x/"], "a/b\n", "axb\n"),
            (&["s/R/r/i"], "Rm\n", "rm\n"),
            (&["s/^/rm /"], "x\n", "rm x\n"),
        ];
        for (words, input, expected) in cases {
            assert_eq!(sed(words, input).as_deref(), Some(expected), "{words:?}");
        }
        assert_eq!(sed(&["s/a/b/e"], "a"), None);
        assert_eq!(sed(&["-i", "s/a/b/"], "a"), None);
        assert_eq!(sed(&["N;s/a/b/"], "a"), None);
        // A pattern that isn't understood counts where it is asked for.
        assert_eq!(sed(&["s/\\(a\\)\\1/b/"], "aa"), None);
        assert_eq!(sed(&["s/\\(a\\)\\1/b/"], "").as_deref(), Some(""));
    }
}
