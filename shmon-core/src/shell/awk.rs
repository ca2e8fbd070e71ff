//! A little of `awk`: programs that only print fields, strings and what functions make of them.

/// What a program prints, or `None` where it has more than is understood.
pub(super) fn run(words: &[&[u8]], input: Option<&[u8]>) -> Option<Vec<u8>> {
    let mut separator: Option<&[u8]> = None;
    let mut variables: Vec<(String, Vec<u8>)> = Vec::new();
    let mut program = None;
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        at += 1;
        match word {
            b"-F" => {
                separator = Some(*words.get(at)?);
                at += 1;
            }
            [b'-', b'F', rest @ ..] => separator = Some(rest),
            b"-v" => {
                let given = std::str::from_utf8(words.get(at)?).ok()?;
                let (name, value) = given.split_once('=')?;
                variables.push((name.to_owned(), value.as_bytes().to_vec()));
                at += 1;
            }
            _ if word.starts_with(b"-") || program.is_some() => return None,
            _ => program = Some(word),
        }
    }
    let program = std::str::from_utf8(program?).ok()?;
    let (begin, main, end) = blocks(program)?;
    let mut run = Run { fields: Vec::new(), line: 0, variables, out: Vec::new() };
    if let Some(body) = begin {
        run.body(body)?;
    }
    if let Some(body) = main {
        for line in input?.split_inclusive(|&b| b == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            run.line += 1;
            run.fields = split(line, separator)?;
            run.body(body)?;
            if run.out.len() > 1 << 18 {
                return None;
            }
        }
    }
    if let Some(body) = end {
        run.body(body)?;
    }
    Some(run.out)
}

/// The bodies of `BEGIN`, of each line, and of `END`.
fn blocks(program: &str) -> Option<(Option<&str>, Option<&str>, Option<&str>)> {
    let (mut begin, mut main, mut end) = (None, None, None);
    let mut rest = program.trim();
    while !rest.is_empty() {
        let slot = if let Some(after) = rest.strip_prefix("BEGIN") {
            rest = after.trim_start();
            &mut begin
        } else if let Some(after) = rest.strip_prefix("END") {
            rest = after.trim_start();
            &mut end
        } else {
            &mut main
        };
        let body = rest.strip_prefix('{')?;
        let mut quoted = false;
        let mut escaped = false;
        let close = body.char_indices().find(|(_, c)| {
            let plain = !quoted && *c == '}';
            if *c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = *c == '\\' && !escaped;
            plain
        })?;
        if slot.is_some() {
            return None;
        }
        *slot = Some(&body[..close.0]);
        rest = body[close.0 + 1..].trim_start();
    }
    Some((begin, main, end))
}

/// `$0` and the fields of a line.
fn split(line: &[u8], separator: Option<&[u8]>) -> Option<Vec<Vec<u8>>> {
    let mut fields = vec![line.to_vec()];
    match separator {
        None | Some(b" ") => {
            fields.extend(line.split(u8::is_ascii_whitespace).filter(|f| !f.is_empty()).map(<[u8]>::to_vec));
        }
        Some([b]) if *b != b'|' && !line.is_empty() => {
            fields.extend(line.split(|c| c == b).map(<[u8]>::to_vec));
        }
        Some(b"|") => fields.extend(line.split(|c| *c == b'|').map(<[u8]>::to_vec)),
        Some(b"") => fields.extend(line.iter().map(|b| vec![*b])),
        Some(pattern) => {
            let mut what = super::basic_regex::compile(pattern, true, false)?;
            let mut from = 0;
            for found in what.find_all(line)? {
                fields.push(line[from..found.start].to_vec());
                from = found.end;
            }
            fields.push(line[from..].to_vec());
        }
    }
    Some(fields)
}

struct Run {
    fields: Vec<Vec<u8>>,
    line: usize,
    variables: Vec<(String, Vec<u8>)>,
    out: Vec<u8>,
}

impl Run {
    fn body(&mut self, body: &str) -> Option<()> {
        let mut text = Text { rest: body, depth: 0 };
        loop {
            while text.take(";") || text.take("\n") {}
            if text.rest.trim_start().is_empty() {
                return Some(());
            }
            self.statement(&mut text)?;
            let ends = text.rest.trim_start_matches([' ', '\t']).chars().next();
            if !matches!(ends, None | Some(';' | '\n')) {
                return None;
            }
        }
    }

    fn statement(&mut self, text: &mut Text<'_>) -> Option<()> {
        let name = text.word()?;
        match name {
            "print" => {
                let list = self.list(text)?;
                let line = if list.is_empty() {
                    self.fields.first().cloned().unwrap_or_default()
                } else {
                    list.join(&b' ')
                };
                self.out.extend_from_slice(&line);
                self.out.push(b'\n');
                Some(())
            }
            "printf" => {
                let list = self.list(text)?;
                let made = formatted(&list)?;
                self.out.extend_from_slice(&made);
                Some(())
            }
            _ => {
                if !text.take("=") || text.rest.starts_with('=') {
                    return None;
                }
                let value = self.expression(text)?;
                match self.variables.iter_mut().find(|(n, _)| n == name) {
                    Some(slot) => slot.1 = value,
                    None => self.variables.push((name.to_owned(), value)),
                }
                Some(())
            }
        }
    }

    /// Expressions with commas between, perhaps in parentheses.
    fn list(&mut self, text: &mut Text<'_>) -> Option<Vec<Vec<u8>>> {
        let mut list = Vec::new();
        let blank = |rest: &str| rest.is_empty() || rest.starts_with([';', '\n']);
        if blank(text.rest.trim_start_matches([' ', '\t'])) {
            return Some(list);
        }
        let before = text.rest;
        if text.take("(") {
            loop {
                list.push(self.expression(text)?);
                if !text.take(",") {
                    break;
                }
            }
            if text.take(")") && blank(text.rest.trim_start_matches([' ', '\t'])) {
                return Some(list);
            }
            text.rest = before;
            list.clear();
        }
        loop {
            list.push(self.expression(text)?);
            if !text.take(",") {
                return Some(list);
            }
        }
    }

    /// Values one after another are joined.
    fn expression(&mut self, text: &mut Text<'_>) -> Option<Vec<u8>> {
        let mut value = self.value(text)?;
        loop {
            let rest = text.rest.trim_start_matches([' ', '\t']);
            if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '"' | '$' | '(' | '_')) {
                let next = self.value(text)?;
                value.extend_from_slice(&next);
                if value.len() > 1 << 16 {
                    return None;
                }
            } else {
                return Some(value);
            }
        }
    }

    fn value(&mut self, text: &mut Text<'_>) -> Option<Vec<u8>> {
        text.depth += 1;
        let value = if text.depth > 16 { None } else { self.value_inner(text) };
        text.depth -= 1;
        value
    }

    fn value_inner(&mut self, text: &mut Text<'_>) -> Option<Vec<u8>> {
        if text.take("(") {
            let value = self.expression(text)?;
            return text.take(")").then_some(value);
        }
        if text.take("\"") {
            return text.string();
        }
        if text.take("$") {
            let index = self.value(text)?;
            let index: usize = std::str::from_utf8(&index).ok()?.parse().ok()?;
            return Some(self.fields.get(index).cloned().unwrap_or_default());
        }
        let digits = text.digits();
        if !digits.is_empty() {
            return Some(digits.as_bytes().to_vec());
        }
        let name = text.word()?;
        if text.rest.starts_with('(') {
            text.take("(");
            let mut args = Vec::new();
            if !text.take(")") {
                loop {
                    args.push(self.expression(text)?);
                    if !text.take(",") {
                        break;
                    }
                }
                if !text.take(")") {
                    return None;
                }
            }
            return self.function(name, &args);
        }
        Some(match name {
            "NF" => self.fields.len().saturating_sub(1).to_string().into_bytes(),
            "NR" => self.line.to_string().into_bytes(),
            _ => self.variables.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default(),
        })
    }

    fn function(&self, name: &str, args: &[Vec<u8>]) -> Option<Vec<u8>> {
        let number = |i: usize| std::str::from_utf8(args.get(i)?).ok()?.parse::<usize>().ok();
        match (name, args) {
            ("tolower", [text]) => Some(text.to_ascii_lowercase()),
            ("toupper", [text]) => Some(text.to_ascii_uppercase()),
            ("length", [text]) => Some(text.len().to_string().into_bytes()),
            ("length", []) => Some(self.fields.first()?.len().to_string().into_bytes()),
            ("substr", [text, _, ..]) => {
                let from = number(1)?.max(1) - 1;
                let most = if args.len() > 2 { number(2)? } else { text.len() };
                let from = from.min(text.len());
                Some(text[from..from.saturating_add(most).min(text.len())].to_vec())
            }
            ("sprintf", list) => formatted(list),
            _ => None,
        }
    }
}

/// `printf`'s output; `%c` of a number is the character with this code.
fn formatted(list: &[Vec<u8>]) -> Option<Vec<u8>> {
    let (format, args) = list.split_first()?;
    let mut args = args.to_vec();
    let mut conversions = format.split(|&b| b == b'%').skip(1);
    let mut next = 0;
    while let Some(conversion) = conversions.next() {
        if conversion.is_empty() {
            conversions.next();
            continue;
        }
        if conversion.first() == Some(&b'c')
            && let Some(arg) = args.get_mut(next)
            && let Some(code) = std::str::from_utf8(arg).ok().and_then(|t| t.parse::<u8>().ok())
        {
            *arg = vec![code];
        }
        next += 1;
    }
    let (made, exact) = super::print::format(format, &args);
    exact.then_some(made)
}

struct Text<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Text<'a> {
    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(sign) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if len == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.rest = &rest[len..];
        Some(&rest[..len])
    }

    fn digits(&mut self) -> &'a str {
        let rest = self.rest.trim_start_matches([' ', '\t']);
        let len = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if len > 0 {
            self.rest = &rest[len..];
        }
        &rest[..len]
    }

    /// The rest of a string, after its opening quote.
    fn string(&mut self) -> Option<Vec<u8>> {
        let bytes = self.rest.as_bytes();
        let mut out = Vec::new();
        let mut at = 0;
        loop {
            match *bytes.get(at)? {
                b'"' => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(out);
                }
                b'\\' => {
                    let style = super::escapes::Style::AnsiC;
                    at += super::escapes::one(&bytes[at..], style, &mut out).0;
                }
                b => {
                    out.push(b);
                    at += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awk(words: &[&str], input: &str) -> Option<String> {
        let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        run(&words, Some(input.as_bytes())).map(|o| String::from_utf8_lossy(&o).into_owned())
    }

    /// The expected output is what gawk prints.
    #[test]
    fn programs_do_what_awk_does() {
        let cases: [(&[&str], &str, &str); 13] = [
            (&["{print $2}"], "a rm b\n", "rm\n"),
            (&["{ print }"], "a b\n", "a b\n"),
            (&["{print $2, $1}"], "a b\n", "b a\n"),
            (&["{print $1$2}"], "r m\n", "rm\n"),
            (&["-F,", "{print $NF}"], "a,b,rm\n", "rm\n"),
            (&["-F", "::", "{print $2;}"], "a::rm\n", "rm\n"),
            (&["BEGIN{print \"rm\"}"], "", "rm\n"),
            (&["BEGIN { printf \"%s%s\", \"r\", \"m\" }"], "", "rm"),
            (&["BEGIN{printf(\"%c%c\",114,109)}"], "", "rm"),
            (&["-v", "x=rm", "BEGIN{print x \" -rf\"}"], "", "rm -rf\n"),
            (&["{print toupper(substr($1,2,2))}"], "xrmx\n", "RM\n"),
            (&["BEGIN{a=\"r\";b=\"m\";print a b}"], "", "rm\n"),
            (&["END{print \"\\162m\"}"], "x\n", "rm\n"),
        ];
        for (words, input, expected) in cases {
            assert_eq!(awk(words, input).as_deref(), Some(expected), "{words:?}");
        }
        for program in
            ["BEGIN{system(\"rm\")}", "/x/{print}", "{print > \"f\"}", "{print | \"sh\"}", "{x[1]=2}"]
        {
            assert_eq!(awk(&[program], "x\n"), None, "{program}");
        }
    }
}
