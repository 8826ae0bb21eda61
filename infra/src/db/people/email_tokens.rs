//! Single-use links sent by mail; only their hash is stored.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{ids::UserId, token::TokenHash, words};

words! {
    /// What following the link does.
    pub enum Purpose ("mail link") {
        VerifyEmail = "verify_email",
        ResetPassword = "reset_password",
    }
}

/// Stores a new link and makes every earlier one for the same purpose worthless.
pub async fn replace(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    hash: &TokenHash,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE email_tokens SET used_at = ? WHERE user_id = ? AND purpose = ? AND used_at IS NULL",
        now,
        user,
        purpose
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO email_tokens (token_hash, user_id, purpose, expires_at, created_at) VALUES (?, ?, ?, ?, ?)",
        hash.as_slice(),
        user,
        purpose,
        expires_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Uses a link up. `None` when it is unknown, used, expired, or meant for something else.
pub async fn take(
    tx: &mut Tx,
    hash: &TokenHash,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, DbError> {
    let used = sqlx::query!(
        "UPDATE email_tokens SET used_at = ?
         WHERE token_hash = ? AND purpose = ? AND used_at IS NULL AND expires_at > ?",
        now,
        hash.as_slice(),
        purpose,
        now
    )
    .execute(&mut **tx)
    .await?;
    if used.rows_affected() == 0 {
        return Ok(None);
    }
    let user = sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id: UserId" FROM email_tokens WHERE token_hash = ?"#,
        hash.as_slice()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(Some(user))
}

/// When the newest link for this purpose was made: resending waits a little after it.
pub async fn last_made(db: &Db, user: UserId, purpose: Purpose) -> Result<Option<DateTime<Utc>>, DbError> {
    let made = sqlx::query_scalar!(
        r#"SELECT MAX(created_at) AS "made: DateTime<Utc>" FROM email_tokens WHERE user_id = ? AND purpose = ?"#,
        user,
        purpose
    )
    .fetch_one(db.pool())
    .await?;
    Ok(made)
}
