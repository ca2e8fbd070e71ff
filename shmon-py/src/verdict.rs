//! `Verdict`, `Finding`, `Invocation` and `Unresolved`.

use crate::many::Batch;
use crate::{level, pickle, text};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};
use shmon_core::shell::Span;
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
            self.verdict().findings.iter().map(|f| finding_dict(py, f)).collect::<PyResult<_>>()?;
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
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        self.bytes().hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let command = self.command(py)?.repr()?.to_string();
        let findings = self.verdict().findings.len();
        Ok(format!("<shmon.Verdict {} {command} findings={findings}>", self.brief.level))
    }
}

fn span(span: Span) -> (u32, u32) {
    (span.start, span.end)
}

fn tuple<'py>(py: Python<'py>, texts: &[String]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, texts)
}

fn finding_dict<'py>(py: Python<'py>, finding: &core::Finding) -> PyResult<Bound<'py, PyDict>> {
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
        tuple(py, &self.inner.attack)
    }

    /// The program and arguments that matched; empty where the rule matched the text alone.
    #[getter]
    fn argv<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, &self.inner.argv)
    }

    /// How the program was reached, outermost first: `('sudo', 'bash -c')`.
    #[getter]
    fn via<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, &self.inner.via)
    }

    /// Where, as first byte and one past the last byte of the command in UTF-8.
    #[getter]
    fn span(&self) -> (u32, u32) {
        span(self.inner.span)
    }

    /// How many findings this one stands for: those of a loop that differ only in its values are told once.
    #[getter]
    fn count(&self) -> u32 {
        self.inner.count
    }

    /// The finding as a dictionary with the keys that `shmon classify --format jsonl` prints.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        finding_dict(py, &self.inner)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        self.inner.rule.hash(&mut hasher);
        self.inner.argv.hash(&mut hasher);
        self.inner.span.hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Finding", &[], &self.inner)
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Finding {} {} {:?}>", self.inner.level, self.inner.rule, self.inner.argv)
    }
}

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
        tuple(py, &self.inner.argv)
    }

    /// How the program was reached, outermost first.
    #[getter]
    fn via<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        tuple(py, &self.inner.via)
    }

    /// Where, as first byte and one past the last byte of the command in UTF-8.
    #[getter]
    fn span(&self) -> (u32, u32) {
        span(self.inner.span)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Invocation", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        self.inner.argv.hash(&mut hasher);
        self.inner.span.hash(&mut hasher);
        hasher.finish()
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
        span(self.inner.span)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Unresolved", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{Hash, Hasher};
        let mut hasher = std::hash::DefaultHasher::new();
        self.inner.reason.hash(&mut hasher);
        self.inner.span.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Unresolved {} {:?}>", self.inner.reason, self.span())
    }
}
