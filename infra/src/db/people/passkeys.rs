//! Passkeys, several a person.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{PasskeyId, UserId};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Passkey {
    pub id: PasskeyId,
    pub user_id: UserId,
    pub name: String,
    /// What verifies its answers, as the library that does so writes it.
    pub credential: Value,
    pub last_used_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Passkey,
            r#"SELECT id AS "id: PasskeyId", user_id AS "user_id: UserId", name, credential AS "credential: Value",
                 last_used_at AS "last_used_at: DateTime<Utc>", created_at AS "created_at: DateTime<Utc>"
               FROM passkeys WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// What a new one starts with.
pub struct NewPasskey<'a> {
    pub id: PasskeyId,
    pub user_id: UserId,
    pub credential_id: &'a [u8],
    pub name: &'a str,
    pub credential: &'a Value,
}

/// One whose credential somebody has already is `Conflict` on `passkeys_credential`.
pub async fn insert(tx: &mut Tx, passkey: &NewPasskey<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        passkey.id,
        passkey.user_id,
        passkey.credential_id,
        passkey.name,
        passkey.credential,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Somebody's, the oldest first; at most 100.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<Passkey>, DbError> {
    Ok(select!("user_id = ? ORDER BY created_at, id LIMIT 100", user).fetch_all(db.pool()).await?)
}

/// One of this person's.
pub async fn get(db: &Db, user: UserId, id: PasskeyId) -> Result<Option<Passkey>, DbError> {
    Ok(select!("id = ? AND user_id = ?", id, user).fetch_optional(db.pool()).await?)
}

/// Whose passkey has this credential.
pub async fn owner(db: &Db, credential_id: &[u8]) -> Result<Option<UserId>, DbError> {
    Ok(sqlx::query_scalar!(r#"SELECT user_id AS "id: UserId" FROM passkeys WHERE credential_id = ?"#, credential_id)
        .fetch_optional(db.pool())
        .await?)
}

/// The passkey with this credential, its row locked: of two answers at once each sees what the other has counted.
pub async fn lock(tx: &mut Tx, credential_id: &[u8]) -> Result<Option<Passkey>, DbError> {
    Ok(select!("credential_id = ? FOR UPDATE", credential_id).fetch_optional(&mut **tx).await?)
}

/// Since when somebody has one; `None` without any.
pub async fn since(db: &Db, user: UserId) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT created_at AS "at: DateTime<Utc>" FROM passkeys WHERE user_id = ? ORDER BY created_at LIMIT 1"#,
        user
    )
    .fetch_optional(db.pool())
    .await?)
}

/// How many somebody has. Lock the person's row first.
pub async fn count(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let count = sqlx::query_scalar!(r#"SELECT COUNT(*) AS "count: i64" FROM passkeys WHERE user_id = ?"#, user)
        .fetch_one(&mut **tx)
        .await?;
    Ok(count.unsigned_abs())
}

/// Notes that it was used, and what its authenticator has counted since.
pub async fn used(tx: &mut Tx, id: PasskeyId, credential: &Value, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE passkeys SET credential = ?, last_used_at = ? WHERE id = ?", credential, now, id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives one of this person's another name.
pub async fn rename(tx: &mut Tx, user: UserId, id: PasskeyId, name: &str) -> Result<(), DbError> {
    sqlx::query!("UPDATE passkeys SET name = ? WHERE id = ? AND user_id = ?", name, id, user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes one of this person's; false when it is none.
pub async fn remove(tx: &mut Tx, user: UserId, id: PasskeyId) -> Result<bool, DbError> {
    let done = sqlx::query!("DELETE FROM passkeys WHERE id = ? AND user_id = ?", id, user).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}
