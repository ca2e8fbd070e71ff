//! The built-in rules as a list of raw regular expressions, one a rule: what an administrator would write who knows the
//! rules and greps the command line, without a shell's grammar. Made mechanically from the rules' own data.
//!
//! What a regular expression over the raw line can't say is left out: exceptions (`not`), the number of operands, facts
//! about the caller, which occurrence of an operand is meant. What it can say is kept: program names at a word's
//! beginning, options in any order and cluster, operands, redirections, neighbours in the pipeline. The syntax is
//! understood by Python's `re` and, without Unicode, by Rust's `regex`.

mod alternative;
mod condition;
mod text;

use alternative::join;
use condition::Lists;
use std::path::Path;
use toml::{Table, Value};

/// How a program's name is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `\brm\b`: short, and quick to search.
    Word,
    /// `(?:^|[\s;&|(])(?:\S*/)?rm\b`: only where a command may stand, with any folder before it.
    Command,
}

/// One rule.
#[derive(Debug)]
pub struct Raw {
    /// Its id.
    pub id: String,
    /// Its level.
    pub level: String,
    /// The expression; `None` where the rule asks for nothing that is in the text.
    pub pattern: Option<String>,
    /// Commands that the rule finds.
    pub hits: Vec<String>,
    /// Commands that look alike and that it doesn't find.
    pub misses: Vec<String>,
}

/// All built-in rules, in the order of their files.
///
/// # Panics
/// When the rule files can't be read: they lie beside the benchmarks.
pub fn rules(place: Place) -> Vec<Raw> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shmon-core/rules"));
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the rules").map(|file| file.unwrap().path()).collect();
    files.sort();
    let tables: Vec<Table> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("a rule file").parse().expect("TOML"))
        .collect();
    let lists = Lists::of(&tables);
    let rules = tables.iter().filter_map(|table| table.get("rule")?.as_array()).flatten();
    rules.filter_map(Value::as_table).map(|rule| raw(rule, &lists, place)).collect()
}

fn raw(rule: &Table, lists: &Lists, place: Place) -> Raw {
    let string = |key: &str| rule[key].as_str().unwrap_or_default().to_owned();
    let examples = |key: &str| {
        let all = rule.get(key).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|example| example.as_str().or_else(|| example.get("command")?.as_str()))
            .map(str::to_owned)
            .collect()
    };
    let alternatives = rule.get("match").and_then(Value::as_table).map(|table| lists.condition(table));
    Raw {
        id: string("id"),
        level: string("level"),
        pattern: alternatives.and_then(|all| join(&all, place)),
        hits: examples("hits"),
        misses: examples("misses"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::RegexBuilder;

    /// A list that finds little would be no comparison.
    #[test]
    fn most_rules_have_a_pattern_that_finds_their_examples() {
        for place in [Place::Word, Place::Command] {
            let all = rules(place);
            let (mut patterns, mut hits, mut found) = (0, 0, 0);
            for rule in &all {
                hits += rule.hits.len();
                let Some(pattern) = &rule.pattern else { continue };
                patterns += 1;
                let built = RegexBuilder::new(pattern).unicode(false).size_limit(1 << 28).build();
                let regex = built.unwrap_or_else(|e| panic!("{}: {pattern}: {e}", rule.id));
                assert!(!regex.is_match(b"true"), "{}: {pattern} finds everything", rule.id);
                found += rule.hits.iter().filter(|hit| regex.is_match(hit.as_bytes())).count();
            }
            println!("{place:?}: {} rules, {patterns} patterns, {found} of {hits} examples", all.len());
            assert!(patterns * 100 >= all.len() * 98 && found * 10 >= hits * 9);
        }
    }

    #[test]
    fn a_rule_becomes_what_one_would_write() {
        let lists = Lists::of(&["[lists]\nfolders = ['/srv', '/home/*']".parse().unwrap()]);
        let pattern = |text: &str| join(&lists.condition(&text.parse().unwrap()), Place::Word).unwrap();
        assert_eq!(
            pattern("program = ['rm', 'shred']\nflags = '-r|-R|--recursive'"),
            r"\b(?:rm|shred)\b[^|;&]*\s(?:-\w*[rR]|--recursive)"
        );
        assert_eq!(
            pattern("program = 'cat'\noperand = '@folders'"),
            r#"\bcat\b[^|;&]*[\s'"=](?:/srv(?:[\s'";|&)<>]|$)|/home/)"#
        );
        assert_eq!(
            pattern("program = 'sh'\npiped_from = { program = 'curl' }"),
            r"\bcurl\b[^;]*\|[^;]*\bsh\b"
        );
        assert_eq!(
            pattern("any = [{ program = 'nft', subcommand = 'flush' }, { program = 'nft', flags = '-F' }]"),
            r"\bnft\b(?:[^|;&]*\sflush\b|[^|;&]*\s-\w*F)"
        );
    }
}
