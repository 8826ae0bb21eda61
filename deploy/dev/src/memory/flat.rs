//! `dev memory-flat`: mixed and hostile load on the api, and whether its memory stays what it is.
//!
//! What the api has written to (`RssAnon`) is sampled each second. Memory is flat when the last quarter of the time needs no more than
//! the second: the first one is for caches, pools and threads to fill.

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::StreamExt;
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Method, RequestBuilder};
use servers::progress::Progress;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use uuid::Uuid;

use super::{SETTLES, resident};
use crate::{
    seed::{
        accounts::{Account, CREATOR, PASSWORD},
        client::Api,
        content::Unit,
    },
    supervisor::stack::Stack,
};

/// A person of their own, so that what attackers use up is not missing to others.
const ATTACKER: Account = Account { role: "creator", username: "mallory", name: "Mallory", language: "en" };

/// At a time.
const READERS: usize = 8;
const UPLOADERS: usize = 3;
const LISTENERS: usize = 20;
const ATTACKERS: usize = 32;
/// Between two reads of one reader; together they stay below what a person may read in a minute.
const READ_EACH: Duration = Duration::from_millis(450);
const LOGIN_EACH: Duration = Duration::from_secs(2);
/// One person writes 120 times a minute at most.
const UPLOAD_EACH: Duration = Duration::from_secs(3);
const LISTENS_FOR: Duration = Duration::from_secs(20);
const UPLOAD_BYTES: usize = 8 << 20;
/// After the load has ended: idle connections are closed by then, and what is freed is given back.
const RESTS: Duration = Duration::from_secs(120);
/// More than this in the last quarter, and a tenth of what the second needed, is growth. In MiB.
const SLACK: f64 = 16.0;

/// Whom the load is for, and what came of it.
struct Target {
    http: reqwest::Client,
    base: String,
    creator: Person,
    attacker: Person,
    /// Answers and ends, by the kinds in [`KINDS`].
    done: [AtomicU64; KINDS.len()],
}

/// Somebody with a nano, whose token each login replaces: it lives for some minutes only.
struct Person {
    email: String,
    token: RwLock<String>,
    nano: Uuid,
}

impl Person {
    async fn open(account: &Account, stack: &Stack, api: &Api) -> Result<Self> {
        let session = account.open(stack, api).await?;
        let nano = session.create_nano(&Unit::measured(Path::new("flat.zip"))).await?.id;
        Ok(Self { email: account.email(), token: RwLock::new(session.token().to_owned()), nano })
    }

    fn token(&self) -> String {
        self.token.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

const KINDS: [&str; 5] = ["reads", "logins", "uploads", "streams", "attacks"];

impl Target {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(self.creator.token())
    }

    fn creator(&self) -> &Person {
        &self.creator
    }

    fn attacker(&self) -> &Person {
        &self.attacker
    }

    fn count(&self, kind: usize) {
        self.done[kind].fetch_add(1, Ordering::Relaxed);
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(self.base.trim_start_matches("http://")).await
    }
}

/// Loads the api for that long, and prints what it needed; an error when that has grown.
pub async fn measure(stack: &Stack, minutes: u64, progress: &Progress) -> Result<()> {
    let api = Api::new(&stack.api_url)?;
    let pid = stack.pid("api").context("no program is named api")?;
    let target = Arc::new(Target {
        http: reqwest::Client::new(),
        base: stack.api_url.clone(),
        creator: Person::open(&CREATOR, stack, &api).await?,
        attacker: Person::open(&ATTACKER, stack, &api).await?,
        done: Default::default(),
    });
    tokio::time::sleep(SETTLES).await;
    let idle = resident(pid, "RssAnon")?;
    let samples = progress.step(&format!("{minutes} minutes of load"), sampled(&target, pid, minutes * 60)).await?;
    let rest = async {
        tokio::time::sleep(RESTS).await;
        resident(pid, "RssAnon")
    };
    let after = progress.step("rest", rest).await?;

    let medians: Vec<f64> = samples.chunks(samples.len().div_ceil(4)).map(median).collect();
    let peak = samples.iter().copied().fold(idle, f64::max);
    let shown: Vec<String> = medians.iter().map(|median| format!("{median:.1}")).collect();
    let counted = KINDS.iter().zip(&target.done).map(|(kind, done)| format!("{} {kind}", done.load(Ordering::Relaxed)));
    Progress::line(format!("\n{}", counted.collect::<Vec<_>>().join(", ")));
    Progress::line(format!(
        "api, MiB: idle {idle:.1}; medians of the quarters {}; peak {peak:.1}; {} s after the load {after:.1}",
        shown.join(", "),
        RESTS.as_secs()
    ));
    ensure!(target.done.iter().all(|done| done.load(Ordering::Relaxed) > 0), "a kind of load did not come about");
    let (Some(second), Some(last)) = (medians.get(1), medians.last()) else {
        anyhow::bail!("too short to compare quarters")
    };
    ensure!(is_flat(*second, *last), "it grows: {last:.1} MiB in the last quarter, {second:.1} in the second");
    Progress::line("flat");
    Ok(())
}

fn is_flat(second: f64, last: f64) -> bool {
    last <= second * 1.1 + SLACK
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// What the process holds, each second, under load.
async fn sampled(target: &Arc<Target>, pid: u32, seconds: u64) -> Result<Vec<f64>> {
    // Dropped, it ends all of them.
    let mut load = JoinSet::new();
    for number in 0..READERS {
        load.spawn(read(target.clone(), number));
    }
    for _ in 0..UPLOADERS {
        load.spawn(upload(target.clone()));
    }
    for _ in 0..LISTENERS {
        load.spawn(listen(target.clone()));
    }
    for person in [Target::creator, Target::attacker] {
        load.spawn(log_in(target.clone(), person));
    }
    for number in 0..ATTACKERS {
        load.spawn(attack(target.clone(), number as u64));
    }
    let (started, mut samples) = (Instant::now(), Vec::new());
    while started.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        samples.push(resident(pid, "RssAnon").context("the api is gone")?);
    }
    Ok(samples)
}

async fn read(target: Arc<Target>, number: usize) {
    let own = format!("/api/v1/nanos/{}", target.creator.nano);
    let paths =
        ["/api/v1/nanos?limit=100", &own, "/api/v1/search?q=atem", "/api/v1/openapi.json", "/api/v1/auth/me", "/ready"];
    for path in paths.iter().cycle().skip(number) {
        if let Ok(answer) = target.request(Method::GET, path).send().await
            && answer.bytes().await.is_ok()
        {
            target.count(0);
        }
        tokio::time::sleep(READ_EACH).await;
    }
}

async fn log_in(target: Arc<Target>, person: fn(&Target) -> &Person) {
    let person = person(&target);
    let form = serde_json::json!({"email": person.email, "password": PASSWORD});
    loop {
        let answer = target.http.post(format!("{}/api/v1/auth/login", target.base)).json(&form).send().await;
        if let Ok(answer) = answer.and_then(reqwest::Response::error_for_status)
            && let Ok(body) = answer.json::<serde_json::Value>().await
            && let Some(token) = body["data"]["access_token"].as_str()
        {
            token.clone_into(&mut person.token.write().unwrap_or_else(PoisonError::into_inner));
            target.count(1);
        }
        tokio::time::sleep(LOGIN_EACH).await;
    }
}

/// Each one replaces the one before, so that nothing piles up in the store.
async fn upload(target: Arc<Target>) {
    let (file, path) =
        (Bytes::from(vec![7; UPLOAD_BYTES]), format!("/api/v1/nanos/{}/file?filename=a.zip", target.creator.nano));
    loop {
        let answer = target.request(Method::PUT, &path).body(file.clone()).send().await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            target.count(2);
        }
        tokio::time::sleep(UPLOAD_EACH).await;
    }
}

async fn listen(target: Arc<Target>) {
    let path = format!("/api/v1/nanos/{}/events", target.creator.nano);
    loop {
        if let Ok(answer) = target.request(Method::GET, &path).send().await
            && answer.status().is_success()
        {
            let mut events = answer.bytes_stream();
            let _ = tokio::time::timeout(LISTENS_FOR, async { while events.next().await.is_some() {} }).await;
            target.count(3);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What nobody means well by, one after the other.
async fn attack(target: Arc<Target>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let (kind, token) = (random.random_range(0..10), target.attacker.token());
        let head = |line: &str, length: u64| {
            format!(
                "{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            )
        };
        let put = format!("PUT /api/v1/nanos/{}/file", target.attacker.nano);
        // What is sent, and whether the answer is read.
        let (mut sent, reads) = match kind {
            0 => (format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(70 << 10)), true),
            1 => (head("POST /api/v1/nanos", 60_000) + &"[".repeat(60_000), true),
            2 => (head("POST /api/v1/nanos", 1 << 20) + &"x".repeat(1 << 20), true),
            3 => (head(&put, 2 << 30) + &"x".repeat(1 << 20), true),
            4 => (String::new(), true),
            5 => ((0..4096).map(|_| random.random::<char>()).collect(), true),
            6 => (head(&format!("GET /api/v1/search?q={}", "%ff%00%F0%9F".repeat(500)), 0), true),
            7 => (head("GET /api/v1/openapi.json", 0).repeat(50), false),
            8 => (head(&put, 1 << 20) + &"x".repeat(500_000), false),
            _ => (head("POST /api/v1/auth/register", 50) + "{\"email\": \"", false),
        };
        if kind == 4 {
            sent.push_str("GET /heal");
        }
        if let Ok(mut socket) = target.connect().await {
            let _ = tokio::time::timeout(Duration::from_secs(3), async {
                let _ = socket.write_all(sent.as_bytes()).await;
                if reads {
                    let _ = socket.read_to_end(&mut Vec::new()).await;
                } else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            })
            .await;
            target.count(4);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(50..500))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_what_varies() {
        assert!(is_flat(100.0, 120.0) && is_flat(450.0, 440.0));
        assert!(!is_flat(85.0, 120.0) && !is_flat(400.0, 470.0));
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    }
}
