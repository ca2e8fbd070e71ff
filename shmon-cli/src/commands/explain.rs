//! `shmon explain`: the tree, what would run and how it was reached, which rules fired and which nearly did.

use super::classify::Object;
use crate::context::Globals;
use crate::output;
use anyhow::Result;
use clap::ValueEnum;
use serde_json::{Map, Value, json};
use shmon_core::shell::{Dialect, Span};
use shmon_core::verdict::InvocationInfo;
use shmon_core::{Context, Explanation, Lang, Level, text};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Show what a command would run, and why it has its level
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  shmon explain 'echo cm0gLXJmIC8= | base64 -d | sh'\n  \
    shmon explain --format json \"$cmd\"\n  shmon explain --shell fish 'set x rm; $x -rf /srv'")]
pub(crate) struct Args {
    /// The command
    command: OsString,
    /// Output: for people, or one JSON object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The shell whose grammar applies: bash, sh, zsh or fish
    #[arg(long, default_value = "bash")]
    shell: String,
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
    let mut context = Context::default();
    context.dialect = Dialect::of_shell(&args.shell);
    let explained = classifier.explain(command, &context);
    let mut out = Vec::new();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &to_json(command, &explained, lang)?)?;
            out.push(b'\n');
        }
        Format::Text => Page { out: &mut out, command, lang, colour: output::colour() }.write(&explained)?,
    }
    std::io::stdout().lock().write_all(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn to_json(command: &[u8], explained: &Explanation, lang: Lang) -> Result<Map<String, Value>> {
    let object =
        Object { command, verdict: &explained.verdict, lang, invocations: true, carried: &Map::new() };
    let Value::Object(mut object) = serde_json::to_value(object)? else { return Ok(Map::new()) };
    let signs = explained.obfuscations.iter().map(|o| json!({"kind": o.kind, "span": o.span}));
    object.insert("obfuscations".to_owned(), signs.collect());
    object.insert("tree".to_owned(), json!(explained.tree));
    let near = explained.near_misses.iter().map(|n| {
        json!({"rule": n.rule, "level": n.level, "title": n.title.get(lang), "invocation": n.invocation,
               "failed": n.failed})
    });
    object.insert("near_misses".to_owned(), near.collect());
    Ok(object)
}

/// The text for people.
struct Page<'a> {
    out: &'a mut Vec<u8>,
    command: &'a [u8],
    lang: Lang,
    colour: bool,
}

const DIM: &str = "\x1b[2m";
const BOLD: &str = "\x1b[1m";

impl Page<'_> {
    fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.lang == Lang::Ja { ja } else { en }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour { format!("{colour}{text}\x1b[0m") } else { text.to_owned() }
    }

    fn level(&self, level: Level) -> String {
        self.paint(output::level_colour(level), level.label(self.lang))
    }

    fn write(&mut self, explained: &Explanation) -> Result<()> {
        let verdict = &explained.verdict;
        let note = if verdict.excluded { self.say(" (excluded)", "（対象外）") } else { "" };
        let level = self.level(verdict.level);
        writeln!(self.out, "{level}{note}")?;
        self.heading("tree", "構文")?;
        for entry in &explained.tree {
            let indent = "  ".repeat(entry.depth.min(30) as usize + 1);
            let (_, marked, _) = self.line(entry.span);
            let kind = self.paint(DIM, entry.kind);
            writeln!(self.out, "{indent}{kind}  {}", shorten(&marked))?;
        }
        self.heading("programs", "実行されるプログラム")?;
        if verdict.invocations.is_empty() {
            writeln!(self.out, "  {}", self.say("none", "なし"))?;
        }
        for (index, invocation) in verdict.invocations.iter().enumerate() {
            if invocation.argv.is_empty() {
                continue;
            }
            // A loop's values: two, and how many more there are.
            let alike = |other: &InvocationInfo| {
                (other.span, other.argv.len(), &other.via, other.argv.first())
                    == (invocation.span, invocation.argv.len(), &invocation.via, invocation.argv.first())
            };
            let place = verdict.invocations[..index].iter().filter(|other| alike(other)).count();
            if place >= 2 {
                if !verdict.invocations[index + 1..].iter().any(alike) {
                    let more = self.say("more of the same place", "同じ箇所からの残り");
                    writeln!(self.out, "    … {more}: {}", place - 1)?;
                }
                continue;
            }
            self.underline(invocation.span)?;
            let argv: Vec<String> = invocation.argv.iter().map(|word| quoted(word)).collect();
            let argv = self.paint(BOLD, &argv.join(" "));
            writeln!(self.out, "    {}: {argv}", self.say("runs", "実行"))?;
            if !invocation.via.is_empty() {
                writeln!(self.out, "    {}: {}", self.say("through", "経路"), invocation.via.join(" > "))?;
            }
            let own = verdict.findings.iter();
            for finding in own.filter(|f| f.argv == invocation.argv && f.span == invocation.span) {
                let rule = format!("{}{}", finding.rule, output::times(finding.count));
                self.finding(finding.level, &rule, finding.title.get(self.lang), &finding.attack)?;
            }
            for near in explained.near_misses.iter().filter(|n| n.invocation == index) {
                let (level, title) = (self.level(near.level), near.title.get(self.lang));
                let nearly = self.say("nearly", "あと一歩");
                let lacks = self.say("fails", "不成立");
                writeln!(self.out, "    {nearly}: {level} {} {title}", near.rule)?;
                let failed = text::visible(&near.failed).into_owned();
                writeln!(self.out, "      {lacks}: {}", shorten(&failed))?;
            }
        }
        let whole: Vec<_> = verdict.findings.iter().filter(|f| f.argv.is_empty()).collect();
        if !whole.is_empty() {
            self.heading("rules about the whole", "全体に対する規則")?;
            for finding in whole {
                self.underline(finding.span)?;
                self.finding(finding.level, &finding.rule, finding.title.get(self.lang), &finding.attack)?;
            }
        }
        if !explained.obfuscations.is_empty() {
            self.heading("signs of hiding", "隠蔽の兆候")?;
            for sign in &explained.obfuscations {
                self.underline(sign.span)?;
                writeln!(self.out, "    {}", sign.kind)?;
            }
        }
        if !verdict.unresolved.is_empty() {
            self.heading("unresolved", "未解決")?;
            for issue in &verdict.unresolved {
                self.underline(issue.span)?;
                writeln!(self.out, "    {}", issue.reason)?;
            }
        }
        Ok(())
    }

    fn heading(&mut self, en: &'static str, ja: &'static str) -> Result<()> {
        let heading = self.paint(BOLD, self.say(en, ja));
        writeln!(self.out, "\n{heading}")?;
        Ok(())
    }

    fn finding(&mut self, level: Level, rule: &str, title: &str, attack: &[String]) -> Result<()> {
        let level = self.level(level);
        let attack = attack.join(" ");
        writeln!(self.out, "    {level}: {rule} {title} {attack}")?;
        Ok(())
    }

    /// The line in which the span starts, made visible: before the span, the span, after it.
    fn line(&self, span: Span) -> (String, String, String) {
        let start = (span.start as usize).min(self.command.len());
        let end = (span.end as usize).clamp(start, self.command.len());
        let from = self.command[..start].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let to = self.command[start..]
            .iter()
            .position(|&b| b == b'\n')
            .map_or(self.command.len(), |at| start + at);
        let shown = |range: &[u8]| text::visible(&String::from_utf8_lossy(range)).into_owned();
        let end = end.min(to);
        (shown(&self.command[from..start]), shown(&self.command[start..end]), shown(&self.command[end..to]))
    }

    /// The line with the span marked below it. Columns are those of a terminal: two for a wide letter.
    fn underline(&mut self, span: Span) -> Result<()> {
        let (before, marked, after) = self.line(span);
        let before = last_columns(&before);
        let marked = shorten(&marked);
        let after = first_columns(&after);
        let goes_on =
            self.command.get(span.start as usize..span.end as usize).unwrap_or(&[]).contains(&b'\n');
        let goes_on = if goes_on { " …" } else { "" };
        writeln!(self.out, "  {before}{marked}{after}{goes_on}")?;
        let marks = self.paint("\x1b[36m", &"^".repeat(marked.width().max(1)));
        writeln!(self.out, "  {}{marks}", " ".repeat(before.width()))?;
        Ok(())
    }
}

/// A word as a shell would take it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    let shown = text::visible(word);
    if !word.is_empty() && word.chars().all(plain) { shown.into_owned() } else { format!("'{shown}'") }
}

/// What is shown of a line beside its marked part, in columns: long lines are cut there.
const BESIDE: usize = 60;

fn last_columns(text: &str) -> String {
    if text.width() <= BESIDE {
        return text.to_owned();
    }
    let mut columns = 0;
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|c| {
            columns += c.width().unwrap_or(0);
            columns < BESIDE
        })
        .collect();
    std::iter::once('…').chain(tail.into_iter().rev()).collect()
}

fn first_columns(text: &str) -> String {
    if text.width() <= BESIDE {
        return text.to_owned();
    }
    let mut columns = 0;
    let head = text.chars().take_while(|c| {
        columns += c.width().unwrap_or(0);
        columns < BESIDE
    });
    head.chain(std::iter::once('…')).collect()
}

fn shorten(text: &str) -> String {
    const MOST: usize = 160;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_beside_the_marks() {
        let command = format!("echo {}; rm x; echo {}", "日".repeat(80), "y".repeat(200));
        let start = command.find("rm").unwrap();
        let mut out = Vec::new();
        let mut page = Page { out: &mut out, command: command.as_bytes(), lang: Lang::En, colour: false };
        page.underline(Span::new(start, start + 4)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (line, marks) = text.trim_end().split_once('\n').unwrap();
        assert!(line.starts_with("  …日") && line.ends_with("y…"), "{line}");
        assert!(line.width() <= 2 * BESIDE + 8, "{}", line.width());
        let at = line.find("rm x").unwrap();
        assert_eq!(marks, format!("{}^^^^", " ".repeat(line[..at].width())));
    }

    #[test]
    fn marks_stand_below_wide_letters_and_tabs() {
        let command = "echo 日本\t; rm x";
        let mut out = Vec::new();
        let start = command.find("rm").unwrap();
        let mut page = Page { out: &mut out, command: command.as_bytes(), lang: Lang::En, colour: false };
        page.underline(Span::new(start, command.len())).unwrap();
        let text = String::from_utf8(out).unwrap();
        let (line, marks) = text.trim_end().split_once('\n').unwrap();
        assert_eq!(line, "  echo 日本\\t; rm x");
        assert_eq!(marks, "               ^^^^");
    }
}
