//! `Verdict`, and what it is made of until somebody asks for more.

use crate::finding::{self, Finding};
use crate::invocation::{Invocation, Unresolved};
use crate::many::Batch;
use crate::{level, pickle, text};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};
use shmon_core::verdict::VerdictRef;
use shmon_core::{self as core, Classifier, Level};
use std::sync::{Arc, OnceLock};

/// What every verdict tells without its findings: two bytes a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Brief {
    pub(crate) level: Level,
    flags: u8,
}

impl Brief {
    const EXCLUDED: u8 = 1;
    const SENSITIVE: u8 = 2;
    const PARTIAL: u8 = 4;

    fn new(level: Level, excluded: bool, sensitive: bool, partial: bool) -> Brief {
        let flag = |on: bool, flag| if on { flag } else { 0 };
        let flags =
            flag(excluded, Self::EXCLUDED) | flag(sensitive, Self::SENSITIVE) | flag(partial, Self::PARTIAL);
        Brief { level, flags }
    }

    pub(crate) fn of(verdict: &VerdictRef<'_>) -> Brief {
        Self::new(verdict.level(), verdict.excluded(), verdict.sensitive(), verdict.partial())
    }

    pub(crate) fn excluded(self) -> bool {
        self.flags & Self::EXCLUDED != 0
    }

    pub(crate) fn sensitive(self) -> bool {
        self.flags & Self::SENSITIVE != 0
    }

    pub(crate) fn partial(self) -> bool {
        self.flags & Self::PARTIAL != 0
    }
}

/// The facts about the caller that a verdict was made with.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) dialect: core::shell::Dialect,
    pub(crate) user: Option<String>,
    pub(crate) root: Option<bool>,
    pub(crate) ssh: Option<bool>,
}

impl Facts {
    pub(crate) fn context(&self) -> core::Context<'_> {
        let mut context = core::Context::default();
        context.dialect = self.dialect;
        context.user = self.user.as_deref();
        context.root = self.root;
        context.ssh = self.ssh;
        context
    }
}

/// Where the command is, so that the details can be worked out when somebody asks.
enum Source {
    One(Box<One>),
    Many {
        batch: Arc<Batch>,
        index: usize,
    },
    /// From a pickle, with its details.
    Restored(Box<[u8]>),
}

struct One {
    classifier: Classifier,
    facts: Facts,
    command: Box<[u8]>,
}

/// What is made when somebody asks for it; most verdicts of a large batch never have it.
struct Details {
    verdict: core::Verdict,
    findings: PyOnceLock<Py<PyTuple>>,
    invocations: PyOnceLock<Py<PyTuple>>,
}

impl Details {
    fn new(verdict: core::Verdict) -> Box<Details> {
        Box::new(Details { verdict, findings: PyOnceLock::new(), invocations: PyOnceLock::new() })
    }
}

/// The answer for one command: its level, and why.
///
/// `level`, `excluded`, `sensitive` and `partial` are ready at once. `findings`, `invocations`, `redacted` and
/// `unresolved` are worked out when they are first asked for: classification is pure, so the answer is the same.
///
/// >>> import shmon
/// >>> verdict = shmon.classify("rm -rf /srv/data")
/// >>> verdict.level, verdict.partial
/// (<Level.CRITICAL: 3>, False)
/// >>> verdict.findings[0].rule
/// 'destruction.rm-recursive-force'
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Verdict {
    brief: Brief,
    source: Source,
    details: OnceLock<Box<Details>>,
}

impl Verdict {
    pub(crate) fn one(brief: Brief, classifier: Classifier, facts: Facts, command: &[u8]) -> Self {
        let source = Source::One(Box::new(One { classifier, facts, command: command.into() }));
        Verdict { brief, source, details: OnceLock::new() }
    }

    pub(crate) fn many(brief: Brief, batch: Arc<Batch>, index: usize) -> Self {
        Verdict { brief, source: Source::Many { batch, index }, details: OnceLock::new() }
    }

    pub(crate) fn restored(command: &[u8], verdict: core::Verdict) -> Self {
        let brief = Brief::new(verdict.level, verdict.excluded, verdict.sensitive, verdict.partial);
        let details = OnceLock::from(Details::new(verdict));
        Verdict { brief, source: Source::Restored(command.into()), details }
    }

    fn bytes(&self) -> &[u8] {
        match &self.source {
            Source::One(one) => &one.command,
            Source::Many { batch, index } => batch.command(*index),
            Source::Restored(command) => command,
        }
    }

    fn details(&self) -> &Details {
        self.details.get_or_init(|| {
            let classify = |classifier: &Classifier, facts: &Facts| {
                classifier.classify_with(self.bytes(), &facts.context(), &mut core::Scratch::default())
            };
            Details::new(match &self.source {
                Source::One(one) => classify(&one.classifier, &one.facts),
                Source::Many { batch, .. } => classify(batch.classifier(), batch.facts()),
                // Made with its details, so this is not reached.
                Source::Restored(_) => core::Verdict::default(),
            })
        })
    }

    fn verdict(&self) -> &core::Verdict {
        &self.details().verdict
    }

    /// Equality: the same command, with the same answer.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.brief == other.brief && self.bytes() == other.bytes() && self.verdict() == other.verdict()
    }
}

#[pymethods]
impl Verdict {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("level", "command")
    }

    /// The command, with surrogates for bytes that aren't UTF-8.
    #[getter]
    fn command<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::to_python(py, self.bytes())
    }

    /// The highest level of all findings; `Level.LOW` where there is none.
    #[getter]
    fn level(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        level::to_python(py, self.brief.level)
    }

    /// Noise: every program of the line is on the exclusion list and no rule matched.
    #[getter]
    fn excluded(&self) -> bool {
        self.brief.excluded()
    }

    /// Level high or critical, or a secret is in the text.
    #[getter]
    fn sensitive(&self) -> bool {
        self.brief.sensitive()
    }

    /// Something could not be resolved; `unresolved` says what.
    #[getter]
    fn partial(&self) -> bool {
        self.brief.partial()
    }

    /// The command with its secrets replaced; the command itself where there are none.
    #[getter]
    fn redacted<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match &self.verdict().redacted {
            Some(redacted) => Ok(PyString::new(py, redacted)),
            None => self.command(py),
        }
    }

    /// The rules that matched, highest level first.
    #[getter]
    fn findings(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        let tuple = self.details().findings.get_or_try_init(py, || {
            let findings = self.verdict().findings.iter().map(|f| Finding { inner: f.clone() });
            PyTuple::new(py, findings.collect::<Vec<_>>()).map(Bound::unbind)
        })?;
        Ok(tuple.clone_ref(py))
    }

    /// The programs that would run, in the order in which they were found.
    #[getter]
    fn invocations(&self, py: Python<'_>) -> PyResult<Py<PyTuple>> {
        let tuple = self.details().invocations.get_or_try_init(py, || {
            let all = self.verdict().invocations.iter().map(|i| Invocation { inner: i.clone() });
            PyTuple::new(py, all.collect::<Vec<_>>()).map(Bound::unbind)
        })?;
        Ok(tuple.clone_ref(py))
    }

    /// Why the verdict is partial.
    #[getter]
    fn unresolved<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let all = self.verdict().unresolved.iter().map(|u| Unresolved { inner: u.clone() });
        PyTuple::new(py, all.collect::<Vec<_>>())
    }

    /// The verdict as a dictionary with the keys that `shmon classify --format jsonl` prints.
    ///
    /// >>> import shmon
    /// >>> shmon.classify("ls").to_dict()["level"]
    /// 'low'
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("command", self.command(py)?)?;
        dict.set_item("level", self.brief.level.as_str())?;
        dict.set_item("excluded", self.excluded())?;
        dict.set_item("sensitive", self.sensitive())?;
        dict.set_item("partial", self.partial())?;
        dict.set_item("redacted", self.redacted(py)?)?;
        let findings: Vec<_> =
            self.verdict().findings.iter().map(|f| finding::to_dict(py, f)).collect::<PyResult<_>>()?;
        dict.set_item("findings", findings)?;
        Ok(dict)
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    /// With its details, since the classifier stays behind.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Verdict", self.bytes(), self.verdict())
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.is(other)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash(self.bytes())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let command = self.command(py)?.repr()?.to_string();
        let findings = self.verdict().findings.len();
        Ok(format!("<shmon.Verdict {} {command} findings={findings}>", self.brief.level))
    }
}
