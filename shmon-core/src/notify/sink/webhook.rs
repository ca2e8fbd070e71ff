//! A signed webhook. <https://github.com/standard-webhooks/standard-webhooks>

use super::{Attempt, Limit, Outcome, Setting, Sink};
use crate::Result;
use crate::notify::config::BaseUrl;
use crate::notify::http::{Client, Request};
use crate::notify::message::Message;
use crate::notify::secret::Vault;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;
use zeroize::Zeroizing;

crate::notify::config::sink_config! {
    /// `[notify.webhook]`
    pub struct Config ("webhook", checkpoint = true) {
        /// The address.
        pub url: BaseUrl,
        /// Messages a minute.
        #[serde(default = "per_minute")]
        pub per_minute: u32,
    }
    secret "the signing secret (`whsec_…`)": "secret" (secret_file, secret_env, secret_command)
}

fn per_minute() -> u32 {
    600
}

impl Config {
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        self.secret().required().map(drop)
    }
}

pub(crate) fn open(config: &Config, setting: &Setting) -> Result<Webhook> {
    let source = config.secret().required().map_err(super::misconfigured)?;
    Ok(Webhook {
        client: Client::new(setting),
        secret: setting.vault(source),
        url: config.url.clone(),
        per_minute: config.per_minute.max(1),
    })
}

/// The sink.
pub(crate) struct Webhook {
    client: Client,
    secret: Vault,
    url: BaseUrl,
    per_minute: u32,
}

/// `v1,<base64>` over `id.timestamp.body`, with the key that `whsec_` stands before.
fn sign(secret: &str, id: &str, timestamp: i64, body: &str) -> std::result::Result<String, String> {
    let key = secret.strip_prefix("whsec_").ok_or("the signing secret has to begin with whsec_")?;
    let key = Zeroizing::new(
        STANDARD.decode(key).map_err(|_| "the signing secret isn't base64 after whsec_".to_owned())?,
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|e| e.to_string())?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

impl Sink for Webhook {
    fn label(&self) -> &'static str {
        "Webhook"
    }

    fn ready(&self) -> std::result::Result<(), String> {
        self.secret.get().and_then(|secret| sign(secret.expose(), "", 0, "").map(drop))
    }

    fn reach(&self) -> Attempt {
        self.client.reach(self.url.as_str())
    }

    fn send(&self, message: &Message) -> Attempt {
        let timestamp = crate::time::now() / 1_000_000_000;
        // The event's time: the body of a repeat is the same.
        let happened =
            jiff::Timestamp::from_nanosecond(i128::from(message.first.time_ns)).unwrap_or_default();
        let body = serde_json::json!({
            "type": "shmon.notification", "timestamp": happened.to_string(), "data": message.json(),
        })
        .to_string();
        let id = message.uid();
        let signature = self.secret.get().and_then(|s| sign(s.expose(), &id, timestamp, &body));
        let signature = match signature {
            Ok(signature) => signature,
            Err(reason) => {
                self.secret.forget();
                return Attempt::misconfigured(reason);
            }
        };
        let request = Request::post(self.url.as_str())
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .body("application/json", body);
        self.client.send(request).attempt(|answer| {
            let answer = serde_json::json!({"id": id, "status": answer.status}).to_string();
            Some(Outcome::Sent { id: Some(id.clone()), answer })
        })
    }

    /// The id is the idempotency key.
    fn recognises_repeats(&self) -> bool {
        true
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            scope: format!("webhook {}", self.url.as_str()),
            count: self.per_minute,
            span: Duration::from_secs(60),
            posts_only: true,
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_the_standards() {
        let signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert!(sign("nope", "a", 1, "b").unwrap_err().contains("whsec_"));
    }
}
