//! Accounts and hosts as the system's name services know them: files, LDAP, sssd, DNS, mDNS, systemd-resolved.
//!
//! What `/etc/passwd` doesn't hold is asked of `getent`, a program of every libc: those services are libraries that a process
//! has to load, which one that is linked statically can't do safely, and which a host process need not have in it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{Error, ErrorKind, Read, Result};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that the name services may take for an account.
const PATIENCE: Duration = Duration::from_secs(5);

/// A line of the table of accounts, passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The login name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The id of the login group.
    pub gid: u32,
    /// The home folder.
    pub home: PathBuf,
    /// The login shell; empty where none is set.
    pub shell: PathBuf,
}

impl Account {
    /// `NAME:PASSWORD:UID:GID:COMMENT:HOME:SHELL`; `None` for anything else.
    fn parse(line: &str) -> Option<Account> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['+', '-', '#']))?;
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        let (home, shell) = (fields.nth(1)?.into(), fields.next()?.into());
        Some(Account { name: name.to_owned(), uid, gid, home, shell })
    }
}

/// The account of a user id; `None` where no service knows one.
pub fn account(uid: u32) -> Option<Account> {
    lookup(&uid.to_string(), |account| account.uid == uid)
}

/// The account of a login name; `None` where no service knows it.
pub fn account_named(name: &str) -> Option<Account> {
    // A number would be taken for a user id.
    lookup(name, |account| account.name == name)
}

fn lookup(key: &str, wanted: impl Fn(&Account) -> bool) -> Option<Account> {
    let find = |table: &[u8]| {
        String::from_utf8_lossy(table).lines().filter_map(Account::parse).find(|account| wanted(account))
    };
    let local = std::fs::read("/etc/passwd").ok().and_then(|table| find(&table));
    local.or_else(|| find(&getent("passwd", key, PATIENCE).ok()?))
}

/// The addresses of a host, the preferred one first, each with `port`; waits for the name services `limit` at most.
///
/// # Errors
/// [`ErrorKind::NotFound`] where the host has no address, [`ErrorKind::TimedOut`], or why `getent` can't be run.
pub fn addresses(host: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>> {
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let table = getent("ahosts", host, limit)?;
    let mut found: Vec<SocketAddr> = Vec::new();
    for line in String::from_utf8_lossy(&table).lines() {
        // `ADDRESS KIND NAME`, once for each kind of socket; a scope (`fe80::1%eth0`) has no form that std reads.
        let address = line.split_ascii_whitespace().next().and_then(|word| word.parse::<IpAddr>().ok());
        if let Some(address) = address.map(|address| SocketAddr::from((address, port)))
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    match found.is_empty() {
        true => Err(unknown(host)),
        false => Ok(found),
    }
}

fn unknown(key: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("no name service knows '{key}'"))
}

/// What `getent` prints. Its exit status tells no more: who isn't found is not in the output.
fn getent(table: &str, key: &str, limit: Duration) -> Result<Vec<u8>> {
    // The end of options is a key to some of its versions.
    if key.is_empty() || key.starts_with('-') {
        return Err(unknown(key));
    }
    // Not by the user's own search path, where it can be known.
    let program = ["/usr/bin/getent", "/bin/getent", "/run/current-system/sw/bin/getent"];
    let program = program.into_iter().find(|path| Path::new(path).exists()).unwrap_or("getent");
    let mut child = Command::new(program)
        .args([table, key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| Error::new(e.kind(), format!("cannot ask the name services: {program}: {e}")))?;
    let answer = child.stdout.take().map_or_else(|| Ok(Vec::new()), |output| read(output, limit));
    if answer.is_err() {
        // It has an answer for nobody any more; that it has ended already is no failure.
        let _ = child.kill();
    }
    // A host process may have reaped it.
    let _ = child.wait();
    answer
}

fn read(mut output: std::process::ChildStdout, limit: Duration) -> Result<Vec<u8>> {
    let until = Instant::now() + limit;
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(ErrorKind::TimedOut, "the name services don't answer"));
        }
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => match output.read(&mut buffer)? {
                0 => return Ok(text),
                n => text.extend_from_slice(&buffer[..n]),
            },
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_from_the_table() {
        let line = "xb874667:x:1001:100:A B,,,:/home/xb874667:/bin/zsh";
        let account = Account {
            name: "xb874667".into(),
            uid: 1001,
            gid: 100,
            home: "/home/xb874667".into(),
            shell: "/bin/zsh".into(),
        };
        assert_eq!(Account::parse(line), Some(account));
        let empty = Account::parse("nobody:x:65534:65534:::").unwrap();
        assert_eq!((empty.home, empty.shell), (PathBuf::new(), PathBuf::new()));
        for other in ["", "+::::::", "# root:x:0:0:::", "root:x:zero:0:::", "root:x:0:0::/root"] {
            assert_eq!(Account::parse(other), None, "{other}");
        }
    }

    #[test]
    fn accounts_are_found_by_number_and_by_name() {
        assert_eq!(account(0), account_named("root"));
        assert_eq!(account(0).unwrap().name, "root");
        assert_eq!(account(4_000_000_001), None);
        assert_eq!(account_named("no-such-user"), None);
        assert_eq!(account_named("0"), None, "a number is no name");
        assert_eq!(account_named("-s"), None, "an option is no name");
    }

    #[test]
    fn hosts_have_addresses_in_time() {
        let limit = Duration::from_secs(30);
        let port = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(addresses("127.0.0.1", 80, limit).unwrap(), [port("127.0.0.1:80")]);
        assert_eq!(addresses("[::1]", 80, limit).unwrap(), [port("[::1]:80")]);
        assert_eq!(addresses("::1", 80, limit).unwrap(), [port("[::1]:80")]);
        let local = addresses("localhost", 80, limit).unwrap();
        assert!(!local.is_empty() && local.iter().all(|address| address.ip().is_loopback()), "{local:?}");
        for bad in ["", "-s", "not a host", "a\0b"] {
            assert!(addresses(bad, 80, limit).is_err(), "{bad:?}");
        }
        let late = addresses("localhost", 80, Duration::ZERO).unwrap_err();
        assert_eq!(late.kind(), ErrorKind::TimedOut);
    }
}
