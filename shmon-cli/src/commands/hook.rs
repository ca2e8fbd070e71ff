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
    shmon hook fish | source         in ~/.config/fish/config.fish\n  \
    shmon hook bash --block          the lines that `shmon init` adds to ~/.bashrc"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// Print the lines for the shell's start-up file instead, which read the hook from the home
    #[arg(long)]
    block: bool,
    /// For every user of this host: the recorder runs under its own account and isn't started by shells
    #[arg(long)]
    system: bool,
}

/// A shell that has a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// The name, as in `scripts/hook.NAME`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Shell::Bash => include_str!("../../shell/hook.bash"),
            Shell::Zsh => include_str!("../../shell/hook.zsh"),
            Shell::Fish => include_str!("../../shell/hook.fish"),
        }
    }
}

pub(crate) fn run(args: &Args, globals: &Globals) -> Result<ExitCode> {
    let home = if args.system { globals.system_home() } else { globals.home()? };
    let text = if args.block {
        let file = home.scripts_dir().join(format!("hook.{}", args.shell.name()));
        block(args.shell, &file)
    } else {
        let program = std::env::current_exe().context("where this program is")?;
        script(args.shell, &program, home.root(), args.system)
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The hook, for the program at `program` and the home at `home`; `system` where the home is the whole host's.
pub(crate) fn script(shell: Shell, program: &Path, home: &Path, system: bool) -> String {
    // A configuration that is wrong is told where it is read for itself.
    let config = Config::load(&Home::new(home).config()).unwrap_or_default();
    let durability = match config.store.durability {
        Durability::Normal => "normal",
        Durability::Full => "full",
    };
    shell
        .template()
        .replace("@SHMON@", &quote(shell, program.as_os_str()))
        .replace("@HOME@", &quote(shell, home.as_os_str()))
        .replace("@DURABILITY@", durability)
        .replace("@SYSTEM@", if system { "yes" } else { "no" })
        .replace("@PROGRAM@", if system { "''" } else { "\"$_shmon_bin\"" })
        .replace("@ACK@", &if config.capture.ack { config.capture.ack_wait_ms } else { 0 }.to_string())
}

/// What a bash without a prompt reads to record its command.
pub(crate) fn command(program: &Path, home: &Path, system: bool) -> String {
    include_str!("../../shell/command.bash")
        .replace("@SHMON@", &quote(Shell::Bash, program.as_os_str()))
        .replace("@HOME@", &quote(Shell::Bash, home.as_os_str()))
        .replace("@SYSTEM@", if system { "yes" } else { "no" })
}

/// The lines for the shell's start-up file: they read the hook from `file`, and do nothing when it is gone.
///
/// In `~/.bashrc` they belong at the end, so that traps and prompts set before are found; what is set later is found too.
pub(crate) fn block(shell: Shell, file: &Path) -> String {
    let file = quote(shell, file.as_os_str());
    match shell {
        Shell::Bash | Shell::Zsh => format!("if [ -r {file} ]; then . {file}; fi\n"),
        Shell::Fish => format!("if status is-interactive; and test -r {file}\n    source {file}\nend\n"),
    }
}

/// A word of the shell: bytes that are no printable text are escaped.
fn quote(shell: Shell, text: &OsStr) -> String {
    let printable = text.to_str().filter(|text| !text.chars().any(char::is_control));
    let escaped = |each: &str| text.as_bytes().iter().fold(String::new(), |w, b| format!("{w}{each}{b:02x}"));
    match (shell, printable) {
        (Shell::Fish, Some(text)) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        (Shell::Fish, None) => escaped("\\X"),
        (_, Some(text)) => format!("'{}'", text.replace('\'', "'\\''")),
        (_, None) => format!("$'{}'", escaped("\\x")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        let (program, home) = (Path::new("/usr/bin/shmon"), Path::new("/home/o'brien/monitor"));
        for (shell, lines) in [
            (Shell::Bash, ["_shmon_bin='/usr/bin/shmon'\n", "_shmon_home='/home/o'\\''brien/monitor'\n"]),
            (Shell::Zsh, ["_shmon_bin='/usr/bin/shmon' ", "_shmon_home='/home/o'\\''brien/monitor' "]),
            (Shell::Fish, ["_shmon_bin '/usr/bin/shmon'\n", "_shmon_home '/home/o\\'brien/monitor'\n"]),
        ] {
            let text = script(shell, program, home, shell == Shell::Zsh);
            assert!(lines.iter().all(|line| text.contains(line)), "{shell:?}");
            assert!(
                !["@SHMON@", "@HOME@", "@DURABILITY@", "@ACK@", "@SYSTEM@", "@PROGRAM@"]
                    .iter()
                    .any(|mark| text.contains(mark)),
                "{shell:?}"
            );
        }
    }

    #[test]
    fn a_path_of_any_bytes_is_one_word() {
        let path = OsStr::from_bytes(b"/a\xff\n");
        assert_eq!(quote(Shell::Zsh, path), "$'\\x2f\\x61\\xff\\x0a'");
        assert_eq!(quote(Shell::Fish, path), "\\X2f\\X61\\Xff\\X0a");
        assert_eq!(quote(Shell::Fish, OsStr::new("/a\\b'c")), "'/a\\\\b\\'c'");
        assert_eq!(quote(Shell::Bash, OsStr::new("/a\\b'c")), "'/a\\b'\\''c'");
    }
}
