//! A bar on the terminal for what takes a while.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Drawn on standard error where that is a terminal; taken away when dropped.
pub(crate) struct Bar {
    shown: bool,
    drawn: Option<Instant>,
}

impl Bar {
    pub(crate) fn new() -> Bar {
        Bar { shown: std::io::stderr().is_terminal(), drawn: None }
    }

    /// Draws, at most some times a second and always at the end.
    pub(crate) fn show(&mut self, done: u64, total: u64) {
        let soon = self.drawn.is_some_and(|drawn| drawn.elapsed() < Duration::from_millis(50));
        if !self.shown || (soon && done < total) {
            return;
        }
        self.drawn = Some(Instant::now());
        let filled = usize::try_from((done.min(total) * 30).checked_div(total).unwrap_or(30)).unwrap_or(30);
        let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
        let _ = write!(std::io::stderr(), "\r[{:<30}] {percent:>3} %  {done} of {total}", "█".repeat(filled));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
