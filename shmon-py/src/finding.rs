//! `Finding`: one rule that matched.

use crate::{level, pickle};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use shmon_core as core;

/// A finding with the keys that `shmon classify --format jsonl` prints.
pub(crate) fn to_dict<'py>(py: Python<'py>, finding: &core::Finding) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("rule", &finding.rule)?;
    dict.set_item("level", finding.level.as_str())?;
    dict.set_item("category", &finding.category)?;
    dict.set_item("title", &finding.title.en)?;
    dict.set_item("attack", &finding.attack)?;
    dict.set_item("argv", &finding.argv)?;
    dict.set_item("via", &finding.via)?;
    dict.set_item("span", [finding.span.start, finding.span.end])?;
    if finding.count > 1 {
        dict.set_item("count", finding.count)?;
    }
    Ok(dict)
}

/// One rule that matched, and where.
///
/// >>> import shmon
/// >>> finding = shmon.classify("rm -rf /srv/data").findings[0]
/// >>> finding.level, finding.category, finding.argv
/// (<Level.CRITICAL: 3>, 'destruction', ('rm', '-rf', '/srv/data'))
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Finding {
    pub(crate) inner: core::Finding,
}

#[pymethods]
impl Finding {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("rule", "level")
    }

    /// The rule's id, such as `destruction.rm-recursive-force`.
    #[getter]
    fn rule(&self) -> &str {
        &self.inner.rule
    }

    /// The rule's level, after the caller's overrides.
    #[getter]
    fn level(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        level::to_python(py, self.inner.level)
    }

    /// The rule's category, such as `destruction`.
    #[getter]
    fn category(&self) -> &str {
        &self.inner.category
    }

    /// The rule's title in English.
    #[getter]
    fn title(&self) -> &str {
        &self.inner.title.en
    }

    /// The rule's title in Japanese; in English where there is no translation.
    #[getter]
    fn title_ja(&self) -> &str {
        self.inner.title.get(core::Lang::Ja)
    }

    /// Why this is dangerous, in a sentence.
    #[getter]
    fn reason(&self) -> &str {
        &self.inner.reason.en
    }

    /// The reason in Japanese; in English where there is no translation.
    #[getter]
    fn reason_ja(&self) -> &str {
        self.inner.reason.get(core::Lang::Ja)
    }

    /// ATT&CK technique ids.
    #[getter]
    fn attack<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.attack)
    }

    /// The program and arguments that matched; empty where the rule matched the text alone.
    #[getter]
    fn argv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.argv)
    }

    /// How the program was reached, outermost first: `('sudo', 'bash -c')`.
    #[getter]
    fn via<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.inner.via)
    }

    /// Where, as first byte and one past the last byte of the command in UTF-8.
    #[getter]
    fn span(&self) -> (u32, u32) {
        (self.inner.span.start, self.inner.span.end)
    }

    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    #[getter]
    fn count(&self) -> u32 {
        self.inner.count
    }

    /// The finding as a dictionary with the keys that `shmon classify --format jsonl` prints.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        to_dict(py, &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.rule, &self.inner.argv, &self.inner.span))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Finding", &[], &self.inner)
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Finding {} {} {:?}>", self.inner.level, self.inner.rule, self.inner.argv)
    }
}
