//! Outgoing webhooks, signed as Standard Webhooks say (<https://www.standardwebhooks.com>, specification 1.0.0): HMAC-SHA256 over
//! id, time and body. [`Webhook`] tells the operators' own receiver, [`WebhookSender`] those that anybody may name.

mod sender;
mod targets;

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use url::Url;

pub use self::{
    sender::{Answered, Exchange, WebhookSender},
    targets::{Lookup, TargetError, TargetPolicy, Targets},
};

/// For the whole exchange.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What a key begins with in text, and how long it may be in bytes.
const PREFIX: &str = "whsec_";
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const NEW_KEY_BYTES: usize = 32;
/// Nobody is asked to wait longer than this by `Retry-After`.
const LATER_AT_MOST: u64 = 3600;

/// A key that bodies are signed with.
#[derive(Clone, Debug)]
pub struct WebhookKey(SecretSlice<u8>);

impl WebhookKey {
    /// A new one, as its owner gets it. Never log it.
    pub fn generate() -> String {
        format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; NEW_KEY_BYTES]>()))
    }

    /// Reads `whsec_` and 24 to 64 bytes in base64. The error says what is wrong and nothing of the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let encoded = text.strip_prefix(PREFIX).ok_or_else(|| format!("must begin with {PREFIX}"))?;
        let key = STANDARD.decode(encoded).map_err(|_| format!("is not base64 after {PREFIX}"))?;
        if !KEY_BYTES.contains(&key.len()) {
            return Err(format!("has {} bytes, and must have {} to {}", key.len(), KEY_BYTES.start(), KEY_BYTES.end()));
        }
        Ok(Self(key.into()))
    }

    /// `v1,` and the signature in base64.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Where webhooks go.
#[derive(Clone)]
pub struct WebhookSettings {
    /// With http or https.
    pub url: Url,
    /// Each signs: while a key is replaced, the old and the new one.
    pub keys: Vec<WebhookKey>,
}

impl WebhookSettings {
    /// Scheme, host and port: all of the address that may be shown.
    fn shown(&self) -> String {
        let port = self.url.port().map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings").field("url", &self.shown()).field("keys", &self.keys.len()).finish()
    }
}

/// Why a webhook did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Anything but 2xx; redirects are not followed.
    #[error("answered {status}")]
    Refused {
        status: StatusCode,
        /// When it wants to be asked again, at most an hour later.
        retry_after: Option<Duration>,
    },
    /// No answer. The text does not have the address, which may be a secret.
    #[error("{0}")]
    NoAnswer(String),
}

/// One receiver. Cheap to clone.
#[derive(Clone)]
pub struct Webhook {
    client: reqwest::Client,
    settings: WebhookSettings,
}

impl Webhook {
    /// Connects when first used.
    pub fn new(settings: WebhookSettings) -> Result<Self, WebhookError> {
        crate::tls::install();
        let client = client().build().map_err(|error| WebhookError::NoAnswer(error.to_string()))?;
        Ok(Self { client, settings })
    }

    /// All of the address that may be shown.
    pub fn shown(&self) -> String {
        self.settings.shown()
    }

    /// Sends a body of JSON. `id` is the same for every attempt, so that the receiver knows a repeat.
    pub async fn send(&self, id: &str, now: DateTime<Utc>, body: Vec<u8>) -> Result<StatusCode, WebhookError> {
        let headers = headers(&self.settings.keys, id, now.timestamp(), &body);
        let sent = self.client.post(self.settings.url.clone()).headers(headers).body(body).send().await;
        let answer = sent.map_err(|error| WebhookError::NoAnswer(reason(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(status);
        }
        let retry_after = retry_after(answer.headers());
        Err(WebhookError::Refused { status, retry_after })
    }
}

/// What all of them have in common.
fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .connect_timeout(CONNECT_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("nano-marketplace/", env!("CARGO_PKG_VERSION")))
}

/// When a receiver wants to be asked again, in seconds as nearly all of them say it; at most an hour later.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.min(LATER_AT_MOST)))
}

fn headers(keys: &[WebhookKey], id: &str, seconds: i64, body: &[u8]) -> HeaderMap {
    let signatures: Vec<String> = keys.iter().map(|key| key.sign(id, seconds, body)).collect();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", &seconds.to_string()), ("webhook-signature", &signatures.join(" "))]
    {
        // Ids, numbers and base64 are visible ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The innermost cause says what happened: "Connection refused", not "error sending request".
fn reason(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {ANSWER_WITHIN:?}");
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if cause.to_string() == error.to_string() { error.to_string() } else { format!("{error}: {cause}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn bodies_are_signed_as_the_specification_says() {
        let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_new_key_is_one_and_no_two_are_the_same() {
        let text = WebhookKey::generate();
        assert!(WebhookKey::parse(&text).is_ok(), "{text}");
        assert_ne!(text, WebhookKey::generate());
    }

    #[test]
    fn keys_are_checked_and_never_shown() {
        let wrong = |text: &str| WebhookKey::parse(text).unwrap_err();
        assert_eq!(wrong("hunter2hunter2hunter2hunter2"), "must begin with whsec_");
        assert_eq!(wrong("whsec_hunter2!"), "is not base64 after whsec_");
        assert_eq!(wrong("whsec_c2hvcnQ="), "has 5 bytes, and must have 24 to 64");
        let key = WebhookKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let settings = WebhookSettings { url: "https://h.example/secret".parse().unwrap(), keys: vec![key] };
        let debug = format!("{settings:?}");
        assert!(!debug.contains("MfKQ") && !debug.contains("secret"), "{debug}");
        assert_eq!(Webhook::new(settings).unwrap().shown(), "https://h.example");
    }
}
