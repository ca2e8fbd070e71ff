//! `config.toml`: the commented template, and setting one key without losing a comment.

use anyhow::{Context as _, Result, bail};
use shmon_core::config::Config;
use toml_edit::{DocumentMut, Item, Table, Value};

/// Every key with its default, commented out.
pub(crate) const TEMPLATE: &str = include_str!("config.toml");

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

    /// The template with every key uncommented.
    fn all_keys() -> String {
        let keep = |l: &&str| !l.starts_with("# ") && *l != "#" && !l.is_empty();
        TEMPLATE.lines().filter(keep).map(|l| l.trim_start_matches('#').to_owned() + "\n").collect()
    }

    #[test]
    fn the_template_is_the_default() {
        assert!(Config::parse(TEMPLATE).is_ok());
        assert_eq!(TEMPLATE.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).count(), 0);
    }

    #[test]
    fn every_key_of_the_template_is_allowed() {
        // A token has one source: the other two would be refused beside it.
        let text: String = all_keys()
            .lines()
            .filter(|l| !l.starts_with("token_env") && !l.starts_with("token_command"))
            .map(|l| format!("{l}\n"))
            .collect();
        let config = Config::parse(&text).unwrap();
        let default = Config::default();
        assert_eq!(config.name, default.name);
        assert_eq!(config.log.max_bytes, default.log.max_bytes);
        assert_eq!(config.log.keep, default.log.keep);
    }

    #[test]
    fn a_key_is_set_where_it_stands_as_a_comment() {
        let text = set(TEMPLATE, &[("name", "Sharelab SSH Monitor")]).unwrap();
        assert!(text.contains("\nname = \"Sharelab SSH Monitor\"\n"));
        let text =
            set(&text, &[("notify.chatwork.room_id", "403373420"), ("notify.chatwork.token_file", "t")])
                .unwrap();
        assert!(text.contains("\n[notify.chatwork]\n"), "{text}");
        assert_eq!(get(&text, "notify.chatwork.room_id").as_deref(), Some("403373420"));
        let text = set(&text, &[("store.durability", "full")]).unwrap();
        let text = set(&text, &[("name", "Second")]).unwrap();
        assert_eq!(Config::parse(&text).unwrap().name, "Second");
        assert_eq!(text.matches("\nname =").count(), 1);
        assert_eq!(text.lines().count(), TEMPLATE.lines().count());
    }

    #[test]
    fn an_unknown_key_or_value_is_refused_with_what_is_allowed() {
        let error = format!("{:#}", set(TEMPLATE, &[("store.durabilty", "full")]).unwrap_err());
        assert!(error.contains("durability"), "{error}");
        let error = format!("{:#}", set(TEMPLATE, &[("store.durability", "ful")]).unwrap_err());
        assert!(error.contains("normal") && error.contains("full"), "{error}");
    }
}
