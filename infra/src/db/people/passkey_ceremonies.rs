//! Challenges that wait for an authenticator's answer, for minutes. Each is taken once.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use domain::ids::UserId;
use serde_json::Value;
use uuid::Uuid;

/// How long an answer is waited for: as long as browsers wait for their owner.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// Keeps one; `user`: who adds a passkey. A few that nobody has answered go with it, so that no flood of them stays.
pub async fn begin(db: &Db, id: Uuid, user: Option<UserId>, state: &Value, now: DateTime<Utc>) -> Result<(), DbError> {
    prune(db, now).await?;
    sqlx::query!(
        "INSERT INTO passkey_ceremonies (id, user_id, state, expires_at) VALUES (?, ?, ?, ?)",
        id,
        user,
        state,
        now + LIFETIME
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Takes one that waits, of this person or of nobody; whatever comes of it, it is used up once this is committed.
pub async fn take(tx: &mut Tx, id: Uuid, user: Option<UserId>, now: DateTime<Utc>) -> Result<Option<Value>, DbError> {
    let state = sqlx::query_scalar!(
        r#"SELECT state AS "state: Value" FROM passkey_ceremonies WHERE id = ? AND user_id <=> ? AND expires_at > ? FOR UPDATE"#,
        id,
        user,
        now
    )
    .fetch_optional(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM passkey_ceremonies WHERE id = ? AND user_id <=> ?", id, user).execute(&mut **tx).await?;
    Ok(state)
}

/// Those whose time is over; a few at a time.
pub async fn prune(db: &Db, now: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM passkey_ceremonies WHERE expires_at < ? LIMIT 10", now).execute(db.pool()).await?;
    Ok(done.rows_affected())
}
