//! The recorder: drains the spools of all shells into the monitor, in groups.
//!
//! An entry has the key `BOOT:PID:START:SEQUENCE`, and the store drops what it has already. The place up to which a file is
//! drained is committed in the transaction of the rows that were read: a drain may die at any point and be repeated.

mod answers;
mod batch;
pub mod door;
mod files;
mod folders;
mod kernel;
mod limits;
mod mark;
mod run;
mod session;
mod silence;
mod source;
mod trouble;

pub use batch::{notice, noticed};
pub use door::Door;
pub use folders::lock;
pub use run::Run;
pub use silence::Silence;
pub use trouble::Trouble;

use crate::config::{Home, SystemConfig, private_folder};
use crate::monitor::{Incoming, Monitor, Recorded};
use crate::spool::{Kind, Piece, Reader, SUFFIX};
use crate::store::{Pace, Place};
use crate::{Result, identity};
use answers::Answers;
use batch::{Batch, Done, Owner};
use folders::boot;
use limits::Limits;
use mark::Mark;
use session::Session;
use source::{CHUNK, Changed, Source};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Files of one user that are kept open: what is beyond belongs to no shell that a person uses.
const FILES_OF_ONE: usize = 256;
/// Commands and ends of one commit at most.
const GROUP: usize = 2048;

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

/// Drains the spools of one home.
#[derive(Debug)]
pub struct Recorder {
    spool: PathBuf,
    /// What the database in use says of files that are not open.
    marks: HashMap<String, Mark>,
    /// Which database that was: device and inode.
    database: Option<(u64, u64)>,
    /// Where that is remembered from one recorder to the next.
    known: PathBuf,
    sources: HashMap<String, Source>,
    sessions: HashMap<String, Session>,
    users: HashMap<u32, String>,
    boot: String,
    host: String,
    /// System mode: the shares of the users, who are others than the recorder's own.
    limits: Option<Limits>,
    /// Files that could not be opened, which is told once.
    unreadable: HashSet<String>,
    /// What became of commands whose callers wait for it.
    answers: Answers,
    /// Files that were removed, of which the file system will tell.
    removed: HashSet<String>,
}

impl Recorder {
    /// Makes the folders that are missing.
    ///
    /// The caller sees to it that one recorder at a time works in a home; [`lock`] does that.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when a folder can't be made.
    pub fn open(home: &Home) -> Result<Recorder> {
        for folder in [home.spool_dir(), home.run_dir(), home.state_dir()] {
            private_folder(&folder)?;
        }
        Ok(Recorder::new(home, None))
    }

    /// The recorder of a whole host: files belong to many users, of whom the kernel says who they are, and each has his
    /// share. The folders are there, with the rights that `shmon init --system` gives them.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) when a folder is missing or others could change it.
    pub fn open_system(home: &Home, config: &SystemConfig) -> Result<Recorder> {
        folders::check_shared(home)?;
        Ok(Recorder::new(home, Some(Limits::new(config.clone()))))
    }

    fn new(home: &Home, limits: Option<Limits>) -> Recorder {
        Recorder {
            spool: home.spool_dir(),
            marks: HashMap::new(),
            database: None,
            known: home.state_dir().join("database"),
            sources: HashMap::new(),
            sessions: HashMap::new(),
            users: HashMap::new(),
            boot: boot(),
            host: identity::host_name(),
            limits,
            unreadable: HashSet::new(),
            answers: Answers::default(),
            removed: HashSet::new(),
        }
    }

    /// Takes everything that shells have written, and commits it in groups.
    ///
    /// # Errors
    /// What [`Monitor::record`] says; what was not committed stays in the spool. A file that can't be read is left
    /// alone and doesn't stop the others; the first such error is returned at the end.
    pub fn drain(&mut self, monitor: &mut Monitor) -> Result<Drained> {
        self.drain_all(monitor, None)
    }

    /// As [`Recorder::drain`]; who asks at the door is answered as soon as it is committed.
    ///
    /// # Errors
    /// As [`Recorder::drain`].
    pub fn drain_all(&mut self, monitor: &mut Monitor, door: Option<&mut Door>) -> Result<Drained> {
        let mut batch = Batch::default();
        self.follow(monitor, &mut batch)?;
        let names = self.look(&mut batch)?;
        let mut files: HashMap<u32, usize> = HashMap::new();
        for name in &names {
            let alive = self.sessions.get(name).is_some_and(|s| s.alive(&self.boot));
            if let Some(source) = self.sources.get_mut(name) {
                let count = files.entry(source.uid).or_default();
                *count += 1;
                source.alive = alive && (self.limits.is_none() || *count <= FILES_OF_ONE);
            }
        }
        self.take(monitor, batch, names, door, Pace::Steady)
    }

    /// Takes what the named shells have written: sooner than [`Recorder::drain`], which looks at all of them. Who asks at the
    /// door is answered as soon as it is committed.
    ///
    /// # Errors
    /// As [`Recorder::drain`].
    pub fn drain_sessions(
        &mut self,
        monitor: &mut Monitor,
        names: &HashSet<String>,
        door: &mut Door,
    ) -> Result<Drained> {
        let mut batch = Batch::default();
        self.follow(monitor, &mut batch)?;
        for name in names.iter().filter(|name| !self.sources.contains_key(*name)).cloned().collect::<Vec<_>>()
        {
            if !name.contains('/') {
                let path = self.spool.join(format!("{name}{SUFFIX}"));
                self.begin(&name, &path);
            }
        }
        let names = names.iter().filter(|name| self.sources.contains_key(*name)).cloned().collect();
        let pace = if door.is_asked() { Pace::Hurried } else { Pace::Steady };
        self.take(monitor, batch, names, Some(door), pace)
    }

    /// What was read is committed: false after a commit that failed, until the next drain.
    fn is_current(&self) -> bool {
        self.database.is_some()
    }

    /// The highest sequence number of a session that is recorded; `None` for a session that isn't known.
    pub fn recorded(&self, session: &str) -> Option<u64> {
        self.sources.get(session).and_then(|source| source.mark.sequence)
    }

    /// What became of the one command of a session of this user; `None` as long as it isn't known.
    pub fn answer(&self, session: &str, uid: u32) -> Option<Recorded> {
        self.answers.get(session, uid)
    }

    /// The session's file is gone because this recorder removed it: no news. Said once.
    pub fn has_removed(&mut self, session: &str) -> bool {
        self.removed.remove(session)
    }

    /// The owner of a session's file, by the file system.
    pub fn owner(&self, session: &str) -> Option<u32> {
        self.sources.get(session).map(|source| source.uid)
    }

    /// A shell lived at the last look at all files.
    pub fn is_watching(&self) -> bool {
        self.living().next().is_some()
    }

    /// The sessions whose shells lived at the last look at all files.
    fn living(&self) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(|(name, _)| self.sources.get(*name).is_some_and(|s| s.alive))
            .map(|(_, s)| s)
    }

    fn take(
        &mut self,
        monitor: &mut Monitor,
        mut batch: Batch,
        names: Vec<String>,
        door: Option<&mut Door>,
        pace: Pace,
    ) -> Result<Drained> {
        let mut drained = Drained::default();
        let mut failure = None;
        for name in names {
            let Some(mut source) = self.sources.remove(&name) else { continue };
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
                    batch.places.push(source.mark.place(&name));
                    // Nobody is answered while this file is in nobody's hands; the last commit does it.
                    self.commit(monitor, &mut batch, &mut drained, None, Pace::Steady)?;
                    self.marks.insert(name.clone(), source.mark);
                }
            }
            let complete = self.sessions.get(&name).is_some_and(|session| session.complete);
            if source.alive && !complete {
                if self.marks.get(&name) != Some(&source.mark) {
                    batch.places.push(source.mark.place(&name));
                }
                self.sources.insert(name, source);
            } else {
                batch.places.push(Place { name: name.clone(), value: None });
                batch.done.push(Done { name: name.clone(), length: source.mark.offset });
                self.sources.insert(name, source);
            }
        }
        self.commit(monitor, &mut batch, &mut drained, door, pace)?;
        if pace == Pace::Steady {
            monitor.catch_up()?;
        }
        failure.map_or(Ok(drained), Err)
    }

    /// Reads the next piece of a file into the batch; false when there is no more.
    fn read(&mut self, source: &mut Source, batch: &mut Batch) -> Result<bool> {
        let changed = source.read()?;
        self.know(source);
        let user = self.user(source.uid);
        let session =
            self.sessions.get(&source.name).cloned().unwrap_or_else(|| Session::of_name(&source.name));
        let owner = Owner { session: &session, user: &user, uid: source.uid, host: &self.host };
        let login = self.sessions.get_mut(&source.name).and_then(|session| session.login_uid.take());
        if let Some(login) = login {
            let detail =
                format!("a shell of {user}, started by {} who logged in", identity::user_name(login));
            batch.incoming.push(owner.notice("login", "session", &detail));
        }
        if let Some(changed) = changed {
            let offset = self.marks.get(&source.name).map_or(0, |mark| mark.offset);
            let (what, detail) = match changed {
                Changed::Truncated => ("spool-truncated", "is shorter than what was recorded of it"),
                Changed::Edited => ("spool-edited", "reads otherwise than when it was recorded"),
            };
            let detail = format!("the spool of session {} {detail}", source.name);
            batch.incoming.push(owner.notice(&format!("{what}:{offset}"), what, &detail));
            return Ok(true);
        }
        let length = source.bytes().len();
        if length == 0 {
            return Ok(false);
        }
        let mut last = source.mark.sequence;
        let mut idle_since = session.idle_since;
        let mut complete = false;
        let mut reader = Reader::new(source.bytes());
        for piece in reader.by_ref() {
            match piece {
                Piece::Entry(entry) => {
                    match entry.kind {
                        Kind::Begin => idle_since = None,
                        Kind::End => {
                            idle_since = entry.time;
                            complete = session.once;
                        }
                        _ => {}
                    }
                    batch.take(&owner, &entry, &mut last);
                }
                Piece::Torn(length) => {
                    batch.torn(&owner, source.mark.offset, length);
                    // What it was is told already; the next number is taken as it comes.
                    last = None;
                }
            }
        }
        let mut consumed = reader.consumed();
        let rest = length - consumed;
        // What is left is being written now, unless nobody is there to write it, or it is longer than any record.
        if rest > 0 && (!source.alive || (consumed == 0 && length >= CHUNK)) {
            batch.torn(&owner, source.mark.offset + consumed as u64, rest);
            last = None;
            consumed = length;
        }
        if let Some(session) = self.sessions.get_mut(&source.name) {
            session.idle_since = idle_since;
            session.complete |= complete;
        }
        source.mark.sequence = last;
        source.consume(consumed);
        Ok(consumed > 0 && !source.ended())
    }

    fn commit(
        &mut self,
        monitor: &mut Monitor,
        batch: &mut Batch,
        drained: &mut Drained,
        door: Option<&mut Door>,
        pace: Pace,
    ) -> Result<()> {
        if let Some(limits) = &mut self.limits {
            limits.apply(monitor.classifier(), batch);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let committed = match monitor.commit_up_to(&batch.incoming, &batch.places, pace) {
            Ok(committed) => committed,
            Err(error) => {
                // Nothing was stored: read again from where the database is, and nobody is told that it was.
                self.database = None;
                self.sources.clear();
                if let Some(limits) = &mut self.limits {
                    limits.forget();
                }
                return Err(error);
            }
        };
        drained.count(&batch.incoming, &committed.recorded);
        self.answers.keep(batch, &committed.recorded);
        batch.incoming.clear();
        // A shell waits: log, checkpoint and files can.
        if let Some(door) = door {
            door.answer(self);
        }
        let finished = monitor.finish(committed);
        for place in batch.places.drain(..) {
            let before = self.marks.get(&place.name).map_or(0, |mark| mark.offset);
            match (place.value, self.sources.get(&place.name)) {
                (Some(_), Some(source)) => {
                    source.punch(before);
                    self.marks.insert(place.name, source.mark);
                }
                (Some(_), None) => {}
                (None, _) => {
                    self.marks.remove(&place.name);
                }
            }
        }
        for done in batch.done.drain(..) {
            let Some(source) = self.sources.get(&done.name) else { continue };
            // Nobody writes it any more, and everything in it is recorded.
            if source.named() && source.length() == done.length {
                if std::fs::remove_file(&source.path).is_ok() {
                    drained.removed += 1;
                    if self.removed.len() >= FILES_OF_ONE {
                        // Nobody tells of removed files here.
                        self.removed.clear();
                    }
                    self.removed.insert(done.name.clone());
                }
                let _ = std::fs::remove_file(source.path.with_extension("tmp"));
                self.sessions.remove(&done.name);
            }
            self.sources.remove(&done.name);
        }
        finished.map(drop)
    }

    /// The owner's login name, from the system's database of users.
    fn user(&mut self, uid: u32) -> String {
        self.users.entry(uid).or_insert_with(|| identity::user_name(uid)).clone()
    }
}
