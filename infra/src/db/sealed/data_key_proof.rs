//! The proof of the data key: a word that was sealed with it.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};

pub async fn get(db: &Db) -> Result<Option<Vec<u8>>, DbError> {
    Ok(sqlx::query_scalar!("SELECT sealed FROM data_key_proof WHERE id = 1").fetch_optional(db.pool()).await?)
}

/// Keeps the first one; of several processes that start at once, one is the first.
pub async fn keep(db: &Db, sealed: &[u8], now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("INSERT IGNORE INTO data_key_proof (id, sealed, updated_at) VALUES (1, ?, ?)", sealed, now)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// From now on another key is the one of this database.
pub async fn replace(tx: &mut Tx, sealed: &[u8], now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO data_key_proof (id, sealed, updated_at) VALUES (1, ?, ?)
         ON DUPLICATE KEY UPDATE sealed = VALUES(sealed), updated_at = VALUES(updated_at)",
        sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
