//! The log file: the ticket's lines, one event a line, and no command can forge one.

use crate::config::LogConfig;
use crate::record::UnixNanos;
use crate::{Error, Level, Result, text, time};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A log file that several processes append to.
///
/// The file is opened for each append, so a file that `logrotate` moved away is made anew without a signal.
#[derive(Debug, Clone)]
pub struct LogFile {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
}

/// Lines to be appended together, in one write.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    text: String,
}

impl Lines {
    /// No lines yet.
    pub fn new() -> Self {
        Lines::default()
    }

    /// `[time] Command monitored: nmap -sV host (Risk: high, DB ID: 18)`; `command` is redacted by the caller.
    pub fn monitored(&mut self, time: UnixNanos, command: &str, level: Level, id: i64) {
        self.push(
            time,
            &format!("Command monitored: {} (Risk: {level}, DB ID: {id})", text::visible(command)),
        );
    }

    /// `[time] Command saved to database: ID 18`
    pub fn saved(&mut self, time: UnixNanos, id: i64) {
        self.push(time, &format!("Command saved to database: ID {id}"));
    }

    /// `[time] ChatWork notification sent: {"message_id":"…"}`; `sink` as people write it, `answer` what it said.
    pub fn notified(&mut self, time: UnixNanos, sink: &str, answer: &str) {
        self.push(time, &format!("{sink} notification sent: {}", text::visible(answer)));
    }

    /// `[time] WARNING: message`: something an administrator has to know.
    pub fn warning(&mut self, time: UnixNanos, message: &str) {
        self.push(time, &format!("WARNING: {}", text::visible(message)));
    }

    fn push(&mut self, time: UnixNanos, line: &str) {
        self.text.push('[');
        self.text.push_str(&time::local(time));
        self.text.push_str("] ");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The lines as they are written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl LogFile {
    /// The log at `path`; nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>, config: &LogConfig) -> Self {
        LogFile { path: path.into(), max_bytes: config.max_bytes, keep: config.keep }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines in one write; makes folder (0700) and file (0600) where they are missing, and rotates by size.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file.
    pub fn append(&self, lines: &Lines) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = self.open()?;
        if self.max_bytes > 0 && self.size(&file)? >= self.max_bytes {
            self.rotate(&file)?;
            file = self.open()?;
        }
        file.write_all(lines.text.as_bytes()).map_err(|e| Error::io("write the log", &self.path, e))
    }

    fn open(&self) -> Result<File> {
        let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        open()
            .or_else(|e| match (e.kind(), self.path.parent()) {
                (std::io::ErrorKind::NotFound, Some(folder)) => {
                    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                    open()
                }
                _ => Err(e),
            })
            .map_err(|e| Error::io("open the log", &self.path, e))
    }

    fn size(&self, file: &File) -> Result<u64> {
        Ok(file.metadata().map_err(|e| Error::io("read the log's size", &self.path, e))?.len())
    }

    /// Moves `log` to `log.1`, `log.1` to `log.2`, …; under a lock, so that of two processes only one does it.
    fn rotate(&self, file: &File) -> Result<()> {
        let fail = |e: std::io::Error| Error::io("rotate the log", &self.path, e);
        flock(file, FlockOperation::LockExclusive).map_err(|e| fail(e.into()))?;
        let ours = file.metadata().map_err(fail)?;
        match std::fs::metadata(&self.path) {
            Ok(now) if now.ino() == ours.ino() && now.dev() == ours.dev() => {}
            _ => return Ok(()),
        }
        for n in (1..self.keep).rev() {
            let (from, to) = (self.rotated(n), self.rotated(n + 1));
            match std::fs::rename(&from, &to) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
                _ => {}
            }
        }
        if self.keep == 0 {
            std::fs::remove_file(&self.path).map_err(fail)
        } else {
            std::fs::rename(&self.path, self.rotated(1)).map_err(fail)
        }
    }

    fn rotated(&self, n: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(max_bytes: u64, keep: u32) -> (tempfile::TempDir, LogFile) {
        let dir = tempfile::tempdir().unwrap();
        let config = LogConfig { path: None, max_bytes, keep };
        let log = LogFile::new(dir.path().join("logs/x.log"), &config);
        (dir, log)
    }

    fn line(command: &str) -> Lines {
        let mut lines = Lines::new();
        lines.monitored(0, command, Level::High, 7);
        lines
    }

    #[test]
    fn a_command_cannot_forge_a_line() {
        let (_dir, log) = log(0, 0);
        log.append(&line("x\n[2025-06-28 08:50:30] Command saved to database: ID 1\u{1b}[2J\u{2028}y\r"))
            .unwrap();
        let text = std::fs::read_to_string(log.path()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains(r"x\n[2025"), "{text}");
        assert!(text.ends_with("(Risk: high, DB ID: 7)\n"));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{2028}') && !text.contains('\r'));
    }

    #[test]
    fn files_are_private() {
        let (_dir, log) = log(0, 0);
        log.append(&line("x")).unwrap();
        assert_eq!(std::fs::metadata(log.path()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(log.path().parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn rotation_keeps_as_many_files_as_configured() {
        let (_dir, log) = log(100, 2);
        for n in 0..12 {
            log.append(&line(&format!("command {n}"))).unwrap();
        }
        let count = std::fs::read_dir(log.path().parent().unwrap()).unwrap().count();
        assert_eq!(count, 3, "the log and two rotated ones");
        assert!(std::fs::read_to_string(log.rotated(1)).unwrap().contains("command 9"));
    }

    #[test]
    fn a_moved_file_is_made_anew() {
        let (dir, log) = log(0, 0);
        log.append(&line("one")).unwrap();
        std::fs::rename(log.path(), dir.path().join("moved")).unwrap();
        log.append(&line("two")).unwrap();
        assert!(std::fs::read_to_string(log.path()).unwrap().contains("two"));
    }

    #[test]
    fn a_rotation_under_two_writers_loses_no_line() {
        let (_dir, log) = log(2000, 50);
        std::thread::scope(|scope| {
            for t in 0..4 {
                let log = &log;
                scope.spawn(move || {
                    for n in 0..100 {
                        log.append(&line(&format!("t{t} n{n} end"))).unwrap();
                    }
                });
            }
        });
        let folder = log.path().parent().unwrap();
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        for t in 0..4 {
            for n in 0..100 {
                assert!(text.contains(&format!("t{t} n{n} end")), "t{t} n{n}");
            }
        }
    }
}
