//! One connection to Redis, with a deadline for each command and what is known of its health.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

/// A failure in a row of this length makes every call skip Redis for [`SKIP`], so an outage costs each process one
/// timeout a second and not one per request.
const FAILURES_BEFORE_SKIP: u32 = 3;
const SKIP: Duration = Duration::from_secs(1);
/// Between two attempts of [`Line::warm`].
const WARM_PAUSE: Duration = Duration::from_millis(20);

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody asked: Redis is known to be away.
    Skipped,
    /// It did not answer in time, or refused.
    Failed,
}

pub struct Line {
    /// What goes over it, for the log.
    name: &'static str,
    redis: ConnectionManager,
    deadline: Duration,
    health: Mutex<Health>,
    /// Hears after each command whether Redis is up.
    tell: fn(bool),
}

#[derive(Default)]
struct Health {
    failures: u32,
    skip_until: Option<Instant>,
}

impl Line {
    /// Connects when first used. Needs a tokio runtime.
    pub fn new(name: &'static str, client: &Client, deadline: Duration, tell: fn(bool)) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(deadline))
            .set_response_timeout(Some(deadline))
            .set_number_of_retries(0)
            .set_max_delay(deadline);
        let redis = client.get_connection_manager_lazy(config)?;
        Ok(Self { name, redis, deadline, health: Mutex::default(), tell })
    }

    /// Connects ahead of the first command, which is given less time than a new connection may take. What fails is not held
    /// against Redis: the first command will say.
    pub async fn warm(&self, within: Duration) {
        let mut redis = self.redis.clone();
        let connected = async {
            while redis::cmd("PING").query_async::<String>(&mut redis).await.is_err() {
                tokio::time::sleep(WARM_PAUSE).await;
            }
        };
        // Redis may be away.
        let _ = tokio::time::timeout(within, connected).await;
    }

    /// Runs one command within the deadline, or not at all while Redis is known to be away.
    pub async fn run<T>(
        &self,
        command: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, Silence> {
        if self.is_skipped() { Err(Silence::Skipped) } else { self.ask(command).await }
    }

    /// The same although Redis may be away.
    pub async fn ask<T>(
        &self,
        command: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, Silence> {
        let mut redis = self.redis.clone();
        match tokio::time::timeout(self.deadline, command(&mut redis)).await {
            Ok(Ok(value)) => {
                self.note(true);
                Ok(value)
            }
            // Redis is there and did not like the command: no reason to skip it, but still a miss.
            Ok(Err(error)) if !error.is_io_error() && !error.is_timeout() && !error.is_unrecoverable_error() => {
                tracing::debug!(%error, "the cache refused a command");
                Err(Silence::Failed)
            }
            _ => {
                self.note(false);
                Err(Silence::Failed)
            }
        }
    }

    fn is_skipped(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.skip_until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, worked: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
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
            (false, true) => tracing::warn!(of = self.name, "the cache is away; answering without it"),
            (true, false) => tracing::info!(of = self.name, "the cache is back"),
            _ => {}
        }
        (self.tell)(!is_away);
    }
}
