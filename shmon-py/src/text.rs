//! Commands come in as `str`, `bytes` or anything with bytes in it, and text goes out as `str`.
//!
//! No command is refused for its encoding: lone surrogates that `surrogateescape` made become the bytes that they
//! stand for, and bytes that aren't UTF-8 come back as such surrogates (PEP 383).

use pyo3::exceptions::{PyTypeError, PyUnicodeEncodeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView, PyString};
use std::borrow::Cow;
use std::ffi::{CStr, c_char};

// In the stable ABI since 3.10, and exported with this signature by every CPython since 3.3; PyO3 hides it from
// abi3 builds for 3.9, where it is there all the same. Without it each command would be encoded into a new object.
unsafe extern "C" {
    fn PyUnicode_AsUTF8AndSize(unicode: *mut ffi::PyObject, size: *mut ffi::Py_ssize_t) -> *const c_char;
}

/// The UTF-8 of a `str`, borrowed from the object; `None` (and no error set) when it holds surrogates.
fn utf8<'a>(text: &'a Bound<'_, PyString>) -> Option<&'a [u8]> {
    let mut size = 0;
    // SAFETY: `text` is a live str and we are attached; the object owns the buffer for as long as it lives, and `'a`
    // borrows it.
    unsafe {
        let data = PyUnicode_AsUTF8AndSize(text.as_ptr(), &raw mut size);
        if data.is_null() {
            ffi::PyErr_Clear();
            return None;
        }
        Some(std::slice::from_raw_parts(data.cast(), size.cast_unsigned()))
    }
}

fn encode<'py>(text: &Bound<'py, PyString>, errors: &CStr) -> PyResult<Bound<'py, PyBytes>> {
    // SAFETY: `text` is a live str, both names end with NUL, and a null answer means that an exception is set.
    unsafe {
        let bytes = ffi::PyUnicode_AsEncodedString(text.as_ptr(), c"utf-8".as_ptr(), errors.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(text.py(), bytes)?.cast_into_unchecked())
    }
}

/// A command's bytes.
pub(crate) fn command<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = value.cast::<PyString>() {
        if let Some(bytes) = utf8(text) {
            return Ok(Cow::Borrowed(bytes));
        }
        let bytes = match encode(text, c"surrogateescape") {
            // A surrogate that stands for no byte, as from UTF-16: kept as it is, which no rule takes for text.
            Err(e) if e.is_instance_of::<PyUnicodeEncodeError>(text.py()) => encode(text, c"surrogatepass")?,
            bytes => bytes?,
        };
        return Ok(Cow::Owned(bytes.as_bytes().to_vec()));
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(Cow::Owned(bytes.to_vec()));
    }
    if let Ok(view) = value.cast::<PyMemoryView>() {
        let bytes = view.call_method0("tobytes")?;
        return Ok(Cow::Owned(bytes.extract::<Vec<u8>>()?));
    }
    let name = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("a command is str or bytes, not {name}")))
}

/// Whether this is one command rather than several.
pub(crate) fn is_one(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
}

/// Bytes as a `str`, with surrogates for what isn't UTF-8.
pub(crate) fn to_python<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(PyString::new(py, text));
    }
    // SAFETY: pointer and length describe a live slice (at most isize::MAX bytes), the name ends with NUL, and a null
    // answer means that an exception is set.
    unsafe {
        let text = ffi::PyUnicode_DecodeUTF8(
            bytes.as_ptr().cast(),
            bytes.len().cast_signed(),
            c"surrogateescape".as_ptr(),
        );
        Ok(Bound::from_owned_ptr_or_err(py, text)?.cast_into_unchecked())
    }
}

/// A name or path as Rust text; what can't be UTF-8 is replaced.
pub(crate) fn lossy(text: &Bound<'_, PyString>) -> PyResult<String> {
    Ok(String::from_utf8_lossy(&command(text.as_any())?).into_owned())
}

/// A name as an argument: `str`, of which what can't be UTF-8 is replaced.
pub(crate) struct Name(pub(crate) String);

impl<'a, 'py> FromPyObject<'a, 'py> for Name {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Name(lossy(&*value.cast::<PyString>()?)?))
    }
}
