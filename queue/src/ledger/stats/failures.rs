//! The newest failure of each job that has not completed since.

use db::{DbError, Tx};
use sqlx::QueryBuilder;

use crate::{
    ids::JobId,
    ledger::{list::Fingerprint, push_ids},
};

/// Written with the outcome, so that a group's jobs are those the ledger holds.
pub(crate) async fn remember(tx: &mut Tx, job: JobId, fingerprint: Fingerprint, given_up: bool) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO job_failures (fingerprint, given_up, job_id) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE fingerprint = VALUES(fingerprint), given_up = VALUES(given_up)",
        fingerprint,
        given_up,
        job
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The job completed or was cancelled: it is no failure any more.
pub(crate) async fn forget(tx: &mut Tx, job: JobId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM job_failures WHERE job_id = ?", job).execute(&mut **tx).await?;
    Ok(())
}

/// Those of `ids` that were lost with their workers too often are a group of failures of their kind.
pub(crate) async fn remember_lost(tx: &mut Tx, ids: &[JobId]) -> Result<(), DbError> {
    for (statement, end) in [
        (
            "INSERT INTO job_failures (fingerprint, given_up, job_id)
             SELECT UNHEX(MD5(CONCAT(kind, ' lost'))), TRUE, id FROM jobs WHERE id IN (",
            ") AND state = 'quarantined'
             ON DUPLICATE KEY UPDATE fingerprint = VALUES(fingerprint), given_up = TRUE",
        ),
        (
            "INSERT INTO job_errors (fingerprint, kind, class, message, failures, first_seen, last_seen, first_version,
                                     last_version, last_job)
             SELECT UNHEX(MD5(CONCAT(kind, ' lost'))), kind, 'lost', 'lost with its worker process too often', 1,
                    UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), '', '', id FROM jobs WHERE id IN (",
            ") AND state = 'quarantined'
             ON DUPLICATE KEY UPDATE failures = job_errors.failures + 1, last_seen = VALUES(last_seen), last_job = VALUES(last_job)",
        ),
        (
            "UPDATE jobs SET error_fingerprint = UNHEX(MD5(CONCAT(kind, ' lost'))) WHERE id IN (",
            ") AND state = 'quarantined'",
        ),
    ] {
        let mut query = QueryBuilder::<sqlx::MySql>::new(statement);
        push_ids(&mut query, ids);
        query.push(end);
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}
