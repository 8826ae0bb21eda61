//! Chats, their messages, and reports about them.

use chrono::{DateTime, Utc};
use domain::chat::{ChatState, ReportReason, ReportState};
use infra::db::{chat_lists::Card, chat_messages, chat_reports};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::reply::{maybe_time, time};

#[derive(Debug, Serialize, ToSchema)]
pub struct ChatNano {
    pub id: Uuid,
    /// Empty once the nano is deleted and forgotten.
    pub title: String,
}

/// The other person, and how far they have read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatPerson {
    pub id: Uuid,
    pub username: String,
    pub name: String,
    /// The last message that they have read; 0: none.
    pub read_seq: u32,
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
}

/// The newest message, for a list of chats.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastMessage {
    pub sender_id: Uuid,
    pub text: String,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// A chat as one of its two people sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chat {
    pub id: Uuid,
    pub nano: ChatNano,
    #[schema(schema_with = words::chat_state)]
    pub state: ChatState,
    /// Whether the nano is the caller's own.
    pub own_nano: bool,
    pub other: ChatPerson,
    /// Messages of the other person behind `read_seq`.
    pub unread: u32,
    /// The last message that the caller has read; 0: none.
    pub read_seq: u32,
    /// The number of the newest message; 0 while there is none.
    pub last_seq: u32,
    pub last_message: Option<LastMessage>,
    /// When something was written last.
    #[serde(serialize_with = "time")]
    pub active_at: DateTime<Utc>,
    #[serde(serialize_with = "maybe_time")]
    pub closed_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<Card> for Chat {
    fn from(card: Card) -> Self {
        let last = card.last_sender_id.zip(card.last_text).zip(card.last_at);
        Self {
            id: card.id.0,
            nano: ChatNano { id: card.nano_id.0, title: card.nano_title },
            state: card.state,
            own_nano: card.creator_id != card.other_id,
            other: ChatPerson {
                id: card.other_id.0,
                username: card.other_username,
                name: card.other_name,
                read_seq: card.other_read_seq,
                read_at: card.other_read_at,
            },
            unread: card.unread,
            read_seq: card.read_seq,
            last_seq: card.last_seq,
            last_message: last.map(|((sender, text), created_at)| LastMessage {
                sender_id: sender.0,
                text,
                created_at,
            }),
            active_at: card.active_at,
            closed_at: card.closed_at,
            created_at: card.created_at,
        }
    }
}

/// A message. Numbers have no gap, and times grow with them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    pub seq: u32,
    /// As its sender has named it, or a new one.
    pub id: Uuid,
    pub sender_id: Uuid,
    /// Plain text; empty when it was taken away.
    pub text: String,
    /// Taken away by a moderator, or with its sender's account.
    pub removed: bool,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When the other person has read it.
    #[serde(serialize_with = "maybe_time")]
    pub read_at: Option<DateTime<Utc>>,
}

impl From<chat_messages::Message> for Message {
    fn from(message: chat_messages::Message) -> Self {
        Self {
            seq: message.seq,
            id: message.id.0,
            sender_id: message.sender_id.0,
            text: message.text,
            removed: message.removed_at.is_some(),
            created_at: message.created_at,
            read_at: message.read_at,
        }
    }
}

/// A report about a message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    pub id: Uuid,
    pub session_id: Uuid,
    pub seq: u32,
    #[schema(schema_with = words::report_reason)]
    pub reason: ReportReason,
    pub note: String,
    #[schema(schema_with = words::report_state)]
    pub state: ReportState,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<chat_reports::Report> for Report {
    fn from(report: chat_reports::Report) -> Self {
        Self {
            id: report.id.0,
            session_id: report.session_id.0,
            seq: report.seq,
            reason: report.reason,
            note: report.note,
            state: report.state,
            created_at: report.created_at,
        }
    }
}
