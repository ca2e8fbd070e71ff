//! `shmon sessions`: who was at which terminal, when, and what became of it.

use crate::context::Globals;
use crate::output;
use crate::reading::{self, padded};
use crate::when::When;
use anyhow::Result;
use clap::ValueEnum;
use shmon_core::store::{Session, SessionQuery};
use shmon_core::text::visible;
use shmon_core::{Lang, Level, time};
use std::io::Write;
use std::process::ExitCode;

/// List the recorded sessions, the one that was active last first
#[derive(clap::Args)]
#[command(after_help = "Example:\n  shmon sessions --min-level high --since '1 week ago'\n\n\
    The next page: --page-after with the last session of this one. Exit status 1: there is none.")]
pub(crate) struct Args {
    /// Sessions of this login name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Sessions on this host
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Sessions at this terminal, such as pts/3
    #[arg(long, value_name = "NAME")]
    tty: Option<String>,
    /// Active then or later: '2 hours ago', yesterday, 2025-06-28
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Begun before then
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// With a command of this level or above
    #[arg(long, value_name = "LEVEL")]
    min_level: Option<Level>,
    /// Go on after this session
    #[arg(long, value_name = "SESSION")]
    page_after: Option<String>,
    /// How many at most; 0 shows all
    #[arg(short = 'n', long, default_value_t = 50)]
    limit: usize,
    /// Output: lines for people, or one JSON object a session
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Jsonl,
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let store = reading::open(globals, &config)?;
    let mut query = SessionQuery::new();
    query.user = args.user;
    query.host = args.host;
    query.tty = args.tty;
    query.since = args.since.map(|when| when.0);
    query.until = args.until.map(|when| when.0);
    query.min_level = args.min_level;
    query.page_after = args.page_after;
    query.limit = (args.limit != 0).then_some(args.limit);
    let sessions = store.sessions(&query)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.format == Format::Jsonl {
        for session in &sessions {
            serde_json::to_writer(&mut out, &session)?;
            writeln!(out)?;
        }
    } else if !sessions.is_empty() {
        table(&mut out, &sessions, globals.lang(&config))?;
    }
    out.flush()?;
    Ok(ExitCode::from(u8::from(sessions.is_empty())))
}

fn table(out: &mut impl Write, sessions: &[Session], lang: Lang) -> Result<()> {
    let heading = match lang {
        Lang::En => ["FROM", "TO", "USER", "HOST", "TTY", "COMMANDS", "MED", "HIGH", "CRIT", "SESSION"],
        Lang::Ja => {
            ["開始", "終了", "ユーザー", "ホスト", "端末", "コマンド", "中", "高", "重大", "セッション"]
        }
    };
    let widths = [19, 19, 10, 14, 8, 8, 5, 5, 5];
    let colour = output::colour();
    let mut line = |cells: [&str; 10], level: Option<Level>| -> Result<()> {
        for (cell, width) in cells.iter().zip(widths) {
            write!(out, "{}  ", padded(cell, width))?;
        }
        match level.filter(|level| colour && *level > Level::Low) {
            Some(level) => writeln!(out, "{}{}\x1b[0m", output::level_colour(level), cells[9])?,
            None => writeln!(out, "{}", cells[9])?,
        }
        Ok(())
    };
    line(heading, None)?;
    for s in sessions {
        let tty = s.tty.as_deref().unwrap_or("-");
        let [_, medium, high, critical] = s.counts.map(|n| n.to_string());
        line(
            [
                &time::local(s.started_at),
                &time::local(s.last_at),
                &visible(&s.user),
                &visible(&s.host),
                &visible(tty.trim_start_matches("/dev/")),
                &s.commands().to_string(),
                &medium,
                &high,
                &critical,
                &visible(&s.session_id),
            ],
            Some(s.worst),
        )?;
    }
    Ok(())
}
