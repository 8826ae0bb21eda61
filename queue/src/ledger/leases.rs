//! The leases of work that one worker process does for the whole fleet: dispatching a queue, and rescuing.
//!
//! A lease held by two for a moment, or by nobody for some seconds, costs time and never correctness.

use std::collections::HashSet;

use db::{Db, DbError};
use sqlx::QueryBuilder;

use crate::ids::WorkerId;

/// Seconds without a renewal after which another worker takes over.
const SECONDS: u32 = 3;

/// What a worker saw of the leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The names that it holds now.
    pub held: HashSet<String>,
    /// Nobody has moved the queue's clock on for two seconds.
    pub clock_stands_still: bool,
}

/// Renews the leases this worker holds and takes those nobody holds.
pub async fn hold(db: &Db, worker: WorkerId, names: &[String]) -> Result<Look, DbError> {
    let rows = sqlx::query!(
        r#"SELECT l.name AS "name?", l.holder AS "holder?: WorkerId",
                  ABS(TIMESTAMPDIFF(SECOND, l.renewed_at, UTC_TIMESTAMP(6))) >= ? AS "expired: bool",
                  ABS(TIMESTAMPDIFF(SECOND, c.ticked_at, UTC_TIMESTAMP(6))) >= 2 AS "still!: bool"
           FROM queue_clock c LEFT JOIN queue_leases l ON TRUE WHERE c.id = 1"#,
        SECONDS
    )
    .fetch_all(db.pool())
    .await?;
    let clock_stands_still = rows.iter().any(|row| row.still);
    // Those that others hold are left alone: a write for each worker and second would be a lot for nothing.
    let wanted: Vec<&String> = names
        .iter()
        .filter(|name| {
            let row = rows.iter().find(|row| row.name.as_ref() == Some(*name));
            row.is_none_or(|row| row.holder == Some(worker) || row.expired != Some(false))
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Look { held: HashSet::new(), clock_stands_still });
    }
    let mut take = QueryBuilder::new("INSERT INTO queue_leases (name, holder, renewed_at) ");
    take.push_values(&wanted, |mut row, name| {
        row.push_bind(name.as_str()).push_bind(worker).push("UTC_TIMESTAMP(6)");
    });
    // Assignments run from left to right: the time is set for whoever holds it then.
    take.push(" ON DUPLICATE KEY UPDATE holder = IF(ABS(TIMESTAMPDIFF(SECOND, renewed_at, UTC_TIMESTAMP(6))) >= ");
    take.push_bind(SECONDS);
    take.push(", VALUES(holder), holder), renewed_at = IF(holder = VALUES(holder), UTC_TIMESTAMP(6), renewed_at)");
    take.build().execute(db.pool()).await?;
    let held =
        sqlx::query_scalar!("SELECT name FROM queue_leases WHERE holder = ?", worker).fetch_all(db.pool()).await?;
    Ok(Look { held: held.into_iter().collect(), clock_stands_still })
}

/// Lets go of everything a worker holds, so that others need not wait for it.
pub async fn release(db: &Db, worker: WorkerId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM queue_leases WHERE holder = ?", worker).execute(db.pool()).await?;
    Ok(())
}
