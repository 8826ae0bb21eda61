//! Telling endpoints that people have named: each message with the keys of its endpoint, over a connection of its own.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use http::StatusCode;
use url::Url;

use super::{TargetError, Targets, WebhookError, WebhookKey, client, headers, reason, retry_after};

/// More of an answer is not waited for.
const READ_AT_MOST: usize = 64 << 10;
/// Of the answer, for the endpoint's owner.
const KEPT_CHARACTERS: usize = 1_000;
/// As many bytes as those may have.
const KEPT_BYTES: usize = 4 * KEPT_CHARACTERS;

/// What an endpoint has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Redirects are not followed: they are an answer like another.
    pub status: u16,
    /// When it wants to be asked again, at most an hour later.
    pub retry_after: Option<Duration>,
    /// How its answer begins, without control characters.
    pub beginning: String,
}

impl Answered {
    /// Any 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// 410: it will never be there again.
    pub fn is_gone(&self) -> bool {
        self.status == StatusCode::GONE.as_u16()
    }
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub duration: Duration,
    /// Why there was no answer is said in words for the endpoint's owner.
    pub outcome: Result<Answered, String>,
}

/// Tells whoever the targets allow. Cheap to clone.
#[derive(Clone)]
pub struct WebhookSender {
    client: reqwest::Client,
    targets: Targets,
}

impl Exchange {
    /// The answer, if one came.
    pub fn answered(&self) -> Option<&Answered> {
        self.outcome.as_ref().ok()
    }
}

impl WebhookSender {
    /// Connects when first used.
    pub fn new(targets: Targets) -> Result<Self, WebhookError> {
        crate::tls::install();
        let client = client()
            // A proxy would look names up itself, and connect to whatever it finds.
            .no_proxy()
            .referer(false)
            .https_only(targets.are_public())
            .dns_resolver(std::sync::Arc::new(targets.clone()))
            // Each message has a connection of its own, and each connection is checked.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| WebhookError::NoAnswer(error.to_string()))?;
        Ok(Self { client, targets })
    }

    /// Sends a body of JSON once. `id` is the same for every attempt, so that the receiver knows a repeat.
    pub async fn send(&self, url: &str, keys: &[WebhookKey], id: &str, now: DateTime<Utc>, body: String) -> Exchange {
        let started = Instant::now();
        let outcome = self.exchange(url, keys, id, now, body.into_bytes()).await;
        Exchange { duration: started.elapsed(), outcome }
    }

    async fn exchange(
        &self,
        url: &str,
        keys: &[WebhookKey],
        id: &str,
        now: DateTime<Utc>,
        body: Vec<u8>,
    ) -> Result<Answered, String> {
        let url: Url = url.parse().map_err(|_| "the address is none".to_owned())?;
        // Nobody is asked about an address that is a number.
        self.targets.check_address(&url).map_err(refusal)?;
        let headers = headers(keys, id, now.timestamp(), &body);
        let sent = self.client.post(url).headers(headers).body(body).send().await;
        let mut answer = sent.map_err(in_words)?;
        let (status, retry_after) = (answer.status().as_u16(), retry_after(answer.headers()));
        let (mut beginning, mut read) = (Vec::new(), 0);
        // What comes too late, or breaks off, is missing in the owner's list alone: the status has come.
        while let Ok(Some(chunk)) = answer.chunk().await {
            read += chunk.len();
            beginning.extend_from_slice(&chunk[..chunk.len().min(KEPT_BYTES - beginning.len())]);
            if read >= READ_AT_MOST {
                break;
            }
        }
        Ok(Answered { status, retry_after, beginning: text(&beginning) })
    }
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().filter(|c| !c.is_control() || *c == '\n').take(KEPT_CHARACTERS).collect()
}

fn refusal(error: TargetError) -> String {
    format!("the address {error}")
}

/// Why an endpoint was not reached.
fn in_words(error: reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(one) = cause {
        if let Some(refused) = one.downcast_ref::<TargetError>() {
            return refusal(*refused);
        }
        cause = one.source();
    }
    reason(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_as_text_of_a_bounded_length() {
        assert_eq!(text(b"ok\r\n\x00\x1b[31mred\xff"), "ok\n[31mred\u{fffd}");
        assert_eq!(text("\u{1f994}".repeat(KEPT_CHARACTERS + 1).as_bytes()).chars().count(), KEPT_CHARACTERS);
    }
}
