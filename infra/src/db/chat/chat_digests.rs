//! Mails about unread messages: who is to be told, of what, and when they were told last.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{ChatId, UserId};

/// A chat with something unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub chat_id: ChatId,
    pub nano_title: String,
    pub other_name: String,
    pub unread: u32,
}

/// People whose mail is due; at most 500.
pub async fn due(db: &Db, now: DateTime<Utc>) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT user_id AS "user_id: UserId" FROM chat_members WHERE mail_at <= ? LIMIT 500"#,
        now
    )
    .fetch_all(db.pool())
    .await?)
}

/// When this person was told last.
pub async fn told_at(tx: &mut Tx, user: UserId) -> Result<Option<DateTime<Utc>>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT told_at AS "told_at: DateTime<Utc>" FROM chat_digests WHERE user_id = ? FOR UPDATE"#,
        user
    )
    .fetch_optional(&mut **tx)
    .await?)
}

/// What there is to tell, the newest first; of many chats only `limit`.
pub async fn unread(tx: &mut Tx, user: UserId, limit: u32) -> Result<Vec<Unread>, DbError> {
    Ok(sqlx::query_as!(
        Unread,
        r#"SELECT m.session_id AS "chat_id: ChatId", n.title AS nano_title, u.name AS other_name, m.unread
           FROM chat_members m
           JOIN chat_sessions s ON s.id = m.session_id
           JOIN nanos n ON n.id = s.nano_id
           JOIN chat_members o ON o.session_id = m.session_id AND o.user_id <> m.user_id
           JOIN users u ON u.id = o.user_id
           WHERE m.user_id = ? AND m.unread > 0 AND m.mail_at IS NOT NULL
           ORDER BY m.active_at DESC LIMIT ?"#,
        user,
        limit
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Puts off what is due for this person.
pub async fn put_off(tx: &mut Tx, user: UserId, until: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE chat_members SET mail_at = ? WHERE user_id = ? AND mail_at < ?", until, user, until)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Nothing is to be told any more, until somebody writes again.
pub async fn settle(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("UPDATE chat_members SET mail_at = NULL WHERE user_id = ? AND mail_at IS NOT NULL", user)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// This person is told now.
pub async fn told(tx: &mut Tx, user: UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "INSERT INTO chat_digests (user_id, told_at) VALUES (?, ?) ON DUPLICATE KEY UPDATE told_at = VALUES(told_at)",
        user,
        now
    )
    .execute(&mut **tx)
    .await?;
    settle(tx, user).await
}
