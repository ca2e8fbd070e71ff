//! Recording: each event is classified, stored, logged, and people are told.

use crate::classifier::{make, shmon_classifier};
use crate::event::{self, shmon_event, shmon_recorded, shmon_sink};
use crate::status::{Failure, guard, guard_drop, shmon_status};
use crate::types::{self, handle, path, shmon_text};
use shmon_core::config::{Config, Home};
use shmon_core::monitor::{Incoming, Recorded};
use shmon_core::record::{Ending, Event};
use shmon_core::{Classifier, Level, Monitor};
use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "notify")]
type Inner = shmon_core::LiveMonitor;
#[cfg(not(feature = "notify"))]
type Inner = Monitor;

/// Records commands into one home's database. Any number of threads may use one at once; after `fork` the child must
/// open another one, since it may not share the database's connection.
pub struct shmon_monitor {
    inner: Mutex<Inner>,
    sinks: Mutex<Vec<Sink>>,
    classifier: shmon_classifier,
    #[cfg_attr(not(feature = "notify"), expect(dead_code, reason = "there is nothing to deliver with"))]
    deliver: bool,
    process: u32,
}

#[derive(Clone, Copy)]
struct Sink {
    level: Level,
    told: unsafe extern "C" fn(
        *const shmon_event,
        *const shmon_recorded,
        *const crate::verdict::shmon_verdict,
        *mut c_void,
    ),
    user: *mut c_void,
}

// SAFETY: the pointer is only handed back to the callback, which the caller promises to be fit for any thread.
unsafe impl Send for Sink {}

thread_local! {
    /// The monitors whose sinks this thread is in.
    static TELLING: RefCell<Vec<*const shmon_monitor>> = const { RefCell::new(Vec::new()) };
}

/// While it lives, this thread is in the monitor's sinks.
struct Telling;

impl Telling {
    /// `None` in a sink of this very monitor: a sink that records would be told of that too, and so on for ever.
    fn begin(monitor: &shmon_monitor) -> Option<Telling> {
        let monitor = std::ptr::from_ref(monitor);
        TELLING.with_borrow_mut(|telling| {
            if telling.contains(&monitor) {
                return None;
            }
            telling.push(monitor);
            Some(Telling)
        })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        TELLING.with_borrow_mut(Vec::pop);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl shmon_monitor {
    /// In a forked child another thread of the parent may hold the lock for ever, so this comes first.
    fn lock(&self) -> Result<MutexGuard<'_, Inner>, Failure> {
        if self.process != std::process::id() {
            return Err(Failure::invalid(
                "this monitor was opened before fork(): open another one in the child",
            ));
        }
        Ok(lock(&self.inner))
    }

    fn record(&self, batch: &[Incoming]) -> Result<Vec<Recorded>, Failure> {
        let mut inner = self.lock()?;
        #[cfg(feature = "notify")]
        let recorded = inner.record(batch, self.deliver)?;
        #[cfg(not(feature = "notify"))]
        let recorded = inner.record(batch)?;
        Ok(recorded)
    }

    /// Records events and tells the sinks of the caller.
    fn take(&self, events: Vec<Event>) -> Result<Vec<Recorded>, Failure> {
        let batch: Vec<Incoming> = events.into_iter().map(Incoming::Event).collect();
        let recorded = self.record(&batch)?;
        let sinks = lock(&self.sinks).clone();
        if sinks.is_empty() {
            return Ok(recorded);
        }
        let Some(_telling) = Telling::begin(self) else { return Ok(recorded) };
        for (incoming, recorded) in batch.iter().zip(&recorded) {
            let Incoming::Event(event) = incoming else { continue };
            if recorded.duplicate || recorded.excluded {
                continue;
            }
            let mut verdict = None;
            for sink in sinks.iter().filter(|sink| recorded.level >= sink.level) {
                let verdict = verdict.get_or_insert_with(|| event::verdict(event, &self.classifier.inner));
                let (event, recorded) = (event::borrow(event), shmon_recorded::of(recorded));
                // SAFETY: the caller promised a callback that may be called from any thread; what it is given lives
                // until it returns.
                unsafe {
                    (sink.told)(&raw const event, &raw const recorded, &raw const **verdict, sink.user);
                };
            }
        }
        Ok(recorded)
    }
}

/// `flags` of `shmon_monitor_open`: a thread of this process sends notifications while it goes on. Without it they wait
/// in the outbox for `shmon_monitor_deliver`, `shmon daemon` or `shmon notify flush`.
pub const SHMON_DELIVER: u32 = 1;

/// Opens the home folder's database, to be freed with `shmon_monitor_free`; makes what is missing.
///
/// `home` is the folder with `config.toml`, `rules.d` and the database, `~/monitor` by custom; the library reads no
/// environment to find it. `flags` is 0 or `SHMON_DELIVER`. Rule files that are wrong don't stop the record: the
/// built-in rules are used, and the log says so.
///
/// # Safety
/// `home` ends with NUL, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_open(
    home: *const c_char,
    flags: u32,
    out: *mut *mut shmon_monitor,
) -> shmon_status {
    let open = || {
        if flags & !SHMON_DELIVER != 0 {
            return Err(Failure::invalid(format!("unknown flags {flags:#x}: use 0 or SHMON_DELIVER")));
        }
        // SAFETY: the caller promises the text.
        let folder = unsafe { path(home, "home") }?;
        let folder =
            std::path::absolute(folder).map_err(|e| shmon_core::Error::io("find the folder", folder, e))?;
        let home = Home::new(folder);
        let config = Config::load(&home.config())?;
        let monitor = Monitor::open(&home, config)?;
        let classifier: Classifier = monitor.classifier().clone();
        #[cfg(feature = "notify")]
        // Tokens and proxies may be in the process's environment.
        let monitor = {
            let options = shmon_core::notify::Options::with_env(|name| std::env::var(name).ok());
            shmon_core::LiveMonitor::new(monitor, options)
        };
        Ok(Box::new(shmon_monitor {
            inner: Mutex::new(monitor),
            sinks: Mutex::default(),
            classifier: shmon_classifier { inner: classifier },
            deliver: flags & SHMON_DELIVER != 0,
            process: std::process::id(),
        }))
    };
    // SAFETY: the caller promises `out`.
    unsafe { make(out, open) }
}

/// Sends what is due (a few seconds at most), closes the database and frees the monitor; NULL does nothing.
///
/// In a forked child it does nothing: the delivery's thread isn't there, and closing the connection would drop the
/// parent's locks. The memory goes with the process.
///
/// # Safety
/// `monitor` is NULL, or came from this library, wasn't freed, and no thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_free(monitor: *mut shmon_monitor) {
    // SAFETY: passed on from the caller.
    if unsafe { monitor.as_ref() }.is_none_or(|m| m.process != std::process::id()) {
        return;
    }
    guard_drop(|| {
        // SAFETY: not null, and it came from `Box::into_raw` in `give`.
        let monitor = unsafe { Box::from_raw(monitor) };
        #[cfg(feature = "notify")]
        // What can't be sent stays in the outbox, where `shmon notify status` shows it.
        let _ = monitor.inner.into_inner().unwrap_or_else(PoisonError::into_inner).close();
        #[cfg(not(feature = "notify"))]
        drop(monitor);
    });
}

/// The classifier with the home's rules; belongs to the monitor. NULL when `monitor` is.
///
/// # Safety
/// `monitor` is NULL or of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_classifier(monitor: *const shmon_monitor) -> *const shmon_classifier {
    // SAFETY: passed on from the caller.
    unsafe { monitor.as_ref() }.map_or(std::ptr::null(), |m| &raw const m.classifier)
}

/// Adds a sink of the caller's own: `told` is called for each stored command of at least `min_level`, a number of
/// `shmon_level`, unless it is excluded, a duplicate, or was recorded by a sink.
///
/// It is called once, after the commit, and a process that dies in between doesn't call it; for a sink that is tried
/// again until it takes the message, configure `[notify.command]`. The monitor keeps `user` and gives it back.
///
/// # Safety
/// `monitor` is of this library; `told` may be called with `user` on any thread that records, as long as the monitor
/// lives, and doesn't unwind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_add_sink(
    monitor: *const shmon_monitor,
    min_level: i32,
    told: shmon_sink,
    user: *mut c_void,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the monitor.
        let monitor = unsafe { handle(monitor, "monitor") }?;
        let level = types::level(min_level)?;
        let told = told.ok_or_else(|| Failure::null("told"))?;
        lock(&monitor.sinks).push(Sink { level, told, user });
        Ok(())
    })
}

/// Records one command: classifies it, stores it with its notifications, logs it, and tells the caller's sinks.
///
/// `SHMON_OK` means that it is stored: it survives the death of any process. After an error nothing of it was recorded,
/// and it may be tried again. `out` may be NULL.
///
/// # Safety
/// `monitor` is of this library; `event` begins with its size and its texts are readable; `out` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_record(
    monitor: *const shmon_monitor,
    event: *const shmon_event,
    out: *mut shmon_recorded,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises monitor and event.
        let (monitor, event) = unsafe { (handle(monitor, "monitor")?, event::read(event, "event")?) };
        let recorded = monitor.take(vec![event])?;
        if let (false, Some(recorded)) = (out.is_null(), recorded.first()) {
            // SAFETY: not null, and writable as the caller promises.
            unsafe { types::put(out, shmon_recorded::of(recorded), "out") }?;
        }
        Ok(())
    })
}

/// Records `len` commands in one transaction, in order: all of them, or none after an error. `out` may be NULL.
///
/// # Safety
/// `monitor` is of this library; `events` has `len` pointers as `shmon_monitor_record` takes them; `out` is NULL or has
/// room for `len` answers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_record_batch(
    monitor: *const shmon_monitor,
    events: *const *const shmon_event,
    len: usize,
    out: *mut shmon_recorded,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the monitor.
        let monitor = unsafe { handle(monitor, "monitor") }?;
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the caller promises `len` pointers.
        let events = unsafe { types::array(events, len, "events") }?;
        let events = events.iter().enumerate().map(|(i, &event)| {
            // SAFETY: the caller promises each event.
            unsafe { event::read(event, &format!("events[{i}]")) }
        });
        let recorded = monitor.take(events.collect::<Result<_, _>>()?)?;
        if !out.is_null() {
            for (i, recorded) in recorded.iter().enumerate() {
                // SAFETY: within the caller's `len` places.
                unsafe { types::put(out.add(i), shmon_recorded::of(recorded), "out") }?;
            }
        }
        Ok(())
    })
}

/// Adds the end of a command that was recorded with this `key` when it began; does nothing for an unknown key.
///
/// `exit_status` and `duration` (nanoseconds) may be NULL.
///
/// # Safety
/// `monitor` is of this library; `key` is readable; the others are NULL or readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_end(
    monitor: *const shmon_monitor,
    key: shmon_text,
    exit_status: *const i32,
    duration: *const i64,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises monitor and key.
        let (monitor, key) = unsafe { (handle(monitor, "monitor")?, key.str("key")?) };
        if key.is_empty() {
            return Err(Failure::invalid("key is empty"));
        }
        let mut ending = Ending::default();
        ending.key = key.to_owned();
        // SAFETY: NULL or readable as the caller promises.
        (ending.exit_status, ending.duration) =
            unsafe { (exit_status.as_ref().copied(), duration.as_ref().copied()) };
        monitor.record(&[Incoming::End(ending)])?;
        Ok(())
    })
}

/// Sends what is due in the outbox now, and writes to `sent` how many messages went out; `sent` may be NULL.
///
/// It waits for the services' answers. What can't be sent stays in the outbox; `shmon notify status` shows it.
///
/// # Safety
/// `monitor` is of this library; `sent` is NULL or writable.
#[cfg(feature = "notify")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_monitor_deliver(
    monitor: *const shmon_monitor,
    sent: *mut u64,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the monitor.
        let delivery = unsafe { handle(monitor, "monitor") }?.lock()?.deliver()?;
        if !sent.is_null() {
            // SAFETY: not null, and writable as the caller promises.
            unsafe { types::put(sent, delivery.sent, "sent") }?;
        }
        Ok(())
    })
}
