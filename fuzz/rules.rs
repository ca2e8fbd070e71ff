//! Rules out of any bytes, and commands: the picking of rules by what they need, their narrowing for each program, and what tells
//! texts apart before they are compared find what asking every rule about every program, with the whole of its condition, finds.

use shmon_core::{Classifier, Context, Scratch};

const PROGRAMS: &[&str] =
    &["a", "ab", "abc", "abcd", "rm", "git", "find", "tar", "x", "python3", "dd", "curl", "tee", "é"];
const WORDS: &[&str] = &[
    "",
    "-",
    "--",
    "-r",
    "-rf",
    "-f",
    "-x",
    "-xz",
    "-o",
    "-of",
    "+x",
    "--force",
    "--for",
    "--recursive",
    "--rec=1",
    "-delete",
    "-exec",
    "push",
    "stash",
    "drop",
    "Push",
    "xzf",
    "/etc/passwd",
    "/etc/",
    "/ETC/shadow",
    "/",
    "a",
    "ab",
    "abc",
    "abcd",
    "abcde",
    "key.pem",
    ".pem",
    "KEY.PEM",
    ".ssh/id_rsa",
    "secret",
    "my-secret-x",
    "é",
    "éa",
    "日本",
    "http://h/x",
    "x=1",
    "PATH=/tmp",
    "1",
    "42",
    "a b",
    "*.c",
    "$x",
    "[",
    "~",
    "of=/dev/sda",
    "if=x",
    "%",
    "aé",
    "\u{7f}",
    "n\to",
];
const PATTERNS: &[&str] = &[
    "a",
    "ab",
    "abc",
    "abcd",
    "*",
    "a*",
    "*a",
    "*b*",
    "?",
    "a?",
    "??",
    "[ab]*",
    "*[de]",
    "[!a]*",
    "-*",
    "--*",
    "*=*",
    "/etc/*",
    "*/passwd",
    "*.pem",
    "*secret*",
    "*e*e*",
    "/",
    "é",
    "é*",
    "*é",
    "*本",
    "push",
    "PUSH",
    "-r",
    "-rf",
    "x=*",
    "http*://*/*",
    "of=/dev/*",
    "\\\\*",
    "a b",
    "",
    "*\\\\**",
    "[-]*",
    "*[0-9]",
    "abcd*",
    "*bcde",
    "*bcd*",
];
const SHORT: &[&str] = &[
    "a", "b", "e", "é", "ab", "-r", "pem", "secret", "/etc", "PASSWD", "=", "bcde", "ush", "//h", "本", "-",
];

/// Rules and commands out of any bytes: each is a choice.
struct Make<'a> {
    bytes: &'a [u8],
}

impl Make<'_> {
    fn below(&mut self, n: usize) -> usize {
        let Some((&byte, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(byte) % n
    }

    fn one<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }

    fn list(&mut self, all: &[&str]) -> String {
        let words: Vec<_> = (0..1 + self.below(5)).map(|_| quoted(self.one(all))).collect();
        format!("[{}]", words.join(", "))
    }

    /// A string test.
    fn test(&mut self) -> String {
        if self.below(2) == 0 {
            return self.list(PATTERNS);
        }
        let mut keys: Vec<String> = Vec::new();
        for _ in 0..1 + self.below(2) {
            let key = match self.below(12) {
                0 => format!("is = {}", self.list(WORDS)),
                1 | 2 => format!("prefix = {}", self.list(SHORT)),
                3 | 4 => format!("suffix = {}", self.list(SHORT)),
                5 | 6 => format!("contains = {}", self.list(SHORT)),
                7 => format!("contains_all = {}", self.list(SHORT)),
                8 => format!("word = {}", self.list(SHORT)),
                9 => format!("not = {}", self.list(PATTERNS)),
                10 => format!("pattern = {}", self.list(PATTERNS)),
                _ => self
                    .one(&["min_len = 3", "max_len = 4", "glob = true", "quoted = false", "regex = 'e.e'"])
                    .into(),
            };
            keys.push(key);
        }
        if self.below(3) == 0 {
            keys.push("nocase = true".into());
        }
        table(keys)
    }

    fn key(&mut self, depth: usize) -> String {
        let deep = if depth < 3 { 28 } else { 18 };
        match self.below(deep) {
            0..=2 => format!(
                "program = {}",
                self.list(&["a", "ab*", "abc", "x", "git", "rm", "p*", "é", "find", "tar"])
            ),
            3 => format!(
                "flags = {:?}",
                self.one(&["-r|--r[ecursive]", "-f|--force", "-x", "--for[ce]", "-delete|+x", "--f"])
            ),
            4 => format!(
                "option = {{ name = {:?}, value = {} }}",
                self.one(&["-o|--rec", "-x", "--force", "-exec"]),
                self.test()
            ),
            5 => format!("subcommand = {}", self.list(&["push", "stash drop|p*", "a*", "a|b ab|c*", "Push"])),
            6 | 7 => format!("operand = {}", self.test()),
            8 => format!(
                "operand = {{ {}, prefix = {} }}",
                self.one(&["nth = 1", "nth = -1", "from = 2", "every = true"]),
                self.list(SHORT)
            ),
            9 => self.one(&["operands = 1", "args = 2", "operands = { min = 2 }"]).into(),
            10 => format!("arg = {}", self.test()),
            11 => format!(
                "redirect = {{ kind = {:?}, target = {} }}",
                self.one(&["output", "read", "any"]),
                self.test()
            ),
            12 => format!("body = {}", self.test()),
            13 => format!("assignment = {{ name = {}, value = {} }}", self.test(), self.test()),
            14 => format!(
                "via = {:?}",
                self.one(&["wrapper", "sudo", "shell-string", "xargs", "decoded", "substitution"])
            ),
            15 => format!("text = {}", self.test()),
            16 => format!("path = {}", self.test()),
            17 => self
                .one(&["obfuscation = 'any'", "unresolved = 'any'", "unresolved = 'glob'", "shell = 'bash'"])
                .into(),
            deep => {
                let name = [
                    "piped_from",
                    "piped_into",
                    "piped_directly_from",
                    "piped_directly_into",
                    "also",
                    "then",
                    "any",
                    "all",
                    "not",
                    "any",
                ][deep - 18];
                match name {
                    "any" | "all" | "not" => {
                        let some: Vec<_> =
                            (0..1 + self.below(3)).map(|_| self.condition(depth + 1)).collect();
                        format!("{name} = [{}]", some.join(", "))
                    }
                    _ => format!("{name} = {}", self.condition(depth + 1)),
                }
            }
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let keys = (0..1 + self.below(3)).map(|_| self.key(depth)).collect();
        table(keys)
    }

    fn rules(&mut self) -> String {
        let mut toml = String::new();
        for nth in 0..1 + self.below(6) {
            let condition = self.condition(0);
            toml.push_str(&format!(
                "[[rule]]\nid = 'g.r{nth}'\nlevel = 'high'\ntitle = 'x'\nmatch = {condition}\n"
            ));
        }
        toml
    }

    fn command(&mut self) -> String {
        let mut command = String::new();
        for nth in 0..1 + self.below(4) {
            if nth > 0 {
                command.push_str(self.one(&["; ", " | ", " && ", " | ", " |& "]));
            }
            command.push_str(self.one(&[
                "",
                "",
                "",
                "",
                "sudo ",
                "x=1 ",
                "/bin/",
                "xargs ",
                "\\",
                "$x ",
                "bash -c '",
            ]));
            let open = command.ends_with('\'');
            command.push_str(self.one(PROGRAMS));
            for _ in 0..self.below(5) {
                let word = self.one(WORDS);
                command.push(' ');
                match self.below(6) {
                    0 => command.push_str(self.one(&["> ", "< ", "2>> ", "<<< "])),
                    1 if !open => command.push_str(&format!("\"{word}\"")),
                    2 => command.push_str("a''"),
                    _ => {}
                }
                command.push_str(word);
            }
            command.push_str(if open { "'" } else { "" });
        }
        command
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key may stand in a table once.
fn table(mut keys: Vec<String>) -> String {
    keys.sort_by(|a, b| a.split(' ').next().cmp(&b.split(' ').next()));
    keys.dedup_by(|a, b| a.split(' ').next() == b.split(' ').next());
    format!("{{ {} }}", keys.join(", "))
}

/// How many findings there were.
pub(crate) fn check(input: &[u8]) -> usize {
    let mut make = Make { bytes: input };
    let with_builtin = make.below(8) == 1;
    let toml = make.rules();
    let builder = Classifier::builder().rules_text("generated", toml.as_str());
    let builder = if with_builtin { builder } else { builder.without_builtin() };
    let [quick, plain] = [builder.clone(), builder.without_shortcuts()]
        .map(|builder| builder.build().unwrap_or_else(|e| panic!("{e}\n{toml}")));
    let (context, [mut one, mut other]) = (Context::default(), [Scratch::default(), Scratch::default()]);
    let mut findings = 0;
    for _ in 0..12 {
        let command = make.command();
        let found = quick.classify_with(command.as_bytes(), &context, &mut one);
        let expected = plain.classify_with(command.as_bytes(), &context, &mut other);
        assert_eq!(found, expected, "{command}\n{toml}");
        findings += expected.findings.len();
    }
    findings
}
