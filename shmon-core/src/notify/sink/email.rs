//! Mail over SMTP.

use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::notify::message::{Message, Unit, short};
use crate::notify::secret::{Source, Vault};
use crate::{Level, Result};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{SmtpTransport, Transport};
use serde::Deserialize;
use std::time::Duration;

/// Bytes of a mail's text.
const LIMIT: usize = 60_000;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first byte (port 465).
    Tls,
    /// STARTTLS, and nothing is sent without it (port 587).
    Starttls,
    /// None: only to this machine (port 25).
    None,
}

crate::notify::config::sink_config! {
    /// `[notify.email]`
    pub struct Config ("email", checkpoint = true) {
        /// The mail server's name.
        pub server: String,
        /// Its port; 465, 587 or 25 by the encryption where not set.
        #[serde(default)]
        pub port: Option<u16>,
        /// How the connection is encrypted.
        #[serde(default = "encryption")]
        pub encryption: Encryption,
        /// The sender.
        pub from: String,
        /// The recipients.
        pub to: Vec<String>,
        /// The account, where the server asks for one.
        #[serde(default)]
        pub username: Option<String>,
    }
    secret "the account's password": "password" (password_file, password_env, password_command)
}

fn encryption() -> Encryption {
    Encryption::Tls
}

impl Config {
    fn source(&self) -> std::result::Result<Option<Source>, String> {
        match &self.username {
            Some(_) => self.secret().required().map(Some),
            None => match self.secret().optional()? {
                Some(_) => Err("there is a password, but no username".into()),
                None => Ok(None),
            },
        }
    }

    fn mailboxes(&self) -> std::result::Result<(Mailbox, Vec<Mailbox>), String> {
        let parse = |key: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|_| format!("{key}: '{text}' is no mail address"))
        };
        let to = self.to.iter().map(|t| parse("to", t)).collect::<std::result::Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err("to names nobody".into());
        }
        Ok((parse("from", &self.from)?, to))
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let here = matches!(self.server.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.encryption == Encryption::None && !here {
            return Err("encryption = \"none\" is for localhost only: use \"tls\" or \"starttls\"".into());
        }
        self.mailboxes()?;
        self.source().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Email> {
    let (from, to) = config.mailboxes().map_err(super::misconfigured)?;
    let source = config.source().map_err(super::misconfigured)?;
    Ok(Email {
        config: config.clone(),
        password: source.map(|s| setting.vault(s)),
        setting: setting.clone(),
        from,
        to,
    })
}

/// The sink.
pub(crate) struct Email {
    config: Config,
    password: Option<Vault>,
    setting: Setting,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Email {
    /// Does something over the first address of the server that answers.
    fn exchange<T>(
        &self,
        work: impl Fn(&SmtpTransport) -> std::result::Result<T, lettre::transport::smtp::Error>,
    ) -> std::result::Result<T, Outcome> {
        let server = &self.config.server;
        let hosts = match self.setting.resolve {
            // The client looks it up itself.
            None => vec![server.clone()],
            Some(_) => {
                let found = self.setting.addresses(server, 0);
                let found = found
                    .map_err(|e| Outcome::NotSent(format!("{server}: the name can't be resolved: {e}")))?;
                found.iter().map(|address| address.ip().to_string()).collect()
            }
        };
        let mut last = Outcome::NotSent(format!("{server} has no address"));
        for host in hosts {
            match work(&self.transport(&host).map_err(Outcome::Misconfigured)?) {
                Ok(done) => return Ok(done),
                Err(error) if never_left(&error) => last = self.judge(&error),
                Err(error) => return Err(self.judge(&error)),
            }
        }
        Err(last)
    }

    fn transport(&self, host: &str) -> std::result::Result<SmtpTransport, String> {
        let config = &self.config;
        let tls = || -> std::result::Result<TlsParameters, String> {
            let mut builder = TlsParameters::builder(config.server.clone());
            if let Some(path) = &self.setting.ca_file {
                let path = self.setting.home.root().join(path);
                builder = builder.certificate_store(CertificateStore::None);
                for certificate in crate::notify::http::certificates(&path)? {
                    let certificate =
                        Certificate::from_der(certificate.der().to_vec()).map_err(|e| e.to_string())?;
                    builder = builder.add_root_certificate(certificate);
                }
            }
            builder.build().map_err(|e| format!("TLS: {e}"))
        };
        let (tls, port) = match config.encryption {
            Encryption::Tls => (Tls::Wrapper(tls()?), 465),
            Encryption::Starttls => (Tls::Required(tls()?), 587),
            Encryption::None => (Tls::None, 25),
        };
        let mut builder = SmtpTransport::builder_dangerous(host)
            .port(config.port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(self.setting.timeout));
        if let (Some(user), Some(vault)) = (&config.username, &self.password) {
            let password = vault.get()?;
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(builder.build())
    }

    fn mail(&self, message: &Message) -> std::result::Result<lettre::Message, String> {
        let mut builder = MessageBuilder::new()
            .from(self.from.clone())
            .subject(message.subject(200))
            // The same for each attempt: servers and readers recognise a mail that comes twice.
            .message_id(Some(format!("<{}@shmon>", message.uid())))
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if message.level() == Level::Critical {
            let name = HeaderName::new_from_ascii_str("Importance");
            builder = builder.raw_header(HeaderValue::new(name, "high".to_owned()));
        }
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        let text = message.text(Unit::Bytes, LIMIT, &str::to_owned);
        builder.header(ContentType::TEXT_PLAIN).body(text).map_err(|e| e.to_string())
    }
}

impl Email {
    /// What a failure says about the mail.
    fn judge(&self, error: &lettre::transport::smtp::Error) -> Outcome {
        let reason = short(&chain(error), 300);
        match error.status().map(u16::from) {
            // Too large, or the content was rejected: this mail alone.
            Some(552 | 554 | 555) => Outcome::Refused(reason),
            // 530 to 538: not (rightly) logged in; 550, 551, 553: this sender or recipient never.
            Some(500..=599) => {
                if let Some(vault) = &self.password {
                    vault.forget();
                }
                Outcome::Misconfigured(reason)
            }
            Some(_) => Outcome::NotSent(reason),
            None if error.is_tls() || never_left(error) => Outcome::NotSent(reason),
            None => Outcome::Unknown(reason),
        }
    }
}

impl Sink for Email {
    fn label(&self) -> &'static str {
        "Mail"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.password.as_ref().map_or(Ok(()), |vault| vault.get().map(drop))
    }

    /// Connects, encrypts and logs in.
    fn reach(&self) -> Attempt {
        match self.exchange(SmtpTransport::test_connection) {
            Ok(true) => Outcome::asked().into(),
            Ok(false) => Outcome::NotSent("the server doesn't answer as a mail server".into()).into(),
            Err(outcome) => outcome.into(),
        }
    }

    fn send(&self, message: &Message) -> Attempt {
        let mail = match self.mail(message) {
            Ok(mail) => mail,
            Err(reason) => return Outcome::Refused(reason).into(),
        };
        match self.exchange(|transport| transport.send(&mail)) {
            Ok(response) => {
                let answer = response.message().collect::<Vec<_>>().join(" ");
                let id = format!("{}@shmon", message.uid());
                Outcome::Sent { id: Some(id), answer: short(&answer, 200) }.into()
            }
            Err(outcome) => outcome.into(),
        }
    }

    fn limits(&self) -> Vec<Limit> {
        let scope = format!("email {}", self.config.server);
        vec![Limit { scope, count: 30, span: Duration::from_secs(60), posts_only: true }]
    }

    fn most_joined(&self) -> usize {
        20
    }
}

/// Whether the connection was never made, or the server not trusted.
fn never_left(error: &lettre::transport::smtp::Error) -> bool {
    // The library has a kind for it (names, refusals, time-outs while connecting), but shows it in its text alone.
    if error.to_string().starts_with("Connection error") {
        return true;
    }
    let mut source = std::error::Error::source(error);
    while let Some(one) = source {
        // The certificate is checked before the first byte of a mail.
        let inner = one.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.and_then(|e| e.downcast_ref()) {
            return true;
        }
        source = one.source();
    }
    false
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(one) = source {
        let more = one.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = one.source();
    }
    text
}
