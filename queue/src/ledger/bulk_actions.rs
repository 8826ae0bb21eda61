//! One action on many jobs: what was asked for, and how far it is.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx, decode::word};
use sqlx::{Row, types::Json};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{Action, list::Filter},
};

#[derive(Clone, Debug)]
pub struct BulkAction {
    pub id: Uuid,
    pub action: Action,
    /// As asked for; only jobs in a state that the action fits are touched.
    pub filter: Filter,
    pub reason: String,
    pub actor: Option<Uuid>,
    /// Jobs a second at most.
    pub per_second: Option<u32>,
    /// Jobs that matched when it was asked for; 10,001 means more than 10,000.
    pub matched: u64,
    /// Jobs created later are left alone.
    pub until: JobId,
    /// Done up to here.
    pub cursor: Option<JobId>,
    pub changed: u64,
    /// Jobs that were in another state when their turn came.
    pub skipped: u64,
    /// The job that does it.
    pub job: JobId,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

pub async fn insert(tx: &mut Tx, bulk: &BulkAction) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO bulk_actions (id, action, filter, reason, actor_id, per_second, matched, until_id, job_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(bulk.id)
    .bind(bulk.action.as_str())
    .bind(Json(&bulk.filter))
    .bind(&bulk.reason)
    .bind(bulk.actor)
    .bind(bulk.per_second)
    .bind(bulk.matched)
    .bind(bulk.until.0)
    .bind(bulk.job.0)
    .bind(bulk.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn get(db: &Db, id: Uuid) -> Result<Option<BulkAction>, DbError> {
    let row = sqlx::query(
        "SELECT id, action, filter, reason, actor_id, per_second, matched, until_id, cursor_id, changed, skipped, job_id,
                created_at, finished_at
         FROM bulk_actions WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(BulkAction {
        id: row.try_get("id")?,
        action: word(row.try_get("action")?)?,
        filter: row.try_get::<Json<Filter>, _>("filter")?.0,
        reason: row.try_get("reason")?,
        actor: row.try_get("actor_id")?,
        per_second: row.try_get("per_second")?,
        matched: row.try_get("matched")?,
        until: JobId(row.try_get("until_id")?),
        cursor: row.try_get::<Option<Uuid>, _>("cursor_id")?.map(JobId),
        changed: row.try_get("changed")?,
        skipped: row.try_get("skipped")?,
        job: JobId(row.try_get("job_id")?),
        created_at: row.try_get("created_at")?,
        finished_at: row.try_get("finished_at")?,
    }))
}

/// Counts a step and moves on, in the step's own transaction.
pub async fn advance(tx: &mut Tx, id: Uuid, cursor: JobId, changed: u64, skipped: u64) -> Result<(), DbError> {
    sqlx::query("UPDATE bulk_actions SET cursor_id = ?, changed = changed + ?, skipped = skipped + ? WHERE id = ?")
        .bind(cursor.0)
        .bind(changed)
        .bind(skipped)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// It was cancelled or given up before it had been through all of them; what it has done by then. `None` when it had
/// ended before.
pub async fn stop(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<Stopped>, DbError> {
    let row: Option<(String, u64, u64)> = sqlx::query_as(
        "SELECT action, changed, skipped FROM bulk_actions WHERE id = ? AND finished_at IS NULL FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let Some((action, changed, skipped)) = row else { return Ok(None) };
    sqlx::query("UPDATE bulk_actions SET stopped_at = ? WHERE id = ?").bind(now).bind(id).execute(&mut **tx).await?;
    Ok(Some(Stopped { action: word(&action)?, changed, skipped }))
}

/// How far a bulk action had come.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    pub action: Action,
    pub changed: u64,
    pub skipped: u64,
}

/// It has been through all of them; false when that was so before.
pub async fn finish(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done =
        sqlx::query("UPDATE bulk_actions SET finished_at = ?, stopped_at = NULL WHERE id = ? AND finished_at IS NULL")
            .bind(now)
            .bind(id)
            .execute(&mut **tx)
            .await?;
    Ok(done.rows_affected() == 1)
}
