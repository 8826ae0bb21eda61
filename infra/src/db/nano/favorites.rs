//! What people want to find again; `nano_totals.rs` counts it.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{NanoId, UserId};

use super::nano_totals;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Favorite {
    pub nano_id: NanoId,
    pub created_at: DateTime<Utc>,
}

/// Adds one and counts it; false when it was there.
pub async fn add(tx: &mut Tx, user: UserId, nano: NanoId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done =
        sqlx::query!("INSERT IGNORE INTO favorites (user_id, nano_id, created_at) VALUES (?, ?, ?)", user, nano, now)
            .execute(&mut **tx)
            .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    nano_totals::count_favorite(tx, nano, 1).await?;
    Ok(true)
}

/// Takes one away and counts it; false when there was none.
pub async fn remove(tx: &mut Tx, user: UserId, nano: NanoId) -> Result<bool, DbError> {
    let done =
        sqlx::query!("DELETE FROM favorites WHERE user_id = ? AND nano_id = ?", user, nano).execute(&mut **tx).await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    nano_totals::count_favorite(tx, nano, -1).await?;
    Ok(true)
}

/// Whether this is one of theirs.
pub async fn has(db: &Db, user: UserId, nano: NanoId) -> Result<bool, DbError> {
    let found = sqlx::query_scalar!(
        r#"SELECT 1 AS "found!: i64" FROM favorites WHERE user_id = ? AND nano_id = ?"#,
        user,
        nano
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(found.is_some())
}

/// Somebody's favourites, the newest first, and how many there are.
pub async fn page(db: &Db, user: UserId, offset: u64, limit: u32) -> Result<(Vec<Favorite>, u64), DbError> {
    let total = count(db, user).await?;
    let page = sqlx::query_as!(
        Favorite,
        r#"SELECT nano_id AS "nano_id: NanoId", created_at AS "created_at: DateTime<Utc>" FROM favorites
           WHERE user_id = ? ORDER BY created_at DESC, nano_id DESC LIMIT ? OFFSET ?"#,
        user,
        limit,
        offset
    )
    .fetch_all(db.pool())
    .await?;
    Ok((page, total))
}

/// How many somebody has.
pub async fn count(db: &Db, user: UserId) -> Result<u64, DbError> {
    let total = sqlx::query_scalar!(r#"SELECT COUNT(*) AS "total!: i64" FROM favorites WHERE user_id = ?"#, user)
        .fetch_one(db.pool())
        .await?;
    Ok(total.unsigned_abs())
}
