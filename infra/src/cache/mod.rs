//! The cache role of Redis: answers that are the same for everybody, rate limits that processes share, who has written lately,
//! and hints for event streams. When it is away, answers are made anew, limits are counted in this process alone, hints are dropped, and no caller
//! sees an error.

mod answers;
mod hints;
mod line;
mod local;
mod rate_limit;
mod untold;
mod writers;

use std::{sync::Arc, time::Duration};

use redis::{AsyncCommands, Client, RedisError, RedisResult, aio::ConnectionManager};
use secrecy::ExposeSecret;

use crate::env::RedisSettings;
use line::Line;
use local::LocalLimits;
use untold::Untold;

pub use answers::{Generation, Place, Shelf};
pub use hints::{EventHints, Hint};
pub use rate_limit::Limit;

/// A limit that takes longer to ask is counted here.
const LIMITS_WITHIN: Duration = Duration::from_millis(100);
/// An answer that takes longer to fetch is made anew.
const ANSWERS_WITHIN: Duration = Duration::from_millis(50);

/// The address of the cache cannot be understood. The only error there is, and only at start.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_CACHE_URL cannot be used: {0}")]
pub struct CacheError(#[from] RedisError);

/// Handle on the cache; cheap to clone.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    client: Client,
    prefix: String,
    /// For limits and hints: small commands, which do not wait behind answers.
    limits: Line,
    answers: Line,
    local_limits: LocalLimits,
    untold: Untold,
}

impl Cache {
    /// Connects when first used, so a process starts without its cache. Needs a tokio runtime.
    ///
    /// # Errors
    /// Only when the URL cannot be understood.
    pub fn connect(settings: &RedisSettings) -> Result<Self, CacheError> {
        crate::tls::install();
        let client = Client::open(settings.cache_url.expose_secret())?;
        Ok(Self(Arc::new(Inner {
            limits: Line::new("limits", &client, LIMITS_WITHIN, |is_up| {
                metrics::gauge!("cache_up").set(if is_up { 1.0 } else { 0.0 });
            })?,
            answers: Line::new("answers", &client, ANSWERS_WITHIN, |_| {})?,
            client,
            prefix: settings.prefix.clone(),
            local_limits: LocalLimits::default(),
            untold: Untold::default(),
        })))
    }

    /// Whether Redis answers now; for `/ready`, which reports the cache without depending on it.
    pub async fn ping(&self) -> bool {
        self.0.limits.ask(async |redis| redis.ping::<String>().await).await.is_ok()
    }

    /// Runs one command in time, or not at all while Redis is known to be away.
    async fn run<T>(&self, command: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>) -> Option<T> {
        self.0.limits.run(command).await.ok()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

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
            assert!(cache.generation(&Shelf::Lists).await.is_none());
            cache.is_stale(Shelf::Lists);
            cache.told().await;
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
