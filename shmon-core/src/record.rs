//! One executed command with everything that is known about it: what the store keeps and every export shows.

use crate::classifier::Day;
use crate::identity::{self, Identity};
use crate::shell::Dialect;
use crate::{Context, Error, ErrorKind, Result, Verdict, time};
use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, UTC.
pub type UnixNanos = i64;

/// What capture knows about one command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Event {
    /// The key under which a repeated delivery of the same event is recognised; empty where there is none
    /// (form: `BOOT:PID:STARTTIME:SEQUENCE`).
    pub key: String,
    /// The shell session.
    pub session_id: String,
    /// The session that this one was started from, as with `su` or a nested shell.
    pub parent_session: Option<String>,
    /// The command as typed; any bytes.
    #[serde(with = "lossless")]
    pub command: Vec<u8>,
    /// The folder in which it was typed.
    pub working_directory: String,
    /// When it was accepted.
    pub started_at: UnixNanos,
    /// How long it ran, in nanoseconds; `None` while it runs or where that isn't known.
    pub duration: Option<i64>,
    /// Its exit status.
    pub exit_status: Option<i32>,
    /// Login name.
    pub user: String,
    /// User id.
    pub uid: Option<u32>,
    /// Name of the host.
    pub host: String,
    /// Terminal, such as `/dev/pts/3`.
    pub tty: Option<String>,
    /// Process id of the shell.
    pub pid: Option<u32>,
    /// Process id of the shell's parent.
    pub ppid: Option<u32>,
    /// `bash`, `zsh`, `fish`, `sh`, or what else captured it: `ssh-command`, `guard:claude`, `import:bash`.
    pub shell: String,
    /// Address and port of the SSH client (`SSH_CLIENT`'s first two fields).
    pub ssh_client: Option<String>,
}

impl Event {
    /// What isn't known becomes this process's own: session (its id), folder, time, user and host; the shell is bash.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when there is no command.
    pub fn complete(mut self) -> Result<Event> {
        if self.command.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::new(ErrorKind::Invalid, "the command is empty"));
        }
        if self.session_id.is_empty() {
            self.session_id = std::process::id().to_string();
        }
        if self.working_directory.is_empty() {
            // A folder that was deleted has no name; the command is recorded all the same.
            self.working_directory =
                std::env::current_dir().unwrap_or_default().to_string_lossy().into_owned();
        }
        if self.started_at == 0 {
            self.started_at = time::now();
        }
        if self.user.is_empty() {
            let own = Identity::current();
            self.user = self.uid.map_or(own.user, identity::user_name);
            self.uid = self.uid.or(Some(own.uid));
        }
        if self.host.is_empty() {
            self.host = identity::host_name();
        }
        if self.shell.is_empty() {
            self.shell = "bash".into();
        }
        Ok(self)
    }

    /// What rules may ask about the caller.
    pub fn context(&self) -> Context<'_> {
        Context {
            dialect: Dialect::of_shell(&self.shell),
            user: (!self.user.is_empty()).then_some(&self.user),
            root: self.uid.map(|uid| uid == 0),
            ssh: Some(self.ssh_client.is_some()),
            // Whether an allow entry had expired is asked of the day on which the command ran.
            today: Day::of(self.started_at),
        }
    }
}

/// An event and what the classifier says of it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Record {
    /// The event.
    pub event: Event,
    /// The verdict.
    pub verdict: Verdict,
}

impl Record {
    /// Pairs an event with its verdict.
    pub fn new(event: Event, verdict: Verdict) -> Self {
        Record { event, verdict }
    }
}

/// The end of a command that was recorded when it began.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Ending {
    /// The key of the [`Event`] that ended.
    pub key: String,
    /// Its exit status.
    pub exit_status: Option<i32>,
    /// How long it ran, in nanoseconds.
    pub duration: Option<i64>,
}

/// Text where the bytes are UTF-8, otherwise an array of numbers: no byte is lost.
mod lossless {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => s.serialize_str(text),
            Err(_) => bytes.serialize(s),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Form::deserialize(d)? {
            Form::Text(text) => text.into_bytes(),
            Form::Bytes(bytes) => bytes,
        })
    }
}
