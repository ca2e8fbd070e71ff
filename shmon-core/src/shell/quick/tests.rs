//! The quick way answers as the full evaluation does.

use crate::shell::{Analysis, Dialect, machine};

/// Whether the quick way answers; where it does, it answers as the full evaluation.
fn agrees(command: &str, quick: &mut Analysis, full: &mut Analysis) -> bool {
    quick.begin(command.as_bytes());
    let answered = super::run(command.as_bytes(), quick);
    if answered {
        machine::run(command.as_bytes(), Dialect::Bash, full);
        assert_eq!(format!("{quick:?}"), format!("{full:?}"), "{command}");
    }
    answered
}

#[test]
fn ordinary_commands_are_answered_as_the_full_evaluation_does() {
    let commands = include_str!("cases.txt").lines().filter(|l| !l.is_empty() && !l.starts_with("## "));
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    for command in commands {
        let (command, expected) = match command.strip_prefix("no: ") {
            Some(command) => (command, false),
            None => (command, true),
        };
        assert_eq!(agrees(command, &mut quick, &mut full), expected, "{command}");
    }
}

/// Words and the spaces between them begin and end anywhere in the blocks that masks are made of.
#[test]
fn plain_words_of_any_length_agree() {
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    for program in ["frob", "/opt/bin/frobnicate", "ls", "grep", "sudo"] {
        for length in 0..140 {
            let word = "x".repeat(length);
            for command in [
                format!("{program} {word} y"),
                format!("{program}  y {word}  "),
                format!("{word} {program} a:b"),
                format!("{}{program} {word}", " ".repeat(length)),
                format!("{program} {}", "y ".repeat(length)),
            ] {
                assert!(agrees(&command, &mut quick, &mut full), "{command}");
            }
            for command in [format!("{word}=y {program}"), format!("{program} {word} # {word}")] {
                agrees(&command, &mut quick, &mut full);
            }
        }
    }
}

/// Words of the grammar in any order: what the quick way takes for ordinary is so.
#[test]
fn generated_commands_agree() {
    const PARTS: &[&str] = &[
        "ls",
        "rm",
        "-rf",
        "find",
        ".",
        "-exec",
        "\\;",
        "{}",
        "+",
        "-name",
        "'*.c'",
        "\"a b\"",
        "xargs",
        "-0",
        "-I",
        "-n1",
        "sudo",
        "nohup",
        "nice",
        "-n",
        "5",
        "echo",
        "printf",
        "cat",
        "sed",
        "s/a/b/",
        "tee",
        "sh",
        "bash",
        "-c",
        "|",
        "||",
        "&&",
        ";",
        "&",
        "|&",
        ">",
        ">>",
        "<",
        "2>",
        "2>&1",
        "&>",
        ">&",
        "<>",
        "file",
        "/dev/null",
        "1",
        "-",
        "--",
        "a=b",
        "*",
        "a*b",
        "x'y'z",
        "''",
        "\"\"",
        "\\ ",
        "\\(",
        "!",
        "time",
        "#",
        "if",
        "true",
        "false",
        "test",
        "[",
        "mkdir",
        "d",
        "d/*",
        "which",
        "seq",
        "3",
        "grep",
        "x",
        "kill",
        "cd",
        "~",
        "\t",
        "é",
        "a,b",
        "rm\\",
        "\"",
        "'",
        "$x",
        "\"$x\"",
        "$HOME/a",
        "${x}",
        "$1",
        "$$",
        "$",
        "\"a\\\"b\\.c\"",
        "{x}",
        "{",
        "}",
        "{}y",
        "$_",
        "..",
        ",",
        "`",
        "(",
        ")",
        "\n",
        "<<<",
        "env",
        "exec",
        "-ok",
        "-execdir",
        "basename",
        "a/b",
        "cp",
        "mv",
        "timeout",
        "$(",
        "$(ls",
        "`",
        "<(",
        "date",
        "sort",
        "\"$(ls -l \\\"$x\\\" 'a b')\"",
    ];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 33) as usize % n
    };
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let mut answered = 0;
    for _ in 0..60_000 {
        let mut command = String::new();
        for _ in 0..1 + next(9) {
            command.push_str(PARTS[next(PARTS.len())]);
            if next(5) > 0 {
                command.push(' ');
            }
        }
        answered += usize::from(agrees(&command, &mut quick, &mut full));
    }
    assert!(answered > 5_000, "{answered} were answered");
}

/// A generator of random numbers below a bound.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn word(&mut self, depth: usize) -> String {
        match self.below(40) {
            0 => format!("\"a $({}) b\"", self.list(depth + 1)),
            1 => format!("$({})", self.list(depth + 1)),
            2 => format!("`{}`", self.simple(depth + 1)),
            3 => format!("<({})", self.list(depth + 1)),
            4..8 => self
                .one(&["$x", "\"$y\"", "${x}", "$1", "$SHELL", "$0", "$A", "\"a$B\"", "$$", "$_"])
                .to_owned(),
            8..13 => self
                .one(&["'a b'", "\"c d\"", "e\\ f", "*.c", "{}", "x=y", "~", "a,b", "''", "#x"])
                .to_owned(),
            13..20 => self
                .one(&[
                    "-n", "-c", "-i", "-u", "--", "-", "-e", "-s", "-x", "-l", "-v", "-p", "-f", "-I", "-S",
                    "-d",
                ])
                .to_owned(),
            _ => self
                .one(&["a", "b", "/c", "d/e", "5", "host", "rm", "ls", ".", "+1", "-rf", "1.2.3.4"])
                .to_owned(),
        }
    }

    /// Text for a shell, quoted.
    fn string(&mut self, depth: usize) -> String {
        let text = self.list(depth + 1);
        match self.below(5) {
            0 if !text.contains([' ', '"', '\'', '\\', '|', '&', ';', '<', '>', '(', '`', '#']) => text,
            1 | 2 if !text.contains(['"', '\\', '`']) => format!("\"{text}\""),
            _ if !text.contains('\'') => format!("'{text}'"),
            _ => "'ls | b; c'".to_owned(),
        }
    }

    fn simple(&mut self, depth: usize) -> String {
        let mut text = String::new();
        while self.below(9) == 0 {
            let value = self.word(depth);
            text += &format!("{}={value} ", self.one(&["A", "B", "x", "PATH"]));
        }
        if !text.is_empty() && self.below(3) == 0 {
            return text.trim_end().to_owned();
        }
        const WRAPPERS: &[&str] = &[
            "sudo",
            "sudo -u a",
            "sudo -s",
            "env",
            "env -i",
            "env A=1",
            "env -u x",
            "nohup",
            "timeout 5",
            "nice -n 5",
            "xargs",
            "xargs -0 -n1",
            "xargs -I{}",
            "time -p",
            "chroot /a",
            "flock l",
            "command",
            "command -p",
            "builtin",
            "exec",
            "kubectl exec p --",
            "docker run -it i",
            "docker exec -u a c",
            "kubectl get",
            "stdbuf -o L",
            "screen",
            "screen -d -m",
            "tmux",
            "tmux attach",
            "strace -p",
            "sshpass -p x",
            "runcon -t a",
            "jobs",
            "oc rsh p",
            "find . -name a -exec",
            "find . -execdir",
            "setarch x86",
            "su",
            "su -",
            "crontab",
            "crontab -l",
            "xterm",
            "kitty -e",
        ];
        const STRINGS: &[&str] = &[
            "sh -c",
            "bash -c",
            "bash -xc",
            "dash -c",
            "zsh -c",
            "ssh h",
            "ssh -p 1 h",
            "watch",
            "watch -n 1",
            "parallel",
            "sudo sh -c",
            "xargs -I{} sh -c",
            "find . -exec sh -c",
            "flock l -c",
            "script -c",
            "sg g -c",
            "eval",
            "su -c",
            "hyperfine",
            "bash",
            "bash -s",
            "csh -c",
            "A=1 sh -c",
            "env A=1 bash -c",
            "docker exec c sh -c",
        ];
        const OTHERS: &[&str] = &[
            "ls",
            "a",
            "grep",
            "sort",
            "cut -d: -f1",
            "tr a b",
            "rev",
            "uniq",
            "head",
            "sed s/a/b/",
            "awk",
            "basename",
            "dirname",
            "which",
            "readlink",
            "readlink -f",
            "type",
            "type -p",
            "realpath",
            "echo",
            "echo a b",
            "cat",
            "tee",
            "true",
            "false",
            "md5sum",
            "seq 3",
            "mkdir",
            "touch",
            "rm",
            "cp",
            "cd",
            "kill",
            "alias",
            "set",
            "export",
            "export A=1",
            "unset x",
            "read x",
            "jobs",
            "shopt -s",
            "test",
            "[",
            "exit",
            "exit 1",
            "source",
            ".",
            "bash",
            "trap",
            "printf",
            "ssh",
            "ssh h",
            "env",
            "git",
            "tar -c",
            "python3",
            "date",
            "mktemp",
            "./a",
            "split -d",
            "split --filter=x",
            "yes",
            "awk 'END{print 1}'",
        ];
        match self.below(10) {
            0 | 1 if depth < 4 => {
                text += self.one(WRAPPERS);
                text.push(' ');
                text += &self.simple(depth + 1);
            }
            2 | 3 if depth < 4 => {
                text += self.one(STRINGS);
                text.push(' ');
                text += &self.string(depth);
            }
            _ => text += self.one(OTHERS),
        }
        while self.below(3) > 0 {
            text.push(if self.below(30) == 0 { '\t' } else { ' ' });
            text += &self.word(depth);
        }
        while self.below(9) == 0 {
            let target = self.word(depth + 4);
            text += &format!(" {} {target}", self.one(&[">", ">>", "2>", "<", "&>", "2>&1 >", "<>"]));
        }
        text
    }

    /// Pipelines in a list.
    fn list(&mut self, depth: usize) -> String {
        if depth > 4 {
            return "ls".to_owned();
        }
        let mut text = self.simple(depth);
        while self.below(4) == 0 {
            text += self.one(&[" | ", "|", "; ", " && ", " || ", " & ", " |& "]);
            text += &self.simple(depth);
        }
        text += self.one(&["", "", "", "", "", "", "", ";", " &", " # c"]);
        text
    }
}

/// Commands inside commands, in most forms that the quick way reads.
#[test]
fn composed_commands_agree() {
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let (mut answered, most) = (0, 40_000);
    for _ in 0..most {
        answered += usize::from(agrees(&numbers.list(0), &mut quick, &mut full));
    }
    assert!(answered * 3 > most, "{answered} were answered");
}

#[test]
fn real_commands_agree() {
    let shared = std::env::var_os("SHMON_SHARED").map_or_else(
        || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")),
        std::path::PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(shared.join("corpora")) else {
        println!("skipped: there are no corpora beside the project");
        return;
    };
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let (mut all, mut answered) = (0, 0);
    for file in files.filter_map(Result::ok).filter(|f| f.path().extension().is_some_and(|e| e == "jsonl")) {
        for line in std::fs::read_to_string(file.path()).unwrap().lines() {
            let Ok(row) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let Some(command) = row["cmd"].as_str() else { continue };
            all += 1;
            answered += usize::from(agrees(command, &mut quick, &mut full));
        }
    }
    println!("{answered} of {all} commands are ordinary");
    assert!(all == 0 || answered * 2 > all);
}
