//! What keeps the ledger tidy: jobs of dead workers go back, old rows go away. Small steps, primary keys only.

use domain::ids::{JobId, WorkerId};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{push_ids, sorted};
use crate::db::{Db, DbError};

/// Runs lost with their process cost a job nothing, but one that was lost this often is set aside: the backstop
/// against a job that takes every worker down.
const LOST_LIMIT: u32 = 20;

/// At most this many rows a step.
const STEP: u32 = 500;

/// Puts jobs of a worker that is dead or stopped back; returns how many (at most 500).
pub async fn reap_jobs_of(db: &Db, worker: WorkerId) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: Uuid" FROM jobs WHERE worker_id = ? AND state = 'running'
           ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED"#,
        worker.0,
        STEP
    )
    .fetch_all(&mut *tx)
    .await?;
    let ids = sorted(ids.into_iter().map(JobId).collect());
    if ids.is_empty() {
        return Ok(0);
    }
    let mut attempts = QueryBuilder::new(
        "INSERT INTO job_attempts (job_id, run, worker_id, outcome, error_class, error, started_at, finished_at)
         SELECT id, runs, worker_id, 'lost', 'lost', 'the worker process died', started_at, UTC_TIMESTAMP(6)
         FROM jobs WHERE id IN (",
    );
    push_ids(&mut attempts, &ids);
    attempts.push(") ON DUPLICATE KEY UPDATE outcome = 'lost'");
    attempts.build().execute(&mut *tx).await?;

    let mut update = QueryBuilder::new("UPDATE jobs SET state = IF(lost + 1 >= ");
    update.push_bind(LOST_LIMIT).push(
        ", 'quarantined', 'available'), finished_at = IF(state = 'quarantined', UTC_TIMESTAMP(6), NULL),
             unique_live = IF(state = 'quarantined', NULL, unique_live), lost = lost + 1, worker_id = NULL,
             again = FALSE WHERE id IN (",
    );
    push_ids(&mut update, &ids);
    update.push(") AND state = 'running'");
    let reaped = update.build().execute(&mut *tx).await?.rows_affected();
    tx.commit().await?;
    Ok(reaped)
}

/// The running jobs a worker owns according to the ledger: what it does not know of, it hands back.
pub async fn owned_by(db: &Db, worker: WorkerId) -> Result<Vec<super::Fence>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: Uuid", token AS "token!: Uuid", runs FROM jobs
           WHERE worker_id = ? AND state = 'running'"#,
        worker.0
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| super::Fence { job: JobId(row.id), token: row.token, run: row.runs, worker })
        .collect())
}

/// Deletes terminal jobs that ended more than `days` ago; returns how many (at most 500).
pub async fn prune(db: &Db, days: u32) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let mut ids = Vec::new();
    for state in ["completed", "cancelled", "discarded"] {
        ids.extend(
            sqlx::query_scalar!(
                r#"SELECT id AS "id: Uuid" FROM jobs
                   WHERE state = ? AND run_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
                     AND finished_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY
                   ORDER BY run_at LIMIT ? FOR UPDATE SKIP LOCKED"#,
                state,
                days,
                days,
                STEP
            )
            .fetch_all(&mut *tx)
            .await?
            .into_iter()
            .map(JobId),
        );
        if ids.len() >= STEP as usize {
            break;
        }
    }
    let ids = sorted(ids);
    if ids.is_empty() {
        return Ok(0);
    }
    // The flow of a pruned parent goes with it; children's rows point to a flow that is done.
    for (table, column) in [
        ("job_payloads", "job_id"),
        ("job_progress", "job_id"),
        ("job_logs", "job_id"),
        ("job_refs", "job_id"),
        ("job_attempts", "job_id"),
        ("flows", "parent_id"),
        ("jobs", "id"),
    ] {
        let mut delete = QueryBuilder::new("DELETE FROM ");
        delete.push(table).push(" WHERE ").push(column).push(" IN (");
        push_ids(&mut delete, &ids);
        delete.push(")");
        delete.build().execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(ids.len() as u64)
}
