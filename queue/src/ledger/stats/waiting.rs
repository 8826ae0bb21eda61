//! The place of a waiting job in its queue, and the recent pace of the queue. Reads only, each along an index.

use std::time::Duration;

use db::{Db, DbError};

use crate::ledger::{
    self, JobRow,
    stats::{
        estimate::{Pace, Standing},
        histogram,
    },
};

/// Own jobs ahead are counted up to this many.
pub const AHEAD_CAP: u64 = 10_000;
/// And tenants up to this many: each costs an index seek.
pub const TENANTS_CAP: u64 = 64;
/// The pace is taken from this many minutes.
const MINUTES: u32 = 10;

/// The line before an available job.
pub async fn of(db: &Db, job: &JobRow) -> Result<Standing, DbError> {
    let own_ahead = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "ahead: i64" FROM (
             SELECT 1 FROM jobs
             WHERE queue = ? AND state = 'available' AND tenant = ?
               AND (priority < ? OR (priority = ? AND (run_at < ? OR (run_at = ? AND id < ?))))
             LIMIT 10000) AS counted"#,
        job.queue,
        job.tenant,
        job.priority,
        job.priority,
        job.run_at,
        job.run_at,
        job.id
    )
    .fetch_one(db.pool())
    .await?;
    let most = u32::try_from(TENANTS_CAP).unwrap_or(u32::MAX);
    let tenants = ledger::tenants(db, &job.queue, uuid::Uuid::nil(), most).await?;
    Ok(Standing { own_ahead: own_ahead.unsigned_abs(), tenants: (tenants.len() as u64).max(1) })
}

/// What ended in the queue within the last ten whole minutes and the running one, and how long its jobs waited. From the
/// rollups, so at most some seconds old.
pub async fn pace(db: &Db, queue: &str) -> Result<Pace, DbError> {
    let minutes = sqlx::query!(
        r#"SELECT TIMESTAMPDIFF(SECOND, minute, UTC_TIMESTAMP(6)) AS "age!: i64", CAST(SUM(runs) AS SIGNED) AS "runs!: i64"
           FROM job_stats
           WHERE queue = ? AND minute > UTC_TIMESTAMP(6) - INTERVAL ? MINUTE AND minute <= UTC_TIMESTAMP(6)
           GROUP BY minute ORDER BY minute"#,
        queue,
        MINUTES + 1
    )
    .fetch_all(db.pool())
    .await?;
    let durations = sqlx::query!(
        r#"SELECT what, bucket, CAST(SUM(runs) AS SIGNED) AS "runs!: i64" FROM job_durations
           WHERE queue = ? AND minute > UTC_TIMESTAMP(6) - INTERVAL ? MINUTE GROUP BY what, bucket"#,
        queue,
        MINUTES + 1
    )
    .fetch_all(db.pool())
    .await?;
    let of = |what: &str| -> Vec<(u8, u64)> {
        let rows = durations.iter().filter(|row| row.what == what);
        rows.map(|row| (row.bucket, row.runs.unsigned_abs())).collect()
    };
    let slots = sqlx::query_scalar!(
        r#"SELECT CAST(COALESCE(SUM(slots), 0) AS SIGNED) AS "slots!: i64" FROM workers
           WHERE state = 'alive' AND FIND_IN_SET(?, queues) > 0"#,
        queue
    )
    .fetch_one(db.pool())
    .await?;
    // Since the first minute in which anything ended: a queue that just woke up is not measured by its sleep.
    let over = minutes.first().map_or(0, |minute| minute.age.max(1).unsigned_abs());
    Ok(Pace {
        runs: minutes.iter().map(|minute| minute.runs.unsigned_abs()).sum(),
        over: Duration::from_secs(over),
        best_minute: minutes.iter().map(|minute| minute.runs.unsigned_abs()).max().unwrap_or(0),
        slots: slots.unsigned_abs(),
        usual_run: histogram::percentile(&of("run"), 0.5),
        usual_wait: histogram::percentile(&of("wait"), 0.95),
    })
}

/// Whether nothing of this queue or kind starts at the moment.
pub async fn paused(db: &Db, queue: &str, kind: &str) -> Result<bool, DbError> {
    let pauses = sqlx::query_scalar!(
        "SELECT COUNT(*) FROM queue_pauses
         WHERE ((scope = 'queue' AND name = ?) OR (scope = 'kind' AND name = ?))
           AND (expires_at IS NULL OR expires_at > UTC_TIMESTAMP(6))",
        queue,
        kind
    )
    .fetch_one(db.pool())
    .await?;
    Ok(pauses > 0)
}
