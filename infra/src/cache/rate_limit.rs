//! At most so many per window and key, counted atomically in Redis.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use redis::Script;

use super::{Cache, milliseconds};

/// KEYS[1] counter; ARGV: limit, window in ms, how many to add (0 only looks). Answers allowed, hits, ms to the end.
/// One script, so that two processes cannot both take the last one, and no counter is left without an end.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local limit, window, add = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
        local hits = tonumber(redis.call('GET', KEYS[1]) or '0')
        local left = redis.call('PTTL', KEYS[1])
        local allowed = hits < limit
        if allowed and add > 0 then
            hits = redis.call('INCR', KEYS[1])
        end
        if hits > 0 and left < 0 then
            redis.call('PEXPIRE', KEYS[1], window)
            left = window
        end
        if left < 0 then
            left = window
        end
        return { allowed and 1 or 0, hits, left }
        ",
    )
});

/// Where a caller stands within a limit; the `RateLimit` headers are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub allowed: bool,
    /// How many more fit into the running window.
    pub remaining: u64,
    /// Until the window ends and `remaining` is full again.
    pub reset: Duration,
}

impl Cache {
    /// Counts one and says whether it is within `limit` per `window`. The window begins with its first hit; refused
    /// hits are not counted, so nobody locks themselves out for longer by trying. Around the end of a window up to
    /// twice the limit can pass in a short time. Without Redis each process counts for itself.
    pub async fn hit(&self, key: &str, limit: u64, window: Duration) -> Limit {
        match self.count(key, limit, window, 1).await {
            Some(answer) => answer,
            None => self.0.local_limits.hit(key, limit, window, Instant::now()),
        }
    }

    /// Like [`Cache::hit`] without counting: whether the next hit would be allowed.
    pub async fn peek(&self, key: &str, limit: u64, window: Duration) -> Limit {
        match self.count(key, limit, window, 0).await {
            Some(answer) => answer,
            None => self.0.local_limits.peek(key, limit, window, Instant::now()),
        }
    }

    /// Forgets the hits of `key`, as after a login that succeeded.
    pub async fn reset(&self, key: &str) {
        self.0.local_limits.reset(key);
        let full = self.limit_key(key);
        self.run(async |redis| redis::cmd("DEL").arg(&full).query_async::<()>(redis).await).await;
    }

    async fn count(&self, key: &str, limit: u64, window: Duration, add: u8) -> Option<Limit> {
        let full = self.limit_key(key);
        let window = milliseconds(window);
        let (allowed, hits, left): (u8, u64, u64) =
            self.run(async |redis| COUNT.key(&full).arg(limit).arg(window).arg(add).invoke_async(redis).await).await?;
        Some(Limit { allowed: allowed == 1, remaining: limit.saturating_sub(hits), reset: Duration::from_millis(left) })
    }

    fn limit_key(&self, key: &str) -> String {
        format!("{}limit:{key}", self.0.prefix)
    }
}
