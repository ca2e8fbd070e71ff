//! Plain structures that C and Rust share, and how they are read.
//!
//! A structure that the caller allocates begins with `struct_size`. A caller built with an older header passes a smaller
//! one, whose missing fields are zero; one built with a newer header passes a larger one, which is accepted as long as
//! the fields that this library doesn't know are zero. Zero always means 'unknown' or 'default'.

use crate::status::Failure;
use shmon_core::shell::{Dialect, Span};
use shmon_core::verdict::VerdictRef;
use shmon_core::{self as core, Level};
use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Text, or any bytes: `len` bytes at `data`, without a NUL at the end. `data` may be NULL when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmon_text {
    /// The first byte.
    pub data: *const c_char,
    /// The length in bytes.
    pub len: usize,
}

impl shmon_text {
    /// Borrows the text; the caller keeps the owner alive.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    /// Borrows the bytes; the caller keeps the owner alive.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        shmon_text { data: bytes.as_ptr().cast(), len: bytes.len() }
    }

    /// # Safety
    /// `data` points to `len` readable bytes that don't change while `'a` lasts, or `len` is 0.
    pub(crate) unsafe fn bytes<'a>(self, name: &str) -> Result<&'a [u8], Failure> {
        // SAFETY: passed on from the caller.
        unsafe { bytes(self.data, self.len, name) }
    }

    /// # Safety
    /// As for [`shmon_text::bytes`].
    pub(crate) unsafe fn str<'a>(self, name: &str) -> Result<&'a str, Failure> {
        // SAFETY: passed on from the caller.
        let bytes = unsafe { self.bytes(name) }?;
        std::str::from_utf8(bytes).map_err(|_| Failure::invalid(format!("{name} is not UTF-8")))
    }
}

/// # Safety
/// `data` points to `len` readable bytes that don't change while `'a` lasts, or `len` is 0.
pub(crate) unsafe fn bytes<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a [u8], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::null(name));
    }
    if isize::try_from(len).is_err() {
        return Err(Failure::invalid(format!("{name} is longer than memory")));
    }
    // SAFETY: not null, not longer than an object can be, and readable as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
}

/// An array of `len` members, which is not 0.
///
/// # Safety
/// `first` is NULL, or points to `len` readable members that don't change while `'a` lasts.
pub(crate) unsafe fn array<'a, T>(first: *const T, len: usize, name: &str) -> Result<&'a [T], Failure> {
    if first.is_null() {
        return Err(Failure::null(name));
    }
    // What `-1` becomes on its way to `size_t`: no object is that long.
    if len > isize::MAX.cast_unsigned() / size_of::<T>() {
        return Err(Failure::invalid(format!("{name} has more members than memory")));
    }
    // SAFETY: not null, not longer than an object can be, and readable as the caller promises.
    Ok(unsafe { std::slice::from_raw_parts(first, len) })
}

/// A text that ends with NUL and must be UTF-8.
///
/// # Safety
/// `text` is NULL, or ends with NUL and doesn't change while `'a` lasts.
pub(crate) unsafe fn name<'a>(text: *const c_char, name: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null, and ends with NUL as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::invalid(format!("{name} is not UTF-8")))
}

/// A path that ends with NUL; any bytes.
///
/// # Safety
/// As for [`name`].
pub(crate) unsafe fn path<'a>(text: *const c_char, name: &str) -> Result<&'a Path, Failure> {
    if text.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null, and ends with NUL as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    Ok(Path::new(OsStr::from_bytes(text.to_bytes())))
}

/// How dangerous a command is; ordered.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum shmon_level {
    /// No rule matched, or only one that is worth a note.
    SHMON_LOW = 0,
    /// Worth a look in a review.
    SHMON_MEDIUM = 1,
    /// Security or network relevant: people are told.
    SHMON_HIGH = 2,
    /// Destruction or loss of data: people are told at once.
    SHMON_CRITICAL = 3,
}

impl From<Level> for shmon_level {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => shmon_level::SHMON_LOW,
            Level::Medium => shmon_level::SHMON_MEDIUM,
            Level::High => shmon_level::SHMON_HIGH,
            Level::Critical => shmon_level::SHMON_CRITICAL,
        }
    }
}

/// C may pass any number, so levels come in as such.
pub(crate) fn level(number: i32) -> Result<Level, Failure> {
    u8::try_from(number)
        .ok()
        .and_then(Level::from_u8)
        .ok_or_else(|| Failure::invalid(format!("unknown level {number}: use 0 to 3")))
}

/// The shell whose grammar is applied.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum shmon_dialect {
    /// GNU bash.
    SHMON_BASH = 0,
    /// POSIX sh, dash, ash.
    SHMON_SH = 1,
    /// zsh, as typed interactively.
    SHMON_ZSH = 2,
    /// fish, as typed interactively.
    SHMON_FISH = 3,
}

/// A fact that may be unknown.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum shmon_answer {
    /// Not known.
    SHMON_UNKNOWN = 0,
    /// Yes.
    SHMON_YES = 1,
    /// No.
    SHMON_NO = 2,
}

/// Facts about who runs the command, for rules that ask. Make one with `shmon_context_init`; NULL in its place means that
/// nothing is known.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmon_context {
    /// The size of this structure, as `shmon_context_init` sets it.
    pub struct_size: usize,
    /// The user's login name, in UTF-8.
    pub user: shmon_text,
    /// A number of `shmon_dialect`.
    pub dialect: i32,
    /// A number of `shmon_answer`: the command runs as root.
    pub root: i32,
    /// A number of `shmon_answer`: the session came in over SSH.
    pub ssh: i32,
}

/// A structure of the caller that begins with its size.
///
/// # Safety
/// `repr(C)`, the first field is the `usize` size, and any bytes are valid in every field.
pub(crate) unsafe trait Versioned: Copy {
    /// The function that makes one.
    const INIT: &'static str;
}

// SAFETY: numbers and pointers that are checked when they are used.
unsafe impl Versioned for shmon_context {
    const INIT: &'static str = "shmon_context_init";
}

/// Copies a structure of any version.
///
/// # Safety
/// `from` is aligned as `T`, its first field is the number of readable bytes.
pub(crate) unsafe fn read<T: Versioned>(from: *const T, name: &str) -> Result<T, Failure> {
    if from.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: the caller promises at least the first field.
    let size = unsafe { from.cast::<usize>().read() };
    let ours = size_of::<T>();
    // A compiler gives no structure that begins with a size_t another size than a multiple of it, and none of ours will
    // grow this large: what is left of a structure that nobody initialised is seldom let through.
    let word = size_of::<usize>();
    if size < word || !size.is_multiple_of(word) || size > 1 << 12 {
        return Err(Failure::invalid(format!("struct_size of {name} is {size}: begin with {}()", T::INIT)));
    }
    // SAFETY: every `Versioned` is valid when all bytes are zero.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: `size` bytes are readable as the caller promises, `value` has room for the smaller size, and the two don't
    // overlap since `value` is ours.
    unsafe {
        std::ptr::copy_nonoverlapping(from.cast::<u8>(), (&raw mut value).cast::<u8>(), size.min(ours));
    };
    if size > ours {
        // SAFETY: the bytes from `ours` to `size` are readable.
        let unknown = unsafe { std::slice::from_raw_parts(from.cast::<u8>().add(ours), size - ours) };
        if unknown.iter().any(|&b| b != 0) {
            return Err(Failure::invalid(format!(
                "{name} has fields that this version of the library doesn't know"
            )));
        }
    }
    Ok(value)
}

/// Facts in the library's form.
///
/// # Safety
/// `context` is NULL or points to a structure that begins with its size, whose texts live as long as `'a`.
pub(crate) unsafe fn context<'a>(context: *const shmon_context) -> Result<core::Context<'a>, Failure> {
    let mut facts = core::Context::default();
    if context.is_null() {
        return Ok(facts);
    }
    // SAFETY: not null, and begins with its size as the caller promises.
    let context = unsafe { read(context, "context") }?;
    // SAFETY: the caller promises the text.
    let user = unsafe { context.user.str("context.user") }?;
    facts.user = (!user.is_empty()).then_some(user);
    facts.dialect = match context.dialect {
        0 => Dialect::Bash,
        1 => Dialect::Sh,
        2 => Dialect::Zsh,
        3 => Dialect::Fish,
        other => return Err(Failure::invalid(format!("unknown dialect {other}: use a shmon_dialect"))),
    };
    facts.root = answer(context.root)?;
    facts.ssh = answer(context.ssh)?;
    Ok(facts)
}

fn answer(number: i32) -> Result<Option<bool>, Failure> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(true)),
        2 => Ok(Some(false)),
        other => Err(Failure::invalid(format!("unknown answer {other}: use a shmon_answer"))),
    }
}

/// A range in bytes of the command: from `start` to before `end`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmon_span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl From<Span> for shmon_span {
    fn from(span: Span) -> Self {
        shmon_span { start: span.start, end: span.end }
    }
}

/// `flags` of `shmon_summary`: every program of the line is on the exclusion list, and no rule matched.
pub const SHMON_EXCLUDED: u32 = 1;
/// `flags` of `shmon_summary`: level high or critical, or a secret is in the text.
pub const SHMON_SENSITIVE: u32 = 2;
/// `flags` of `shmon_summary`: something could not be resolved.
pub const SHMON_PARTIAL: u32 = 4;

/// The short answer for one command; its size never changes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct shmon_summary {
    /// The highest level of all findings; `SHMON_LOW` where there is none.
    pub level: shmon_level,
    /// Any of `SHMON_EXCLUDED`, `SHMON_SENSITIVE`, `SHMON_PARTIAL`; unknown bits may come later.
    pub flags: u32,
    /// How many findings there are.
    pub findings: u32,
    /// Zero.
    pub reserved: u32,
}

impl shmon_summary {
    pub(crate) fn of(verdict: &VerdictRef<'_>) -> Self {
        let flag = |on: bool, flag| if on { flag } else { 0 };
        shmon_summary {
            level: verdict.level().into(),
            flags: flag(verdict.excluded(), SHMON_EXCLUDED)
                | flag(verdict.sensitive(), SHMON_SENSITIVE)
                | flag(verdict.partial(), SHMON_PARTIAL),
            findings: u32::try_from(verdict.findings().len()).unwrap_or(u32::MAX),
            reserved: 0,
        }
    }
}

/// Writes an answer.
///
/// # Safety
/// `out` is NULL, or aligned and writable.
pub(crate) unsafe fn put<T>(out: *mut T, value: T, name: &str) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null(name));
    }
    // SAFETY: not null, and aligned and writable as the caller promises; what was there is not read or dropped.
    unsafe { out.write(value) };
    Ok(())
}

/// Borrows a handle.
///
/// # Safety
/// `handle` is NULL or came from this library and wasn't freed.
pub(crate) unsafe fn handle<'a, T>(handle: *const T, name: &str) -> Result<&'a T, Failure> {
    // SAFETY: passed on from the caller.
    unsafe { handle.as_ref() }.ok_or_else(|| Failure::null(name))
}

/// Borrows a handle that no other thread uses.
///
/// # Safety
/// As for [`handle`], and nobody else uses it meanwhile.
pub(crate) unsafe fn handle_mut<'a, T>(handle: *mut T, name: &str) -> Result<&'a mut T, Failure> {
    // SAFETY: passed on from the caller.
    unsafe { handle.as_mut() }.ok_or_else(|| Failure::null(name))
}
