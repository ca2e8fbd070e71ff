//! One command in a spool file of its own, written at once.

use shmon_core::Result;
use shmon_core::config::{Home, private_folder};
use shmon_core::record::Event;
use shmon_core::spool::{Line, Writer, session_name};
use shmon_core::time;
use std::os::unix::fs::PermissionsExt;

/// What lies in the spool.
pub(super) struct Spooled {
    pub(super) session: String,
    /// Under which the recorder will record it.
    pub(super) key: String,
    pub(super) writer: Writer,
    /// The folder is all users' and the recorder the system's.
    pub(super) shared: bool,
}

/// Appends the command; `None` where the spool's form would lose something of it, so that nothing was written.
pub(super) fn write(home: &Home, event: &Event) -> Result<Option<Spooled>> {
    let mut names = [&event.host, &event.session_id, &event.key].into_iter().chain(&event.tty);
    let fits = !names.any(|name| name.contains(['\n', '\0']))
        && !event.shell.contains([' ', '\n', '\0'])
        && !event.command.contains(&0);
    if !fits {
        return Ok(None);
    }
    let folder = home.spool_dir();
    let mode = match std::fs::metadata(&folder) {
        Ok(meta) => meta.permissions().mode(),
        Err(_) => {
            private_folder(&folder)?;
            0
        }
    };
    let shared = mode & 0o2000 != 0;
    let pid = std::process::id();
    let session = session_name(pid, time::now());
    let mut writer = if shared {
        Writer::open_shared(&folder, &session)?
    } else {
        Writer::open(&folder, &session, false)?
    };
    let key = if event.key.is_empty() { format!("record:{session}") } else { event.key.clone() };
    let about = format!(
        "shell={}\npid={pid}\nhost={}\nid={}\nssh={}\ntty={}\ncaller={}\nkey={key}\nonce=1",
        event.shell,
        event.host,
        event.session_id,
        event.ssh_client.as_deref().unwrap_or(""),
        event.tty.as_deref().unwrap_or(""),
        event.pid.map(|pid| pid.to_string()).unwrap_or_default(),
    );
    let began = seconds(event.started_at);
    let ended = event.duration.map(|duration| seconds(event.started_at.saturating_add(duration)));
    let status = event.exit_status.map(|status| status.to_string());
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let cwd = event.working_directory.as_bytes();
    let line = |header, sequence, first, second| Line { header, sequence, first, second };
    writer.append_all(&[
        line(&format!("s1 0 {began}"), 0, cwd, about.as_bytes()),
        line(&format!("b1 1 {began} record"), 1, cwd, &event.command),
        // Also where nothing is known of it: what follows is nothing more.
        line(&format!("e1 1 {} {} {began}", or_none(ended), or_none(status)), 1, b"", b""),
    ])?;
    Ok(Some(Spooled { session, key, writer, shared }))
}

/// Seconds since the epoch, to the nanosecond.
fn seconds(nanos: i64) -> String {
    format!("{}.{:09}", nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000))
}
