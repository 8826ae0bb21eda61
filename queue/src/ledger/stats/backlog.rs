//! The backlog and oldest age of each queue: what the scaling signal is made of.
//!
//! Whatever the size of the ledger, this reads at most some ten thousand entries of an index for each queue.

use chrono::{DateTime, Utc};
use db::{Db, DbError, literal};
use sqlx::QueryBuilder;

use crate::ledger::{State, stats::queues};

/// Jobs are counted up to here.
pub const COUNTED: u32 = 10_000;
/// Tenants whose oldest job is looked at in a longer backlog.
pub const TENANTS: usize = 50;
/// Jobs of a queue whose kinds are looked at.
const SAMPLE: u32 = 1_000;

/// One queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backlog {
    pub queue: String,
    /// Available jobs, at most [`COUNTED`].
    pub available: u64,
    /// Running ones, at most [`COUNTED`].
    pub running: u64,
    /// Since when the oldest available job has been ready, in seconds of database time. In a backlog of more than
    /// [`COUNTED`] jobs of more than [`TENANTS`] tenants, the oldest of the first of them.
    pub oldest_seconds: Option<f64>,
}

/// Each of the queues, in a few statements.
pub async fn backlogs(db: &Db, queues: &[&str]) -> Result<Vec<Backlog>, DbError> {
    let mut backlogs = Vec::with_capacity(queues.len());
    let mut connection = db.looks().acquire().await?;
    for queue in queues {
        let count = sqlx::query!(
            r#"SELECT
                 (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE queue = ? AND state = 'available' LIMIT ?) AS a)
                   AS "available!: i64",
                 (SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE queue = ? AND state = 'running' LIMIT ?) AS r)
                   AS "running!: i64""#,
            queue,
            COUNTED,
            queue,
            COUNTED
        )
        .fetch_one(&mut connection)
        .await?;
        let available = count.available.unsigned_abs();
        let oldest = if available < u64::from(COUNTED) {
            // All of them are few.
            sqlx::query_scalar!(
                r#"SELECT MIN(run_at) AS "oldest: DateTime<Utc>" FROM jobs WHERE queue = ? AND state = 'available'"#,
                queue
            )
            .fetch_one(&mut connection)
            .await?
        } else {
            queues::first_of_all(&mut connection, &literal::text(queue), TENANTS).await?.0
        };
        let now = sqlx::query_scalar!(r#"SELECT UTC_TIMESTAMP(6) AS "now: DateTime<Utc>""#)
            .fetch_one(&mut connection)
            .await?;
        backlogs.push(Backlog {
            queue: (*queue).to_owned(),
            available,
            running: count.running.unsigned_abs(),
            oldest_seconds: oldest.map(|oldest| (now - oldest).as_seconds_f64().max(0.0)),
        });
    }
    Ok(backlogs)
}

/// How old the oldest available job of each kind is, in seconds, among the first 1,000 of each queue.
pub async fn oldest_by_kind(db: &Db, queues: &[&str]) -> Result<Vec<(String, String, f64)>, DbError> {
    if queues.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT queue, kind, TIMESTAMPDIFF(MICROSECOND, MIN(run_at), UTC_TIMESTAMP(6)) AS age FROM (",
    );
    let mut parts = query.separated(" UNION ALL ");
    for queue in queues {
        parts.push("(SELECT queue, kind, run_at FROM jobs WHERE queue = ");
        parts.push_bind_unseparated((*queue).to_owned());
        parts.push_unseparated(" AND state = 'available' LIMIT ");
        parts.push_bind_unseparated(SAMPLE);
        parts.push_unseparated(")");
    }
    query.push(") AS sample GROUP BY queue, kind");
    let rows: Vec<(String, String, i64)> = query.build_query_as().fetch_all(db.looks()).await?;
    Ok(rows.into_iter().map(|(queue, kind, age)| (queue, kind, age.max(0) as f64 / 1e6)).collect())
}

/// Jobs off their straight way by state, each counted to [`COUNTED`].
pub async fn listed(db: &Db, states: &[State]) -> Result<Vec<(State, u64)>, DbError> {
    let mut counts = Vec::with_capacity(states.len());
    let mut connection = db.looks().acquire().await?;
    for state in states {
        let count = sqlx::query_scalar!(
            r#"SELECT COUNT(*) AS "count: i64" FROM (SELECT 1 FROM jobs WHERE listed = ? LIMIT ?) AS some"#,
            state,
            COUNTED
        )
        .fetch_one(&mut connection)
        .await?;
        counts.push((*state, count.unsigned_abs()));
    }
    Ok(counts)
}

/// What has come due and was not made available, since no worker is there to do it.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub queue: String,
    /// At most [`COUNTED`] in all queues together.
    pub jobs: u64,
    /// Since when the first of them has been due, in seconds of database time.
    pub oldest_seconds: f64,
}

/// Jobs that wait for a time that came more than two seconds ago, by queue. Workers leave none.
pub async fn overdue(db: &Db) -> Result<Vec<Due>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT queue, COUNT(*) AS "jobs!: i64",
                  TIMESTAMPDIFF(MICROSECOND, MIN(due_at), UTC_TIMESTAMP(6)) AS "age!: i64"
           FROM (SELECT queue, due_at FROM jobs FORCE INDEX (jobs_due)
                 WHERE due_at < UTC_TIMESTAMP(6) - INTERVAL 2 SECOND ORDER BY due_at LIMIT ?) AS some
           GROUP BY queue"#,
        COUNTED
    )
    .fetch_all(db.looks())
    .await?;
    let of = |age: i64| age.max(0) as f64 / 1e6;
    Ok(rows
        .into_iter()
        .map(|row| Due { queue: row.queue, jobs: row.jobs.unsigned_abs(), oldest_seconds: of(row.age) })
        .collect())
}

/// Seconds without a heartbeat after which a worker does not count, whoever is there to mark it dead.
const SILENT: u32 = 15;

/// A worker whose heart beats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivingWorker {
    /// Comma-separated.
    pub queues: String,
    /// False while it only finishes what it runs.
    pub takes_jobs: bool,
}

/// Workers mark each other dead, and the last one is marked by nobody: it is by its heartbeats that one lives.
pub async fn living_workers(db: &Db) -> Result<Vec<LivingWorker>, DbError> {
    Ok(sqlx::query_as!(
        LivingWorker,
        r#"SELECT queues, state = 'alive' AS "takes_jobs!: bool" FROM workers
           WHERE state IN ('alive', 'draining') AND seen_at > UTC_TIMESTAMP(6) - INTERVAL ? SECOND"#,
        SILENT
    )
    .fetch_all(db.pool())
    .await?)
}
