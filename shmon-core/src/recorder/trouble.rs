//! What keeps the recorder from recording, where shells look for it: they tell their users at the next prompt, once.
//!
//! While there is trouble, `run/awake` is gone, which every hook looks for at each command, and `run/trouble` stands there: the
//! recorder's process id (0 where it has ended), and what to tell. Both files are only renamed, and the text is written over what is
//! there, so that a full disk doesn't keep it from being told.

use crate::config::Home;
use crate::{Error, Result};
use std::fs::{File, Permissions};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// Bytes of the file, written before they are needed.
const SIZE: usize = 1024;

/// Tells shells whether the recorder records.
#[derive(Debug)]
pub struct Trouble {
    awake: PathBuf,
    asleep: PathBuf,
    told: PathBuf,
    prepared: PathBuf,
    spool: PathBuf,
    mode: u32,
    is_told: bool,
}

impl Trouble {
    /// Prepares the file; `shared` lets other users read it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when it can't be written: then trouble will not be told.
    pub fn prepare(home: &Home, shared: bool) -> Result<Trouble> {
        let run = home.run_dir();
        let mode = if shared { 0o644 } else { 0o600 };
        let trouble = Trouble {
            mode,
            awake: run.join("awake"),
            asleep: run.join("asleep"),
            told: run.join("trouble"),
            prepared: run.join("no-trouble"),
            spool: home.spool_dir(),
            is_told: false,
        };
        // What another recorder left: it is told again if it lasts, and in its file's own blocks.
        let _ = std::fs::rename(&trouble.told, &trouble.prepared);
        let failed = |e| Error::io("prepare to tell of trouble", &trouble.prepared, e);
        let file =
            File::options().create(true).truncate(false).write(true).mode(mode).open(&trouble.prepared);
        let file = file.map_err(failed)?;
        file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        file.write_all_at(&[b'\n'; SIZE], 0).map_err(failed)?;
        Ok(trouble)
    }

    /// The recorder runs and records: what shells look for, with its process id.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when the file can't be written.
    pub fn none(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_told) {
            let _ = std::fs::rename(&self.told, &self.prepared);
            if std::fs::rename(&self.asleep, &self.awake).is_ok() {
                return Ok(());
            }
        }
        // Not by the mode at its making, from which the umask would take.
        std::fs::write(&self.awake, format!("{}\n", std::process::id()))
            .and_then(|()| std::fs::set_permissions(&self.awake, Permissions::from_mode(self.mode)))
            .map_err(|e| Error::io("say that the recorder runs", &self.awake, e))
    }

    /// It runs and can't record; tried again, it says so again.
    pub fn tell(&mut self, why: &str) {
        self.write(std::process::id(), why);
        let _ = std::fs::rename(&self.awake, &self.asleep);
        self.is_told = true;
    }

    /// It ends because it can't record.
    pub fn tell_last(&mut self, why: &str) {
        self.write(0, why);
        self.end();
    }

    /// It ends: shells that write from now on start another.
    pub fn end(&self) {
        for file in [&self.awake, &self.asleep] {
            let _ = std::fs::remove_file(file);
        }
    }

    fn write(&self, pid: u32, why: &str) {
        let text = text(pid, &self.spool.display().to_string(), why);
        // Nothing is left to be done where even this fails.
        let _ = std::fs::rename(&self.told, &self.prepared);
        if let Ok(file) = File::options().write(true).open(&self.prepared)
            && file.write_all_at(&text, 0).is_ok()
        {
            let _ = std::fs::rename(&self.prepared, &self.told);
        }
    }
}

/// Process id and text in two lines, filled up with empty ones.
fn text(pid: u32, spool: &str, why: &str) -> Vec<u8> {
    let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut text = format!("{pid}\ncommands wait in {spool}, the recorder can't record them: {why}");
    while text.len() >= SIZE {
        text.pop();
    }
    let mut bytes = text.into_bytes();
    bytes.resize(SIZE, b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_and_goes_away_without_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        std::fs::create_dir(home.run_dir()).unwrap();
        let there = |name: &str| home.run_dir().join(name).exists();
        let mut trouble = Trouble::prepare(&home, false).unwrap();
        trouble.none().unwrap();
        assert!(there("awake") && !there("trouble"));
        for why in ["disk full\nshmon: forged", "disk full"] {
            trouble.tell(why);
            assert!(!there("awake") && there("trouble"));
            let text = std::fs::read_to_string(home.run_dir().join("trouble")).unwrap();
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some(std::process::id().to_string().as_str()));
            assert!(lines.next().unwrap().contains("disk full") && lines.all(str::is_empty));
        }
        trouble.none().unwrap();
        assert!(there("awake") && !there("trouble"));
        trouble.tell_last("gone");
        assert!(!there("awake") && there("trouble"));
        let mut next = Trouble::prepare(&home, false).unwrap();
        next.none().unwrap();
        assert!(there("awake") && !there("trouble"));
        next.end();
        assert!(!there("awake"));
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let text = text(7, "/spool", &"日".repeat(SIZE));
        assert!(text.len() == SIZE && text.ends_with("日\n".as_bytes()) | text.ends_with(b"\n\n"));
        assert!(std::str::from_utf8(&text).is_ok());
    }
}
