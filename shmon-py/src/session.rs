//! `Session`: who was at which terminal, when, and what became of it.

use crate::store::{Store, lock};
use crate::{level, pickle, when};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use shmon_core::Level;
use shmon_core::store::{self, SessionQuery};
use std::collections::VecDeque;
use std::sync::Mutex;

/// Sessions that are read at once.
const PAGE: usize = 256;

/// Goes through sessions.
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Sessions {
    store: Py<Store>,
    state: Mutex<State>,
}

struct State {
    query: SessionQuery,
    /// How many may still come; `None`: all.
    left: Option<usize>,
    page: VecDeque<store::Session>,
    ended: bool,
}

impl Sessions {
    pub(crate) fn new(store: Py<Store>, query: SessionQuery, limit: Option<usize>) -> Sessions {
        let state = State { query, left: limit, page: VecDeque::new(), ended: false };
        Sessions { store, state: Mutex::new(state) }
    }
}

impl State {
    fn next(&mut self, store: &store::Store) -> shmon_core::Result<Option<store::Session>> {
        if self.page.is_empty() && !self.ended {
            let wanted = self.left.map_or(PAGE, |left| left.min(PAGE));
            self.query.limit = Some(wanted);
            let page = store.sessions(&self.query)?;
            self.left = self.left.map(|left| left.saturating_sub(page.len()));
            self.ended = page.len() < PAGE || self.left == Some(0);
            self.query.page_after = page.last().map(|session| session.session_id.clone());
            self.page.extend(page);
        }
        Ok(self.page.pop_front())
    }
}

#[pymethods]
impl Sessions {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Session>> {
        let next = self.store.get().with(py, |store| lock(&self.state).next(store))?;
        Ok(next.map(|inner| Session { inner }))
    }
}

/// One session.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Session {
    pub(crate) inner: store::Session,
}

#[pymethods]
impl Session {
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("session_id", "user")
    }

    /// Its id.
    #[getter]
    fn session_id(&self) -> &str {
        &self.inner.session_id
    }

    /// The session that it was started from.
    #[getter]
    fn parent_session(&self) -> Option<&str> {
        self.inner.parent_session.as_deref()
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

    /// What captured it.
    #[getter]
    fn shell(&self) -> &str {
        &self.inner.shell
    }

    /// Address and port of the SSH client.
    #[getter]
    fn ssh_client(&self) -> Option<&str> {
        self.inner.ssh_client.as_deref()
    }

    /// The id of its first row.
    #[getter]
    fn first_id(&self) -> i64 {
        self.inner.first_id
    }

    /// The id of its last row.
    #[getter]
    fn last_id(&self) -> i64 {
        self.inner.last_id
    }

    /// When its first command was accepted: a `datetime` in UTC.
    #[getter]
    fn started<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        when::to_python(py, self.inner.started_at)
    }

    /// When its last command was accepted: a `datetime` in UTC.
    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        when::to_python(py, self.inner.last_at)
    }

    /// How many commands it has.
    #[getter]
    fn commands(&self) -> u64 {
        self.inner.commands()
    }

    /// How many commands have each level.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (level, count) in Level::ALL.into_iter().zip(self.inner.counts) {
            dict.set_item(level::to_python(py, level)?, count)?;
        }
        Ok(dict)
    }

    /// The highest level of any of its commands, pruned ones too.
    #[getter]
    fn worst(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        level::to_python(py, self.inner.worst)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Session", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.session_id, self.inner.last_id))
    }

    fn __repr__(&self) -> String {
        format!(
            "<shmon.Session {} {} commands={}>",
            self.inner.session_id,
            self.inner.user,
            self.inner.commands()
        )
    }
}
