//! `Classifier`, and `classify` and `classify_many` with the built-in rules.

use crate::many::{self, Verdicts};
use crate::verdict::{Brief, Facts, Verdict};
use crate::{error, level, text};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use shmon_core::shell::Dialect;
use shmon_core::{self as core, Scratch};
use std::path::PathBuf;
use std::sync::OnceLock;

fn builtin() -> &'static core::Classifier {
    static BUILTIN: OnceLock<core::Classifier> = OnceLock::new();
    BUILTIN.get_or_init(core::Classifier::builtin)
}

fn facts(dialect: &str, user: Option<String>, root: Option<bool>, ssh: Option<bool>) -> PyResult<Box<Facts>> {
    let dialect = match dialect {
        "bash" => Dialect::Bash,
        "sh" => Dialect::Sh,
        "zsh" => Dialect::Zsh,
        "fish" => Dialect::Fish,
        other => {
            return Err(error::invalid(format!("unknown dialect '{other}': use bash, sh, zsh or fish")));
        }
    };
    Ok(Box::new(Facts { dialect, user, root, ssh }))
}

fn classify_one(
    classifier: &core::Classifier,
    command: &Bound<'_, PyAny>,
    facts: Box<Facts>,
) -> PyResult<Verdict> {
    let bytes = text::command(command)?;
    let verdict = classifier.classify_with(&bytes, &facts.context(), &mut Scratch::default());
    Ok(Verdict::one(Brief::of(&verdict), classifier.clone(), facts, &bytes))
}

/// Classifies one command with the built-in rules.
///
/// Pure: nothing is executed, recorded or looked up. `command` is `str` or `bytes`, of any content. `dialect` is
/// `bash`, `sh`, `zsh` or `fish`; `user`, `root` and `ssh` are facts about the caller for rules that ask for them.
///
/// >>> import shmon
/// >>> shmon.classify("sudo rm -rf /srv/data").level
/// <Level.CRITICAL: 3>
/// >>> shmon.classify(b"ls -l").level
/// <Level.LOW: 0>
#[pyfunction]
#[pyo3(signature = (command, *, dialect="bash", user=None, root=None, ssh=None))]
pub(crate) fn classify(
    command: &Bound<'_, PyAny>,
    dialect: &str,
    user: Option<String>,
    root: Option<bool>,
    ssh: Option<bool>,
) -> PyResult<Verdict> {
    classify_one(builtin(), command, facts(dialect, user, root, ssh)?)
}

/// Classifies many commands with the built-in rules, on all cores, while other Python threads run.
///
/// `commands` is any iterable of `str` or `bytes`. The answer is a sequence in the same order, whose `Verdict`s are
/// made when they are asked for; `levels()` and `counts()` give the plain facts without making any.
///
/// >>> import shmon
/// >>> verdicts = shmon.classify_many(["ls", "rm -rf /srv/data"])
/// >>> [str(v.level) for v in verdicts]
/// ['low', 'critical']
#[pyfunction]
#[pyo3(signature = (commands, *, threads=None, dialect="bash", user=None, root=None, ssh=None))]
pub(crate) fn classify_many(
    commands: &Bound<'_, PyAny>,
    threads: Option<usize>,
    dialect: &str,
    user: Option<String>,
    root: Option<bool>,
    ssh: Option<bool>,
) -> PyResult<Verdicts> {
    many::classify_many(builtin(), commands, threads, *facts(dialect, user, root, ssh)?)
}

/// A classifier with rules, levels or exclusions of your own.
///
/// Make one and share it: it is immutable, and any number of threads may use it at once.
///
/// `rules` is a rule file or a folder of them, or several; `rules_text` is rules as TOML text; `disable` switches rules
/// off by id; `levels` gives rules another level; `exclude` replaces the programs that are noise; `builtin=False`
/// leaves the built-in rules out.
///
/// >>> import shmon
/// >>> classifier = shmon.Classifier()
/// >>> classifier.classify("rm -rf /srv/data").level
/// <Level.CRITICAL: 3>
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Classifier {
    inner: core::Classifier,
}

#[pymethods]
impl Classifier {
    #[new]
    #[pyo3(signature = (rules=None, *, rules_text=None, disable=None, levels=None, exclude=None, builtin=true))]
    fn new(
        py: Python<'_>,
        rules: Option<&Bound<'_, PyAny>>,
        rules_text: Option<&str>,
        disable: Option<&Bound<'_, PyAny>>,
        levels: Option<&Bound<'_, PyDict>>,
        exclude: Option<&Bound<'_, PyAny>>,
        builtin: bool,
    ) -> PyResult<Self> {
        let mut builder = core::Classifier::builder();
        if !builtin {
            builder = builder.without_builtin();
        }
        for path in paths(rules)? {
            builder = builder.rules_path(path);
        }
        if let Some(toml) = rules_text {
            builder = builder.rules_text("rules_text", toml);
        }
        for id in strings(disable, "disable")? {
            builder = builder.disable(id);
        }
        if let Some(levels) = levels {
            for (id, value) in levels {
                builder = builder.level(id.extract::<String>()?, level::from_python(&value)?);
            }
        }
        if exclude.is_some() {
            builder = builder.exclude(strings(exclude, "exclude")?);
        }
        // Reading and compiling files may take a while; other threads go on.
        let inner = py.detach(|| builder.build()).map_err(error::raise)?;
        Ok(Classifier { inner })
    }

    /// Classifies one command; see `shmon.classify`.
    #[pyo3(signature = (command, *, dialect="bash", user=None, root=None, ssh=None))]
    fn classify(
        &self,
        command: &Bound<'_, PyAny>,
        dialect: &str,
        user: Option<String>,
        root: Option<bool>,
        ssh: Option<bool>,
    ) -> PyResult<Verdict> {
        classify_one(&self.inner, command, facts(dialect, user, root, ssh)?)
    }

    /// Classifies many commands on all cores; see `shmon.classify_many`.
    #[pyo3(signature = (commands, *, threads=None, dialect="bash", user=None, root=None, ssh=None))]
    fn classify_many(
        &self,
        commands: &Bound<'_, PyAny>,
        threads: Option<usize>,
        dialect: &str,
        user: Option<String>,
        root: Option<bool>,
        ssh: Option<bool>,
    ) -> PyResult<Verdicts> {
        many::classify_many(&self.inner, commands, threads, *facts(dialect, user, root, ssh)?)
    }
}

/// A path, or several; a `str` is one path, not an iterable of characters.
fn paths(value: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<PathBuf>> {
    let Some(value) = value else { return Ok(vec![]) };
    if let Ok(path) = value.extract::<PathBuf>() {
        return Ok(vec![path]);
    }
    value.try_iter()?.map(|item| item?.extract()).collect()
}

/// A string, or several.
fn strings(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Vec<String>> {
    let Some(value) = value else { return Ok(vec![]) };
    if value.is_instance_of::<PyString>() {
        return Ok(vec![value.extract()?]);
    }
    let items =
        value.try_iter().map_err(|_| PyTypeError::new_err(format!("{name} is an iterable of strings")))?;
    items.map(|item| item?.extract()).collect()
}
