//! What became of each attempt to deliver.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{ids::WebhookDeliveryId, webhook::ATTEMPTS_LISTED};
use sqlx::QueryBuilder;

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct WebhookAttempt {
    pub delivery_id: WebhookDeliveryId,
    /// From 1.
    pub number: u32,
    pub started_at: DateTime<Utc>,
    pub duration_ms: u32,
    /// Of the answer, if one came.
    pub status: Option<u16>,
    /// Why none came.
    pub error: Option<String>,
    /// How the answer begins, as text.
    pub answer: String,
}

pub async fn insert(tx: &mut Tx, attempt: &WebhookAttempt) -> Result<(), DbError> {
    let error: Option<String> = attempt.error.as_ref().map(|error| error.chars().take(300).collect());
    let answer: String = attempt.answer.chars().take(1_000).collect();
    sqlx::query!(
        "INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status, error, answer)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        attempt.delivery_id,
        attempt.number,
        attempt.started_at,
        attempt.duration_ms,
        attempt.status,
        error,
        answer
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The last attempts at each of these deliveries, at most [`ATTEMPTS_LISTED`] of one, in their order.
pub async fn of(db: &Db, deliveries: &[WebhookDeliveryId]) -> Result<Vec<WebhookAttempt>, DbError> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    // Built at run time, because a page has any length.
    let mut query = QueryBuilder::new(
        "SELECT a.delivery_id, a.number, a.started_at, a.duration_ms, a.status, a.error, a.answer
         FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id WHERE a.delivery_id IN (",
    );
    let mut ids = query.separated(", ");
    for id in deliveries {
        ids.push_bind(*id);
    }
    query.push(") AND a.number + ").push_bind(ATTEMPTS_LISTED).push(" > d.attempts ORDER BY a.delivery_id, a.number");
    Ok(query.build_query_as::<WebhookAttempt>().fetch_all(db.pool()).await?)
}
