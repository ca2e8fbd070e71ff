//! The worker: takes what is due from the outbox to the sinks.
//!
//! Each sink has at most one request under way, on a thread of its own, so that a sink that hangs holds up no other. All
//! of the state is in the database, and one worker works at a time (a lock that dies with its process).

use super::config::{DailyAt, QuietHours};
use super::message::{Group, Message};
use super::schedule::{self, Jitter};
use super::sink::{Attempt, Outcome, Search, Setting, Sink};
use super::{Env, Template};
use crate::config::{Config, Home};
use crate::log::{Lines, LogFile};
use crate::record::UnixNanos;
use crate::store::Store;
use crate::store::outbox::{Batch, Claim, Kind, Members, Payload, Plan, Untriaged};
use crate::{Error, ErrorKind, Lang, Level, Result, time};
use jiff::tz::TimeZone;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
/// New notifications that are looked at in one transaction.
const TRIAGE: usize = 1000;
/// How often new notifications are looked for while a request is under way.
const GLANCE: Duration = Duration::from_millis(50);
/// The shortest time for which `Retry-After` is believed, and the longest.
const AFTER: (i64, i64) = (SECOND, 3600 * SECOND);
/// How much shorter a message that is too large is made before it is given up.
const SHRINK: usize = 64;
/// How often the outbox is tidied.
const TIDY: i64 = 3600 * SECOND;

/// What the worker takes from outside.
#[derive(Clone)]
#[non_exhaustive]
pub struct Options {
    /// How environment variables are read: tokens, proxies. Empty by default.
    pub env: Env,
    /// The time, in nanoseconds since the Unix epoch.
    pub clock: Arc<dyn Fn() -> UnixNanos + Send + Sync>,
    /// The zone of quiet hours and digests.
    pub time_zone: TimeZone,
}

impl Default for Options {
    fn default() -> Self {
        Options { env: Arc::new(|_| None), clock: Arc::new(time::now), time_zone: TimeZone::system() }
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

/// What a trial of one sink gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// The sink's name.
    pub sink: String,
    /// The service's id of the message, where it gives one.
    pub message_id: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
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

/// A sink with what the worker knows of it.
struct Desk {
    name: String,
    sink: std::result::Result<Arc<dyn Sink>, String>,
    lang: Lang,
    template: Option<Template>,
    quiet: Option<QuietHours>,
    digest: Option<DailyAt>,
    window: i64,
    after: u32,
    busy: bool,
}

/// What became of a job.
enum Done {
    Sent(Attempt),
    Searched(Option<Search>),
}

impl Worker {
    /// A worker for the sinks of the configuration; nothing is read or connected yet.
    ///
    /// # Errors
    /// None at present: a sink that can't be opened is told by [`Worker::run_once`] and `shmon notify status`.
    pub fn new(home: &Home, config: &Config, options: Options) -> Result<Worker> {
        let notify = &config.notify;
        let mut desks = Vec::new();
        for sink in notify.sinks() {
            let common = sink.common();
            if !common.enabled {
                continue;
            }
            let setting = Setting {
                home: home.clone(),
                env: options.env.clone(),
                timeout: common.timeout.unwrap_or(notify.timeout.0),
                ca_file: common.ca_file.cloned(),
                proxy: notify.proxy.clone(),
            };
            desks.push(Desk {
                name: common.name.to_owned(),
                sink: sink.open(&setting).map(Arc::from).map_err(|e| e.to_string()),
                lang: common.lang.unwrap_or(config.lang),
                template: common.template.cloned(),
                quiet: common.quiet_hours.copied().or(notify.quiet_hours),
                digest: common.digest.copied().or(notify.digest),
                window: notify.fold.window.nanos(),
                after: notify.fold.after,
                busy: false,
            });
        }
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
    /// [`ErrorKind::Io`] naming the file.
    pub fn linger_lock(&self) -> Result<Option<File>> {
        self.lock("notify.linger")
    }

    /// Decides for new notifications whether they go at once, later, or with others.
    fn triage(&self, store: &mut Store) -> Result<()> {
        let now = self.now();
        let plan = |one: &Untriaged| -> Option<Plan> {
            let desk = self.desks.iter().find(|d| d.name == one.sink)?;
            if one.level == Level::Critical || one.kind != Kind::Alert {
                return None;
            }
            let quiet =
                desk.quiet.and_then(|hours| schedule::quiet_until(hours, now, &self.options.time_zone));
            Some(Plan { window: desk.window, after: desk.after, not_before: quiet.unwrap_or(0) })
        };
        while store.triage(now, TRIAGE, &plan)? == TRIAGE {}
        Ok(())
    }

    /// Begins the sink's next job; `false` where it has none, or has to wait.
    fn start(
        &mut self,
        store: &mut Store,
        index: usize,
        done: &Sender<(usize, Batch, Done)>,
    ) -> Result<bool> {
        let now = self.now();
        if self.free_at(store, index)? > now {
            return Ok(false);
        }
        let desk = &self.desks[index];
        let (limits, joined) = match &desk.sink {
            Ok(sink) => (sink.limits(), sink.most_joined()),
            Err(_) => (Vec::new(), 1),
        };
        let scopes: Vec<String> = limits.into_iter().map(|l| l.scope).collect();
        let claim = Claim { sink: &desk.name, joined, overflow: self.overflow, scopes: &scopes };
        let Some(batch) = store.claim(&claim, now)? else { return Ok(false) };
        let mut message = self.message(desk, &batch);
        let sink = desk.sink.clone();
        let done = done.clone();
        let job = move || {
            let outcome = match sink {
                Err(reason) => Done::Sent(Attempt::misconfigured(reason)),
                Ok(sink) if batch.unknown => Done::Searched(sink.find(&message)),
                Ok(sink) => {
                    let mut attempt = sink.send(&message);
                    while matches!(attempt.outcome, Outcome::TooLarge(_)) && message.shrink < SHRINK {
                        message.shrink *= 4;
                        attempt = sink.send(&message);
                    }
                    Done::Sent(attempt)
                }
            };
            // Nobody listens any more only where the worker itself is gone.
            let _ = done.send((index, batch, outcome));
        };
        self.desks[index].busy = true;
        std::thread::Builder::new().name("shmon-notify".into()).spawn(job).map_err(|e| {
            self.desks[index].busy = false;
            Error::new(ErrorKind::Notify, "cannot start a thread").caused_by(e)
        })?;
        Ok(true)
    }

    /// When the sink may be asked again: not while it is left alone, and within its limits.
    fn free_at(&self, store: &mut Store, index: usize) -> Result<UnixNanos> {
        let desk = &self.desks[index];
        let mut free = store.sink_state(&desk.name)?.blocked_until_ns;
        if let Ok(sink) = &desk.sink {
            for limit in sink.limits() {
                let oldest = store.nth_request(&limit.scope, limit.posts_only, limit.count.max(1))?;
                free = free.max(oldest.map_or(0, |oldest| schedule::allowed_at(&limit, oldest)));
            }
        }
        Ok(free)
    }

    fn message(&self, desk: &Desk, batch: &Batch) -> Message {
        Message {
            name: self.name.clone(),
            lang: desk.lang,
            template: desk.template.clone(),
            first: batch.first.clone(),
            shrink: 1,
            group: match &batch.members {
                Members::None => Group::Single,
                Members::Joined(rest) => Group::Joined(rest.clone()),
                Members::Equal(count, last) => Group::Flood { count: *count, last: last.clone() },
                Members::Different(count, last, parts) => {
                    Group::Mixed { count: *count, last: last.clone(), parts: parts.clone() }
                }
            },
        }
    }

    /// Writes down what became of a batch; keeps it for later where the database can't be written.
    fn settle(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: Batch,
        outcome: Done,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let result = self.write_down(store, index, &batch, &outcome, delivery);
        if result.is_err() {
            self.unsaved.push((index, batch, outcome));
        }
        result
    }

    fn write_down(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: &Batch,
        outcome: &Done,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let now = self.now();
        let attempt = match outcome {
            Done::Sent(attempt) => attempt.clone(),
            Done::Searched(Some(Search::Found(id))) => {
                let answer = serde_json::json!({"message_id": id}).to_string();
                Outcome::Sent { id: id.clone(), answer }.into()
            }
            // Not there, or nobody can tell: it is sent again. Zero lost goes before zero doubled.
            Done::Searched(Some(Search::Absent)) => {
                return store.postponed(
                    batch.leader,
                    false,
                    now,
                    "sent, but not found: it is sent again",
                    now,
                );
            }
            Done::Searched(None) => {
                let repeats = self.desks[index].sink.as_ref().is_ok_and(|s| s.recognises_repeats());
                let reason = if repeats {
                    "unknown outcome: it is sent again under the same id"
                } else {
                    "unknown outcome: it is sent again, and may arrive twice"
                };
                return store.postponed(batch.leader, false, now, reason, now);
            }
            Done::Searched(Some(Search::Failed(attempt))) => attempt.clone(),
        };
        let searched = matches!(outcome, Done::Searched(_));
        self.note(store, index, batch, &attempt, searched, delivery, now)
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one attempt, used once")]
    fn note(
        &mut self,
        store: &mut Store,
        index: usize,
        batch: &Batch,
        attempt: &Attempt,
        searched: bool,
        delivery: &mut Delivery,
        now: UnixNanos,
    ) -> Result<()> {
        let name = self.desks[index].name.clone();
        let label = self.desks[index].sink.as_ref().map_or("", |s| s.label());
        let count = match &batch.members {
            Members::None => 1,
            Members::Joined(rest) => 1 + rest.len() as u64,
            Members::Equal(count, _) | Members::Different(count, ..) => *count,
        };
        let asked = attempt.after.map(|after| schedule::nanos(after).clamp(AFTER.0, AFTER.1));
        let failures = store.sink_state(&name)?.failures;
        let mut lines = Lines::new();
        let was_unknown = searched;
        match &attempt.outcome {
            Outcome::Sent { id, answer } => {
                store.delivered(batch.leader, id.as_deref(), now)?;
                if let Some(after) = asked {
                    store.block_sink(&name, now + after, None, now)?;
                }
                delivery.sent += 1;
                delivery.delivered += count;
                lines.notified(now, label, answer);
            }
            Outcome::Limited(reason) => {
                let wait = asked.unwrap_or_else(|| schedule::backoff(3 + failures, self.jitter.next()));
                store.postponed(batch.leader, was_unknown, now, reason, now)?;
                store.block_sink(&name, now + wait, None, now)?;
                delivery.failed += 1;
            }
            Outcome::Misconfigured(reason) => {
                let wait = asked.unwrap_or_else(|| schedule::misconfigured(failures, self.jitter.next()));
                store.postponed(batch.leader, was_unknown, now, reason, now)?;
                store.block_sink(&name, now + wait, Some(reason), now)?;
                delivery.failed += 1;
                if failures == 0 {
                    lines.warning(now, &format!("notifications wait, {name} has to be mended: {reason}"));
                }
            }
            Outcome::NotSent(reason) | Outcome::Unknown(reason) => {
                let unknown = was_unknown || matches!(attempt.outcome, Outcome::Unknown(_));
                let wait = asked.unwrap_or_else(|| schedule::backoff(failures, self.jitter.next()));
                // The message waits longer than its sink, so that one that always fails holds up no other.
                let own = schedule::backoff(batch.attempts, self.jitter.next()).max(wait);
                store.postponed(batch.leader, unknown, now + own, reason, now)?;
                store.block_sink(&name, now + wait, Some(reason), now)?;
                delivery.failed += 1;
                if failures + 1 == schedule::BREAKER {
                    lines.warning(now, &format!("notifications wait, {name} doesn't answer: {reason}"));
                }
            }
            Outcome::Refused(reason) | Outcome::TooLarge(reason) => {
                store.dead(batch.leader, reason, now)?;
                delivery.dead += count;
                lines.warning(now, &format!("notification {} to {name} was refused: {reason}", batch.leader));
            }
        }
        // The outbox has it all; a log that can't be written must not make a message go out twice.
        let _ = self.log.append(&lines);
        Ok(())
    }

    fn tidy(&mut self, store: &mut Store, now: UnixNanos, delivery: &mut Delivery) -> Result<()> {
        let names: Vec<&str> = self.desks.iter().map(|d| d.name.as_str()).collect();
        let given_up = store.give_up(now.saturating_sub(self.give_up.0), &names, &self.give_up.1, now)?;
        delivery.dead += given_up as u64;
        if given_up > 0 {
            let mut lines = Lines::new();
            lines.warning(now, &format!("{given_up} notifications are dead: `shmon notify status` says why"));
            let _ = self.log.append(&lines);
        }
        if (now - self.tidied_at).abs() > TIDY {
            store.tidy(now.saturating_sub(TIDY), now.saturating_sub(self.keep), now)?;
            self.tidied_at = now;
        }
        Ok(())
    }

    /// Puts the digests into the outbox whose time has come.
    fn digests(&self, store: &mut Store) -> Result<()> {
        let now = self.now();
        for desk in &self.desks {
            let today = desk.digest.and_then(|d| schedule::digest_on(d, now, &self.options.time_zone));
            let Some((date, time)) = today else { continue };
            let day = date.to_string();
            let last = store.sink_state(&desk.name)?.digest_day;
            if last.as_deref() == Some(&day) || (time > now && last.is_some()) {
                continue;
            }
            if last.is_none() || last.as_deref() > Some(&day) {
                // The first day of a sink (or after a clock that ran ahead): nothing is told of the time before it.
                let told = if time > now { date.yesterday().unwrap_or(date).to_string() } else { day };
                store.digest_told(&desk.name, &told, None, now)?;
                continue;
            }
            let payload = super::digest::payload(store, desk.lang, time, &self.options.time_zone)?;
            store.digest_told(&desk.name, &day, Some(&payload), now)?;
        }
        Ok(())
    }

    /// When there is something to do again.
    fn next_due(&self, store: &mut Store) -> Result<Option<UnixNanos>> {
        let now = self.now();
        let mut next: Option<UnixNanos> = None;
        for index in 0..self.desks.len() {
            let digest =
                self.desks[index].digest.and_then(|d| schedule::next_digest(d, now, &self.options.time_zone));
            let due = match store.next_due(&self.desks[index].name)? {
                Some(due) => Some(due.max(self.free_at(store, index)?)),
                None => None,
            };
            next = [next, due, digest].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Says once in the log what keeps the worker from working.
    fn complain(&self, error: &Error, told: &mut String) {
        let text = error.to_string();
        if text != *told {
            let mut lines = Lines::new();
            lines.warning(self.now(), &format!("notifications wait: {text}"));
            let _ = self.log.append(&lines);
            *told = text;
        }
    }

    /// Sends a test message through one sink at once, past the outbox but within its limits.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when no sink of this name is configured and enabled; what the store says.
    pub fn trial(&mut self, store: &mut Store, sink: &str, payload: &Payload) -> Result<Trial> {
        let Some(index) = self.desks.iter().position(|d| d.name == sink) else {
            let names: Vec<&str> = self.desks.iter().map(|d| d.name.as_str()).collect();
            let known = if names.is_empty() {
                "none is configured: add [notify.chatwork] or another sink to config.toml".to_owned()
            } else {
                format!("configured are {}", names.join(", "))
            };
            return Err(Error::new(ErrorKind::Invalid, format!("there is no sink '{sink}': {known}")));
        };
        let mut trial = Trial { sink: sink.to_owned(), message_id: None, error: None };
        let opened = match &self.desks[index].sink {
            Ok(opened) => opened.clone(),
            Err(reason) => {
                trial.error = Some(reason.clone());
                return Ok(trial);
            }
        };
        let now = self.now();
        let scopes: Vec<String> = opened.limits().into_iter().map(|l| l.scope).collect();
        store.note_requests(&scopes, now)?;
        let desk = &self.desks[index];
        let message = Message {
            name: self.name.clone(),
            lang: desk.lang,
            template: desk.template.clone(),
            first: Payload { kind: Kind::Test, ..payload.clone() },
            group: Group::Single,
            shrink: 1,
        };
        let mut lines = Lines::new();
        match opened.send(&message).outcome {
            Outcome::Sent { id, answer } => {
                lines.notified(now, opened.label(), &answer);
                trial.message_id = id;
            }
            Outcome::NotSent(reason)
            | Outcome::Limited(reason)
            | Outcome::Refused(reason)
            | Outcome::TooLarge(reason)
            | Outcome::Misconfigured(reason) => trial.error = Some(reason),
            Outcome::Unknown(reason) => trial.error = Some(format!("it may have arrived: {reason}")),
        }
        let _ = self.log.append(&lines);
        Ok(trial)
    }
}

/// A worker on a thread of its own, with its own connection to the database: for a daemon.
pub struct Background {
    wake: Option<Sender<()>>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Background {
    /// Starts it. It sleeps until something is due or [`Background::wake`] says that there is something new.
    ///
    /// # Errors
    /// [`ErrorKind::Notify`] when the thread can't be started; what opening the database says.
    pub fn start(mut worker: Worker, mut store: Store) -> Result<Background> {
        let (wake, woken) = channel();
        let stop = worker.stop.clone();
        let thread = std::thread::Builder::new()
            .name("shmon-outbox".into())
            .spawn(move || {
                let mut told = String::new();
                loop {
                    let wait = match worker.run_once(&mut store) {
                        Ok(delivery) if delivery.busy => SECOND,
                        Ok(delivery) => delivery.next_due.map_or(3600 * SECOND, |due| due - worker.now()),
                        // The database can't be written now; what was sent is kept until it can.
                        Err(error) => {
                            worker.complain(&error, &mut told);
                            5 * SECOND
                        }
                    };
                    let wait = Duration::from_nanos(wait.clamp(0, 60 * SECOND).unsigned_abs());
                    match woken.recv_timeout(wait) {
                        Ok(()) => while woken.try_recv().is_ok() {},
                        Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })
            .map_err(|e| Error::new(ErrorKind::Notify, "cannot start a thread").caused_by(e))?;
        Ok(Background { wake: Some(wake), stop, thread: Some(thread) })
    }

    /// Says that there is something new in the outbox.
    pub fn wake(&self) {
        if let Some(wake) = &self.wake {
            // It only fails when the thread is gone, and then nothing can be woken.
            let _ = wake.send(());
        }
    }
}

impl Background {
    /// Begins nothing new and waits for the requests that are under way, no longer than they may take; what waits stays
    /// in the outbox.
    pub fn stop(mut self) {
        let thread = self.thread.take();
        drop(self);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Background {
    /// Begins nothing new, and waits for nothing.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake = None;
    }
}
