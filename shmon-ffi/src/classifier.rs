//! Classifiers, and the builder for those with rules of the caller's own.

use crate::status::{Failure, guard, guard_drop, shmon_status};
use crate::types::{self, handle, handle_mut, name, path, put};
use shmon_core::classifier::Day;
use shmon_core::{self as core, ClassifierBuilder};
use std::ffi::c_char;

/// Rules, compiled. Immutable: any number of threads may use one at once.
pub struct shmon_classifier {
    pub(crate) inner: core::Classifier,
}

/// Collects rules and changes to them, until `shmon_builder_build`. For one thread at a time.
pub struct shmon_builder {
    inner: ClassifierBuilder,
    exclude: Option<Vec<String>>,
}

/// Makes a classifier with the built-in rules, to be freed with `shmon_classifier_free`.
///
/// # Safety
/// `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_classifier_new(out: *mut *mut shmon_classifier) -> shmon_status {
    // SAFETY: the caller promises `out`.
    unsafe { make(out, || Ok(Box::new(shmon_classifier { inner: core::Classifier::builtin() }))) }
}

/// Frees a classifier; NULL does nothing. Verdicts that it made stay valid.
///
/// # Safety
/// `classifier` is NULL, or came from this library, wasn't freed, and no thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_classifier_free(classifier: *mut shmon_classifier) {
    // SAFETY: passed on from the caller.
    unsafe { free(classifier) }
}

/// Makes a builder that starts with the built-in rules, to be freed with `shmon_builder_free`.
///
/// # Safety
/// `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_new(out: *mut *mut shmon_builder) -> shmon_status {
    let new = || Ok(Box::new(shmon_builder { inner: core::Classifier::builder(), exclude: None }));
    // SAFETY: the caller promises `out`.
    unsafe { make(out, new) }
}

/// Frees a builder; NULL does nothing.
///
/// # Safety
/// `builder` is NULL, or came from this library and wasn't freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_free(builder: *mut shmon_builder) {
    // SAFETY: passed on from the caller.
    unsafe { free(builder) }
}

/// Leaves the built-in rules out.
///
/// # Safety
/// `builder` is a builder of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_without_builtin(builder: *mut shmon_builder) -> shmon_status {
    // SAFETY: the caller promises the builder.
    guard(|| unsafe { change(builder, ClassifierBuilder::without_builtin) })
}

/// Adds a rule file, or every `*.toml` of a folder in order of name. Files are read by `shmon_builder_build`.
///
/// # Safety
/// `builder` is a builder of this library, `file` ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_rules_path(
    builder: *mut shmon_builder,
    file: *const c_char,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the text.
        let file = unsafe { path(file, "path") }?;
        // SAFETY: the caller promises the builder.
        unsafe { change(builder, |b| b.rules_path(file)) }
    })
}

/// Adds rules from TOML text in UTF-8, `len` bytes long; `source` stands for the file in messages and ends with NUL.
///
/// # Safety
/// `builder` is a builder of this library, `source` ends with NUL, `toml` has `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_rules_text(
    builder: *mut shmon_builder,
    source: *const c_char,
    toml: *const c_char,
    len: usize,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises both texts.
        let (source, toml) = unsafe { (name(source, "source")?, types::bytes(toml, len, "toml")?) };
        let toml = std::str::from_utf8(toml).map_err(|_| Failure::invalid("toml is not UTF-8"))?;
        // SAFETY: the caller promises the builder.
        unsafe { change(builder, |b| b.rules_text(source, toml)) }
    })
}

/// Switches a rule off by its id, or all rules whose ids begin with what stands before `*`.
///
/// # Safety
/// `builder` is a builder of this library, `id` ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_disable(
    builder: *mut shmon_builder,
    id: *const c_char,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the text.
        let id = unsafe { name(id, "id") }?;
        // SAFETY: the caller promises the builder.
        unsafe { change(builder, |b| b.disable(id)) }
    })
}

/// Gives a rule another level, a number of `shmon_level`.
///
/// # Safety
/// `builder` is a builder of this library, `id` ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_level(
    builder: *mut shmon_builder,
    id: *const c_char,
    level: i32,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the text.
        let id = unsafe { name(id, "id") }?;
        let level = types::level(level)?;
        // SAFETY: the caller promises the builder.
        unsafe { change(builder, |b| b.level(id, level)) }
    })
}

/// Adds a program (its name, without folder) to the exclusion list; the first call replaces the built-in list.
///
/// # Safety
/// `builder` is a builder of this library, `program` ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_exclude(
    builder: *mut shmon_builder,
    program: *const c_char,
) -> shmon_status {
    guard(|| {
        // SAFETY: the caller promises the text.
        let program = unsafe { name(program, "program") }?;
        // SAFETY: the caller promises the builder.
        let builder = unsafe { handle_mut(builder, "builder") }?;
        builder.exclude.get_or_insert_default().push(program.to_owned());
        Ok(())
    })
}

/// The day on which allow entries are checked for expiry, such as 2026, 11, 23. Without it, entries that expire don't
/// hold: the library reads no clock to classify.
///
/// # Safety
/// `builder` is a builder of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_today(
    builder: *mut shmon_builder,
    year: u16,
    month: u8,
    day: u8,
) -> shmon_status {
    guard(|| {
        let today = Day::new(year, month, day)
            .ok_or_else(|| Failure::invalid(format!("{year}-{month}-{day} is no day")))?;
        // SAFETY: the caller promises the builder.
        unsafe { change(builder, |b| b.today(today)) }
    })
}

/// Compiles the rules. The builder stays as it is, may be changed and used again, and must be freed by itself.
///
/// On `SHMON_RULE` the message of `shmon_last_error` names file, line, rule and key.
///
/// # Safety
/// `builder` is a builder of this library, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shmon_builder_build(
    builder: *const shmon_builder,
    out: *mut *mut shmon_classifier,
) -> shmon_status {
    let build = || {
        // SAFETY: the caller promises the builder.
        let builder = unsafe { handle(builder, "builder") }?;
        let mut inner = builder.inner.clone();
        if let Some(programs) = &builder.exclude {
            inner = inner.exclude(programs);
        }
        Ok(Box::new(shmon_classifier { inner: inner.build()? }))
    };
    // SAFETY: the caller promises `out`.
    unsafe { make(out, build) }
}

/// # Safety
/// `builder` is NULL or a builder of this library.
unsafe fn change(
    builder: *mut shmon_builder,
    how: impl FnOnce(ClassifierBuilder) -> ClassifierBuilder,
) -> Result<(), Failure> {
    // SAFETY: passed on from the caller.
    let builder = unsafe { handle_mut(builder, "builder") }?;
    builder.inner = how(std::mem::take(&mut builder.inner));
    Ok(())
}

/// Makes a handle for the caller, or writes NULL and says why not: whoever doesn't look at the status then frees NULL,
/// or passes it on and is told so, where an uninitialised pointer would have been used.
///
/// # Safety
/// `out` is NULL or writable.
pub(crate) unsafe fn make<T>(
    out: *mut *mut T,
    body: impl FnOnce() -> Result<Box<T>, Failure>,
) -> shmon_status {
    guard(|| {
        // SAFETY: NULL or writable as the caller promises; before the body, which may panic.
        unsafe { put(out, std::ptr::null_mut(), "out") }?;
        let value = body()?;
        // SAFETY: not null, since it was written to above.
        unsafe { put(out, Box::into_raw(value), "out") }
    })
}

/// Takes a handle back and drops it.
///
/// # Safety
/// `handle` is NULL, or came from [`give`], wasn't freed, and nobody uses it.
pub(crate) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it came from `Box::into_raw` in `give`.
        guard_drop(|| drop(unsafe { Box::from_raw(handle) }));
    }
}
