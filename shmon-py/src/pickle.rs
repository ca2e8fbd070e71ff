//! Pickles of verdicts, rows and their parts, so that worker processes can hand them over.
//!
//! A pickle holds what the value says, not the classifier or the store: it reads the same wherever it is opened.

use crate::error;
use crate::finding::Finding;
use crate::invocation::{Invocation, Unresolved};
use crate::monitor::Recorded;
use crate::report::{Problem, Report};
use crate::row::{Columns, Row};
use crate::session::Session;
use crate::stats::{Count, Stats};
use crate::verdict::Verdict;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use serde::{Serialize, de::DeserializeOwned};
use std::hash::{DefaultHasher, Hash, Hasher};

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

/// The answer of `__hash__`: equal values have equal ones, in this process.
pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Makes what a pickle holds.
#[pyfunction]
pub(crate) fn _restore<'py>(
    py: Python<'py>,
    kind: &str,
    command: &[u8],
    json: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    fn read<T: DeserializeOwned>(kind: &str, json: &[u8]) -> PyResult<T> {
        serde_json::from_slice(json)
            .map_err(|e| error::invalid(format!("the pickle of a {kind} is damaged: {e}")))
    }
    macro_rules! made {
        ($class:ident) => {
            Ok(Bound::new(py, $class { inner: read(kind, json)? })?.into_any())
        };
    }
    match kind {
        "Verdict" => Ok(Bound::new(py, Verdict::restored(command, read(kind, json)?))?.into_any()),
        "Row" => Ok(Bound::new(py, Row::restored(command, read::<Columns>(kind, json)?))?.into_any()),
        "Count" => made!(Count),
        "Finding" => made!(Finding),
        "Invocation" => made!(Invocation),
        "Problem" => made!(Problem),
        "Recorded" => made!(Recorded),
        "Report" => made!(Report),
        "Session" => made!(Session),
        "Stats" => made!(Stats),
        "Unresolved" => made!(Unresolved),
        other => Err(error::invalid(format!("there is no pickle of a '{other}'"))),
    }
}
