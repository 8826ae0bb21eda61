//! The scheduler's memory: which tick of which entry has become a job.

use chrono::{DateTime, Utc};
use domain::ids::JobId;

use super::{Db, DbError, Tx};

/// Database time: replicas go by it, not by their own clocks.
pub async fn now(db: &Db) -> Result<DateTime<Utc>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT UTC_TIMESTAMP(6) AS "now: DateTime<Utc>""#).fetch_one(db.pool()).await?)
}

/// The same inside a transaction.
pub async fn now_in(tx: &mut Tx) -> Result<DateTime<Utc>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT UTC_TIMESTAMP(6) AS "now: DateTime<Utc>""#).fetch_one(&mut **tx).await?)
}

/// When the entry last fired; an entry seen for the first time counts as having fired `now`.
pub async fn last_due(db: &Db, entry: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, DbError> {
    sqlx::query!("INSERT IGNORE INTO cron_entries (name, last_due) VALUES (?, ?)", entry, now)
        .execute(db.pool())
        .await?;
    Ok(sqlx::query_scalar!(r#"SELECT last_due AS "last_due: DateTime<Utc>" FROM cron_entries WHERE name = ?"#, entry)
        .fetch_one(db.pool())
        .await?)
}

/// Takes one tick for this replica: true for exactly one caller per (entry, due), however many replicas try. The
/// job goes into the same transaction.
pub async fn take_tick(
    tx: &mut Tx,
    entry: &str,
    last_due: DateTime<Utc>,
    due: DateTime<Utc>,
    job: JobId,
) -> Result<bool, DbError> {
    let moved =
        sqlx::query!("UPDATE cron_entries SET last_due = ? WHERE name = ? AND last_due = ?", due, entry, last_due)
            .execute(&mut **tx)
            .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    let taken = sqlx::query!(
        "INSERT IGNORE INTO cron_ticks (entry, due, job_id, created_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
        entry,
        due,
        job.0
    )
    .execute(&mut **tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Makes an entry look as if it had fired last this much earlier, so that it is due.
pub async fn set_back(db: &Db, entry: &str, by: chrono::TimeDelta) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE cron_entries SET last_due = last_due - INTERVAL ? SECOND WHERE name = ?",
        by.num_seconds(),
        entry
    )
    .execute(db.pool())
    .await?;
    Ok(())
}
