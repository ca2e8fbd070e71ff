//! The library's error: opaque, with a kind for programs and a message for people.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result with shmon's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, for programs that decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration can't be read, or a key or value in it isn't allowed.
    Config,
    /// A rule file can't be read or a rule in it is wrong.
    Rule,
    /// The database can't be opened, read or written.
    Store,
    /// The database was made by a newer version of shmon.
    NewerVersion,
    /// The database was made by an older system and was not brought up to date yet.
    OldVersion,
    /// The file is not a database, or its content is damaged.
    Corrupt,
    /// The disk or the quota is full: the database can be read, but nothing can be added.
    Full,
    /// The database, its folder or the file system can only be read.
    ReadOnly,
    /// Another process held the database for longer than the caller wanted to wait.
    Locked,
    /// A file or folder can't be read or written.
    Io,
    /// A notification can't be prepared or delivered.
    Notify,
    /// An argument of the caller is wrong.
    Invalid,
}

/// An error with a message that names the file, rule or key at fault and says what to do.
pub struct Error {
    kind: ErrorKind,
    message: String,
    path: Option<PathBuf>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with a message in lower case, without a final full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), path: None, source: None }
    }

    /// Names the file or folder at fault.
    #[must_use]
    pub fn at(mut self, path: impl AsRef<Path>) -> Self {
        self.path = Some(path.as_ref().to_path_buf());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An input or output error on `path`, while doing what `action` says ("read", "create").
    pub fn io(action: &str, path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("cannot {action}")).at(path).caused_by(source)
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The file or folder at fault, where there is one.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.kind)
    }
}

impl std::error::Error for Error {}
