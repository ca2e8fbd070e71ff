//! `shmon rules`: shows, checks and makes rules.

use crate::commands::{rules_docs, sigma};
use crate::context::Globals;
use crate::output;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::json;
use shmon_core::rule::compiler::{Source, schema::RuleFile, source};
use shmon_core::rule::{RuleInfo, examples, lint};
use shmon_core::{Classifier, Lang, Level};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// List, show, check and make rules
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List the rules in force
    List {
        /// Only rules of this category
        #[arg(long, value_name = "NAME")]
        category: Option<String>,
        /// Only rules of this level and above
        #[arg(long, value_name = "LEVEL")]
        level: Option<Level>,
        /// Only rules for this ATT&CK technique (T1059 includes T1059.004)
        #[arg(long, value_name = "ID")]
        attack: Option<String>,
        /// One JSON object a rule
        #[arg(long)]
        json: bool,
    },
    /// Show all that is known about a rule
    Show {
        /// The rule's id
        id: String,
    },
    /// Report what is suspicious: rules that can't fire, add nothing, are asked for every command, lack examples
    Lint {
        /// Rule files [default: those of rules.d]
        files: Vec<PathBuf>,
    },
    /// Run the hits and near misses of rule files
    Test {
        /// Rule files [default: those of rules.d]
        files: Vec<PathBuf>,
    },
    /// Print a rule to begin with
    New {
        /// The rule's id: category.name
        id: String,
        /// The program that it is about
        #[arg(long, default_value = "example")]
        program: String,
        /// The level
        #[arg(long, default_value = "high")]
        level: Level,
    },
    /// Write the pages about the built-in rules and the ATT&CK matrix: RULES.md and a page a category
    Docs {
        /// The folder
        dir: PathBuf,
        /// Write nothing, and fail where a page is out of date
        #[arg(long)]
        check: bool,
    },
    /// Translate Sigma rules (linux, process_creation) and say what can't be expressed
    ImportSigma {
        /// YAML files, or folders of them
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    match args.action {
        Action::List { category, level, attack, json } => {
            let config = globals.config()?;
            let classifier = globals.classifier(&config)?;
            let wanted = |rule: &RuleInfo<'_>| {
                category.as_deref().is_none_or(|c| rule.category() == c)
                    && level.is_none_or(|l| rule.level() >= l)
                    && attack.as_deref().is_none_or(|id| {
                        rule.attack()
                            .any(|a| a == id || a.strip_prefix(id).is_some_and(|rest| rest.starts_with('.')))
                    })
            };
            list(classifier.rules().rules().filter(wanted), globals.lang(&config), json)
        }
        Action::Show { id } => {
            let config = globals.config()?;
            let classifier = globals.classifier(&config)?;
            match classifier.rules().rule(&id) {
                Some(rule) => show(&rule, globals.lang(&config)),
                None => {
                    eprintln!("shmon: no rule '{id}': `shmon rules list` shows all ids");
                    Ok(ExitCode::FAILURE)
                }
            }
        }
        Action::Lint { files } => {
            let (files, classifier) = load(&files, globals)?;
            let found = lint::lint(&files, &classifier);
            let mut out = std::io::stdout().lock();
            for problem in &found {
                writeln!(out, "{problem}")?;
            }
            let rules: usize = files.iter().map(|(_, f)| f.rule.len()).sum();
            writeln!(out, "{rules} rules, {} remarks", found.len())?;
            Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Action::Test { files } => {
            let (files, classifier) = load(&files, globals)?;
            let mut out = std::io::stdout().lock();
            let (mut rules, mut count, mut faults) = (0, 0, 0);
            for (source, file) in &files {
                let outcome = examples::run(&classifier, source, file);
                rules += outcome.rules;
                count += outcome.examples;
                faults += outcome.faults.len();
                for fault in &outcome.faults {
                    writeln!(out, "{fault}")?;
                }
            }
            writeln!(out, "{rules} rules, {count} examples, {faults} faults")?;
            Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Action::New { id, program, level } => {
            let text = template(&id, &program, level);
            // What is printed must compile: a wrong id is told now.
            Classifier::builder().rules_text("new rule", text.as_str()).build()?;
            write!(std::io::stdout().lock(), "{text}")?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Docs { dir, check } => rules_docs::run(&dir, check),
        Action::ImportSigma { files } => sigma::import(&files),
    }
}

fn list<'a>(rules: impl Iterator<Item = RuleInfo<'a>>, lang: Lang, json: bool) -> Result<ExitCode> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let colour = output::colour();
    let mut any = false;
    for rule in rules {
        any = true;
        let attack: Vec<&str> = rule.attack().collect();
        if json {
            let (file, line) = rule.place();
            let object = json!({"id": rule.id(), "level": rule.level(), "category": rule.category(),
                "title": rule.title(), "reason": rule.reason(), "attack": attack, "alternative": rule.alternative(),
                "false_positives": rule.false_positives().collect::<Vec<_>>(), "enabled": rule.is_enabled(),
                "builtin": rule.is_builtin(), "experimental": rule.is_experimental(),
                "hits": rule.hits().collect::<Vec<_>>(), "misses": rule.misses().collect::<Vec<_>>(),
                "file": file, "line": line});
            writeln!(out, "{object}")?;
            continue;
        }
        let (on, off) = if colour { (output::level_colour(rule.level()), "\x1b[0m") } else { ("", "") };
        let level = if rule.is_enabled() { rule.level().as_str() } else { "off" };
        let title = rule.title();
        writeln!(out, "{on}{level:<8}{off} {:<44} {} {}", rule.id(), title.get(lang), attack.join(" "))?;
    }
    out.flush()?;
    Ok(if any { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(rule: &RuleInfo<'_>, lang: Lang) -> Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let (title, reason) = (rule.title(), rule.reason());
    let state = match (rule.is_enabled(), rule.is_experimental(), lang) {
        (false, _, Lang::Ja) => "（無効）",
        (false, _, Lang::En) => " (switched off)",
        (true, true, Lang::Ja) => "（試行中）",
        (true, true, Lang::En) => " (experimental)",
        (true, false, _) => "",
    };
    let (file, line) = rule.place();
    writeln!(out, "{}  {}{state}", rule.id(), rule.level().label(lang))?;
    writeln!(out, "  {}", title.get(lang))?;
    if !reason.en.is_empty() {
        writeln!(out, "  {}", reason.get(lang))?;
    }
    if rule.attack().len() > 0 {
        writeln!(out, "  ATT&CK: {}", rule.attack().collect::<Vec<_>>().join(" "))?;
    }
    if let Some(alternative) = rule.alternative() {
        writeln!(out, "  → {}", alternative.get(lang))?;
    }
    let [harmless, found, missed] = match lang {
        Lang::Ja => ["無害な例", "検知する", "検知しない"],
        Lang::En => ["harmless", "found", "not found"],
    };
    for text in rule.false_positives() {
        writeln!(out, "  {harmless}: {}", text.get(lang))?;
    }
    for (name, examples) in [(found, rule.hits().collect::<Vec<_>>()), (missed, rule.misses().collect())] {
        for example in examples {
            writeln!(out, "  {name}: {}", shmon_core::text::visible(example))?;
        }
    }
    writeln!(out, "  {file}:{line}")?;
    Ok(ExitCode::SUCCESS)
}

/// The files (those of `rules.d` where none are named), and a classifier with them and the built-in rules.
fn load(named: &[PathBuf], globals: &Globals) -> Result<(Vec<(Source, RuleFile)>, Classifier)> {
    let mut paths = named.to_vec();
    if paths.is_empty() {
        let dir = globals.home()?.rules_dir();
        if !dir.is_dir() {
            bail!("{}: no such folder: name the rule files", dir.display());
        }
        paths.push(dir);
    }
    let mut builder = Classifier::builder();
    let mut files = Vec::new();
    for path in files_of(&paths, &["toml"])? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let source = Source { name: path.display().to_string(), text };
        let file = source::parse(&source).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        files.push((source, file));
        builder = builder.rules_path(path);
    }
    Ok((files, builder.build()?))
}

/// Files, and the files of folders that end so, in order of name.
pub(crate) fn files_of(paths: &[PathBuf], endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, endings, &mut all).with_context(|| path.display().to_string())?;
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

fn walk(dir: &Path, endings: &[&str], all: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, endings, all)?;
        } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e)) {
            all.push(path);
        }
    }
    Ok(())
}

fn template(id: &str, program: &str, level: Level) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nlevel = \"{level}\"\n\
         title = {{ en = \"What is done\", ja = \"何をするか\" }}\n\
         reason = {{ en = \"Why it is dangerous.\", ja = \"なぜ危険か。\" }}\n\
         attack = []\n\
         match = {{ program = \"{program}\", flags = [\"-x|--example\"] }}\n\
         hits = [\"{program} -x a\", \"{program} --example a\"]\n\
         misses = [\"{program} a\", \"echo {program} -x\"]\n"
    )
}
