//! Names of well-known programs, for globs in the place of a program: `/bin/r?`, `/???/nm?p`.

use super::pattern;

/// What a glob in the place of a program may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    One(String),
    /// Several of the well-known programs; bash runs the first of those that there are.
    Several(String),
    /// None of them: a file of which nothing is known.
    Unknown,
    /// A name without a folder, which finds files of the current one: nobody writes that for a program.
    Relative,
    /// No pattern at all: `[`.
    Literal,
}

/// Programs that people hide behind globs, in `/bin` or `/usr/bin` of common systems.
const PROGRAMS: &[&str] = &[
    "ash", "awk", "base64", "bash", "busybox", "cat", "chmod", "chown", "chroot", "cp", "crontab", "curl",
    "cut", "dash", "date", "dd", "df", "docker", "echo", "env", "fdisk", "find", "ftp", "gawk", "gcc", "gdb",
    "grep", "gzip", "head", "hostname", "id", "ifconfig", "ip", "iptables", "kill", "ksh", "last", "less",
    "ls", "lsof", "mail", "mawk", "mkdir", "mkfs", "more", "mount", "mutt", "mv", "mysql", "nc", "ncat",
    "netcat", "netstat", "nl", "nmap", "node", "od", "openssl", "passwd", "perl", "php", "ping", "printf",
    "ps", "psql", "pwd", "python", "python3", "rbash", "rev", "rm", "rmdir", "rsync", "ruby", "scp", "sed",
    "sftp", "sh", "sleep", "socat", "sort", "ss", "ssh", "strings", "su", "sudo", "tac", "tail", "tar",
    "tee", "telnet", "touch", "tr", "umount", "uname", "uniq", "useradd", "vi", "vim", "w", "wc", "wget",
    "who", "whoami", "xargs", "xxd", "zsh",
];

const FOLDERS: [&str; 4] = ["/bin", "/usr/bin", "/sbin", "/usr/sbin"];

/// Whether the bytes are a pattern: a lone `[` is not.
fn is_glob(text: &[u8]) -> bool {
    let open = text.iter().position(|&b| b == b'[');
    text.iter().any(|b| matches!(b, b'*' | b'?'))
        || open.is_some_and(|at| text[at..].iter().skip(2).any(|&b| b == b']'))
}

/// What the glob means. A relative one names a file in the current folder, of which nothing is known.
pub(super) fn resolve(glob: &[u8], steps: &mut u32) -> Meaning {
    if !is_glob(glob) {
        return Meaning::Literal;
    }
    let Some(slash) = glob.iter().rposition(|&b| b == b'/') else { return Meaning::Relative };
    let (folder, name) = (&glob[..slash], &glob[slash + 1..]);
    let folders: Vec<&str> =
        FOLDERS.into_iter().filter(|f| pattern::matches(folder, f.as_bytes(), steps)).collect();
    let Some(first) = folders.first() else { return Meaning::Unknown };
    let mut found = PROGRAMS.iter().filter(|p| pattern::matches(name, p.as_bytes(), steps));
    match (found.next(), found.next()) {
        (Some(one), None) => Meaning::One(format!("{first}/{one}")),
        (Some(one), Some(_)) => Meaning::Several(format!("{first}/{one}")),
        _ => Meaning::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_that_mean_one_program_are_resolved() {
        assert_eq!(resolve(b"/bin/r?", &mut { pattern::MAX_STEPS }), Meaning::One("/bin/rm".into()));
        assert_eq!(resolve(b"/???/nm?p", &mut { pattern::MAX_STEPS }), Meaning::One("/bin/nmap".into()));
        assert_eq!(
            resolve(b"/usr/bin/wh*", &mut { pattern::MAX_STEPS }),
            Meaning::Several("/usr/bin/who".into())
        );
        assert_eq!(resolve(b"./r?", &mut { pattern::MAX_STEPS }), Meaning::Unknown);
        assert_eq!(resolve(b"r?", &mut { pattern::MAX_STEPS }), Meaning::Relative);
        assert_eq!(resolve(b"*", &mut { pattern::MAX_STEPS }), Meaning::Relative);
        assert_eq!(resolve(b"[", &mut { pattern::MAX_STEPS }), Meaning::Literal);
        assert_eq!(resolve(b"[[", &mut { pattern::MAX_STEPS }), Meaning::Literal);
    }
}
