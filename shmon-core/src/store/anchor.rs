//! Checkpoints kept elsewhere: in the journal, in syslog (which goes on to another host), or in a file (on another
//! host's file system, or one that can only be appended to).

use super::{Notice, Store};
use crate::record::UnixNanos;
use crate::time;
use serde::Deserialize;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Where checkpoints are kept beside the record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum Anchor {
    /// The systemd journal, through this socket.
    Journald(PathBuf),
    /// The system's log daemon, through this socket.
    Syslog(PathBuf),
    /// A file that is appended to (made with mode 600).
    File(PathBuf),
}

impl TryFrom<String> for Anchor {
    type Error = String;

    /// `journald`, `syslog`, each also with `:SOCKET`, or `file:PATH`.
    fn try_from(text: String) -> Result<Anchor, String> {
        let (kind, path) =
            text.split_once(':').map_or((text.as_str(), None), |(kind, path)| (kind, Some(path)));
        let path = path.map(PathBuf::from).filter(|path| path.is_absolute());
        match (kind, path, text.contains(':')) {
            ("journald", None, false) => Ok(Anchor::Journald("/run/systemd/journal/socket".into())),
            ("syslog", None, false) => Ok(Anchor::Syslog("/dev/log".into())),
            ("journald", Some(socket), _) => Ok(Anchor::Journald(socket)),
            ("syslog", Some(socket), _) => Ok(Anchor::Syslog(socket)),
            ("file", Some(path), _) => Ok(Anchor::File(path)),
            _ => Err(format!(
                "'{text}' is no place for checkpoints: write journald, syslog, or file: and an absolute path"
            )),
        }
    }
}

impl Anchor {
    fn keep(&self, note: &str) -> std::io::Result<()> {
        match self {
            Anchor::Journald(socket) => {
                // The native protocol: a value with newlines comes after its length.
                let mut out = b"PRIORITY=6\nSYSLOG_IDENTIFIER=shmon\nMESSAGE\n".to_vec();
                out.extend((note.len() as u64).to_le_bytes());
                out.extend_from_slice(note.as_bytes());
                out.push(b'\n');
                UnixDatagram::unbound()?.send_to(&out, socket).map(drop)
            }
            Anchor::Syslog(socket) => {
                // authpriv.info; one line, as syslog has it.
                let line = format!("<86>shmon: {}", one_line(note));
                UnixDatagram::unbound()?.send_to(line.as_bytes(), socket).map(drop)
            }
            Anchor::File(path) => {
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                file.write_all(format!("{note}\n").as_bytes())?;
                file.sync_data()
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Anchor::Journald(path) => format!("journald ({})", path.display()),
            Anchor::Syslog(path) => format!("syslog ({})", path.display()),
            Anchor::File(path) => path.display().to_string(),
        }
    }
}

/// What stands between the lines of a note in a place that has only one line.
pub(super) const JOINT: &str = " ; ";

fn one_line(note: &str) -> String {
    note.lines().collect::<Vec<_>>().join(JOINT)
}

impl Store {
    /// Hands a checkpoint to the places of [`StoreOptions::anchors`](super::StoreOptions), where the last one that they
    /// got is old enough. A place that can't be reached is told of and gets the next one.
    pub(super) fn anchor(&mut self, note: &str) {
        if self.options.anchors.is_empty() {
            return;
        }
        let now: UnixNanos = time::now();
        let interval = UnixNanos::try_from(self.options.anchor_interval.as_nanos()).unwrap_or(UnixNanos::MAX);
        // In the database, because where no recorder runs every command has a process of its own.
        let sql = "SELECT value FROM meta WHERE name = 'anchored_at'";
        let last: Option<UnixNanos> = self.db.query_row(sql, [], |row| row.get(0)).ok();
        // A clock that was set back keeps no checkpoint here.
        if last.is_some_and(|at| now.checked_sub(at).is_some_and(|age| (0..interval).contains(&age))) {
            return;
        }
        // What isn't noted is only handed out once more.
        let _ = self.write("note the checkpoint's place", |tx| {
            tx.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('anchored_at', ?1)", [now])
        });
        for anchor in &self.options.anchors {
            if let Err(error) = anchor.keep(note) {
                let reason = format!("{}: {error}", anchor.name());
                let notice = Notice::NotAnchored { reason };
                if !self.notices.contains(&notice) {
                    self.notices.push(notice);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_in_the_configuration() {
        let read = |text: &str| Anchor::try_from(text.to_owned());
        assert_eq!(read("syslog"), Ok(Anchor::Syslog("/dev/log".into())));
        assert_eq!(read("journald:/x"), Ok(Anchor::Journald("/x".into())));
        assert_eq!(read("file:/mnt/far/shmon"), Ok(Anchor::File("/mnt/far/shmon".into())));
        for bad in ["", "file", "file:", "file:relative", "syslog:", "mail"] {
            assert!(read(bad).unwrap_err().contains("no place for checkpoints"), "{bad}");
        }
    }
}
