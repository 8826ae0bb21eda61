//! Mails: the intent is committed before SMTP is spoken, so that a mail of unknown fate is known as such.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{DeliveryId, UserId},
    user::Language,
};
use serde_json::Value;

#[derive(Clone)]
pub struct NewDelivery<'a> {
    pub id: DeliveryId,
    /// Unique: the same key never makes a second mail.
    pub idempotency_key: &'a str,
    pub template: &'a str,
    pub language: Language,
    pub user_id: Option<UserId>,
    pub recipient: &'a str,
    pub params: Value,
    pub now: DateTime<Utc>,
}

domain::words! {
    /// What became of a mail.
    pub enum DeliveryState ("delivery state") {
        Queued = "queued",
        /// In the SMTP exchange, or died in it.
        Sending = "sending",
        Sent = "sent",
        Failed = "failed",
        /// Nobody can tell whether it left.
        Ambiguous = "ambiguous",
        /// Its job was cancelled or given up before it was sent; a retry sends it.
        GivenUp = "given_up",
    }
}

#[derive(Clone, Debug)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub template: String,
    pub language: Language,
    pub recipient: String,
    pub params: Value,
    pub message_id: String,
    pub state: DeliveryState,
}

/// Writes the intent. The Message-ID is derived from the key, so two attempts at the same mail carry the same one.
/// An existing key is a [`DbError::Conflict`] on `email_deliveries_key`.
pub async fn insert(tx: &mut Tx, new: NewDelivery<'_>) -> Result<(), DbError> {
    let message_id = message_id(new.idempotency_key);
    sqlx::query!(
        "INSERT INTO email_deliveries (id, idempotency_key, template, language, user_id, recipient, params, message_id,
                                       created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        new.id,
        new.idempotency_key,
        new.template,
        new.language,
        new.user_id,
        new.recipient,
        new.params,
        message_id,
        new.now,
        new.now
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The local part; the domain is the sender's.
fn message_id(key: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(key)[..16])
}

pub async fn get(db: &Db, id: DeliveryId) -> Result<Option<DeliveryRow>, DbError> {
    Ok(sqlx::query_as!(
        DeliveryRow,
        r#"SELECT id AS "id: DeliveryId", template, language AS "language: Language", recipient, params AS "params: Value", message_id,
             state AS "state: DeliveryState"
           FROM email_deliveries WHERE id = ?"#,
        id
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Claims the mail for sending; true for exactly one caller. From here until [`set_state`] its fate is unknown to
/// everybody else.
pub async fn begin_sending(db: &Db, id: DeliveryId) -> Result<bool, DbError> {
    let changed = sqlx::query!(
        "UPDATE email_deliveries SET state = 'sending', updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state IN ('queued', 'given_up')",
        id
    )
    .execute(db.pool())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// The mail certainly did not leave: it may be tried again.
pub async fn back_to_queued(db: &Db, id: DeliveryId, error: &str) -> Result<(), DbError> {
    let error: String = error.chars().take(500).collect();
    sqlx::query!(
        "UPDATE email_deliveries SET state = 'queued', error = ?, updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state = 'sending'",
        error,
        id
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// Its job will not send it: what was queued is given up, what was being sent is ambiguous; a known fate stays. Returns
/// true when it has become ambiguous.
pub async fn give_up(tx: &mut Tx, id: DeliveryId, reason: &str) -> Result<bool, DbError> {
    let reason: String = reason.chars().take(500).collect();
    let mut ambiguous = false;
    for (from, to) in
        [(DeliveryState::Sending, DeliveryState::Ambiguous), (DeliveryState::Queued, DeliveryState::GivenUp)]
    {
        let changed = sqlx::query!(
            "UPDATE email_deliveries SET state = ?, error = ?, updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = ?",
            to,
            reason,
            id,
            from
        )
        .execute(&mut **tx)
        .await?;
        ambiguous |= to == DeliveryState::Ambiguous && changed.rows_affected() == 1;
    }
    Ok(ambiguous)
}

/// Records the fate of a mail.
pub async fn set_state(tx: &mut Tx, id: DeliveryId, state: DeliveryState, error: Option<&str>) -> Result<(), DbError> {
    let error: Option<String> = error.map(|error| error.chars().take(500).collect());
    sqlx::query!(
        "UPDATE email_deliveries SET state = ?, error = ?, sent_at = IF(? = 'sent', UTC_TIMESTAMP(6), sent_at),
                                     updated_at = UTC_TIMESTAMP(6) WHERE id = ?",
        state,
        error,
        state,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
