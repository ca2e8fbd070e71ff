//! The worker: takes what is due from the outbox to the sinks.
//!
//! Each sink has at most one request under way, on a thread of its own, so that a sink that hangs holds up no other. All
//! of the state is in the database, and one worker works at a time (a lock that dies with its process).

mod background;
mod desk;
mod outcome;
mod trial;
mod upkeep;

pub use background::Background;
pub use trial::{Examination, Trial};

use super::schedule::Jitter;
use super::{Env, Resolve};
use crate::config::{Config, Home};
use crate::log::LogFile;
use crate::record::UnixNanos;
use crate::store::Store;
use crate::store::outbox::Batch;
use crate::{Error, Result, time};
use desk::{Desk, Done};
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
/// How often new notifications are looked for while a request is under way.
const GLANCE: Duration = Duration::from_millis(50);

/// What the worker takes from outside.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// How environment variables are read: tokens, proxies. Empty by default.
    pub env: Env,
    /// How hosts are looked up; by the C library where it is `None`.
    pub resolve: Option<Resolve>,
    /// The time, in nanoseconds since the Unix epoch.
    pub clock: Arc<dyn Fn() -> UnixNanos + Send + Sync>,
    /// The zone of quiet hours and digests.
    pub time_zone: TimeZone,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            env: Arc::new(|_| None),
            resolve: None,
            clock: Arc::new(time::now),
            time_zone: time::zone(),
        }
    }
}

impl Options {
    /// The system's clock and time zone, and the environment as `env` reads it: `|name| std::env::var(name).ok()`.
    pub fn with_env(env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Options {
        Options { env: Arc::new(env), ..Options::default() }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Delivery {
    /// Another worker is at it; nothing was done.
    pub busy: bool,
    /// Messages that were delivered.
    pub sent: u64,
    /// Notifications that they stood for; more than `sent` where some were folded.
    pub delivered: u64,
    /// Attempts that failed; they are still in the outbox.
    pub failed: u64,
    /// Notifications that were dead-lettered.
    pub dead: u64,
    /// When the next attempt is due, in nanoseconds since the Unix epoch; `None` when nothing waits.
    pub next_due: Option<UnixNanos>,
}

/// Takes notifications from the outbox to the sinks.
pub struct Worker {
    home: Home,
    options: Options,
    name: String,
    keep: i64,
    give_up: (i64, String),
    overflow: u32,
    desks: Vec<Desk>,
    log: LogFile,
    jitter: Jitter,
    tidied_at: UnixNanos,
    /// Begin nothing new.
    stop: Arc<AtomicBool>,
    /// What was done but couldn't be written down yet (a full disk): it comes before anything else.
    unsaved: Vec<(usize, Batch, Done)>,
}

impl Worker {
    /// A worker for the sinks of the configuration; nothing is read or connected yet.
    ///
    /// # Errors
    /// None at present: a sink that can't be opened is told by [`Worker::run_once`] and `shmon notify status`.
    pub fn new(home: &Home, config: &Config, options: Options) -> Result<Worker> {
        let notify = &config.notify;
        let enabled = notify.sinks().into_iter().filter(|sink| sink.common().enabled);
        let desks = enabled.map(|sink| Desk::new(sink, home, config, &options)).collect();
        let days = notify.give_up_after.0.as_secs() / 86_400;
        let age =
            if days > 0 { format!("{days} d") } else { format!("{} s", notify.give_up_after.0.as_secs()) };
        let now = (options.clock)();
        Ok(Worker {
            home: home.clone(),
            name: config.name.clone(),
            keep: notify.keep.nanos(),
            give_up: (notify.give_up_after.nanos(), age),
            overflow: notify.fold.overflow,
            desks,
            log: LogFile::new(home.log(config), &config.log),
            jitter: Jitter::new(now.unsigned_abs() ^ u64::from(std::process::id())),
            tidied_at: 0,
            stop: Arc::default(),
            unsaved: Vec::new(),
            options,
        })
    }

    /// Whether any sink is configured.
    pub fn has_sinks(&self) -> bool {
        !self.desks.is_empty()
    }

    /// The names of the sinks that take part.
    pub fn sink_names(&self) -> Vec<String> {
        self.desks.iter().map(|d| d.name.clone()).collect()
    }

    /// Delivers everything that is due now, and says when the next attempt is.
    ///
    /// It waits for answers, but never for a later time: the caller sleeps until `next_due`, or until new notifications
    /// were stored. Where another worker is at it already, it does nothing.
    ///
    /// # Errors
    /// What the store says. Nothing is lost then, and what was sent isn't sent again by this worker.
    pub fn run_once(&mut self, store: &mut Store) -> Result<Delivery> {
        let mut delivery = Delivery::default();
        loop {
            {
                let Some(_lock) = self.lock("notify.lock")? else {
                    delivery.busy = delivery == Delivery::default();
                    break;
                };
                self.deliver(store, &mut delivery)?;
            }
            // Whoever found the lock taken in the last moment has left its notification to us.
            if !store.has_new_notifications()? {
                break;
            }
        }
        delivery.next_due = self.next_due(store)?;
        Ok(delivery)
    }

    fn deliver(&mut self, store: &mut Store, delivery: &mut Delivery) -> Result<()> {
        let (done, results) = channel();
        let ended = self.work(store, delivery, &done, &results);
        // Requests that are under way when the database fails: their outcome is kept, and written down later.
        while self.desks.iter().any(|d| d.busy) {
            let Ok((desk, batch, outcome)) = results.recv() else { break };
            self.desks[desk].busy = false;
            self.unsaved.push((desk, batch, outcome));
        }
        ended
    }

    fn work(
        &mut self,
        store: &mut Store,
        delivery: &mut Delivery,
        done: &Sender<(usize, Batch, Done)>,
        results: &Receiver<(usize, Batch, Done)>,
    ) -> Result<()> {
        while let Some((desk, batch, outcome)) = self.unsaved.pop() {
            self.settle(store, desk, batch, outcome, delivery)?;
        }
        let now = self.now();
        store.recover(now)?;
        self.tidy(store, now, delivery)?;
        loop {
            self.digests(store)?;
            self.triage(store)?;
            for index in 0..self.desks.len() {
                let stop = self.stop.load(Ordering::Relaxed);
                while !stop && !self.desks[index].busy && self.start(store, index, done)? {}
            }
            if !self.desks.iter().any(|d| d.busy) {
                return Ok(());
            }
            match results.recv_timeout(GLANCE) {
                Ok((desk, batch, outcome)) => {
                    self.desks[desk].busy = false;
                    self.settle(store, desk, batch, outcome, delivery)?;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn now(&self) -> UnixNanos {
        (self.options.clock)()
    }

    /// A lock in the home's folder of locks: `None` where another process holds it.
    fn lock(&self, name: &str) -> Result<Option<File>> {
        let folder = self.home.run_dir();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|e| Error::io("make the folder", &folder, e))?;
        let path = folder.join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|e| Error::io("open the lock", &path, e))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(Error::io("take the lock", &path, e.into())),
        }
    }

    /// The lock of the one process that stays until the next attempt is due; `None` where another one does.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) naming the file.
    pub fn linger_lock(&self) -> Result<Option<File>> {
        self.lock("notify.linger")
    }
}
