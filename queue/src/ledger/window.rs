//! Unique windows: the job that stands for its key until a time, also once it has completed.

use std::time::Duration;

use db::{DbError, Tx};

use crate::{ids::JobId, ledger::State};

/// Who stands for a key.
pub(super) struct Standing {
    pub(super) job: JobId,
    /// `None` once it was pruned.
    pub(super) state: Option<State>,
}

/// Who stands for the key just now; otherwise `new` does from now on, and the answer is `None`. Others who ask wait until the
/// transaction ends.
pub(super) async fn stands(
    tx: &mut Tx,
    hash: &[u8],
    new: JobId,
    window: Duration,
) -> Result<Option<Standing>, DbError> {
    let micros = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
    // Whoever comes second waits here, instead of sharing a lock that neither could turn into the one it needs.
    sqlx::query!(
        "INSERT INTO unique_windows (unique_hash, job_id, until_at)
         VALUES (?, ?, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND) ON DUPLICATE KEY UPDATE job_id = job_id",
        hash,
        new,
        micros
    )
    .execute(&mut **tx)
    .await?;
    let row = sqlx::query!(
        r#"SELECT w.job_id AS "job: JobId", w.until_at > UTC_TIMESTAMP(6) AS "open!: bool", j.state AS "state?: State"
           FROM unique_windows w LEFT JOIN jobs j ON j.id = w.job_id WHERE w.unique_hash = ?"#,
        hash
    )
    .fetch_one(&mut **tx)
    .await?;
    if row.job == new {
        return Ok(None);
    }
    let given_up = matches!(row.state, Some(State::Cancelled | State::Discarded | State::Quarantined));
    if row.open && !given_up {
        return Ok(Some(Standing { job: row.job, state: row.state }));
    }
    sqlx::query!(
        "UPDATE unique_windows SET job_id = ?, until_at = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE unique_hash = ?",
        new,
        micros,
        hash
    )
    .execute(&mut **tx)
    .await?;
    Ok(None)
}

/// A job of the key was live already, longer than its own window: it stands for it.
pub(super) async fn is_of(tx: &mut Tx, hash: &[u8], job: JobId) -> Result<(), DbError> {
    sqlx::query!("UPDATE unique_windows SET job_id = ? WHERE unique_hash = ?", job, hash).execute(&mut **tx).await?;
    Ok(())
}
