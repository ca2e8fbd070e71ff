//! What the subcommands that read the record share: their filters, opening it, and a row as a line.

use crate::context::Globals;
use crate::output;
use crate::when::When;
use anyhow::{Context as _, Result};
use shmon_core::config::Config;
use shmon_core::store::{Query, Row, Store, StoreOptions};
use shmon_core::text::visible;
use shmon_core::{ErrorKind, Lang, Level};
use std::io::{IsTerminal as _, Write};

/// Which rows.
#[derive(clap::Args, Debug, Clone, Default)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// This level alone: low, medium, high or critical
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// This level and those above
    #[arg(long, value_name = "LEVEL", conflicts_with = "level")]
    min_level: Option<Level>,
    /// Commands of this login name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Commands of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Commands on this host
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Commands typed in this folder or below it
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
    /// From then on: '2 hours ago', yesterday, 2025-06-28, '2025-06-28 08:50'
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Commands that hold this text, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Commands that this rule matched: an id, or its beginning, such as destruction
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Commands with this exit status
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    exit: Option<i32>,
    /// Commands that ended with a status other than 0
    #[arg(long)]
    failed: bool,
    /// Leave out excluded commands (ls, cd, …)
    #[arg(long)]
    no_excluded: bool,
    /// Rows with a smaller ID
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Rows with a greater ID
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
    /// The next page: rows that come after the row with this ID
    #[arg(long, value_name = "ID")]
    page_after: Option<i64>,
}

impl Filter {
    pub(crate) fn query(&self) -> Query {
        let mut query = Query::new();
        query.level = self.level;
        query.min_level = self.min_level;
        query.user.clone_from(&self.user);
        query.session.clone_from(&self.session);
        query.host.clone_from(&self.host);
        query.directory.clone_from(&self.dir);
        query.since = self.since.map(|when| when.0);
        query.until = self.until.map(|when| when.0);
        query.text.clone_from(&self.text);
        query.rule.clone_from(&self.rule);
        query.exit_status = self.exit;
        query.failed = self.failed;
        query.hide_excluded = self.no_excluded;
        query.before_id = self.before;
        query.after_id = self.after;
        query.page_after = self.page_after;
        query
    }
}

/// What was given itself where it has lines, otherwise what is in the file of that name.
pub(crate) fn text_or_file(given: String, what: &str) -> Result<String> {
    if given.contains('\n') {
        return Ok(given);
    }
    std::fs::read_to_string(&given).with_context(|| format!("cannot read the {what} {given}"))
}

/// Opens the record for reading; one that an older system made is brought up to date first.
pub(crate) fn open(globals: &Globals, config: &Config) -> Result<Store> {
    let path = globals.home()?.database(config);
    match Store::open_read(&path) {
        Err(error) if error.kind() == ErrorKind::OldVersion => open_write(globals, config),
        other => Ok(other?),
    }
}

/// Opens the record for writing, and says what happened to it meanwhile.
pub(crate) fn open_write(globals: &Globals, config: &Config) -> Result<Store> {
    let path = globals.home()?.database(config);
    let options = StoreOptions::of(config);
    let mut store = Store::open(&path, options)?;
    for notice in store.take_notices() {
        eprintln!("shmon: {notice}");
    }
    Ok(store)
}

/// Writes rows as lines for people.
pub(crate) struct Table<W: Write> {
    pub(crate) out: W,
    lang: Lang,
    colour: bool,
    /// Columns of the terminal; `None` where the whole command is printed.
    width: Option<usize>,
    reveal: bool,
}

impl<W: Write> Table<W> {
    pub(crate) fn new(out: W, lang: Lang, reveal: bool) -> Self {
        let width = std::io::stdout()
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok())
            .flatten()
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns >= 40);
        Table { out, lang, colour: output::colour(), width, reveal }
    }

    pub(crate) fn heading(&mut self) -> Result<()> {
        let [id, time, level, user, status, command] = match self.lang {
            Lang::En => ["ID", "TIME", "LEVEL", "USER", "EXIT", "COMMAND"],
            Lang::Ja => ["ID", "時刻", "レベル", "ユーザー", "終了", "コマンド"],
        };
        let (time, level, user) = (padded(time, 19), padded(level, 8), padded(user, 10));
        writeln!(self.out, "{id:>7}  {time}  {level}  {user}  {}  {command}", padded(status, 4))?;
        Ok(())
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<()> {
        let (on, off) = if self.colour { (output::level_colour(row.level), "\x1b[0m") } else { ("", "") };
        let level = padded(row.level.label(self.lang), 8);
        let user = padded(&visible(&row.user), 10);
        let status = row.exit_status.map_or("-".to_owned(), |status| status.to_string());
        let before = format!("{:>7}  {}  ", row.id, row.execution_time);
        let after = format!("  {user}  {status:>4}  ");
        let command = if self.reveal {
            String::from_utf8_lossy(&row.command).into_owned()
        } else {
            row.shown().into_owned()
        };
        let mut command = visible(&command).into_owned();
        if let Some(width) = self.width {
            let used = unicode_width::UnicodeWidthStr::width(before.as_str())
                + 8
                + unicode_width::UnicodeWidthStr::width(after.as_str());
            command = cut(&command, width.saturating_sub(used).max(16));
        }
        writeln!(self.out, "{before}{on}{level}{off}{after}{command}")?;
        Ok(())
    }
}

/// The text with spaces after it up to `columns` on a terminal (a Japanese character takes two).
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let width = unicode_width::UnicodeWidthStr::width(text);
    format!("{text}{}", " ".repeat(columns.saturating_sub(width)))
}

/// The text, cut to `columns` on a terminal.
fn cut(text: &str, columns: usize) -> String {
    use unicode_width::UnicodeWidthChar as _;
    if unicode_width::UnicodeWidthStr::width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_is_cut_and_padded_by_columns_not_characters() {
        assert_eq!(super::cut("削除コマンド", 7), "削除コ…");
        assert_eq!(super::cut("削除", 4), "削除");
        assert_eq!(super::padded("重大", 8), "重大    ");
    }
}
