//! Who and where this process is, by the kernel's and the system's own account.

use crate::names;

/// User, host and terminal of this process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Identity {
    /// The real user id.
    pub uid: u32,
    /// Its login name; the number where the system knows no name.
    pub user: String,
    /// The kernel's node name.
    pub host: String,
}

impl Identity {
    /// The identity of this process; reads no environment variable, which a user could set.
    pub fn current() -> Identity {
        let uid = rustix::process::getuid().as_raw();
        Identity { uid, user: user_name(uid), host: host_name() }
    }
}

/// The login name of a user id; the number where the system knows no name.
pub fn user_name(uid: u32) -> String {
    names::account(uid).map_or_else(|| uid.to_string(), |account| account.name)
}

/// The kernel's node name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_system() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_001), "4000000001");
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(host_name(), name.trim_end());
    }
}
