//! The systemd journal, by its native protocol. <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>

use super::syslog::severity;
use super::{Attempt, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::message::{Group, Message, Unit};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Bytes of the text: one datagram has to hold it all.
const LIMIT: usize = 16_000;

/// What `journalctl MESSAGE_ID=…` finds alerts by.
const MESSAGE_ID: &str = "8f1c6a3e5d7b4f0c9a2e4b6d8c0f1a35";

crate::notify::config::sink_config! {
    /// `[notify.journald]`
    pub struct Config ("journald", checkpoint = true) {
        /// The journal's socket.
        #[serde(default = "socket")]
        pub socket: PathBuf,
    }
}

fn socket() -> PathBuf {
    "/run/systemd/journal/socket".into()
}

impl Config {
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "what all sinks have")]
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what all sinks have")]
pub(crate) fn open(config: &Config, _: &Setting) -> Result<Journald> {
    Ok(Journald { socket: config.socket.clone() })
}

/// The sink.
pub(crate) struct Journald {
    socket: PathBuf,
}

/// `KEY\n`, the length, the value: the form in which a newline can't begin another field.
fn field(out: &mut Vec<u8>, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.extend(key.as_bytes());
    out.push(b'\n');
    out.extend((value.len() as u64).to_le_bytes());
    out.extend(value.as_bytes());
    out.push(b'\n');
}

fn datagram(message: &Message) -> Vec<u8> {
    let first = &message.first;
    let mut out = Vec::with_capacity(2048);
    let mut put = |key: &str, value: &str| field(&mut out, key, value);
    // The checkpoint has a field of its own, and nobody has to read past it.
    let mut plain = message.clone();
    plain.first.checkpoint = None;
    put("MESSAGE", &plain.text(Unit::Bytes, LIMIT, &str::to_owned));
    put("MESSAGE_ID", MESSAGE_ID);
    put("PRIORITY", &severity(message.level()).to_string());
    put("SYSLOG_IDENTIFIER", "shmon");
    put("SHMON_UID", &message.uid());
    put("SHMON_ID", &first.id.to_string());
    put("SHMON_LEVEL", first.level.as_str());
    put("SHMON_COUNT", &message.count().to_string());
    put("SHMON_USER", &first.user);
    put("SHMON_HOST", &first.host);
    put("SHMON_DIRECTORY", &first.directory);
    put("SHMON_COMMAND", &first.command.chars().take(4000).collect::<String>());
    put("SHMON_RULES", &first.rules.join(" "));
    put("SHMON_ATTACK", &first.attack.join(" "));
    put("SHMON_SESSION", &first.session_id);
    put("SHMON_CHECKPOINT", first.checkpoint.as_deref().unwrap_or_default());
    if let Group::Flood { last, .. } | Group::Mixed { last, .. } = &message.group {
        put("SHMON_LAST_ID", &last.id.to_string());
    }
    out
}

impl Sink for Journald {
    fn label(&self) -> &'static str {
        "journald"
    }

    fn reach(&self) -> Attempt {
        match UnixDatagram::unbound().and_then(|s| s.connect(&self.socket)) {
            Ok(()) => Outcome::asked().into(),
            Err(e) => Outcome::NotSent(format!("{}: {e}", self.socket.display())).into(),
        }
    }

    fn send(&self, message: &Message) -> Attempt {
        let sent = UnixDatagram::unbound().and_then(|s| s.send_to(&datagram(message), &self.socket));
        match sent {
            Ok(_) => Outcome::Sent { id: Some(message.uid()), answer: message.uid() }.into(),
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                Outcome::TooLarge(format!("{}: {e}", self.socket.display())).into()
            }
            Err(e) => Outcome::NotSent(format!("{}: {e}", self.socket.display())).into(),
        }
    }
}
