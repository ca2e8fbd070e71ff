//! The recorder: drains the spools of all shells into the monitor, in groups.
//!
//! An entry has the key `BOOT:PID:START:SEQUENCE`, and the store drops what it has already, so a drain may be repeated
//! after a crash at any point: offsets are written after the commit and only save work.

mod offsets;
mod session;

use crate::config::Home;
use crate::monitor::{Incoming, Monitor, Recorded};
use crate::record::Ending;
use crate::spool::{Entry, Kind, Piece, Reader, SUFFIX};
use crate::{Error, Result, time};
use offsets::Offsets;
use session::Session;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Commands and ends of one commit at most.
const GROUP: usize = 2048;
/// Bytes read from one file at a time; a record must fit.
const CHUNK: u64 = 8 << 20;
/// Drained bytes of a living shell's file that are given back to the file system.
const PUNCH: u64 = 1 << 20;

/// What one drain did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Commands that were recorded now.
    pub commands: usize,
    /// Ends of commands.
    pub ends: usize,
    /// What hooks noticed, and damage that the recorder found.
    pub notes: usize,
    /// Entries that were recorded before.
    pub duplicates: usize,
    /// Notifications that went into the outbox.
    pub notifications: usize,
    /// Files of shells that are gone, removed.
    pub removed: usize,
}

impl Drained {
    /// Nothing was there.
    pub fn is_empty(&self) -> bool {
        self.commands + self.ends + self.notes + self.duplicates == 0
    }
}

/// Drains the spools of one home.
#[derive(Debug)]
pub struct Recorder {
    spool: PathBuf,
    offsets: Offsets,
    sessions: HashMap<String, Session>,
    users: HashMap<u32, String>,
    boot: String,
    host: String,
}

/// A file that is being drained.
struct Source {
    name: String,
    path: PathBuf,
    uid: u32,
    offset: u64,
    alive: bool,
}

impl Recorder {
    /// Makes the folders that are missing and reads where the last drain ended.
    ///
    /// The caller sees to it that one recorder at a time works in a home; [`lock`] does that.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when a folder can't be made.
    pub fn open(home: &Home) -> Result<Recorder> {
        let spool = home.spool_dir();
        for folder in [spool.clone(), home.run_dir()] {
            private(&folder)?;
        }
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Ok(Recorder {
            offsets: Offsets::load(&home.run_dir()),
            spool,
            sessions: HashMap::new(),
            users: HashMap::new(),
            boot: boot.trim().to_owned(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        })
    }

    /// Takes everything that shells have written, and commits it in groups.
    ///
    /// # Errors
    /// What [`Monitor::record`] says; what was not committed stays in the spool. A file that can't be read is left
    /// alone and doesn't stop the others; the first such error is returned at the end.
    pub fn drain(&mut self, monitor: &mut Monitor) -> Result<Drained> {
        let mut drained = Drained::default();
        let mut failure = None;
        let mut batch = Batch::default();
        let names = self.files()?;
        // Descriptions first: a shell's parent may be in a file that is read later.
        for (name, path, _) in &names {
            self.know(name, path);
        }
        for (name, path, uid) in names {
            let alive = self.sessions.get(&name).is_some_and(|s| s.alive(&self.boot));
            let mut source = Source { offset: self.offsets.get(&name), name, path, uid, alive };
            loop {
                match self.read(&mut source, &mut batch) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        failure.get_or_insert(error);
                        break;
                    }
                }
                if batch.incoming.len() >= GROUP {
                    self.commit(monitor, &mut batch, &mut drained)?;
                }
            }
            batch.done.push(source);
        }
        self.commit(monitor, &mut batch, &mut drained)?;
        failure.map_or(Ok(drained), Err)
    }

    /// Spool files with their sessions' names and owners.
    fn files(&self) -> Result<Vec<(String, PathBuf, u32)>> {
        let entries =
            std::fs::read_dir(&self.spool).map_err(|e| Error::io("read the spool", &self.spool, e))?;
        let mut files = Vec::new();
        for entry in entries.flatten() {
            let Ok(file_name) = entry.file_name().into_string() else { continue };
            let Some(name) = file_name.strip_suffix(SUFFIX) else { continue };
            // A link or a pipe would make the recorder read something else, or wait.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_file() {
                files.push((name.to_owned(), entry.path(), meta.uid()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Reads the shell's description from the start of its file, once.
    fn know(&mut self, name: &str, path: &Path) {
        if self.sessions.get(name).is_some_and(|s| s.since.is_some()) {
            return;
        }
        let mut session = Session::of_name(name);
        let mut head = Vec::new();
        // A shell's umask makes its file readable for others; the folder isn't, and now the file isn't either.
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        if let Ok(file) = File::open(path)
            && file.take(1 << 16).read_to_end(&mut head).is_ok()
            && let Some(Piece::Entry(entry)) = Reader::new(&head).next()
            && entry.kind == Kind::Session
        {
            session.describe(&entry);
        }
        if session.parent.is_none() {
            session.parent = session.ancestor(&self.sessions);
        }
        self.sessions.insert(name.to_owned(), session);
    }

    /// Reads the next piece of a file into the batch; false when there is no more.
    fn read(&mut self, source: &mut Source, batch: &mut Batch) -> Result<bool> {
        let mut bytes = Vec::new();
        let failed = |e| Error::io("read the spool", &source.path, e);
        let mut file = File::open(&source.path).map_err(failed)?;
        file.seek(SeekFrom::Start(source.offset)).map_err(failed)?;
        file.take(CHUNK).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let user = self.user(source.uid);
        let session =
            self.sessions.get(&source.name).cloned().unwrap_or_else(|| Session::of_name(&source.name));
        let owner = Owner { session: &session, user: &user, uid: source.uid, host: &self.host };
        let mut reader = Reader::new(&bytes);
        for piece in reader.by_ref() {
            match piece {
                Piece::Entry(entry) => batch.take(&owner, &entry),
                Piece::Torn(length) => batch.torn(&owner, source.offset, length),
            }
        }
        let mut consumed = reader.consumed() as u64;
        let rest = bytes.len() as u64 - consumed;
        // What is left is being written now, unless nobody is there to write it, or it is longer than any record.
        if rest > 0 && (!source.alive || (consumed == 0 && bytes.len() as u64 == CHUNK)) {
            batch.torn(&owner, source.offset + consumed, usize::try_from(rest).unwrap_or(0));
            consumed += rest;
        }
        source.offset += consumed;
        Ok(consumed > 0)
    }

    fn commit(&mut self, monitor: &mut Monitor, batch: &mut Batch, drained: &mut Drained) -> Result<()> {
        let recorded =
            if batch.incoming.is_empty() { Vec::new() } else { monitor.record(&batch.incoming)? };
        drained.count(&batch.incoming, &recorded);
        batch.incoming.clear();
        for source in batch.done.drain(..) {
            if source.alive {
                if source.offset > self.offsets.get(&source.name) {
                    punch(&source);
                }
                self.offsets.set(&source.name, source.offset);
            } else if std::fs::metadata(&source.path).is_ok_and(|m| m.len() == source.offset) {
                // Nobody writes it any more, and everything in it is recorded.
                drained.removed += usize::from(std::fs::remove_file(&source.path).is_ok());
                let _ = std::fs::remove_file(source.path.with_extension("tmp"));
                self.offsets.forget(&source.name);
                self.sessions.remove(&source.name);
            }
        }
        self.offsets.save()
    }

    /// The owner's login name, from the system's database of users.
    fn user(&mut self, uid: u32) -> String {
        self.users.entry(uid).or_insert_with(|| user_name(uid)).clone()
    }
}

/// Who wrote an entry.
struct Owner<'a> {
    session: &'a Session,
    user: &'a str,
    uid: u32,
    host: &'a str,
}

#[derive(Default)]
struct Batch {
    incoming: Vec<Incoming>,
    done: Vec<Source>,
}

impl Batch {
    fn take(&mut self, owner: &Owner<'_>, entry: &Entry<'_>) {
        match entry.kind {
            Kind::Session => {}
            Kind::Begin => self.event(owner, entry, entry.second.to_vec()),
            Kind::End => {
                let ended = entry.time.zip(crate::spool::time(entry.words[1]));
                self.incoming.push(Incoming::End(Ending {
                    key: owner.session.key(entry.sequence),
                    exit_status: entry.words[0].parse().ok(),
                    duration: ended.map(|(end, began)| (end - began).max(0)),
                }));
            }
            Kind::Note => {
                let what = String::from_utf8_lossy(entry.first);
                let detail = String::from_utf8_lossy(entry.second);
                self.note(owner, entry.sequence, entry.time, &what, &detail);
            }
        }
    }

    fn event(&mut self, owner: &Owner<'_>, entry: &Entry<'_>, command: Vec<u8>) {
        let mut event = owner.session.event(entry.sequence);
        event.command = command;
        event.working_directory = String::from_utf8_lossy(entry.first).into_owned();
        event.started_at = entry.time.unwrap_or_else(time::now);
        event.user = owner.user.to_owned();
        event.uid = Some(owner.uid);
        if event.host.is_empty() {
            event.host = owner.host.to_owned();
        }
        self.incoming.push(Incoming::Event(event));
    }

    /// What a hook or the recorder noticed is an event like a command, so that rules rate it and people are told.
    fn note(&mut self, owner: &Owner<'_>, sequence: u64, at: Option<i64>, what: &str, detail: &str) {
        let mut event = owner.session.event(sequence);
        event.command = notice(what, detail);
        event.shell = "shmon".into();
        event.started_at = at.unwrap_or_else(time::now);
        event.user = owner.user.to_owned();
        event.uid = Some(owner.uid);
        if event.host.is_empty() {
            event.host = owner.host.to_owned();
        }
        self.incoming.push(Incoming::Event(event));
    }

    fn torn(&mut self, owner: &Owner<'_>, offset: u64, length: usize) {
        let mut event = owner.session.event(0);
        // The place is the key: a second drain of the same file says nothing new.
        event.key = format!("{}:torn:{offset}", owner.session.key(0));
        event.command =
            notice("spool-damaged", &format!("{length} bytes at {offset} of the spool are no record"));
        event.shell = "shmon".into();
        event.started_at = time::now();
        event.user = owner.user.to_owned();
        event.uid = Some(owner.uid);
        event.host = owner.host.to_owned();
        self.incoming.push(Incoming::Event(event));
    }
}

/// The text under which something noticed is recorded: `shmon notice KIND 'detail'`, quoted as a shell would.
pub fn notice(what: &str, detail: &str) -> Vec<u8> {
    let mut text = format!("shmon notice {what}");
    if !detail.is_empty() {
        text.push_str(" '");
        text.push_str(&detail.replace('\'', "'\\''"));
        text.push('\'');
    }
    text.into_bytes()
}

impl Drained {
    fn count(&mut self, incoming: &[Incoming], recorded: &[Recorded]) {
        for (incoming, recorded) in incoming.iter().zip(recorded) {
            self.notifications += recorded.notifications;
            match incoming {
                _ if recorded.duplicate => self.duplicates += 1,
                Incoming::End(_) => self.ends += 1,
                Incoming::Event(event) if event.shell == "shmon" => self.notes += 1,
                Incoming::Event(_) => self.commands += 1,
            }
        }
    }
}

/// Takes the recorder's lock of a home: `None` when another process has it. It lasts as long as the file is open.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the lock's file can't be made.
pub fn lock(home: &Home) -> Result<Option<File>> {
    let folder = home.run_dir();
    private(&folder)?;
    let path = folder.join("recorder.lock");
    let failed = |e| Error::io("lock the recorder", &path, e);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(Error::io("lock the recorder", &path, e)),
    }
}

fn private(folder: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| Error::io("make the folder", folder, e))
}

/// Gives the blocks of drained entries back, keeping the description at the start: a shell that lives for months must not
/// keep its whole history in the spool. Nothing moves, so a shell that writes meanwhile loses nothing.
fn punch(source: &Source) {
    const HEAD: u64 = 1 << 16;
    if source.offset / PUNCH > 0
        && let Ok(file) = File::options().write(true).open(&source.path)
    {
        let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        // File systems without holes keep the bytes until the shell is gone.
        let _ = rustix::fs::fallocate(&file, flags, HEAD, source.offset - HEAD);
    }
}

/// From `/etc/passwd`; users of a directory service through `getent`, which asks it.
fn user_name(uid: u32) -> String {
    let number = uid.to_string();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    };
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if let Some(found) = passwd.lines().find_map(name) {
        return found;
    }
    let asked = std::process::Command::new("getent").args(["passwd", &number]).output();
    let asked = asked.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    asked.lines().find_map(name).unwrap_or(number)
}
