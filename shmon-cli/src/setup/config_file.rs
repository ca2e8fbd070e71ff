//! `config.toml`: the commented template, and setting one key without losing a comment.

use anyhow::{Context as _, Result, bail};
use shmon_core::config::Config;
use toml_edit::{DocumentMut, Item, Table, Value};

/// Every key with its default, commented out; the keys that all sinks share stand there once, at the first sink.
const SOURCE: &str = include_str!("config.toml");
/// Stands in the place of those keys at the other sinks, with the defaults in which these differ.
const COMMON: &str = "#@common ";

/// A new `config.toml`: every key with its default, commented out.
pub(crate) fn template() -> String {
    let mut table = "";
    let mut out = String::with_capacity(4 * SOURCE.len());
    for line in SOURCE.lines() {
        table = line.strip_prefix("#[notify.").and_then(|l| l.strip_suffix(']')).unwrap_or(table);
        let Some(defaults) = line.strip_prefix(COMMON) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        out.push_str(&format!(
            "# As at [notify.chatwork]:\n#name = \"{table}-ops\"  # example\n#enabled = true\n"
        ));
        for default in defaults.split(' ') {
            out.push_str(&format!("#{}\n", default.replace('=', " = ")));
        }
        out.push_str(
            "#lang = \"ja\"  # example\n#template = \"{heading}\\n{user}@{host}: {command}\"  # example\n\
             #only = {}\n#ignore = {}\n#quiet_hours = \"22:00-07:00\"  # example\n#digest = \"09:00\"  # example\n\
             #timeout = \"30s\"  # example\n#ca_file = \"/etc/ssl/private-ca.pem\"  # example\n",
        );
    }
    out
}

/// Sets keys (dotted: `notify.chatwork.room_id`) to values: TOML where they read as TOML, otherwise strings.
///
/// A key that stands there is replaced; one that is only there as a comment is set in its place; any other is added to
/// its table. The whole is checked at the end, because one key may need another.
pub(crate) fn set(text: &str, settings: &[(&str, &str)]) -> Result<String> {
    let mut text = text.to_owned();
    for (key, value) in settings {
        let path: Vec<&str> = key.split('.').collect();
        if path.iter().any(|p| p.is_empty()) {
            bail!("'{key}' is not a key: write it as in --set notify.chatwork.min_level=critical");
        }
        let changed = place(&text, &path, typed(value))?;
        text = match Config::parse(&changed) {
            // `403373420` reads as a number where the key takes a text.
            Err(error) if error.to_string().contains("invalid type") => {
                place(&text, &path, Value::from(*value))?
            }
            _ => changed,
        };
    }
    let named: Vec<String> = settings.iter().map(|(key, value)| format!("{key} to '{value}'")).collect();
    Config::parse(&text).with_context(|| format!("cannot set {}", named.join(", ")))?;
    Ok(text)
}

/// The value of `key` as text, where it is set.
pub(crate) fn get(text: &str, key: &str) -> Option<String> {
    let document: DocumentMut = text.parse().ok()?;
    let mut item = document.as_item();
    for part in key.split('.') {
        item = item.get(part)?;
    }
    item.as_str().map(str::to_owned).or_else(|| Some(item.to_string().trim().to_owned()))
}

fn typed(value: &str) -> Value {
    value.parse().unwrap_or_else(|_| Value::from(value))
}

fn place(text: &str, path: &[&str], value: Value) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("the configuration is not TOML")?;
    let (key, tables) = path.split_last().context("no key")?;
    let stands = {
        let mut item: Option<&Item> = Some(document.as_item());
        for part in path {
            item = item.and_then(|i| i.get(part));
        }
        item.is_some()
    };
    if !stands && let Some(changed) = uncomment(text, &tables.join("."), key, &value) {
        return Ok(changed);
    }
    let mut table: &mut Table = document.as_table_mut();
    for part in tables {
        let item = table.entry(part).or_insert_with(|| {
            let mut fresh = Table::new();
            fresh.set_implicit(true);
            Item::Table(fresh)
        });
        table = item.as_table_mut().with_context(|| format!("'{part}' is not a table"))?;
    }
    table.set_implicit(false);
    // In place, because `insert` would drop the comments before the key.
    match table.get_mut(key) {
        Some(item) => *item = Item::Value(value),
        None => {
            table.insert(key, Item::Value(value));
        }
    }
    Ok(document.to_string())
}

/// Sets a key where the template has it as a comment, with the header of its table; `None` where it isn't there.
fn uncomment(text: &str, table: &str, key: &str, value: &Value) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let header = format!("[{table}]");
    let start = match table {
        "" => 0,
        _ => lines.iter().position(|l| l.trim_start_matches('#') == header)?,
    };
    let end = lines
        .iter()
        .enumerate()
        .skip(start + usize::from(!table.is_empty()))
        .find(|(_, l)| l.trim_start_matches('#').starts_with('['))
        .map_or(lines.len(), |(n, _)| n);
    let commented = format!("#{key} =");
    let at = (start..end).find(|&n| lines[n].starts_with(&commented))?;
    lines[at] = format!("{key} = {}", value.to_string().trim());
    if !table.is_empty() {
        lines[start] = header;
    }
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A line of the template that is a key.
    #[derive(Debug, Clone, PartialEq)]
    struct Key {
        name: String,
        /// `key = value`, as it stands there.
        line: String,
        /// `needed`, `example`, or nothing for a default.
        mark: String,
    }

    /// The keys of each table, in order; the first table has no name.
    fn tables() -> BTreeMap<String, Vec<Key>> {
        let text = template();
        let mut tables = BTreeMap::from([(String::new(), Vec::new())]);
        let mut table = String::new();
        for line in text.lines().filter_map(|l| l.strip_prefix('#')).filter(|l| !l.starts_with([' ', '@'])) {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                table = name.to_owned();
                assert!(tables.insert(table.clone(), Vec::new()).is_none(), "[{table}] stands there twice");
                continue;
            }
            let Some((name, rest)) = line.split_once(" = ") else { continue };
            let mark = rest.rsplit_once("  # ").map(|(_, mark)| mark).unwrap_or_default();
            let key = Key { name: name.to_owned(), line: line.to_owned(), mark: mark.to_owned() };
            tables.get_mut(&table).expect("the table").push(key);
        }
        tables
    }

    /// What a table takes, as the configuration itself says when it meets a key that it doesn't know; `None` where it
    /// isn't a table.
    fn allowed(table: &str) -> Option<Vec<String>> {
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let error = Config::parse(&format!("{header}no_such_key = 1\n")).err()?.to_string();
        let line = usize::from(!table.is_empty()) + 1;
        if !error.contains("unknown field `no_such_key`") {
            return None;
        }
        assert!(error.starts_with(&format!("line {line}: ")), "[{table}]: {error}");
        let (_, list) = error.split_once("expected ")?;
        Some(list.split('`').skip(1).step_by(2).map(str::to_owned).filter(|k| !k.contains('=')).collect())
    }

    fn join(table: &str, key: &str) -> String {
        if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
    }

    #[test]
    fn the_template_has_every_key_of_every_table() {
        let tables = tables();
        let mut left = vec![String::new()];
        let mut seen = 0;
        while let Some(table) = left.pop() {
            let keys = tables.get(&table).unwrap_or_else(|| panic!("the template has no [{table}]"));
            let known = allowed(&table).unwrap_or_else(|| panic!("[{table}] takes any key"));
            assert!(known.len() > 1 || table == "redact", "[{table}]: {known:?}");
            for key in &known {
                let path = join(&table, key);
                seen += 1;
                if !keys.iter().any(|k| &k.name == key) {
                    assert!(allowed(&path).is_some(), "the template has no '{key}' in [{table}]");
                    left.push(path);
                }
            }
            for key in keys {
                assert!(known.contains(&key.name), "[{table}] takes no '{}'", key.name);
            }
        }
        assert!(seen > 230, "only {seen} keys were found");
    }

    /// The lines as a configuration of one table.
    fn with(table: &str, lines: &[&Key]) -> String {
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        let lines: Vec<&str> = lines.iter().map(|k| k.line.as_str()).collect();
        format!("{header}{}\n", lines.join("\n"))
    }

    #[test]
    fn each_default_is_the_default_and_each_example_is_allowed() {
        // What these are without being set depends on the home or the program; they are compared there.
        let computed = ["store.path", "log.path", "exclude.commands"];
        for (table, keys) in tables() {
            let needed: Vec<&Key> = keys.iter().filter(|k| k.mark == "needed").collect();
            let parse = |lines: &[&Key]| {
                let text = with(&table, lines);
                format!("{:?}", Config::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}")))
            };
            let base = parse(&needed);
            for key in keys.iter().filter(|k| k.mark != "needed") {
                // One secret has one source, and a Redmine issue isn't a project.
                let stem = key.name.rsplit_once('_').map_or("", |(stem, _)| stem);
                let instead = |k: &Key| match key.name.as_str() {
                    "issue" => k.name == "project",
                    name => {
                        name.ends_with("_env") && k.name == format!("{stem}_file")
                            || name.ends_with("_command") && k.name == format!("{stem}_file")
                    }
                };
                let mut lines: Vec<&Key> = needed.iter().copied().filter(|k| !instead(k)).collect();
                lines.push(key);
                // An account and its password go together.
                let other = if key.name.starts_with("password") { "username" } else { "password_file" };
                if key.name.starts_with("password") || key.name == "username" {
                    lines.extend(keys.iter().find(|k| k.name == other));
                }
                let changed = parse(&lines);
                let path = join(&table, &key.name);
                match key.mark.as_str() {
                    "example" => assert_ne!(changed, base, "{path} is a default, not an example"),
                    "" if computed.contains(&path.as_str()) => {}
                    "" => assert_eq!(changed, base, "{path} is not the default"),
                    mark => panic!("{path}: what is '{mark}'?"),
                }
            }
            for key in &needed {
                let others: Vec<&Key> = needed.iter().copied().filter(|k| k != key).collect();
                assert!(
                    Config::parse(&with(&table, &others)).is_err(),
                    "[{table}] does without {}",
                    key.name
                );
            }
        }
        let home = shmon_core::config::Home::new("/home/u/monitor");
        let text: String = tables()["store"].iter().map(|k| format!("{}\n", k.line)).collect();
        let set = Config::parse(&format!("[store]\n{text}")).unwrap();
        assert_eq!(home.database(&set), home.database(&Config::default()));
        let text: String = tables()["log"].iter().map(|k| format!("{}\n", k.line)).collect();
        let set = Config::parse(&format!("[log]\n{text}")).unwrap();
        assert_eq!(home.log(&set), home.log(&Config::default()));
    }

    #[test]
    fn a_new_file_says_nothing() {
        let text = template();
        assert_eq!(format!("{:?}", Config::parse(&text).unwrap()), format!("{:?}", Config::default()));
        assert_eq!(text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).count(), 0);
        assert!(!text.contains('@') || !text.contains("#@"), "{text}");
    }

    #[test]
    fn a_key_is_set_where_it_stands_as_a_comment() {
        let fresh = template();
        let text = set(&fresh, &[("name", "Sharelab SSH Monitor")]).unwrap();
        assert!(text.contains("\nname = \"Sharelab SSH Monitor\"\n"));
        let text =
            set(&text, &[("notify.chatwork.room_id", "403373420"), ("notify.chatwork.token_file", "t")])
                .unwrap();
        assert!(text.contains("\n[notify.chatwork]\n"), "{text}");
        assert_eq!(get(&text, "notify.chatwork.room_id").as_deref(), Some("403373420"));
        let text = set(&text, &[("store.durability", "full")]).unwrap();
        let text = set(&text, &[("notify.slack.url_file", "s"), ("notify.slack.min_level", "low")]).unwrap();
        let text = set(&text, &[("name", "Second")]).unwrap();
        assert_eq!(Config::parse(&text).unwrap().name, "Second");
        assert_eq!(text.matches("\nname =").count(), 1);
        assert_eq!(text.lines().count(), fresh.lines().count());
    }

    #[test]
    fn an_unknown_key_or_value_is_refused_with_what_is_allowed() {
        let error = format!("{:#}", set(&template(), &[("store.durabilty", "full")]).unwrap_err());
        assert!(error.contains("durability"), "{error}");
        let error = format!("{:#}", set(&template(), &[("store.durability", "ful")]).unwrap_err());
        assert!(error.contains("normal") && error.contains("full"), "{error}");
    }
}
