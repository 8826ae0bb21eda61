//! Refresh tokens, by their hash. A family is one sign-in: its tokens replace each other.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
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

/// Uses up what a token was exchanged for at `exchanged_at`, unless somebody has used it: false then. That it is rotated at
/// the moment in which it was made is told from every ordinary exchange: it is never taken for a lost answer again.
pub async fn supersede(tx: &mut Tx, family: Uuid, exchanged_at: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE refresh_tokens SET rotated_at = created_at
         WHERE family_id = ? AND created_at = ? AND rotated_at IS NULL AND revoked_at IS NULL",
        family,
        exchanged_at
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A sign-in that is still good.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveSession {
    pub family_id: Uuid,
    pub device: String,
    /// When its newest token was made.
    pub refreshed_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Somebody's live sign-ins, the newest tokens first; at most 100.
pub async fn live_of(db: &Db, user: UserId, now: DateTime<Utc>) -> Result<Vec<LiveSession>, DbError> {
    Ok(sqlx::query_as!(
        LiveSession,
        r#"SELECT family_id AS "family_id: Uuid", device, created_at AS "refreshed_at: DateTime<Utc>",
             expires_at AS "expires_at: DateTime<Utc>"
           FROM refresh_tokens
           WHERE user_id = ? AND rotated_at IS NULL AND revoked_at IS NULL AND expires_at > ?
           ORDER BY created_at DESC LIMIT 100"#,
        user,
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// Ends one sign-in of this person. Returns how many tokens were still good; none when it is another's.
pub async fn revoke_family_of(tx: &mut Tx, user: UserId, family: Uuid, now: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = ? WHERE family_id = ? AND user_id = ? AND revoked_at IS NULL",
        now,
        family,
        user
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Ends every sign-in of this person. Returns how many there were.
pub async fn revoke_all(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<u64, DbError> {
    revoke_others(tx, user, Uuid::nil(), now).await
}

/// Ends every sign-in of this person but one. Returns how many there were.
pub async fn revoke_others(tx: &mut Tx, user: UserId, kept: Uuid, now: DateTime<Utc>) -> Result<u64, DbError> {
    let live = sqlx::query_scalar!(
        r#"SELECT COUNT(DISTINCT family_id) AS "live: i64" FROM refresh_tokens
           WHERE user_id = ? AND family_id <> ? AND rotated_at IS NULL AND revoked_at IS NULL AND expires_at > ?"#,
        user,
        kept,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = ? WHERE user_id = ? AND family_id <> ? AND revoked_at IS NULL",
        now,
        user,
        kept
    )
    .execute(&mut **tx)
    .await?;
    Ok(live.unsigned_abs())
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
