//! The cache role of Redis: rate limits that processes share, and hints for event streams. When it is away, limits are
//! counted in this process alone, hints are dropped, and no caller sees an error.

mod hints;
mod local;
mod rate_limit;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    AsyncCommands, Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret;

use crate::env::RedisSettings;
use local::LocalLimits;

pub use hints::{EventHints, Hint};
pub use rate_limit::Limit;

/// A cache that takes longer is no cache.
const COMMAND_TIMEOUT: Duration = Duration::from_millis(100);
/// A failure in a row of this length makes every call skip Redis for [`SKIP`], so an outage costs each process one
/// timeout a second and not one per request.
const FAILURES_BEFORE_SKIP: u32 = 3;
const SKIP: Duration = Duration::from_secs(1);

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
            (true, false) => tracing::info!("the cache is back"),
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
    use domain::ids::NanoId;

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
            cache.publish_event_hint(NanoId::new()).await;
            assert!(cache.hit("key", 100, Duration::from_secs(60)).await.allowed);
            cache.reset("key").await;
        }
        assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
        assert!(!cache.ping().await);
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
        cache.give_back("login:a").await;
        assert!(cache.hit("login:a", 2, window).await.allowed);
        assert!(!cache.hit("login:a", 2, window).await.allowed);
        cache.reset("login:a").await;
        assert_eq!(cache.hit("login:a", 2, window).await.remaining, 1);
    }
}
