//! Single-use links sent by mail; only their hash is stored.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{ids::UserId, token::TokenHash, words};

words! {
    /// What following the link does.
    pub enum Purpose ("mail link") {
        VerifyEmail = "verify_email",
        ResetPassword = "reset_password",
        ChangeEmail = "change_email",
    }
}

/// Stores a new link. Earlier ones stay good until one of them is used: anybody may ask for another mail, and must not be able
/// to spoil the one on its way.
pub async fn insert(
    tx: &mut Tx,
    user: UserId,
    purpose: Purpose,
    hash: &TokenHash,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
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

/// Whose link it is, without using it up. `None` as in [`take`].
pub async fn owner(db: &Db, hash: &TokenHash, purpose: Purpose, now: DateTime<Utc>) -> Result<Option<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id: UserId" FROM email_tokens
           WHERE token_hash = ? AND purpose = ? AND used_at IS NULL AND expires_at > ?"#,
        hash.as_slice(),
        purpose,
        now
    )
    .fetch_optional(db.pool())
    .await?)
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

/// Makes the links of an account that were meant for this worthless.
pub async fn spend(tx: &mut Tx, user: UserId, purpose: Purpose, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE email_tokens SET used_at = ? WHERE user_id = ? AND purpose = ? AND used_at IS NULL",
        now,
        user,
        purpose
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes every link of an account worthless.
pub async fn spend_all(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE email_tokens SET used_at = ? WHERE user_id = ? AND used_at IS NULL", now, user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
