//! Commands that stand literally in code of another language: `os.system("…")`, perl's backquotes, awk's pipes. How the
//! literals are read is in `literals`.

use super::chars::holds;
use std::ops::Range;

/// Commands that are taken from one text.
const MOST: usize = 32;

/// A language whose ways of starting programs are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Perl,
    Ruby,
    Php,
    Node,
    Lua,
    Awk,
    /// Tcl, and `expect` on top of it.
    Tcl,
}

/// A command that code runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ran {
    /// One text for a shell, or a program and its arguments.
    pub(super) words: Vec<Vec<u8>>,
    pub(super) shell: bool,
    /// Where it stands in the code: exactly its text where that is written without escapes.
    pub(super) place: Range<usize>,
}

/// How a function takes what it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A text for a shell, or a list of words.
    Shell,
    /// A program; its arguments in a list that leaves the program out, or one by one.
    Program,
    /// The same, and the first argument is the name that the program gets.
    Named,
    /// perl's `open`.
    Pipe,
    /// The rest of the line.
    Line,
}

impl Language {
    /// What the function of this name runs.
    fn runs(self, name: &[u8], code: &[u8]) -> Option<Takes> {
        use Takes::{Line, Named, Pipe, Program, Shell};
        let has = |text: &[u8]| memchr::memmem::find(code, text).is_some();
        Some(match (self, name) {
            (
                Language::Python,
                b"system"
                | b"popen"
                | b"Popen"
                | b"check_output"
                | b"check_call"
                | b"getoutput"
                | b"getstatusoutput"
                | b"create_subprocess_shell",
            ) => Shell,
            (Language::Python, b"run" | b"call") if has(b"subprocess") => Shell,
            (Language::Python, b"spawn") if has(b"pty") => Shell,
            (
                Language::Python,
                b"execv" | b"execvp" | b"execve" | b"execvpe" | b"execl" | b"execlp" | b"execle",
            ) => Named,
            (Language::Perl, b"system" | b"exec") => Shell,
            (Language::Perl, b"open") => Pipe,
            (Language::Ruby, b"system" | b"exec" | b"spawn" | b"popen" | b"capture2" | b"capture3") => Shell,
            (Language::Php, b"system" | b"exec" | b"shell_exec" | b"passthru" | b"popen" | b"proc_open") => {
                Shell
            }
            (Language::Php, b"pcntl_exec") => Program,
            (Language::Node, b"exec" | b"execSync") if has(b"child_process") => Shell,
            (Language::Node, b"spawn" | b"spawnSync" | b"execFile" | b"execFileSync")
                if has(b"child_process") =>
            {
                Program
            }
            (Language::Lua, b"execute" | b"popen") => Shell,
            (Language::Awk, b"system") => Shell,
            (Language::Tcl, b"exec" | b"spawn") => Line,
            _ => return None,
        })
    }

    /// Whether code with this text may run something: cheap, and true too often.
    pub(super) fn may_run(self, code: &[u8]) -> bool {
        let has = |text: &[u8]| holds(code, text);
        match self {
            Language::Awk => has(b"system") || (code.contains(&b'|') && code.contains(&b'"')),
            Language::Lua => has(b"execute") || has(b"popen"),
            Language::Tcl => has(b"exec") || has(b"spawn"),
            Language::Perl => {
                has(b"system") || has(b"exec") || has(b"qx") || has(b"open") || code.contains(&b'`')
            }
            Language::Ruby | Language::Php | Language::Node | Language::Python => {
                const MARKS: [&[u8]; 9] =
                    [b"system", b"exec", b"open", b"spawn", b"run", b"call", b"output", b"capture", b"%x"];
                code.contains(&b'`') || MARKS.iter().any(|mark| has(mark)) || has(b"passthru")
            }
        }
    }
}

/// The commands that the code runs, as far as they are literals.
pub(super) fn commands(language: Language, code: &[u8]) -> Vec<Ran> {
    let mut scan = Scan { language, code, at: 0, named: Vec::new() };
    let mut found = Vec::new();
    while found.len() < MOST && scan.at < code.len() {
        scan.next(&mut found);
    }
    found
}

/// A value of an argument.
pub(super) enum Value {
    Text(Vec<u8>, Range<usize>),
    List(Vec<Vec<u8>>, Range<usize>),
}

pub(super) struct Scan<'a> {
    pub(super) language: Language,
    pub(super) code: &'a [u8],
    pub(super) at: usize,
    /// Variables with a literal as their value.
    pub(super) named: Vec<(&'a [u8], Vec<u8>, Range<usize>)>,
}

impl<'a> Scan<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.code.get(self.at).copied()
    }

    pub(super) fn blanks(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes blanks and then this text.
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let before = self.at;
        self.blanks();
        let found = self.code.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        self.at = if found { self.at + text.len() } else { before };
        found
    }

    pub(super) fn name(&mut self) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at += 1;
        }
        self.code.get(start..self.at).unwrap_or(&[])
    }

    fn next(&mut self, found: &mut Vec<Ran>) {
        let Some(b) = self.peek() else { return };
        let spoken = matches!(self.language, Language::Perl | Language::Ruby | Language::Php);
        match b {
            b'`' if spoken => self.delimited(b'`', found),
            b'%' if self.language == Language::Ruby && self.code.get(self.at + 1) == Some(&b'x') => {
                self.at += 2;
                self.opened(found);
            }
            b'"' | b'\'' | b'`' if self.is_quote(b) => {
                let Some(Value::Text(text, place)) = self.text() else { return self.at += 1 };
                if self.language == Language::Awk {
                    self.read_from(text, place, found);
                }
            }
            b'|' if self.language == Language::Awk => {
                self.at += 1;
                if self.peek() == Some(b'|') {
                    return self.at += 1;
                }
                self.at += usize::from(self.peek() == Some(b'&'));
                if let Some(Value::Text(text, place)) = self.value() {
                    found.push(Ran { words: vec![text], shell: true, place });
                }
            }
            b'#' if !matches!(self.language, Language::Node | Language::Tcl | Language::Lua)
                && self.at.checked_sub(1).is_none_or(|at| self.code[at].is_ascii_whitespace()) =>
            {
                let rest = &self.code[self.at..];
                self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            }
            b if b.is_ascii_alphabetic() || b == b'_' => self.word(found),
            _ => self.at += 1,
        }
    }

    pub(super) fn is_quote(&self, b: u8) -> bool {
        match b {
            b'"' => true,
            b'\'' => !matches!(self.language, Language::Awk | Language::Tcl),
            _ => self.language == Language::Node,
        }
    }

    /// A name: of a function that runs something, or of a variable that is set.
    fn word(&mut self, found: &mut Vec<Ran>) {
        let name = self.name();
        if name.is_empty() {
            return self.at += 1;
        }
        if self.language == Language::Perl && name == b"qx" {
            return self.opened(found);
        }
        let Some(takes) = self.language.runs(name, self.code) else {
            let after = self.at;
            if self.language == Language::Awk && self.take(b"|") {
                let known = self.named.iter().rev().find(|(n, ..)| *n == name);
                if let Some((_, text, place)) = known.map(|(n, t, p)| (n, t.clone(), p.clone()))
                    && self.take(b"getline")
                {
                    found.push(Ran { words: vec![text], shell: true, place });
                    return;
                }
                self.at = after;
                return;
            }
            if self.take(b"=") && !matches!(self.peek(), Some(b'=' | b'~' | b'>')) {
                self.blanks();
                if self.peek().is_some_and(|b| self.is_quote(b))
                    && let Some(Value::Text(text, place)) = self.value()
                {
                    self.named.push((name, text, place));
                }
                return;
            }
            self.at = after;
            return;
        };
        match takes {
            Takes::Line => self.line(found),
            Takes::Pipe => self.pipe(found),
            _ => {
                let mut values = Vec::new();
                self.take(b"(");
                while values.len() < 64 {
                    let Some(value) = self.value() else { break };
                    values.push(value);
                    if !self.take(b",") {
                        break;
                    }
                }
                found.extend(ran(takes, values));
            }
        }
    }

    /// `exec program words…`
    fn line(&mut self, found: &mut Vec<Ran>) {
        let start = self.at;
        let rest = &self.code[start..];
        let len = rest.iter().position(|b| matches!(b, b'\n' | b';' | b']' | b'}')).unwrap_or(rest.len());
        self.at += len;
        let text = rest[..len].trim_ascii();
        // `spawn` and `exec` after a `$` or as an option of something are no commands.
        if rest.first().is_some_and(|b| *b == b' ') && !text.is_empty() {
            let from = start + rest[..len].len() - rest[..len].trim_ascii_start().len();
            found.push(Ran { words: vec![text.to_vec()], shell: true, place: from..from + text.len() });
        }
    }

    /// `open(F, "command |")`, `open(my $f, "-|", "command")`
    fn pipe(&mut self, found: &mut Vec<Ran>) {
        let mut mode = false;
        while let Some(b) = self.peek()
            && !matches!(b, b';' | b'\n')
        {
            if !self.is_quote(b) {
                self.at += 1;
                continue;
            }
            let Some(Value::Text(text, place)) = self.value() else { return };
            if matches!(text.as_slice(), b"-|" | b"|-") {
                mode = true;
                continue;
            }
            let command = match text.trim_ascii() {
                [inner @ .., b'|'] | [b'|', inner @ ..] if !mode => inner.trim_ascii().to_vec(),
                whole if mode => whole.to_vec(),
                _ => continue,
            };
            return found.push(Ran { words: vec![command], shell: true, place });
        }
    }

    /// awk: `"command" | getline`
    fn read_from(&mut self, text: Vec<u8>, place: Range<usize>, found: &mut Vec<Ran>) {
        let before = self.at;
        let mut text = text;
        while self.joined(&mut text) {}
        if self.take(b"|") {
            self.at += usize::from(self.peek() == Some(b'&'));
            if self.take(b"getline") {
                return found.push(Ran { words: vec![text], shell: true, place });
            }
        }
        self.at = before;
    }

    /// A command between signs: `qx{…}`, `%x(…)`, `qx/…/`.
    fn opened(&mut self, found: &mut Vec<Ran>) {
        match self.peek() {
            Some(b'{') => self.delimited(b'}', found),
            Some(b'(') => self.delimited(b')', found),
            Some(b'[') => self.delimited(b']', found),
            Some(b) if b.is_ascii_punctuation() && b != b'_' => self.delimited(b, found),
            _ => {}
        }
    }

    fn delimited(&mut self, close: u8, found: &mut Vec<Ran>) {
        let start = self.at + 1;
        let rest = self.code.get(start..).unwrap_or(&[]);
        let Some(len) = memchr::memchr(close, rest) else {
            self.at = self.code.len();
            return;
        };
        self.at = start + len + 1;
        if len > 0 {
            found.push(Ran { words: vec![rest[..len].to_vec()], shell: true, place: start..start + len });
        }
    }
}

/// What a call with these arguments runs.
fn ran(takes: Takes, values: Vec<Value>) -> Option<Ran> {
    let mut values = values.into_iter();
    let (first, place) = match values.next()? {
        Value::List(list, place) => {
            return (!list.is_empty()).then_some(Ran { words: list, shell: false, place });
        }
        Value::Text(text, place) => (text, place),
    };
    let mut words = vec![first];
    let mut listed = false;
    for value in values {
        match value {
            Value::Text(text, _) => words.push(text),
            Value::List(list, _) => {
                listed = true;
                words.extend(list);
            }
        }
    }
    if takes == Takes::Named && words.len() > 1 {
        words.remove(1);
    }
    let shell = takes == Takes::Shell && (words.len() == 1 || listed);
    if shell {
        words.truncate(1);
    }
    Some(Ran { words, shell, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(language: Language, code: &str) -> String {
        let shown = |ran: &Ran| {
            let words: Vec<String> =
                ran.words.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            format!("{}{}", if ran.shell { "sh " } else { "" }, words.join("|"))
        };
        commands(language, code.as_bytes()).iter().map(shown).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn literal_commands_are_found() {
        use Language::{Awk, Lua, Node, Perl, Php, Python, Ruby, Tcl};
        let cases = [
            (Python, "import os; os.system(\"rm -rf x\")", "sh rm -rf x"),
            (Python, "import os; os.system( 'rm -rf ' + path )", "sh rm -rf $VALUE"),
            (Python, "c='id'; import os\nos.popen(c).read()", "sh id"),
            (Python, "os.system(f'rm {x} y')", "sh rm $VALUE y"),
            (Python, "os.system(r'a\\b'); os.system('''ls''')", "sh a\\b; sh ls"),
            (Python, "import subprocess; subprocess.run(['rm', \"-rf\", 'x'], check=True)", "rm|-rf|x"),
            (Python, "import subprocess as s; s.call('a b', shell=True)", "sh a b"),
            (Python, "os.execvp('nmap', ['n', 'x']); os.execl('/bin/sh', 'sh', '-p')", "nmap|x; /bin/sh|-p"),
            (Python, "import pty; pty.spawn('/bin/bash')", "sh /bin/bash"),
            (Python, "print('os.system(\"rm\")'); app.run('x') # os.system('id')", ""),
            (Python, "import platform; platform.system()", ""),
            (Perl, "system(\"rm\", '-rf', 'x'); exec \"/bin/sh\";", "rm|-rf|x; sh /bin/sh"),
            (Perl, "print `id -u`, qx{uname}, qx/ls/", "sh id -u; sh uname; sh ls"),
            (Perl, "open(F, 'ps |'); open my $f, '-|', 'id'; open(G, '<', 'x')", "sh ps; sh id"),
            (Perl, "$c = 'id'; system($c . ' -u')", "sh id -u"),
            (Ruby, "system(\"id\"); %x(ls); `w`; IO.popen(['a', 'b'])", "sh id; sh ls; sh w; a|b"),
            (
                Php,
                "echo shell_exec('id'); $x = \"ls\"; passthru($x); pcntl_exec('/bin/sh', ['-p']);",
                "sh id; sh ls; /bin/sh|-p",
            ),
            (Node, "require('child_process').execSync(`id`)", "sh id"),
            (Node, "require('child_process').spawn('a', ['-l'], {stdio: 'inherit'})", "a|-l"),
            (Node, "/x/.exec('y')", ""),
            (Lua, "os.execute('id'); io.popen(\"a\" .. b)", "sh id; sh a$VALUE"),
            (Awk, "BEGIN{system(\"rm -rf x\")}", "sh rm -rf x"),
            (
                Awk,
                "BEGIN { \"date\" | getline d; cmd=\"id\"; cmd | getline; print | \"sort -u\" }",
                "sh date; sh id; sh sort -u",
            ),
            (Awk, "{ system(\"host \" $1) }", "sh host $VALUE"),
            (Awk, "$1 == \"a\" || $2 == \"b\" { print \"x\" }", ""),
            (Tcl, "spawn ssh h; interact", "sh ssh h"),
            (Tcl, "puts [exec id]", "sh id"),
        ];
        for (language, code, expected) in cases {
            assert_eq!(told(language, code), expected, "{code}");
            assert!(expected.is_empty() || language.may_run(code.as_bytes()), "{code}");
        }
    }
}
