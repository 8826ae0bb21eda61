//! The statements that erase a person, beside `retention::anonymise_account` and `retention::anonymise_nano`.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{NanoId, UserId};

/// From here on nobody signs in to the account.
pub async fn close_account(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE users SET status = 'deleted', updated_at = ? WHERE id = ?", now, user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A nano of the person's that still says something.
pub async fn next_nano(db: &Db, user: UserId) -> Result<Option<NanoId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT id AS "id: NanoId" FROM nanos WHERE creator_id = ? AND anonymised_at IS NULL
           ORDER BY created_at, id LIMIT 1"#,
        user
    )
    .fetch_optional(db.pool())
    .await?)
}

/// What was uploaded for a nano, by name in the store.
pub async fn upload_keys(db: &Db, nano: NanoId) -> Result<Vec<String>, DbError> {
    Ok(sqlx::query_scalar!("SELECT object_key FROM uploads WHERE nano_id = ? ORDER BY id", nano)
        .fetch_all(db.pool())
        .await?)
}

/// Mails to the person, whatever their state; those that wait are not sent. At most 250 of each sort; how many.
pub async fn forget_mails(tx: &mut Tx, user: UserId, address: &str) -> Result<u64, DbError> {
    let own = sqlx::query!("DELETE FROM email_deliveries WHERE user_id = ? LIMIT 250", user).execute(&mut **tx).await?;
    let others =
        sqlx::query!("DELETE FROM email_deliveries WHERE recipient = ? LIMIT 250", address).execute(&mut **tx).await?;
    Ok(own.rows_affected() + others.rows_affected())
}

/// Mails to others that name the person as somebody who has written to them: their words go, once they need not be sent any
/// more.
pub async fn forget_in_mails_of_others(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE email_deliveries d JOIN (
           SELECT DISTINCT o.user_id FROM chat_members m
             JOIN chat_members o ON o.session_id = m.session_id AND o.user_id <> m.user_id WHERE m.user_id = ?) p
           ON p.user_id = d.user_id
         SET d.params = '{}'
         WHERE d.template = 'unread_messages' AND d.state IN ('sent', 'failed', 'ambiguous', 'given_up') AND JSON_LENGTH(d.params) > 0",
        user
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// Whether a mail of that sort still waits: it would be written with the person's name.
pub async fn waits_in_mails_of_others(tx: &mut Tx, user: UserId) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM email_deliveries d
             JOIN chat_members o ON o.user_id = d.user_id
             JOIN chat_members m ON m.session_id = o.session_id AND m.user_id <> o.user_id
             WHERE m.user_id = ? AND d.template = 'unread_messages' AND d.state IN ('queued', 'sending')
               AND JSON_LENGTH(d.params) > 0) AS "waits!: bool""#,
        user
    )
    .fetch_one(&mut **tx)
    .await?)
}

/// What moderators have written about the person's comments, whose cases have the rating's id for a version. Before the ratings go.
pub async fn forget_judgements(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE moderation_cases c JOIN ratings r ON r.id = c.version_id SET c.reason = NULL
         WHERE r.user_id = ? AND c.cause = 'comment' AND c.reason IS NOT NULL",
        user
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected())
}

/// What is left of the person in other tables once the account is anonymised; how many rows.
pub async fn forget_rest(tx: &mut Tx, user: UserId) -> Result<u64, DbError> {
    let mut rows = 0;
    rows += sqlx::query!("DELETE FROM email_tokens WHERE user_id = ?", user).execute(&mut **tx).await?.rows_affected();
    rows +=
        sqlx::query!("DELETE FROM refresh_tokens WHERE user_id = ?", user).execute(&mut **tx).await?.rows_affected();
    rows += sqlx::query!("DELETE FROM downloads WHERE user_id = ?", user).execute(&mut **tx).await?.rows_affected();
    rows += sqlx::query!("UPDATE uploads SET filename = '' WHERE owner_id = ? AND filename <> ''", user)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    Ok(rows)
}
