//! Registrations of worker processes, with leases counted in ticks of the queue's clock.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use db::{Db, DbError, Session, Tx};
use sqlx::QueryBuilder;

use crate::ids::{JobId, WorkerId};

/// Ticks (about seconds) without a heartbeat until a registration counts as dead.
pub const LEASE_TICKS: u64 = 7;
/// And until one counts as dead whose heartbeat has no session at the server any more: the kernel closes the
/// connections of a killed process at once, while a slow or paused one keeps them.
pub const GONE_TICKS: u64 = 3;

/// One life of a worker process.
#[derive(Clone, Debug)]
pub struct NewWorker {
    pub id: WorkerId,
    /// Host and process id, for people.
    pub name: String,
    pub version: String,
    /// Comma-separated.
    pub queues: String,
    /// How many jobs it runs at a time, in all its queues.
    pub slots: u32,
}

words::words! {
    /// Where a worker stands.
    pub enum WorkerState ("state of a worker") {
        Alive = "alive",
        /// Takes no new jobs any more.
        Draining = "draining",
        /// Ended in good order.
        Stopped = "stopped",
        /// Its lease ran out.
        Dead = "dead",
    }
}

impl WorkerState {
    /// Whether it may still run jobs.
    pub const fn lives(self) -> bool {
        matches!(self, Self::Alive | Self::Draining)
    }
}

/// A registration as operators see it.
#[derive(Clone, Debug)]
pub struct WorkerRow {
    pub id: WorkerId,
    pub name: String,
    pub version: String,
    /// Comma-separated.
    pub queues: String,
    pub state: WorkerState,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub slots: u32,
    /// Resident memory of the worker and its child processes, as of `seen_at`.
    pub memory_bytes: Option<u64>,
    /// When somebody asked it to finish what it runs and end, and why.
    pub drain_requested_at: Option<DateTime<Utc>>,
    pub drain_reason: Option<String>,
    /// What keeps its readers of hostile files from being wholly confined; empty when nothing does, `None` while nobody has
    /// looked.
    pub unconfined: Option<String>,
}

/// The registrations that ended within the last day or have not ended, newest first; at most 500.
pub async fn list(db: &Db) -> Result<Vec<WorkerRow>, DbError> {
    Ok(sqlx::query_as!(
        WorkerRow,
        r#"SELECT id AS "id: WorkerId", name, version, queues, state AS "state: WorkerState", started_at AS "started_at: DateTime<Utc>",
                  seen_at AS "seen_at: DateTime<Utc>", slots, memory_bytes,
                  drain_requested_at AS "drain_requested_at: DateTime<Utc>", drain_reason, unconfined
           FROM workers ORDER BY id DESC LIMIT 500"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// A job that a worker runs just now.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RunningJob {
    pub worker_id: WorkerId,
    pub id: JobId,
    pub kind: String,
    pub queue: String,
    pub started_at: Option<DateTime<Utc>>,
}

/// What runs in the whole fleet; at most 5,000 jobs.
pub async fn running(db: &Db) -> Result<Vec<RunningJob>, DbError> {
    let mut connection = db.inspection().acquire().await?;
    let queues = crate::ledger::list::queues(&mut connection).await?;
    if queues.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = QueryBuilder::new(
        "SELECT worker_id, id, kind, queue, started_at FROM jobs FORCE INDEX (jobs_feed)
         WHERE state = 'running' AND worker_id IS NOT NULL AND queue IN (",
    );
    let mut list = select.separated(", ");
    for queue in queues {
        list.push_bind(queue);
    }
    select.push(") LIMIT 5000");
    let mut running: Vec<RunningJob> = select.build_query_as().fetch_all(&mut connection).await?;
    running.sort_unstable_by_key(|job| (job.worker_id, job.started_at, job.id));
    Ok(running)
}

/// A worker that takes whatever comes.
pub async fn register(db: &Db, worker: &NewWorker) -> Result<(), DbError> {
    register_knowing(db, worker, None).await
}

/// A worker that knows these kinds ([`announced`](crate::ledger::announced)) and takes no others.
pub async fn register_knowing(db: &Db, worker: &NewWorker, kinds: Option<&str>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO workers (id, name, version, queues, slots, kinds, seen_tick, started_at, seen_at)
         SELECT ?, ?, ?, ?, ?, ?, tick, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM queue_clock WHERE id = 1",
        worker.id,
        worker.name,
        worker.version,
        worker.queues,
        worker.slots,
        kinds
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Moves the clock on, at most one tick per second of database time.
pub async fn tick(db: &Db) -> Result<(), DbError> {
    move_clock(&mut db.pool().acquire().await?).await
}

async fn move_clock(session: &mut Session) -> Result<(), DbError> {
    // A clock set back would stop the ticks until it catches up; a time in the future starts over instead. Not one in the
    // near future: a statement that waited for the row's lock compares with the time at which it began to wait.
    sqlx::query!(
        "UPDATE queue_clock SET tick = tick + 1, ticked_at = UTC_TIMESTAMP(6)
         WHERE id = 1 AND (ticked_at <= UTC_TIMESTAMP(6) - INTERVAL 1 SECOND OR ticked_at > UTC_TIMESTAMP(6) + INTERVAL 10 SECOND)"
    )
    .execute(session)
    .await?;
    Ok(())
}

/// The heartbeat of one registration, on a session of its own that it keeps: the server notices at once when a killed
/// process' sessions end.
pub struct Heartbeat {
    /// With one connection, which nothing else uses.
    db: Db,
    worker: WorkerId,
    session: Option<Session>,
    /// Whether that session holds the lock: the one before it may have kept it a while longer.
    locked: bool,
}

impl Heartbeat {
    pub const fn new(db: Db, worker: WorkerId) -> Self {
        Self { db, worker, session: None, locked: false }
    }

    /// Renews the lease, and moves the clock on unless the worker is `at_rest`: others do that then. False when the
    /// registration counts as dead: everything it runs has been given to others.
    ///
    /// `memory`: resident bytes, for people.
    pub async fn beat(&mut self, memory: Option<u64>, at_rest: bool) -> Result<bool, DbError> {
        let beaten = self.try_beat(memory, at_rest).await;
        if beaten.is_err() {
            (self.session, self.locked) = (None, false);
        }
        beaten
    }

    async fn try_beat(&mut self, memory: Option<u64>, at_rest: bool) -> Result<bool, DbError> {
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(self.db.pool().acquire().await?),
        };
        if !self.locked {
            // Held as long as this session lives.
            let got = sqlx::query_scalar!(
                r#"SELECT CAST(GET_LOCK(?, 0) AS SIGNED) AS "got?: i64""#,
                session_lock(self.worker)
            )
            .fetch_one(&mut *session)
            .await?;
            self.locked = got == Some(1);
        }
        if !at_rest {
            move_clock(&mut *session).await?;
        }
        let renewed = sqlx::query!(
            "UPDATE workers SET seen_at = UTC_TIMESTAMP(6), seen_tick = (SELECT tick FROM queue_clock WHERE id = 1),
                    memory_bytes = ?
             WHERE id = ? AND state IN ('alive', 'draining')",
            memory,
            self.worker
        )
        .execute(session)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Ends the session.
    pub async fn end(mut self) {
        self.session = None;
        self.db.close().await;
    }
}

/// One beat, whose session lives as long as `db`'s only connection.
pub async fn heartbeat(db: &Db, id: WorkerId, memory: Option<u64>) -> Result<bool, DbError> {
    Heartbeat::new(db.clone(), id).beat(memory, false).await
}

/// What keeps the worker's readers of hostile files from being wholly confined; empty when nothing does.
pub async fn set_unconfined(db: &Db, id: WorkerId, gaps: &str) -> Result<(), DbError> {
    let gaps: String = gaps.chars().take(255).collect();
    sqlx::query!("UPDATE workers SET unconfined = ? WHERE id = ?", gaps, id).execute(db.pool()).await?;
    Ok(())
}

/// The worker takes no new jobs any more.
pub async fn drain(db: &Db, id: WorkerId) -> Result<(), DbError> {
    sqlx::query!("UPDATE workers SET state = 'draining' WHERE id = ? AND state = 'alive'", id)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Where a worker stands, its row locked until the transaction ends; one that was only asked to drain counts as draining.
pub async fn state(tx: &mut Tx, id: WorkerId) -> Result<Option<WorkerState>, DbError> {
    let state = sqlx::query_scalar!(
        r#"SELECT IF(state = 'alive' AND drain_requested_at IS NOT NULL, 'draining', state) AS "state!: WorkerState"
         FROM workers WHERE id = ? FOR UPDATE"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(state)
}

/// Asks a worker to finish what it runs and end; it looks every quarter of a second, or every two while it runs nothing. False when it has ended already.
pub async fn request_drain(tx: &mut Tx, id: WorkerId, reason: &str) -> Result<bool, DbError> {
    let asked = sqlx::query!(
        "UPDATE workers SET drain_requested_at = COALESCE(drain_requested_at, UTC_TIMESTAMP(6)), drain_reason = ?
         WHERE id = ? AND state IN ('alive', 'draining')",
        reason.chars().take(500).collect::<String>(),
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(asked.rows_affected() == 1)
}

/// The worker ended in good order.
pub async fn stop(db: &Db, id: WorkerId) -> Result<(), DbError> {
    sqlx::query!("UPDATE workers SET state = 'stopped' WHERE id = ? AND state IN ('alive', 'draining')", id)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Marks registrations dead whose lease has run out, or whose session is gone; returns how many.
pub async fn mark_dead(db: &Db) -> Result<u64, DbError> {
    let silent = sqlx::query!(
        r#"SELECT w.id AS "id: WorkerId", CAST(c.tick - w.seen_tick AS SIGNED) AS "ticks!: i64"
           FROM workers w JOIN queue_clock c ON c.id = 1
           WHERE w.state IN ('alive', 'draining') AND w.seen_tick + ? < c.tick ORDER BY w.id LIMIT 100"#,
        GONE_TICKS
    )
    .fetch_all(db.pool())
    .await?;
    let mut marked = 0;
    for worker in silent {
        let expired = worker.ticks.unsigned_abs() > LEASE_TICKS;
        if !expired {
            let gone = sqlx::query_scalar!(
                r#"SELECT CAST(IS_FREE_LOCK(?) AS SIGNED) AS "gone?: i64""#,
                session_lock(worker.id)
            )
            .fetch_one(db.pool())
            .await?;
            if gone != Some(1) {
                continue;
            }
        }
        marked += sqlx::query!(
            "UPDATE workers SET state = 'dead'
             WHERE id = ? AND state IN ('alive', 'draining')
               AND seen_tick + ? < (SELECT tick FROM queue_clock WHERE id = 1)",
            worker.id,
            GONE_TICKS
        )
        .execute(db.pool())
        .await?
        .rows_affected();
    }
    Ok(marked)
}

/// The name of the lock that a heartbeat's session holds; at most 64 characters.
fn session_lock(id: WorkerId) -> String {
    format!("nano-worker-{}", id.0.simple())
}

/// Dead or stopped registrations that still own running jobs; at most 100.
pub async fn dead_with_jobs(db: &Db) -> Result<Vec<WorkerId>, DbError> {
    let lists = sqlx::query_scalar!("SELECT DISTINCT queues FROM workers").fetch_all(db.pool()).await?;
    let queues: BTreeSet<&str> = lists.iter().flat_map(|list| list.split(',')).collect();
    if queues.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = QueryBuilder::new(
        "SELECT DISTINCT j.worker_id FROM jobs j JOIN workers w ON w.id = j.worker_id
         WHERE w.state IN ('dead', 'stopped') AND j.state = 'running' AND j.queue IN (",
    );
    let mut list = select.separated(", ");
    for queue in queues {
        list.push_bind(queue.to_owned());
    }
    select.push(") LIMIT 100");
    Ok(select.build_query_scalar().fetch_all(db.looks()).await?)
}

/// How many registrations have a lease that has not run out.
pub async fn alive(db: &Db) -> Result<u64, DbError> {
    let alive = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "alive: i64" FROM workers
           WHERE state IN ('alive', 'draining') AND seen_tick + ? >= (SELECT tick FROM queue_clock WHERE id = 1)"#,
        LEASE_TICKS
    )
    .fetch_one(db.pool())
    .await?;
    Ok(alive.unsigned_abs())
}

/// The same, and how many of them cannot wholly confine their readers of hostile files.
pub async fn alive_and_unconfined(db: &Db) -> Result<(u64, u64), DbError> {
    let counts = sqlx::query!(
        r#"SELECT COUNT(*) AS "alive: i64", COUNT(NULLIF(unconfined, '')) AS "unconfined: i64" FROM workers
           WHERE state IN ('alive', 'draining') AND seen_tick + ? >= (SELECT tick FROM queue_clock WHERE id = 1)"#,
        LEASE_TICKS
    )
    .fetch_one(db.pool())
    .await?;
    Ok((counts.alive.unsigned_abs(), counts.unconfined.unsigned_abs()))
}

/// Whether a living worker takes jobs of this queue.
pub async fn takes(db: &Db, queue: &str) -> Result<bool, DbError> {
    let found =
        sqlx::query_scalar!("SELECT COUNT(*) FROM workers WHERE state = 'alive' AND FIND_IN_SET(?, queues) > 0", queue)
            .fetch_one(db.pool())
            .await?;
    Ok(found > 0)
}

/// Forgets registrations that ended more than a day ago.
pub async fn prune(db: &Db) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "DELETE FROM workers WHERE state IN ('dead', 'stopped') AND seen_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY LIMIT 500"
    )
    .execute(db.pool())
    .await?
    .rows_affected())
}
