//! Ratings as they are shown.

use chrono::{DateTime, Utc};
use domain::{
    rating::{Distribution, Part, RatingStatus},
    user::UserStatus,
};
use infra::db::{rating_lists::RatingCard, rating_words::Words};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::reply::{maybe_time, time};

/// Whoever wrote a rating.
#[derive(Debug, Serialize, ToSchema)]
pub struct Author {
    pub id: Uuid,
    pub username: String,
    pub name: String,
}

/// Words of a rating that are not public yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingOpinion {
    #[schema(schema_with = words::part)]
    pub part: Part,
    pub text: String,
    /// What the scan found, so that a person has to look. Absent while it has not run, which takes seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Value>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<Words> for PendingOpinion {
    fn from(words: Words) -> Self {
        let Words { part, text, findings, created_at, .. } = words;
        Self { part, text, findings, created_at }
    }
}

/// What somebody thinks of a nano. Comment and reply are plain text: show them as text, whatever they look like.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rating {
    pub id: Uuid,
    pub nano_id: Uuid,
    /// Null when they have left.
    pub author: Option<Author>,
    #[schema(minimum = 1, maximum = 5)]
    pub score: u8,
    /// May be empty.
    pub comment: String,
    /// Of the nano's creator; may be empty.
    pub reply: String,
    #[serde(serialize_with = "maybe_time")]
    pub replied_at: Option<DateTime<Utc>>,
    #[schema(schema_with = words::rating_status)]
    pub status: RatingStatus,
    /// Why a moderator removed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal_reason: Option<String>,
    /// How many found it helpful.
    pub helpful_count: u32,
    /// Raised by every edit: an edit may name it in `If-Match`, in quotes.
    #[schema(example = 1)]
    pub revision: u32,
    /// What comment and reply are to become. For whoever wrote the rating, the nano's creator (the reply alone), and the
    /// moderators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingOpinion>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl Rating {
    /// Without what is not public.
    pub fn of(card: RatingCard) -> Self {
        let RatingCard { rating, author_username, author_name, author_status } = card;
        // Until their ratings are deleted with their names.
        let left = author_status.is_none_or(|status| status == UserStatus::Deleted);
        let author = match (author_username, author_name) {
            (Some(username), Some(name)) if !left => Some(Author { id: rating.user_id.0, username, name }),
            _ => None,
        };
        Self {
            id: rating.id.0,
            nano_id: rating.nano_id.0,
            comment: if left { String::new() } else { rating.comment },
            author,
            score: rating.score,
            reply: rating.reply,
            replied_at: rating.replied_at,
            status: rating.status,
            removal_reason: rating.removal_reason,
            helpful_count: rating.helpful_count,
            revision: rating.revision,
            pending: Vec::new(),
            created_at: rating.created_at,
            updated_at: rating.updated_at,
        }
    }
}

/// How often each score was given.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scores {
    #[serde(rename = "1")]
    pub one: u32,
    #[serde(rename = "2")]
    pub two: u32,
    #[serde(rename = "3")]
    pub three: u32,
    #[serde(rename = "4")]
    pub four: u32,
    #[serde(rename = "5")]
    pub five: u32,
}

impl From<Distribution> for Scores {
    fn from(Distribution([one, two, three, four, five]): Distribution) -> Self {
        Self { one, two, three, four, five }
    }
}
