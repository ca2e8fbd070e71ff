//! What subcommands print: formats, colour, and the end of a pipe.

use shmon_core::Level;
use std::io::IsTerminal;

/// Whether the error is a reader that went away (`shmon log | head`): that is no error.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// Whether standard output takes colour: a terminal, and no `NO_COLOR`.
pub(crate) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// The ANSI sequence of a level; reset with `\x1b[0m`.
pub(crate) fn level_colour(level: Level) -> &'static str {
    match level {
        Level::Low => "\x1b[32m",
        Level::Medium => "\x1b[36m",
        Level::High => "\x1b[33m",
        Level::Critical => "\x1b[1;31m",
    }
}

/// ` ×254` after a rule that a loop's values made match so often; nothing after one that matched once.
pub(crate) fn times(count: u32) -> String {
    if count > 1 { format!(" ×{count}") } else { String::new() }
}
