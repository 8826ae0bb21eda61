//! Checkpoints: how far a job's work is, kept for its next attempt.

use db::{Db, DbError, Tx};
use serde_json::Value;
use sqlx::types::Json;

use crate::{
    ids::JobId,
    ledger::{Fence, Fenced},
};

/// Largest position, in bytes of JSON: a cursor, not a result.
pub const POSITION_LIMIT: usize = 4 * 1024;

/// Keeps the position of the run that holds the job; it commits with `tx`.
pub(crate) async fn write(tx: &mut Tx, fence: &Fence, version: u16, position: &Value) -> Result<(), Fenced> {
    let written = sqlx::query!(
        "INSERT INTO job_checkpoints (job_id, version, position, updated_at)
         SELECT id, ?, ?, UTC_TIMESTAMP(6) FROM jobs WHERE id = ? AND token = ? AND runs = ? AND state = 'running'
         ON DUPLICATE KEY UPDATE version = VALUES(version), position = VALUES(position), updated_at = VALUES(updated_at)",
        version,
        Json(position),
        fence.job,
        fence.token,
        fence.run
    )
    .execute(&mut **tx)
    .await?;
    if written.rows_affected() == 0 { Err(Fenced::Lost) } else { Ok(()) }
}

/// Where an earlier attempt of a build with the same version of arguments stopped.
pub(crate) async fn read(db: &Db, job: JobId, version: u16) -> Result<Option<Value>, DbError> {
    let position = sqlx::query_scalar!(
        r#"SELECT position AS "position: Json<Value>" FROM job_checkpoints WHERE job_id = ? AND version = ?"#,
        job,
        version
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(position.map(|position| position.0))
}

/// The job begins anew.
pub(crate) async fn forget(tx: &mut Tx, job: JobId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM job_checkpoints WHERE job_id = ?", job).execute(&mut **tx).await?;
    Ok(())
}
