//! Text filters whose output can be computed: `rev`, `tr`, `cut`, `grep` and such.

use std::fmt::Write as _;

/// The output of the filter, or `None` where it can't be computed.
pub(super) fn run(name: &str, words: &[&[u8]], input: Option<&[u8]>, most: usize) -> Option<Vec<u8>> {
    match name {
        "seq" => return seq(words),
        "basename" => return Some(line(base_name(words.first()?, words.get(1).copied()))),
        "dirname" => return Some(line(folder(words.first()?))),
        "perl" => return perl_xor(words),
        "expr" => return expr(words),
        "awk" | "gawk" | "mawk" => return super::awk::run(words, input),
        _ => {}
    }
    let input = input?;
    let output = match name {
        "rev" => lines(input, |line, out| match std::str::from_utf8(line) {
            Ok(text) => out.extend(text.chars().rev().collect::<String>().into_bytes()),
            Err(_) => out.extend(line.iter().rev()),
        }),
        "tac" => {
            let mut all: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
            all.reverse();
            all.concat()
        }
        "tr" => super::tr::tr(words, input)?,
        "cut" => cut(words, input)?,
        "head" | "tail" => ends(name == "head", words, input)?,
        "sed" => super::sed::run(words, input)?,
        "sort" if words.is_empty() => {
            let mut all: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
            all.sort_unstable();
            all.concat()
        }
        "grep" => grep(words, input, false)?,
        "egrep" => grep(words, input, true)?,
        "fgrep" => grep(&[&[&b"-F"[..]], words].concat(), input, false)?,
        "fold" => fold(words, input)?,
        "paste" => paste(words, input)?,
        _ => return None,
    };
    (output.len() <= most).then_some(output)
}

fn line(text: &[u8]) -> Vec<u8> {
    [text, b"\n"].concat()
}

/// A path's last part, as `basename` prints it, without its ending.
pub(super) fn base_name<'a>(path: &'a [u8], ending: Option<&[u8]>) -> &'a [u8] {
    let name = path.rsplit(|&b| b == b'/').find(|p| !p.is_empty()).unwrap_or(b"/");
    let short = ending.and_then(|ending| name.strip_suffix(ending));
    short.filter(|s| !s.is_empty()).unwrap_or(name)
}

/// A path without its last part, as `dirname` prints it.
pub(super) fn folder(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&b| b == b'/') {
        Some(0) => b"/",
        Some(at) => &path[..at],
        None => b".",
    }
}

/// Applies `change` to each line.
fn lines(input: &[u8], mut change: impl FnMut(&[u8], &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len());
    for line in input.split_inclusive(|&b| b == b'\n') {
        let (text, end): (&[u8], &[u8]) = match line.split_last() {
            Some((b'\n', text)) => (text, b"\n"),
            _ => (line, b""),
        };
        change(text, &mut out);
        out.extend_from_slice(end);
    }
    out
}

fn seq(words: &[&[u8]]) -> Option<Vec<u8>> {
    let number = |w: &[u8]| std::str::from_utf8(w).ok()?.parse::<i64>().ok();
    let (first, step, last) = match words {
        [last] => (1, 1, number(last)?),
        [first, last] => (number(first)?, 1, number(last)?),
        [first, step, last] => (number(first)?, number(step)?, number(last)?),
        _ => return None,
    };
    let (first, step, last) = (i128::from(first), i128::from(step), i128::from(last));
    let steps = (last - first).checked_div(step)?;
    if steps >= 1024 {
        return None;
    }
    let mut out = String::new();
    let mut value = first;
    while (step > 0 && value <= last) || (step < 0 && value >= last) {
        let _ = writeln!(out, "{value}");
        value += step;
    }
    Some(out.into_bytes())
}

/// `perl -e 'print "a" ^ "b"'`: a byte hidden by another.
fn perl_xor(words: &[&[u8]]) -> Option<Vec<u8>> {
    let [option, code] = words else { return None };
    if *option != b"-e" {
        return None;
    }
    let code = code.trim_ascii().strip_prefix(b"print")?.trim_ascii_start();
    let (left, rest) = perl_string(code)?;
    let rest = rest.trim_ascii();
    if rest.is_empty() {
        return Some(left);
    }
    let (right, rest) = perl_string(rest.strip_prefix(b"^")?.trim_ascii_start())?;
    if !matches!(rest.trim_ascii(), b"" | b";") {
        return None;
    }
    let len = left.len().max(right.len());
    Some((0..len).map(|i| left.get(i).unwrap_or(&0) ^ right.get(i).unwrap_or(&0)).collect())
}

fn perl_string(code: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let quote = *code.first().filter(|b| matches!(b, b'\'' | b'"'))?;
    let mut out = Vec::new();
    let mut at = 1;
    loop {
        match *code.get(at)? {
            b if b == quote => return Some((out, &code[at + 1..])),
            b'\\' => {
                let next = *code.get(at + 1)?;
                if quote == b'\'' && !matches!(next, b'\\' | b'\'') {
                    out.push(b'\\');
                }
                out.push(next);
                at += 2;
            }
            b'$' | b'@' if quote == b'"' => return None,
            b => {
                out.push(b);
                at += 1;
            }
        }
    }
}

/// `1,3-5,7-`: whether the position, from 1, is in the list.
fn in_list(list: &[u8], position: usize) -> Option<bool> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<usize>().ok();
    let mut found = false;
    for item in list.split(|&b| b == b',') {
        found |= match item.iter().position(|&b| b == b'-') {
            Some(at) => {
                let low = if at == 0 { 1 } else { number(&item[..at])? };
                let high = if at + 1 == item.len() { usize::MAX } else { number(&item[at + 1..])? };
                (low..=high).contains(&position)
            }
            None => number(item)? == position,
        };
    }
    Some(found)
}

fn cut(words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let (mut mode, mut list, mut delimiter) = (0, Vec::new(), b'\t');
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        at += 1;
        let [b'-', letter, value @ ..] = word else { return None };
        let value = if value.is_empty() {
            at += 1;
            words.get(at - 1)?
        } else {
            value
        };
        match letter {
            b'c' | b'b' | b'f' => {
                mode = *letter;
                list = value.to_vec();
            }
            b'd' => delimiter = *value.first()?,
            _ => return None,
        }
    }
    in_list(&list, 1)?;
    match mode {
        b'f' => Some(lines(input, |line, out| {
            if !line.contains(&delimiter) {
                return out.extend_from_slice(line);
            }
            let mut first = true;
            for (i, field) in line.split(|&b| b == delimiter).enumerate() {
                if in_list(&list, i + 1) == Some(true) {
                    if !first {
                        out.push(delimiter);
                    }
                    first = false;
                    out.extend_from_slice(field);
                }
            }
        })),
        b'b' | b'c' => Some(lines(input, |line, out| {
            out.extend(
                line.iter().enumerate().filter(|(i, _)| in_list(&list, i + 1) == Some(true)).map(|(_, b)| b),
            );
        })),
        _ => None,
    }
}

fn ends(head: bool, words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<usize>().ok();
    let (mut count, mut bytes, mut from_start) = (10, false, false);
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        at += 1;
        let value = match word {
            [b'-', letter @ (b'n' | b'c'), rest @ ..] => {
                bytes = *letter == b'c';
                if rest.is_empty() {
                    at += 1;
                    words.get(at - 1)?
                } else {
                    rest
                }
            }
            [b'-', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => rest,
            _ => return None,
        };
        from_start = value.first() == Some(&b'+');
        count = number(value.strip_prefix(b"+").unwrap_or(value))?;
    }
    if bytes {
        let count = count.min(input.len());
        return Some(match (head, from_start) {
            (true, _) => input[..count].to_vec(),
            (false, true) => input[count.saturating_sub(1)..].to_vec(),
            (false, false) => input[input.len() - count..].to_vec(),
        });
    }
    let all: Vec<&[u8]> = input.split_inclusive(|&b| b == b'\n').collect();
    let count_in = count.min(all.len());
    Some(match (head, from_start) {
        (true, _) => all[..count_in].concat(),
        (false, true) => all[count.saturating_sub(1).min(all.len())..].concat(),
        (false, false) => all[all.len() - count_in..].concat(),
    })
}

/// `grep` with the options that change which lines are printed.
fn grep(words: &[&[u8]], input: &[u8], extended: bool) -> Option<Vec<u8>> {
    let (mut inverted, mut any_case, mut only, mut extended, mut fixed) =
        (false, false, false, extended, false);
    let mut pattern: Option<&[u8]> = None;
    for word in words {
        match *word {
            b"-e" | b"--" => {}
            [b'-', letters @ ..] if !letters.is_empty() && pattern.is_none() => {
                for b in letters {
                    match b {
                        b'v' => inverted = true,
                        b'i' => any_case = true,
                        b'o' => only = true,
                        b'E' | b'P' => extended = true,
                        b'F' => fixed = true,
                        b'a' | b'h' | b's' => {}
                        _ => return None,
                    }
                }
            }
            _ if pattern.is_some() => return None,
            word => pattern = Some(word),
        }
    }
    let escaped: Vec<u8>;
    let mut pattern = pattern?;
    if fixed {
        escaped = pattern
            .iter()
            .flat_map(|b| if b.is_ascii_punctuation() { vec![b'\\', *b] } else { vec![*b] })
            .collect();
        pattern = &escaped;
    }
    let mut what = super::basic_regex::compile(pattern, extended || fixed, any_case)?;
    let mut out = Vec::new();
    for line in input.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if only && !inverted {
            for found in what.find_all(text)? {
                if !found.is_empty() {
                    out.extend_from_slice(&text[found]);
                    out.push(b'\n');
                }
            }
        } else if what.is_match(text)? != inverted {
            out.extend_from_slice(text);
            out.push(b'\n');
        }
    }
    Some(out)
}

/// `fold -w N`: lines of at most so many columns.
fn fold(words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let width = match words {
        [] => 80,
        [option, width] if option == b"-w" => number(width)?,
        [option] => number(option.strip_prefix(b"-w").or_else(|| option.strip_prefix(b"-"))?)?,
        _ => return None,
    };
    if width == 0 {
        return None;
    }
    Some(lines(input, |line, out| {
        for (i, chunk) in line.chunks(width).enumerate() {
            if i > 0 {
                out.push(b'\n');
            }
            out.extend_from_slice(chunk);
        }
    }))
}

/// `paste -s -d ''`: all lines as one.
fn paste(words: &[&[u8]], input: &[u8]) -> Option<Vec<u8>> {
    let (mut serial, mut by): (bool, &[u8]) = (false, b"\t");
    let mut at = 0;
    while at < words.len() {
        match words[at] {
            b"-s" => serial = true,
            b"-" => {}
            [b'-', middle @ .., b'd'] if middle.iter().all(|b| *b == b's') => {
                serial |= !middle.is_empty();
                at += 1;
                by = words.get(at)?;
            }
            [b'-', b'd', rest @ ..] => by = rest,
            _ => return None,
        }
        at += 1;
    }
    let by: &[u8] = if by == b"\\0" { b"" } else { by };
    if !serial || by.len() > 1 {
        return None;
    }
    let all: Vec<&[u8]> = input.strip_suffix(b"\n").unwrap_or(input).split(|&b| b == b'\n').collect();
    Some(line(&all.join(by)))
}

/// `expr substr`, `expr text : pattern` and sums.
fn expr(words: &[&[u8]]) -> Option<Vec<u8>> {
    match words {
        [b"substr", text, from, len] => {
            let (from, len) = (number(from)?, number(len)?);
            let from = from.checked_sub(1)?.min(text.len());
            Some(line(&text[from..from.saturating_add(len).min(text.len())]))
        }
        [b"length", text] => Some(line(text.len().to_string().as_bytes())),
        [text, b":", pattern] | [b"match", text, pattern] => {
            let anchored = [b"^", *pattern].concat();
            let captures = super::basic_regex::compile(&anchored, false, false)?.captures(text, 0)?;
            match captures.get_group(1) {
                Some(span) => Some(line(&text[span.range()])),
                None if captures.group_len() > 1 => Some(line(b"")),
                None => Some(line(captures.get_match().map_or(0, |m| m.len()).to_string().as_bytes())),
            }
        }
        [left, sign, right] => {
            let number = |w: &[u8]| std::str::from_utf8(w).ok()?.parse::<i64>().ok();
            let (left, right) = (number(left)?, number(right)?);
            let value = match *sign {
                b"+" => left.checked_add(right)?,
                b"-" => left.checked_sub(right)?,
                b"*" => left.checked_mul(right)?,
                b"/" => left.checked_div(right)?,
                b"%" => left.checked_rem(right)?,
                _ => return None,
            };
            Some(line(value.to_string().as_bytes()))
        }
        _ => None,
    }
}

fn number(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, list: &[&str], input: &str) -> Option<String> {
        let words: Vec<&[u8]> = list.iter().map(|w| w.as_bytes()).collect();
        run(name, &words, Some(input.as_bytes()), 4096).map(|o| String::from_utf8_lossy(&o).into_owned())
    }

    #[test]
    fn filters_do_what_the_programs_do() {
        let cases: [(&str, &[&str], &str, &str); 25] = [
            ("rev", &[], "fr- mr\n", "rm -rf\n"),
            ("tr", &["a-z", "n-za-m"], "ez -es", "rm -rf"),
            ("tr", &["-d", "x"], "rxm", "rm"),
            ("tr", &["[:upper:]", "[:lower:]"], "RM", "rm"),
            ("cut", &["-c1-2"], "rmx\n", "rm\n"),
            ("cut", &["-d:", "-f2"], "a:rm:b\n", "rm\n"),
            ("head", &["-n", "1"], "a\nb\n", "a\n"),
            ("tail", &["-n+2"], "a\nb\n", "b\n"),
            ("sed", &["s/x/m/"], "rx -rf x\n", "rm -rf x\n"),
            ("sed", &["s/x//g;y/ab/rm/"], "xaxb\n", "rm\n"),
            ("awk", &["{print $2}"], "a rm b\n", "rm\n"),
            ("seq", &["2", "4"], "", "2\n3\n4\n"),
            ("seq", &["3", "-2", "0"], "", "3\n1\n"),
            ("seq", &["3", "2"], "", ""),
            ("seq", &["3", "2", "2"], "", ""),
            (
                "seq",
                &["-9223372036854775807", "9223372036854775806", "9223372036854775807"],
                "",
                "-9223372036854775807\n-1\n9223372036854775805\n",
            ),
            ("grep", &["-v", "^#"], "#a\nrm\n", "rm\n"),
            ("grep", &["-oE", "r[a-z]"], "xrmx", "rm\n"),
            ("grep", &["-F", "r."], "rm\nr.\n", "r.\n"),
            ("fold", &["-w1"], "rm\n", "r\nm\n"),
            ("paste", &["-sd", ""], "r\nm\n", "rm\n"),
            ("expr", &["substr", "xrmx", "2", "2"], "", "rm\n"),
            ("expr", &["xrm", ":", "x\\(.*\\)"], "", "rm\n"),
            ("expr", &["ab", ":", "a"], "", "1\n"),
            ("expr", &["3", "+", "4"], "", "7\n"),
        ];
        for (name, words, input, expected) in cases {
            assert_eq!(output(name, words, input).as_deref(), Some(expected), "{name} {words:?}");
        }
        assert_eq!(perl_xor(&[b"-e", b"print 'a' ^ '\x13'"]), Some(b"r".to_vec()));
    }
}
