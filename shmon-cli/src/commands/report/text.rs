//! The report for a mail or a ticket: plain text or Markdown.

use super::page::Page;
use anyhow::Result;
use shmon_core::store::{Count, Row, Session, Stats};
use shmon_core::text::visible;
use shmon_core::{Lang, Level, time};
use std::io::Write;

/// Writes it.
pub(super) struct Writer<W: Write> {
    pub(super) out: W,
    pub(super) markdown: bool,
    pub(super) lang: Lang,
}

impl<W: Write> Writer<W> {
    fn say(&self, en: &'static str, ja: &'static str) -> &'static str {
        super::say(self.lang, en, ja)
    }

    pub(super) fn page(&mut self, name: &str, page: &Page) -> Result<()> {
        let heading = format!("{name}: {} {}", self.say("report for", "レポート"), page.title);
        if self.markdown {
            writeln!(self.out, "# {}", escaped(&heading))?;
        } else {
            writeln!(
                self.out,
                "{heading}\n{}",
                "=".repeat(unicode_width::UnicodeWidthStr::width(heading.as_str()))
            )?;
        }
        self.numbers(page)?;
        self.verification(page)?;
        self.alerts(&page.alerts)?;
        self.counts(self.say("Rules", "検知ルール"), &page.stats.rules)?;
        self.counts(self.say("Users", "ユーザー別"), &page.stats.users)?;
        self.sessions(&page.sessions)?;
        if let Some(checkpoint) = &page.checkpoint {
            self.section(self.say("Newest checkpoint", "最新チェックポイント"))?;
            let fence = if self.markdown { "```\n" } else { "" };
            write!(self.out, "{fence}{checkpoint}{fence}")?;
        }
        Ok(())
    }

    fn section(&mut self, title: &str) -> Result<()> {
        if self.markdown {
            writeln!(self.out, "\n## {title}\n")?;
        } else {
            writeln!(self.out, "\n{title}")?;
        }
        Ok(())
    }

    fn item(&mut self, text: &str) -> Result<()> {
        writeln!(self.out, "{}{text}", if self.markdown { "- " } else { "  " })?;
        Ok(())
    }

    /// Numbers of this time, with what they were in the time before.
    fn numbers(&mut self, page: &Page) -> Result<()> {
        self.section(self.say("Commands (before)", "コマンド数(前期間)"))?;
        let of = |stats: &Stats, level: Level| super::page::of_level(stats, level);
        let all = self.say("all", "合計");
        self.item(&format!("{all}: {} ({})", page.stats.total, page.before.total))?;
        for level in Level::ALL.into_iter().rev() {
            let text = format!(
                "{}: {} ({})",
                level.label(self.lang),
                of(&page.stats, level),
                of(&page.before, level)
            );
            self.item(&text)?;
        }
        let failed = self.say("ended with an error", "異常終了");
        self.item(&format!("{failed}: {}", page.failed))
    }

    fn verification(&mut self, page: &Page) -> Result<()> {
        let Some(report) = &page.verified else { return Ok(()) };
        self.section(self.say("Verification", "検証"))?;
        for line in super::page::verification(report, self.lang) {
            let line = if self.markdown { escaped(&line) } else { line };
            self.item(&line)?;
        }
        Ok(())
    }

    fn alerts(&mut self, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.section(self.say("Dangerous commands", "危険なコマンド"))?;
        for row in rows {
            let command = visible(&row.shown()).into_owned();
            let command = if self.markdown { code(&command) } else { command };
            let rule = row.rules.first().map_or("-", String::as_str);
            let user = visible(&row.user).into_owned();
            let user = if self.markdown { escaped(&user) } else { user };
            let level = row.level.label(self.lang);
            self.item(&format!("{} {level} {user} #{} {rule}: {command}", row.execution_time, row.id))?;
        }
        Ok(())
    }

    fn counts(&mut self, title: &str, counts: &[Count]) -> Result<()> {
        if counts.is_empty() {
            return Ok(());
        }
        self.section(title)?;
        let dangerous = self.say("dangerous", "件が危険");
        for count in counts {
            let name = visible(if count.name.is_empty() { "-" } else { &count.name }).into_owned();
            let name = if self.markdown { escaped(&name) } else { name };
            let high = if count.high > 0 { format!(", {} {dangerous}", count.high) } else { String::new() };
            self.item(&format!("{name}: {}{high}", count.count))?;
        }
        Ok(())
    }

    fn sessions(&mut self, sessions: &[Session]) -> Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        self.section(self.say("Sessions", "セッション"))?;
        let commands = self.say("commands", "コマンド");
        for s in sessions {
            let from = s.ssh_client.as_deref().unwrap_or("-");
            let who = format!(
                "{}@{} {} ({})",
                visible(&s.user),
                visible(&s.host),
                visible(&s.session_id),
                visible(from)
            );
            let who = if self.markdown { escaped(&who) } else { who };
            let (began, ended) = (time::local(s.started_at), time::local(s.last_at));
            let worst = s.worst.label(self.lang);
            self.item(&format!("{began} – {ended} {who}: {} {commands}, {worst}", s.commands()))?;
        }
        Ok(())
    }
}

/// Text in which Markdown sees nothing of its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' | '&' | '~' | '@') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A code span that the text can't end.
fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_command_cannot_leave_its_code_span() {
        assert_eq!(super::code("ls"), "`ls`");
        assert_eq!(super::code("echo `x` ``y``"), "``` echo `x` ``y`` ```");
        assert_eq!(super::escaped("a*b@c"), "a\\*b\\@c");
    }
}
