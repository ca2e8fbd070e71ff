//! The library's errors as Python's: one class per kind, all under `shmon.ShmonError`.

use pyo3::prelude::*;
use shmon_core::{Error, ErrorKind};

/// The class in `shmon._types` and the value of its `kind`.
const fn class(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "ConfigError",
        ErrorKind::Rule => "RuleError",
        ErrorKind::Store => "StoreError",
        ErrorKind::NewerVersion => "NewerVersionError",
        ErrorKind::OldVersion => "OldVersionError",
        ErrorKind::Full => "FullError",
        ErrorKind::ReadOnly => "ReadOnlyError",
        ErrorKind::Locked => "LockedError",
        ErrorKind::Corrupt => "CorruptError",
        ErrorKind::Io => "FileError",
        ErrorKind::Notify => "NotifyError",
        ErrorKind::Invalid => "InvalidError",
        _ => "ShmonError",
    }
}

/// The exception for an error of the library.
#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(crate) fn raise(error: Error) -> PyErr {
    Python::attach(|py| {
        let exception = py
            .import("shmon._types")
            .and_then(|types| types.getattr(class(error.kind())))
            .and_then(|class| class.call1((error.to_string(),)));
        match exception {
            Ok(exception) => {
                if let Some(path) = error.path()
                    && let Err(e) = exception.setattr("path", path.as_os_str())
                {
                    return e;
                }
                PyErr::from_value(exception)
            }
            Err(e) => e,
        }
    })
}

/// Whether this is an `InvalidError`.
pub(crate) fn is_invalid(py: Python<'_>, error: &PyErr) -> bool {
    let class = py.import("shmon._types").and_then(|types| types.getattr("InvalidError"));
    class.is_ok_and(|class| error.matches(py, class).unwrap_or(false))
}

/// An `InvalidError` (also a `ValueError`).
pub(crate) fn invalid(message: impl Into<String>) -> PyErr {
    raise(Error::new(ErrorKind::Invalid, message))
}
