//! What messages are signed with, sealed.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{WebhookId, WebhookSecretId};

/// A secret as it stands in the table (`Place::Webhook` of its id).
pub struct WebhookSecret {
    pub id: WebhookSecretId,
    pub sealed: Vec<u8>,
}

/// Those that sign now, the newest first.
pub async fn live(db: &Db, webhook: WebhookId, now: DateTime<Utc>) -> Result<Vec<WebhookSecret>, DbError> {
    Ok(sqlx::query_as!(
        WebhookSecret,
        r#"SELECT id AS "id: WebhookSecretId", sealed FROM webhook_secrets
           WHERE webhook_id = ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY id DESC LIMIT 10"#,
        webhook,
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// How many of a locked endpoint sign now.
pub async fn count(tx: &mut Tx, webhook: WebhookId, now: DateTime<Utc>) -> Result<u64, DbError> {
    let secrets = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "secrets!: i64" FROM webhook_secrets
           WHERE webhook_id = ? AND (expires_at IS NULL OR expires_at > ?)"#,
        webhook,
        now
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(secrets.unsigned_abs())
}

/// Makes this the newest secret of a locked endpoint; the one before signs until `until`.
pub async fn replace(
    tx: &mut Tx,
    webhook: WebhookId,
    new: &WebhookSecret,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE webhook_secrets SET expires_at = ? WHERE webhook_id = ? AND expires_at IS NULL",
        until,
        webhook
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "INSERT INTO webhook_secrets (id, webhook_id, sealed, created_at) VALUES (?, ?, ?, ?)",
        new.id,
        webhook,
        new.sealed,
        now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
