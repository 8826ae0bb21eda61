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

/// How long a process waits for its connections before it lets anybody in.
const WARM_WITHIN: Duration = Duration::from_secs(1);

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

    /// Connects, so that a process that has just started does not take a Redis for away that it has not met yet. Comes back within
    /// `WARM_WITHIN`, also without Redis.
    pub async fn warm(&self) {
        tokio::join!(self.0.limits.warm(WARM_WITHIN), self.0.answers.warm(WARM_WITHIN));
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

    /// A Redis that says yes to everything, on its first connections later than anybody waits for a command.
    async fn slow_to_connect(slow: usize) -> Cache {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for connection in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                        if connection < slow {
                            tokio::time::sleep(LIMITS_WITHIN * 3).await;
                        }
                        // Each command is an array.
                        let commands = bytes[..read].iter().filter(|byte| **byte == b'*').count();
                        if stream.write_all("+PONG\r\n".repeat(commands).as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let settings =
            RedisSettings { queue_url: url.clone().into(), cache_url: url.into(), prefix: "unit:".to_owned() };
        Cache::connect(&settings).expect("a usable URL")
    }

    #[tokio::test]
    async fn a_process_that_has_just_started_does_not_take_redis_for_away() {
        // One connection for each line.
        assert!(!slow_to_connect(2).await.ping().await, "the first command has no time to connect");
        // A command has a tenth of a second, for which a busy machine may have no time; a second command would say nothing,
        // since the first one connects.
        let start = Instant::now();
        loop {
            let cache = slow_to_connect(2).await;
            cache.warm().await;
            if cache.ping().await {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(15), "it is still not connected");
        }
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
        // Nobody waits for long to start without it.
        let start = Instant::now();
        cache.warm().await;
        assert!(start.elapsed() < WARM_WITHIN * 15, "took {:?}", start.elapsed());
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
