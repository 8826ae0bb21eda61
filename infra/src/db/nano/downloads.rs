//! Downloads: one row for each nano, person and day; only the first of them on a day adds to the nano's count.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::ids::{NanoId, UserId};

/// Records a download. True when it is this person's first of the nano on this day (UTC).
pub async fn record(tx: &mut Tx, nano: NanoId, user: UserId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "INSERT IGNORE INTO downloads (nano_id, user_id, day, created_at) VALUES (?, ?, ?, ?)",
        nano,
        user,
        now.date_naive(),
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
