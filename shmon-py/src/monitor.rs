//! `Monitor`: classify, store, log and notify in one call.

use crate::store::{Owner, home, lock};
use crate::text::Name;
use crate::{argument, error, level, pickle, text, when};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyTuple};
use shmon_core::LiveMonitor;
use shmon_core::config::{Config, Home};
use shmon_core::monitor::{self, Incoming};
use shmon_core::notify::Options;
use shmon_core::record::{Ending, Event};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

/// Records commands: each is classified, stored, logged, and people are told, in one call.
///
/// `home` is the folder with configuration and database; without it `$SHMON_HOME` or `~/monitor`. What is missing there
/// is made. With `deliver=True` notifications are sent by a thread of this process while it goes on, and what is due is
/// sent before `close` returns; with `deliver=False` they wait in the outbox for `shmon daemon`, `shmon notify flush` or
/// `Monitor.deliver`. Any number of threads may use one.
///
/// >>> import shmon
/// >>> with shmon.Monitor() as monitor:
/// ...     recorded = monitor.record("rm -rf /srv/data", session="s1", cwd="/root")
/// >>> recorded.level
/// <Level.CRITICAL: 3>
#[pyclass(frozen, module = "shmon")]
pub(crate) struct Monitor {
    open: Mutex<Option<LiveMonitor>>,
    home: Home,
    deliver: bool,
    owner: Owner,
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // In a forked child the thread isn't there to be joined, and the database is the parent's.
        if !self.owner.is_here() {
            std::mem::forget(lock(&self.open).take());
        }
    }
}

impl Monitor {
    fn lock(&self) -> PyResult<MutexGuard<'_, Option<LiveMonitor>>> {
        self.owner.check("Monitor")?;
        Ok(lock(&self.open))
    }

    fn closed() -> shmon_core::Error {
        shmon_core::Error::new(shmon_core::ErrorKind::Invalid, "the monitor is closed")
    }

    fn take(&self, py: Python<'_>, incoming: &[Incoming]) -> PyResult<Vec<monitor::Recorded>> {
        self.owner.check("Monitor")?;
        py.detach(|| {
            let mut guard = lock(&self.open);
            let open = guard.as_mut().ok_or_else(Self::closed)?;
            open.record(incoming, self.deliver)
        })
        .map_err(error::raise)
    }
}

fn event(values: &Bound<'_, PyDict>) -> PyResult<Event> {
    let mut event = Event::default();
    for (key, value) in values {
        let key: String = key.extract()?;
        if value.is_none() {
            continue;
        }
        let string = || argument::string(&value, &key);
        match key.as_str() {
            "command" => event.command = text::command(&value)?.into_owned(),
            "session" => event.session_id = string()?,
            "cwd" => event.working_directory = argument::folder(&value, &key)?.to_string_lossy().into_owned(),
            "exit_status" => event.exit_status = Some(argument::number(&value, &key)?),
            "time" => {
                event.started_at = match when::from_python(&value, &key)? {
                    // Which would stand for now.
                    0 => 1,
                    at => at,
                };
            }
            "duration" => event.duration = Some(when::duration(&value, &key)?),
            "user" => event.user = string()?,
            "uid" => event.uid = Some(argument::number(&value, &key)?),
            "host" => event.host = string()?,
            "tty" => event.tty = Some(string()?),
            "pid" => event.pid = Some(argument::number(&value, &key)?),
            "ppid" => event.ppid = Some(argument::number(&value, &key)?),
            "shell" => event.shell = string()?,
            "ssh_client" => event.ssh_client = Some(string()?),
            "parent_session" => event.parent_session = Some(string()?),
            "key" => event.key = string()?,
            _ => {
                let message = format!("record() got an unexpected keyword argument '{key}'");
                return Err(PyTypeError::new_err(message));
            }
        }
    }
    event.complete().map_err(error::raise)
}

#[pymethods]
impl Monitor {
    #[new]
    #[pyo3(signature = (home=None, *, deliver=true))]
    fn new(py: Python<'_>, home: Option<&Bound<'_, PyAny>>, deliver: bool) -> PyResult<Self> {
        let home = crate::monitor::home(py, home)?;
        let monitor = py
            .detach(|| {
                let config = Config::load(&home.config())?;
                shmon_core::Monitor::open(&home, config)
            })
            .map_err(error::raise)?;
        // Tokens and proxies come from the process's environment.
        let open = LiveMonitor::new(monitor, Options::with_env(|name| std::env::var(name).ok()));
        Ok(Monitor { open: Mutex::new(Some(open)), home, deliver, owner: Owner::current() })
    }

    /// The folder with configuration and database.
    #[getter]
    fn home(&self) -> PathBuf {
        self.home.root().to_path_buf()
    }

    /// Records one command and answers when it is stored.
    ///
    /// What isn't given is this process's own: `session` (its process id), `cwd`, `time` (now), `user`, `host`. `time` is
    /// a `datetime`, seconds since the epoch, or local `'YYYY-MM-DD HH:MM:SS'`; `duration` is in seconds or a
    /// `timedelta`. A call with a `key` that was recorded before changes nothing. Further facts: `exit_status`, `uid`,
    /// `tty`, `pid`, `ppid`, `shell`, `ssh_client`, `parent_session`.
    #[pyo3(signature = (command, **facts))]
    fn record(
        &self,
        py: Python<'_>,
        command: &Bound<'_, PyAny>,
        facts: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Recorded> {
        let values = match facts {
            Some(facts) => facts.copy()?,
            None => PyDict::new(py),
        };
        values.set_item("command", command)?;
        let recorded = self.take(py, &[Incoming::Event(event(&values)?)])?;
        recorded
            .first()
            .map(|inner| Recorded { inner: *inner })
            .ok_or_else(|| error::invalid("no answer from the store"))
    }

    /// Records many commands in one transaction: dictionaries with `command` and the facts of `record`.
    fn record_many(&self, py: Python<'_>, commands: &Bound<'_, PyAny>) -> PyResult<Vec<Recorded>> {
        // Whose members are characters or keys, which nobody means.
        if text::is_one(commands) || commands.is_instance_of::<PyMapping>() {
            return Err(PyTypeError::new_err(
                "record_many takes an iterable of commands, not one command: use record, or put it into a list",
            ));
        }
        let mut incoming = Vec::new();
        for (index, command) in commands.try_iter()?.enumerate() {
            let command = command?;
            let values = PyDict::new(py);
            match command.cast::<PyMapping>() {
                Ok(facts) => values.update(facts)?,
                Err(_) => values.set_item("command", command)?,
            }
            let event = event(&values).map_err(|e| argument::at(py, e, "commands", index))?;
            incoming.push(Incoming::Event(event));
        }
        Ok(self.take(py, &incoming)?.into_iter().map(|inner| Recorded { inner }).collect())
    }

    /// Adds the end of a command that was recorded with this `key` when it began.
    #[pyo3(signature = (key, *, exit_status=None, duration=None))]
    fn end(
        &self,
        py: Python<'_>,
        key: Name,
        exit_status: Option<&Bound<'_, PyAny>>,
        duration: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut ending = Ending::default();
        ending.key = key.0;
        ending.exit_status = argument::optional(exit_status, "exit_status")?;
        ending.duration = duration.map(|value| when::duration(value, "duration")).transpose()?;
        self.take(py, &[Incoming::End(ending)]).map(|_| ())
    }

    /// Sends what is due in the outbox now, and says how many messages were sent.
    ///
    /// What can't be sent stays in the outbox; `shmon notify status` shows it.
    fn deliver(&self, py: Python<'_>) -> PyResult<u64> {
        self.owner.check("Monitor")?;
        py.detach(|| {
            let mut guard = lock(&self.open);
            let open = guard.as_mut().ok_or_else(Self::closed)?;
            Ok(open.deliver()?.sent)
        })
        .map_err(error::raise)
    }

    /// Sends what is due and closes the database; another call does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.lock()?.take();
        let Some(open) = open else { return Ok(()) };
        py.detach(|| open.close()).map_err(error::raise)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close(py)
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Monitor {}>", self.home.root().display())
    }
}

/// What became of one recorded command.
#[pyclass(frozen, eq, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Recorded {
    pub(crate) inner: monitor::Recorded,
}

#[pymethods]
impl Recorded {
    /// The row's id; `None` for an excluded command that the configuration drops.
    #[getter]
    fn id(&self) -> Option<i64> {
        self.inner.id
    }

    /// The command's level.
    #[getter]
    fn level(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        level::to_python(py, self.inner.level)
    }

    /// The command is noise.
    #[getter]
    fn excluded(&self) -> bool {
        self.inner.excluded
    }

    /// The same event was recorded before: nothing was changed, logged or sent.
    #[getter]
    fn duplicate(&self) -> bool {
        self.inner.duplicate
    }

    /// How many notifications went into the outbox with it.
    #[getter]
    fn notifications(&self) -> usize {
        self.inner.notifications
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Recorded", &[], &self.inner)
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((self.inner.id, self.inner.level))
    }

    fn __repr__(&self) -> String {
        let id = self.inner.id.map_or("not kept".to_owned(), |id| format!("id={id}"));
        format!("<shmon.Recorded {} {id}>", self.inner.level)
    }
}
