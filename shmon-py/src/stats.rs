//! `Count` and `Stats`: numbers over rows.

use crate::pickle;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use shmon_core::store;

/// A name and how many rows have it.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Count {
    pub(crate) inner: store::Count,
}

#[pymethods]
impl Count {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("name", "count", "high")
    }

    /// A level, a day, an hour, a rule, a session, a user or a command.
    #[getter]
    fn name(&self) -> &str {
        &self.inner.name
    }

    /// How many rows.
    #[getter]
    fn count(&self) -> u64 {
        self.inner.count
    }

    /// How many of them are of level high or critical.
    #[getter]
    fn high(&self) -> u64 {
        self.inner.high
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Count", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.name, self.inner.count))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Count {:?} {} high={}>", self.inner.name, self.inner.count, self.inner.high)
    }
}

/// Numbers over the rows of a query.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Stats {
    pub(crate) inner: store::Stats,
}

fn counts(all: &[store::Count]) -> Vec<Count> {
    all.iter().map(|inner| Count { inner: inner.clone() }).collect()
}

#[pymethods]
impl Stats {
    /// All rows.
    #[getter]
    fn total(&self) -> u64 {
        self.inner.total
    }

    /// Local time of the first row.
    #[getter]
    fn first(&self) -> Option<&str> {
        self.inner.first.as_deref()
    }

    /// Local time of the last row.
    #[getter]
    fn last(&self) -> Option<&str> {
        self.inner.last.as_deref()
    }

    /// Rows by level, highest first.
    #[getter]
    fn levels(&self) -> Vec<Count> {
        counts(&self.inner.levels)
    }

    /// Rows by local day, oldest first.
    #[getter]
    fn days(&self) -> Vec<Count> {
        counts(&self.inner.days)
    }

    /// Rows by local hour of the day, `00` to `23`.
    #[getter]
    fn hours(&self) -> Vec<Count> {
        counts(&self.inner.hours)
    }

    /// The rules that matched most rows.
    #[getter]
    fn rules(&self) -> Vec<Count> {
        counts(&self.inner.rules)
    }

    /// The sessions with most rows.
    #[getter]
    fn sessions(&self) -> Vec<Count> {
        counts(&self.inner.sessions)
    }

    /// The users with most rows.
    #[getter]
    fn users(&self) -> Vec<Count> {
        counts(&self.inner.users)
    }

    /// The commands typed most often, with their secrets replaced.
    #[getter]
    fn commands(&self) -> Vec<Count> {
        counts(&self.inner.commands)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Stats", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((self.inner.total, &self.inner.first, &self.inner.last))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Stats of {} rows>", self.inner.total)
    }
}
