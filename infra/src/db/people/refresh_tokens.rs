//! Refresh tokens, by their hash. A family is one sign-in: its tokens replace each other.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{ids::UserId, token::TokenHash};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub struct RefreshToken {
    pub family_id: Uuid,
    pub user_id: UserId,
    pub device: String,
    pub expires_at: DateTime<Utc>,
    /// It was exchanged for a newer one; seeing it again means that somebody copied it.
    pub rotated_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// What a new token starts with.
pub struct NewRefreshToken<'a> {
    pub hash: &'a TokenHash,
    pub family_id: Uuid,
    pub user_id: UserId,
    /// Shown in the list of sessions; at most 200 characters.
    pub device: &'a str,
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Tx, token: &NewRefreshToken<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, family_id, user_id, device, expires_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        token.hash.as_slice(),
        token.family_id,
        token.user_id,
        token.device,
        token.expires_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The token with its row locked, so that two exchanges of the same token happen one after the other.
pub async fn lock(tx: &mut Tx, hash: &TokenHash) -> Result<Option<RefreshToken>, DbError> {
    Ok(sqlx::query_as!(
        RefreshToken,
        r#"SELECT family_id AS "family_id: Uuid", user_id AS "user_id: UserId", device,
             expires_at AS "expires_at: DateTime<Utc>", rotated_at AS "rotated_at: DateTime<Utc>",
             revoked_at AS "revoked_at: DateTime<Utc>"
           FROM refresh_tokens WHERE token_hash = ? FOR UPDATE"#,
        hash.as_slice()
    )
    .fetch_optional(&mut **tx)
    .await?)
}

pub async fn set_rotated(tx: &mut Tx, hash: &TokenHash, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE refresh_tokens SET rotated_at = ? WHERE token_hash = ?", now, hash.as_slice())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends one sign-in, with every token it ever had. Returns how many were still good.
pub async fn revoke_family(tx: &mut Tx, family: Uuid, now: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = ? WHERE family_id = ? AND revoked_at IS NULL",
        now,
        family
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}
