//! Instants: nanoseconds inside, `datetime`, seconds or local text outside.

use crate::{error, text};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use shmon_core::record::UnixNanos;
use shmon_core::time;

/// An instant from a `datetime` (without a zone: local time), seconds since the epoch, or `YYYY-MM-DD HH:MM:SS`.
pub(crate) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<UnixNanos> {
    if let Ok(text) = value.cast::<PyString>() {
        let text = text::lossy(text)?;
        return time::parse_local(&text).ok_or_else(|| {
            error::invalid(format!("'{text}' is no time: use 'YYYY-MM-DD HH:MM:SS', seconds or a datetime"))
        });
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        let seconds: i64 = value.extract()?;
        return seconds.checked_mul(1_000_000_000).ok_or_else(far);
    }
    if value.is_instance_of::<PyFloat>() {
        return nanos(value.extract()?);
    }
    if value.hasattr("timestamp")? {
        return nanos(value.call_method0("timestamp")?.extract()?);
    }
    Err(PyTypeError::new_err("a time is a datetime, seconds since the epoch or 'YYYY-MM-DD HH:MM:SS'"))
}

/// To the microsecond: that is what a `float` of today holds, and a `datetime` too.
fn nanos(seconds: f64) -> PyResult<UnixNanos> {
    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros.abs() > i64::MAX as f64 / 1e3 - 1.0 {
        return Err(far());
    }
    Ok(micros as i64 * 1000)
}

fn far() -> PyErr {
    PyOverflowError::new_err("the time is too far from the epoch")
}

/// A length of time in seconds, from a number or a `timedelta`.
pub(crate) fn duration(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if value.hasattr("total_seconds")? {
        return nanos(value.call_method0("total_seconds")?.extract()?);
    }
    nanos(value.extract()?)
}

/// A `datetime` in UTC, to the microsecond.
pub(crate) fn to_python(py: Python<'_>, at: UnixNanos) -> PyResult<Bound<'_, PyAny>> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let class = datetime.getattr("datetime")?;
    let epoch = class.call1((1970, 1, 1, 0, 0, 0, 0, utc))?;
    let keywords = PyDict::new(py);
    keywords.set_item("microseconds", at.div_euclid(1000))?;
    epoch.add(datetime.getattr("timedelta")?.call((), Some(&keywords))?)
}
