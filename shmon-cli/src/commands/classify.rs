//! `shmon classify`: the contract that tools and benchmarks depend on.

use crate::bulk;
use crate::context::Globals;
use crate::output;
use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};
use shmon_core::shell::{Dialect, Span};
use shmon_core::{Classifier, Context, Finding, Lang, Scratch, Verdict, text};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Classify commands without recording them
#[derive(clap::Args, Debug, PartialEq, Eq)]
#[command(after_help = "Examples:\n  shmon classify 'rm -rf /tmp/x'\n  \
    history | cut -c8- | shmon classify --format jsonl\n  \
    printf '%s\\0' \"$cmd\" | shmon classify --null --format level")]
pub(crate) struct Args {
    /// Commands, each one argument; without any, they are read from standard input
    commands: Vec<OsString>,
    /// Output: for people, one JSON object a command, or the level alone
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Commands on standard input end with NUL instead of a newline
    #[arg(long, conflicts_with = "input")]
    null: bool,
    /// Form of standard input: lines, or JSON objects with a `command` key
    #[arg(long, value_enum, default_value_t = Input::Lines)]
    input: Input,
    /// Add the invocations to JSON output
    #[arg(long)]
    invocations: bool,
    /// The shell whose grammar applies: bash, sh, zsh or fish
    #[arg(long, default_value = "bash")]
    shell: String,
}

impl Args {
    /// The arguments of a plain call (`classify [--format FORMAT] COMMAND…`), read without clap: making the definitions that
    /// clap reads by takes longer than classifying. `None` for everything else, which clap reads.
    pub(crate) fn plain(words: &[OsString]) -> Option<Args> {
        let mut args = Args {
            commands: Vec::new(),
            format: Format::Text,
            null: false,
            input: Input::Lines,
            invocations: false,
            shell: "bash".to_owned(),
        };
        let mut format = None;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_bytes() {
                b"--format" if format.is_none() => {
                    format = Some(match words.next()?.as_bytes() {
                        b"text" => Format::Text,
                        b"jsonl" => Format::Jsonl,
                        b"level" => Format::Level,
                        _ => return None,
                    });
                }
                [b'-', ..] => return None,
                _ => args.commands.push(word.clone()),
            }
        }
        args.format = format.unwrap_or(args.format);
        Some(args)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
    Level,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Input {
    Lines,
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let mut answerer = Answerer {
        classifier: globals.classifier(&config)?,
        scratch: Scratch::default(),
        format: args.format,
        input: args.input,
        invocations: args.invocations,
        lang: globals.lang(&config),
        colour: output::colour(),
        dialect: Dialect::of_shell(&args.shell),
    };
    if args.commands.is_empty() {
        let end = if args.null { 0 } else { b'\n' };
        bulk::run(end, answerer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Vec::new();
    for command in &args.commands {
        answerer.answer(command.as_bytes(), Map::new(), &mut out)?;
    }
    std::io::stdout().lock().write_all(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the answer for one command.
struct Answerer {
    classifier: Classifier,
    scratch: Scratch,
    format: Format,
    input: Input,
    invocations: bool,
    lang: Lang,
    colour: bool,
    dialect: Dialect,
}

impl Clone for Answerer {
    fn clone(&self) -> Self {
        // Each thread has buffers of its own.
        Answerer { classifier: self.classifier.clone(), scratch: Scratch::default(), ..*self }
    }
}

impl bulk::Worker for Answerer {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match (self.input, self.format) {
            // A million times nothing is carried, and no map for it is dropped.
            (Input::Lines, Format::Level) => {
                self.level(line, out);
                return Ok(());
            }
            (Input::Lines, _) => return self.answer(line, Map::new(), out),
            (Input::Jsonl, _) => {}
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let mut object: Map<String, Value> = serde_json::from_slice(line).context("not a JSON object")?;
        let Some(Value::String(command)) = object.remove("command") else {
            bail!("no text under the key \"command\"");
        };
        self.answer(command.as_bytes(), object, out)
    }
}

impl Answerer {
    fn level(&mut self, command: &[u8], out: &mut Vec<u8>) {
        let mut context = Context::default();
        context.dialect = self.dialect;
        let level = self.classifier.level(command, &context, &mut self.scratch);
        out.extend_from_slice(level.as_str().as_bytes());
        out.push(b'\n');
    }

    fn answer(&mut self, command: &[u8], carried: Map<String, Value>, out: &mut Vec<u8>) -> Result<()> {
        if self.format == Format::Level {
            self.level(command, out);
            return Ok(());
        }
        let mut context = Context::default();
        context.dialect = self.dialect;
        let verdict = self.classifier.classify_into(command, &context, &mut self.scratch);
        let verdict = if self.invocations { verdict.to_verdict() } else { verdict.to_findings() };
        match self.format {
            Format::Jsonl => {
                let (verdict, carried) = (&verdict, &carried);
                let (lang, invocations) = (self.lang, self.invocations);
                let object = Object { command, verdict, lang, invocations, carried };
                serde_json::to_writer(&mut *out, &object)?;
                out.push(b'\n');
            }
            _ => self.text(command, &verdict, out)?,
        }
        Ok(())
    }

    fn text(&self, command: &[u8], verdict: &Verdict, out: &mut Vec<u8>) -> Result<()> {
        let (on, off) = if self.colour { (output::level_colour(verdict.level), "\x1b[0m") } else { ("", "") };
        let note = if verdict.excluded { " (excluded)" } else { "" };
        let command = String::from_utf8_lossy(command);
        let command = text::visible(&command);
        writeln!(out, "{on}{:<8}{off} {command}{note}", verdict.level.label(self.lang))?;
        for finding in &verdict.findings {
            let title = finding.title.get(self.lang);
            let attack = finding.attack.join(" ");
            let times = output::times(finding.count);
            writeln!(out, "         {} {}{times} — {title} {attack}", finding.level, finding.rule)?;
        }
        Ok(())
    }
}

/// What is printed of one verdict as JSON. Other keys of the input stand before ours and never replace them.
pub(crate) struct Object<'a> {
    pub(crate) command: &'a [u8],
    pub(crate) verdict: &'a Verdict,
    pub(crate) lang: Lang,
    /// Whether invocations are listed.
    pub(crate) invocations: bool,
    pub(crate) carried: &'a Map<String, Value>,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const KEYS: [&str; 9] = [
            "command",
            "excluded",
            "findings",
            "invocations",
            "level",
            "partial",
            "redacted",
            "sensitive",
            "unresolved",
        ];
        let verdict = self.verdict;
        let command = String::from_utf8_lossy(self.command);
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.carried.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("command", &command)?;
        map.serialize_entry("excluded", &verdict.excluded)?;
        map.serialize_entry("findings", &Findings(&verdict.findings, self.lang))?;
        if self.invocations {
            map.serialize_entry("invocations", &verdict.invocations)?;
        }
        map.serialize_entry("level", verdict.level.as_str())?;
        map.serialize_entry("partial", &verdict.partial)?;
        map.serialize_entry("redacted", verdict.redacted.as_deref().unwrap_or(&command))?;
        map.serialize_entry("sensitive", &verdict.sensitive)?;
        if verdict.partial {
            map.serialize_entry("unresolved", &verdict.unresolved)?;
        }
        map.end()
    }
}

/// Findings with their titles in one language, and without their reasons.
struct Findings<'a>(&'a [Finding], Lang);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct One<'a> {
            argv: &'a [String],
            attack: &'a [String],
            category: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            count: Option<u32>,
            level: &'a str,
            rule: &'a str,
            span: Span,
            title: &'a str,
            via: &'a [String],
        }
        serializer.collect_seq(self.0.iter().map(|f| One {
            argv: &f.argv,
            attack: &f.attack,
            category: &f.category,
            count: (f.count > 1).then_some(f.count),
            level: f.level.as_str(),
            rule: &f.rule,
            span: f.span,
            title: f.title.get(self.1),
            via: &f.via,
        }))
    }
}
