//! Parents and children of a flow. Reads only.

use db::{Db, DbError};
use uuid::Uuid;

use crate::{
    ids::{FlowId, JobId},
    ledger::{self, JobRow},
};

/// The job that waits for the flow's children.
pub async fn parent_of(db: &Db, flow: FlowId) -> Result<Option<JobId>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT parent_id AS "parent_id: JobId" FROM flows WHERE id = ?"#, flow)
        .fetch_optional(db.pool())
        .await?)
}

/// The jobs that `parent` waits or waited for, in the order they were made; at most 100.
pub async fn children_of(db: &Db, parent: JobId) -> Result<Vec<JobRow>, DbError> {
    let Some(flow) = sqlx::query_scalar!(r#"SELECT id AS "id: Uuid" FROM flows WHERE parent_id = ?"#, parent)
        .fetch_optional(db.pool())
        .await?
    else {
        return Ok(Vec::new());
    };
    let ids = sqlx::query_scalar!(
        r#"SELECT job_id AS "id: JobId" FROM flow_children WHERE flow_id = ? ORDER BY job_id LIMIT 100"#,
        flow
    )
    .fetch_all(db.pool())
    .await?;
    let mut children = Vec::with_capacity(ids.len());
    for id in ids {
        children.extend(ledger::get(db, id).await?);
    }
    Ok(children)
}

/// The jobs behind `after` that `parent` waits for and that have not ended, or that have and wait for others themselves; at most
/// 500.
pub async fn unfinished_children(db: &Db, parent: JobId, after: JobId) -> Result<Vec<JobId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT c.job_id AS "job_id: JobId" FROM flows f
           JOIN flow_children c ON c.flow_id = f.id AND c.job_id > ?
           JOIN jobs j ON j.id = c.job_id
           WHERE f.parent_id = ? AND (j.state NOT IN ('completed', 'cancelled', 'discarded', 'quarantined')
             OR EXISTS (SELECT 1 FROM flows g WHERE g.parent_id = j.id AND g.pending > 0))
           ORDER BY c.job_id LIMIT 500"#,
        after,
        parent
    )
    .fetch_all(db.pool())
    .await?)
}

/// Whether a child that `parent` waits for is given up.
pub async fn misses_children(db: &Db, parent: JobId) -> Result<bool, DbError> {
    let missing = sqlx::query_scalar!(
        r#"SELECT c.job_id AS "job_id: JobId" FROM flows f JOIN flow_children c ON c.flow_id = f.id AND NOT c.done
           JOIN jobs j ON j.id = c.job_id AND j.state IN ('cancelled', 'discarded', 'quarantined')
           WHERE f.parent_id = ? LIMIT 1"#,
        parent
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(missing.is_some())
}

/// The children that count as done although they were given up, in the order they were made.
pub async fn given_up_children(db: &Db, parent: JobId) -> Result<Vec<JobId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT c.job_id AS "job_id: JobId" FROM flows f JOIN flow_children c ON c.flow_id = f.id AND c.given_up
           LEFT JOIN jobs j ON j.id = c.job_id
           WHERE (j.state IS NULL OR j.state <> 'completed') AND f.parent_id = ? ORDER BY c.job_id"#,
        parent
    )
    .fetch_all(db.pool())
    .await?)
}
