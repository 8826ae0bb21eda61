//! Chats. Whatever is added to one is added with its row locked, which gives messages their numbers.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Notice, Tx};
use domain::{
    chat::ChatState,
    ids::{ChatId, NanoId, UserId},
};
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;

/// There is something new in a chat: told after the commit, so that open sockets look at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatChanged {
    pub chat: ChatId,
    pub revision: u32,
}

impl Notice for ChatChanged {
    const TOPIC: &'static str = "chat";
}

#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    pub id: ChatId,
    pub nano_id: NanoId,
    pub consumer_id: UserId,
    pub creator_id: UserId,
    pub state: ChatState,
    /// Of the newest message; 0 while there is none.
    pub last_seq: u32,
    pub revision: u32,
    pub last_message_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

impl Chat {
    pub fn has(&self, user: UserId) -> bool {
        self.consumer_id == user || self.creator_id == user
    }

    /// The one whom `user` talks to.
    pub fn other(&self, user: UserId) -> UserId {
        if self.consumer_id == user { self.creator_id } else { self.consumer_id }
    }
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Chat,
            r#"SELECT id AS "id: ChatId", nano_id AS "nano_id: NanoId", consumer_id AS "consumer_id: UserId",
                 creator_id AS "creator_id: UserId", state AS "state: ChatState", last_seq, revision,
                 last_message_at AS "last_message_at: DateTime<Utc>", closed_at AS "closed_at: DateTime<Utc>",
                 created_at AS "created_at: DateTime<Utc>"
               FROM chat_sessions WHERE "#
                + $tail,
            $($arg),+
        )
    };
}

pub async fn get(db: &Db, id: ChatId) -> Result<Option<Chat>, DbError> {
    Ok(select!("id = ?", id).fetch_optional(db.pool()).await?)
}

/// The chat with its row locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: ChatId) -> Result<Option<Chat>, DbError> {
    Ok(select!("id = ? FOR UPDATE", id).fetch_optional(&mut **tx).await?)
}

/// The chat of these two about the nano, and whether it begins with this. Whoever asks at the same time waits for the first.
pub async fn begin(
    tx: &mut Tx,
    nano: NanoId,
    consumer: UserId,
    creator: UserId,
    now: DateTime<Utc>,
) -> Result<(Chat, bool), DbError> {
    let id = ChatId::new();
    sqlx::query!(
        "INSERT INTO chat_sessions (id, nano_id, consumer_id, creator_id, active_at, created_at)
         VALUES (?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE created_at = created_at",
        id,
        nano,
        consumer,
        creator,
        now,
        now
    )
    .execute(&mut **tx)
    .await?;
    let chat = select!("nano_id = ? AND consumer_id = ? AND creator_id = ?", nano, consumer, creator)
        .fetch_one(&mut **tx)
        .await?;
    let begins = chat.id == id;
    if begins {
        for member in [consumer, creator] {
            sqlx::query!("INSERT INTO chat_members (session_id, user_id, active_at) VALUES (?, ?, ?)", id, member, now)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok((chat, begins))
}

/// Something in a locked chat changed that its people should see.
pub(super) async fn changed(tx: &mut Tx, chat: &Chat) -> Result<(), DbError> {
    let revision = chat.revision + 1;
    sqlx::query!("UPDATE chat_sessions SET revision = ? WHERE id = ?", revision, chat.id).execute(&mut **tx).await?;
    tx.notify(ChatChanged { chat: chat.id, revision });
    Ok(())
}

/// Closes a locked chat; no mail tells of it any more.
pub async fn close(tx: &mut Tx, chat: &Chat, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!("UPDATE chat_sessions SET state = 'closed', closed_at = ? WHERE id = ?", now, chat.id)
        .execute(&mut **tx)
        .await?;
    sqlx::query!("UPDATE chat_members SET mail_at = NULL WHERE session_id = ?", chat.id).execute(&mut **tx).await?;
    changed(tx, chat).await
}

/// Archives chats in which nobody has written since `before`; at most 500. Returns how many.
pub async fn archive_idle(db: &Db, before: DateTime<Utc>) -> Result<u64, DbError> {
    let done = sqlx::query!(
        "UPDATE chat_sessions SET state = 'archived', revision = revision + 1
         WHERE state = 'open' AND active_at < ? LIMIT 500",
        before
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected())
}

/// The revisions of these chats, of at most 500. The list is put together here, because it has any length.
pub async fn revisions(db: &Db, chats: &[ChatId]) -> Result<Vec<(ChatId, u32)>, DbError> {
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT id, revision FROM chat_sessions WHERE id IN (");
    let mut list = query.separated(", ");
    for chat in chats {
        list.push_bind(*chat);
    }
    query.push(")");
    Ok(query.build_query_as().persistent(false).fetch_all(db.pool()).await?)
}
