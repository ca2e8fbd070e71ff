//! `Report` and `Problem`: what `Store.verify` found.

use crate::pickle;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use shmon_core::store;

/// What `Store.verify` found; true when nothing is wrong.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Report {
    pub(crate) inner: store::Report,
}

#[pymethods]
impl Report {
    /// Nothing is other than it was recorded.
    #[getter]
    fn ok(&self) -> bool {
        self.inner.problems.is_empty()
    }

    /// Rows that were compared with their evidence.
    #[getter]
    fn rows(&self) -> u64 {
        self.inner.rows
    }

    /// Entries of the evidence.
    #[getter]
    fn entries(&self) -> u64 {
        self.inner.entries
    }

    /// Rows that were removed with a tombstone.
    #[getter]
    fn pruned(&self) -> u64 {
        self.inner.pruned
    }

    /// Checkpoints whose signature, root and key are right.
    #[getter]
    fn checkpoints(&self) -> u64 {
        self.inner.checkpoints
    }

    /// Checkpoints that the caller brought and that fit.
    #[getter]
    fn anchors(&self) -> u64 {
        self.inner.anchors
    }

    /// The last row that such a checkpoint vouches for.
    #[getter]
    fn anchored_row(&self) -> Option<i64> {
        self.inner.anchored_row
    }

    /// Rows after the last checkpoint: nothing vouches for them yet.
    #[getter]
    fn unvouched(&self) -> u64 {
        self.inner.unvouched
    }

    /// What is not as it was recorded; the first alteration comes first.
    #[getter]
    fn problems(&self) -> Vec<Problem> {
        self.inner.problems.iter().map(|inner| Problem { inner: inner.clone() }).collect()
    }

    /// What can't be proven, though it may be in order.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.inner.warnings.clone()
    }

    fn __bool__(&self) -> bool {
        self.ok()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Report", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((self.inner.rows, self.inner.entries, self.inner.problems.len()))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Report of {} rows, {} problems>", self.inner.rows, self.inner.problems.len())
    }
}

/// One thing that is not as it was recorded.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Problem {
    pub(crate) inner: store::Problem,
}

#[pymethods]
impl Problem {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("row", "message")
    }

    /// The row's id, where it is about one.
    #[getter]
    fn row(&self) -> Option<i64> {
        self.inner.row
    }

    /// The entry of the evidence, counted from 1, where it is about one.
    #[getter]
    fn entry(&self) -> Option<i64> {
        self.inner.entry
    }

    /// What was found, in a sentence.
    #[getter]
    fn message(&self) -> &str {
        &self.inner.message
    }

    fn __str__(&self) -> &str {
        &self.inner.message
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Problem", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((self.inner.row, &self.inner.message))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Problem {:?}>", self.inner.message)
    }
}
