//! syslog: RFC 5424, over a Unix socket, TCP or TLS (RFC 5425).

use super::{Attempt, Outcome, Setting, Sink};
use crate::notify::message::{Group, Message, Unit, short};
use crate::{Level, Result};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Deserialize;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of the text; receivers take 2,048 at least and 8,192 as a rule.
const LIMIT: usize = 6000;

crate::notify::config::sink_config! {
    /// `[notify.syslog]`
    pub struct Config ("syslog") {
        /// Where to: `unix:/dev/log`, `tcp://host:601` or `tls://host:6514`.
        #[serde(default = "address")]
        pub address: Address,
        /// The facility: `authpriv`, `auth`, `user`, `daemon`, `local0` to `local7`.
        #[serde(default = "facility")]
        pub facility: Facility,
    }
}

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// A socket of this machine.
    Unix(PathBuf),
    /// Host and port, not encrypted.
    Tcp(String, u16),
    /// Host and port, with TLS.
    Tls(String, u16),
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Address, String> {
        let wrong =
            || format!("'{text}' is no address: write unix:/dev/log, tcp://host:601 or tls://host:6514");
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') { Ok(Address::Unix(path.into())) } else { Err(wrong()) };
        }
        let (tls, rest) = match (text.strip_prefix("tcp://"), text.strip_prefix("tls://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(wrong()),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            _ => (rest, if tls { 6514 } else { 601 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        match (host.is_empty(), tls) {
            (true, _) => Err(wrong()),
            (_, true) => Ok(Address::Tls(host, port)),
            (_, false) => Ok(Address::Tcp(host, port)),
        }
    }
}

/// A facility's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Facility(u8);

impl TryFrom<String> for Facility {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Facility, String> {
        let local = text.strip_prefix("local").and_then(|n| n.parse::<u8>().ok()).filter(|n| *n < 8);
        match (text.as_str(), local) {
            ("user", _) => Ok(Facility(1)),
            ("daemon", _) => Ok(Facility(3)),
            ("auth", _) => Ok(Facility(4)),
            ("authpriv", _) => Ok(Facility(10)),
            (_, Some(n)) => Ok(Facility(16 + n)),
            _ => {
                Err(format!("'{text}' is no facility: use authpriv, auth, user, daemon or local0 to local7"))
            }
        }
    }
}

fn address() -> Address {
    Address::Unix("/dev/log".into())
}

fn facility() -> Facility {
    Facility(10)
}

impl Config {
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "what all sinks have")]
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        Ok(())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what all sinks have")]
pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Syslog> {
    Ok(Syslog { config: config.clone(), setting: setting.clone() })
}

/// The sink.
pub(crate) struct Syslog {
    config: Config,
    setting: Setting,
}

/// The severity of a level: alert is for what can't wait at all, so critical is 2.
pub(super) fn severity(level: Level) -> u8 {
    match level {
        Level::Critical => 2,
        Level::High => 4,
        Level::Medium => 5,
        Level::Low => 6,
    }
}

/// A header field: printable ASCII without spaces, `-` where nothing is left.
fn field(text: &str, limit: usize) -> String {
    let kept: String = text.chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).take(limit).collect();
    if kept.is_empty() { "-".into() } else { kept }
}

/// RFC 5424, 6.3.3: three characters are escaped; control characters were made visible before.
fn value(text: &str) -> String {
    short(text, 1000).replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

impl Syslog {
    fn line(&self, message: &Message) -> String {
        let first = &message.first;
        let priority = self.config.facility.0 * 8 + severity(message.level());
        let time = jiff::Timestamp::from_nanosecond(i128::from(first.time_ns)).unwrap_or_default();
        let mut line = format!(
            "<{priority}>1 {time:.6} {} shmon {} alert [shmon@32473",
            field(&first.host, 255),
            std::process::id()
        );
        let mut parameter = |name: &str, text: &str| {
            if !text.is_empty() {
                let _ = write!(line, " {name}=\"{}\"", value(text));
            }
        };
        parameter("uid", &message.uid());
        parameter("id", &first.id.to_string());
        parameter("level", first.level.as_str());
        parameter("count", &message.count().to_string());
        parameter("user", &first.user);
        parameter("directory", &first.directory);
        parameter("rules", &first.rules.join(" "));
        parameter("attack", &first.attack.join(" "));
        parameter("session", &first.session_id);
        if let Group::Flood { last, .. } | Group::Mixed { last, .. } = &message.group {
            parameter("last_id", &last.id.to_string());
        }
        let text = message.text(Unit::Bytes, LIMIT, &str::to_owned);
        // The byte order mark says that the text is UTF-8 (6.4); one line for receivers that take no other.
        let _ = write!(line, "] \u{feff}{}", text.replace('\n', " | "));
        line
    }

    fn connect(&self, host: &str, port: u16) -> std::result::Result<TcpStream, Outcome> {
        let addresses = self
            .setting
            .addresses(host, port)
            .map_err(|e| Outcome::NotSent(format!("{host}: the name can't be resolved: {e}")))?;
        let mut last = Outcome::NotSent(format!("{host} has no address"));
        for address in addresses {
            match TcpStream::connect_timeout(&address, self.setting.timeout.min(Duration::from_secs(10))) {
                Ok(stream) => {
                    let set = stream
                        .set_read_timeout(Some(self.setting.timeout))
                        .and_then(|()| stream.set_write_timeout(Some(self.setting.timeout)));
                    return set.map(|()| stream).map_err(|e| Outcome::NotSent(e.to_string()));
                }
                Err(e) => last = Outcome::NotSent(format!("{address}: {e}")),
            }
        }
        Err(last)
    }

    fn tls(&self) -> std::result::Result<rustls::ClientConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?;
        let Some(path) = &self.setting.ca_file else {
            return Ok(builder.with_platform_verifier().map_err(|e| e.to_string())?.with_no_client_auth());
        };
        let mut roots = rustls::RootCertStore::empty();
        for certificate in crate::notify::http::certificates(&self.setting.home.root().join(path))? {
            let der = rustls::pki_types::CertificateDer::from(certificate.der().to_vec());
            roots.add(der).map_err(|e| format!("ca_file: {e}"))?;
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }

    fn deliver(&self, line: &str) -> std::result::Result<(), Outcome> {
        let framed = format!("{} {line}", line.len());
        match &self.config.address {
            Address::Unix(path) => unix(path, line, &framed),
            Address::Tcp(host, port) => {
                let mut stream = self.connect(host, *port)?;
                stream.write_all(framed.as_bytes()).map_err(broken)?;
                stream.shutdown(Shutdown::Write).map_err(broken)?;
                closed(&mut stream)
            }
            Address::Tls(host, port) => {
                let mut stream = self.handshake(host, *port)?;
                stream.write_all(framed.as_bytes()).map_err(broken)?;
                stream.conn.send_close_notify();
                stream.flush().map_err(broken)?;
                stream.sock.shutdown(Shutdown::Write).map_err(broken)?;
                closed(&mut stream.sock)
            }
        }
    }

    /// A connection whose peer has proven who it is; nothing of a message was written yet.
    fn handshake(
        &self,
        host: &str,
        port: u16,
    ) -> std::result::Result<rustls::StreamOwned<rustls::ClientConnection, TcpStream>, Outcome> {
        let refused = |e: &dyn std::fmt::Display| Outcome::NotSent(format!("TLS: {e}"));
        let config = self.tls().map_err(Outcome::Misconfigured)?;
        let name = rustls::pki_types::ServerName::try_from(host.to_owned())
            .map_err(|_| Outcome::Misconfigured(format!("'{host}' is no host name")))?;
        let mut tcp = self.connect(host, port)?;
        let mut connection =
            rustls::ClientConnection::new(Arc::new(config), name).map_err(|e| refused(&e))?;
        while connection.is_handshaking() {
            connection.complete_io(&mut tcp).map_err(|e| refused(&e))?;
        }
        Ok(rustls::StreamOwned::new(connection, tcp))
    }

    /// Connects and says nothing.
    fn try_address(&self) -> std::result::Result<(), Outcome> {
        match &self.config.address {
            Address::Tcp(host, port) => self.connect(host, *port).map(drop),
            Address::Tls(host, port) => self.handshake(host, *port).map(drop),
            Address::Unix(path) => match UnixDatagram::unbound().and_then(|s| s.connect(path)) {
                Err(e) if e.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
                    UnixStream::connect(path).map(drop)
                }
                other => other,
            }
            .map_err(|e| Outcome::NotSent(format!("{}: {e}", path.display()))),
        }
    }
}

fn broken(error: std::io::Error) -> Outcome {
    Outcome::Unknown(error.to_string())
}

/// syslog has no acknowledgement. A receiver that has read everything closes its side; one that died resets.
fn closed(stream: &mut TcpStream) -> std::result::Result<(), Outcome> {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut rest = [0; 512];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(e) => return Err(broken(e)),
        }
    }
}

/// `/dev/log` is a datagram socket as a rule, and a stream on some systems.
fn unix(path: &std::path::Path, line: &str, framed: &str) -> std::result::Result<(), Outcome> {
    let refused = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::PermissionDenied => Outcome::Misconfigured(format!("{}: {e}", path.display())),
        _ => Outcome::NotSent(format!("{}: {e}", path.display())),
    };
    let socket = UnixDatagram::unbound().map_err(refused)?;
    match socket.connect(path) {
        Ok(()) => socket.send(line.as_bytes()).map(drop).map_err(|e| {
            if e.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) {
                Outcome::TooLarge(e.to_string())
            } else {
                refused(e)
            }
        }),
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
            let mut stream = UnixStream::connect(path).map_err(refused)?;
            stream.write_all(framed.as_bytes()).map_err(broken)
        }
        Err(e) => Err(refused(e)),
    }
}

impl Sink for Syslog {
    fn label(&self) -> &'static str {
        "syslog"
    }

    fn reach(&self) -> Attempt {
        match self.try_address() {
            Ok(()) => Outcome::asked().into(),
            Err(outcome) => outcome.into(),
        }
    }

    fn send(&self, message: &Message) -> Attempt {
        match self.deliver(&self.line(message)) {
            Ok(()) => Outcome::Sent { id: Some(message.uid()), answer: message.uid() }.into(),
            Err(outcome) => outcome.into(),
        }
    }
}
