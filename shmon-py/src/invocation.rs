//! `Invocation` and `Unresolved`: what would run, and what can't be known without running it.

use crate::pickle;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use shmon_core as core;

/// A program that would run, with its arguments after quote removal and expansion.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Invocation {
    pub(crate) inner: core::verdict::InvocationInfo,
}

#[pymethods]
impl Invocation {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("argv", "via")
    }

    /// The program and its arguments.
    #[getter]
    fn argv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.argv)
    }

    /// How the program was reached, outermost first.
    #[getter]
    fn via<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.via)
    }

    /// Where, as first byte and one past the last byte of the command in UTF-8.
    #[getter]
    fn span(&self) -> (u32, u32) {
        (self.inner.span.start, self.inner.span.end)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Invocation", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.argv, &self.inner.span))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Invocation {:?} via={:?}>", self.inner.argv, self.inner.via)
    }
}

/// A part of the command that could not be resolved without running something.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Unresolved {
    pub(crate) inner: core::verdict::Unresolved,
}

#[pymethods]
impl Unresolved {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("reason", "span")
    }

    /// What it was: `unset-variable`, `command-output`, `depth`, …
    #[getter]
    fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// Where, as first byte and one past the last byte of the command in UTF-8.
    #[getter]
    fn span(&self) -> (u32, u32) {
        (self.inner.span.start, self.inner.span.end)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Unresolved", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.reason, &self.inner.span))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Unresolved {} {:?}>", self.inner.reason, self.span())
    }
}
