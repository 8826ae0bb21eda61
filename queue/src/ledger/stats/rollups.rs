//! Minutes of `job_stats` and `job_durations` become hours once they are old: an hour is the row of its first minute, so
//! whoever sums up rows since some time need not know how old they are.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use db::{Db, DbError, Tx};

/// The first hour before `before` that still has minutes.
pub async fn first_unfolded(db: &Db, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, DbError> {
    let first = sqlx::query_scalar!(
        r#"SELECT MIN(minute) AS "minute: DateTime<Utc>" FROM (
             SELECT MIN(minute) AS minute FROM job_stats WHERE minute < ? AND MINUTE(minute) <> 0
             UNION ALL
             SELECT MIN(minute) FROM job_durations WHERE minute < ? AND MINUTE(minute) <> 0
           ) oldest"#,
        before,
        before
    )
    .fetch_one(db.pool())
    .await?;
    Ok(first.and_then(|first| first.duration_trunc(TimeDelta::hours(1)).ok()))
}

/// Folds the minutes of one hour into its first; returns how many rows went. Doing it again changes nothing.
pub async fn fold_hour(tx: &mut Tx, hour: DateTime<Utc>) -> Result<u64, DbError> {
    let end = hour + TimeDelta::hours(1);
    sqlx::query!(
        "INSERT INTO job_stats (minute, queue, kind, outcome, runs)
         SELECT ?, queue, kind, outcome, total FROM (
           SELECT queue, kind, outcome, SUM(runs) AS total FROM job_stats
           WHERE minute > ? AND minute < ? GROUP BY queue, kind, outcome) minutes
         ON DUPLICATE KEY UPDATE runs = runs + VALUES(runs)",
        hour,
        hour,
        end
    )
    .execute(&mut **tx)
    .await?;
    let stats =
        sqlx::query!("DELETE FROM job_stats WHERE minute > ? AND minute < ?", hour, end).execute(&mut **tx).await?;
    sqlx::query!(
        "INSERT INTO job_durations (minute, queue, kind, what, bucket, runs)
         SELECT ?, queue, kind, what, bucket, total FROM (
           SELECT queue, kind, what, bucket, SUM(runs) AS total FROM job_durations
           WHERE minute > ? AND minute < ? GROUP BY queue, kind, what, bucket) minutes
         ON DUPLICATE KEY UPDATE runs = runs + VALUES(runs)",
        hour,
        hour,
        end
    )
    .execute(&mut **tx)
    .await?;
    let durations =
        sqlx::query!("DELETE FROM job_durations WHERE minute > ? AND minute < ?", hour, end).execute(&mut **tx).await?;
    Ok(stats.rows_affected() + durations.rows_affected())
}

/// Deletes rows from before `before`, at most 1,000; returns how many.
pub async fn prune(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let stats = sqlx::query!("DELETE FROM job_stats WHERE minute < ? LIMIT 500", before).execute(db.pool()).await?;
    let durations =
        sqlx::query!("DELETE FROM job_durations WHERE minute < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(stats.rows_affected() + durations.rows_affected())
}
