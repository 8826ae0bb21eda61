//! The progress of running jobs.

use db::{Db, DbError};

use crate::ids::JobId;

/// Writes the progress; the caller limits itself to one write a second and job.
pub async fn write(db: &Db, job: JobId, done: u64, total: Option<u64>, note: &str) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO job_progress (job_id, done, total, note, updated_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))
         ON DUPLICATE KEY UPDATE done = VALUES(done), total = VALUES(total), note = VALUES(note),
                                 updated_at = VALUES(updated_at)",
        job,
        done,
        total,
        note
    )
    .execute(db.pool())
    .await?;
    Ok(())
}
