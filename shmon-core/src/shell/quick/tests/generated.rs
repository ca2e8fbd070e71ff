//! Commands made of what `grammar.txt` lists. `SHMON_SEED` and `SHMON_COMMANDS` choose others and more of them.

use super::agrees;
use crate::shell::Analysis;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands in a section of the list.
fn listed(section: &str) -> Vec<&'static str> {
    let mut lines = include_str!("grammar.txt").lines();
    lines.find(|line| line.strip_prefix("## ") == Some(section)).expect("a section");
    lines.take_while(|line| !line.starts_with("## ")).collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Compares so many commands, of which the quick way must answer some share; shows the shortest that differ.
fn compare(most: u64, at_least: f64, mut next: impl FnMut() -> String) {
    let most = number("SHMON_COMMANDS", most);
    let (mut quick, mut full) = (Analysis::new(), Analysis::new());
    let (mut answered, mut different) = (0, Vec::new());
    for _ in 0..most {
        let command = next();
        match catch_unwind(AssertUnwindSafe(|| agrees(&command, &mut quick, &mut full))) {
            Ok(answers) => answered += u64::from(answers),
            Err(_) => different.push(command),
        }
    }
    different.sort_by_key(String::len);
    different.truncate(20);
    assert!(different.is_empty(), "these differ, or worse:\n{}", different.join("\n"));
    println!("{answered} of {most} were answered");
    assert!(answered as f64 >= most as f64 * at_least, "{answered} of {most} were answered");
}

/// A generator of random numbers below a bound.
struct Numbers(u64);

impl Numbers {
    fn new() -> Self {
        Numbers(0x9E37_79B9_7F4A_7C15 ^ number("SHMON_SEED", 1).wrapping_mul(0x2545_F491_4F6C_DD1D))
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn one<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Words of the grammar in any order: what the quick way takes for ordinary is so.
#[test]
fn generated_commands_agree() {
    let mut parts = listed("parts");
    parts.extend(["\t", "\n"]);
    let mut numbers = Numbers::new();
    compare(60_000, 0.08, || {
        let mut command = String::new();
        for _ in 0..1 + numbers.below(9) {
            command.push_str(numbers.one(&parts));
            if numbers.below(5) > 0 {
                command.push(' ');
            }
        }
        command
    });
}

/// Commands inside commands, in most forms that the quick way reads.
#[test]
fn composed_commands_agree() {
    let mut composer = Composer::new(Numbers::new());
    compare(40_000, 0.25, || composer.list(0));
}

/// Composes commands of parts that fit together.
struct Composer {
    numbers: Numbers,
    values: Vec<&'static str>,
    quoted: Vec<&'static str>,
    options: Vec<&'static str>,
    words: Vec<&'static str>,
    wrappers: Vec<&'static str>,
    strings: Vec<&'static str>,
    programs: Vec<&'static str>,
    conditions: Vec<&'static str>,
    redirections: Vec<&'static str>,
}

impl Composer {
    fn new(numbers: Numbers) -> Self {
        Composer {
            numbers,
            values: listed("values"),
            quoted: listed("quoted"),
            options: listed("options"),
            words: listed("words"),
            wrappers: listed("wrappers"),
            strings: listed("strings"),
            programs: listed("programs"),
            conditions: listed("conditions"),
            redirections: listed("redirections"),
        }
    }

    fn below(&mut self, n: usize) -> usize {
        self.numbers.below(n)
    }

    fn word(&mut self, depth: usize) -> String {
        let numbers = &mut self.numbers;
        let part = match numbers.below(40) {
            0 => return format!("\"a $({}) b\"", self.list(depth + 1)),
            1 => return format!("$({})", self.list(depth + 1)),
            2 => return format!("`{}`", self.simple(depth + 1)),
            3 => return format!("<({})", self.list(depth + 1)),
            4..8 => numbers.one(&self.values),
            8..13 => numbers.one(&self.quoted),
            13..20 => numbers.one(&self.options),
            _ => numbers.one(&self.words),
        };
        part.to_owned()
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
            text += &format!("{}={value} ", self.numbers.one(&["A", "B", "x", "PATH"]));
        }
        if !text.is_empty() && self.below(3) == 0 {
            return text.trim_end().to_owned();
        }
        match self.below(10) {
            0 | 1 if depth < 4 => {
                text += self.numbers.one(&self.wrappers);
                text.push(' ');
                text += &self.simple(depth + 1);
            }
            2 | 3 if depth < 4 => {
                text += self.numbers.one(&self.strings);
                text.push(' ');
                text += &self.string(depth);
            }
            _ => text += self.numbers.one(&self.programs),
        }
        while self.below(3) > 0 {
            text.push(if self.below(30) == 0 { '\t' } else { ' ' });
            text += &self.word(depth);
        }
        while self.below(9) == 0 {
            text += &self.redirection(depth);
        }
        text
    }

    fn redirection(&mut self, depth: usize) -> String {
        let target = self.word(depth + 4);
        format!(" {} {target}", self.numbers.one(&self.redirections))
    }

    fn compound(&mut self, depth: usize) -> String {
        let depth = depth + 2;
        let condition = self.numbers.one(&self.conditions);
        let (body, other) = (self.list(depth), self.list(depth));
        let end = |text: &str| if text.ends_with([';', '&']) { "" } else { ";" };
        let (one, two) = (end(&body), end(&other));
        let mut text = match self.below(8) {
            0 => format!("({body})"),
            1 => format!("{{ {body}{one} }}"),
            2 => format!("if {condition}; then {body}{one} fi"),
            3 => format!("if {condition}; then {body}{one} else {other}{two} fi"),
            4 => format!("while {condition}; do {body}{one} done"),
            5 => format!("until {condition}; do {body}{one} done"),
            6 => {
                let word = self.word(depth);
                let numbers = &mut self.numbers;
                let name = numbers.one(&["x", "A", "B"]);
                let words = numbers.one(&["", "a", "*.c \"$x\"", "\"$A$A\"", "\"$x$B\" b"]);
                format!("for {name} in {words} {word}; do {body}{one} done")
            }
            _ => format!("time {}", self.simple(depth)),
        };
        if self.below(6) == 0 {
            text += &self.redirection(depth);
        }
        text
    }

    fn command(&mut self, depth: usize) -> String {
        if depth < 4 && self.below(7) == 0 { self.compound(depth) } else { self.simple(depth) }
    }

    /// Pipelines in a list.
    fn list(&mut self, depth: usize) -> String {
        if depth > 4 {
            return "ls".to_owned();
        }
        let mut text = self.command(depth);
        while self.below(3) == 0 {
            text += self.numbers.one(&[" | ", "|", "; ", "; ", "; ", " && ", " || ", " & ", " |& "]);
            text += &self.command(depth);
        }
        text += self.numbers.one(&["", "", "", "", "", "", "", ";", " &", " # c"]);
        text
    }
}
