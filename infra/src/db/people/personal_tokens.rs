//! Access tokens that people make for their scripts, by their hash.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{TokenId, UserId},
    token::{Scope, TokenHash},
};
use sqlx::types::Json;

/// How exactly the last use is kept.
const LAST_USED: TimeDelta = TimeDelta::seconds(60);

/// One of them, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonalToken {
    pub id: TokenId,
    pub user_id: UserId,
    pub name: String,
    pub scopes: Json<Vec<Scope>>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What a new one starts with.
pub struct NewPersonalToken<'a> {
    pub id: TokenId,
    pub user_id: UserId,
    pub name: &'a str,
    pub hash: &'a TokenHash,
    pub scopes: &'a [Scope],
    pub expires_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Tx, token: &NewPersonalToken<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO personal_tokens (id, user_id, name, token_hash, scopes, expires_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        token.id,
        token.user_id,
        token.name,
        token.hash.as_slice(),
        Json(token.scopes),
        token.expires_at,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whose token it is and what it may do; `None` when it is unknown, expired or revoked.
pub async fn find(db: &Db, hash: &TokenHash, now: DateTime<Utc>) -> Result<Option<PersonalToken>, DbError> {
    Ok(sqlx::query_as!(
        PersonalToken,
        r#"SELECT id AS "id: TokenId", user_id AS "user_id: UserId", name, scopes AS "scopes: Json<Vec<Scope>>",
             expires_at AS "expires_at: DateTime<Utc>", last_used_at AS "last_used_at: DateTime<Utc>",
             created_at AS "created_at: DateTime<Utc>"
           FROM personal_tokens WHERE token_hash = ? AND revoked_at IS NULL AND expires_at > ?"#,
        hash.as_slice(),
        now
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Somebody's live tokens, the newest first; at most 100.
pub async fn live_of(db: &Db, user: UserId, now: DateTime<Utc>) -> Result<Vec<PersonalToken>, DbError> {
    Ok(sqlx::query_as!(
        PersonalToken,
        r#"SELECT id AS "id: TokenId", user_id AS "user_id: UserId", name, scopes AS "scopes: Json<Vec<Scope>>",
             expires_at AS "expires_at: DateTime<Utc>", last_used_at AS "last_used_at: DateTime<Utc>",
             created_at AS "created_at: DateTime<Utc>"
           FROM personal_tokens WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY id DESC LIMIT 100"#,
        user,
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// How many live tokens somebody has. Lock the person's row first, where it decides about another one.
pub async fn count(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<u64, DbError> {
    let live = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "live: i64" FROM personal_tokens
           WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ?"#,
        user,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(live.unsigned_abs())
}

/// Revokes one of this person's; false when it is none, or not live.
pub async fn revoke(tx: &mut Tx, user: UserId, id: TokenId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "UPDATE personal_tokens SET revoked_at = ?
         WHERE id = ? AND user_id = ? AND revoked_at IS NULL AND expires_at > ?",
        now,
        id,
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes all of this person's. Returns how many there were.
pub async fn revoke_all(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE personal_tokens SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ?",
        now,
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Whether a token of this person's was used since then.
pub async fn used_since(tx: &mut Tx, user: UserId, since: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM personal_tokens WHERE user_id = ? AND last_used_at >= ?) AS "used!: bool""#,
        user,
        since
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// Notes that the token was used, at most once a minute.
pub async fn touch(db: &Db, token: &PersonalToken, now: DateTime<Utc>) -> Result<(), DbError> {
    let before = now - LAST_USED;
    if token.last_used_at.is_some_and(|last| last > before) {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE personal_tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at <= ?)",
        now,
        token.id,
        before
    )
    .execute(db.pool())
    .await?;
    Ok(())
}
