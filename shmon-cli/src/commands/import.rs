//! `shmon import`: histories and logs of other programs, into the record.

use super::import_follow;
use crate::context::{Globals, user_home};
use crate::progress::Bar;
use crate::reading;
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use shmon_core::identity::Identity;
use shmon_core::import::{self, Owner, Source};
use std::path::PathBuf;
use std::process::ExitCode;

/// Bring a shell's history, another recorder's database or an audit log into the record
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  shmon import bash\n  shmon import zsh /home/ann/.zsh_history --user ann\n  \
    shmon import auditd --follow\n\n\
    Everything is classified; nobody is notified. A second import of the same file adds nothing, and of a file that has \
    grown only what is new.\nExit status: 0 imported, 1 nothing was new, 2 error, or some entries could not be read."
)]
pub(crate) struct Args {
    /// What kind of file it is
    #[arg(value_enum)]
    source: Kind,
    /// The file [default: where the program keeps it in your home; auditd: /var/log/audit/audit.log]
    file: Option<PathBuf>,
    /// Login name of the file's owner, where the file doesn't say it [default: yours]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Host that the file is from, where the file doesn't say it [default: this one]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// auditd: go on as the log is written, through its rotations, and notify like any command
    #[arg(long, conflicts_with = "user")]
    follow: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// `~/.bash_history`, with or without time stamps
    Bash,
    /// `~/.zsh_history`, plain or extended
    Zsh,
    /// `~/.local/share/fish/fish_history`
    Fish,
    /// `~/.local/share/atuin/history.db`
    Atuin,
    /// The monitor.db of the system before shmon
    Ticket,
    /// The kernel's audit log
    Auditd,
}

impl Kind {
    fn source(self) -> Source {
        match self {
            Kind::Bash => Source::Bash,
            Kind::Zsh => Source::Zsh,
            Kind::Fish => Source::Fish,
            Kind::Atuin => Source::Atuin,
            Kind::Ticket => Source::Ticket,
            Kind::Auditd => Source::Audit,
        }
    }

    /// Where the file usually is.
    fn usual(self) -> Result<PathBuf> {
        let below =
            |path: &str| user_home().map(|home| home.join(path)).context("no home folder: name the file");
        match self {
            Kind::Bash => below(".bash_history"),
            Kind::Zsh => below(".zsh_history"),
            Kind::Fish => below(".local/share/fish/fish_history"),
            Kind::Atuin => below(".local/share/atuin/history.db"),
            Kind::Auditd => Ok("/var/log/audit/audit.log".into()),
            Kind::Ticket => {
                anyhow::bail!("name the database's file: the record's own is brought up to date by itself")
            }
        }
    }
}

pub(crate) fn run(args: Args, globals: &Globals) -> Result<ExitCode> {
    let config = globals.config()?;
    let path = match args.file {
        Some(file) => file,
        None => args.source.usual()?,
    };
    let me = Identity::current();
    if args.follow {
        if !matches!(args.source, Kind::Auditd) {
            anyhow::bail!("--follow is for auditd: a shell's own commands are recorded by its hook");
        }
        return import_follow::run(&path, &args.host.unwrap_or(me.host), globals);
    }
    let owner = match args.user {
        Some(user) => Owner::new(user, None, args.host.unwrap_or(me.host)),
        None => Owner::new(me.user, Some(me.uid), args.host.unwrap_or(me.host)),
    };
    let classifier = config.classifier(&globals.home()?)?;
    let mut store = reading::open_write(globals, &config)?;
    let mut bar = Bar::new();
    let imported =
        import::import(args.source.source(), &path, &owner, &classifier, &mut store, &mut |done, total| {
            bar.show(done, total);
        });
    drop(bar);
    let imported = imported?;
    for error in &imported.errors {
        eprintln!("shmon: {error}");
    }
    let told = u64::try_from(imported.errors.len()).unwrap_or(0);
    if imported.bad > told {
        eprintln!("shmon: and {} more entries that can't be read", imported.bad - told);
    }
    println!(
        "{} commands imported, {} were there before, {} can't be read",
        imported.added, imported.known, imported.bad
    );
    Ok(ExitCode::from(match (imported.bad, imported.added) {
        (1.., _) => 2,
        (0, 0) => 1,
        _ => 0,
    }))
}
