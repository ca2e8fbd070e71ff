//! Arguments that are named when they are wrong: another type is a `TypeError`, a value that can't be is an
//! `InvalidError` (a `ValueError`).

use crate::{error, text};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A number of one of the library's types.
pub(crate) trait Whole: TryFrom<i128> {
    /// The least and the greatest that there may be.
    const RANGE: (i128, i128);
}

macro_rules! whole {
    ($($kind:ty: $least:expr, $most:expr;)*) => {
        $(impl Whole for $kind {
            const RANGE: (i128, i128) = ($least as i128, $most as i128);
        })*
    };
}

whole! {
    i32: i32::MIN, i32::MAX;
    u32: u32::MIN, u32::MAX;
    i64: i64::MIN, i64::MAX;
    // SQLite counts in 64 bits with a sign.
    usize: 0, i64::MAX;
}

/// A whole number; what has an `__index__` counts as one.
pub(crate) fn number<T: Whole>(value: &Bound<'_, PyAny>, name: &str) -> PyResult<T> {
    let (least, most) = T::RANGE;
    let whole = value.call_method0("__index__").map_err(|_| wrong(value, name, "a whole number"))?;
    let whole = whole.cast::<PyInt>()?;
    let number: Option<i128> = whole.extract().ok();
    let fitting = number.filter(|n| (least..=most).contains(n)).and_then(|n| T::try_from(n).ok());
    fitting.ok_or_else(|| {
        let given = number.map_or("too large".to_owned(), |n| n.to_string());
        error::invalid(format!("{name} is {given}: use a whole number from {least} to {most}"))
    })
}

/// The same, which may be left out.
pub(crate) fn optional<T: Whole>(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<T>> {
    value.map(|value| number(value, name)).transpose()
}

/// A name; what can't be UTF-8 in it is replaced.
pub(crate) fn string(value: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    text::lossy(value.cast::<PyString>().map_err(|_| wrong(value, name, "a str"))?)
}

/// A path of a file or folder that is to be opened.
pub(crate) fn path(value: &Bound<'_, PyAny>, name: &str) -> PyResult<PathBuf> {
    let path = folder(value, name)?;
    if path.as_os_str().is_empty() {
        return Err(error::invalid(format!("{name} is empty: give a path, or leave it out")));
    }
    Ok(path)
}

/// A path from `str`, `bytes` or `os.PathLike`, possibly empty.
pub(crate) fn folder(value: &Bound<'_, PyAny>, name: &str) -> PyResult<PathBuf> {
    let path = value
        .py()
        .import("os")?
        .call_method1("fspath", (value,))
        .map_err(|_| wrong(value, name, "a path (str, bytes or os.PathLike)"))?;
    let bytes = match path.cast::<PyBytes>() {
        Ok(bytes) => bytes.as_bytes().to_vec(),
        Err(_) => text::command(&path)?.into_owned(),
    };
    if bytes.contains(&0) {
        return Err(error::invalid(format!("{name} holds a NUL character, which no path can")));
    }
    Ok(OsString::from_vec(bytes).into())
}

/// The error for a value of another type.
pub(crate) fn wrong(value: &Bound<'_, PyAny>, name: &str, wanted: &str) -> PyErr {
    match value.get_type().name() {
        Ok(kind) => PyTypeError::new_err(format!("{name} is {wanted}, not {kind}")),
        Err(error) => error,
    }
}

/// Says which member of `list` an error is about.
pub(crate) fn at(py: Python<'_>, error: PyErr, list: &str, index: usize) -> PyErr {
    let message = || format!("{list}[{index}]: {}", error.value(py));
    if error.is_instance_of::<PyTypeError>(py) {
        PyTypeError::new_err(message())
    } else if error::is_invalid(py, &error) {
        error::invalid(message())
    } else {
        error
    }
}
