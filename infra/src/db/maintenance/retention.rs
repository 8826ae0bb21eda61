//! Retention: deletes rows whose time is over, or takes out of them what they say about people. Each statement takes at
//! most 500 rows and goes along an index.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{NanoId, UserId},
    upload::UploadState,
};

use crate::db::{
    email_deliveries::DeliveryState, mail_link_keys, nano_totals, notification_preferences, notifications, person_keys,
    ratings, saved_lists, saved_searches, second_factors, webhook_endpoints,
};

/// Links sent by mail that are no longer good since `before`.
pub async fn prune_email_tokens(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM email_tokens WHERE expires_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// When addresses that nobody has asked about since `before` may be asked to confirm themselves.
pub async fn prune_verification_pauses(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM verification_pauses WHERE next_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Answers to requests with an `Idempotency-Key`, given before `before`.
pub async fn prune_idempotency_keys(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Wishes for another address from before `before`, whose links are no longer good.
pub async fn prune_email_changes(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM email_changes WHERE created_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Second factors that were begun before `before` and never switched on.
pub async fn prune_unfinished_factors(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!("DELETE FROM second_factors WHERE enabled_at IS NULL AND created_at < ? LIMIT 500", before)
        .execute(db.pool())
        .await?;
    Ok(done.rows_affected())
}

/// Personal access tokens that are no longer good since `before`.
pub async fn prune_personal_tokens(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM personal_tokens WHERE expires_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// What webhooks were told before `before`, and what became of it. What was tried again later stays for as long after that.
pub async fn prune_webhook_deliveries(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let attempts =
        sqlx::query!("DELETE FROM webhook_attempts WHERE started_at < ? LIMIT 500", before).execute(db.pool()).await?;
    let deliveries = sqlx::query!("DELETE FROM webhook_deliveries WHERE created_at < ? LIMIT 500", before)
        .execute(db.pool())
        .await?;
    let events =
        sqlx::query!("DELETE FROM webhook_events WHERE created_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(attempts.rows_affected() + deliveries.rows_affected() + events.rows_affected())
}

/// Secrets of webhooks that were replaced, and sign nothing since `before`.
pub async fn prune_webhook_secrets(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM webhook_secrets WHERE expires_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Takes the links out of verification mails that an earlier build has written down with them, once they need not be sent any
/// more.
pub async fn forget_mailed_links(db: &Db) -> Result<u64, DbError> {
    let mut cleaned = 0;
    for state in [DeliveryState::Sent, DeliveryState::Failed, DeliveryState::Ambiguous] {
        cleaned += sqlx::query!(
            "UPDATE email_deliveries SET params = '{}'
             WHERE state = ? AND template = 'verify_email' AND JSON_LENGTH(params) > 0 LIMIT 250",
            state
        )
        .execute(db.pool())
        .await?
        .rows_affected();
    }
    Ok(cleaned)
}

/// Refresh tokens that are no longer good since `before`; a newer one of the same session stays.
pub async fn prune_refresh_tokens(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM refresh_tokens WHERE expires_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Who downloaded what before `before`. The nanos' counts stay.
pub async fn prune_downloads(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM downloads WHERE day < ? LIMIT 500", before.date_naive()).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Mails whose fate is known, made before `before`. Their keys become free again.
pub async fn prune_mails(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let mut deleted = 0;
    for state in [DeliveryState::Sent, DeliveryState::Failed, DeliveryState::GivenUp] {
        deleted +=
            sqlx::query!("DELETE FROM email_deliveries WHERE state = ? AND created_at < ? LIMIT 250", state, before)
                .execute(db.pool())
                .await?
                .rows_affected();
    }
    Ok(deleted)
}

/// What people were told of in the app before `before`, read or not.
pub async fn prune_notifications(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM notifications WHERE created_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Which nanos saved searches have told of before `before`: by then no search looks back so far.
pub async fn prune_alerted_nanos(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM alerted_nanos WHERE alerted_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
}

/// Uploads that came to nothing and whose time was over before `before`.
pub async fn prune_uploads(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let mut deleted = 0;
    for state in [UploadState::Aborted, UploadState::Expired] {
        deleted += sqlx::query!("DELETE FROM uploads WHERE state = ? AND expires_at < ? LIMIT 250", state, before)
            .execute(db.pool())
            .await?
            .rows_affected();
    }
    Ok(deleted)
}

/// Fills in when nanos were deleted that an older build has deleted; returns how many.
pub async fn date_deleted_nanos(db: &Db) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE nanos SET deleted_at = updated_at WHERE status = 'deleted' AND deleted_at IS NULL LIMIT 500"
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}

/// Nanos deleted before `before` whose files are still there, locked; at most 20.
pub async fn lock_with_files(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<NanoId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: NanoId" FROM nanos
           WHERE status = 'deleted' AND deleted_at < ? AND files_purged_at IS NULL
           ORDER BY deleted_at LIMIT 20 FOR UPDATE SKIP LOCKED"#,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Notes that the jobs which remove the nano's files are enqueued.
pub async fn set_files_purged(tx: &mut Tx, nano: NanoId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET files_purged_at = ?, thumbnail_key = NULL WHERE id = ?", now, nano)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nanos deleted before `before` whose texts are still there, locked; at most 20. Their files are gone already.
pub async fn lock_speaking(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<NanoId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: NanoId" FROM nanos
           WHERE status = 'deleted' AND deleted_at < ? AND files_purged_at IS NOT NULL AND anonymised_at IS NULL
           ORDER BY deleted_at LIMIT 20 FOR UPDATE SKIP LOCKED"#,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Takes out of a nano, its versions, uploads, events and cases what people wrote and what was read from their files.
/// Numbers, states and times stay.
pub async fn anonymise_nano(tx: &mut Tx, nano: NanoId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE nanos SET title = '', description = '', anonymised_at = ? WHERE id = ?", now, nano)
        .execute(&mut **tx)
        .await?;
    sqlx::query!(
        "UPDATE nano_versions SET changelog = '', manifest = NULL, report = NULL, scan = NULL, metadata = NULL,
           thumbnail_notes = NULL WHERE nano_id = ?",
        nano
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("DELETE FROM nano_edits WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("UPDATE uploads SET filename = '' WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("UPDATE nano_events SET data = '{}' WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("UPDATE moderation_cases SET reason = NULL WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    ratings::forget_nano(tx, nano).await?;
    saved_lists::forget_nano(tx, nano).await
}

/// Accounts behind `after` whose address is not plain ASCII, by id; at most 500.
pub async fn addresses_beyond_ascii(db: &Db, after: UserId) -> Result<Vec<(UserId, String)>, DbError> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: UserId", email FROM users WHERE id > ? AND LENGTH(email) <> CHAR_LENGTH(email) ORDER BY id LIMIT 500"#,
        after
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.email)).collect())
}

/// Writes the same address in another form; false when somebody else has confirmed that one.
pub async fn respell_address(db: &Db, id: UserId, from: &str, to: &str) -> Result<bool, DbError> {
    let done =
        sqlx::query!("UPDATE users SET email = ? WHERE id = ? AND email = ?", to, id, from).execute(db.pool()).await;
    match done {
        Ok(done) => Ok(done.rows_affected() == 1),
        Err(error) => match DbError::from(error) {
            DbError::Conflict { .. } => Ok(false),
            error => Err(error),
        },
    }
}

/// Accounts that nobody has confirmed, and nobody has signed in to since `before`, locked; at most 20.
pub async fn lock_unconfirmed(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: UserId" FROM users
           WHERE email_verified_at IS NULL AND status = 'active' AND COALESCE(last_login_at, created_at) < ?
           ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED"#,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Accounts deleted before `before` that still name somebody, locked; at most 20.
pub async fn lock_named_accounts(tx: &mut Tx, before: DateTime<Utc>) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: UserId" FROM users
           WHERE status = 'deleted' AND updated_at < ? AND password_hash <> ''
           ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED"#,
        before
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Takes the person out of an account; what points to it stays whole. Nobody can sign in without a password hash, and nobody reads
/// any more what the audit log says of the person.
pub async fn anonymise_account(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    // 32 characters are what a username may have, and all that an id needs.
    let name = id.0.simple().to_string();
    sqlx::query!(
        "UPDATE users SET email = ?, username = ?, password_hash = '', name = '', bio = '', email_verified_at = NULL,
           last_login_at = NULL, suspension_reason = NULL WHERE id = ?",
        format!("{name}@deleted.invalid"),
        name,
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE refresh_tokens SET device = '' WHERE user_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM email_changes WHERE user_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM personal_tokens WHERE user_id = ?", id).execute(&mut **tx).await?;
    second_factors::remove(tx, id).await?;
    sqlx::query!("DELETE FROM profile_edits WHERE user_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM profile_interests WHERE user_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM profiles WHERE user_id = ?", id).execute(&mut **tx).await?;
    ratings::forget_person(tx, id).await?;
    nano_totals::forget_favorites(tx, id).await?;
    saved_lists::forget_person(tx, id).await?;
    saved_searches::forget_person(tx, id).await?;
    notifications::forget_person(tx, id).await?;
    notification_preferences::forget_person(tx, id).await?;
    mail_link_keys::forget_person(tx, id).await?;
    webhook_endpoints::forget_person(tx, id).await?;
    forget_chats(tx, id, now).await?;
    person_keys::destroy(tx, id).await?;
    Ok(())
}

/// Takes out of chats what somebody has written; the numbers of messages stay.
async fn forget_chats(tx: &mut Tx, id: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE chat_messages c JOIN chat_members m ON m.session_id = c.session_id AND m.user_id = c.sender_id
         SET c.text = '', c.removed_at = COALESCE(c.removed_at, ?) WHERE m.user_id = ?",
        now,
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE chat_reports SET note = '' WHERE reporter_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("UPDATE chat_members SET mail_at = NULL WHERE user_id = ?", id).execute(&mut **tx).await?;
    sqlx::query!("DELETE FROM chat_digests WHERE user_id = ?", id).execute(&mut **tx).await?;
    Ok(())
}
