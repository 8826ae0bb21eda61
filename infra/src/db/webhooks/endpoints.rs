//! Endpoints (`webhooks`). Locks come in the order endpoint, delivery, job.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{UserId, WebhookId},
    webhook::{DisabledFor, WebhookEvent},
};
use sqlx::types::Json;

#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    pub id: WebhookId,
    pub user_id: UserId,
    pub name: String,
    pub url: String,
    pub events: Json<Vec<WebhookEvent>>,
    /// Why it is told nothing; none: it is told.
    pub disabled_for: Option<DisabledFor>,
    pub disabled_at: Option<DateTime<Utc>>,
    /// The first failed attempt after which none has succeeded.
    pub failing_since: Option<DateTime<Utc>>,
    /// Raised by every edit.
    pub revision: u32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Webhook,
            r#"SELECT id AS "id: WebhookId", user_id AS "user_id: UserId", name, url, events AS "events: Json<Vec<WebhookEvent>>",
                 disabled_for AS "disabled_for: DisabledFor", disabled_at AS "disabled_at: DateTime<Utc>",
                 failing_since AS "failing_since: DateTime<Utc>", revision, created_at AS "created_at: DateTime<Utc>",
                 updated_at AS "updated_at: DateTime<Utc>"
               FROM webhooks WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

/// One of this person's endpoints.
pub async fn get(db: &Db, user: UserId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    Ok(select!("id = ? AND user_id = ?", id, user).fetch_optional(db.pool()).await?)
}

/// An endpoint, whosever it is.
pub async fn any(db: &Db, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// One of this person's endpoints with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, user: UserId, id: WebhookId) -> Result<Option<Webhook>, DbError> {
    Ok(select!("id = ? AND user_id = ? FOR UPDATE", id, user).fetch_optional(&mut **tx).await?)
}

/// Somebody's endpoints, the newest first; as many as one person may have.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<Webhook>, DbError> {
    Ok(select!("user_id = ? ORDER BY id DESC LIMIT 100", user).fetch_all(db.pool()).await?)
}

/// How many endpoints somebody has.
pub async fn count(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let endpoints =
        sqlx::query_scalar!(r#"SELECT COUNT(*) AS "endpoints!: i64" FROM webhooks WHERE user_id = ?"#, user)
            .fetch_one(&mut **tx)
            .await?;
    Ok(endpoints.unsigned_abs())
}

/// Which of somebody's endpoints are told of this. Nobody is waited for: one that is deleted at the same time is told of nothing.
pub async fn listening(tx: &mut Tx, user: UserId, event: WebhookEvent) -> Result<Vec<WebhookId>, DbError> {
    let endpoints =
        select!("user_id = ? AND disabled_at IS NULL ORDER BY id LIMIT 100", user).fetch_all(&mut **tx).await?;
    let listening = endpoints.into_iter().filter(|endpoint| endpoint.events.contains(&event));
    Ok(listening.map(|endpoint| endpoint.id).collect())
}

/// What an endpoint starts with.
pub struct NewWebhook<'a> {
    pub id: WebhookId,
    pub user_id: UserId,
    pub name: &'a str,
    pub url: &'a str,
    pub events: &'a [WebhookEvent],
}

pub async fn insert(tx: &mut Tx, new: &NewWebhook<'_>, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO webhooks (id, user_id, name, url, events, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        new.id,
        new.user_id,
        new.name,
        new.url,
        Json(new.events),
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Writes what people edit of a locked endpoint.
pub async fn update(tx: &mut Tx, webhook: &Webhook, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhooks SET name = ?, url = ?, events = ?, disabled_for = ?, disabled_at = ?, failing_since = ?,
                             revision = revision + 1, updated_at = ? WHERE id = ?",
        webhook.name,
        webhook.url,
        Json(&webhook.events.0),
        webhook.disabled_for,
        webhook.disabled_at,
        webhook.failing_since,
        now,
        webhook.id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes since when a locked endpoint cannot be told; none: it was told just now.
pub async fn set_failing_since(tx: &mut Tx, id: WebhookId, since: Option<DateTime<Utc>>) -> Result<(), DbError> {
    sqlx::query!("UPDATE webhooks SET failing_since = ? WHERE id = ?", since, id).execute(&mut **tx).await?;
    Ok(())
}

/// A locked endpoint is told nothing any more until its owner says so.
pub async fn give_up(tx: &mut Tx, id: WebhookId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhooks SET disabled_for = 'failures', disabled_at = ?, revision = revision + 1, updated_at = ? WHERE id = ?",
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Deletes a locked endpoint with everything about it. Events that nobody else was told stay until their time is over.
pub async fn delete(tx: &mut Tx, id: WebhookId) -> Result<(), DbError> {
    sqlx::query!(
        "DELETE a FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id WHERE d.webhook_id = ?",
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM webhook_deliveries WHERE webhook_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM webhook_secrets WHERE webhook_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM webhooks WHERE id = ?", id).execute(&mut **tx).await?;
    Ok(())
}

/// Forgets a person's endpoints, and everything that they were told.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    let endpoints = select!("user_id = ? ORDER BY id FOR UPDATE", user).fetch_all(&mut **tx).await?;
    for endpoint in endpoints {
        delete(tx, endpoint.id).await?;
    }
    sqlx::query!("DELETE FROM webhook_events WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
