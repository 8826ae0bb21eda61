//! The marketplace as its users reach it: the public API, nothing else.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use servers::installation::CREATOR_TERMS;
use uuid::Uuid;

use crate::seed::content::Unit;

/// Nothing but an upload or an event stream takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
}

/// A signed-in person.
#[derive(Clone)]
pub struct Session {
    api: Api,
    token: String,
}

#[derive(Debug, Deserialize)]
pub struct Nano {
    pub id: Uuid,
    pub title: String,
    pub status: String,
}

/// A version as its creator sees it.
#[derive(Debug, Deserialize)]
pub struct Version {
    pub sha256: Option<String>,
    pub report: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub struct Job {
    pub state: String,
}

/// A version that waits for a moderator.
#[derive(Debug, Deserialize)]
pub struct Case {
    pub id: Uuid,
    pub nano: Option<Nano>,
}

#[derive(Debug, Deserialize)]
pub struct Link {
    pub url: String,
    pub sha256: Option<String>,
}

/// One entry of a nano's stream: its number, what happened, and the facts.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    pub kind: String,
    pub data: Value,
}

impl Api {
    pub fn new(base: &str) -> Result<Self> {
        // Following a download's redirect is for the test to do, not for the client.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, base: format!("{base}/api/v1") })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header(header::ACCEPT_LANGUAGE, "en")
    }

    pub async fn register(
        &self,
        email: &str,
        username: &str,
        name: &str,
        password: &str,
        language: &str,
    ) -> Result<()> {
        let body =
            json!({"email": email, "username": username, "name": name, "password": password, "language": language});
        send(self.request(Method::POST, "/auth/register").json(&body)).await?;
        Ok(())
    }

    /// With the token from the mail.
    pub async fn verify(&self, token: &str) -> Result<()> {
        send(self.request(Method::POST, "/auth/verify-email").json(&json!({"token": token}))).await?;
        Ok(())
    }

    pub async fn login(&self, email: &str, password: &str) -> Result<Session> {
        #[derive(Deserialize)]
        struct Tokens {
            access_token: String,
        }
        let body = json!({"email": email, "password": password});
        let tokens: Tokens = data(send(self.request(Method::POST, "/auth/login").json(&body)).await?).await?;
        Ok(Session { api: self.clone(), token: tokens.access_token })
    }

    /// Ids of the published nanos that match.
    pub async fn search(&self, words: &str) -> Result<Vec<Uuid>> {
        #[derive(Deserialize)]
        struct Found {
            hits: Vec<Nano>,
        }
        let request = self.request(Method::GET, "/search").query(&[("q", words), ("limit", "100")]);
        let found: Found = data(send(request).await?).await?;
        Ok(found.hits.into_iter().map(|nano| nano.id).collect())
    }

    /// All published nanos, newest first.
    pub async fn published(&self) -> Result<Vec<Nano>> {
        data(send(self.request(Method::GET, "/nanos").query(&[("limit", "100")])).await?).await
    }
}

impl Session {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.api.request(method, path).bearer_auth(&self.token)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        data(send(self.request(Method::GET, path)).await?).await
    }

    /// For requests by hand.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn accept_creator_terms(&self) -> Result<()> {
        let body = json!({"version": CREATOR_TERMS});
        send(self.request(Method::POST, "/users/me/creator-terms").json(&body)).await?;
        Ok(())
    }

    pub async fn create_nano(&self, unit: &Unit) -> Result<Nano> {
        data(send(self.request(Method::POST, "/nanos").json(&unit.metadata())).await?).await
    }

    /// Rates the nano, unless this person has done so.
    pub async fn rate(&self, nano: Uuid, score: u8, comment: &str) -> Result<()> {
        let ratings: Value = self.get(&format!("/nanos/{nano}/ratings")).await?;
        if ratings["own"].is_null() {
            let body = json!({"score": score, "comment": comment});
            send(self.request(Method::POST, &format!("/nanos/{nano}/ratings")).json(&body)).await?;
        }
        Ok(())
    }

    /// Sends the file and returns the job that checks it.
    pub async fn upload(&self, nano: Uuid, file: &Path) -> Result<Uuid> {
        #[derive(Deserialize)]
        struct Upload {
            id: Uuid,
        }
        let bytes = tokio::fs::read(file).await.with_context(|| format!("cannot read {}", file.display()))?;
        let filename = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let put = self
            .request(Method::PUT, &format!("/nanos/{nano}/file"))
            .query(&[("filename", filename.as_str())])
            .header(header::CONTENT_TYPE, "application/zip")
            .body(bytes);
        let upload: Upload = data(send(put).await?).await?;
        let finished = send(self.request(Method::POST, &format!("/uploads/{}/finish", upload.id))).await?;
        let location = finished.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
        let job = location.and_then(|location| location.rsplit('/').next()?.parse().ok());
        job.with_context(|| format!("finishing the upload named no job: Location is {location:?}"))
    }

    pub async fn nano(&self, nano: Uuid) -> Result<Nano> {
        self.get(&format!("/nanos/{nano}")).await
    }

    pub async fn version(&self, nano: Uuid, number: u32) -> Result<Version> {
        self.get(&format!("/nanos/{nano}/versions/{number}")).await
    }

    pub async fn job(&self, job: Uuid) -> Result<Job> {
        self.get(&format!("/jobs/{job}")).await
    }

    pub async fn moderation_queue(&self) -> Result<Vec<Case>> {
        self.get("/admin/moderation/queue").await
    }

    pub async fn decide(&self, case: Uuid, decision: &str, reason: &str) -> Result<()> {
        let body = json!({"decision": decision, "reason": reason});
        send(self.request(Method::POST, &format!("/admin/moderation/{case}/decision")).json(&body)).await?;
        Ok(())
    }

    /// The file as a browser would fetch it, and the SHA-256 the API announced.
    pub async fn download(&self, nano: Uuid) -> Result<(Vec<u8>, String)> {
        let link: Link = self.get(&format!("/nanos/{nano}/download?redirect=false")).await?;
        let response = self.api.http.get(&link.url).send().await?.error_for_status()?;
        let bytes = response.bytes().await?.to_vec();
        Ok((bytes, link.sha256.context("the download names no SHA-256")?))
    }

    /// Follows the nano's stream from its beginning and hands over each event once, until `take` says to stop.
    /// Reconnects where the stream was interrupted.
    pub async fn follow(&self, nano: Uuid, mut take: impl FnMut(&Event) -> bool) -> Result<()> {
        let mut last = None::<String>;
        loop {
            let mut request = self
                .request(Method::GET, &format!("/nanos/{nano}/events"))
                .header(header::ACCEPT, "text/event-stream")
                .header("last-event-id", last.as_deref().unwrap_or("0"));
            request = request.timeout(Duration::from_secs(3600));
            let response = accepted(request.send().await.context("GET events")?).await?;
            let mut stream = response.bytes_stream();
            let mut buffer = Vec::new();
            while let Some(Ok(bytes)) = stream.next().await {
                buffer.extend_from_slice(&bytes);
                while let Some(event) = next_event(&mut buffer) {
                    last = Some(event.id.clone());
                    if !take(&event) {
                        return Ok(());
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Takes one complete event off the front; comments and events without data are passed over.
fn next_event(buffer: &mut Vec<u8>) -> Option<Event> {
    loop {
        let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let block: Vec<u8> = buffer.drain(..end + 2).collect();
        let text = String::from_utf8_lossy(&block);
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim_start().to_owned())
        };
        if let (Some(id), Some(kind), Some(data)) = (field("id"), field("event"), field("data")) {
            let mut data = serde_json::from_str(&data).unwrap_or(Value::Null);
            return Some(Event { id, kind, data: data["data"].take() });
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response> {
    let (client, request) = request.build_split();
    let mut request = request?;
    let name = format!("{} {}", request.method(), request.url().path());
    request.timeout_mut().get_or_insert(ANSWER_WITHIN);
    let response = client.execute(request).await.with_context(|| format!("{name} was not answered"))?;
    accepted(response).await.with_context(|| name)
}

/// The response, or the error it carries.
async fn accepted(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    let error =
        serde_json::from_str::<Value>(&body).ok().map(|body| body["error"].clone()).filter(|error| !error.is_null());
    bail!("{status}: {}", error.map_or(body, |error| error.to_string()))
}

/// What stands in the envelope.
async fn data<T: DeserializeOwned>(response: Response) -> Result<T> {
    #[derive(Deserialize)]
    struct Envelope<T> {
        data: T,
    }
    let path = response.url().path().to_owned();
    let body = response.bytes().await?;
    let envelope: Envelope<T> = serde_json::from_slice(&body)
        .with_context(|| format!("{path} answered something else than expected: {}", String::from_utf8_lossy(&body)))?;
    Ok(envelope.data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_taken_whole_from_a_stream_cut_anywhere() {
        let stream = b": ping\n\nid: 7\nevent: validated\ndata: {\"seq\":7,\"data\":{\"entries\":3}}\n\nid: 8\nevent: published\ndata: {}\n\nid: 9";
        let mut buffer = Vec::new();
        let mut events = Vec::new();
        for byte in stream {
            buffer.push(*byte);
            events.extend(next_event(&mut buffer));
        }
        let seen: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.kind.as_str())).collect();
        assert_eq!(seen, [("7", "validated"), ("8", "published")]);
        assert_eq!(events[0].data["entries"], 3);
    }
}
