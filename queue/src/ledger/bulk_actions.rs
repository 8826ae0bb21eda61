//! One action on many jobs: what was asked for, and how far it is.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use sqlx::{QueryBuilder, types::Json};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{Action, State, list::Filter, push_ids},
};

#[derive(Clone, Debug)]
pub struct BulkAction {
    pub id: Uuid,
    pub action: Action,
    /// As asked for; only jobs in a state that the action fits are touched.
    pub filter: Json<Filter>,
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
    sqlx::query!("INSERT INTO bulk_actions (id, action, filter, reason, actor_id, per_second, matched, until_id, job_id, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", bulk.id, bulk.action, bulk.filter, bulk.reason, bulk.actor, bulk.per_second, bulk.matched, bulk.until, bulk.job, bulk.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

macro_rules! select {
    ($tail:tt $(, $arg:expr)*) => {
        sqlx::query_as!(
            BulkAction,
            r#"SELECT id AS "id: Uuid", action AS "action: Action", filter AS "filter: Json<Filter>", reason,
                      actor_id AS "actor: Uuid", per_second, matched, until_id AS "until: JobId", cursor_id AS "cursor: JobId",
                      changed, skipped, job_id AS "job: JobId", created_at AS "created_at: DateTime<Utc>",
                      finished_at AS "finished_at: DateTime<Utc>"
               FROM bulk_actions "#
                + $tail
            $(, $arg)*
        )
    };
}

pub async fn get(db: &Db, id: Uuid) -> Result<Option<BulkAction>, DbError> {
    Ok(select!("WHERE id = ?", id).fetch_optional(db.pool()).await?)
}

/// The newest that are older than `before`, each with the state of its job where that is still there.
pub async fn page(db: &Db, before: Option<Uuid>, limit: u32) -> Result<Vec<(BulkAction, Option<State>)>, DbError> {
    let before = before.unwrap_or(Uuid::max());
    let bulks = select!("WHERE id < ? ORDER BY id DESC LIMIT ?", before, limit).fetch_all(db.pool()).await?;
    if bulks.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<JobId> = bulks.iter().map(|bulk| bulk.job).collect();
    let mut query = QueryBuilder::new("SELECT id, state FROM jobs WHERE id IN (");
    push_ids(&mut query, &ids);
    query.push(")");
    let states: Vec<(JobId, State)> = query.build_query_as().fetch_all(db.pool()).await?;
    let state = |job: JobId| states.iter().find(|(id, _)| *id == job).map(|(_, state)| *state);
    Ok(bulks
        .into_iter()
        .map(|bulk| {
            let state = state(bulk.job);
            (bulk, state)
        })
        .collect())
}

/// Counts a step and moves on, in the step's own transaction.
pub async fn advance(tx: &mut Tx, id: Uuid, cursor: JobId, changed: u64, skipped: u64) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE bulk_actions SET cursor_id = ?, changed = changed + ?, skipped = skipped + ? WHERE id = ?",
        cursor,
        changed,
        skipped,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It was cancelled or given up before it had been through all of them; what it has done by then. `None` when it had
/// ended before.
pub async fn stop(tx: &mut Tx, id: Uuid, now: DateTime<Utc>) -> Result<Option<Stopped>, DbError> {
    let stopped = sqlx::query_as!(
        Stopped,
        r#"SELECT action AS "action: Action", changed, skipped
           FROM bulk_actions WHERE id = ? AND finished_at IS NULL FOR UPDATE"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?;
    if stopped.is_some() {
        sqlx::query!("UPDATE bulk_actions SET stopped_at = ? WHERE id = ?", now, id).execute(&mut **tx).await?;
    }
    Ok(stopped)
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
    let done = sqlx::query!(
        "UPDATE bulk_actions SET finished_at = ?, stopped_at = NULL WHERE id = ? AND finished_at IS NULL",
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
