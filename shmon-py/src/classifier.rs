//! `Classifier`, and `classify` and `classify_many` with the built-in rules.

use crate::many::{self, Verdicts};
use crate::text::Name;
use crate::verdict::{Brief, Facts, Verdict};
use crate::{argument, arrow, error, level, text};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyString};
use shmon_core::classifier::Day;
use shmon_core::shell::Dialect;
use shmon_core::{self as core, Scratch, time};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::OnceLock;

pub(crate) fn builtin() -> &'static core::Classifier {
    static BUILTIN: OnceLock<core::Classifier> = OnceLock::new();
    BUILTIN.get_or_init(core::Classifier::builtin)
}

pub(crate) fn facts(
    dialect: &str,
    user: Option<Name>,
    root: Option<bool>,
    ssh: Option<bool>,
) -> PyResult<Facts> {
    let dialect = match dialect {
        "bash" => Dialect::Bash,
        "sh" => Dialect::Sh,
        "zsh" => Dialect::Zsh,
        "fish" => Dialect::Fish,
        other => {
            return Err(error::invalid(format!("unknown dialect '{other}': use bash, sh, zsh or fish")));
        }
    };
    Ok(Facts { dialect, user: user.map(|name| name.0), root, ssh })
}

thread_local! {
    /// Reused by all calls of a thread, so that a call allocates nothing but its answer.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

fn classify_one(
    classifier: &core::Classifier,
    command: &Bound<'_, PyAny>,
    facts: Facts,
) -> PyResult<Verdict> {
    let bytes = text::command(command)?;
    let brief = SCRATCH
        .with_borrow_mut(|scratch| Brief::of(&classifier.classify_into(&bytes, &facts.context(), scratch)));
    Ok(Verdict::one(brief, classifier.clone(), facts, &bytes))
}

/// Classifies one command with the built-in rules.
///
/// Pure: nothing is executed, recorded or looked up. `command` is `str` or `bytes`, of any content. `dialect` is
/// `bash`, `sh`, `zsh` or `fish`; `user`, `root` and `ssh` are facts about the caller for rules that ask for them.
///
/// >>> import shmon
/// >>> shmon.classify("rm -rf /srv/data").level
/// <Level.CRITICAL: 3>
/// >>> shmon.classify(b"ls -l").level
/// <Level.LOW: 0>
#[pyfunction]
#[pyo3(signature = (command, *, dialect="bash", user=None, root=None, ssh=None))]
pub(crate) fn classify(
    command: &Bound<'_, PyAny>,
    dialect: &str,
    user: Option<Name>,
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
    threads: Option<&Bound<'_, PyAny>>,
    dialect: &str,
    user: Option<Name>,
    root: Option<bool>,
    ssh: Option<bool>,
) -> PyResult<Verdicts> {
    many::classify_many(builtin(), commands, threads, facts(dialect, user, root, ssh)?)
}

/// A classifier with rules, levels or exclusions of your own.
///
/// Make one and share it: it is immutable, and any number of threads may use it at once.
///
/// `rules` is a rule file or a folder of them, or several; `rules_text` is rules as TOML text; `disable` switches rules
/// off by id, or by `begin.*`; `levels` gives rules another level; `exclude` replaces the programs that are noise;
/// `builtin=False` leaves the built-in rules out.
///
/// `allow` accepts findings: a string is a glob over the whole command, and a dictionary has the keys of an `[[allow]]`
/// entry (`match`, `reason`, `rule`, `expires`). Entries that have expired on the day on which the classifier is made
/// don't hold.
///
/// >>> import shmon
/// >>> classifier = shmon.Classifier(disable="transfer.wget", allow="curl https://mirror.example/*")
/// >>> classifier.classify("curl https://mirror.example/a").level
/// <Level.LOW: 0>
/// >>> classifier.classify("curl https://elsewhere.example/a").level
/// <Level.HIGH: 2>
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Classifier {
    inner: core::Classifier,
}

#[pymethods]
impl Classifier {
    #[new]
    #[pyo3(signature = (rules=None, *, rules_text=None, disable=None, allow=None, levels=None, exclude=None, builtin=true))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn new(
        py: Python<'_>,
        rules: Option<&Bound<'_, PyAny>>,
        rules_text: Option<&str>,
        disable: Option<&Bound<'_, PyAny>>,
        allow: Option<&Bound<'_, PyAny>>,
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
                builder = builder
                    .level(argument::string(&id, "a key of levels")?, level::from_python(&value, "levels")?);
            }
        }
        if exclude.is_some() {
            builder = builder.exclude(strings(exclude, "exclude")?);
        }
        if let Some(allow) = allow {
            builder = builder.rules_text("allow", allow_entries(allow)?);
        }
        if let Some(today) = local_day() {
            builder = builder.today(today);
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
        user: Option<Name>,
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
        threads: Option<&Bound<'_, PyAny>>,
        dialect: &str,
        user: Option<Name>,
        root: Option<bool>,
        ssh: Option<bool>,
    ) -> PyResult<Verdicts> {
        many::classify_many(&self.inner, commands, threads, facts(dialect, user, root, ssh)?)
    }

    /// Classifies a column of commands from another library; see `shmon.classify_arrow`.
    #[pyo3(signature = (data, column="command", *, threads=None, dialect="bash", user=None, root=None, ssh=None))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn classify_arrow<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
        column: &str,
        threads: Option<&Bound<'_, PyAny>>,
        dialect: &str,
        user: Option<Name>,
        root: Option<bool>,
        ssh: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        arrow::rate(py, &self.inner, data, column, threads, &facts(dialect, user, root, ssh)?)
    }
}

/// A path, or several; a `str` is one path, not an iterable of characters.
fn paths(value: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<PathBuf>> {
    let Some(value) = value else { return Ok(vec![]) };
    if value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.hasattr("__fspath__")?
    {
        return Ok(vec![argument::path(value, "rules")?]);
    }
    let items =
        value.try_iter().map_err(|_| argument::wrong(value, "rules", "a path, or an iterable of paths"))?;
    items.map(|item| argument::path(&item?, "rules")).collect()
}

/// A string, or several.
fn strings(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Vec<String>> {
    let Some(value) = value else { return Ok(vec![]) };
    if value.is_instance_of::<PyString>() {
        return Ok(vec![argument::string(value, name)?]);
    }
    let items =
        value.try_iter().map_err(|_| argument::wrong(value, name, "a str, or an iterable of them"))?;
    items.map(|item| argument::string(&item?, name)).collect()
}

/// The day in the system's time zone, on which the expiry of allow entries is checked.
fn local_day() -> Option<Day> {
    let text = time::local(time::now());
    let mut parts = text.get(..10)?.split('-');
    Day::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
}

/// `[[allow]]` entries as TOML text, from a glob, a dictionary, or several.
fn allow_entries(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let mut toml = String::new();
    let mut add = |entry: &Bound<'_, PyAny>| -> PyResult<()> {
        toml.push_str("[[allow]]\n");
        if let Ok(glob) = entry.cast::<PyString>() {
            toml.push_str("reason = \"allowed by the caller\"\nmatch = { text = ");
            to_toml(glob.as_any(), &mut toml)?;
            toml.push_str(" }\n");
            return Ok(());
        }
        let entry = entry
            .cast::<PyDict>()
            .map_err(|_| PyTypeError::new_err("allow is a glob, a dictionary, or an iterable of them"))?;
        for (key, value) in entry {
            to_toml(&key, &mut toml)?;
            toml.push_str(" = ");
            to_toml(&value, &mut toml)?;
            toml.push('\n');
        }
        Ok(())
    };
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyDict>() {
        add(value)?;
    } else {
        for entry in value.try_iter()? {
            add(&entry?)?;
        }
    }
    Ok(toml)
}

/// A TOML value on one line.
fn to_toml(value: &Bound<'_, PyAny>, out: &mut String) -> PyResult<()> {
    if let Ok(text) = value.cast::<PyString>() {
        out.push('"');
        for c in text::lossy(text)?.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push('"');
    } else if value.is_instance_of::<PyBool>() {
        out.push_str(if value.is_truthy()? { "true" } else { "false" });
    } else if value.is_instance_of::<PyInt>() {
        out.push_str(&value.str()?.to_cow()?);
    } else if let Ok(dict) = value.cast::<PyDict>() {
        out.push_str("{ ");
        for (i, (key, value)) in dict.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            to_toml(&key, out)?;
            out.push_str(" = ");
            to_toml(&value, out)?;
        }
        out.push_str(" }");
    } else if value.hasattr("isoformat")? {
        out.push_str(&value.call_method0("isoformat")?.str()?.to_cow()?);
    } else {
        out.push_str("[ ");
        for (i, item) in value.try_iter()?.enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            to_toml(&item?, out)?;
        }
        out.push_str(" ]");
    }
    Ok(())
}
