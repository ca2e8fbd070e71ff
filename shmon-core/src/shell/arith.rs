//! Constant arithmetic: bash's expression grammar over `i64`, with variables from the machine.

use super::chars::name_len;

/// Where an expression finds and leaves variables.
pub(super) trait Names {
    /// The value of a variable or array element; `None` where it isn't known.
    fn get(&mut self, name: &[u8], index: Option<i64>) -> Option<i64>;
    /// Assigns; what isn't known makes the variable unknown.
    fn set(&mut self, name: &[u8], index: Option<i64>, value: Option<i64>);
}

/// The value of `text`, or `None` where it isn't known or isn't an expression.
pub(super) fn evaluate(text: &[u8], names: &mut dyn Names) -> Option<i64> {
    let mut eval = Eval { text, pos: 0, names, depth: 0, dry: 0, failed: false };
    let value = eval.comma();
    eval.blanks();
    if eval.failed || eval.pos < text.len() { None } else { value }
}

struct Eval<'a> {
    text: &'a [u8],
    pos: usize,
    names: &'a mut dyn Names,
    depth: u32,
    /// Above 0 in a branch that isn't taken.
    dry: u32,
    failed: bool,
}

/// Left-associative operators by binding strength, weakest first.
const BINARY: [&[&[u8]]; 10] = [
    &[b"||"],
    &[b"&&"],
    &[b"|"],
    &[b"^"],
    &[b"&"],
    &[b"==", b"!="],
    &[b"<=", b">=", b"<", b">"],
    &[b"<<", b">>"],
    &[b"+", b"-"],
    &[b"*", b"/", b"%"],
];

impl Eval<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.pos).is_some_and(u8::is_ascii_whitespace) {
            self.pos += 1;
        }
    }

    fn rest(&mut self) -> &[u8] {
        self.blanks();
        &self.text[self.pos.min(self.text.len())..]
    }

    fn take(&mut self, sign: &[u8]) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.pos += sign.len();
        }
        found
    }

    fn comma(&mut self) -> Option<i64> {
        if self.depth > 40 {
            self.failed = true;
            return None;
        }
        self.depth += 1;
        let mut value = self.conditional();
        while !self.failed && self.take(b",") {
            value = self.conditional();
        }
        self.depth -= 1;
        value
    }

    fn conditional(&mut self) -> Option<i64> {
        let condition = self.binary(0);
        if self.failed || !self.take(b"?") {
            return condition;
        }
        let truth = condition.map(|c| c != 0);
        self.dry += u32::from(truth != Some(true));
        let yes = self.comma();
        self.dry -= u32::from(truth != Some(true));
        if !self.take(b":") {
            self.failed = true;
            return None;
        }
        self.dry += u32::from(truth != Some(false));
        let no = if self.depth > 40 { None } else { self.nested_conditional() };
        self.dry -= u32::from(truth != Some(false));
        if truth? { yes } else { no }
    }

    fn nested_conditional(&mut self) -> Option<i64> {
        self.depth += 1;
        let value = self.conditional();
        self.depth -= 1;
        value
    }

    fn operator(&mut self, level: usize) -> Option<&'static [u8]> {
        let rest = self.rest();
        let found = BINARY.get(level)?.iter().find(|op| rest.starts_with(op))?;
        let after = rest.get(found.len()).copied();
        // Not the start of another operator: `|` of `||`, `<` of `<<`, `+` of `+=`.
        let other = match *found {
            b"|" | b"&" => after == Some(found[0]) || after == Some(b'='),
            b"<" | b">" => after == Some(found[0]),
            b"+" | b"-" | b"/" | b"%" | b"^" | b"<<" | b">>" => after == Some(b'='),
            b"*" => matches!(after, Some(b'=')),
            _ => false,
        };
        (!other).then_some(*found)
    }

    fn binary(&mut self, level: usize) -> Option<i64> {
        if level == BINARY.len() {
            return self.power();
        }
        let mut left = self.binary(level + 1);
        while !self.failed
            && let Some(op) = self.operator(level)
        {
            self.pos += op.len();
            let skip = match op {
                b"&&" => left == Some(0),
                b"||" => left.is_some_and(|l| l != 0),
                _ => false,
            };
            self.dry += u32::from(skip);
            let right = self.binary(level + 1);
            self.dry -= u32::from(skip);
            left = match (op, left, right) {
                (b"&&", Some(0), _) => Some(0),
                (b"||", Some(l), _) if l != 0 => Some(1),
                (_, Some(l), Some(r)) => apply(op, l, r),
                _ => None,
            };
        }
        left
    }

    fn power(&mut self) -> Option<i64> {
        let base = self.unary();
        if self.failed || !self.rest().starts_with(b"**") {
            return base;
        }
        self.pos += 2;
        self.depth += 1;
        let exponent = if self.depth > 40 { None } else { self.power() };
        self.depth -= 1;
        base?.checked_pow(u32::try_from(exponent?).ok()?)
    }

    fn unary(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 80 {
            self.failed = true;
        }
        let value = if self.failed { None } else { self.unary_inner() };
        self.depth -= 1;
        value
    }

    fn unary_inner(&mut self) -> Option<i64> {
        for (sign, by) in [(b"++", 1), (b"--", -1)] {
            let name = self.rest().get(2..).map_or(0, |r| {
                let blank = r.iter().take_while(|b| b.is_ascii_whitespace()).count();
                name_len(&r[blank..])
            });
            if self.rest().starts_with(sign) && name > 0 {
                self.pos += 2;
                return self.variable(Some(by));
            }
        }
        match self.rest().first().copied() {
            Some(b'-') => {
                self.pos += 1;
                self.unary().map(i64::wrapping_neg)
            }
            Some(b'+') => {
                self.pos += 1;
                self.unary()
            }
            Some(b'!') => {
                self.pos += 1;
                self.unary().map(|v| i64::from(v == 0))
            }
            Some(b'~') => {
                self.pos += 1;
                self.unary().map(|v| !v)
            }
            Some(b'(') => {
                self.pos += 1;
                let value = self.comma();
                if !self.take(b")") {
                    self.failed = true;
                }
                value
            }
            Some(b) if b.is_ascii_digit() => self.number(),
            Some(_) if name_len(self.rest()) > 0 => self.variable(None),
            _ => {
                self.failed = true;
                None
            }
        }
    }

    fn number(&mut self) -> Option<i64> {
        let rest = self.rest();
        let len =
            rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'#' | b'@' | b'_')).count();
        let digits = rest[..len].to_vec();
        self.pos += len;
        let value = literal(&digits);
        self.failed |= value.is_none();
        value
    }

    fn variable(&mut self, before: Option<i64>) -> Option<i64> {
        let len = name_len(self.rest());
        let name = self.rest()[..len].to_vec();
        self.pos += len;
        let mut index = None;
        if self.text.get(self.pos) == Some(&b'[') {
            self.pos += 1;
            let value = self.comma();
            if !self.take(b"]") {
                self.failed = true;
                return None;
            }
            index = Some(value?);
        }
        let live = self.dry == 0;
        let old = self.names.get(&name, index);
        if let Some(by) = before {
            let new = old.map(|v| v.wrapping_add(by));
            if live {
                self.names.set(&name, index, new);
            }
            return new;
        }
        for (sign, by) in [(b"++", 1), (b"--", -1)] {
            if self.rest().starts_with(sign) {
                self.pos += 2;
                if live {
                    self.names.set(&name, index, old.map(|v| v.wrapping_add(by)));
                }
                return old;
            }
        }
        let assigned: [&[u8]; 11] =
            [b"<<=", b">>=", b"+=", b"-=", b"*=", b"/=", b"%=", b"&=", b"|=", b"^=", b"="];
        for op in assigned {
            let rest = self.rest();
            if !rest.starts_with(op) || (op == b"=" && rest.get(1) == Some(&b'=')) {
                continue;
            }
            self.pos += op.len();
            self.depth += 1;
            let right = if self.depth > 40 { None } else { self.conditional() };
            self.depth -= 1;
            let value = if op == b"=" {
                right
            } else {
                old.zip(right).and_then(|(l, r)| apply(&op[..op.len() - 1], l, r))
            };
            if live {
                self.names.set(&name, index, value);
            }
            return value;
        }
        old
    }
}

fn apply(op: &[u8], l: i64, r: i64) -> Option<i64> {
    Some(match op {
        b"||" => i64::from(l != 0 || r != 0),
        b"&&" => i64::from(l != 0 && r != 0),
        b"|" => l | r,
        b"^" => l ^ r,
        b"&" => l & r,
        b"==" => i64::from(l == r),
        b"!=" => i64::from(l != r),
        b"<=" => i64::from(l <= r),
        b">=" => i64::from(l >= r),
        b"<" => i64::from(l < r),
        b">" => i64::from(l > r),
        b"<<" => l.wrapping_shl((r & 63) as u32),
        b">>" => l.wrapping_shr((r & 63) as u32),
        b"+" => l.wrapping_add(r),
        b"-" => l.wrapping_sub(r),
        b"*" => l.wrapping_mul(r),
        b"/" => l.checked_div(r)?,
        b"%" => l.checked_rem(r)?,
        _ => return None,
    })
}

/// A number in bash's forms: `10`, `0x1f`, `017`, `BASE#digits`.
pub(super) fn literal(digits: &[u8]) -> Option<i64> {
    let (base, digits) = match digits.iter().position(|&b| b == b'#') {
        Some(at) => {
            let base = literal(&digits[..at])?;
            (base, &digits[at + 1..])
        }
        None => match digits {
            [b'0', b'x' | b'X', rest @ ..] => (16, rest),
            [b'0', rest @ ..] if !rest.is_empty() => (8, rest),
            _ => (10, digits),
        },
    };
    if !(2..=64).contains(&base) {
        return None;
    }
    let mut value = 0i64;
    for &b in digits {
        let digit = match b {
            b'0'..=b'9' => i64::from(b - b'0'),
            b'a'..=b'z' => i64::from(b - b'a') + 10,
            b'A'..=b'Z' if base <= 36 => i64::from(b - b'A') + 10,
            b'A'..=b'Z' => i64::from(b - b'A') + 36,
            b'@' => 62,
            b'_' => 63,
            _ => return None,
        };
        if digit >= base {
            return None;
        }
        value = value.wrapping_mul(base).wrapping_add(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct None_;
    impl Names for None_ {
        fn get(&mut self, name: &[u8], _: Option<i64>) -> Option<i64> {
            (name == b"x").then_some(5)
        }
        fn set(&mut self, _: &[u8], _: Option<i64>, _: Option<i64>) {}
    }

    #[test]
    fn values_are_those_of_bash() {
        let cases: [(&str, Option<i64>); 14] = [
            ("1+2*3", Some(7)),
            ("(1+2)*3", Some(9)),
            ("2**3**2", Some(512)),
            ("0x1f", Some(31)),
            ("010", Some(8)),
            ("2#101", Some(5)),
            ("64#_", Some(63)),
            ("1 ? 2 : 3", Some(2)),
            ("x++ + 1", Some(6)),
            ("(-(-9#2+2)+3)", Some(3)),
            ("1<<4|1", Some(17)),
            ("y && 0", None),
            ("1/0", None),
            ("1 +", None),
        ];
        for (text, value) in cases {
            assert_eq!(evaluate(text.as_bytes(), &mut None_), value, "{text}");
        }
    }
}
