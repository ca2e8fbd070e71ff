//! What goes into one commit: events and ends of all files that were read, and the places up to which they were.

use super::session::Session;
use crate::monitor::Incoming;
use crate::record::{Ending, Event, UnixNanos};
use crate::spool::{Entry, Kind};
use crate::store::Place;
use crate::time;
use std::collections::{HashMap, VecDeque};

/// Who wrote an entry.
pub(super) struct Owner<'a> {
    pub(super) session: &'a Session,
    pub(super) user: &'a str,
    pub(super) uid: u32,
    pub(super) host: &'a str,
}

impl Owner<'_> {
    /// An event of this owner, without its command.
    fn event(&self, sequence: u64) -> Event {
        let mut event = self.session.event(sequence);
        event.user = self.user.to_owned();
        event.uid = Some(self.uid);
        if event.host.is_empty() {
            event.host = self.host.to_owned();
        }
        event
    }

    /// Something that was noticed, as an event: so rules rate it and people are told. `what` is its key too.
    pub(super) fn notice(&self, key: &str, what: &str, detail: &str) -> Incoming {
        let mut event = self.event(0);
        event.key = format!("{}:{key}", self.session.key(0));
        event.command = notice(what, detail);
        event.shell = "shmon".into();
        event.started_at = time::now();
        Incoming::Event(event)
    }
}

/// A file that was read to its end, whose shell is gone.
pub(super) struct Done {
    pub(super) name: String,
    pub(super) length: u64,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) incoming: Vec<Incoming>,
    pub(super) places: Vec<Place>,
    pub(super) done: Vec<Done>,
    /// By key: the sessions of one command, whose caller waits for what becomes of it.
    pub(super) asked: HashMap<String, VecDeque<Asked>>,
}

/// A session of one command, and the user whose it is.
pub(super) struct Asked {
    pub(super) session: String,
    pub(super) uid: u32,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.incoming.is_empty() && self.places.is_empty() && self.done.is_empty()
    }

    /// Takes one entry; `last` is the highest sequence number before it.
    pub(super) fn take(&mut self, owner: &Owner<'_>, entry: &Entry<'_>, last: &mut Option<u64>) {
        match entry.kind {
            Kind::Session => {
                // A file that begins with a description begins with number 1.
                *last = last.or(Some(0));
                return;
            }
            Kind::End => {
                let ended = entry.time.zip(crate::spool::time(entry.words[1]));
                let ending = Ending {
                    key: owner.session.key(entry.sequence),
                    exit_status: entry.words[0].parse().ok(),
                    duration: ended.map(|(end, began)| (end - began).max(0)),
                };
                match self.incoming.last_mut() {
                    // Both came with one write: a command that is a duplicate has no end of its own.
                    Some(Incoming::Event(event)) if owner.session.once && event.key == ending.key => {
                        (event.exit_status, event.duration) = (ending.exit_status, ending.duration);
                    }
                    _ => self.incoming.push(Incoming::End(ending)),
                }
                return;
            }
            Kind::Begin | Kind::Note => {}
        }
        if let Some(before) = *last
            && entry.sequence > before.saturating_add(1)
        {
            let missing = match entry.sequence - before - 1 {
                1 => format!("number {} is missing", before + 1),
                count => {
                    format!("{count} entries are missing, number {} to {}", before + 1, entry.sequence - 1)
                }
            };
            self.incoming.push(owner.notice(&format!("gap:{}", before + 1), "sequence-gap", &missing));
        }
        *last = Some(last.map_or(entry.sequence, |n| n.max(entry.sequence)));
        let mut event = owner.event(entry.sequence);
        event.started_at = entry.time.unwrap_or_else(time::now);
        if entry.kind == Kind::Begin {
            if owner.session.once {
                let asked = Asked { session: owner.session.name.clone(), uid: owner.uid };
                self.asked.entry(event.key.clone()).or_default().push_back(asked);
            }
            event.command = entry.command().to_vec();
            event.working_directory = String::from_utf8_lossy(entry.first).into_owned();
        } else {
            let what = String::from_utf8_lossy(entry.first);
            event.command = notice(&what, &String::from_utf8_lossy(entry.second));
            event.shell = "shmon".into();
        }
        self.incoming.push(Incoming::Event(event));
    }

    /// Bytes at `offset` that are no record. The place is the key: a second drain of the same file says nothing new.
    pub(super) fn torn(&mut self, owner: &Owner<'_>, offset: u64, length: usize) {
        let detail = format!("{length} bytes at {offset} of the spool are no record");
        self.incoming.push(owner.notice(&format!("torn:{offset}"), "spool-damaged", &detail));
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

/// An event of the recorder itself: `key` makes it one, however often it is noticed.
pub fn noticed(key: &str, what: &str, detail: &str, at: UnixNanos) -> Event {
    let identity = crate::identity::Identity::current();
    Event {
        key: format!("notice:{key}"),
        session_id: "shmon".into(),
        command: notice(what, detail),
        started_at: at,
        user: identity.user,
        uid: Some(identity.uid),
        host: identity.host,
        pid: Some(std::process::id()),
        shell: "shmon".into(),
        ..Event::default()
    }
}
