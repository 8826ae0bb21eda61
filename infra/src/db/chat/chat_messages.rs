//! Messages: numbered in each chat without a gap, in the order of their commits.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    chat::{self, UNREAD_FOR},
    ids::{ChatId, MessageId, UserId},
};

use super::chat_sessions::{Chat, ChatChanged};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub seq: u32,
    pub id: MessageId,
    pub sender_id: UserId,
    /// Empty when it was taken away.
    pub text: String,
    pub created_at: DateTime<Utc>,
    /// By the other one.
    pub read_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Message,
            r#"SELECT seq, id AS "id: MessageId", sender_id AS "sender_id: UserId", text,
                 created_at AS "created_at: DateTime<Utc>", read_at AS "read_at: DateTime<Utc>",
                 removed_at AS "removed_at: DateTime<Utc>"
               FROM chat_messages WHERE session_id = ? AND "#
                + $tail,
            $($arg),+
        )
    };
}

/// Adds a message to a locked chat that takes some. One that its sender has sent before is returned as it was kept.
pub async fn append(
    tx: &mut Tx,
    chat: &Chat,
    sender: UserId,
    id: MessageId,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Message, DbError> {
    let known = select!("sender_id = ? AND id = ?", chat.id, sender, id).fetch_optional(&mut **tx).await?;
    if let Some(known) = known {
        return Ok(known);
    }
    let (seq, revision) = (chat.last_seq + 1, chat.revision + 1);
    let created_at = chat::written_at(now, chat.last_message_at);
    sqlx::query!(
        "INSERT INTO chat_messages (session_id, seq, id, sender_id, text, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        chat.id,
        seq,
        id,
        sender,
        text,
        created_at
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE chat_sessions SET state = 'open', last_seq = ?, revision = ?, last_message_at = ?, active_at = ?
         WHERE id = ?",
        seq,
        revision,
        created_at,
        created_at,
        chat.id
    )
    .execute(&mut **tx)
    .await?;
    // Whoever had read everything before has read their own message, too.
    sqlx::query!(
        "UPDATE chat_members SET active_at = ?, read_seq = IF(read_seq = ?, ?, read_seq)
         WHERE session_id = ? AND user_id = ?",
        created_at,
        chat.last_seq,
        seq,
        chat.id,
        sender
    )
    .execute(&mut **tx)
    .await?;
    sqlx::query!(
        "UPDATE chat_members SET active_at = ?, unread = unread + 1, mail_at = COALESCE(mail_at, ?)
         WHERE session_id = ? AND user_id = ?",
        created_at,
        created_at + UNREAD_FOR,
        chat.id,
        chat.other(sender)
    )
    .execute(&mut **tx)
    .await?;
    tx.notify(ChatChanged { chat: chat.id, revision });
    let text = text.to_owned();
    Ok(Message { seq, id, sender_id: sender, text, created_at, read_at: None, removed_at: None })
}

pub async fn get(db: &Db, chat: ChatId, seq: u32) -> Result<Option<Message>, DbError> {
    Ok(select!("seq = ?", chat, seq).fetch_optional(db.pool()).await?)
}

/// Messages after number `seq`, in order.
pub async fn after(db: &Db, chat: ChatId, seq: u32, limit: u32) -> Result<Vec<Message>, DbError> {
    Ok(select!("seq > ? ORDER BY seq LIMIT ?", chat, seq, limit).fetch_all(db.pool()).await?)
}

/// Messages written after a time, in order.
pub async fn since(db: &Db, chat: ChatId, time: DateTime<Utc>, limit: u32) -> Result<Vec<Message>, DbError> {
    Ok(select!("created_at > ? ORDER BY created_at LIMIT ?", chat, time, limit).fetch_all(db.pool()).await?)
}

/// The last messages before number `seq`, in order.
pub async fn before(db: &Db, chat: ChatId, seq: u32, limit: u32) -> Result<Vec<Message>, DbError> {
    let mut found = select!("seq < ? ORDER BY seq DESC LIMIT ?", chat, seq, limit).fetch_all(db.pool()).await?;
    found.reverse();
    Ok(found)
}

/// Takes the text of a message away.
pub async fn remove(tx: &mut Tx, chat: ChatId, seq: u32, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "UPDATE chat_messages SET text = '', removed_at = COALESCE(removed_at, ?) WHERE session_id = ? AND seq = ?",
        now,
        chat,
        seq
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
