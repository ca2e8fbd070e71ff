//! The worker of a daemon.

use super::{SECOND, Worker};
use crate::store::Store;
use crate::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

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
