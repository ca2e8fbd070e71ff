//! Which files there are, whose they are, and what happened to them and to the database behind the recorder's back.

use super::Recorder;
use super::batch::{Batch, Owner, noticed};
use super::mark::Mark;
use super::session::Session;
use super::source::Source;
use crate::monitor::{Incoming, Monitor};
use crate::spool::{Kind, Piece, Reader, SUFFIX};
use crate::store::{Notice, Place};
use crate::{Error, Result, time};
use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Instant;

impl Recorder {
    /// Another database than before (restored, begun anew) has its own idea of what is recorded; what happened to it is told.
    pub(super) fn follow(&mut self, monitor: &mut Monitor, batch: &mut Batch) -> Result<()> {
        let store = monitor.store();
        store.refresh()?;
        if !store.copies_later() {
            store.copy_later()?;
        }
        let file = store.file();
        let now = time::now();
        let mut replaced = format!("{} is another file than before", store.path().display());
        for notice in store.take_notices() {
            let what = match notice {
                Notice::SetAside { .. } => "database-damaged",
                Notice::Migrated { .. } => "database-migrated",
                Notice::NoCheckpoint { .. } => "no-checkpoint",
                Notice::NotAnchored { .. } => "not-anchored",
                Notice::TooLarge { .. } => "database-too-large",
                Notice::NewEpoch { .. } => {
                    replaced = notice.to_string();
                    continue;
                }
            };
            let event = noticed(&format!("{now}:{what}"), what, &notice.to_string(), now);
            batch.incoming.push(Incoming::Event(event));
        }
        if file.is_none() || file != self.database {
            // The number of a file is used again when it is gone; an epoch isn't.
            let (known, is) = (std::fs::read_to_string(&self.known).unwrap_or_default(), store.epoch()?);
            if known != is {
                if !known.is_empty() {
                    let event = noticed(&format!("{now}:replaced"), "database-replaced", &replaced, now);
                    batch.incoming.push(Incoming::Event(event));
                }
                std::fs::write(&self.known, is)
                    .map_err(|e| Error::io("write which database is in use", &self.known, e))?;
            }
            let places = store.places()?;
            let now = Instant::now();
            self.marks.clear();
            for (name, value) in places {
                if self.limits.as_mut().is_some_and(|limits| limits.restore(&name, &value, now)) {
                    continue;
                }
                self.marks.extend(Mark::parse(&value).map(|mark| (name, mark)));
            }
            self.database = file;
            self.sources.clear();
        }
        Ok(())
    }

    /// Looks which files there are, and whether one is missing that nobody but us may remove.
    pub(super) fn look(&mut self, batch: &mut Batch) -> Result<Vec<String>> {
        let entries =
            std::fs::read_dir(&self.spool).map_err(|e| Error::io("read the spool", &self.spool, e))?;
        let mut names = Vec::new();
        for entry in entries.flatten() {
            let Ok(file_name) = entry.file_name().into_string() else { continue };
            if let Some(name) = file_name.strip_suffix(SUFFIX) {
                names.push((name.to_owned(), entry.path()));
            }
        }
        names.sort();
        for (name, path) in &names {
            if self.sources.get(name).is_some_and(|source| !source.named()) {
                self.gone(name, batch);
            }
            if !self.sources.contains_key(name) {
                self.begin(name, path);
            }
            if !self.sources.contains_key(name) {
                self.unreadable(name, path, batch);
            }
        }
        let mut names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        let there: HashSet<&String> = names.iter().collect();
        let missing: Vec<String> =
            self.sources.keys().chain(self.marks.keys()).filter(|n| !there.contains(n)).cloned().collect();
        for name in missing {
            self.gone(&name, batch);
        }
        names.retain(|name| self.sources.contains_key(name));
        Ok(names)
    }

    /// A file whose name is gone or stands for another file: what was written until then is still read.
    fn gone(&mut self, name: &str, batch: &mut Batch) {
        let uid = self.sources.get(name).map_or_else(|| rustix::process::getuid().as_raw(), |s| s.uid);
        let what = match self.sources.remove(name) {
            Some(mut source) => {
                let before = batch.incoming.len();
                while matches!(self.read(&mut source, batch), Ok(true)) {}
                let rescued = batch.incoming.len() - before;
                format!("the spool of session {name} was removed; {rescued} entries were still read")
            }
            None => format!("the spool of session {name} was removed while no recorder ran"),
        };
        let known = self.sessions.get(name).cloned().unwrap_or_else(|| Session::of_name(name));
        let user = self.user(uid);
        let owner = Owner { session: &known, user: &user, uid, host: &self.host };
        batch.incoming.push(owner.notice("removed", "spool-removed", &what));
        batch.places.push(Place { name: name.to_owned(), value: None });
        self.marks.remove(name);
    }

    /// A file that can't be opened, or isn't one: its owner, who made it so, is told of once.
    fn unreadable(&mut self, name: &str, path: &Path, batch: &mut Batch) {
        let Ok(meta) = std::fs::symlink_metadata(path) else { return };
        if !self.unreadable.insert(name.to_owned()) {
            return;
        }
        let user = self.user(meta.uid());
        let session = Session::of_name(name);
        let owner = Owner { session: &session, user: &user, uid: meta.uid(), host: &self.host };
        let detail = format!("the spool of session {name} can't be read (mode {:o})", meta.mode() & 0o7777);
        batch.incoming.push(owner.notice("unreadable", "spool-unreadable", &detail));
    }

    /// Opens a file.
    pub(super) fn begin(&mut self, name: &str, path: &Path) {
        let Ok(mut source) = Source::open(name, path) else { return };
        if self.limits.is_none() {
            // A shell's umask makes its file readable for others; the folder isn't, and now the file isn't either.
            let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
        }
        self.know(&source);
        if let Some(mark) = self.marks.get(name) {
            // Another file under this name: it is read from its start, and what is known already is dropped.
            if mark.inode == source.mark.inode {
                source.mark = *mark;
            }
        }
        self.sources.insert(name.to_owned(), source);
    }

    /// Reads the shell's description from the start of its file, once it stands there.
    pub(super) fn know(&mut self, source: &Source) {
        let name = &source.name;
        if self.sessions.get(name).is_some_and(|session| session.since.is_some()) {
            return;
        }
        let mut session = Session::of_name(name);
        let head = source.head();
        if let Some(Piece::Entry(entry)) = Reader::new(&head).next()
            && entry.kind == Kind::Session
        {
            session.describe(&entry);
        }
        if self.limits.is_some() {
            session.verify(source.uid, &self.boot, &self.host);
        }
        if session.parent.is_none() {
            session.parent = session.ancestor(&self.sessions);
        }
        session.parent = session.parent_name(&self.sessions);
        self.sessions.insert(name.clone(), session);
    }
}
