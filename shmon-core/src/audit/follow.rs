//! Reading an audit log while auditd writes it, through its rotations.

use super::{Execution, Parser};
use crate::{Error, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Lines that are taken before what they tell is given.
const LINES: usize = 4096;

/// Follows a log. It begins with the file that was rotated last, because an event's key makes what is known already
/// harmless, and nothing between two runs may be missed.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    files: Vec<PathBuf>,
    open: Option<(BufReader<File>, u64)>,
    parser: Parser,
    line: Vec<u8>,
}

impl Follower {
    /// Of the log at `path`, and `path.1` before it.
    pub fn new(path: impl Into<PathBuf>) -> Follower {
        let path = path.into();
        let mut before = path.clone().into_os_string();
        before.push(".1");
        // Taken from the end.
        let files = vec![path.clone(), before.into()];
        Follower { path, files, open: None, parser: Parser::new(), line: Vec::new() }
    }

    /// What was executed since the last call; empty when nothing was, or the log isn't there.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the log, as when it may not be read.
    pub fn read(&mut self) -> Result<Vec<Execution>> {
        let mut found = Vec::new();
        for _ in 0..LINES {
            if self.open.is_none() && !self.next()? {
                break;
            }
            let Some((reader, inode)) = &mut self.open else { break };
            let read = reader.read_until(b'\n', &mut self.line);
            match read.map_err(|e| Error::io("read the audit log", &self.path, e))? {
                0 if self.files.is_empty() && inode_of(&self.path) == Some(*inode) => break,
                0 => {
                    // It was rotated (or is done), and nobody ends its last line any more.
                    self.line.clear();
                    self.open = None;
                }
                _ if self.line.last() == Some(&b'\n') => {
                    self.line.pop();
                    found.extend(self.parser.line(&self.line));
                    self.line.clear();
                }
                // The rest of the line is still to be written.
                _ => {}
            }
        }
        Ok(found)
    }

    /// Gives what is incomplete: when nothing has come for some seconds.
    pub fn finish(&mut self) -> Vec<Execution> {
        self.parser.finish()
    }

    /// Opens the next file; false where it isn't there (yet).
    fn next(&mut self) -> Result<bool> {
        loop {
            let path = self.files.pop().unwrap_or_else(|| self.path.clone());
            match File::open(&path) {
                Ok(file) => {
                    let inode = file.metadata().map_or(0, |meta| meta.ino());
                    self.open = Some((BufReader::new(file), inode));
                    return Ok(true);
                }
                Err(e) if e.kind() == ErrorKind::NotFound && path != self.path => {}
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
                Err(e) => return Err(Error::io("read the audit log", &path, e)),
            }
        }
    }
}

fn inode_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|meta| meta.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn event(serial: u32, name: &str) -> String {
        format!(
            "type=EXECVE msg=audit(1.0:{serial}): argc=1 a0=\"{name}\"\ntype=EOE msg=audit(1.0:{serial}):\n"
        )
    }

    #[test]
    fn a_log_is_followed_through_its_rotation_and_half_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let old = folder.path().join("audit.log.1");
        let mut follower = Follower::new(&path);
        let mut names = || -> Vec<String> {
            let found = follower.read().unwrap();
            found.iter().map(|e| String::from_utf8(e.command()).unwrap()).collect()
        };
        assert_eq!(names(), Vec::<String>::new(), "no log yet");
        std::fs::write(&path, event(1, "one")).unwrap();
        assert_eq!(names(), ["one"]);
        let mut file = File::options().append(true).open(&path).unwrap();
        let two = event(2, "two");
        for cut in [20, 40] {
            file.write_all(&two.as_bytes()[cut - 20..cut]).unwrap();
            assert_eq!(names(), Vec::<String>::new());
        }
        file.write_all(&two.as_bytes()[40..]).unwrap();
        file.write_all(event(3, "three").as_bytes()).unwrap();
        std::fs::rename(&path, &old).unwrap();
        std::fs::write(&path, event(4, "four")).unwrap();
        assert_eq!(names(), ["two", "three", "four"]);
        // A new follower reads the rotated file first.
        let mut again = Follower::new(&path);
        let found: Vec<u64> = again.read().unwrap().iter().map(|e| e.serial).collect();
        assert_eq!(found, [1, 2, 3, 4]);
    }
}
