//! What the kernel and the system's login service say of a process: nothing of it can be chosen by its user.

use std::path::Path;

/// The facts about a living process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// The real user.
    pub(super) uid: Option<u32>,
    /// The user who logged in: survives `su` and `sudo` (`/proc/PID/loginuid`, set once by PAM).
    pub(super) login_uid: Option<u32>,
    /// Where the login came from, by logind.
    pub(super) remote_host: Option<String>,
}

/// Looks a process up.
pub(super) fn facts(pid: u32) -> Facts {
    let process = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    Facts {
        uid: uid.and_then(|ids| ids.split_whitespace().next()?.parse().ok()),
        login_uid: number(&process.join("loginuid")),
        remote_host: number(&process.join("sessionid")).and_then(|session| {
            let file = Path::new("/run/systemd/sessions").join(session.to_string());
            remote_host(&std::fs::read_to_string(file).ok()?)
        }),
    }
}

/// A number that was ever set.
fn number(path: &Path) -> Option<u32> {
    let number = std::fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (number != u32::MAX).then_some(number)
}

/// Of a session's file of logind (`/run/systemd/sessions/N`).
fn remote_host(text: &str) -> Option<String> {
    let host = text.lines().find_map(|line| line.strip_prefix("REMOTE_HOST="))?;
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_its_user() {
        let facts = facts(std::process::id());
        assert_eq!(facts.uid, Some(rustix::process::getuid().as_raw()));
    }

    #[test]
    fn a_session_names_where_it_came_from() {
        assert_eq!(remote_host("UID=7\nREMOTE=1\nREMOTE_HOST=192.0.2.7\n").as_deref(), Some("192.0.2.7"));
        assert_eq!((remote_host("REMOTE_HOST=\n"), remote_host("")), (None, None));
    }
}
