//! Status numbers, the last error, and the boundary that no panic crosses.

use shmon_core::{Error, ErrorKind};
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a function answers; the numbers never change, and new ones may be added.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum shmon_status {
    /// Done.
    SHMON_OK = 0,
    /// The configuration can't be read, or a key or value in it isn't allowed.
    SHMON_CONFIG = 1,
    /// A rule file can't be read, or a rule in it is wrong.
    SHMON_RULE = 2,
    /// The database can't be opened, read or written.
    SHMON_STORE = 3,
    /// The database was made by a newer version of shmon.
    SHMON_NEWER_VERSION = 4,
    /// The file is not a database, or its content is damaged.
    SHMON_CORRUPT = 5,
    /// A file or folder can't be read or written.
    SHMON_IO = 6,
    /// A notification can't be prepared or delivered.
    SHMON_NOTIFY = 7,
    /// An argument is wrong: NULL where that isn't allowed, an unknown number, text that isn't UTF-8 where it must be.
    SHMON_INVALID = 8,
    /// A buffer of the caller is too small; the needed size was told.
    SHMON_BUFFER = 9,
    /// A defect of shmon: the call was stopped, and handles that it could change must be freed.
    SHMON_PANIC = 10,
    /// The database was made by an older version of shmon: recording a command brings it up to date.
    SHMON_OLD_VERSION = 11,
    /// There is no room left on the device.
    SHMON_FULL = 12,
    /// The database's file or file system can't be written.
    SHMON_READ_ONLY = 13,
    /// Another process kept the database for longer than a write waits.
    SHMON_LOCKED = 14,
    /// Something that this list has no number for.
    SHMON_OTHER = 99,
}

pub(crate) use shmon_status::*;

/// Why a call failed: its status and message.
pub(crate) struct Failure(pub(crate) shmon_status, pub(crate) String);

impl Failure {
    pub(crate) fn invalid(message: impl Into<String>) -> Failure {
        Failure(SHMON_INVALID, message.into())
    }

    pub(crate) fn null(name: &str) -> Failure {
        Failure::invalid(format!("{name} is NULL"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error.kind() {
            ErrorKind::Config => SHMON_CONFIG,
            ErrorKind::Rule => SHMON_RULE,
            ErrorKind::Store => SHMON_STORE,
            ErrorKind::NewerVersion => SHMON_NEWER_VERSION,
            ErrorKind::OldVersion => SHMON_OLD_VERSION,
            ErrorKind::Full => SHMON_FULL,
            ErrorKind::ReadOnly => SHMON_READ_ONLY,
            ErrorKind::Locked => SHMON_LOCKED,
            ErrorKind::Corrupt => SHMON_CORRUPT,
            ErrorKind::Io => SHMON_IO,
            ErrorKind::Notify => SHMON_NOTIFY,
            ErrorKind::Invalid => SHMON_INVALID,
            _ => SHMON_OTHER,
        };
        Failure(status, error.to_string())
    }
}

thread_local! {
    static LAST: RefCell<Option<CString>> = const { RefCell::new(None) };
}

fn remember(message: String) {
    let mut bytes = message.into_bytes();
    // A NUL would end the message early, and a path may hold any text.
    bytes.retain(|&b| b != 0);
    let message = CString::new(bytes).ok();
    // While the thread ends its storage is gone; the status alone must do then.
    let _ = LAST.try_with(|last| *last.borrow_mut() = message);
}

/// Runs `body` and turns its error, or its panic, into a status.
pub(crate) fn guard(body: impl FnOnce() -> Result<(), Failure>) -> shmon_status {
    // A panic may leave a handle half changed. That can't break memory safety, since the library behind has no unsafe
    // code, and the header tells the caller to free such a handle.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => SHMON_OK,
        Ok(Err(Failure(status, message))) => {
            remember(message);
            status
        }
        Err(payload) => {
            remember(format!("internal error: {}", panic_message(&*payload)));
            // The payload's own drop may panic too; that second payload is leaked, or this would have no end.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            SHMON_PANIC
        }
    }
}

fn panic_message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a message")
}

/// Runs the drop of a handle; a panic there is a defect that the caller can do nothing about.
pub(crate) fn guard_drop(body: impl FnOnce()) {
    let _ = guard(|| {
        body();
        Ok(())
    });
}

/// The message of the last call of this thread that failed: UTF-8, ends with NUL, in lower case, names the file, rule
/// or argument at fault. Empty where none failed.
///
/// The text belongs to the thread and stays as it is until the next call on the same thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn shmon_last_error() -> *const c_char {
    let message = LAST.try_with(|last| last.borrow().as_ref().map(|text| text.as_ptr()));
    message.ok().flatten().unwrap_or(c"".as_ptr())
}

/// The library's version, such as "0.1.0"; static text that ends with NUL.
#[unsafe(no_mangle)]
pub extern "C" fn shmon_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Panics on purpose, so that a test sees what becomes of it. `kind` 0 is a text, 1 a formatted text, 2 an object.
#[cfg(feature = "test-panic")]
#[unsafe(no_mangle)]
pub extern "C" fn shmon_test_panic(kind: i32) -> shmon_status {
    guard(|| match kind {
        0 => panic!("on purpose"),
        1 => panic!("on purpose, kind {kind}"),
        _ => std::panic::panic_any(kind),
    })
}
