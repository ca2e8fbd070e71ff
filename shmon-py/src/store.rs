//! `Store`: the record, read. Rows come through an iterator that reads page by page.

use crate::report::Report;
use crate::row::Row;
use crate::session::{self, Session, Sessions};
use crate::stats::Stats;
use crate::text::Name;
use crate::{argument, error, level, text, when};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use shmon_core::config::{Config, Home};
use shmon_core::store::{self, Order, Pages, Query, SessionQuery, StoreOptions};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The home folder: the argument, `$SHMON_HOME`, or `~/monitor`.
pub(crate) fn home(py: Python<'_>, home: Option<&Bound<'_, PyAny>>) -> PyResult<Home> {
    let root = match home {
        Some(root) => argument::path(root, "home")?,
        None => {
            // Python's view of the environment: a test or a program may have changed it since the start.
            let os = py.import("os")?;
            let set = os.getattr("environ")?.call_method1("get", ("SHMON_HOME",))?;
            let root = match set.is_truthy()? {
                true => set,
                false => os.getattr("path")?.call_method1("expanduser", ("~/monitor",))?,
            };
            argument::path(&root, "SHMON_HOME")?
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
    pub(crate) fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&store::Store) -> shmon_core::Result<T> + Send,
    ) -> PyResult<T> {
        self.owner.check("Store")?;
        py.detach(|| work(&lock(&self.inner))).map_err(error::raise)
    }
}

/// Part of a command, which may be bytes as commands are.
fn part(value: &Bound<'_, PyAny>) -> PyResult<String> {
    let bytes = text::command(value).map_err(|_| argument::wrong(value, "text", "str or bytes"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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
        let string = || argument::string(&value, &key).map(Some);
        match key.as_str() {
            "level" => query.level = Some(level::from_python(&value, &key)?),
            "min_level" => query.min_level = Some(level::from_python(&value, &key)?),
            "user" => query.user = string()?,
            "session" => query.session = string()?,
            "host" => query.host = string()?,
            "directory" => {
                let folder = argument::folder(&value, &key)?;
                query.directory = Some(folder.to_string_lossy().into_owned());
            }
            "since" => query.since = Some(when::from_python(&value, &key)?),
            "until" => query.until = Some(when::from_python(&value, &key)?),
            "text" => query.text = Some(part(&value)?),
            "rule" => query.rule = string()?,
            "exit_status" => query.exit_status = Some(argument::number(&value, &key)?),
            "failed" => query.failed = value.is_truthy()?,
            "hide_excluded" => query.hide_excluded = value.is_truthy()?,
            "after_id" => query.after_id = Some(argument::number(&value, &key)?),
            "before_id" => query.before_id = Some(argument::number(&value, &key)?),
            "limit" => query.limit = Some(argument::number(&value, &key)?),
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
    fn new(
        py: Python<'_>,
        path: Option<&Bound<'_, PyAny>>,
        home: Option<&Bound<'_, PyAny>>,
        migrate: bool,
    ) -> PyResult<Self> {
        let path = match path {
            Some(path) => argument::path(path, "path")?,
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
    /// below. `since` (inclusive), `until` (exclusive): a `datetime` or `date`, seconds since the epoch, or local
    /// `'YYYY-MM-DD HH:MM:SS'`. `text`: part of the command, in any case. `rule`: a rule's id or its beginning.
    /// `exit_status`; `failed=True`; `hide_excluded=True`; `after_id`, `before_id`; `limit`; `order='oldest'`.
    #[pyo3(signature = (**filters))]
    fn query(slf: Bound<'_, Self>, filters: Option<&Bound<'_, PyDict>>) -> PyResult<Rows> {
        Rows::new(slf, &query(filters)?)
    }

    /// The rows whose command contains `text`, in any case; the filters are those of `query`.
    #[pyo3(signature = (text, **filters))]
    fn search(
        slf: Bound<'_, Self>,
        text: &Bound<'_, PyAny>,
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
    fn get(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> PyResult<Option<Row>> {
        let id = argument::number(id, "id")?;
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
    #[pyo3(signature = (*, top=None, **filters), text_signature = "($self, *, top=10, **filters)")]
    fn stats(
        &self,
        py: Python<'_>,
        top: Option<&Bound<'_, PyAny>>,
        filters: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Stats> {
        let top = argument::optional(top, "top")?.unwrap_or(10);
        let query = query(filters)?;
        Ok(Stats { inner: self.with(py, |store| store.stats(&query, top))? })
    }

    /// The sessions that all filters let through, the one that was active last first; an iterator that reads page by
    /// page.
    ///
    /// `user`, `host`, `tty`: exactly. `since`, `until`: active then. `min_level`: with such a command. `limit`.
    #[pyo3(signature = (*, user=None, host=None, tty=None, since=None, until=None, min_level=None, limit=None))]
    #[expect(clippy::too_many_arguments, reason = "each is a keyword in Python")]
    fn sessions(
        slf: Bound<'_, Self>,
        user: Option<Name>,
        host: Option<Name>,
        tty: Option<Name>,
        since: Option<&Bound<'_, PyAny>>,
        until: Option<&Bound<'_, PyAny>>,
        min_level: Option<&Bound<'_, PyAny>>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Sessions> {
        let mut query = SessionQuery::new();
        query.user = user.map(|name| name.0);
        query.host = host.map(|name| name.0);
        query.tty = tty.map(|name| name.0);
        query.since = since.map(|value| when::from_python(value, "since")).transpose()?;
        query.until = until.map(|value| when::from_python(value, "until")).transpose()?;
        query.min_level = min_level.map(|value| level::from_python(value, "min_level")).transpose()?;
        let limit = argument::optional(limit, "limit")?;
        slf.get().owner.check("Store")?;
        Ok(session::Sessions::new(slf.unbind(), query, limit))
    }

    /// The session with this id; `None` where there is none.
    fn session(&self, py: Python<'_>, id: Name) -> PyResult<Option<Session>> {
        Ok(self.with(py, |store| store.session(&id.0))?.map(|inner| Session { inner }))
    }

    /// Compares every row with its evidence, and the evidence with its checkpoints.
    ///
    /// `anchors` are the texts of checkpoints that were kept elsewhere, as notifications carry them.
    ///
    /// >>> import shmon
    /// >>> with shmon.Monitor() as monitor:
    /// ...     _ = monitor.record("make", session="s1")
    /// >>> report = shmon.Store().verify()
    /// >>> report.ok, report.rows
    /// (True, 1)
    #[pyo3(signature = (anchors=Vec::new()))]
    fn verify(&self, py: Python<'_>, anchors: Vec<String>) -> PyResult<Report> {
        Ok(Report { inner: self.with(py, |store| store.verify(&anchors, &mut |_, _| {}))? })
    }

    /// The rows that the filters of `query` let through, oldest first, each as one line of JSON without a newline: what
    /// `shmon export` writes. An iterator that reads page by page.
    ///
    /// Secrets are replaced, unless `reveal=True`.
    ///
    /// >>> import json, shmon
    /// >>> with shmon.Monitor() as monitor:
    /// ...     _ = monitor.record("nmap target.example.com", session="s1")
    /// >>> json.loads(next(shmon.Store().export()))["level"]
    /// 'high'
    #[pyo3(signature = (*, reveal=false, **filters))]
    fn export(slf: Bound<'_, Self>, reveal: bool, filters: Option<&Bound<'_, PyDict>>) -> PyResult<Lines> {
        let mut query = query(filters)?;
        if !filters.is_some_and(|f| f.contains("order").unwrap_or(false)) {
            query.order = Order::Oldest;
        }
        Ok(Lines { rows: Rows::new(slf, &query)?, reveal })
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

impl Rows {
    fn new(store: Bound<'_, Store>, query: &Query) -> PyResult<Rows> {
        let pages = store.get().with(store.py(), |store| store.pages(query))?;
        let state = Mutex::new((pages, VecDeque::new()));
        Ok(Rows { store: store.unbind(), state })
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<store::Row>> {
        if let Some(row) = lock(&self.state).1.pop_front() {
            return Ok(Some(row));
        }
        self.store.get().with(py, |store| {
            let mut state = lock(&self.state);
            let (pages, rows) = &mut *state;
            if rows.is_empty() {
                rows.extend(pages.next(store)?);
            }
            Ok(rows.pop_front())
        })
    }
}

#[pymethods]
impl Rows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Row>> {
        Ok(self.next(py)?.map(|inner| Row { inner }))
    }
}

/// Goes through the lines of an export.
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Lines {
    rows: Rows,
    reveal: bool,
}

#[pymethods]
impl Lines {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let Some(row) = self.rows.next(py)? else { return Ok(None) };
        serde_json::to_string(&row.to_json(self.reveal)).map(Some).map_err(|e| error::invalid(e.to_string()))
    }
}
