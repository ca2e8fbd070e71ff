//! Conditions of rules as alternatives.

use super::Place;
use super::alternative::{Alternative, Piece, join, options, spelling};
use super::text::{Word, any_of, escape, glob, words};
use std::collections::HashMap;
use toml::{Table, Value};

/// More ways than this nobody writes down.
const MOST: usize = 200;

/// The lists of all rule files, by name.
pub(super) struct Lists(HashMap<String, Vec<String>>);

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![],
    }
}

fn tables(value: &Value) -> Vec<&Table> {
    match value {
        Value::Table(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_table).collect(),
        _ => vec![],
    }
}

impl Lists {
    pub(super) fn of(files: &[Table]) -> Lists {
        let lists = files.iter().filter_map(|file| file.get("lists")?.as_table());
        Lists(lists.flatten().map(|(name, value)| (name.clone(), strings(value))).collect())
    }

    /// The strings, with lists in the place of their names.
    fn resolve(&self, value: &Value) -> Vec<String> {
        strings(value)
            .into_iter()
            .flat_map(|one| match one.strip_prefix('@').and_then(|name| self.0.get(name)) {
                Some(list) => self.resolve(&Value::Array(list.iter().cloned().map(Value::String).collect())),
                None => vec![one],
            })
            .collect()
    }

    /// A test of a string; empty where it asks for nothing that a text shows.
    fn test(&self, value: &Value) -> Vec<Word> {
        let Value::Table(table) = value else {
            return self.resolve(value).iter().filter(|s| !s.is_empty()).map(|s| glob(s)).collect();
        };
        // Each key is a set of words of which one is enough; all keys must hold, one after the other.
        let mut all: Vec<Word> = Vec::new();
        for key in ["is", "prefix", "pattern", "contains", "word", "regex", "suffix", "contains_all"] {
            let Some(value) = table.get(key) else { continue };
            let texts = self.resolve(value);
            let word = |text: &String| match key {
                "pattern" => glob(text),
                "regex" => Word { regex: format!("(?:{text})"), open_left: true, open_right: true },
                "word" => Word { regex: format!(r"\b{}\b", escape(text)), open_left: true, open_right: true },
                _ => Word {
                    regex: escape(text),
                    open_left: matches!(key, "contains" | "suffix"),
                    open_right: matches!(key, "contains" | "prefix"),
                },
            };
            let these: Vec<Word> = match key {
                "contains_all" => {
                    let each: Vec<String> = texts.iter().map(|t| escape(t)).collect();
                    vec![Word { regex: each.join(".*"), open_left: true, open_right: true }]
                }
                _ => texts.iter().filter(|t| !t.is_empty()).map(word).collect(),
            };
            all = match (all.is_empty(), these.is_empty()) {
                (true, _) => these,
                (_, true) => all,
                _ => {
                    let left =
                        |all: &[Word]| any_of(&all.iter().map(|w| w.regex.clone()).collect::<Vec<_>>());
                    vec![Word {
                        regex: format!("{}.*{}", left(&all), left(&these)),
                        open_left: all.iter().all(|w| w.open_left),
                        open_right: these.iter().all(|w| w.open_right),
                    }]
                }
            };
        }
        if table.get("nocase").and_then(Value::as_bool) == Some(true) {
            for word in &mut all {
                word.regex = format!("(?i:{})", word.regex);
            }
        }
        all
    }

    /// Every way in which a condition can hold.
    pub(super) fn condition(&self, table: &Table) -> Vec<Alternative> {
        let mut all = vec![Alternative::default()];
        // In the order in which people type.
        for key in [
            "assignment",
            "program",
            "path",
            "args",
            "operands",
            "subcommand",
            "flags",
            "option",
            "operand",
            "arg",
            "redirect",
            "body",
            "text",
            "obfuscation",
            "unresolved",
            "all",
            "any",
            "via",
            "piped_from",
            "piped_directly_from",
            "piped_into",
            "piped_directly_into",
            "then",
            "also",
        ] {
            let Some(value) = table.get(key) else { continue };
            let ways = self.key(key, value);
            if ways.is_empty() {
                continue;
            }
            all = all.iter().flat_map(|one| ways.iter().map(|way| one.and(way))).take(MOST).collect();
        }
        all
    }

    fn key(&self, key: &str, value: &Value) -> Vec<Alternative> {
        let piece = |piece: Piece| vec![Alternative { pieces: vec![piece], ..Alternative::default() }];
        let before = |text: String| vec![Alternative { before: text, ..Alternative::default() }];
        let after = |text: String| vec![Alternative { after: text, ..Alternative::default() }];
        let other = |value: &Value| {
            let all: Vec<Alternative> = tables(value).into_iter().flat_map(|t| self.condition(t)).collect();
            join(&all, Place::Word).map(|text| if text.contains('|') { format!("(?:{text})") } else { text })
        };
        match key {
            "program" => {
                let programs = self.resolve(value).iter().map(|name| glob(name)).collect();
                vec![Alternative { programs, ..Alternative::default() }]
            }
            "path" => {
                vec![Alternative { programs: self.test(value), written: true, ..Alternative::default() }]
            }
            "args" | "operands" if value.as_integer() == Some(0) => piece(Piece::Nothing),
            "subcommand" => {
                let phrase = |text: &String| {
                    let each = text.split_whitespace().map(|word| {
                        any_of(&word.split('|').map(|w| escape(w).replace(r"\*", r"\S*")).collect::<Vec<_>>())
                    });
                    each.collect::<Vec<_>>().join(r"\s+")
                };
                let phrases: Vec<String> = strings(value).iter().map(phrase).collect();
                piece(Piece::Raw(format!(r"\s{}\b", any_of(&phrases))))
            }
            "flags" => piece(Piece::Raw(options(&strings(value)))),
            "option" => {
                tables(value).into_iter().flat_map(|table| piece(Piece::Raw(self.option(table)))).collect()
            }
            "operand" | "arg" => match self.test(value) {
                words if words.is_empty() => vec![],
                words => piece(Piece::Words(words)),
            },
            "redirect" => piece(Piece::Raw(self.redirect(value))),
            "body" => match self.test(value) {
                all if all.is_empty() => piece(Piece::Raw("<<".into())),
                all => piece(Piece::Raw(format!(r"<<[\s\S]*{}", words(&all, "", false)))),
            },
            "assignment" => piece(Piece::Raw(self.assignment(value))),
            "text" => match self.test(value) {
                all if all.is_empty() => vec![],
                all => piece(Piece::Raw(words(&all, "", false))),
            },
            "obfuscation" => {
                piece(Piece::Raw(any_of(&strings(value).iter().map(|kind| hidden(kind)).collect::<Vec<_>>())))
            }
            "unresolved" => piece(Piece::Raw(r"\$\w".into())),
            "all" => {
                let mut all = vec![Alternative::default()];
                for table in tables(value) {
                    let ways = self.condition(table);
                    all = all.iter().flat_map(|one| ways.iter().map(|way| one.and(way))).take(MOST).collect();
                }
                all
            }
            "any" => tables(value).into_iter().flat_map(|table| self.condition(table)).collect(),
            "via" => before(format!(
                r"\b{}\b.*",
                any_of(&strings(value).iter().map(|name| reached(name)).collect::<Vec<_>>())
            )),
            "piped_from" => other(value).map_or(vec![], |text| before(format!(r"{text}[^;]*\|[^;]*"))),
            "piped_directly_from" => {
                other(value).map_or(vec![], |text| before(format!(r"{text}[^;|]*\|\s*")))
            }
            "piped_into" => other(value).map_or(vec![], |text| after(format!(r"[^;]*\|[^;]*{text}"))),
            "piped_directly_into" => other(value).map_or(vec![], |text| after(format!(r"[^;|]*\|\s*{text}"))),
            "then" => other(value).map_or(vec![], |text| after(format!(r"[^\n]*{text}"))),
            "also" => other(value).map_or(vec![], |text| {
                let mut both = after(format!(r"[^\n]*{text}"));
                both.extend(before(format!(r"{text}[^\n]*")));
                both
            }),
            _ => vec![],
        }
    }

    fn option(&self, table: &Table) -> String {
        let names = table.get("name").map(strings).unwrap_or_default();
        let name = any_of(&names.iter().map(|name| spelling(name)).collect::<Vec<_>>());
        match table.get("value").map(|value| self.test(value)).filter(|words| !words.is_empty()) {
            None => format!(r"\s{name}"),
            Some(all) => {
                let lead = if all.iter().any(|w| w.open_left) { r"\S*" } else { "" };
                format!(r#"\s{name}[=\s]*['"]?{lead}{}"#, words(&all, "", true))
            }
        }
    }

    fn redirect(&self, value: &Value) -> String {
        let table =
            value.as_table().filter(|t| ["kind", "fd", "target"].iter().any(|key| t.contains_key(*key)));
        let target = table.map_or(Some(value), |t| t.get("target"));
        let kinds = table.and_then(|t| t.get("kind")).map_or(vec!["file".to_owned()], strings);
        let operator = |kind: &String| {
            let text = match kind.as_str() {
                "read" => r"<",
                "write" => r">\|?",
                "append" => r">>",
                "read-write" => r"<>",
                "output" => r">>?\|?",
                "input" => r"<>?",
                "duplicate" => r"[<>]&",
                "heredoc" => r"<<",
                "here-string" => r"<<<",
                _ => r"[<>]+",
            };
            text.to_owned()
        };
        let operator = any_of(&kinds.iter().map(operator).collect::<Vec<_>>());
        let fd = table.and_then(|t| t.get("fd")?.as_integer()).map_or(String::new(), |fd| fd.to_string());
        match target.map(|target| self.test(target)).filter(|words| !words.is_empty()) {
            None => fd + &operator,
            Some(all) => {
                let lead = if all.iter().any(|w| w.open_left) { r"\S*" } else { "" };
                format!(r#"{fd}{operator}\s*['"]?{lead}{}"#, words(&all, "", true))
            }
        }
    }

    fn assignment(&self, value: &Value) -> String {
        let table = value.as_table().filter(|t| t.contains_key("name") || t.contains_key("value"));
        let name =
            table.map_or(Some(value), |t| t.get("name")).map(|test| self.test(test)).unwrap_or_default();
        let name = if name.is_empty() { r"\w+".to_owned() } else { words(&name, r"\b", false) };
        match table.and_then(|t| t.get("value")).map(|test| self.test(test)).filter(|words| !words.is_empty())
        {
            None => format!(r"{name}\w*="),
            Some(all) => {
                let lead = if all.iter().any(|w| w.open_left) { "[^;]*" } else { "" };
                format!(r#"{name}=['"]?{lead}{}"#, words(&all, "", true))
            }
        }
    }
}

/// How a command looks that hides something.
fn hidden(kind: &str) -> String {
    match kind {
        "split-quotes" => r#"\w(?:''|"")\w"#,
        "ansi-c" => r"\$'\\",
        "glob-command" => r"(?:^|[\s;&|])/\S*[?*\[]\S*",
        "variable-slices" => r"\$\{\w+:\d",
        "reversed" => r"\brev\b",
        "decoded" => r"\bbase64\s+(?:-d|--decode)\b",
        _ => r#"\w(?:''|"")\w|\$'\\|\bbase64\s+(?:-d|--decode)\b"#,
    }
    .to_owned()
}

/// How a program that runs others is written.
fn reached(name: &str) -> String {
    match name {
        "remote" => "ssh",
        "container" => "(?:docker|podman|kubectl|lxc)",
        "scheduled" => "(?:crontab|at|batch)",
        "shell-string" => r"sh\s+-c",
        "shell-input" => r"\|\s*(?:ba)?sh",
        "decoded" => r"base64\s+(?:-d|--decode)",
        "wrapper" => "(?:sudo|env|nohup|xargs|timeout)",
        other => return escape(other),
    }
    .to_owned()
}
