//! `shmon rules docs`: the pages about the built-in rules, and which techniques of ATT&CK they cover.

use anyhow::{Context as _, Result};
use shmon_core::rule::RuleInfo;
use shmon_core::{Classifier, Level, Text, text};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// The techniques for Linux hosts and containers: id, tactics, name, id in later versions.
const CATALOGUE: &str = include_str!("../../data/attack.tsv");

/// Tactics as the catalogue abbreviates them, in the order of an attack.
const TACTICS: [(&str, &str); 14] = [
    ("recon", "Reconnaissance"),
    ("resources", "Resource Development"),
    ("initial", "Initial Access"),
    ("execution", "Execution"),
    ("persistence", "Persistence"),
    ("escalation", "Privilege Escalation"),
    ("evasion", "Defense Evasion"),
    ("credentials", "Credential Access"),
    ("discovery", "Discovery"),
    ("lateral", "Lateral Movement"),
    ("collection", "Collection"),
    ("control", "Command and Control"),
    ("exfiltration", "Exfiltration"),
    ("impact", "Impact"),
];

/// Writes the pages into a folder, or with `check` only says which of them are out of date.
pub(crate) fn run(dir: &Path, check: bool) -> Result<ExitCode> {
    let classifier = Classifier::builtin();
    let pages = pages(&classifier)?;
    let mut stale = Vec::new();
    let mut known = BTreeSet::new();
    for (name, page) in &pages {
        let path = dir.join(name);
        known.insert(path.clone());
        if std::fs::read_to_string(&path).is_ok_and(|old| old == *page) {
            continue;
        }
        stale.push(path.clone());
        if !check {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("{}: cannot make", folder.display()))?;
            }
            std::fs::write(&path, page).with_context(|| format!("{}: cannot write", path.display()))?;
        }
    }
    // The page of a category that is gone.
    for entry in std::fs::read_dir(dir.join("rules")).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "md") && !known.contains(&path) {
            stale.push(path.clone());
            if !check {
                std::fs::remove_file(&path).with_context(|| format!("{}: cannot remove", path.display()))?;
            }
        }
    }
    if !check {
        println!("{} pages, {} of them written anew", pages.len(), stale.len());
        return Ok(ExitCode::SUCCESS);
    }
    for path in &stale {
        println!("{}: out of date", path.display());
    }
    Ok(if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every page by its name in the folder.
fn pages(classifier: &Classifier) -> Result<BTreeMap<String, String>> {
    let rules: Vec<RuleInfo<'_>> = classifier.rules().rules().collect();
    let mut categories: BTreeMap<&str, Vec<RuleInfo<'_>>> = BTreeMap::new();
    for rule in &rules {
        categories.entry(rule.category()).or_default().push(*rule);
    }
    let mut pages = BTreeMap::new();
    for (category, rules) in &mut categories {
        rules.sort_by_key(|r| (std::cmp::Reverse(r.level()), r.id()));
        pages.insert(format!("rules/{category}.md"), category_page(category, rules)?);
    }
    pages.insert("RULES.md".to_owned(), index(classifier.rules().attack_version(), &rules, &categories)?);
    Ok(pages)
}

fn index(
    version: &str,
    rules: &[RuleInfo<'_>],
    categories: &BTreeMap<&str, Vec<RuleInfo<'_>>>,
) -> Result<String> {
    let mut out = String::from("# The built-in rules\n\n");
    writeln!(
        out,
        "{} rules in {} categories. This page and those of the categories are written by `shmon rules docs docs`; \
         `shmon rules show ID` shows one rule, and [the language](rules-language.md) how to write more.\n",
        rules.len(),
        categories.len()
    )?;
    out.push_str(
        "| category | rules | critical | high | medium | low |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (category, rules) in categories {
        let count = |level| rules.iter().filter(|r| r.level() == level).count();
        let [critical, high, medium, low] =
            [Level::Critical, Level::High, Level::Medium, Level::Low].map(count);
        writeln!(
            out,
            "| [{category}](rules/{category}.md) | {} | {critical} | {high} | {medium} | {low} |",
            rules.len()
        )?;
    }
    matrix(&mut out, version, rules)?;
    Ok(out)
}

/// A technique of the catalogue.
struct Technique {
    id: &'static str,
    tactics: &'static str,
    name: &'static str,
    later: &'static str,
}

fn catalogue() -> impl Iterator<Item = Technique> {
    CATALOGUE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        let (id, tactics, name) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Technique { id, tactics, name, later: fields.next().unwrap_or("") })
    })
}

fn matrix(out: &mut String, version: &str, rules: &[RuleInfo<'_>]) -> Result<()> {
    let mut by_technique: BTreeMap<&str, Vec<&RuleInfo<'_>>> = BTreeMap::new();
    for rule in rules {
        for id in rule.attack() {
            by_technique.entry(id).or_default().push(rule);
        }
    }
    let below = |id: &str| {
        let sub = format!("{id}.");
        by_technique.keys().filter(|k| k.starts_with(&sub)).count()
    };
    let all: Vec<Technique> = catalogue().collect();
    let covered = all.iter().filter(|t| by_technique.contains_key(t.id) || below(t.id) > 0).count();
    writeln!(
        out,
        "\n## ATT&CK for Linux and containers\n\nVersion {version} of [MITRE ATT&CK](https://attack.mitre.org/). {covered} of {} \
         techniques and sub-techniques are found by some rule, in a form that leaves a command. Those without a rule happen mostly \
         outside of a shell (phishing, exploits, hardware), or can't be told from daily work by their command. The tables are an index \
         of that version's ids for hosts with Linux, with titles in this project's words; what a technique is stands behind its link.\n",
        all.len()
    )?;
    for (key, tactic) in TACTICS {
        let within: Vec<&Technique> = all.iter().filter(|t| t.tactics.split(',').any(|k| k == key)).collect();
        writeln!(out, "### {tactic}\n\n| technique | | rules |\n| --- | --- | --- |")?;
        for technique in within {
            let named = by_technique.get(technique.id);
            let found = match named {
                Some(rules) => linked(rules),
                None if below(technique.id) > 0 => "by its sub-techniques".to_owned(),
                None => "—".to_owned(),
            };
            let later = if technique.later.is_empty() {
                String::new()
            } else {
                format!(" ({} later)", technique.later)
            };
            writeln!(
                out,
                "| [{0}]({1}){later} | {2} | {found} |",
                technique.id,
                url(technique.id),
                technique.name
            )?;
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    Ok(())
}

/// The first rules by level, linked, and how many more there are.
fn linked(rules: &[&RuleInfo<'_>]) -> String {
    let mut rules = rules.to_vec();
    rules.sort_by_key(|r| (std::cmp::Reverse(r.level()), r.id()));
    let shown: Vec<String> = rules.iter().take(3).map(|r| link(r, "rules/")).collect();
    match rules.len().checked_sub(3) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

fn link(rule: &RuleInfo<'_>, folder: &str) -> String {
    format!("[{0}]({folder}{1}.md#{2})", rule.id(), rule.category(), rule.id().replace('.', ""))
}

fn url(technique: &str) -> String {
    format!("https://attack.mitre.org/techniques/{}/", technique.replace('.', "/"))
}

fn category_page(category: &str, rules: &[RuleInfo<'_>]) -> Result<String> {
    let mut out =
        format!("# {category}\n\n{} rules, the gravest first. [All categories](../RULES.md)\n", rules.len());
    for rule in rules {
        writeln!(out, "\n## {}\n\n**{}** · {}\n", rule.id(), rule.level(), both(&rule.title()))?;
        writeln!(out, "{}\n", both(&rule.reason()))?;
        let attack: Vec<String> = rule.attack().map(|id| format!("[{id}]({})", url(id))).collect();
        if !attack.is_empty() {
            writeln!(out, "- ATT&CK: {}", attack.join(", "))?;
        }
        if rule.is_experimental() {
            out.push_str("- Experimental: at most medium.\n");
        }
        for (what, examples) in
            [("Found", rule.hits().collect::<Vec<_>>()), ("Not found", rule.misses().collect())]
        {
            let examples: Vec<String> = examples.into_iter().map(code).collect();
            writeln!(out, "- {what}: {}", examples.join(", "))?;
        }
        if let Some(alternative) = rule.alternative() {
            writeln!(out, "- Instead: {}", both(&alternative))?;
        }
        let harmless: Vec<String> = rule.false_positives().map(|t| both(&t)).collect();
        if !harmless.is_empty() {
            writeln!(out, "- Harmless: {}", harmless.join("; "))?;
        }
    }
    Ok(out)
}

fn both(text: &Text) -> String {
    match &text.ja {
        Some(ja) => format!("{} / {ja}", text.en),
        None => text.en.clone(),
    }
}

/// A command as code: on one line, in more backquotes than it holds side by side.
fn code(command: &str) -> String {
    let command = text::visible(command);
    let (mut longest, mut run) = (0, 0);
    for c in command.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || command.starts_with(' ') { " " } else { "" };
    format!("{fence}{pad}{command}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_technique_of_a_rule_is_in_the_catalogue() {
        let known: BTreeSet<&str> =
            catalogue().flat_map(|t| [t.id, t.later]).filter(|id| !id.is_empty()).collect();
        let classifier = Classifier::builtin();
        for rule in classifier.rules().rules() {
            for id in rule.attack() {
                assert!(known.contains(id), "{}: {id} is no technique for Linux or containers", rule.id());
            }
        }
        for technique in catalogue() {
            for tactic in technique.tactics.split(',') {
                assert!(TACTICS.iter().any(|(key, _)| *key == tactic), "{}: {tactic}", technique.id);
            }
        }
    }

    #[test]
    fn commands_are_quoted_whatever_they_hold() {
        assert_eq!(code("rm x"), "`rm x`");
        assert_eq!(code("echo `id`"), "`` echo `id` ``");
        assert_eq!(code("a\nb"), "`a\\nb`");
    }
}
