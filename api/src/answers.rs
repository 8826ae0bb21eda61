//! Answers that are the same for everybody: made once, and served from this process' memory or from Redis until what they say
//! has changed. `infra::cache` has what "until" means.
//!
//! Whoever asks for the same at the same time is answered together (`rounds.rs`), also while there is no Redis.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use domain::ids::UserId;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use infra::cache::{Generation, Place, Shelf};
use moka::future::{Cache as Memory, FutureExt as _};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

use crate::{
    reads::Chosen,
    reply::{Error, Meta, Written, tag},
    request::caller::Verified,
    rounds::Rounds,
    routes,
    state::AppState,
};

/// Bytes of answers in this process' memory.
const IN_MEMORY: u64 = 16 * 1024 * 1024;
/// How long one stays there, before Redis is asked again.
const IN_MEMORY_FOR: Duration = Duration::from_secs(60);
/// The longest that `ANSWERS_KEPT_FOR` may be.
pub const LONGEST_KEPT: Duration = Duration::from_secs(60 * 60);
/// No answer is older. Signed addresses in it are good for longer.
pub const OLDEST: Duration = LONGEST_KEPT.saturating_add(IN_MEMORY_FOR);

/// The answers of this process.
pub struct Answers {
    memory: Memory<(String, Generation), Arc<Said>>,
    rounds: Rounds<Result<Arc<Said>, Arc<Error>>>,
    kept_for: Duration,
    /// Comes before all keys: builds with another contract share no answers.
    contract: String,
}

/// An answer without the time at which it was given.
pub struct Said {
    head: Head,
    body: Vec<u8>,
}

/// Beside the body.
#[derive(Serialize, Deserialize)]
struct Head {
    headers: Vec<(String, String)>,
    #[serde(deserialize_with = "whole")]
    meta: Option<Meta>,
}

/// What is said of a list, with what is left out where it is written. (Defaults of [`Meta`] itself would be in the OpenAPI document.)
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Meta>, D::Error> {
    let Some(mut meta) = Option::<Map<String, Value>>::deserialize(deserializer)? else { return Ok(None) };
    for flag in ["total_capped", "partial", "degraded"] {
        meta.entry(flag).or_insert(Value::Bool(false));
    }
    serde_json::from_value(Value::Object(meta)).map(Some).map_err(D::Error::custom)
}

impl Answers {
    /// With zero nothing is kept.
    pub fn new(kept_for: Duration) -> Self {
        let size = |(key, _): &(String, Generation), said: &Arc<Said>| {
            u32::try_from(key.len() + said.body.len()).unwrap_or(u32::MAX)
        };
        Self {
            memory: Memory::builder().weigher(size).max_capacity(IN_MEMORY).time_to_live(IN_MEMORY_FOR).build(),
            rounds: Rounds::new(),
            kept_for,
            contract: tag::hash(routes::document().text.as_bytes()),
        }
    }

    /// The answer of this kind to `key`, which says all that it depends on but the rows; `make` makes it. It must be public, and
    /// the same for everybody.
    pub async fn get<F: Future<Output = Result<Written, Error>> + Send>(
        &self,
        state: &AppState,
        (kind, shelf): (&'static str, Shelf),
        key: &str,
        make: impl FnOnce(Chosen) -> F + Send,
    ) -> Result<Written, Error> {
        if self.kept_for.is_zero() {
            return make(state.reads.of_anybody()).await;
        }
        let key = format!("{} {kind} {key}", self.contract);
        let own = AtomicBool::new(false);
        let find = async {
            own.store(true, Ordering::Relaxed);
            self.find(state, (kind, shelf), &key, make).await.map_err(Arc::new)
        };
        // On the heap: it is large, and every reader would carry it in its own future.
        let said = self.rounds.join(&key, find.boxed()).await;
        if !own.into_inner() {
            looked_up(kind, "shared");
        }
        Ok(said.map_err(Error::shared)?.written())
    }

    async fn find<F: Future<Output = Result<Written, Error>> + Send>(
        &self,
        state: &AppState,
        (kind, shelf): (&'static str, Shelf),
        key: &str,
        make: impl FnOnce(Chosen) -> F + Send,
    ) -> Result<Arc<Said>, Error> {
        let Some(generation) = state.cache.generation(&shelf).await else {
            looked_up(kind, "unknown");
            return Ok(Arc::new(Said::of(make(state.reads.of_anybody()).await?)));
        };
        let name = (key.to_owned(), generation);
        if let Some(said) = self.memory.get(&name).await {
            looked_up(kind, "memory");
            return Ok(said);
        }
        let (_, generation) = &name;
        let place = Place { shelf, key, generation };
        if let Some(said) = state.cache.kept(&place).await.and_then(|bytes| Said::read(&bytes)).map(Arc::new) {
            looked_up(kind, "redis");
            self.memory.insert(name, said.clone()).await;
            return Ok(said);
        }
        looked_up(kind, "miss");
        let said = Arc::new(Said::of(make(state.reads.of_generation(generation).await).await?));
        // When a service is away, the answer is a makeshift.
        if !said.head.meta.as_ref().is_some_and(|meta| meta.degraded) {
            state.cache.keep(&place, &said.bytes()?, self.kept_for).await;
            self.memory.insert(name, said.clone()).await;
        }
        Ok(said)
    }
}

fn looked_up(kind: &'static str, result: &'static str) {
    metrics::counter!("answer_cache_lookups_total", "kind" => kind, "result" => result).increment(1);
}

impl Said {
    fn of(written: Written) -> Self {
        let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
        let headers = written.headers.iter().filter_map(|(name, value)| Some((name.to_string(), text(value)?)));
        let head = Head { headers: headers.collect(), meta: written.meta.clone() };
        Self { head, body: written.said().to_vec() }
    }

    /// A line with the head, then the body.
    fn bytes(&self) -> Result<Vec<u8>, Error> {
        let head = serde_json::to_vec(&self.head).map_err(|error| Error::Internal(error.to_string()))?;
        Ok([&head, b"\n".as_slice(), &self.body].concat())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head = serde_json::from_slice(&bytes[..end]).ok()?;
        Some(Self { head, body: bytes[end + 1..].to_vec() })
    }

    /// The answer as it goes out now.
    fn written(&self) -> Written {
        let header = |(name, value): &(String, String)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        let headers = self.head.headers.iter().filter_map(header).collect();
        Written::said_again(StatusCode::OK, headers, &self.body, self.head.meta.clone())
    }
}

/// Answers a write once everybody knows what it has made stale, and who has written: who reads after that reads what was written.
pub async fn settle(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let person = request.extensions().get::<Verified>().and_then(Verified::person);
    let response = next.run(request).await;
    if !reads {
        written(&state, person).await;
    }
    response
}

/// This person has written something. To be awaited before they are answered.
pub async fn written(state: &AppState, person: Option<UserId>) {
    if let Some(person) = person {
        state.reads.note_write(&state.cache, person).await;
    }
    state.cache.told().await;
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::header;

    use super::*;
    use crate::reply::Reply;

    #[test]
    fn what_was_kept_is_the_answer_but_for_its_time() {
        let meta = Meta { total: Some(3), ..Meta::default() };
        let reply = Reply::ok("wörd\n").meta(meta).header(header::CACHE_CONTROL, "public").revised(7);
        let written = reply.write().ok().unwrap();
        let (body, etag) = (written.body.clone(), written.header(&header::ETAG).unwrap().to_owned());
        let said = Said::of(written);
        std::thread::sleep(Duration::from_millis(2));
        let again = Said::read(&said.bytes().ok().unwrap()).unwrap().written();
        assert_eq!(again.header(&header::ETAG), Some(etag.as_str()));
        assert_eq!(again.header(&header::CACHE_CONTROL), Some("public"));
        let json = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).unwrap();
        let (mut first, mut second) = (json(&body), json(&again.body));
        assert_ne!(first["timestamp"], second["timestamp"]);
        (first["timestamp"], second["timestamp"]) = (false.into(), false.into());
        assert_eq!(first, second);
        assert_eq!(again.into_response().extensions().get::<Meta>().unwrap().total, Some(3));
        assert!(Said::read(b"no head").is_none());
    }
}
