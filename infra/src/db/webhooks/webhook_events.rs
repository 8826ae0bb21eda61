//! What endpoints are told of. Each is written in the transaction that makes it true.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::ids::{UserId, WebhookEventId};

pub struct NewWebhookEvent<'a> {
    pub id: WebhookEventId,
    /// Whose endpoints are told.
    pub user_id: UserId,
    /// Unique: the same thing is told once.
    pub key: &'a str,
    pub kind: &'a str,
    /// The message.
    pub body: &'a str,
    pub now: DateTime<Utc>,
}

/// False when the same thing has been told before.
pub async fn insert(tx: &mut Tx, new: &NewWebhookEvent<'_>) -> Result<bool, DbError> {
    let inserted = sqlx::query!(
        "INSERT INTO webhook_events (id, user_id, event_key, kind, body, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        new.id,
        new.user_id,
        new.key,
        new.kind,
        new.body,
        new.now
    )
    .execute(&mut **tx)
    .await;
    match inserted.map_err(DbError::from) {
        Ok(_) => Ok(true),
        Err(DbError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
