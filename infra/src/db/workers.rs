//! Worker incarnations: who is alive, by the ticks of the queue's clock.

use domain::ids::WorkerId;
use uuid::Uuid;

use super::{Db, DbError};

/// Ticks (about seconds) without a heartbeat until an incarnation counts as dead.
pub const LEASE_TICKS: u64 = 8;

/// One life of a worker process.
#[derive(Clone, Debug)]
pub struct NewWorker {
    pub id: WorkerId,
    /// Host and process id, for people.
    pub name: String,
    pub version: String,
    /// Comma-separated.
    pub queues: String,
}

pub async fn register(db: &Db, worker: &NewWorker) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO workers (id, name, version, queues, seen_tick, started_at, seen_at)
         SELECT ?, ?, ?, ?, tick, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM queue_clock WHERE id = 1",
        worker.id.0,
        worker.name,
        worker.version,
        worker.queues
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Moves the clock on, at most one tick per second of database time, and renews the lease. False when the
/// incarnation counts as dead: everything it runs has been given to others.
pub async fn heartbeat(db: &Db, id: WorkerId) -> Result<bool, DbError> {
    // A clock set back would stop the ticks until it catches up; a time in the future starts over instead.
    sqlx::query!(
        "UPDATE queue_clock SET tick = tick + 1, ticked_at = UTC_TIMESTAMP(6)
         WHERE id = 1 AND (ticked_at <= UTC_TIMESTAMP(6) - INTERVAL 1 SECOND OR ticked_at > UTC_TIMESTAMP(6))"
    )
    .execute(db.pool())
    .await?;
    let renewed = sqlx::query!(
        "UPDATE workers SET seen_at = UTC_TIMESTAMP(6), seen_tick = (SELECT tick FROM queue_clock WHERE id = 1)
         WHERE id = ? AND state IN ('alive', 'draining')",
        id.0
    )
    .execute(db.pool())
    .await?;
    Ok(renewed.rows_affected() == 1)
}

/// The worker takes no new jobs any more.
pub async fn drain(db: &Db, id: WorkerId) -> Result<(), DbError> {
    sqlx::query!("UPDATE workers SET state = 'draining' WHERE id = ? AND state = 'alive'", id.0)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// The worker ended in good order.
pub async fn stop(db: &Db, id: WorkerId) -> Result<(), DbError> {
    sqlx::query!("UPDATE workers SET state = 'stopped' WHERE id = ? AND state IN ('alive', 'draining')", id.0)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Marks incarnations dead whose lease has run out; returns how many.
pub async fn bury(db: &Db) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let expired = sqlx::query_scalar!(
        r#"SELECT id AS "id: Uuid" FROM workers
           WHERE state IN ('alive', 'draining') AND seen_tick + ? < (SELECT tick FROM queue_clock WHERE id = 1)
           ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED"#,
        LEASE_TICKS
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut buried = 0;
    for id in expired {
        buried += sqlx::query!("UPDATE workers SET state = 'dead' WHERE id = ? AND state IN ('alive', 'draining')", id)
            .execute(&mut *tx)
            .await?
            .rows_affected();
    }
    tx.commit().await?;
    Ok(buried)
}

/// Dead or stopped incarnations that still own running jobs.
pub async fn dead_with_jobs(db: &Db) -> Result<Vec<WorkerId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT j.worker_id AS "worker_id!: Uuid" FROM jobs j JOIN workers w ON w.id = j.worker_id
           WHERE w.state IN ('dead', 'stopped') LIMIT 100"#
    )
    .fetch_all(db.pool())
    .await?
    .into_iter()
    .map(WorkerId)
    .collect())
}

/// Whether a living worker takes jobs of this queue.
pub async fn takes(db: &Db, queue: &str) -> Result<bool, DbError> {
    let found =
        sqlx::query_scalar!("SELECT COUNT(*) FROM workers WHERE state = 'alive' AND FIND_IN_SET(?, queues) > 0", queue)
            .fetch_one(db.pool())
            .await?;
    Ok(found > 0)
}

/// Forgets incarnations that ended more than a day ago.
pub async fn prune(db: &Db) -> Result<u64, DbError> {
    Ok(sqlx::query!(
        "DELETE FROM workers WHERE state IN ('dead', 'stopped') AND seen_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY LIMIT 500"
    )
    .execute(db.pool())
    .await?
    .rows_affected())
}
