//! The two people of each chat: how far they have read, and what they have not.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::ids::{ChatId, UserId};

use super::chat_sessions::{self, Chat};

/// How far somebody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub user_id: UserId,
    pub read_seq: u32,
    pub read_at: Option<DateTime<Utc>>,
    /// Messages of the other one behind that.
    pub unread: u32,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Member,
            r#"SELECT user_id AS "user_id: UserId", read_seq, read_at AS "read_at: DateTime<Utc>", unread
               FROM chat_members WHERE session_id = ?"#
                + $tail,
            $($arg),+
        )
    };
}

/// Both.
pub async fn of(db: &Db, chat: ChatId) -> Result<Vec<Member>, DbError> {
    Ok(select!(" ORDER BY user_id", chat).fetch_all(db.pool()).await?)
}

/// Marks what a member has read of a locked chat, up to a message; a mark never goes back.
pub async fn read(tx: &mut Tx, chat: &Chat, user: UserId, seq: u32, now: DateTime<Utc>) -> Result<Member, DbError> {
    let member = select!(" AND user_id = ?", chat.id, user).fetch_one(&mut **tx).await?;
    let seq = seq.min(chat.last_seq);
    if seq <= member.read_seq {
        return Ok(member);
    }
    sqlx::query!(
        "UPDATE chat_messages SET read_at = ? WHERE session_id = ? AND seq > ? AND seq <= ? AND sender_id <> ?",
        now,
        chat.id,
        member.read_seq,
        seq,
        user
    )
    .execute(&mut **tx)
    .await?;
    let left = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "left!: i64" FROM chat_messages WHERE session_id = ? AND seq > ? AND sender_id <> ?"#,
        chat.id,
        seq,
        user
    )
    .fetch_one(&mut **tx)
    .await?;
    let unread = u32::try_from(left).unwrap_or(u32::MAX);
    sqlx::query!(
        "UPDATE chat_members SET read_seq = ?, read_at = ?, unread = ?, mail_at = IF(? = 0, NULL, mail_at)
         WHERE session_id = ? AND user_id = ?",
        seq,
        now,
        unread,
        unread,
        chat.id,
        user
    )
    .execute(&mut **tx)
    .await?;
    chat_sessions::changed(tx, chat).await?;
    Ok(Member { user_id: user, read_seq: seq, read_at: Some(now), unread })
}

/// In how many chats there is something unread for somebody, and how many messages these are.
pub async fn unread(db: &Db, user: UserId) -> Result<(u64, u64), DbError> {
    let row = sqlx::query!(
        r#"SELECT COUNT(*) AS "chats!: i64", CAST(COALESCE(SUM(unread), 0) AS SIGNED) AS "messages!: i64"
           FROM chat_members WHERE user_id = ? AND unread > 0"#,
        user
    )
    .fetch_one(db.pool())
    .await?;
    Ok((row.chats.unsigned_abs(), row.messages.unsigned_abs()))
}
