//! What is known of a command, what became of it, and the callback that is told.

use crate::status::Failure;
use crate::types::{self, SHMON_EXCLUDED, Versioned, shmon_level, shmon_text};
use crate::verdict::shmon_verdict;
use shmon_core::monitor::Recorded;
use shmon_core::record::Event;
use std::ffi::c_void;

/// `present` of `shmon_event`: `exit_status` is known.
pub const SHMON_HAS_EXIT_STATUS: u32 = 1;
/// `present` of `shmon_event`: `duration` is known.
pub const SHMON_HAS_DURATION: u32 = 2;
/// `present` of `shmon_event`: `uid` is known (0 is root's).
pub const SHMON_HAS_UID: u32 = 4;

/// One command and what is known of it. Make one with `shmon_event_init`; what isn't set becomes this process's own
/// (session, folder, time, user, host), or stays unknown. Names are UTF-8; other bytes in them are replaced.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct shmon_event {
    /// The size of this structure, as `shmon_event_init` sets it.
    pub struct_size: usize,
    /// The command as typed; any bytes, not only spaces.
    pub command: shmon_text,
    /// The shell session. Empty: this process's id.
    pub session_id: shmon_text,
    /// The folder in which it was typed. Empty: this process's.
    pub working_directory: shmon_text,
    /// Login name. Empty: that of `uid`, or this process's.
    pub user: shmon_text,
    /// Name of the host. Empty: this one.
    pub host: shmon_text,
    /// Terminal, such as `/dev/pts/3`.
    pub tty: shmon_text,
    /// `bash`, `zsh`, `fish`, `sh`, or what else captured it. Empty: bash.
    pub shell: shmon_text,
    /// Address and port of the SSH client.
    pub ssh_client: shmon_text,
    /// The session that this one was started from.
    pub parent_session: shmon_text,
    /// A key under which a repeated delivery of the same event is recognised and changes nothing.
    pub key: shmon_text,
    /// When it was accepted, in nanoseconds since the Unix epoch. 0: now.
    pub started_at: i64,
    /// How long it ran, in nanoseconds.
    pub duration: i64,
    /// Any of `SHMON_HAS_EXIT_STATUS`, `SHMON_HAS_DURATION`, `SHMON_HAS_UID`.
    pub present: u32,
    /// Its exit status.
    pub exit_status: i32,
    /// User id.
    pub uid: u32,
    /// Process id of the shell; 0: unknown.
    pub pid: u32,
    /// Process id of the shell's parent; 0: unknown.
    pub ppid: u32,
}

// SAFETY: numbers and pointers that are checked when they are used.
unsafe impl Versioned for shmon_event {
    const INIT: &'static str = "shmon_event_init";
}

/// `flags` of `shmon_recorded`: the same event was recorded before; nothing was changed, logged or sent.
pub const SHMON_DUPLICATE: u32 = 8;

/// What became of one event; its size never changes.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct shmon_recorded {
    /// The row, the `Database ID` of notifications; 0 for an excluded command that the configuration drops.
    pub id: i64,
    /// The command's level.
    pub level: shmon_level,
    /// Any of `SHMON_EXCLUDED`, `SHMON_DUPLICATE`; unknown bits may come later.
    pub flags: u32,
    /// How many notifications went into the outbox with it.
    pub notifications: u32,
    /// Zero.
    pub reserved: u32,
}

impl shmon_recorded {
    pub(crate) fn of(recorded: &Recorded) -> Self {
        let flag = |on: bool, flag| if on { flag } else { 0 };
        shmon_recorded {
            id: recorded.id.unwrap_or(0),
            level: recorded.level.into(),
            flags: flag(recorded.excluded, SHMON_EXCLUDED) | flag(recorded.duplicate, SHMON_DUPLICATE),
            notifications: u32::try_from(recorded.notifications).unwrap_or(u32::MAX),
            reserved: 0,
        }
    }
}

/// A sink of the caller's own, told of each command after it was stored.
///
/// It runs on the thread that records, without any lock held, so it may use the monitor (but not free it), and several
/// threads may be in it at once. A command that a sink records is stored and told to no sink of the same monitor. No C++
/// exception and no `longjmp` may leave it: the process would be ended.
///
/// `event` is what was stored, with nothing empty that could be filled in; it, `recorded` and `verdict` are valid until
/// the callback returns. `user` is what `shmon_monitor_add_sink` was given.
pub type shmon_sink = Option<
    unsafe extern "C" fn(
        event: *const shmon_event,
        recorded: *const shmon_recorded,
        verdict: *const shmon_verdict,
        user: *mut c_void,
    ),
>;

/// The caller's event in the library's form, complete.
///
/// # Safety
/// `event` is NULL or begins with its size, and its texts are readable.
pub(crate) unsafe fn read(event: *const shmon_event, name: &str) -> Result<Event, Failure> {
    // SAFETY: the caller promises the structure.
    let raw = unsafe { types::read(event, name) }?;
    let text = |text: shmon_text, field: &str| {
        // SAFETY: the caller promises the text.
        let bytes = unsafe { text.bytes(&format!("{name}.{field}")) }?;
        Ok::<_, Failure>(String::from_utf8_lossy(bytes).into_owned())
    };
    let optional = |value: shmon_text, field: &str| text(value, field).map(|t| (!t.is_empty()).then_some(t));
    let has = |flag: u32| raw.present & flag != 0;
    let mut event = Event::default();
    // SAFETY: the caller promises the text.
    event.command = unsafe { raw.command.bytes(&format!("{name}.command")) }?.to_vec();
    event.session_id = text(raw.session_id, "session_id")?;
    event.working_directory = text(raw.working_directory, "working_directory")?;
    event.user = text(raw.user, "user")?;
    event.host = text(raw.host, "host")?;
    event.shell = text(raw.shell, "shell")?;
    event.key = text(raw.key, "key")?;
    event.tty = optional(raw.tty, "tty")?;
    event.ssh_client = optional(raw.ssh_client, "ssh_client")?;
    event.parent_session = optional(raw.parent_session, "parent_session")?;
    event.started_at = raw.started_at;
    event.duration = has(SHMON_HAS_DURATION).then_some(raw.duration);
    event.exit_status = has(SHMON_HAS_EXIT_STATUS).then_some(raw.exit_status);
    event.uid = has(SHMON_HAS_UID).then_some(raw.uid);
    event.pid = (raw.pid != 0).then_some(raw.pid);
    event.ppid = (raw.ppid != 0).then_some(raw.ppid);
    Ok(event.complete()?)
}

/// The library's event in C's form; it borrows the texts.
pub(crate) fn borrow(event: &Event) -> shmon_event {
    let flag = |on: bool, flag| if on { flag } else { 0 };
    let optional = |text: &Option<String>| shmon_text::of(text.as_deref().unwrap_or(""));
    shmon_event {
        struct_size: size_of::<shmon_event>(),
        command: shmon_text::of_bytes(&event.command),
        session_id: shmon_text::of(&event.session_id),
        working_directory: shmon_text::of(&event.working_directory),
        user: shmon_text::of(&event.user),
        host: shmon_text::of(&event.host),
        tty: optional(&event.tty),
        shell: shmon_text::of(&event.shell),
        ssh_client: optional(&event.ssh_client),
        parent_session: optional(&event.parent_session),
        key: shmon_text::of(&event.key),
        started_at: event.started_at,
        duration: event.duration.unwrap_or(0),
        present: flag(event.exit_status.is_some(), SHMON_HAS_EXIT_STATUS)
            | flag(event.duration.is_some(), SHMON_HAS_DURATION)
            | flag(event.uid.is_some(), SHMON_HAS_UID),
        exit_status: event.exit_status.unwrap_or(0),
        uid: event.uid.unwrap_or(0),
        pid: event.pid.unwrap_or(0),
        ppid: event.ppid.unwrap_or(0),
    }
}

/// The verdict for a callback: classification is pure, so it says what was stored.
pub(crate) fn verdict(event: &Event, classifier: &shmon_core::Classifier) -> Box<shmon_verdict> {
    let mut scratch = shmon_core::Scratch::default();
    let verdict = classifier.classify_into(&event.command, &event.context(), &mut scratch);
    shmon_verdict::new(verdict, &event.command)
}
