//! One spool file: what was appended since the last look, and whether somebody changed what was there before.

use super::mark::{Mark, TAIL, digest};
use crate::{Error, Result};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes read from one file at a time; a record must fit.
pub(super) const CHUNK: usize = 8 << 20;
/// Drained bytes of a living shell's file that are given back to the file system.
const PUNCH: u64 = 1 << 20;
/// What stays at the start of a file, where the shell describes itself.
const HEAD: u64 = 1 << 16;
/// What stays before the place up to which a file is drained: the mark covers its end.
const KEPT: u64 = 1 << 13;

/// A file that is drained. It stays open, so that what is in it isn't lost when its name is removed.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) uid: u32,
    pub(super) mark: Mark,
    /// The shell that writes it lives, as far as the last look at all files could tell.
    pub(super) alive: bool,
    file: File,
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that were drained before.
    before: usize,
    /// The last read found the file's end.
    ended: bool,
}

/// How a file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    /// Shorter than what was drained.
    Truncated,
    /// What was drained reads otherwise now.
    Edited,
}

impl Source {
    /// Opens a file that nothing is known of yet.
    pub(super) fn open(name: &str, path: &Path) -> io::Result<Source> {
        // Neither a link nor a pipe, which would make us read something else, or wait.
        let flags = rustix::fs::OFlags::RDONLY
            | rustix::fs::OFlags::CLOEXEC
            | rustix::fs::OFlags::NOFOLLOW
            | rustix::fs::OFlags::NONBLOCK;
        let file = File::from(rustix::fs::open(path, flags, rustix::fs::Mode::empty())?);
        let meta = file.metadata()?;
        // A second name would let somebody deliver another's records as his own.
        if !meta.is_file() || meta.nlink() > 1 {
            return Err(io::Error::other("not a file with one name"));
        }
        Ok(Source {
            name: name.to_owned(),
            path: path.to_path_buf(),
            uid: meta.uid(),
            mark: Mark::start(meta.ino()),
            alive: true,
            file,
            buffer: Vec::new(),
            before: 0,
            ended: false,
        })
    }

    /// Bytes at the start of the file, where the shell describes itself.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = vec![0; usize::try_from(HEAD).unwrap_or(0)];
        let read = read_at(&self.file, &mut head, 0).unwrap_or(0);
        head.truncate(read);
        head
    }

    /// The file still has its name.
    pub(super) fn named(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|meta| meta.ino() == self.mark.inode)
    }

    /// Length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Reads what follows the mark, [`CHUNK`] at most, and looks whether what was before is as it was: if not, the mark goes
    /// back to the start, because what was drained is recognised by its keys.
    pub(super) fn read(&mut self) -> Result<Option<Changed>> {
        let before = self.mark.offset.min(TAIL);
        let from = self.mark.offset - before;
        self.before = usize::try_from(before).unwrap_or(0);
        let failed = |path: &Path, e| Error::io("read the spool", path, e);
        // Small first: most of the time one command waits.
        let mut size = 16 << 10;
        loop {
            self.buffer.resize(self.before + size, 0);
            let read = read_at(&self.file, &mut self.buffer, from).map_err(|e| failed(&self.path, e))?;
            self.ended = read < self.before + size;
            self.buffer.truncate(read);
            if self.ended || size == CHUNK {
                break;
            }
            size = CHUNK;
        }
        let changed = if self.buffer.len() < self.before {
            Changed::Truncated
        } else if digest(&self.buffer[..self.before]) != self.mark.tail {
            Changed::Edited
        } else {
            return Ok(None);
        };
        (self.before, self.ended) = (0, false);
        self.buffer.clear();
        self.mark = Mark { sequence: self.mark.sequence, ..Mark::start(self.mark.inode) };
        Ok(Some(changed))
    }

    /// What was read and not consumed yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.before..]
    }

    /// The last read came to the end of the file: what is written after it is told of by the file system, or found by the next
    /// look.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// The first `length` of the bytes that were read are in the batch.
    pub(super) fn consume(&mut self, length: usize) {
        if length == 0 {
            return;
        }
        // What stands before them was read too, so the tail is all there.
        self.mark.tail = digest(&self.buffer[..self.before + length]);
        self.mark.offset += length as u64;
        self.before = 0;
        self.buffer.clear();
    }

    /// Gives the blocks of drained entries back, keeping the description at the start: a shell that lives for months must
    /// not keep its whole history in the spool. Nothing moves, so a shell that writes meanwhile loses nothing.
    pub(super) fn punch(&self, from: u64) {
        let end = self.mark.offset.saturating_sub(KEPT);
        if self.mark.offset / PUNCH > from / PUNCH
            && end > HEAD
            && let Ok(file) = File::options().write(true).open(&self.path)
        {
            let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
            // File systems without holes keep the bytes until the shell is gone.
            let _ = rustix::fs::fallocate(&file, flags, HEAD, end - HEAD);
        }
    }
}

/// Reads until the buffer is full or the file ends, which a short read says.
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, from) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
