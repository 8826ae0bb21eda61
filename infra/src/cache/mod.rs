//! The cache role of Redis. It only ever saves time: when it is away, reads miss, writes are dropped, rate limits
//! are counted in this process alone, and no caller sees an error.

mod hints;
mod local;
mod rate_limit;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    AsyncCommands, Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};

pub use hints::{EventHints, Hint};
pub use rate_limit::Limit;

use crate::env::RedisSettings;
use local::LocalLimits;

/// A cache that takes longer is no cache.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(100);
/// A failure in a row of this length makes every call skip Redis for [`SKIP`], so an outage costs each process one
/// timeout a second and not one per request.
const FAILURES_BEFORE_SKIP: u32 = 3;
const SKIP: Duration = Duration::from_secs(1);
/// Invalidations remembered while Redis is away. Beyond that the rest expire by their own time to live.
const MAX_PENDING_DELETES: usize = 10_000;
/// Longer values are not stored: one of them would push out hundreds of small ones.
const MAX_VALUE_BYTES: usize = 512 * 1024;

/// The address of the cache cannot be understood. The only error there is, and only at start.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_CACHE_URL cannot be used: {0}")]
pub struct CacheError(#[from] RedisError);

/// Handle on the cache; cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    client: Client,
    redis: ConnectionManager,
    prefix: String,
    health: Mutex<Health>,
    /// Keys whose deletion Redis has not confirmed. They read as misses until it has.
    pending_deletes: Mutex<HashSet<String>>,
    local_limits: LocalLimits,
}

#[derive(Default)]
struct Health {
    failures: u32,
    skip_until: Option<Instant>,
}

impl Cache {
    /// Connects when first used, so a process starts without its cache. Needs a tokio runtime.
    ///
    /// # Errors
    /// Only when the URL cannot be understood.
    pub fn connect(settings: &RedisSettings) -> Result<Self, CacheError> {
        crate::tls::install();
        let client = Client::open(settings.cache_url.expose_secret())?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(COMMAND_TIMEOUT))
            .set_response_timeout(Some(COMMAND_TIMEOUT))
            .set_number_of_retries(0)
            .set_max_delay(COMMAND_TIMEOUT);
        let redis = client.get_connection_manager_lazy(config)?;
        Ok(Self(Arc::new(Inner {
            client,
            redis,
            prefix: settings.prefix.clone(),
            health: Mutex::default(),
            pending_deletes: Mutex::default(),
            local_limits: LocalLimits::default(),
        })))
    }

    /// Whether Redis answers now; for `/ready`, which reports the cache without depending on it.
    pub async fn ping(&self) -> bool {
        let mut redis = self.0.redis.clone();
        let answer = tokio::time::timeout(COMMAND_TIMEOUT, redis.ping::<String>()).await;
        self.note(matches!(answer, Ok(Ok(_))));
        matches!(answer, Ok(Ok(_)))
    }

    /// The stored value, or `None`: not there, not readable as `T`, or Redis is away.
    pub async fn get_json<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let full = self.value_key(key);
        if self.is_pending(&full) && !self.delete_now(&full).await {
            return None;
        }
        let stored = self.run(async |redis| redis.get::<_, Option<Vec<u8>>>(&full).await).await.flatten();
        let value = stored.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        metrics::counter!("cache_reads_total", "hit" => if value.is_some() { "true" } else { "false" }).increment(1);
        value
    }

    /// Stores `value` for `ttl` (at least 1 ms). Values above 512 KiB and values that are no JSON are not stored.
    pub async fn set_json<T: Serialize>(&self, key: &str, value: &T, ttl: Duration) {
        let Ok(bytes) = serde_json::to_vec(value) else { return };
        if bytes.len() > MAX_VALUE_BYTES {
            return;
        }
        let full = self.value_key(key);
        let ttl = milliseconds(ttl);
        let stored = self.run(async |redis| redis.pset_ex::<_, _, ()>(&full, bytes, ttl).await).await;
        if stored.is_some() {
            // What was stale under this key has just been overwritten.
            self.pending().remove(&full);
        }
    }

    /// Forgets `key`. Await it after the commit that changed the truth. When Redis is away the deletion is kept and
    /// done later, and until then this process reads the key as missing.
    pub async fn delete(&self, key: &str) {
        let full = self.value_key(key);
        if !self.delete_now(&full).await {
            let mut pending = self.pending();
            if pending.len() < MAX_PENDING_DELETES {
                pending.insert(full);
            } else {
                metrics::counter!("cache_lost_deletes_total").increment(1);
            }
        }
    }

    async fn delete_now(&self, full: &str) -> bool {
        let deleted = self.run(async |redis| redis.del::<_, ()>(full).await).await.is_some();
        if deleted {
            self.pending().remove(full);
        }
        deleted
    }

    /// Does what [`Cache::delete`] had to put off.
    async fn catch_up(&self) {
        let keys: Vec<String> = self.pending().iter().cloned().collect();
        for keys in keys.chunks(500) {
            let mut redis = self.0.redis.clone();
            let deletion = redis.del::<_, ()>(keys);
            if !matches!(tokio::time::timeout(COMMAND_TIMEOUT, deletion).await, Ok(Ok(()))) {
                return;
            }
            let mut pending = self.pending();
            keys.iter().for_each(|key| {
                pending.remove(key);
            });
        }
    }

    fn value_key(&self, key: &str) -> String {
        format!("{}cache:{key}", self.0.prefix)
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.pending_deletes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_pending(&self, full: &str) -> bool {
        self.pending().contains(full)
    }

    /// Runs one command within [`COMMAND_TIMEOUT`], or not at all while Redis is known to be away.
    async fn run<T>(&self, command: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>) -> Option<T> {
        if self.is_skipped() {
            return None;
        }
        let mut redis = self.0.redis.clone();
        let outcome = tokio::time::timeout(COMMAND_TIMEOUT, command(&mut redis)).await;
        match outcome {
            Ok(Ok(value)) => {
                self.note(true);
                Some(value)
            }
            // Redis is there and did not like the command: no reason to skip it, but still a miss.
            Ok(Err(error)) if !error.is_io_error() && !error.is_timeout() && !error.is_unrecoverable_error() => {
                tracing::debug!(%error, "the cache refused a command");
                None
            }
            _ => {
                self.note(false);
                None
            }
        }
    }

    fn is_skipped(&self) -> bool {
        let health = self.0.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.skip_until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, worked: bool) {
        let mut health = self.0.health.lock().unwrap_or_else(PoisonError::into_inner);
        let was_away = health.failures >= FAILURES_BEFORE_SKIP;
        if worked {
            *health = Health::default();
        } else {
            health.failures = health.failures.saturating_add(1);
            if health.failures >= FAILURES_BEFORE_SKIP {
                health.skip_until = Some(Instant::now() + SKIP);
            }
        }
        let is_away = health.failures >= FAILURES_BEFORE_SKIP;
        drop(health);
        match (was_away, is_away) {
            (false, true) => tracing::warn!("the cache is away; answering without it"),
            (true, false) => {
                tracing::info!("the cache is back");
                let cache = self.clone();
                tokio::spawn(async move { cache.catch_up().await });
            }
            _ => {}
        }
        metrics::gauge!("cache_up").set(if is_away { 0.0 } else { 1.0 });
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port of this machine that nothing listens on: the closest thing to a Redis that is away.
    fn away() -> Cache {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        drop(listener);
        let url = format!("redis://{address}/");
        let settings =
            RedisSettings { queue_url: url.clone().into(), cache_url: url.into(), prefix: "unit:".to_owned() };
        Cache::connect(&settings).expect("a usable URL")
    }

    #[tokio::test]
    async fn without_redis_everything_answers_quickly_and_nothing_fails() {
        let cache = away();
        let start = Instant::now();
        for _ in 0..50 {
            cache.set_json("key", &1, Duration::from_secs(60)).await;
            assert_eq!(cache.get_json::<i32>("key").await, None);
            cache.delete("key").await;
        }
        assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
        assert!(!cache.ping().await);
        assert_eq!(cache.pending().len(), 1, "the deletion is kept for later, once");
    }

    #[tokio::test]
    async fn without_redis_limits_are_counted_here() {
        let cache = away();
        let window = Duration::from_secs(60);
        let allowed: Vec<_> = [cache.hit("login:a", 2, window).await, cache.hit("login:a", 2, window).await]
            .map(|limit| (limit.allowed, limit.remaining))
            .into();
        assert_eq!(allowed, [(true, 1), (true, 0)]);
        let refused = cache.hit("login:a", 2, window).await;
        assert!(!refused.allowed && refused.reset <= window && refused.reset > Duration::from_secs(50), "{refused:?}");
        assert!(cache.hit("login:b", 2, window).await.allowed);
        assert!(!cache.peek("login:a", 2, window).await.allowed);
        cache.reset("login:a").await;
        assert!(cache.peek("login:a", 2, window).await.allowed);
    }
}
