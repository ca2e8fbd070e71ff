//! Sigma's linux `process_creation` rules as shmon rules, and what of them can't be expressed.

use crate::commands::rules::files_of;
use anyhow::{Context as _, Result};
use serde_json::Value as Yaml;
use shmon_core::{Classifier, Level};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use toml::{Table, Value};

/// Translates the files to standard output; what can't be translated is told on standard error.
pub(crate) fn import(paths: &[PathBuf]) -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut done, mut left) = (0, 0);
    let mut ids = BTreeMap::<String, u32>::new();
    for path in files_of(paths, &["yml", "yaml"])? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        match translate(&text) {
            Ok((id, rule, notes)) => {
                done += 1;
                // Titles aren't unique; ids are.
                let count = ids.entry(id.clone()).and_modify(|n| *n += 1).or_insert(1);
                let rule = match count {
                    1 => rule,
                    n => rule.replacen(&format!("id = \"{id}\""), &format!("id = \"{id}-{n}\""), 1),
                };
                writeln!(out, "{rule}")?;
                for note in notes {
                    eprintln!("{}: {note}", path.display());
                }
            }
            Err(why) => {
                left += 1;
                eprintln!("{}: not translated: {why}", path.display());
            }
        }
    }
    out.flush()?;
    eprintln!("{done} translated, {left} not");
    Ok(if done > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The rule's id, the rule as TOML, and what it says less precisely than the original.
fn translate(text: &str) -> Result<(String, String, Vec<String>), String> {
    let rule: Yaml = serde_saphyr::from_str(text).map_err(|e| format!("not YAML: {e}"))?;
    let logsource = &rule["logsource"];
    if logsource["category"] != "process_creation"
        || !matches!(logsource["product"].as_str(), None | Some("linux"))
    {
        return Err("its logsource isn't linux process_creation".into());
    }
    let title = rule["title"].as_str().ok_or("it has no title")?;
    let detection = rule["detection"].as_object().ok_or("it has no detection")?;
    let mut notes = Vec::new();
    let mut selections = BTreeMap::new();
    for (name, selection) in detection.iter().filter(|(name, _)| *name != "condition" && *name != "timeframe")
    {
        selections
            .insert(name.as_str(), selection_of(selection, &mut notes).map_err(|e| format!("{name}: {e}"))?);
    }
    let conditions: Vec<&str> = match &detection.get("condition") {
        Some(Yaml::String(one)) => vec![one],
        Some(Yaml::Array(many)) => many.iter().filter_map(Yaml::as_str).collect(),
        _ => return Err("it has no condition".into()),
    };
    let all: Vec<Table> =
        conditions.iter().map(|c| Expression::parse(c, &selections)).collect::<Result<_, String>>()?;
    let level = match rule["level"].as_str() {
        Some("critical") => Level::Critical,
        Some("high") => Level::High,
        Some("medium") => Level::Medium,
        _ => Level::Low,
    };
    let mut table = Table::new();
    let id = format!("sigma.{}", slug(title));
    table.insert("id".into(), id.as_str().into());
    table.insert("level".into(), level.as_str().into());
    table.insert("title".into(), title.into());
    if let Some(reason) = rule["description"].as_str() {
        table.insert("reason".into(), reason.split_whitespace().collect::<Vec<_>>().join(" ").into());
    }
    let attack: Vec<Value> = rule["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| t.as_str()?.strip_prefix("attack.t"))
        .filter(|id| id.starts_with(|c: char| c.is_ascii_digit()))
        .map(|id| format!("T{id}").into())
        .collect();
    if !attack.is_empty() {
        table.insert("attack".into(), attack.into());
    }
    let false_positives: Vec<Value> = rule["falsepositives"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| Some(t.as_str()?.into()))
        .collect();
    if !false_positives.is_empty() {
        table.insert("false_positives".into(), false_positives.into());
    }
    table.insert("match".into(), any_of(all).into());
    let mut toml = String::from("[[rule]]\n");
    for key in ["id", "level", "title", "reason", "attack", "false_positives", "match"] {
        if let Some(value) = table.get(key) {
            toml.push_str(&format!("{key} = {value}\n"));
        }
    }
    // What we print must compile.
    Classifier::builder()
        .without_builtin()
        .rules_text("sigma", toml.as_str())
        .build()
        .map_err(|e| e.to_string())?;
    notes.sort();
    notes.dedup();
    Ok((id, toml, notes))
}

fn slug(title: &str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

fn one(key: &str, value: impl Into<Value>) -> Table {
    Table::from_iter([(key.to_owned(), value.into())])
}

fn joined(key: &str, mut all: Vec<Table>) -> Table {
    if all.len() == 1 {
        return all.remove(0);
    }
    one(key, Value::Array(all.into_iter().map(Value::Table).collect()))
}

fn all_of(all: Vec<Table>) -> Table {
    joined("all", all)
}

fn any_of(all: Vec<Table>) -> Table {
    joined("any", all)
}

/// A selection: a map (all fields), a list of maps (one of them), or a list of keywords.
fn selection_of(selection: &Yaml, notes: &mut Vec<String>) -> Result<Table, String> {
    match selection {
        Yaml::Object(fields) => {
            let all: Vec<Table> = fields
                .iter()
                .map(|(field, values)| field_of(field, values, notes))
                .collect::<Result<_, String>>()?;
            if all.is_empty() { Err("is empty".into()) } else { Ok(all_of(all)) }
        }
        Yaml::Array(many) if many.iter().all(Yaml::is_object) && !many.is_empty() => {
            Ok(any_of(many.iter().map(|m| selection_of(m, notes)).collect::<Result<_, String>>()?))
        }
        Yaml::Array(words) if !words.is_empty() => {
            let words: Vec<Value> = words.iter().filter_map(scalar).map(Value::from).collect();
            Ok(text(one("contains", words)))
        }
        Yaml::String(word) => Ok(text(one("contains", word.as_str()))),
        _ => Err("is neither a map, a list nor a text".into()),
    }
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(s) => Some(s.clone()),
        Yaml::Number(n) => Some(n.to_string()),
        Yaml::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

fn text(mut test: Table) -> Table {
    test.insert("nocase".into(), true.into());
    one("text", test)
}

/// `Field|modifier|modifier: value or values`.
fn field_of(field: &str, values: &Yaml, notes: &mut Vec<String>) -> Result<Table, String> {
    let mut parts = field.split('|');
    let name = parts.next().unwrap_or("");
    let modifiers: Vec<&str> = parts.collect();
    let values: Vec<String> = match values {
        Yaml::Array(many) => many.iter().filter_map(scalar).collect(),
        other => scalar(other).into_iter().collect(),
    };
    if values.is_empty() {
        return Err(format!("'{field}' has no value"));
    }
    let mut how = "is";
    let (mut every, mut cased) = (false, false);
    for modifier in &modifiers {
        match *modifier {
            "contains" => how = "contains",
            "startswith" => how = "prefix",
            "endswith" => how = "suffix",
            "re" => how = "regex",
            "all" => every = true,
            "cased" => cased = true,
            other => return Err(format!("the modifier '{other}' of '{field}' can't be expressed")),
        }
    }
    let each: Vec<Table> =
        values.iter().map(|value| value_of(name, how, value, cased, notes)).collect::<Result<_, String>>()?;
    Ok(if every { all_of(each) } else { merged(each) })
}

/// Several programs are one list instead of an `any`.
fn merged(each: Vec<Table>) -> Table {
    let names: Option<Vec<Value>> = each
        .iter()
        .map(|t| if t.len() == 1 { t.get("program").filter(|p| p.is_str()).cloned() } else { None })
        .collect();
    match names {
        Some(names) if names.len() > 1 => one("program", names),
        _ => any_of(each),
    }
}

/// The whole of a value with wildcards as one pattern.
fn pattern_of(how: &str, value: &str) -> String {
    match how {
        "contains" => format!("*{value}*"),
        "prefix" => format!("{value}*"),
        "suffix" => format!("*{value}"),
        _ => value.to_owned(),
    }
}

/// A test of the command line. Words are what shmon sees: a text without a blank inside is looked for in the arguments, with
/// the blanks around it as the argument's ends; one with blanks in the line as it was typed.
fn command_line(how: &str, value: &str, wild: bool, cased: bool, notes: &mut Vec<String>) -> Table {
    let trimmed = value.trim();
    if how == "regex" {
        notes.push("CommandLine|re: asked about the whole line as typed".into());
        return text(one("regex", value));
    }
    let words: Vec<&str> = value.split_whitespace().collect();
    if how == "is" && !wild && !value.contains(['"', '\'']) {
        let (first, rest) = match words.split_first() {
            Some((first, rest)) => (first.rsplit('/').next().unwrap_or(first), rest),
            None => ("", &[][..]),
        };
        let mut whole = one("program", first);
        whole.insert("args".into(), (rest.len() as i64).into());
        if !rest.is_empty() {
            let all: Vec<Value> = rest.iter().map(|w| Value::Table(one("arg", one("is", *w)))).collect();
            whole.insert("all".into(), all.into());
        }
        return whole;
    }
    if words.len() == 1 && !wild && how != "is" {
        // Where an end of the text is an end of a word.
        let begins = value.starts_with(' ');
        let ends = value.ends_with(' ') || how == "suffix";
        let (key, in_program) = match (begins, ends) {
            (true, true) => ("is", false),
            (true, false) => ("prefix", false),
            (false, true) => ("suffix", true),
            (false, false) => ("contains", true),
        };
        let mut test = one(key, trimmed);
        if !cased {
            test.insert("nocase".into(), true.into());
        }
        if how == "prefix" {
            return one(
                "path",
                if value.ends_with(' ') { one("is", trimmed) } else { one("prefix", trimmed) },
            );
        }
        let arg = one("arg", test.clone());
        return if in_program { any_of(vec![arg, one("path", test)]) } else { arg };
    }
    notes
        .push("CommandLine: a text with blanks or wildcards is looked for in the whole line as typed".into());
    text(if wild { one("pattern", pattern_of("contains", value)) } else { one("contains", trimmed) })
}

fn value_of(
    name: &str,
    how: &str,
    value: &str,
    cased: bool,
    notes: &mut Vec<String>,
) -> Result<Table, String> {
    let wild = how != "regex" && value.contains(['*', '?']);
    let pattern = |value: &str| pattern_of(how, value);
    match name {
        "Image" | "process.executable" | "exe" => {
            let base = value.rsplit('/').next().unwrap_or(value);
            if !wild
                && !base.is_empty()
                && ((how == "suffix" && value.matches('/').count() <= 1) || how == "is")
            {
                if how == "is" && value.contains('/') {
                    notes.push(format!("'{value}': the program's name counts, in whichever folder it is"));
                }
                return Ok(one("program", base.trim_start_matches('/')));
            }
            notes.push("Image: shmon sees the path as it was typed, not the resolved one".into());
            Ok(one("path", if wild { one("pattern", pattern(value)) } else { one(how, value) }))
        }
        "CommandLine" | "process.command_line" => Ok(command_line(how, value, wild, cased, notes)),
        "User" => Ok(one("user", if wild { one("pattern", pattern(value)) } else { one(how, value) })),
        "ParentImage" | "ParentCommandLine" | "ParentUser" => Err(format!(
            "the field '{name}' can't be expressed: shmon sees commands, not the processes that started them"
        )),
        other => Err(format!("the field '{other}' can't be expressed")),
    }
}

/// Conditions: `and`, `or`, `not`, parentheses, `1 of x*`, `all of them`.
struct Expression<'a> {
    tokens: Vec<String>,
    at: usize,
    selections: &'a BTreeMap<&'a str, Table>,
}

impl<'a> Expression<'a> {
    fn parse(text: &str, selections: &'a BTreeMap<&'a str, Table>) -> Result<Table, String> {
        if text.contains('|') {
            return Err("an aggregation (`|`) can't be expressed".into());
        }
        let spaced = text.replace('(', " ( ").replace(')', " ) ");
        let tokens = spaced.split_whitespace().map(str::to_owned).collect();
        let mut expression = Expression { tokens, at: 0, selections };
        let parsed = expression.or(0)?;
        match expression.peek() {
            None => Ok(parsed),
            Some(token) => Err(format!("'{token}' in the condition isn't understood")),
        }
    }

    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(String::as_str)
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self, depth: usize) -> Result<Table, String> {
        let mut all = vec![self.and(depth)?];
        while self.eat("or") {
            all.push(self.and(depth)?);
        }
        Ok(any_of(all))
    }

    fn and(&mut self, depth: usize) -> Result<Table, String> {
        let mut all = vec![self.not(depth)?];
        while self.eat("and") {
            all.push(self.not(depth)?);
        }
        Ok(all_of(all))
    }

    fn not(&mut self, depth: usize) -> Result<Table, String> {
        if depth > 8 {
            return Err("the condition is nested too deep".into());
        }
        if self.eat("not") {
            return Ok(one("not", self.not(depth + 1)?));
        }
        if self.eat("(") {
            let inner = self.or(depth + 1)?;
            return if self.eat(")") { Ok(inner) } else { Err("')' is missing in the condition".into()) };
        }
        let Some(token) = self.peek().map(str::to_owned) else {
            return Err("the condition ends too early".into());
        };
        self.at += 1;
        if token.parse::<u32>().is_ok_and(|n| n > 1)
            && self.peek().is_some_and(|t| t.eq_ignore_ascii_case("of"))
        {
            return Err(format!("'{token} of' can't be expressed: only '1 of' and 'all of'"));
        }
        if (token == "1" || token.eq_ignore_ascii_case("any") || token.eq_ignore_ascii_case("all"))
            && self.eat("of")
        {
            let Some(which) = self.peek().map(str::to_owned) else {
                return Err("the condition ends after 'of'".into());
            };
            self.at += 1;
            let stem = which.strip_suffix('*');
            let all: Vec<Table> = self
                .selections
                .iter()
                .filter(|(name, _)| which == "them" || stem.map_or(**name == which, |s| name.starts_with(s)))
                .map(|(_, selection)| selection.clone())
                .collect();
            if all.is_empty() {
                return Err(format!("no selection is called '{which}'"));
            }
            return Ok(if token.eq_ignore_ascii_case("all") { all_of(all) } else { any_of(all) });
        }
        self.selections
            .get(token.as_str())
            .cloned()
            .ok_or_else(|| format!("no selection is called '{token}'"))
    }
}
