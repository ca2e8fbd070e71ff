//! Pickles of verdicts and their parts, so that worker processes can hand them over.
//!
//! A pickle holds what the verdict says, not the classifier: it reads the same wherever it is opened.

use crate::error;
use crate::verdict::{Finding, Invocation, Unresolved, Verdict};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use serde::Serialize;

/// The answer of `__reduce__`: a call of `_restore`.
pub(crate) fn reduce<'py>(
    py: Python<'py>,
    kind: &str,
    command: &[u8],
    value: &impl Serialize,
) -> PyResult<Bound<'py, PyTuple>> {
    let json = serde_json::to_vec(value).map_err(|e| error::invalid(e.to_string()))?;
    let arguments = (kind, PyBytes::new(py, command), PyBytes::new(py, &json));
    (py.import("shmon._shmon")?.getattr("_restore")?, arguments).into_pyobject(py)
}

/// Makes what a pickle holds.
#[pyfunction]
pub(crate) fn _restore<'py>(
    py: Python<'py>,
    kind: &str,
    command: &[u8],
    json: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let made = match kind {
        "Verdict" => serde_json::from_slice(json)
            .map(|verdict| Bound::new(py, Verdict::restored(command, verdict)).map(Bound::into_any)),
        "Finding" => {
            serde_json::from_slice(json).map(|inner| Bound::new(py, Finding { inner }).map(Bound::into_any))
        }
        "Invocation" => serde_json::from_slice(json)
            .map(|inner| Bound::new(py, Invocation { inner }).map(Bound::into_any)),
        "Unresolved" => serde_json::from_slice(json)
            .map(|inner| Bound::new(py, Unresolved { inner }).map(Bound::into_any)),
        other => return Err(error::invalid(format!("there is no pickle of a '{other}'"))),
    };
    made.map_err(|e| error::invalid(format!("the pickle of a {kind} is damaged: {e}")))?
}
