//! What jobs are about: the things of jobs, and the jobs about a thing that have not ended.

use db::{Db, DbError, Tx};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::{ids::JobId, ledger::push_ids};

/// The things of a kind that these jobs declared to be about.
pub async fn subjects(db: &Db, jobs: &[JobId], kind: &str) -> Result<Vec<(JobId, Uuid)>, DbError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT job_id, ref_id FROM job_refs WHERE job_id IN (");
    push_ids(&mut query, jobs);
    query.push(") AND ref_type = ").push_bind(kind.to_owned());
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// Children of flows before their parents, as completions take their locks; at most 200.
pub async fn unfinished_about(tx: &mut Tx, kind: &str, id: Uuid) -> Result<Vec<JobId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT j.id AS "id: JobId" FROM job_refs r JOIN jobs j ON j.id = r.job_id
           WHERE r.ref_type = ? AND r.ref_id = ?
             AND j.state IN ('available', 'scheduled', 'running', 'retryable', 'waiting', 'blocked')
           ORDER BY j.flow_id IS NULL, j.id LIMIT 200"#,
        kind,
        id
    )
    .fetch_all(&mut **tx)
    .await?)
}
