//! A sink's desk: what is due for it, whether it may be asked now, and the job that asks it.

use super::{Options, Worker};
use crate::config::{Config, Home};
use crate::notify::Template;
use crate::notify::config::{DailyAt, QuietHours};
use crate::notify::message::{Group, Message};
use crate::notify::schedule;
use crate::notify::sink::{Attempt, Outcome, Search, Setting, Sink, SinkConfig};
use crate::record::UnixNanos;
use crate::store::Store;
use crate::store::outbox::{Batch, Claim, Kind, Members, Plan, Untriaged};
use crate::{Error, ErrorKind, Lang, Level, Result};
use std::sync::Arc;
use std::sync::mpsc::Sender;

/// New notifications that are looked at in one transaction.
const TRIAGE: usize = 1000;
/// How much shorter a message that is too large is made before it is given up.
const SHRINK: usize = 64;

/// A sink with what the worker knows of it.
pub(super) struct Desk {
    pub(super) name: String,
    pub(super) sink: std::result::Result<Arc<dyn Sink>, String>,
    pub(super) lang: Lang,
    pub(super) template: Option<Template>,
    pub(super) quiet: QuietHours,
    pub(super) digest: DailyAt,
    pub(super) checkpoint: bool,
    pub(super) window: i64,
    pub(super) after: u32,
    pub(super) busy: bool,
}

/// What became of a job.
pub(super) enum Done {
    Sent(Attempt),
    Searched(Option<Search>),
}

impl Desk {
    /// The desk of a sink; nothing is read or connected yet.
    pub(super) fn new(sink: &dyn SinkConfig, home: &Home, config: &Config, options: &Options) -> Desk {
        let (common, notify) = (sink.common(), &config.notify);
        let setting = Setting {
            home: home.clone(),
            env: options.env.clone(),
            resolve: options.resolve,
            timeout: common.timeout.unwrap_or(notify.timeout.0),
            ca_file: common.ca_file.cloned(),
            proxy: notify.proxy.clone(),
        };
        Desk {
            name: common.name.to_owned(),
            sink: sink.open(&setting).map(Arc::from).map_err(|e| e.to_string()),
            lang: common.lang.unwrap_or(config.lang),
            template: common.template.cloned(),
            quiet: common.quiet_hours.copied().unwrap_or(notify.quiet_hours),
            digest: common.digest.copied().unwrap_or(notify.digest),
            checkpoint: common.checkpoint,
            window: notify.fold.window.nanos(),
            after: notify.fold.after,
            busy: false,
        }
    }

    /// When the sink's own limits allow the next request.
    pub(super) fn allowed_at(&self, store: &mut Store) -> Result<UnixNanos> {
        let mut allowed = 0;
        if let Ok(sink) = &self.sink {
            for limit in sink.limits() {
                let oldest = store.nth_request(&limit.scope, limit.posts_only, limit.count.max(1))?;
                allowed = allowed.max(oldest.map_or(0, |oldest| schedule::allowed_at(&limit, oldest)));
            }
        }
        Ok(allowed)
    }

    fn message(&self, name: &str, batch: &Batch) -> Message {
        Message {
            name: name.to_owned(),
            lang: self.lang,
            template: self.template.clone(),
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
}

impl Worker {
    /// Decides for new notifications whether they go at once, later, or with others.
    pub(super) fn triage(&self, store: &mut Store) -> Result<()> {
        let now = self.now();
        let plan = |one: &Untriaged| -> Option<Plan> {
            let desk = self.desks.iter().find(|d| d.name == one.sink)?;
            if one.level == Level::Critical || one.kind != Kind::Alert {
                return None;
            }
            let quiet = schedule::quiet_until(desk.quiet, now, &self.options.time_zone);
            Some(Plan { window: desk.window, after: desk.after, not_before: quiet.unwrap_or(0) })
        };
        while store.triage(now, TRIAGE, &plan)? == TRIAGE {}
        Ok(())
    }

    /// Begins the sink's next job; `false` where it has none, or has to wait.
    pub(super) fn start(
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
        let claim = Claim {
            sink: &desk.name,
            joined,
            overflow: self.overflow,
            checkpoint: desk.checkpoint,
            scopes: &scopes,
        };
        let Some(batch) = store.claim(&claim, now)? else { return Ok(false) };
        let mut message = desk.message(&self.name, &batch);
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
    pub(super) fn free_at(&self, store: &mut Store, index: usize) -> Result<UnixNanos> {
        let desk = &self.desks[index];
        Ok(store.sink_state(&desk.name)?.blocked_until_ns.max(desk.allowed_at(store)?))
    }
}
