//! What the sinks share whose address is the secret: incoming webhooks.

use super::{Attempt, Limit, Outcome, Setting};
use crate::notify::config::BaseUrl;
use crate::notify::http::{Answer, Client, Request};
use crate::notify::secret::{Source, Vault};
use std::time::Duration;

/// A sink's table with the keys of a secret address.
macro_rules! hook_config {
    ($(#[$outer:meta])* pub struct Config ($kind:literal) { $($own:tt)* }) => {
        crate::notify::config::sink_config! {
            $(#[$outer])*
            pub struct Config ($kind) {
                $($own)*
                /// A file with mode 600 that holds the webhook's address; it works like a password.
                #[serde(default)]
                pub url_file: Option<std::path::PathBuf>,
                /// The environment variable that holds the address.
                #[serde(default)]
                pub url_env: Option<String>,
                /// The command that prints the address.
                #[serde(default)]
                pub url_command: Option<crate::notify::secret::CommandLine>,
            }
        }

        impl Config {
            fn source(&self) -> std::result::Result<crate::notify::secret::Source, String> {
                let keys = (&self.url_file, &self.url_env, &self.url_command);
                crate::notify::secret::Source::required("url", keys)
            }

            pub(crate) fn check(&self) -> std::result::Result<(), String> {
                self.source().map(drop)
            }
        }
    };
}
pub(super) use hook_config;

/// A secret address and the client for it.
pub(super) struct Hook {
    client: Client,
    url: Vault,
}

impl Hook {
    pub(super) fn new(source: Source, setting: &Setting) -> Hook {
        Hook { client: Client::new(setting), url: Vault::new(source, &setting.home, setting.env.clone()) }
    }

    /// Sends what `request` makes of the address; `success` reads a 2xx answer.
    pub(super) fn send(
        &self,
        request: impl FnOnce(&str) -> Request,
        success: impl FnOnce(&Answer) -> Option<Outcome>,
    ) -> Attempt {
        let url = match self.url.get() {
            Ok(url) => url,
            Err(reason) => return Attempt::misconfigured(reason),
        };
        if let Err(reason) = BaseUrl::parse(url.expose()) {
            self.url.forget();
            return Attempt::misconfigured(reason);
        }
        let reply = self.client.send(request(url.expose()).secret(&url));
        let mut attempt = reply.attempt(success);
        if matches!(attempt.outcome, Outcome::Misconfigured(_)) {
            self.url.forget();
        }
        // Discord tells the wait in the body too, and more exactly.
        attempt.after = attempt.after.filter(|a| !a.is_zero());
        attempt
    }

    pub(super) fn limit(&self, service: &str, count: u32, span: Duration) -> Vec<Limit> {
        vec![Limit { scope: format!("{service} {}", self.url.scope()), count, span, posts_only: true }]
    }
}
