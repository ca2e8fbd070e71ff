//! `Row`: one recorded command.

use crate::{level, pickle, text, when};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};
use serde::{Deserialize, Serialize};
use shmon_core::{Level, store};

/// One recorded command.
///
/// Its columns are attributes and items: `row.level`, `row["level"]`, `dict(row)`.
#[pyclass(frozen, eq, mapping, module = "shmon")]
#[derive(PartialEq)]
pub(crate) struct Row {
    pub(crate) inner: store::Row,
}

macro_rules! columns {
    ($($column:ident: $kind:ty,)*) => {
        /// What a pickle of a row holds, beside its command.
        #[derive(Serialize, Deserialize)]
        pub(crate) struct Columns {
            $($column: $kind,)*
        }

        impl Columns {
            fn of(row: &store::Row) -> Columns {
                Columns { $($column: row.$column.clone(),)* }
            }

            fn row(self, command: &[u8]) -> store::Row {
                let mut row = store::Row::default();
                row.command = command.to_vec();
                $(row.$column = self.$column;)*
                row
            }
        }
    };
}

columns! {
    id: i64,
    epoch: String,
    session_id: String,
    redacted: Option<String>,
    command_hash: String,
    working_directory: String,
    execution_time: String,
    level: Level,
    sensitive: bool,
    created_at: String,
    started_at: i64,
    recorded_at: i64,
    duration: Option<i64>,
    exit_status: Option<i32>,
    user: String,
    uid: Option<u32>,
    host: String,
    tty: Option<String>,
    pid: Option<u32>,
    ppid: Option<u32>,
    shell: String,
    ssh_client: Option<String>,
    parent_session: Option<String>,
    excluded: bool,
    partial: bool,
    rules: Vec<String>,
}

impl Row {
    pub(crate) fn restored(command: &[u8], columns: Columns) -> Row {
        Row { inner: columns.row(command) }
    }
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

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pickle::reduce(py, "Row", &self.inner.command, &Columns::of(&self.inner))
    }

    fn __hash__(&self) -> u64 {
        pickle::hash((&self.inner.epoch, self.inner.id))
    }

    fn __repr__(&self) -> String {
        format!("<shmon.Row {} {} {:?}>", self.inner.id, self.inner.level, self.inner.shown())
    }
}
