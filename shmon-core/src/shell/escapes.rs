//! Backslash escapes of `$'…'`, `printf` and `echo -e`.

/// Decodes the inside of `$'…'`.
pub(super) fn ansi_c(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'\\' && at + 1 < text.len() {
            let before = out.len();
            at += one(&text[at..], Style::AnsiC, out).0;
            if out.get(before) == Some(&0) {
                // A string ends where bash's own does.
                out.truncate(before);
                return;
            }
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
}

/// Whose escapes they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    AnsiC,
    /// `printf`'s format.
    Printf,
    /// `echo -e`: octal needs a leading zero.
    Echo,
    /// `printf %b`: it may have one.
    PercentB,
}

/// Decodes the escape at the start of `text`: how many bytes it takes, and whether output ends here (`\c`).
pub(super) fn one(text: &[u8], style: Style, out: &mut Vec<u8>) -> (usize, bool) {
    let Some(&b) = text.get(1) else {
        out.push(b'\\');
        return (1, false);
    };
    let simple = match b {
        b'a' => 7,
        b'b' => 8,
        b'e' | b'E' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'\'' | b'"' | b'?' if !matches!(style, Style::Echo | Style::PercentB) => b,
        _ => 0,
    };
    if simple != 0 {
        out.push(simple);
        return (2, false);
    }
    match b {
        b'0'..=b'7' if style != Style::Echo || b == b'0' => {
            let zero = b == b'0' && matches!(style, Style::Echo | Style::PercentB);
            let from = if zero { 2 } else { 1 };
            let (value, len) = digits(text.get(from..).unwrap_or(&[]), 8, 3);
            out.push(value as u8);
            (from + len, false)
        }
        // bash: braces around any number of digits.
        b'x' if style == Style::AnsiC && text.get(2) == Some(&b'{') => {
            let (value, len) = digits(text.get(3..).unwrap_or(&[]), 16, 8);
            out.push(value as u8);
            (3 + len + usize::from(text.get(3 + len) == Some(&b'}')), false)
        }
        b'x' => match digits(text.get(2..).unwrap_or(&[]), 16, 2) {
            (_, 0) => {
                out.extend_from_slice(b"\\x");
                (2, false)
            }
            (value, len) => {
                out.push(value as u8);
                (2 + len, false)
            }
        },
        b'u' | b'U' => match digits(text.get(2..).unwrap_or(&[]), 16, if b == b'u' { 4 } else { 8 }) {
            (_, 0) => {
                out.extend_from_slice(&text[..2]);
                (2, false)
            }
            (value, len) => {
                let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                (2 + len, false)
            }
        },
        b'c' if style == Style::AnsiC => match text.get(2) {
            Some(&c) => {
                out.push(c & 0x1f);
                (3, false)
            }
            None => {
                out.extend_from_slice(b"\\c");
                (2, false)
            }
        },
        b'c' => (2, true),
        // The conversion stays one.
        b'%' if style == Style::Printf => {
            out.push(b'\\');
            (1, false)
        }
        _ => {
            out.extend_from_slice(&text[..2]);
            (2, false)
        }
    }
}

/// The text as `printf %q` writes it: words that a shell reads back.
pub(super) fn quoted(text: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        return b"''".to_vec();
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    if text.iter().any(u8::is_ascii_control) {
        out.extend_from_slice(b"$'");
        for &b in text {
            match b {
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\'' | b'\\' => out.extend_from_slice(&[b'\\', b]),
                _ if b.is_ascii_control() => out.extend_from_slice(format!("\\{b:03o}").as_bytes()),
                _ => out.push(b),
            }
        }
        out.push(b'\'');
        return out;
    }
    for (i, &b) in text.iter().enumerate() {
        let leading = i == 0 && matches!(b, b'~' | b'#');
        if leading || b" \"$&'()*,;<>?[\\]^`{|}!".contains(&b) {
            out.push(b'\\');
        }
        out.push(b);
    }
    out
}

fn digits(text: &[u8], base: u32, most: usize) -> (u32, usize) {
    let mut value = 0u32;
    let mut len = 0;
    while let Some(digit) = text.get(len).filter(|_| len < most).and_then(|&b| char::from(b).to_digit(base)) {
        value = value.wrapping_mul(base).wrapping_add(digit);
        len += 1;
    }
    (value, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ansi_c_is_decoded() {
        let mut out = Vec::new();
        ansi_c(br"\x72\155\u0020-\U0001F600\n\q\'", &mut out);
        assert_eq!(out, "rm -\u{1F600}\n\\q'".as_bytes());
    }
}
