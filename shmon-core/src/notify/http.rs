//! HTTP for the sinks that speak it: one request, and what its failure means for the message.

use super::Resolve;
use super::secret::Secret;
use super::sink::{Attempt, Outcome, Setting};
use crate::text;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Proxy, Timeout, http};
use zeroize::Zeroizing;

/// Bytes of an answer that are read.
const ANSWER: u64 = 1 << 20;
/// Characters of an answer that a reason quotes.
const QUOTED: usize = 200;

/// A client with the sink's certificates, proxy and time-outs; connects when it is first used.
pub(crate) struct Client {
    setting: Setting,
    agent: OnceLock<Result<Agent, String>>,
}

/// One request; what may hold a token is wiped from memory with it.
pub(crate) struct Request {
    method: http::Method,
    url: Zeroizing<String>,
    headers: Vec<(&'static str, Zeroizing<String>)>,
    secrets: Vec<Secret>,
    body: Zeroizing<Vec<u8>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A status, at least.
    Answer(Answer),
    /// The request surely never reached the service.
    NotSent(String),
    /// It may have.
    Unknown(String),
    /// It can't be made as configured.
    Misconfigured(String),
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Why the body isn't complete.
    cut: Option<String>,
}

impl Request {
    pub(crate) fn new(method: http::Method, url: impl Into<String>) -> Request {
        Request {
            method,
            url: Zeroizing::new(url.into()),
            headers: Vec::new(),
            secrets: Vec::new(),
            body: Zeroizing::default(),
        }
    }

    pub(crate) fn post(url: impl Into<String>) -> Request {
        Request::new(http::Method::POST, url)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Request {
        self.headers.push((name, Zeroizing::new(value.into())));
        self
    }

    /// A header with a token in it; the token is taken out of every message about this request.
    pub(crate) fn secret_header(self, name: &'static str, prefix: &str, secret: &Secret) -> Request {
        let value = format!("{prefix}{}", secret.expose());
        self.header(name, value).secret(secret)
    }

    /// Takes a token that is part of address or body out of every message about this request.
    pub(crate) fn secret(mut self, secret: &Secret) -> Request {
        self.secrets.push(secret.clone());
        self
    }

    pub(crate) fn json(mut self, body: &serde_json::Value) -> Request {
        self.body = Zeroizing::new(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Request {
        let mut body = String::new();
        for (name, value) in fields {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            percent_encode(value, &mut body);
        }
        self.body = Zeroizing::new(body.into_bytes());
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        self.body = Zeroizing::new(body.into());
        self.header("content-type", content_type)
    }
}

/// As forms have it: letters, digits and `-._~` stay.
pub(crate) fn percent_encode(value: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

impl Client {
    pub(crate) fn new(setting: &Setting) -> Client {
        Client { setting: setting.clone(), agent: OnceLock::new() }
    }

    /// Sends one request; never follows a redirect, so that no token goes elsewhere.
    pub(crate) fn send(&self, request: Request) -> Reply {
        let agent = match self.agent.get_or_init(|| agent(&self.setting)) {
            Ok(agent) => agent,
            Err(reason) => return Reply::Misconfigured(reason.clone()),
        };
        let secrets = request.secrets;
        let mut builder = http::Request::builder().method(request.method).uri(request.url.as_str());
        for (name, value) in &request.headers {
            let Ok(mut value) = http::HeaderValue::from_str(value) else {
                return Reply::Misconfigured(format!("the header {name} can't hold the configured text"));
            };
            value.set_sensitive(true);
            builder = builder.header(*name, value);
        }
        // The message of an invalid address quotes it, and it may hold a token.
        let Ok(http_request) = builder.body(request.body.as_slice()) else {
            return Reply::Misconfigured("the configured address is no valid URL".into());
        };
        let reply = match agent.run(http_request) {
            Ok(response) => read(response),
            Err(error) => failed(error),
        };
        scrub(reply, &secrets)
    }

    /// Whether the host of an address answers at all; no path, no token.
    pub(crate) fn reach(&self, address: &str) -> Attempt {
        let origin = address
            .parse::<http::Uri>()
            .ok()
            .and_then(|uri| Some(format!("{}://{}/", uri.scheme_str()?, uri.authority()?.as_str())));
        let Some(origin) = origin else { return Attempt::misconfigured("the address is no valid URL") };
        match self.send(Request::new(http::Method::HEAD, origin)) {
            Reply::Answer(_) => Outcome::asked().into(),
            other => other.attempt(|_| None),
        }
    }
}

fn agent(setting: &Setting) -> Result<Agent, String> {
    let roots = match &setting.ca_file {
        None => RootCerts::PlatformVerifier,
        Some(path) => {
            let path = setting.home.root().join(path);
            let certificates = certificates(&path)?;
            RootCerts::Specific(Arc::new(certificates))
        }
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(proxy(setting)?)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(concat!("shmon/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(setting.timeout))
        .timeout_resolve(Some(setting.resolve_timeout()))
        .timeout_connect(Some((setting.timeout / 2).min(Duration::from_secs(10))))
        // A connection that the server is about to close makes an outcome unknown: use it only while it is fresh.
        .max_idle_age(Duration::from_secs(5))
        .build();
    Ok(match setting.resolve {
        Some(resolve) => Agent::with_parts(config, DefaultConnector::new(), Names(resolve)),
        None => Agent::new_with_config(config),
    })
}

/// Looks up hosts in the caller's way.
#[derive(Debug)]
struct Names(Resolve);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ureq::Error::HostNotFound);
        };
        let named = DefaultResolver::host_and_port(scheme, authority);
        let named = named.as_deref().and_then(|named| named.rsplit_once(':'));
        let Some((host, Ok(port))) = named.map(|(host, port)| (host, port.parse())) else {
            return Err(ureq::Error::HostNotFound);
        };
        let found = self.0(host, port, *timeout.after).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
            ErrorKind::NotFound => ureq::Error::HostNotFound,
            _ => ureq::Error::Io(error),
        })?;
        let mut addresses = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(16) {
            addresses.push(address);
        }
        match addresses.is_empty() {
            true => Err(ureq::Error::HostNotFound),
            false => Ok(addresses),
        }
    }
}

/// The certificates of a PEM file.
pub(crate) fn certificates(path: &std::path::Path) -> Result<Vec<Certificate<'static>>, String> {
    let shown = path.display();
    let pem = std::fs::read(path).map_err(|e| format!("{shown}: cannot read ca_file: {e}"))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|e| format!("{shown}: ca_file isn't PEM: {e}"))?
        {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(format!("{shown}: ca_file holds no certificate"));
    }
    Ok(certificates)
}

/// The configured proxy, or the one of the environment as other programs read it.
fn proxy(setting: &Setting) -> Result<Option<Proxy>, String> {
    let env = |name: &str| (setting.env)(name).filter(|v| !v.is_empty());
    let text = match setting.proxy.as_ref().map(|p| p.0.as_str()) {
        Some("off") => return Ok(None),
        Some(text) => text.to_owned(),
        None => match ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].into_iter().find_map(env) {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    // The message of a wrong address quotes it, and it may hold a password.
    let wrong = |_| "the proxy's address is wrong: write http://host:port".to_owned();
    let proxy = Proxy::new(&text).map_err(wrong)?;
    let mut builder = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for name in ["localhost", "127.0.0.1", "[::1]", "::1"] {
        builder = builder.no_proxy(name);
    }
    for name in ["NO_PROXY", "no_proxy"].into_iter().find_map(env).unwrap_or_default().split(',') {
        if !name.trim().is_empty() {
            builder = builder.no_proxy(name.trim());
        }
    }
    builder.build().map(Some).map_err(wrong)
}

fn read(response: http::Response<ureq::Body>) -> Reply {
    let (parts, body) = response.into_parts();
    let mut bytes = Vec::new();
    let cut = body.into_with_config().limit(ANSWER).reader().read_to_end(&mut bytes).err();
    Reply::Answer(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: bytes,
        cut: cut.map(|e| e.to_string()),
    })
}

/// What a failure says about the message: the difference between 'never left' and 'may have arrived'.
fn failed(error: ureq::Error) -> Reply {
    use ureq::Error as E;
    match error {
        E::HostNotFound => Reply::NotSent("the host's name can't be resolved".into()),
        E::ConnectionFailed => Reply::NotSent("the connection failed".into()),
        E::Timeout(stage @ (Timeout::Resolve | Timeout::Connect)) => {
            Reply::NotSent(format!("timed out: {stage}"))
        }
        E::Timeout(stage) => Reply::Unknown(format!("timed out: {stage}")),
        E::ConnectProxyFailed(reason) => Reply::NotSent(format!("the proxy refused: {reason}")),
        E::BadUri(_) | E::Http(_) | E::RequireHttpsOnly(_) | E::InvalidProxyUrl => {
            Reply::Misconfigured("the configured address is no valid URL".into())
        }
        E::Tls(reason) => Reply::NotSent(format!("TLS: {reason}")),
        E::Pem(error) => Reply::Misconfigured(format!("TLS: {error}")),
        E::Rustls(error) => Reply::NotSent(format!("TLS: {error}")),
        E::Io(error) => {
            let tls = error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
            match error.kind() {
                ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::AddrNotAvailable => Reply::NotSent(error.to_string()),
                // The standard library has no kind for a name that can't be resolved, and such an error has no errno.
                _ if error.raw_os_error().is_none() && error.to_string().contains("lookup address") => {
                    Reply::NotSent(format!("the host's name can't be resolved: {error}"))
                }
                // The certificate is checked before the first byte of a request is written.
                ErrorKind::InvalidData if tls => Reply::NotSent(format!("TLS: {error}")),
                _ => Reply::Unknown(error.to_string()),
            }
        }
        other => Reply::Unknown(other.to_string()),
    }
}

/// Takes the tokens out of what came back: whole, as JSON writes them, and the parts of a secret address that a server
/// may name ("Cannot POST /services/T0/B0/XXXX").
fn scrub(reply: Reply, secrets: &[Secret]) -> Reply {
    let mut hidden: Vec<Zeroizing<String>> = Vec::new();
    for secret in secrets {
        let secret = secret.expose();
        let path = secret.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        let parts =
            path.into_iter().flat_map(|path| path.split(['/', '?', '&', '=']).filter(|part| part.len() >= 6));
        for text in std::iter::once(secret).chain(path.filter(|p| p.len() > 1)).chain(parts) {
            hidden.push(Zeroizing::new(text.to_owned()));
            hidden.push(Zeroizing::new(text.replace('/', "\\/")));
        }
    }
    let clean = |text: String| hidden.iter().fold(text, |text, s| text.replace(s.as_str(), "…"));
    match reply {
        Reply::NotSent(reason) => Reply::NotSent(clean(reason)),
        Reply::Unknown(reason) => Reply::Unknown(clean(reason)),
        Reply::Misconfigured(reason) => Reply::Misconfigured(clean(reason)),
        Reply::Answer(mut answer) => {
            if hidden.iter().any(|s| contains(&answer.body, s.as_bytes())) {
                answer.body = clean(String::from_utf8_lossy(&answer.body).into_owned()).into_bytes();
            }
            answer.cut = answer.cut.map(clean);
            Reply::Answer(answer)
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|w| w == part)
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer as JSON, where it is.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The answer as people read it: one line, not long.
    pub(crate) fn quote(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim();
        let mut quote: String = text.chars().take(QUOTED).collect();
        if quote.len() < text.len() {
            quote.push('…');
        }
        text::visible(&quote).into_owned()
    }

    fn reason(&self) -> String {
        let quote = self.quote();
        if quote.is_empty() {
            format!("HTTP {}", self.status)
        } else {
            format!("HTTP {}: {quote}", self.status)
        }
    }

    /// `Retry-After`: seconds, or a date.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?.trim();
        if let Ok(seconds) = value.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
        }
        let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
        let wait = date.duration_since(jiff::Timestamp::now());
        Duration::try_from(wait).ok().or(Some(Duration::ZERO))
    }

    /// What the status says about the message, for every status that isn't success.
    pub(crate) fn judge(&self) -> Attempt {
        let reason = self.reason();
        let outcome = match self.status {
            200..=299 => Outcome::Unknown(format!(
                "{reason}{}",
                self.cut.as_ref().map(|c| format!(" (cut off: {c})")).unwrap_or_default()
            )),
            300..=399 => Outcome::Misconfigured(format!("{reason} (redirects aren't followed)")),
            401 | 403 | 404 | 405 | 407 | 410 => Outcome::Misconfigured(reason),
            408 | 425 => Outcome::NotSent(reason),
            413 | 414 => Outcome::TooLarge(reason),
            429 => Outcome::Limited(reason),
            400..=499 => Outcome::Refused(reason),
            _ => Outcome::Unknown(reason),
        };
        Attempt { outcome, after: self.retry_after() }
    }

    /// Whether the service said yes.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Reply {
    /// `success` says what a 2xx answer means; everything else is judged by its status.
    pub(crate) fn attempt(self, success: impl FnOnce(&Answer) -> Option<Outcome>) -> Attempt {
        match self {
            Reply::Answer(answer) if answer.is_success() => match success(&answer) {
                Some(outcome) => outcome.into(),
                None => answer.judge(),
            },
            Reply::Answer(answer) => answer.judge(),
            Reply::NotSent(reason) => Outcome::NotSent(reason).into(),
            Reply::Unknown(reason) => Outcome::Unknown(reason).into(),
            Reply::Misconfigured(reason) => Outcome::Misconfigured(reason).into(),
        }
    }
}
