//! Retention: deletes rows whose time is over, or takes out of them what they say about people. Each statement takes at
//! most 500 rows and goes along an index.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{NanoId, UserId},
    upload::UploadState,
};

use crate::db::email_deliveries::DeliveryState;

/// Links sent by mail that are no longer good since `before`.
pub async fn prune_email_tokens(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done =
        sqlx::query!("DELETE FROM email_tokens WHERE expires_at < ? LIMIT 500", before).execute(db.pool()).await?;
    Ok(done.rows_affected())
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
        "UPDATE nano_versions SET changelog = '', manifest = NULL, report = NULL, scan = NULL, metadata = NULL
         WHERE nano_id = ?",
        nano
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE uploads SET filename = '' WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("UPDATE nano_events SET data = '{}' WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    sqlx::query!("UPDATE moderation_cases SET reason = NULL WHERE nano_id = ?", nano).execute(&mut **tx).await?;
    Ok(())
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

/// Takes the person out of an account; what points to it stays whole. Nobody can sign in without a password hash.
pub async fn anonymise_account(tx: &mut Tx, id: UserId) -> Result<(), DbError> {
    // 32 characters are what a username may have, and all that an id needs.
    let name = id.0.simple().to_string();
    sqlx::query!(
        "UPDATE users SET email = ?, username = ?, password_hash = '', name = '', bio = '', email_verified_at = NULL,
           last_login_at = NULL WHERE id = ?",
        format!("{name}@deleted.invalid"),
        name,
        id
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!("UPDATE refresh_tokens SET device = '' WHERE user_id = ?", id).execute(&mut **tx).await?;
    Ok(())
}
