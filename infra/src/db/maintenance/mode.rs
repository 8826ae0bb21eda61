//! The read-only maintenance mode: whether it is on, and why.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use uuid::Uuid;

/// The mode, while it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// For everybody to read.
    pub reason: String,
    /// When writes are worth another try.
    pub retry_after_seconds: u32,
    /// Who turned it on; nobody: the command line.
    pub actor: Option<Uuid>,
    pub began_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt) => {
        sqlx::query_as!(
            Mode,
            r#"SELECT reason, retry_after_seconds, actor_id AS "actor: Uuid", began_at AS "began_at: DateTime<Utc>"
               FROM maintenance_mode WHERE id = 1"#
                + $tail
        )
    };
}

pub async fn get(db: &Db) -> Result<Option<Mode>, DbError> {
    Ok(select!("").fetch_optional(db.pool()).await?)
}

/// The mode, locked until the transaction ends.
pub async fn lock(tx: &mut Tx) -> Result<Option<Mode>, DbError> {
    Ok(select!(" FOR UPDATE").fetch_optional(&mut **tx).await?)
}

/// Turns it on, or changes why and for how long; since when stays.
pub async fn put(tx: &mut Tx, mode: &Mode) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO maintenance_mode (id, reason, retry_after_seconds, actor_id, began_at) VALUES (1, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE reason = VALUES(reason), retry_after_seconds = VALUES(retry_after_seconds),
           actor_id = VALUES(actor_id)",
        mode.reason,
        mode.retry_after_seconds,
        mode.actor,
        mode.began_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Turns it off.
pub async fn remove(tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM maintenance_mode WHERE id = 1").execute(&mut **tx).await?;
    Ok(())
}
