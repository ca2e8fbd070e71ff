//! A monitor that also delivers: for programs that record commands while they do something else.

use crate::monitor::{Incoming, Monitor, Recorded};
use crate::notify::{Background, Delivery, Options, Worker};
use crate::store::Store;
use crate::{Result, time};
use std::time::{Duration, Instant};

/// How long closing waits for another worker, or for a retry.
const CLOSING: Duration = Duration::from_secs(5);
/// How often it looks meanwhile.
const GLANCE: Duration = Duration::from_millis(50);

/// Records, and lets a thread send what goes into the outbox.
pub struct LiveMonitor {
    monitor: Monitor,
    options: Options,
    delivery: Option<Background>,
    /// Something went into the outbox that the thread may not have seen.
    enqueued: bool,
}

impl LiveMonitor {
    /// Delivers for `monitor`; the thread is started with the first notification.
    pub fn new(monitor: Monitor, options: Options) -> LiveMonitor {
        LiveMonitor { monitor, options, delivery: None, enqueued: false }
    }

    /// Records a batch in one transaction, as [`Monitor::record`] does; with `deliver`, its notifications are sent
    /// meanwhile, otherwise they wait in the outbox.
    ///
    /// # Errors
    /// Those of [`Monitor::record`]. A delivery that can't be started is none, since the batch is recorded: the
    /// notifications stay in the outbox.
    pub fn record(&mut self, batch: &[Incoming], deliver: bool) -> Result<Vec<Recorded>> {
        let recorded = self.monitor.record(batch)?;
        if deliver && recorded.iter().any(|r| r.notifications > 0) {
            self.enqueued = true;
            let _ = self.wake();
        }
        Ok(recorded)
    }

    /// Sends what is due now, on the calling thread.
    ///
    /// # Errors
    /// Those of [`Worker::run_once`].
    pub fn deliver(&mut self) -> Result<Delivery> {
        self.enqueued = false;
        let mut worker = self.worker()?;
        worker.run_once(self.monitor.store())
    }

    /// Ends the thread, and sends what is still due: a retry that is due within moments is waited for, at most five
    /// seconds; the rest stays in the outbox.
    ///
    /// # Errors
    /// Those of [`Worker::run_once`].
    pub fn close(mut self) -> Result<()> {
        // It begins nothing new; while its last request is under way the outbox is busy below.
        self.delivery = None;
        if !self.enqueued {
            return Ok(());
        }
        let end = Instant::now() + CLOSING;
        loop {
            let delivery = self.deliver()?;
            let soon = delivery.next_due.is_some_and(|due| due - time::now() < CLOSING.as_nanos() as i64);
            if !(delivery.busy || soon) || Instant::now() >= end {
                return Ok(());
            }
            std::thread::sleep(GLANCE);
        }
    }

    /// The monitor itself.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    fn worker(&self) -> Result<Worker> {
        Worker::new(self.monitor.home(), self.monitor.config(), self.options.clone())
    }

    /// Wakes the thread, or starts it.
    fn wake(&mut self) -> Result<()> {
        if self.delivery.is_none() {
            let worker = self.worker()?;
            if !worker.has_sinks() {
                return Ok(());
            }
            let store = self.monitor.store();
            let (path, options) = (store.path().to_path_buf(), store.options().clone());
            self.delivery = Some(Background::start(worker, Store::open(path, options)?)?);
        }
        if let Some(delivery) = &self.delivery {
            delivery.wake();
        }
        Ok(())
    }
}
