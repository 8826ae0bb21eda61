//! Jobs that were given up, by kind: what is quarantined just now, and what was discarded lately.

use chrono::{DateTime, Utc};
use db::{Db, DbError};

/// Quarantined jobs are looked at up to here.
pub const LOOKED_AT: u32 = 1_000;

/// Of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub kind: String,
    pub jobs: u64,
    /// When the newest of them was set aside.
    pub newest: Option<DateTime<Utc>>,
}

/// What is quarantined, by kind; of more than [`LOOKED_AT`] jobs some.
pub async fn quarantined(db: &Db) -> Result<Vec<Quarantined>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT kind AS "kind!", COUNT(*) AS "jobs!: i64", MAX(finished_at) AS "newest: DateTime<Utc>"
           FROM (SELECT kind, finished_at FROM jobs WHERE listed = 'quarantined' LIMIT ?) AS some
           GROUP BY kind ORDER BY kind"#,
        LOOKED_AT
    )
    .fetch_all(db.pool())
    .await?;
    let of = |jobs: i64| jobs.unsigned_abs();
    Ok(rows.into_iter().map(|row| Quarantined { kind: row.kind, jobs: of(row.jobs), newest: row.newest }).collect())
}

/// Runs that ended in a discarded job within the last sixty minutes, by kind. From the rollups, so some seconds behind and
/// roughly right.
pub async fn discarded_within_the_hour(db: &Db) -> Result<Vec<(String, u64)>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT kind, CAST(SUM(runs) AS SIGNED) AS "runs!: i64" FROM job_stats
           WHERE minute > UTC_TIMESTAMP() - INTERVAL 60 MINUTE AND outcome = 'discarded'
           GROUP BY kind ORDER BY kind"#
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.runs.unsigned_abs())).collect())
}
