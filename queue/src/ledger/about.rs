//! The jobs about a thing that have not ended.

use db::{DbError, Tx};
use uuid::Uuid;

use crate::ids::JobId;

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
