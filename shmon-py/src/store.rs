//! `Store`: the record, read. Rows come through an iterator that reads page by page.

use crate::{error, level, text, when};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use shmon_core::config::{Config, Home};
use shmon_core::store::{self, Order, Pages, Query, StoreOptions};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The home folder: the argument, `$SHMON_HOME`, or `~/monitor`.
pub(crate) fn home(py: Python<'_>, home: Option<PathBuf>) -> PyResult<Home> {
    let root = match home {
        Some(root) => root,
        None => {
            // Python's view of the environment: a test or a program may have changed it since the start.
            let os = py.import("os")?;
            let set = os.getattr("environ")?.call_method1("get", ("SHMON_HOME",))?;
            if set.is_truthy()? {
                set.extract()?
            } else {
                os.getattr("path")?.call_method1("expanduser", ("~/monitor",))?.extract()?
            }
        }
    };
    let root = std::path::absolute(&root)
        .map_err(|e| error::raise(shmon_core::Error::io("find the folder", &root, e)))?;
    Ok(Home::new(root))
}

/// A connection must not be used in a forked child (SQLite, 'How To Corrupt An SQLite Database File', 2.6).
pub(crate) struct Owner(u32);

impl Owner {
    pub(crate) fn current() -> Owner {
        Owner(std::process::id())
    }

    /// Whether this is still the process that opened it.
    pub(crate) fn is_here(&self) -> bool {
        self.0 == std::process::id()
    }

    pub(crate) fn check(&self, what: &str) -> PyResult<()> {
        if self.is_here() {
            return Ok(());
        }
        Err(error::invalid(format!("this {what} was opened before fork(): open another one in the child")))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The record of commands, opened for reading.
///
/// `path` is a database; without it, the one of the home folder (`home`, `$SHMON_HOME` or `~/monitor`). A database that
/// the ticket's own system made is brought up to date first, unless `migrate=False`. Any number of threads may use one,
/// and writers are never kept waiting.
///
/// >>> import shmon
/// >>> with shmon.Monitor() as monitor:
/// ...     _ = monitor.record("nmap -sV target.example.com", session="s1")
/// >>> store = shmon.Store()
/// >>> [row.command for row in store.query(min_level="high")]
/// ['nmap -sV target.example.com']
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Store {
    inner: Mutex<ManuallyDrop<store::Store>>,
    owner: Owner,
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.owner.is_here() {
            let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: nothing uses it after this, the only place that drops it.
            unsafe { ManuallyDrop::drop(inner) }
        }
    }
}

impl Store {
    /// Runs `work` on the store without holding the interpreter.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&store::Store) -> shmon_core::Result<T> + Send,
    ) -> PyResult<T> {
        self.owner.check("Store")?;
        py.detach(|| work(&lock(&self.inner))).map_err(error::raise)
    }
}

/// The filters of `Store.query`, as Python passes them.
fn query(filters: Option<&Bound<'_, PyDict>>) -> PyResult<Query> {
    let mut query = Query::new();
    let Some(filters) = filters else { return Ok(query) };
    for (key, value) in filters {
        if value.is_none() {
            continue;
        }
        let key: String = key.extract()?;
        let string = || -> PyResult<Option<String>> { Ok(Some(text::lossy(value.cast::<PyString>()?)?)) };
        match key.as_str() {
            "level" => query.level = Some(level::from_python(&value)?),
            "min_level" => query.min_level = Some(level::from_python(&value)?),
            "user" => query.user = string()?,
            "session" => query.session = string()?,
            "host" => query.host = string()?,
            "directory" => query.directory = Some(value.extract::<PathBuf>()?.to_string_lossy().into_owned()),
            "since" => query.since = Some(when::from_python(&value)?),
            "until" => query.until = Some(when::from_python(&value)?),
            "text" => query.text = string()?,
            "rule" => query.rule = string()?,
            "exit_status" => query.exit_status = Some(value.extract()?),
            "failed" => query.failed = value.is_truthy()?,
            "hide_excluded" => query.hide_excluded = value.is_truthy()?,
            "after_id" => query.after_id = Some(value.extract()?),
            "before_id" => query.before_id = Some(value.extract()?),
            "limit" => query.limit = Some(value.extract()?),
            "order" => {
                query.order = match string()?.as_deref() {
                    Some("newest") => Order::Newest,
                    Some("oldest") => Order::Oldest,
                    _ => return Err(error::invalid("unknown order: use 'newest' or 'oldest'")),
                }
            }
            _ => {
                let message = format!("query() got an unexpected keyword argument '{key}'");
                return Err(pyo3::exceptions::PyTypeError::new_err(message));
            }
        }
    }
    Ok(query)
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (path=None, *, home=None, migrate=true))]
    fn new(py: Python<'_>, path: Option<PathBuf>, home: Option<PathBuf>, migrate: bool) -> PyResult<Self> {
        let path = match path {
            Some(path) => path,
            None => {
                let home = crate::store::home(py, home)?;
                let config = Config::load(&home.config()).map_err(error::raise)?;
                home.database(&config)
            }
        };
        let open = || match store::Store::open_read(&path) {
            Err(e) if migrate && e.kind() == shmon_core::ErrorKind::OldVersion => {
                store::Store::open(&path, StoreOptions::default())?;
                store::Store::open_read(&path)
            }
            other => other,
        };
        let inner = py.detach(open).map_err(error::raise)?;
        Ok(Store { inner: Mutex::new(ManuallyDrop::new(inner)), owner: Owner::current() })
    }

    /// The database file.
    #[getter]
    fn path(&self) -> PathBuf {
        lock(&self.inner).path().to_path_buf()
    }

    /// The rows that all filters let through, newest first; an iterator that reads page by page.
    ///
    /// `level`, `min_level`: a `Level`, its number or name. `user`, `session`, `host`: exactly. `directory`: it and all
    /// below. `since` (inclusive), `until` (exclusive): a `datetime`, seconds since the epoch, or local
    /// `'YYYY-MM-DD HH:MM:SS'`. `text`: part of the command, in any case. `rule`: a rule's id or its beginning.
    /// `exit_status`; `failed=True`; `hide_excluded=True`; `after_id`, `before_id`; `limit`; `order='oldest'`.
    #[pyo3(signature = (**filters))]
    fn query(slf: Bound<'_, Self>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<Rows> {
        let query = query(filters)?;
        let pages = slf.get().with(slf.py(), |store| store.pages(&query))?;
        let state = Mutex::new((pages, VecDeque::new()));
        Ok(Rows { store: slf.unbind(), state })
    }

    /// The rows whose command contains `text`, in any case; the filters are those of `query`.
    #[pyo3(signature = (text, **filters))]
    fn search(
        slf: Bound<'_, Self>,
        text: &Bound<'_, PyString>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Rows> {
        let all = match filters {
            Some(filters) => filters.copy()?,
            None => PyDict::new(slf.py()),
        };
        all.set_item("text", text)?;
        Self::query(slf, Some(&all))
    }

    /// The row with this id (the `Database ID` of notifications); `None` where there is none.
    fn get(&self, py: Python<'_>, id: i64) -> PyResult<Option<Row>> {
        Ok(self.with(py, |store| store.row(id))?.map(|inner| Row { inner }))
    }

    /// How many rows the filters let through; `limit` doesn't count.
    #[pyo3(signature = (**filters))]
    fn count(&self, py: Python<'_>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<u64> {
        let query = query(filters)?;
        self.with(py, |store| store.count(&query))
    }

    /// Numbers over the rows that the filters let through: by level, day, hour, rule, session, user and command.
    ///
    /// `top` is how many rules, sessions, users and commands are named.
    #[pyo3(signature = (*, top=10, **filters))]
    fn stats(&self, py: Python<'_>, top: usize, filters: Option<&Bound<'_, PyDict>>) -> PyResult<Stats> {
        let query = query(filters)?;
        Ok(Stats { inner: self.with(py, |store| store.stats(&query, top))? })
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        let count = self.with(py, |store| store.count(&Query::new()))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    fn __iter__(slf: Bound<'_, Self>) -> PyResult<Rows> {
        Self::query(slf, None)
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Store {}>", lock(&self.inner).path().display())
    }
}

/// Goes through the rows of a query.
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Rows {
    store: Py<Store>,
    state: Mutex<(Pages, VecDeque<store::Row>)>,
}

#[pymethods]
impl Rows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Row>> {
        if let Some(inner) = lock(&self.state).1.pop_front() {
            return Ok(Some(Row { inner }));
        }
        let inner = self.store.get().with(py, |store| {
            let mut state = lock(&self.state);
            let (pages, rows) = &mut *state;
            if rows.is_empty() {
                rows.extend(pages.next(store)?);
            }
            Ok(rows.pop_front())
        })?;
        Ok(inner.map(|inner| Row { inner }))
    }
}

/// One recorded command.
///
/// Its columns are attributes and items: `row.level`, `row["level"]`, `dict(row)`.
#[pyclass(frozen, eq, mapping, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Row {
    inner: store::Row,
}

/// All columns, in order; `KEYS` and the getters below name the same.
const KEYS: [&str; 27] = [
    "id",
    "session_id",
    "command",
    "command_hash",
    "working_directory",
    "execution_time",
    "level",
    "sensitive",
    "created_at",
    "time",
    "redacted",
    "rules",
    "duration",
    "exit_status",
    "user",
    "uid",
    "host",
    "tty",
    "pid",
    "ppid",
    "shell",
    "ssh_client",
    "parent_session",
    "excluded",
    "partial",
    "started_at_ns",
    "identity",
];

#[pymethods]
impl Row {
    /// The row's id, the `Database ID` of notifications.
    #[getter]
    fn id(&self) -> i64 {
        self.inner.id
    }

    /// The shell session.
    #[getter]
    fn session_id(&self) -> &str {
        &self.inner.session_id
    }

    /// The command as it was typed, secrets and all; surrogates stand for bytes that aren't UTF-8.
    #[getter]
    fn command<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        text::to_python(py, &self.inner.command)
    }

    /// The command with its secrets replaced: this may be shown.
    #[getter]
    fn redacted<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match &self.inner.redacted {
            Some(redacted) => Ok(PyString::new(py, redacted)),
            None => self.command(py),
        }
    }

    /// SHA-256 of the command in hexadecimal.
    #[getter]
    fn command_hash(&self) -> &str {
        &self.inner.command_hash
    }

    /// The folder in which it was typed.
    #[getter]
    fn working_directory(&self) -> &str {
        &self.inner.working_directory
    }

    /// Local time, `YYYY-MM-DD HH:MM:SS`.
    #[getter]
    fn execution_time(&self) -> &str {
        &self.inner.execution_time
    }

    /// The level.
    #[getter]
    fn level(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        level::to_python(py, self.inner.level)
    }

    /// Level high or critical, or a secret is in the text.
    #[getter]
    fn sensitive(&self) -> bool {
        self.inner.sensitive
    }

    /// When the row was written: local time, `YYYY-MM-DD HH:MM:SS`.
    #[getter]
    fn created_at(&self) -> &str {
        &self.inner.created_at
    }

    /// When the command was accepted: a `datetime` in UTC, to the microsecond.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        when::to_python(py, self.inner.started_at)
    }

    /// When the command was accepted, in nanoseconds since the Unix epoch.
    #[getter]
    fn started_at_ns(&self) -> i64 {
        self.inner.started_at
    }

    /// How long it ran, in seconds; `None` while it runs or where that isn't known.
    #[getter]
    fn duration(&self) -> Option<f64> {
        self.inner.duration.map(|nanos| nanos as f64 / 1e9)
    }

    /// Exit status.
    #[getter]
    fn exit_status(&self) -> Option<i32> {
        self.inner.exit_status
    }

    /// Login name.
    #[getter]
    fn user(&self) -> &str {
        &self.inner.user
    }

    /// User id.
    #[getter]
    fn uid(&self) -> Option<u32> {
        self.inner.uid
    }

    /// Name of the host.
    #[getter]
    fn host(&self) -> &str {
        &self.inner.host
    }

    /// Terminal.
    #[getter]
    fn tty(&self) -> Option<&str> {
        self.inner.tty.as_deref()
    }

    /// Process id of the shell.
    #[getter]
    fn pid(&self) -> Option<u32> {
        self.inner.pid
    }

    /// Process id of the shell's parent.
    #[getter]
    fn ppid(&self) -> Option<u32> {
        self.inner.ppid
    }

    /// What captured it: `bash`, `zsh`, `import:bash`, …
    #[getter]
    fn shell(&self) -> &str {
        &self.inner.shell
    }

    /// Address and port of the SSH client.
    #[getter]
    fn ssh_client(&self) -> Option<&str> {
        self.inner.ssh_client.as_deref()
    }

    /// The session that this one was started from.
    #[getter]
    fn parent_session(&self) -> Option<&str> {
        self.inner.parent_session.as_deref()
    }

    /// Noise.
    #[getter]
    fn excluded(&self) -> bool {
        self.inner.excluded
    }

    /// Something in the command could not be resolved.
    #[getter]
    fn partial(&self) -> bool {
        self.inner.partial
    }

    /// Ids of the rules that matched, leading one first.
    #[getter]
    fn rules(&self) -> Vec<&str> {
        self.inner.rules.iter().map(String::as_str).collect()
    }

    /// The event's identity among all databases, `EPOCH-ID`: an idempotency key.
    #[getter]
    fn identity(&self) -> String {
        self.inner.uid_text()
    }

    /// The names of the columns.
    fn keys(&self) -> Vec<&'static str> {
        KEYS.to_vec()
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &str) -> PyResult<Bound<'py, PyAny>> {
        if KEYS.contains(&key) {
            return slf.getattr(key);
        }
        Err(PyKeyError::new_err(key.to_owned()))
    }

    fn __len__(&self) -> usize {
        KEYS.len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, KEYS)?.try_iter()?.into_any())
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Row {} {} {:?}>", self.inner.id, self.inner.level, self.inner.shown())
    }
}

/// A name and how many rows have it.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Count {
    inner: store::Count,
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

    fn __repr__(&self) -> String {
        format!("<shmon.Count {:?} {} high={}>", self.inner.name, self.inner.count, self.inner.high)
    }
}

/// Numbers over the rows of a query.
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Stats {
    inner: store::Stats,
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

    fn __repr__(&self) -> String {
        format!("<shmon.Stats of {} rows>", self.inner.total)
    }
}
