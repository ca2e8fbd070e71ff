//! Instants: nanoseconds inside, `datetime`, seconds or local text outside.

use crate::{argument, error, text};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};
use shmon_core::record::UnixNanos;
use shmon_core::time;

/// An instant from a `datetime` (without a zone: local time), a `date` (its midnight), seconds since the epoch, or
/// `YYYY-MM-DD HH:MM:SS`.
pub(crate) fn from_python(value: &Bound<'_, PyAny>, name: &str) -> PyResult<UnixNanos> {
    let local = |text: &str| {
        time::parse_local(text).ok_or_else(|| {
            error::invalid(format!(
                "{name}: '{text}' is no time, use 'YYYY-MM-DD HH:MM:SS', seconds or a datetime"
            ))
        })
    };
    if let Ok(text) = value.cast::<PyString>() {
        return local(&text::lossy(text)?);
    }
    if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
        let seconds = value.extract::<i64>().ok();
        return seconds.and_then(|s| s.checked_mul(1_000_000_000)).ok_or_else(|| far(name));
    }
    if value.is_instance_of::<PyFloat>() {
        return nanos(value.extract()?, name);
    }
    if value.hasattr("timestamp")? {
        // Python itself refuses some years, each in its own way.
        let seconds = value.call_method0("timestamp").and_then(|seconds| seconds.extract());
        return nanos(seconds.map_err(|_| far(name))?, name);
    }
    if value.hasattr("isoformat")? {
        return local(&value.call_method0("isoformat")?.str()?.to_cow()?);
    }
    Err(argument::wrong(value, name, "a datetime, a date, seconds since the epoch or 'YYYY-MM-DD HH:MM:SS'"))
}

/// To the microsecond: that is what a `float` of today holds, and a `datetime` too.
fn nanos(seconds: f64, name: &str) -> PyResult<i64> {
    let micros = (seconds * 1e6).round();
    if !micros.is_finite() || micros.abs() > i64::MAX as f64 / 1e3 - 1.0 {
        return Err(far(name));
    }
    Ok(micros as i64 * 1000)
}

fn far(name: &str) -> PyErr {
    error::invalid(format!("{name} is out of range: nanoseconds in 64 bits reach 292 years"))
}

/// A length of time in seconds, from a number or a `timedelta`.
pub(crate) fn duration(value: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
    let seconds = match value.hasattr("total_seconds")? {
        true => value.call_method0("total_seconds")?,
        false => value.clone(),
    };
    let seconds: f64 = match seconds.extract() {
        Ok(seconds) => seconds,
        Err(e) if e.is_instance_of::<PyOverflowError>(value.py()) => return Err(far(name)),
        Err(_) => return Err(argument::wrong(value, name, "a number of seconds or a timedelta")),
    };
    if seconds < 0.0 {
        return Err(error::invalid(format!("{name} is negative: use seconds from 0 on")));
    }
    nanos(seconds, name)
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
