//! At most so many per window and key, counted atomically in Redis.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use redis::Script;

use super::{Cache, milliseconds};

/// KEYS[1] counter; ARGV: limit, window in ms. Answers allowed, hits, ms to the end.
/// One script, so that two processes cannot both take the last one, and no counter is left without an end.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
        local hits = tonumber(redis.call('GET', KEYS[1]) or '0')
        local left = redis.call('PTTL', KEYS[1])
        local allowed = hits < limit
        if allowed then
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

/// KEYS[1] counter. Takes one hit back, if there is one; the window's end stays.
static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if tonumber(redis.call('GET', KEYS[1]) or '0') > 0 then
            redis.call('DECR', KEYS[1])
        end
        ",
    )
});

/// KEYS[1]: when the whole quota is there again, in microseconds. ARGV: quota, window in microseconds. Answers allowed, how many
/// more fit now, microseconds until the quota is whole (allowed) or one more fits (not). GCRA: each takes its share of the
/// window, and what is taken comes back evenly. By Redis' clock, which all processes share.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local quota, window = tonumber(ARGV[1]), tonumber(ARGV[2])
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
        local share = window / quota
        local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + share
        local early = whole - window - now
        if early > 0 then
            return { 0, 0, math.ceil(early) }
        end
        redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', math.ceil((whole - now) / 1000))
        return { 1, math.floor(-early / share), math.ceil(whole - now) }
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
    /// twice the limit can pass in a short time. What Redis does not answer in time each process counts for itself, on top of
    /// what it knows from Redis.
    pub async fn hit(&self, key: &str, limit: u64, window: Duration) -> Limit {
        match self.count(key, limit, window).await {
            Some(told) => self.0.local_limits.with(key, limit, told, Instant::now()),
            None => self.hit_here(key, limit, window),
        }
    }

    /// Takes one out of `quota`, which comes back evenly over `window`. Nobody gets more than twice the quota in any window.
    /// While Redis is away or answers too late each process counts for itself, in windows.
    pub async fn take(&self, key: &str, quota: u64, window: Duration) -> Limit {
        let here = self.hit_here(key, quota, window);
        let full = self.limit_key(key);
        let micros = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let answer: Option<(u8, u64, u64)> =
            self.run(async |redis| TAKE.key(&full).arg(quota).arg(micros).invoke_async(redis).await).await;
        answer.map_or(here, |(allowed, remaining, reset)| Limit {
            allowed: allowed == 1,
            remaining,
            reset: Duration::from_micros(reset),
        })
    }

    /// Counts one in this process alone; otherwise like [`Cache::hit`].
    pub fn hit_here(&self, key: &str, limit: u64, window: Duration) -> Limit {
        self.0.local_limits.hit(key, limit, window, Instant::now())
    }

    /// Takes one hit back: what it stood for did not happen.
    pub async fn give_back(&self, key: &str) {
        self.0.local_limits.give_back(key);
        let full = self.limit_key(key);
        self.run(async |redis| GIVE_BACK.key(&full).invoke_async::<()>(redis).await).await;
    }

    /// Forgets the hits of `key`, as after a login that succeeded.
    pub async fn reset(&self, key: &str) {
        self.0.local_limits.reset(key);
        let full = self.limit_key(key);
        self.run(async |redis| redis::cmd("DEL").arg(&full).query_async::<()>(redis).await).await;
    }

    async fn count(&self, key: &str, limit: u64, window: Duration) -> Option<Limit> {
        let full = self.limit_key(key);
        let window = milliseconds(window);
        let (allowed, hits, left): (u8, u64, u64) =
            self.run(async |redis| COUNT.key(&full).arg(limit).arg(window).invoke_async(redis).await).await?;
        Some(Limit { allowed: allowed == 1, remaining: limit.saturating_sub(hits), reset: Duration::from_millis(left) })
    }

    fn limit_key(&self, key: &str) -> String {
        format!("{}limit:{key}", self.0.prefix)
    }
}
