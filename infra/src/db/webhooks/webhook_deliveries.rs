//! One event told to one endpoint: exactly one row for both.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{WebhookDeliveryId, WebhookEventId, WebhookId},
    webhook::{DeliveryState, TEST_EVENT},
};

/// A delivery with its event.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookDelivery {
    pub id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    pub event_id: WebhookEventId,
    pub kind: String,
    /// The message.
    pub body: String,
    pub state: DeliveryState,
    /// All there were.
    pub attempts: u32,
    /// Raised when its owner asks for it once more.
    pub round: u32,
    /// Attempts of this round.
    pub tries: u32,
    /// About when it is tried again.
    pub next_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            WebhookDelivery,
            r#"SELECT d.id AS "id: WebhookDeliveryId", d.webhook_id AS "webhook_id: WebhookId",
                 d.event_id AS "event_id: WebhookEventId", e.kind, e.body, d.state AS "state: DeliveryState", d.attempts, d.round, d.tries,
                 d.next_at AS "next_at: DateTime<Utc>", d.delivered_at AS "delivered_at: DateTime<Utc>",
                 d.created_at AS "created_at: DateTime<Utc>"
               FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: WebhookDeliveryId) -> Result<Option<WebhookDelivery>, DbError> {
    Ok(select!("d.id = ?", id).fetch_optional(db.pool()).await?)
}

/// One of this endpoint's deliveries, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, webhook: WebhookId, id: WebhookDeliveryId) -> Result<Option<WebhookDelivery>, DbError> {
    Ok(select!("d.id = ? AND d.webhook_id = ? FOR UPDATE", id, webhook).fetch_optional(&mut **tx).await?)
}

/// An endpoint's deliveries before this one, the newest first.
pub async fn page(
    db: &Db,
    webhook: WebhookId,
    before: WebhookDeliveryId,
    state: Option<DeliveryState>,
    limit: u32,
) -> Result<Vec<WebhookDelivery>, DbError> {
    Ok(select!(
        "d.webhook_id = ? AND d.id < ? AND (? IS NULL OR d.state = ?) ORDER BY d.id DESC LIMIT ?",
        webhook,
        before,
        state,
        state,
        limit
    )
    .fetch_all(db.pool())
    .await?)
}

/// How many messages that try a locked endpoint are under way.
pub async fn count_tests(tx: &mut Tx, webhook: WebhookId) -> Result<u64, DbError> {
    let tests = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "tests!: i64" FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id
           WHERE d.webhook_id = ? AND d.state = 'pending' AND e.kind = ?"#,
        webhook,
        TEST_EVENT
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(tests.unsigned_abs())
}

pub async fn insert(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    webhook: WebhookId,
    event: WebhookEventId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, next_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
        id,
        webhook,
        event,
        now,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Asks for a locked delivery once more, with all the attempts of a new round.
pub async fn ask_again(tx: &mut Tx, id: WebhookDeliveryId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhook_deliveries SET state = 'pending', round = round + 1, tries = 0, next_at = ?, updated_at = ? WHERE id = ?",
        now,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Counts an attempt at a locked delivery, and notes what it has come to: its state, and when it is tried again.
pub async fn attempted(
    tx: &mut Tx,
    id: WebhookDeliveryId,
    state: DeliveryState,
    next_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let delivered_at = (state == DeliveryState::Delivered).then_some(now);
    sqlx::query!(
        "UPDATE webhook_deliveries SET state = ?, attempts = attempts + 1, tries = tries + 1, next_at = ?,
                                       delivered_at = COALESCE(?, delivered_at), updated_at = ? WHERE id = ?",
        state,
        next_at,
        delivered_at,
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A delivery that waits in this round will not be tried; one that was asked for again since goes on.
pub async fn drop_pending(tx: &mut Tx, id: WebhookDeliveryId, round: u32, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhook_deliveries SET state = 'failed', next_at = NULL, updated_at = ?
         WHERE id = ? AND round = ? AND state = 'pending'",
        now,
        id,
        round
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
