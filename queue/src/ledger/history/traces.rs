//! What runs have said about something: errors, log lines and notes, which may quote what they met.

use db::{DbError, Tx};
use uuid::Uuid;

/// Forgets it for every job that is about this (its references): log lines and notes go, errors keep their class. Jobs that have
/// not ended keep their arguments and go on. Returns how many rows said something.
pub async fn forget(tx: &mut Tx, kind: &str, id: Uuid) -> Result<u64, DbError> {
    let mut rows = 0;
    rows += sqlx::query!(
        "DELETE l FROM job_logs l JOIN job_refs r ON r.job_id = l.job_id WHERE r.ref_type = ? AND r.ref_id = ?",
        kind,
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    rows += sqlx::query!(
        "UPDATE job_attempts a JOIN job_refs r ON r.job_id = a.job_id SET a.error = NULL
         WHERE r.ref_type = ? AND r.ref_id = ? AND a.error IS NOT NULL",
        kind,
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    rows += sqlx::query!(
        "UPDATE job_progress p JOIN job_refs r ON r.job_id = p.job_id SET p.note = ''
         WHERE r.ref_type = ? AND r.ref_id = ? AND p.note <> ''",
        kind,
        id
    )
    .execute(&mut **tx)
    .await?
    .rows_affected();
    Ok(rows)
}
