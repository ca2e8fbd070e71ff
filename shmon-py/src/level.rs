//! `shmon.Level`, an `IntEnum` that Python defines, from and to the library's level.

use crate::{argument, text};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use shmon_core::Level;

static MEMBERS: PyOnceLock<[Py<PyAny>; 4]> = PyOnceLock::new();

/// The member of `shmon.Level`.
pub(crate) fn to_python(py: Python<'_>, level: Level) -> PyResult<Py<PyAny>> {
    let members = MEMBERS.get_or_try_init(py, || -> PyResult<[Py<PyAny>; 4]> {
        let class = py.import("shmon._types")?.getattr("Level")?;
        let member = |level: Level| class.call1((level as u8,)).map(Bound::unbind);
        Ok([member(Level::Low)?, member(Level::Medium)?, member(Level::High)?, member(Level::Critical)?])
    })?;
    Ok(members[level as usize].clone_ref(py))
}

/// A level from a member, a number (0 to 3) or a name in any case.
pub(crate) fn from_python(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Level> {
    if let Ok(text) = value.cast::<PyString>() {
        return text::lossy(text)?.parse().map_err(crate::error::raise);
    }
    if !value.hasattr("__index__")? {
        return Err(argument::wrong(value, name, "a shmon.Level, a number from 0 to 3 or a name"));
    }
    let number: i64 = argument::number(value, name)?;
    u8::try_from(number)
        .ok()
        .and_then(Level::from_u8)
        .ok_or_else(|| crate::error::invalid(format!("{name}: unknown level {number}, use 0 to 3")))
}
