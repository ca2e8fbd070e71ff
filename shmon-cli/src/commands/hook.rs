//! `shmon hook`: the code that a shell evaluates to be watched.
//!
//! `shmon init` writes [`script`] to `scripts/hook.SHELL` of the home, and [`block`] into the shell's start-up file: so no
//! process is started when a shell starts.

use crate::context::Globals;
use anyhow::{Context as _, Result};
use clap::ValueEnum;
use shmon_core::config::{Config, Durability, Home};
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

/// Print the hook that a shell evaluates
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  eval \"$(shmon hook bash)\"        in ~/.bashrc; `shmon init` does this without a process\n  \
    shmon hook bash --block          the lines that `shmon init` adds to ~/.bashrc"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// Print the lines for the shell's start-up file instead, which read the hook from the home
    #[arg(long)]
    block: bool,
}

/// A shell that has a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
}

impl Shell {
    /// The name, as in `scripts/hook.NAME`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("../../shell/hook.bash"),
        }
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = globals.home()?;
    let text = if args.block {
        let file = home.scripts_dir().join(format!("hook.{}", args.shell.name()));
        block(args.shell, &file)
    } else {
        let program = std::env::current_exe().context("where this program is")?;
        script(args.shell, &program, home.root())
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The hook, for the program at `program` and the home at `home`.
pub(crate) fn script(shell: Shell, program: &Path, home: &Path) -> String {
    // A configuration that is wrong is told where it is read for itself.
    let config = Config::load(&Home::new(home).config()).unwrap_or_default();
    let durability = match config.store.durability {
        Durability::Normal => "normal",
        Durability::Full => "full",
    };
    shell
        .template()
        .replace("@SHMON@", &quote(program.as_os_str()))
        .replace("@HOME@", &quote(home.as_os_str()))
        .replace("@DURABILITY@", durability)
}

/// The lines for the shell's start-up file: they read the hook from `file`, and do nothing when it is gone.
///
/// In `~/.bashrc` they belong at the end, so that traps and prompts set before are found; what is set later is found too.
pub(crate) fn block(shell: Shell, file: &Path) -> String {
    let file = quote(file.as_os_str());
    match shell {
        Shell::Bash => format!("if [ -r {file} ]; then . {file}; fi\n"),
    }
}

/// A word for bash, zsh and fish alike: bytes that are no printable text are escaped.
fn quote(text: &OsStr) -> String {
    match text.to_str() {
        Some(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "'\\''")),
        _ => {
            text.as_bytes().iter().fold(String::from("$'"), |word, byte| format!("{word}\\x{byte:02x}")) + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        let text = script(Shell::Bash, Path::new("/usr/bin/shmon"), Path::new("/home/o'brien/monitor"));
        assert!(text.contains("_shmon_bin='/usr/bin/shmon'\n"));
        assert!(text.contains("_shmon_home='/home/o'\\''brien/monitor'\n"));
        assert!(!text.contains("@SHMON@") && !text.contains("@HOME@") && !text.contains("@DURABILITY@"));
    }

    #[test]
    fn a_path_of_any_bytes_is_one_word() {
        assert_eq!(quote(OsStr::from_bytes(b"/a\xff\n")), "$'\\x2f\\x61\\xff\\x0a'");
    }
}
