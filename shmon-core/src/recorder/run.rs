//! A recorder's own life: one that was killed is noticed by the next.

use super::folders::boot;
use super::noticed;
use crate::config::Home;
use crate::record::Event;
use crate::{Error, Result, time};
use std::path::PathBuf;

/// Says that a recorder runs, until it ends.
#[derive(Debug)]
pub struct Run {
    path: PathBuf,
}

impl Run {
    /// Begins; the event tells of a recorder that began before and did not end.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file in the home's `state` can't be written.
    pub fn begin(home: &Home) -> Result<(Run, Option<Event>)> {
        let path = home.state_dir().join("recorder");
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let (boot, now) = (boot(), time::now());
        std::fs::write(&path, format!("{} {boot} {now}\n", std::process::id()))
            .map_err(|e| Error::io("write that the recorder runs", &path, e))?;
        Ok((Run { path }, ended(before.trim(), &boot, now)))
    }

    /// Ends as it should.
    pub fn end(self) {
        // What stays behind is noticed as a recorder that was killed: rather once too often than never.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What a recorder left behind: `PID BOOT TIME`.
fn ended(before: &str, boot: &str, now: i64) -> Option<Event> {
    let mut words = before.split(' ');
    let pid = words.next().filter(|pid| !pid.is_empty())?;
    let (then, since) = (words.next()?, words.next()?);
    let since = since.parse().map_or_else(|_| "a time unknown".to_owned(), time::local);
    // The machine that went down under a recorder is another matter than a recorder that was killed.
    Some(if then == boot {
        let detail =
            format!("the recorder {pid}, which ran since {since}, was killed; what shells wrote was kept");
        noticed(&format!("{before}:killed"), "recorder-killed", &detail, now)
    } else {
        let detail = format!("the host went down under the recorder that ran since {since}");
        noticed(&format!("{before}:down"), "recorder-down", &detail, now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_recorder_notices_one_that_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        std::fs::create_dir(home.state_dir()).unwrap();
        let (first, event) = Run::begin(&home).unwrap();
        assert_eq!(event, None);
        drop(first);
        let (second, event) = Run::begin(&home).unwrap();
        let text = String::from_utf8(event.unwrap().command).unwrap();
        assert!(text.starts_with("shmon notice recorder-killed 'the recorder "), "{text}");
        second.end();
        assert_eq!(Run::begin(&home).unwrap().1, None);
        std::fs::write(home.state_dir().join("recorder"), "7 another-boot 5\n").unwrap();
        let text = String::from_utf8(Run::begin(&home).unwrap().1.unwrap().command).unwrap();
        assert!(text.starts_with("shmon notice recorder-down "), "{text}");
    }
}
