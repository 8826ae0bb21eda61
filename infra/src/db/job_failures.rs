//! Which jobs failed with what: the newest failure of each job that has not completed since.

use domain::ids::JobId;

use super::{DbError, Tx};

/// Written with the outcome, so that a group's jobs are those the ledger holds.
pub(crate) async fn remember(tx: &mut Tx, job: JobId, fingerprint: [u8; 16], given_up: bool) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO job_failures (fingerprint, given_up, job_id) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE fingerprint = VALUES(fingerprint), given_up = VALUES(given_up)",
    )
    .bind(fingerprint.as_slice())
    .bind(given_up)
    .bind(job.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The job completed or was cancelled: it is no failure any more.
pub(crate) async fn forget(tx: &mut Tx, job: JobId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM job_failures WHERE job_id = ?").bind(job.0).execute(&mut **tx).await?;
    Ok(())
}
