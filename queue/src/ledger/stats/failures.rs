//! The newest failure of each job that has not completed since.

use db::{DbError, Tx};
use sqlx::QueryBuilder;

use crate::{
    ids::JobId,
    ledger::{list::Fingerprint, push_ids, stats::cause::fingerprint},
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

/// What the group of jobs that were lost too often says.
const LOST: &str = "lost with its worker process too often";

/// Those of `ids` that were lost with their workers too often are a group of failures of their kind.
pub(crate) async fn remember_lost(tx: &mut Tx, ids: &[JobId]) -> Result<(), DbError> {
    let mut select = QueryBuilder::<sqlx::MySql>::new("SELECT kind, id FROM jobs WHERE id IN (");
    push_ids(&mut select, ids);
    select.push(") AND state = 'quarantined' ORDER BY kind, id");
    let lost: Vec<(String, JobId)> = select.build_query_as().fetch_all(&mut **tx).await?;
    for group in lost.chunk_by(|(kind, _), (next, _)| kind == next) {
        let kind = &group[0].0;
        let ids: Vec<JobId> = group.iter().map(|(_, id)| *id).collect();
        remember_group(tx, kind, fingerprint(kind, "lost", LOST), &ids).await?;
    }
    Ok(())
}

async fn remember_group(tx: &mut Tx, kind: &str, group: Fingerprint, ids: &[JobId]) -> Result<(), DbError> {
    let mut jobs = QueryBuilder::<sqlx::MySql>::new("INSERT INTO job_failures (fingerprint, given_up, job_id) ");
    jobs.push_values(ids, |mut row, id| {
        row.push_bind(group).push("TRUE").push_bind(*id);
    });
    jobs.push(" ON DUPLICATE KEY UPDATE fingerprint = VALUES(fingerprint), given_up = TRUE");
    jobs.build().execute(&mut **tx).await?;

    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    sqlx::query!(
        "INSERT INTO job_errors (fingerprint, kind, class, message, failures, first_seen, last_seen, first_version,
                                 last_version, last_job)
         VALUES (?, ?, 'lost', ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), '', '', ?)
         ON DUPLICATE KEY UPDATE failures = failures + VALUES(failures), last_seen = VALUES(last_seen),
                                 last_job = VALUES(last_job)",
        group,
        kind,
        LOST,
        count,
        ids.last()
    )
    .execute(&mut **tx)
    .await?;

    let mut own = QueryBuilder::<sqlx::MySql>::new("UPDATE jobs SET error_fingerprint = ");
    own.push_bind(group).push(" WHERE id IN (");
    push_ids(&mut own, ids);
    own.push(") AND state = 'quarantined'");
    own.build().execute(&mut **tx).await?;
    Ok(())
}
