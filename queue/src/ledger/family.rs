//! Parents and children of a flow. Reads only.

use db::{Db, DbError};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{self, JobRow},
};

/// The job that waits for the flow's children.
pub async fn parent_of(db: &Db, flow: Uuid) -> Result<Option<JobId>, DbError> {
    let parent = sqlx::query_scalar!(r#"SELECT parent_id AS "parent_id: Uuid" FROM flows WHERE id = ?"#, flow)
        .fetch_optional(db.pool())
        .await?;
    Ok(parent.map(JobId))
}

/// The jobs that `parent` waits or waited for, in the order they were made; at most 100.
pub async fn children_of(db: &Db, parent: JobId) -> Result<Vec<JobRow>, DbError> {
    let Some(flow) = sqlx::query_scalar!(r#"SELECT id AS "id: Uuid" FROM flows WHERE parent_id = ?"#, parent.0)
        .fetch_optional(db.pool())
        .await?
    else {
        return Ok(Vec::new());
    };
    let ids = sqlx::query_scalar!(
        r#"SELECT job_id AS "id: Uuid" FROM flow_children WHERE flow_id = ? ORDER BY job_id LIMIT 100"#,
        flow
    )
    .fetch_all(db.pool())
    .await?;
    let mut children = Vec::with_capacity(ids.len());
    for id in ids {
        children.extend(ledger::get(db, JobId(id)).await?);
    }
    Ok(children)
}
