//! Addresses that people want instead of their own, until the link that was mailed there is followed.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::ids::UserId;

/// Notes the wish; an earlier one is forgotten.
pub async fn ask(tx: &mut Tx, user: UserId, email: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO email_changes (user_id, email, created_at) VALUES (?, ?, ?)
         ON DUPLICATE KEY UPDATE email = VALUES(email), created_at = VALUES(created_at)",
        user,
        email,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The address that this person waits for, its row locked: while a link for it is made or used, nobody wishes for another.
pub async fn lock(tx: &mut Tx, user: UserId) -> Result<Option<String>, DbError> {
    Ok(sqlx::query_scalar!("SELECT email FROM email_changes WHERE user_id = ? FOR UPDATE", user)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The wish is fulfilled, or given up.
pub async fn remove(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM email_changes WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
