//! The pool, its transactions, and what can go wrong with them.

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::ids::NanoId;
use serde::{Deserialize, Serialize};
use sqlx::{
    Connection, Executor, MySql, MySqlConnection, MySqlPool, Transaction,
    migrate::{MigrateError, Migrator},
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};

/// The schema, compiled in; `migrations/README.md` has the rules.
static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How many callers of the api may wait for a connection beyond the pool's size before the next is refused.
const MAX_WAITERS: usize = 10;
/// Seconds after which the server ends a session that says nothing. A call that is dropped between preparing a statement
/// and running it leaves sqlx waiting for an answer that nobody will send, and the place in the pool with it; this gives
/// the place back.
const SILENT_AT_MOST: u32 = 60;
/// And what is idle in good order is closed by us before that.
const IDLE_AT_MOST: Duration = Duration::from_secs(30);
/// A worker's connection that was used within this time is taken to be alive: a round trip less for each claim,
/// completion and transaction. When it has died meanwhile, the job tries again as after any other loss.
const FRESH: Duration = Duration::from_secs(1);

/// How long a statement of [`Db::inspection`] may take.
pub const INSPECTION_LIMIT: Duration = Duration::from_secs(3);
/// Connections for [`Db::inspection`].
const INSPECTIONS: u32 = 4;

/// What a database call can end in. Callers that serve people turn `Unavailable`, `Deadlock` and `Busy`
/// into "try again"; nothing here is the caller's input, except `Conflict`.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique key already has this value; `constraint` is the key's name.
    #[error("the value is taken already ({constraint})")]
    Conflict { constraint: String },
    /// The server cannot be reached, or went away in the middle.
    #[error("the database is away: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// MySQL 1213 or 1205: the whole transaction is worth another try.
    #[error("the transaction lost a lock race: {0}")]
    Deadlock(#[source] sqlx::Error),
    /// The pool and its short queue are full.
    #[error("all database connections are in use")]
    Busy,
    /// A look-up took longer than [`INSPECTION_LIMIT`].
    #[error("the statement was stopped after {INSPECTION_LIMIT:?}: {0}")]
    TooSlow(#[source] sqlx::Error),
    #[error("database error: {0}")]
    Other(#[source] sqlx::Error),
}

impl DbError {
    /// True when the same call may succeed later without any change to it.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Deadlock(_) | Self::Busy | Self::TooSlow(_))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            // The driver reports a connection cut inside a packet as a protocol error.
            sqlx::Error::Protocol(_) => Self::Unavailable(error),
            sqlx::Error::Database(cause) => {
                let number = cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|e| e.number());
                match number {
                    Some(1213 | 1205) => Self::Deadlock(error),
                    Some(1062) => Self::Conflict { constraint: constraint_name(cause.message()) },
                    // By MariaDB, by MySQL.
                    Some(1969 | 3024) => Self::TooSlow(error),
                    // Server shutting down, query killed, too many connections, read-only after failover.
                    Some(1053 | 1927 | 1317 | 1040 | 1290 | 1836 | 1158..=1161) => Self::Unavailable(error),
                    _ => Self::Other(error),
                }
            }
            _ => Self::Other(error),
        }
    }
}

/// The key's name from "Duplicate entry 'x' for key 'table.key'"; MariaDB leaves the table out.
fn constraint_name(message: &str) -> String {
    let key = message.rsplit("for key ").next().unwrap_or_default().trim_matches('\'');
    key.rsplit('.').next().unwrap_or(key).to_owned()
}

/// What became true with a commit and is worth telling others about at once. Losing a hint costs time, never truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Hint {
    /// A job became available.
    Job {
        queue: String,
        ticket: crate::queue::Ticket,
        /// Whose it is: one job of each tenant goes straight onto a long belt, too, now and then.
        tenant: uuid::Uuid,
    },
    /// A nano got a new event.
    NanoEvent(NanoId),
}

/// Receives the hints of committed transactions; must not block.
pub type HintSink = Arc<dyn Fn(Vec<Hint>) + Send + Sync>;

/// The connection pool.
#[derive(Clone)]
pub struct Db {
    pool: MySqlPool,
    inspection: MySqlPool,
    waiters: Arc<AtomicUsize>,
    /// Callers acquiring a connection at a time beyond which the next is refused.
    most: usize,
    hints: Arc<OnceLock<HintSink>>,
}

impl Db {
    /// A pool of at most `pool_size` connections; they are opened when first needed, so a database that is away
    /// at start is an error of the first call, not of this one.
    pub async fn connect(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, None)
    }

    /// Like [`Db::connect`], for workers: the server drops a session that is silent for 10 s, so that a stopped
    /// process cannot hold a row lock for long. Nobody is refused for waiting in line: a worker only takes jobs it has
    /// slots for, and a handler that waits is better than one that is run again.
    pub async fn connect_worker(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, Some(10))
    }

    /// Like [`Db::connect_worker`], with 3 s: a scheduler looks every second, and its ticks may be 5 s late at most
    /// although another replica stands still in the middle of one.
    pub async fn connect_scheduler(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, Some(3))
    }

    fn connect_with(url: &str, pool_size: u32, wait_timeout: Option<u32>) -> Result<Self, DbError> {
        let options: MySqlConnectOptions = url.parse::<MySqlConnectOptions>()?.timezone(String::from("+00:00"));
        let mut pool = MySqlPoolOptions::new()
            .max_connections(pool_size)
            .idle_timeout(IDLE_AT_MOST)
            .acquire_timeout(Duration::from_secs(5))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                    connection.execute("SET SESSION innodb_lock_wait_timeout = 5").await?;
                    let seconds = wait_timeout.unwrap_or(SILENT_AT_MOST);
                    connection.execute(sqlx::AssertSqlSafe(format!("SET SESSION wait_timeout = {seconds}"))).await?;
                    Ok(())
                })
            });
        let mut most = pool_size as usize + MAX_WAITERS;
        if wait_timeout.is_some() {
            most = usize::MAX;
            pool = pool.idle_timeout(Duration::from_secs(5)).test_before_acquire(false).before_acquire(
                |connection, meta| {
                    Box::pin(async move { Ok(meta.idle_for < FRESH || connection.ping().await.is_ok()) })
                },
            );
        }
        let inspection = inspection(&options);
        let pool = pool.connect_lazy_with(options);
        Ok(Self { pool, inspection, waiters: Arc::default(), most, hints: Arc::default() })
    }

    /// Where committed transactions send their hints. Set once, at start.
    pub fn set_hint_sink(&self, sink: HintSink) {
        let _ = self.hints.set(sink);
    }

    /// Hands on what another process has committed.
    pub fn pass_on(&self, hints: Vec<Hint>) {
        if let (false, Some(sink)) = (hints.is_empty(), self.hints.get()) {
            sink(hints);
        }
    }

    pub async fn begin(&self) -> Result<Tx, DbError> {
        let waiting = WaiterGuard::enter(&self.waiters);
        if waiting.ahead >= self.most {
            return Err(DbError::Busy);
        }
        let inner = self.pool.begin().await?;
        Ok(Tx { inner, hints: Vec::new(), sink: self.hints.clone(), enqueued: Vec::new() })
    }

    /// For reads outside a transaction.
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// For what people look up about the ledger, whose size nobody knows: few connections of their own, so that no
    /// other work waits for them, and no statement longer than [`INSPECTION_LIMIT`].
    pub fn inspection(&self) -> &MySqlPool {
        &self.inspection
    }

    /// Asks the server whether it answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Brings the schema up to date. Safe to run by several processes at once.
    pub async fn migrate(&self) -> Result<(), DbError> {
        MIGRATIONS.run(&self.pool).await.map_err(|error| match error {
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => DbError::from(cause),
            other => DbError::Other(sqlx::Error::Migrate(Box::new(other))),
        })
    }

    pub async fn close(&self) {
        self.inspection.close().await;
        self.pool.close().await;
    }
}

/// Connects when it is first used.
fn inspection(options: &MySqlConnectOptions) -> MySqlPool {
    MySqlPoolOptions::new()
        .max_connections(INSPECTIONS)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(Duration::from_secs(60))
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                let version: String = sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut *connection).await?;
                let limit = if version.contains("MariaDB") {
                    format!("SET SESSION max_statement_time = {}", INSPECTION_LIMIT.as_secs_f64())
                } else {
                    format!("SET SESSION max_execution_time = {}", INSPECTION_LIMIT.as_millis())
                };
                connection.execute(sqlx::AssertSqlSafe(limit)).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options.clone())
}

/// Counts who is acquiring a connection right now.
struct WaiterGuard {
    waiters: Arc<AtomicUsize>,
    ahead: usize,
}

impl WaiterGuard {
    fn enter(waiters: &Arc<AtomicUsize>) -> Self {
        Self { ahead: waiters.fetch_add(1, Ordering::Relaxed), waiters: waiters.clone() }
    }
}

impl Drop for WaiterGuard {
    fn drop(&mut self) {
        self.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A transaction; rolled back unless committed. Use `&mut **tx` as an executor.
pub struct Tx {
    inner: Transaction<'static, MySql>,
    hints: Vec<Hint>,
    sink: Arc<OnceLock<HintSink>>,
    /// Jobs by queue and kind.
    enqueued: Vec<(&'static str, &'static str, u64)>,
}

impl Tx {
    /// To be told once this transaction has committed.
    pub fn hint(&mut self, hint: Hint) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// To be counted once this transaction has committed.
    pub(crate) fn enqueued(&mut self, queue: &'static str, kind: &'static str) {
        match self.enqueued.iter_mut().find(|known| (known.0, known.1) == (queue, kind)) {
            Some(known) => known.2 += 1,
            None => self.enqueued.push((queue, kind, 1)),
        }
    }

    pub async fn commit(self) -> Result<(), DbError> {
        self.inner.commit().await?;
        for (queue, kind, jobs) in self.enqueued {
            metrics::counter!("jobs_enqueued_total", "queue" => queue, "kind" => kind).increment(jobs);
        }
        if let (false, Some(sink)) = (self.hints.is_empty(), self.sink.get()) {
            sink(self.hints);
        }
        Ok(())
    }

    pub async fn rollback(self) -> Result<(), DbError> {
        Ok(self.inner.rollback().await?)
    }
}

impl Deref for Tx {
    type Target = MySqlConnection;
    fn deref(&self) -> &MySqlConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        &mut self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::constraint_name;

    #[test]
    fn the_key_name_is_found_in_both_dialects() {
        assert_eq!(constraint_name("Duplicate entry 'a' for key 'users_email'"), "users_email");
        assert_eq!(constraint_name("Duplicate entry 'a' for key 'users.users_email'"), "users_email");
    }
}
