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
    pub user_id: Option<UserId>,
    pub recipient: String,
    pub params: Value,
    pub message_id: String,
    pub state: DeliveryState,
    /// How often the recipient's server has asked for later, and since when; counted anew after it was given up.
    pub deferrals: u16,
    pub deferred_since: Option<DateTime<Utc>>,
}

/// What is known of a mail once its exchange is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Sent,
    /// Refused for good.
    Failed,
    /// Nobody can tell.
    Ambiguous,
    /// It certainly did not leave.
    NotSent,
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
        r#"SELECT id AS "id: DeliveryId", template, language AS "language: Language", user_id AS "user_id: UserId", recipient,
             params AS "params: Value", message_id, state AS "state: DeliveryState", deferrals, deferred_since AS "deferred_since: DateTime<Utc>"
           FROM email_deliveries WHERE id = ?"#,
        id
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Claims the mail, which was in `state`, for whoever hands it over under this mark, another one each time; true for exactly one
/// caller. Called when the mail server waits for the message: from here until [`record`] its fate is unknown to everybody else.
pub async fn begin_sending(db: &Db, id: DeliveryId, mark: u32, state: DeliveryState) -> Result<bool, DbError> {
    let changed = sqlx::query!(
        "UPDATE email_deliveries SET state = 'sending', sending_run = ?, updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state = ?",
        mark,
        id,
        state
    )
    .execute(db.pool())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Writes down what whoever handed the mail over under this mark knows of its fate, also when somebody has called it
/// ambiguous meanwhile. What did not leave is queued again, or given up if its job has ended.
pub async fn record(db: &Db, id: DeliveryId, mark: u32, fate: Fate, error: Option<&str>) -> Result<(), DbError> {
    let error: Option<String> = error.map(|error| error.chars().take(500).collect());
    let (from_sending, from_ambiguous) = match fate {
        Fate::Sent => (DeliveryState::Sent, DeliveryState::Sent),
        Fate::Failed => (DeliveryState::Failed, DeliveryState::Failed),
        Fate::Ambiguous => (DeliveryState::Ambiguous, DeliveryState::Ambiguous),
        Fate::NotSent => (DeliveryState::Queued, DeliveryState::GivenUp),
    };
    sqlx::query!(
        "UPDATE email_deliveries SET state = IF(state = 'sending', ?, ?), error = ?,
                                     sent_at = IF(? = 'sent', UTC_TIMESTAMP(6), sent_at), updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND sending_run = ? AND state IN ('sending', 'ambiguous')",
        from_sending,
        from_ambiguous,
        error,
        from_sending,
        id,
        mark
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// The mail, which was in `state`, was refused for good before its message was asked for.
pub async fn refuse(tx: &mut Tx, id: DeliveryId, state: DeliveryState, error: &str) -> Result<(), DbError> {
    let error: String = error.chars().take(500).collect();
    sqlx::query!(
        "UPDATE email_deliveries SET state = 'failed', error = ?, updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = ?",
        error,
        id,
        state
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Nothing is sent after all. Nobody's address stays behind: it may be one that a stranger has typed.
pub async fn withdraw(tx: &mut Tx, id: DeliveryId, reason: &str) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE email_deliveries SET state = 'failed', error = ?, recipient = '', params = '{}', updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state IN ('queued', 'given_up')",
        reason,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The recipient's server asks for later, for the `deferrals`th time since `since`.
pub async fn defer(db: &Db, id: DeliveryId, deferrals: u16, since: DateTime<Utc>, error: &str) -> Result<(), DbError> {
    let error: String = error.chars().take(500).collect();
    sqlx::query!(
        "UPDATE email_deliveries SET state = 'queued', deferrals = ?, deferred_since = ?, error = ?,
                                     updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state IN ('queued', 'given_up')",
        deferrals,
        since,
        error,
        id
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// An earlier run died while it handed the mail over: nobody can tell. False when it has told meanwhile.
pub async fn make_ambiguous(tx: &mut Tx, id: DeliveryId, reason: &str) -> Result<bool, DbError> {
    let changed = sqlx::query!(
        "UPDATE email_deliveries SET state = 'ambiguous', error = ?, updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state = 'sending'",
        reason,
        id
    )
    .execute(&mut **tx)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// A mail of which nobody can tell whether it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmbiguousRow {
    pub id: DeliveryId,
    pub template: String,
    pub user_id: Option<UserId>,
    pub recipient: String,
    /// By which the mail server's log knows it.
    pub message_id: String,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The newest ambiguous mails that are older than `before`. There are few of them, whatever the number of mails.
pub async fn ambiguous(db: &Db, before: Option<DeliveryId>, limit: u32) -> Result<Vec<AmbiguousRow>, DbError> {
    Ok(sqlx::query_as!(
        AmbiguousRow,
        r#"SELECT id AS "id: DeliveryId", template, user_id AS "user_id: UserId", recipient, message_id, error,
                  created_at AS "created_at: DateTime<Utc>", updated_at AS "updated_at: DateTime<Utc>"
           FROM email_deliveries WHERE state = 'ambiguous' AND id < ? ORDER BY id DESC LIMIT ?"#,
        before.unwrap_or(DeliveryId(uuid::Uuid::max())),
        limit
    )
    .fetch_all(db.pool())
    .await?)
}

/// Whom an ambiguous mail is about; its row stays locked until the transaction ends. The outer `None`: it is not ambiguous.
pub async fn lock_ambiguous(tx: &mut Tx, id: DeliveryId) -> Result<Option<Option<UserId>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT user_id AS "user_id: UserId" FROM email_deliveries WHERE id = ? AND state = 'ambiguous' FOR UPDATE"#,
        id
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// An ambiguous mail was sent, as somebody has found out, or is to be sent once more, as if for the first time. Whoever has
/// handed it over before has no say any more.
pub async fn settle(tx: &mut Tx, id: DeliveryId, was_sent: bool) -> Result<(), DbError> {
    let state = if was_sent { DeliveryState::Sent } else { DeliveryState::Queued };
    sqlx::query!(
        "UPDATE email_deliveries SET state = ?, error = NULL, sending_run = NULL, sent_at = IF(?, updated_at, NULL),
                                     deferrals = 0, deferred_since = NULL, updated_at = UTC_TIMESTAMP(6)
         WHERE id = ? AND state = 'ambiguous'",
        state,
        was_sent,
        id
    )
    .execute(&mut **tx)
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
