//! What the sinks share whose address is the secret: incoming webhooks.

use super::{Attempt, Limit, Outcome, Setting};
use crate::notify::config::BaseUrl;
use crate::notify::http::{Answer, Client, Request};
use crate::notify::secret::{Source, Vault};
use std::time::Duration;

/// A secret address and the client for it.
pub(super) struct Hook {
    client: Client,
    url: Vault,
}

impl Hook {
    pub(super) fn new(source: Source, setting: &Setting) -> Hook {
        Hook { client: Client::new(setting), url: setting.vault(source) }
    }

    /// Sends what `request` makes of the address; `success` reads a 2xx answer.
    pub(super) fn send(
        &self,
        request: impl FnOnce(&str) -> Request,
        success: impl FnOnce(&Answer) -> Option<Outcome>,
    ) -> Attempt {
        self.url.using(|url| {
            if let Err(reason) = BaseUrl::parse(url.expose()) {
                return Attempt::misconfigured(reason);
            }
            let mut attempt = self.client.send(request(url.expose()).secret(url)).attempt(success);
            // A wait of no time at all is none.
            attempt.after = attempt.after.filter(|a| !a.is_zero());
            attempt
        })
    }

    /// Whether the address is there and is one.
    pub(super) fn ready(&self) -> std::result::Result<(), String> {
        self.url.get().and_then(|url| BaseUrl::parse(url.expose()).map(drop))
    }

    /// Whether the host answers; the address itself would post.
    pub(super) fn reach(&self) -> Attempt {
        self.url.using(|url| self.client.reach(url.expose()))
    }

    pub(super) fn limit(&self, service: &str, count: u32, span: Duration) -> Vec<Limit> {
        vec![Limit { scope: format!("{service} {}", self.url.scope()), count, span, posts_only: true }]
    }
}
