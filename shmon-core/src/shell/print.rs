//! Commands that print their arguments: `echo`, zsh's `print`, `printf`.

use super::analysis::{Range32, WordFlags};
use super::arith;
use super::capture::Sink;
use super::escapes::{self, Style};
use super::machine::Machine;
use super::state::Val;

impl Machine<'_> {
    pub(super) fn echo(&mut self, argv: Range32) {
        if self.sink == Sink::Discard {
            return;
        }
        let mut next = argv.start + 1;
        let (mut newline, mut escaped) = (true, false);
        let print = self.arg_text(argv.start) == b"print";
        let mut separator: &[u8] = b" ";
        while print && next < argv.end && self.arg_text(next).starts_with(b"-") {
            let word = self.arg_text(next);
            if word.contains(&b'l') {
                separator = b"\n";
            }
            newline &= !word.contains(&b'n');
            next += 1 + u32::from(matches!(word.last(), Some(b'u' | b'C' | b'f' | b'v')));
        }
        while !print && next < argv.end {
            let word = self.arg_text(next);
            let option = word.len() > 1
                && word[0] == b'-'
                && word[1..].iter().all(|b| matches!(b, b'n' | b'e' | b'E'));
            if !option {
                break;
            }
            for b in &word[1..] {
                match b {
                    b'n' => newline = false,
                    b'e' => escaped = true,
                    _ => escaped = false,
                }
            }
            next += 1;
        }
        for index in next..argv.end {
            if index > next {
                self.write(separator);
            }
            let word = self.arg(index);
            if word.flags.contains(WordFlags::UNRESOLVED) {
                self.out_known = false;
            }
            if escaped {
                let text = self.text(word.range()).to_vec();
                let mut out = Vec::with_capacity(text.len());
                let stop = decode(&text, Style::Echo, &mut out);
                self.write(&out);
                if stop {
                    return;
                }
            } else {
                self.write_range(word.range());
            }
        }
        if newline {
            self.write(b"\n");
        }
    }

    pub(super) fn printf(&mut self, rest: Range32) {
        let mut rest = rest;
        let mut target = None;
        if rest.len() >= 2 && self.arg_text(rest.start) == b"-v" {
            target = Some(self.arg(rest.start + 1).range());
            rest.start += 2;
        }
        if !rest.is_empty() && self.arg_text(rest.start) == b"--" {
            rest.start += 1;
        }
        if rest.is_empty() || (target.is_none() && self.sink == Sink::Discard) {
            return;
        }
        let mut known = true;
        let mut words: Vec<Vec<u8>> = Vec::with_capacity(rest.len());
        for index in rest.start..rest.end {
            known &= !self.arg(index).flags.contains(WordFlags::UNRESOLVED);
            words.push(self.arg_text(index).to_vec());
        }
        let (out, exact) = format(&words[0], &words[1..]);
        known &= exact;
        if !self.charge(out.len() / 64) {
            return;
        }
        match target {
            Some(name) => {
                let range = self.intern(&out);
                self.assign_named(name, Val { range, known });
            }
            None => {
                self.write(&out);
                if !known {
                    self.write_unknown();
                }
            }
        }
    }
}

/// Decodes escapes; whether `\c` ended the output.
fn decode(text: &[u8], style: Style, out: &mut Vec<u8>) -> bool {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b'\\' {
            let (len, stop) = escapes::one(&text[at..], style, out);
            if stop {
                return true;
            }
            at += len;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    false
}

/// `printf FORMAT ARGS`: the text, and whether all of it is what printf would print.
pub(super) fn format(format: &[u8], args: &[Vec<u8>]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut exact = true;
    let mut next = 0;
    loop {
        let before = next;
        let mut at = 0;
        while at < format.len() {
            match format[at] {
                b'\\' => {
                    let (len, stop) = escapes::one(&format[at..], Style::Printf, &mut out);
                    if stop {
                        return (out, exact);
                    }
                    at += len;
                }
                b'%' if format.get(at + 1) == Some(&b'%') => {
                    out.push(b'%');
                    at += 2;
                }
                b'%' => {
                    let spec = &format[at + 1..];
                    // `%(%Y)T`: the time.
                    if spec.first() == Some(&b'(')
                        && let Some(len) = spec.windows(2).position(|w| w == b")T")
                    {
                        exact = false;
                        next += 1;
                        out.extend_from_slice(&format[at..at + len + 3]);
                        at += len + 3;
                        continue;
                    }
                    let flags = spec.iter().take_while(|b| b"-+ #0123456789.*".contains(b)).count();
                    let Some(&kind) = spec.get(flags) else {
                        out.push(b'%');
                        at += 1;
                        continue;
                    };
                    at += flags + 2;
                    let arg: &[u8] = args.get(next).map_or(&[], Vec::as_slice);
                    next += 1;
                    exact &= one_conversion(kind, &spec[..flags], arg, &mut out);
                }
                b => {
                    out.push(b);
                    at += 1;
                }
            }
        }
        if next >= args.len() || next == before || out.len() > 1 << 18 {
            exact &= out.len() <= 1 << 18;
            return (out, exact);
        }
    }
}

fn one_conversion(kind: u8, flags: &[u8], arg: &[u8], out: &mut Vec<u8>) -> bool {
    let number = |arg: &[u8]| -> Option<i64> {
        match arg {
            [] => Some(0),
            [b'\'' | b'"', rest @ ..] => {
                let c = std::str::from_utf8(rest).ok().and_then(|s| s.chars().next());
                Some(c.map_or_else(|| rest.first().map_or(0, |b| i64::from(*b)), |c| i64::from(u32::from(c))))
            }
            [b'-', digits @ ..] => arith::literal(digits).map(i64::wrapping_neg),
            [b'+', digits @ ..] => arith::literal(digits),
            digits => arith::literal(digits),
        }
    };
    let text: Vec<u8> = match kind {
        b's' => arg.to_vec(),
        b'b' => {
            let mut made = Vec::new();
            decode(arg, Style::PercentB, &mut made);
            made
        }
        b'q' => escapes::quoted(arg),
        b'c' => arg.first().map_or_else(Vec::new, |b| vec![*b]),
        b'd' | b'i' | b'u' => match number(arg) {
            Some(n) => n.to_string().into_bytes(),
            None => return false,
        },
        b'x' => match number(arg) {
            Some(n) => format!("{n:x}").into_bytes(),
            None => return false,
        },
        b'X' => match number(arg) {
            Some(n) => format!("{n:X}").into_bytes(),
            None => return false,
        },
        b'o' => match number(arg) {
            Some(n) => format!("{n:o}").into_bytes(),
            None => return false,
        },
        _ => return false,
    };
    let spec = String::from_utf8_lossy(flags);
    let left = spec.contains('-');
    let zero = spec.starts_with('0') && kind != b's';
    let mut parts = spec.trim_start_matches(['-', '+', ' ', '#', '0']).split('.');
    let width: usize = parts.next().and_then(|w| w.parse().ok()).unwrap_or(0);
    let precision: Option<usize> = parts.next().and_then(|p| p.parse().ok());
    let mut text = text;
    if let (b's' | b'b', Some(most)) = (kind, precision) {
        text.truncate(most);
    }
    let pad = width.min(1 << 16).saturating_sub(text.len());
    if !left {
        out.extend(std::iter::repeat_n(if zero { b'0' } else { b' ' }, pad));
    }
    out.extend_from_slice(&text);
    if left {
        out.extend(std::iter::repeat_n(b' ', pad));
    }
    !spec.contains('*')
}
