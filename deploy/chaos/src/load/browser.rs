//! A creator's browser on a bad day: it asks again when an answer is lost, and never counts what it was not told.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::RwLock;
use uuid::Uuid;

use crate::load::{archive::Parcel, steering::Moment};

/// A person gives up waiting for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// And for one upload: longer than any outage here.
const GIVE_UP_AFTER: Duration = Duration::from_secs(900);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// One request as its sender saw it.
#[derive(Debug, Clone)]
pub struct Request {
    pub name: &'static str,
    pub at: DateTime<Utc>,
    pub took: Duration,
    /// None when no answer came.
    pub status: Option<u16>,
}

/// What all browsers together have met.
#[derive(Default)]
pub struct Tally {
    requests: Mutex<Vec<Request>>,
    /// Files sent again because their upload had been closed meanwhile.
    pub sent_again: AtomicU64,
}

impl Tally {
    fn add(&self, request: Request) {
        self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(request);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// A signed-in creator.
pub struct Browser<'a> {
    http: reqwest::Client,
    base: String,
    pub email: String,
    password: String,
    token: RwLock<String>,
    tally: &'a Tally,
}

/// What the API has promised about an upload.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub nano: Uuid,
    pub upload: Uuid,
    pub job: Uuid,
}

struct Answer {
    status: StatusCode,
    body: Value,
}

impl Answer {
    fn id(&self, field: &str) -> Result<Uuid> {
        let text = self.body["data"][field].as_str();
        text.and_then(|text| text.parse().ok()).with_context(|| format!("no {field} in {}", self.body))
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

/// Waits a little longer each time.
struct Patience {
    began: Instant,
    pause: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { began: Instant::now(), pause: FIRST_PAUSE }
    }

    async fn wait(&mut self, what: &str) -> Result<()> {
        ensure!(self.began.elapsed() < GIVE_UP_AFTER, "{what}: no answer for {} s", GIVE_UP_AFTER.as_secs());
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

impl<'a> Browser<'a> {
    pub async fn open(api_url: &str, email: &str, password: &str, tally: &'a Tally) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(ANSWER_WITHIN).build()?;
        let base = format!("{api_url}/api/v1");
        let (email, password) = (email.to_owned(), password.to_owned());
        let browser = Self { http, base, email, password, token: RwLock::default(), tally };
        browser.login().await?;
        Ok(browser)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).header(header::ACCEPT_LANGUAGE, "en")
    }

    /// None when no answer came, or one that says to try again (5xx, 429).
    async fn send(&self, name: &'static str, request: RequestBuilder) -> Option<Answer> {
        let (at, started) = (Utc::now(), Instant::now());
        let answer = async {
            let response = request.send().await.ok()?;
            let status = response.status();
            // A body cut off in the middle is a lost answer, too.
            Some((status, response.bytes().await.ok()?))
        };
        let answer = answer.await;
        let status = answer.as_ref().map(|(status, _)| status.as_u16());
        self.tally.add(Request { name, at, took: started.elapsed(), status });
        let (status, body) = answer?;
        let again = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        (!again).then(|| Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() })
    }

    async fn login(&self) -> Result<()> {
        let mut patience = Patience::new();
        loop {
            let form = json!({"email": self.email, "password": self.password});
            let request = self.request(Method::POST, "/auth/login").json(&form);
            if let Some(answer) = self.send("POST /auth/login", request).await {
                let token = answer.body["data"]["access_token"].as_str();
                *self.token.write().await = token.with_context(|| format!("login: {}", answer.body))?.to_owned();
                return Ok(());
            }
            patience.wait("login").await?;
        }
    }

    /// The same with the login's token; signs in again when that has run out.
    async fn send_signed(&self, name: &'static str, make: impl Fn() -> RequestBuilder) -> Result<Option<Answer>> {
        let token = self.token.read().await.clone();
        let answer = self.send(name, make().bearer_auth(token)).await;
        match answer {
            Some(answer) if answer.status == StatusCode::UNAUTHORIZED => {
                self.login().await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Asks again and again until there is an answer; a refusal is one.
    pub async fn ask(
        &self,
        name: &'static str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value, Moment)> {
        let (mut patience, first) = (Patience::new(), Utc::now());
        loop {
            let asked = Utc::now();
            let make = || {
                let request = self.request(method.clone(), path);
                if body.is_null() { request } else { request.json(body) }
            };
            match self.send_signed(name, make).await? {
                Some(answer) => return Ok((answer.status, answer.body, Moment { first, asked, answered: Utc::now() })),
                None => patience.wait(name).await?,
            }
        }
    }

    /// From the form to the API's word that the check has begun.
    pub async fn submit(&self, parcel: &Parcel) -> Result<Receipt> {
        let nano = self.create(parcel).await?;
        loop {
            let upload = self.put(nano, parcel).await?;
            if let Some(job) = self.finish(upload).await? {
                return Ok(Receipt { nano, upload, job });
            }
            self.tally.sent_again.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes the nano. When the answer is lost, looks among the creator's own nanos before making another.
    async fn create(&self, parcel: &Parcel) -> Result<Uuid> {
        let mut patience = Patience::new();
        loop {
            let make = || self.request(Method::POST, "/nanos").json(&parcel.metadata());
            match self.send_signed("POST /nanos", make).await? {
                Some(answer) if answer.status == StatusCode::CREATED => return answer.id("id"),
                Some(answer) => bail!("creating {:?}: {} {}", parcel.title, answer.status, answer.body),
                None => patience.wait("creating a nano").await?,
            }
            if let Some(nano) = self.find(&parcel.title).await? {
                return Ok(nano);
            }
        }
    }

    /// The newest hundred are enough: the one looked for was made a moment ago.
    async fn find(&self, title: &str) -> Result<Option<Uuid>> {
        let mut patience = Patience::new();
        loop {
            let make = || self.request(Method::GET, "/nanos/mine").query(&[("limit", "100")]);
            match self.send_signed("GET /nanos/mine", make).await? {
                Some(answer) if answer.status == StatusCode::OK => {
                    let nanos = answer.body["data"].as_array().cloned().unwrap_or_default();
                    let found = nanos.iter().find(|nano| nano["title"] == title);
                    return Ok(found.and_then(|nano| nano["id"].as_str()?.parse().ok()));
                }
                Some(answer) => bail!("listing nanos: {} {}", answer.status, answer.body),
                None => patience.wait("listing nanos").await?,
            }
        }
    }

    /// Sends the file. When the answer is lost, sends it again: the API lets go of an earlier one nobody finished.
    async fn put(&self, nano: Uuid, parcel: &Parcel) -> Result<Uuid> {
        let mut patience = Patience::new();
        loop {
            let make = || {
                self.request(Method::PUT, &format!("/nanos/{nano}/file"))
                    .query(&[("filename", "unit.zip")])
                    .header(header::CONTENT_TYPE, "application/zip")
                    .body(parcel.file.clone())
            };
            match self.send_signed("PUT /nanos/{id}/file", make).await? {
                Some(answer) if answer.status == StatusCode::CREATED => return answer.id("id"),
                Some(answer) => bail!("sending {:?}: {} {}", parcel.title, answer.status, answer.body),
                None => patience.wait("sending a file").await?,
            }
        }
    }

    /// Finishes the upload; asking twice gives the same answer. None when the upload was closed meanwhile: a copy of
    /// the file whose answer had been lost arrived after this one and took its place.
    async fn finish(&self, upload: Uuid) -> Result<Option<Uuid>> {
        let mut patience = Patience::new();
        loop {
            let make = || self.request(Method::POST, &format!("/uploads/{upload}/finish"));
            match self.send_signed("POST /uploads/{id}/finish", make).await? {
                Some(answer) if answer.status == StatusCode::ACCEPTED => return Ok(Some(answer.id("job_id")?)),
                Some(answer) if answer.code() == "UPLOAD_CLOSED" => return Ok(None),
                Some(answer) => bail!("finishing upload {upload}: {} {}", answer.status, answer.body),
                None => patience.wait("finishing an upload").await?,
            }
        }
    }
}
