//! The pool: how many connections a program may have, and what each session is set to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use sqlx::{
    AssertSqlSafe, Connection, Executor, MySqlConnection, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlRow},
    pool::PoolConnectionMetadata,
};

use crate::{DbError, Notice, Pool, Telegram, Tx, notices::Board, session::Left};

/// How many callers of the api may wait for a connection beyond the pool's size before the next is refused.
const MAX_WAITERS: usize = 25;
/// Seconds after which the server ends a session that says nothing. A call that is dropped between preparing a statement
/// and running it leaves sqlx waiting for an answer that nobody will send, and the place in the pool with it; this gives
/// the place back. A process that stands still in the middle of a transaction holds its row locks no longer than that, and
/// neither does one whose connection froze there. Idle connections say something before that (`keeper.rs`).
const SILENT_AT_MOST: u32 = 10;
/// How long anybody waits for the answer to a statement: longer than for a lock (5 s), and short enough that a worker whose
/// connections froze is at work again before its jobs are missed.
const DEADLINE: Duration = Duration::from_secs(8);
/// The same at a replica: there is the primary to ask instead.
const DEADLINE_OF_REPLICA: Duration = Duration::from_secs(2);
/// And for a connection to it.
const REPLICA_CONNECTS_WITHIN: Duration = Duration::from_secs(1);
/// And for a sign of life of a connection that was idle.
const PONG_WITHIN: Duration = Duration::from_secs(1);
/// After a switchover or a change of addresses, no connection stays with the old server for longer.
const LIVES_AT_MOST: Duration = Duration::from_secs(5 * 60);
/// A connection that was used or asked within this time is taken to be alive: a round trip less for each claim, completion and
/// transaction. When it has died meanwhile, the job tries again as after any other loss.
const FRESH: Duration = Duration::from_secs(1);

/// How long a statement of [`Db::inspection`] may take.
pub const INSPECTION_LIMIT: Duration = Duration::from_secs(3);
/// Connections for [`Db::inspection`], beside the pool's: of the api, and of a worker, whose bulk actions look jobs up.
const INSPECTIONS_OF_API: u32 = 2;
const INSPECTIONS_OF_WORKER: u32 = 1;

/// A program with more connections than this keeps one of them for [`Db::looks`].
const TOO_FEW_FOR_LOOKS: u32 = 1;

/// What the kinds of programs differ in.
struct Needs {
    silent_at_most: u32,
    /// Callers acquiring a connection at a time beyond which the next is refused.
    most: usize,
    /// Connections beside the pool's for [`Db::inspection`].
    inspections: u32,
    /// Connections of the pool's for [`Db::looks`]; without any, looks go where inspections go.
    looks: u32,
}

const WORKER: Needs =
    Needs { silent_at_most: SILENT_AT_MOST, most: usize::MAX, inspections: INSPECTIONS_OF_WORKER, looks: 1 };

/// The connection pool.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    looks: Pool,
    inspection: Pool,
    waiters: Arc<AtomicUsize>,
    /// Callers acquiring a connection at a time beyond which the next is refused.
    most: usize,
    /// How many there can be, all in all.
    connections: u32,
    board: Board,
}

impl Db {
    /// A pool of at most `pool_size` connections; they are opened when first needed, so a database that is away
    /// at start is an error of the first call, not of this one.
    pub async fn connect(url: &str, pool_size: u32) -> Result<Self, DbError> {
        let most = pool_size as usize + MAX_WAITERS;
        Self::connect_with(url, pool_size, &Needs { most, inspections: INSPECTIONS_OF_API, looks: 0, ..WORKER })
    }

    /// Like [`Db::connect`], for workers: nobody is refused for waiting. A worker only takes jobs it has slots for, and a
    /// handler that waits is better than one that is run again. One of the connections is for [`Db::looks`].
    pub async fn connect_worker(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, &WORKER)
    }

    /// Like [`Db::connect_worker`], for a child process of a worker: what is looked up goes through the same connections.
    pub async fn connect_child(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, &Needs { inspections: 0, looks: 0, ..WORKER })
    }

    /// Like [`Db::connect_worker`], with 3 s: a scheduler looks every second, and its ticks may be 5 s late at most
    /// although another replica stands still in the middle of one.
    pub async fn connect_scheduler(url: &str, pool_size: u32) -> Result<Self, DbError> {
        Self::connect_with(url, pool_size, &Needs { silent_at_most: 3, inspections: 0, ..WORKER })
    }

    /// Like [`Db::connect`], for a replica: it need not write, and nobody waits long for it.
    pub async fn connect_replica(url: &str, pool_size: u32) -> Result<Self, DbError> {
        let options = options_of_url(url)?;
        let pool = reading(&options, pool_size, &Left::new());
        Ok(Self {
            looks: pool.clone(),
            inspection: pool.clone(),
            pool,
            waiters: Arc::default(),
            most: usize::MAX,
            connections: pool_size,
            board: Board::default(),
        })
    }

    fn connect_with(url: &str, pool_size: u32, needs: &Needs) -> Result<Self, DbError> {
        let options = options_of_url(url)?;
        let looks = if pool_size > TOO_FEW_FOR_LOOKS { needs.looks } else { 0 };
        let left = Left::new();
        let of = |connections, isolation| working(&options, connections, isolation, needs.silent_at_most, &left);
        let pool = of(pool_size - looks, Isolation::ReadCommitted);
        let inspection =
            if needs.inspections > 0 { inspection(&options, needs.inspections, &left) } else { pool.clone() };
        Ok(Self {
            looks: if looks > 0 { of(looks, Isolation::ReadUncommitted) } else { inspection.clone() },
            inspection,
            pool,
            waiters: Arc::default(),
            most: needs.most,
            connections: pool_size + needs.inspections,
            board: Board::default(),
        })
    }

    /// How many connections this can have open at most.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// Hears of what committed transactions of this program notify of. The listener must not block.
    pub fn listen<N: Notice>(&self, listener: impl Fn(N) + Send + Sync + 'static) {
        self.board.listen(listener);
    }

    /// For a child process: its notices go to its parent, which [receives](Self::receive) them.
    pub fn send_notices_to_parent(&self, parent: impl Fn(Vec<Telegram>) + Send + Sync + 'static) {
        self.board.send_to_parent(parent);
    }

    /// Tells the listeners of this process what a child process has committed.
    pub fn receive(&self, telegrams: Vec<Telegram>) {
        self.board.receive(telegrams);
    }

    pub async fn begin(&self) -> Result<Tx, DbError> {
        let waiting = WaiterGuard::enter(&self.waiters);
        if waiting.ahead >= self.most {
            return Err(DbError::Busy);
        }
        Tx::begin(&self.pool, self.board.clone()).await
    }

    /// A whole transaction, and a statement after its commit, in one round trip; returns the rows of all. For statements
    /// that go on whatever they find; the text has no values from outside but those that [`literal`](crate::literal) wrote.
    pub async fn transact(&self, statements: &str, then: &str) -> Result<Vec<MySqlRow>, DbError> {
        let mut session = self.pool.acquire().await?;
        let text = AssertSqlSafe(format!("BEGIN; {statements}; COMMIT; {then}"));
        let answer = sqlx::raw_sql(text).fetch_all(&mut session).await;
        // What stopped in the middle has left its transaction open.
        if answer.is_err() {
            session.roll_back_on_drop();
        }
        Ok(answer?)
    }

    /// For reads outside a transaction.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// For looks at the ledger by state, which go over an index that every job leaves twice. While a transaction stays open
    /// somewhere, for a report or a copy, what has left the index cannot be purged; READ COMMITTED then asks for each entry
    /// which version of its row it may see (3 µs), READ UNCOMMITTED passes over it (60 ns; measured over 800,000). So what
    /// is found here may never commit: whoever acts on it looks again, in a transaction.
    pub fn looks(&self) -> &Pool {
        &self.looks
    }

    /// For what people look up about the ledger, whose size nobody knows: few connections of their own, so that no
    /// other work waits for them, and no statement longer than [`INSPECTION_LIMIT`]. READ UNCOMMITTED, as [`Db::looks`].
    pub fn inspection(&self) -> &Pool {
        &self.inspection
    }

    /// For statements that take as long as they take: changes of the schema, and benchmarks that fill tables.
    pub fn unlimited(&self) -> &MySqlPool {
        self.pool.inner()
    }

    /// What the server says it is, as `10.11.14-MariaDB` or `8.4.6`.
    pub async fn version(&self) -> Result<String, DbError> {
        Ok(sqlx::query_scalar("SELECT VERSION()").fetch_one(&self.pool).await?)
    }

    /// Asks the server whether it answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.inspection.close().await;
        self.looks.close().await;
        self.pool.close().await;
    }
}

#[derive(Clone, Copy)]
enum Isolation {
    ReadCommitted,
    ReadUncommitted,
}

impl Isolation {
    const fn statement(self) -> &'static str {
        match self {
            Self::ReadCommitted => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            Self::ReadUncommitted => "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
        }
    }
}

fn options_of_url(url: &str) -> Result<MySqlConnectOptions, DbError> {
    Ok(url.parse::<MySqlConnectOptions>()?.timezone(String::from("+00:00")))
}

/// What every connection has, whatever it is for.
fn options_of(connections: u32, left: &Left) -> MySqlPoolOptions {
    let left = left.clone();
    MySqlPoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(LIVES_AT_MOST)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| answers(connection, meta, left.clone()))
}

/// Connects when it is first used.
fn working(
    options: &MySqlConnectOptions,
    connections: u32,
    isolation: Isolation,
    silent_at_most: u32,
    left: &Left,
) -> Pool {
    let pool = options_of(connections, left).after_connect(move |connection, _| {
        Box::pin(async move {
            connection.execute(isolation.statement()).await?;
            let waits = format!("SET SESSION innodb_lock_wait_timeout = 5, wait_timeout = {silent_at_most}");
            connection.execute(sqlx::AssertSqlSafe(waits)).await?;
            writable(connection).await
        })
    });
    Pool::new(pool.connect_lazy_with(options.clone()), DEADLINE, silent_at_most, left.clone())
}

/// Connects when it is first used.
fn reading(options: &MySqlConnectOptions, connections: u32, left: &Left) -> Pool {
    let pool = options_of(connections, left).acquire_timeout(REPLICA_CONNECTS_WITHIN).after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(Isolation::ReadCommitted.statement()).await?;
            let silent_at_most = format!("SET SESSION wait_timeout = {SILENT_AT_MOST}");
            connection.execute(sqlx::AssertSqlSafe(silent_at_most)).await?;
            Ok(())
        })
    });
    Pool::new(pool.connect_lazy_with(options.clone()), DEADLINE_OF_REPLICA, SILENT_AT_MOST, left.clone())
}

/// Refuses a server that does not write: a replica, or the primary of before a switchover.
async fn writable(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let read_only: bool =
        sqlx::query_scalar("SELECT @@global.read_only OR @@global.innodb_read_only").fetch_one(connection).await?;
    if read_only {
        let text = "the database is read-only: a replica, or not the primary any more";
        return Err(sqlx::Error::Io(std::io::Error::other(text)));
    }
    Ok(())
}

/// Connects when it is first used.
fn inspection(options: &MySqlConnectOptions, connections: u32, left: &Left) -> Pool {
    let pool = options_of(connections, left)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(Isolation::ReadUncommitted.statement()).await?;
                let silent_at_most = format!("SET SESSION wait_timeout = {SILENT_AT_MOST}");
                connection.execute(sqlx::AssertSqlSafe(silent_at_most)).await?;
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
        .connect_lazy_with(options.clone());
    Pool::new(pool, DEADLINE, SILENT_AT_MOST, left.clone())
}

/// Whether a connection can be handed out: it was used just now, or answers. Not one that may be with a server that another one
/// was told to leave.
fn answers(
    connection: &mut MySqlConnection,
    meta: PoolConnectionMetadata,
    left: Left,
) -> BoxFuture<'_, Result<bool, sqlx::Error>> {
    async move {
        if left.is_after_opening(meta.age) {
            return Ok(false);
        }
        Ok(meta.idle_for < FRESH || matches!(tokio::time::timeout(PONG_WITHIN, connection.ping()).await, Ok(Ok(()))))
    }
    .boxed()
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
