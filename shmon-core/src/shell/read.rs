//! Commands that read input into variables: `read` and `mapfile`.

use super::analysis::Range32;
use super::chars::name_len;
use super::filters;
use super::machine::Machine;
use super::state::{Input, Val, VarKind};

/// The first name among the arguments of `read`, after its options.
pub(super) fn read_names<'a>(rest: Range32, text: impl Fn(u32) -> &'a [u8]) -> u32 {
    let mut next = rest.start;
    while next < rest.end {
        let [b'-', letters @ ..] = text(next) else { break };
        next += 1;
        if letters.is_empty() || letters == b"-" {
            break;
        }
        // The rest of the word is the option's value, or else the next word is.
        if let Some(at) = letters.iter().position(|&b| takes_value(b)) {
            next += u32::from(letters.len() == at + 1);
        }
    }
    next.min(rest.end)
}

/// Whether an option of `read` takes a value.
fn takes_value(option: u8) -> bool {
    matches!(option, b'a' | b'A' | b'd' | b'i' | b'n' | b'N' | b'p' | b't' | b'u')
}

impl Machine<'_> {
    /// Takes a line of known input.
    fn take_line(&mut self, delimiter: u8) -> Option<(Val, bool)> {
        let Input::Text(value, from) = self.input else { return None };
        let text = self.text(value.range);
        let len = text.iter().position(|&b| b == delimiter);
        let line = len.unwrap_or(text.len()) as u32;
        let start = value.range.start;
        let taken = Val { range: Range32 { start, end: start + line }, known: value.known };
        let rest = Range32 { start: start + line + u32::from(len.is_some()), end: value.range.end };
        let complete = len.is_some();
        self.input = Input::Text(Val { range: rest, known: value.known }, from);
        Some((taken, complete))
    }

    pub(super) fn read(&mut self, rest: Range32) {
        let (mut array, mut delimiter, mut raw, mut most, mut exact) = (None, b'\n', false, None, false);
        let mut from = Vec::new();
        let mut next = rest.start;
        while next < rest.end {
            let word = self.arg_text(next);
            let [b'-', letters @ ..] = word else { break };
            if letters.is_empty() || letters == b"-" {
                next += 1;
                break;
            }
            let letters = letters.to_vec();
            next += 1;
            for (i, b) in letters.iter().enumerate() {
                raw |= *b == b'r';
                if !takes_value(*b) {
                    continue;
                }
                let inline = letters.len() > i + 1;
                let value = if inline { letters[i + 1..].to_vec() } else { self.arg_text(next).to_vec() };
                match b {
                    b'a' | b'A' if !inline && next < rest.end => array = Some(self.arg(next).range()),
                    b'd' => delimiter = value.first().copied().unwrap_or(0),
                    b'u' => from = value,
                    b'n' | b'N' => {
                        most = std::str::from_utf8(&value).ok().and_then(|n| n.parse::<usize>().ok());
                        exact = *b == b'N';
                    }
                    _ => {}
                }
                next += u32::from(!inline);
                break;
            }
        }
        let next = next.min(rest.end);
        let mut line = None;
        self.read_descriptor(&from, |m| {
            line = match most {
                Some(most) => m.take_bytes(most, delimiter, exact),
                None => m.take_line(delimiter),
            };
        });
        self.status = match line {
            Some((value, complete)) if value.known => Some(i32::from(!complete)),
            _ => None,
        };
        let (mut value, known) = match line {
            Some((value, _)) if value.known => (value, true),
            _ => (Val::default(), false),
        };
        if !known {
            for index in next..rest.end {
                let name = self.arg(index).range();
                if name_len(self.text(name)) == name.len() {
                    self.forget(name);
                }
            }
            return;
        }
        if !raw && self.text(value.range).contains(&b'\\') {
            // A backslash stands for the character after it.
            let mut text = Vec::with_capacity(value.range.len());
            let mut bytes = self.text(value.range).iter();
            while let Some(b) = bytes.next() {
                text.extend(if *b == b'\\' { bytes.next() } else { Some(b) });
            }
            value.range = self.intern(&text);
        }
        if array.is_none() && next == rest.end {
            let name = self.intern(b"REPLY");
            return self.assign(name, value);
        }
        let (separators, count) = match self.dialect {
            super::Dialect::Fish => (*b" \t\n\0\0\0\0\0", 3),
            _ => self.separators(),
        };
        let fields = filters::split_fields(
            self.text(value.range),
            value.range.start,
            (rest.end - next) as usize,
            array.is_some(),
            &separators[..count],
        );
        if let Some(name) = array {
            let at = self.var_for(name);
            self.s.vars[at].kind = VarKind::Array(Range32::default());
            let start = self.s.elements.len() as u32;
            for (i, range) in fields.into_iter().enumerate() {
                let value = Val { range, known: true };
                let index = i64::try_from(i).unwrap_or(0) + i64::from(self.dialect != super::Dialect::Bash);
                self.s.elements.push(super::state::Element { index, key: Range32::default(), value });
            }
            self.s.vars[at].kind = VarKind::Array(Range32 { start, end: self.s.elements.len() as u32 });
            self.changes += 1;
            return;
        }
        for (i, index) in (next..rest.end).enumerate() {
            let name = self.arg(index).range();
            let empty = Range32 { start: value.range.end, end: value.range.end };
            let range = fields.get(i).copied().unwrap_or(empty);
            self.assign_named(name, Val { range, known: true });
        }
    }

    /// Takes at most so many bytes of known input, up to the delimiter unless `exact`.
    fn take_bytes(&mut self, most: usize, delimiter: u8, exact: bool) -> Option<(Val, bool)> {
        let Input::Text(value, from) = self.input else { return None };
        let text = self.text(value.range);
        let stop = if exact { None } else { text.iter().take(most).position(|&b| b == delimiter) };
        let len = stop.unwrap_or(text.len().min(most)) as u32;
        let complete = stop.is_some() || (len as usize == most && most > 0);
        let start = value.range.start;
        let taken = Val { range: Range32 { start, end: start + len }, known: value.known };
        let rest = Range32 { start: start + len + u32::from(stop.is_some()), end: value.range.end };
        self.input = Input::Text(Val { range: rest, known: value.known }, from);
        Some((taken, complete))
    }

    /// Makes a variable one whose value isn't known; it stands as `$NAME`.
    fn forget(&mut self, name: Range32) {
        let text = [b"$", self.text(name)].concat();
        let range = self.intern(&text);
        self.assign(name, Val { range, known: false });
    }

    pub(super) fn mapfile(&mut self, rest: Range32) {
        let (mut trim, mut delimiter, mut most, mut skipped, mut index) = (false, b'\n', 1024, 0, 0);
        let (mut name, mut from) = (None, Vec::new());
        let mut next = rest.start;
        while next < rest.end {
            let word = self.arg_text(next).to_vec();
            next += 1;
            let [b'-', letters @ ..] = word.as_slice() else {
                name = Some(self.arg(next - 1).range());
                continue;
            };
            for (i, b) in letters.iter().enumerate() {
                trim |= *b == b't';
                if !matches!(b, b'd' | b'n' | b'O' | b's' | b'u' | b'C' | b'c') {
                    continue;
                }
                let inline = letters.len() > i + 1;
                let value = if inline {
                    letters[i + 1..].to_vec()
                } else if next < rest.end {
                    self.arg_text(next).to_vec()
                } else {
                    Vec::new()
                };
                next += u32::from(!inline);
                let number = super::arith::literal(&value).unwrap_or(0).clamp(0, 4096);
                match b {
                    b'd' => delimiter = value.first().copied().unwrap_or(0),
                    b'n' if number > 0 => most = number,
                    b'u' => from = value,
                    b's' => skipped = number,
                    b'O' => index = number,
                    _ => {}
                }
                break;
            }
        }
        let name = match name {
            Some(name) => name,
            None => self.intern(b"MAPFILE"),
        };
        let start = self.s.elements.len() as u32;
        let last = index + most.min(1024);
        self.read_descriptor(&from, |m| {
            while index < last
                && let Some((line, complete)) = m.take_line(delimiter)
            {
                if !line.known || (line.range.is_empty() && !complete) {
                    break;
                }
                if skipped > 0 {
                    skipped -= 1;
                    continue;
                }
                let mut value = line;
                value.range.end += u32::from(!trim && complete);
                m.s.elements.push(super::state::Element { index, key: Range32::default(), value });
                index += 1;
            }
        });
        let range = Range32 { start, end: self.s.elements.len() as u32 };
        let at = self.var_for(name);
        self.s.vars[at].kind = VarKind::Array(range);
        self.changes += 1;
    }
}
