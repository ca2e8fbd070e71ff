//! One command: its summary without an allocation, its level's name, its redacted text.

use crate::classifier::{free, make, shmon_classifier};
use crate::status::{Failure, SHMON_BUFFER, guard, shmon_status};
use crate::types::{self, handle, handle_mut, put, shmon_context, shmon_level, shmon_summary};
use shmon_core::{Level, Scratch};
use std::ffi::c_char;

/// Buffers that are reused from command to command. For one thread at a time: make one for each.
pub struct shmon_scratch {
    pub(crate) inner: Scratch,
}

/// Makes buffers, to be freed with `shmon_scratch_free`.
///
/// # Safety
/// `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_scratch_new(out: *mut *mut shmon_scratch) -> shmon_status {
    // SAFETY: the caller promises `out`.
    unsafe { make(out, || Ok(Box::new(shmon_scratch { inner: Scratch::default() }))) }
}

/// Frees buffers; NULL does nothing.
///
/// # Safety
/// `scratch` is NULL, or came from this library and wasn't freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_scratch_free(scratch: *mut shmon_scratch) {
    // SAFETY: passed on from the caller.
    unsafe { free(scratch) }
}

/// Classifies one command of `len` bytes and writes the short answer.
///
/// Pure: nothing is executed, recorded or looked up. Any bytes are a command, NUL and invalid UTF-8 too. With a
/// `scratch` that has seen commands of this size nothing is allocated. `scratch` and `context` may be NULL.
///
/// # Safety
/// `classifier` is of this library; `scratch` is NULL or of this library and used by no other thread; `command` has `len`
/// readable bytes; `context` is NULL or begins with its size; `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_classify(
    classifier: *const shmon_classifier,
    scratch: *mut shmon_scratch,
    command: *const c_char,
    len: usize,
    context: *const shmon_context,
    out: *mut shmon_summary,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises classifier, text and context.
        let (classifier, command, context) = unsafe {
            (
                handle(classifier, "classifier")?,
                types::bytes(command, len, "command")?,
                types::context(context)?,
            )
        };
        let mut own;
        let scratch = if scratch.is_null() {
            own = Scratch::default();
            &mut own
        } else {
            // SAFETY: the caller promises that nobody else uses it.
            unsafe { &mut handle_mut(scratch, "scratch")?.inner }
        };
        let verdict = classifier.inner.classify_into(command, &context, scratch);
        // SAFETY: the caller promises `out`.
        unsafe { put(out, shmon_summary::of(&verdict), "out") }
    })
}

/// Writes the command with its secrets replaced into `buffer`, without a NUL at the end.
///
/// `size` is the room in `buffer` in bytes; `*needed` becomes the length of the text. `SHMON_BUFFER` means that it didn't
/// fit and nothing was written: call again with `*needed` bytes. `buffer` may be NULL when `size` is 0. Bytes that aren't
/// UTF-8 are replaced where there was a secret, and kept where there was none.
///
/// # Safety
/// `classifier` is of this library, `command` has `len` readable bytes, `buffer` has `size` writable ones that don't
/// overlap the command, `needed` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_redact(
    classifier: *const shmon_classifier,
    command: *const c_char,
    len: usize,
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises classifier and text.
        let (classifier, command) =
            unsafe { (handle(classifier, "classifier")?, types::bytes(command, len, "command")?) };
        let verdict = classifier.inner.classify(command);
        let text = verdict.redacted.as_deref().map_or(command, str::as_bytes);
        // SAFETY: the caller promises `needed`.
        unsafe { put(needed, text.len(), "needed") }?;
        if text.len() > size {
            return Err(Failure(SHMON_BUFFER, format!("buffer has {size} bytes, {} are needed", text.len())));
        }
        if text.is_empty() {
            return Ok(());
        }
        if buffer.is_null() {
            return Err(Failure::null("buffer"));
        }
        // SAFETY: not null, with room for the text as the caller promises, and apart from it.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len()) };
        Ok(())
    })
}

/// The level's name in lower case, "low" to "critical"; static text that ends with NUL, empty for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn shmon_level_name(level: i32) -> *const c_char {
    let name = match u8::try_from(level).ok().and_then(Level::from_u8) {
        Some(Level::Low) => c"low",
        Some(Level::Medium) => c"medium",
        Some(Level::High) => c"high",
        Some(Level::Critical) => c"critical",
        None => c"",
    };
    name.as_ptr()
}

/// Writes the level with this name, in any case: what a configuration of the caller's own says.
///
/// # Safety
/// `name` ends with NUL, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_level_parse(name: *const c_char, out: *mut shmon_level) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the text.
        let level: Level = unsafe { types::name(name, "name") }?.parse()?;
        // SAFETY: the caller promises `out`.
        unsafe { put(out, level.into(), "out") }
    })
}
