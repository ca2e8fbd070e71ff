//! Many commands at once, on as many threads as the caller allows.

use crate::classifier::shmon_classifier;
use crate::status::{Failure, guard, shmon_status};
use crate::types::{self, handle, shmon_context, shmon_summary, shmon_text};
use shmon_core::Scratch;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Commands that a thread takes at a time.
const SHARE: usize = 256;

/// Where the summaries go; each thread writes the places of its own commands.
struct Places(*mut shmon_summary);

// SAFETY: the memory is the caller's for the whole call, and no two threads write to the same place.
unsafe impl Sync for Places {}

impl Places {
    /// # Safety
    /// `index` is within the caller's array and is written by this thread alone.
    unsafe fn put(&self, index: usize, summary: shmon_summary) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.add(index).write(summary) }
    }
}

/// The caller's commands.
struct Commands<'a>(&'a [shmon_text]);

// SAFETY: the texts are only read, and don't change during the call as the caller promises.
unsafe impl Sync for Commands<'_> {}

/// Classifies `len` commands and writes their summaries to `out`, in order.
///
/// Uses up to `threads` threads, the calling one among them; 0 means as many as there are cores. A few commands are
/// classified on the calling thread alone. `context` may be NULL. When an argument is wrong, nothing is classified.
///
/// # Safety
/// `classifier` is of this library; `commands` has `len` texts whose bytes are readable and don't change meanwhile;
/// `context` is NULL or begins with its size; `out` has room for `len` summaries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_classify_batch(
    classifier: *const shmon_classifier,
    commands: *const shmon_text,
    len: usize,
    context: *const shmon_context,
    threads: u32,
    out: *mut shmon_summary,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises classifier and context.
        let (classifier, context) = unsafe { (handle(classifier, "classifier")?, types::context(context)?) };
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the caller promises `len` texts.
        let commands = Commands(unsafe { types::array(commands, len, "commands") }?);
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        for (index, text) in commands.0.iter().enumerate() {
            // SAFETY: the caller promises the bytes, which nobody looks at here.
            unsafe { text.bytes("data") }.map_err(|e| Failure(e.0, format!("commands[{index}]: {}", e.1)))?;
        }
        let places = Places(out);
        let next = AtomicUsize::new(0);
        let work = || {
            let (commands, places) = (&commands, &places);
            let mut scratch = Scratch::default();
            loop {
                let start = next.fetch_add(SHARE, Ordering::Relaxed);
                let Some(share) = commands.0.get(start..len.min(start + SHARE)) else {
                    return Ok::<(), Failure>(());
                };
                for (offset, text) in share.iter().enumerate() {
                    // SAFETY: the caller promises the bytes.
                    let command = unsafe { text.bytes("command") }?;
                    let verdict = classifier.inner.classify_into(command, &context, &mut scratch);
                    // SAFETY: within `len`, and this share is this thread's.
                    unsafe { places.put(start + offset, shmon_summary::of(&verdict)) };
                }
            }
        };
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = NonZero::new(threads as usize).map_or_else(cores, NonZero::get);
        let helpers = (threads - 1).min((len - 1) / SHARE);
        std::thread::scope(|scope| {
            let started: Vec<_> = (0..helpers)
                // A thread that can't be started isn't needed: the others take its share.
                .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut answer = work();
            for thread in started {
                match thread.join() {
                    Ok(theirs) => answer = answer.and(theirs),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answer
        })
    })
}
