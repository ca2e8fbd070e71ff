//! `shmon explain`: what would run, how it was reached, and why it is rated as it is.

use crate::context::Globals;
use crate::output;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use shmon_core::shell::{self, Analysis, Span};
use shmon_core::{Context, Lang, Scratch, text};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

/// Show what a command would run, and why it has its level
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon explain 'echo cm0gLXJmIC8= | base64 -d | sh'\n  \
    shmon explain --format json \"$cmd\"")]
pub(crate) struct Args {
    /// The command
    command: OsString,
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let lang = globals.lang(&config);
    let classifier = globals.classifier(&config)?;
    let command = args.command.as_bytes();
    let verdict = classifier.classify_with(command, &Context::default(), &mut Scratch::default());
    let mut analysis = Analysis::new();
    shell::analyze(command, Context::default().dialect, &mut analysis);
    let mut out = std::io::stdout().lock();
    if args.format == Format::Json {
        let mut object = super::classify::to_json(command, &verdict, lang, true, Map::new());
        let signs = analysis.obfuscations().iter().map(|o| json!({"kind": o.kind, "span": o.span}));
        object.insert("obfuscations".to_owned(), signs.collect::<Value>());
        writeln!(out, "{}", serde_json::to_string_pretty(&object)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let label = |en: &'static str, ja: &'static str| if lang == Lang::Ja { ja } else { en };
    let colour = output::colour();
    let (on, off) = if colour { (output::level_colour(verdict.level), "\x1b[0m") } else { ("", "") };
    writeln!(out, "{on}{}{off}", verdict.level.label(lang))?;
    for invocation in &verdict.invocations {
        if invocation.argv.is_empty() {
            continue;
        }
        underline(&mut out, command, invocation.span)?;
        let argv: Vec<String> = invocation.argv.iter().map(|word| text::visible(word).into_owned()).collect();
        writeln!(out, "    {}: {}", label("runs", "実行"), argv.join(" "))?;
        if !invocation.via.is_empty() {
            writeln!(out, "    {}: {}", label("through", "経路"), invocation.via.join(" > "))?;
        }
        for finding in
            verdict.findings.iter().filter(|f| f.argv == invocation.argv && f.span == invocation.span)
        {
            writeln!(out, "    {}: {} {}", finding.level.label(lang), finding.rule, finding.title.get(lang))?;
        }
    }
    for finding in verdict.findings.iter().filter(|f| f.argv.is_empty()) {
        underline(&mut out, command, finding.span)?;
        writeln!(out, "    {}: {} {}", finding.level.label(lang), finding.rule, finding.title.get(lang))?;
    }
    for sign in analysis.obfuscations() {
        underline(&mut out, command, sign.span)?;
        writeln!(out, "    {}: {}", label("hidden by", "隠蔽"), sign.kind)?;
    }
    for issue in analysis.issues() {
        underline(&mut out, command, issue.span)?;
        writeln!(out, "    {}: {}", label("unresolved", "未解決"), issue.kind.as_str())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The line in which the span starts, with the span marked below it.
fn underline(out: &mut impl Write, command: &[u8], span: Span) -> std::io::Result<()> {
    let start = (span.start as usize).min(command.len());
    let end = (span.end as usize).clamp(start, command.len());
    let line_start = command[..start].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    let line_end = command[start..].iter().position(|&b| b == b'\n').map_or(command.len(), |at| start + at);
    let shown = |range: &[u8]| text::visible(&String::from_utf8_lossy(range)).into_owned();
    let before = shown(&command[line_start..start]);
    let marked = shown(&command[start..end.min(line_end)]);
    let after = shown(&command[end.min(line_end)..line_end]);
    writeln!(out, "  {before}{marked}{after}")?;
    writeln!(out, "  {}{}", " ".repeat(width(&before)), "^".repeat(width(&marked).max(1)))
}

/// Columns on a terminal, near enough: wide for East Asian letters.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| if matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{ffe6}') { 2 } else { 1 })
        .sum()
}
