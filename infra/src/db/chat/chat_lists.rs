//! Chats as one of their two people sees them.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use domain::{
    chat::ChatState,
    ids::{ChatId, NanoId, UserId},
};
use uuid::Uuid;

/// A chat, seen by `me`.
#[derive(Clone, Debug)]
pub struct Card {
    pub id: ChatId,
    pub nano_id: NanoId,
    pub nano_title: String,
    pub state: ChatState,
    pub creator_id: UserId,
    pub other_id: UserId,
    pub other_username: String,
    pub other_name: String,
    pub last_seq: u32,
    pub read_seq: u32,
    pub unread: u32,
    pub other_read_seq: u32,
    pub other_read_at: Option<DateTime<Utc>>,
    pub last_sender_id: Option<UserId>,
    pub last_text: Option<String>,
    pub last_at: Option<DateTime<Utc>>,
    pub active_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// Which chats.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub nano: Option<NanoId>,
    pub state: Option<ChatState>,
}

/// Where a page begins: behind a chat of this age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behind {
    pub active_at: DateTime<Utc>,
    pub id: ChatId,
}

impl Behind {
    /// The first page: nothing was written tomorrow. The end of time is no such bound: MariaDB takes times that sqlx sends for
    /// its TIMESTAMPs, which end in 2106 or 2038, and finds nothing before one that is later.
    pub fn nothing(now: DateTime<Utc>) -> Self {
        Self { active_at: now + TimeDelta::days(1), id: ChatId(Uuid::max()) }
    }
}

macro_rules! select {
    ($tail:tt, $($arg:expr),+) => {
        sqlx::query_as!(
            Card,
            r#"SELECT s.id AS "id: ChatId", s.nano_id AS "nano_id: NanoId", n.title AS nano_title,
                 s.state AS "state: ChatState", s.creator_id AS "creator_id: UserId", o.user_id AS "other_id: UserId",
                 u.username AS other_username, u.name AS other_name, s.last_seq, m.read_seq, m.unread,
                 o.read_seq AS other_read_seq, o.read_at AS "other_read_at: DateTime<Utc>",
                 l.sender_id AS "last_sender_id?: UserId", l.text AS "last_text?",
                 l.created_at AS "last_at?: DateTime<Utc>", m.active_at AS "active_at: DateTime<Utc>",
                 s.closed_at AS "closed_at: DateTime<Utc>", s.created_at AS "created_at: DateTime<Utc>"
               FROM chat_members m
               JOIN chat_sessions s ON s.id = m.session_id
               JOIN nanos n ON n.id = s.nano_id
               JOIN chat_members o ON o.session_id = s.id AND o.user_id <> m.user_id
               JOIN users u ON u.id = o.user_id
               LEFT JOIN chat_messages l ON l.session_id = s.id AND l.seq = s.last_seq
               WHERE m.user_id = ? AND "#
                + $tail,
            $($arg),+
        )
    };
}

/// One chat of this person; none when it is somebody else's.
pub async fn one(db: &Db, me: UserId, chat: ChatId) -> Result<Option<Card>, DbError> {
    Ok(select!("m.session_id = ?", me, chat).fetch_optional(db.pool()).await?)
}

/// The same as this transaction sees it.
pub async fn one_in(tx: &mut Tx, me: UserId, chat: ChatId) -> Result<Option<Card>, DbError> {
    Ok(select!("m.session_id = ?", me, chat).fetch_optional(&mut **tx).await?)
}

/// Somebody's chats, those first in which was written last.
pub async fn page(
    db: &Db,
    me: UserId,
    filter: Filter,
    Behind { active_at: at, id }: Behind,
    limit: u32,
) -> Result<Vec<Card>, DbError> {
    let state = filter.state;
    let cards = match filter.nano {
        None => select!(
            "(s.last_seq > 0 OR s.consumer_id = m.user_id) AND (m.active_at < ? OR (m.active_at = ? AND m.session_id < ?)) AND (? IS NULL OR s.state = ?)
             ORDER BY m.active_at DESC, m.session_id DESC LIMIT ?",
            me, at, at, id, state, state, limit
        )
        .fetch_all(db.pool())
        .await?,
        Some(nano) => select!(
            "s.nano_id = ? AND (s.last_seq > 0 OR s.consumer_id = m.user_id) AND (m.active_at < ? OR (m.active_at = ? AND m.session_id < ?))
             AND (? IS NULL OR s.state = ?) ORDER BY m.active_at DESC, m.session_id DESC LIMIT ?",
            me, nano, at, at, id, state, state, limit
        )
        .fetch_all(db.pool())
        .await?,
    };
    Ok(cards)
}
