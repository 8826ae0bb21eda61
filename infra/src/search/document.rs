use chrono::{DateTime, Utc};
use domain::ids::{NanoId, UserId};
use serde::Serialize;

/// Bytes of body text that are searched; what is beyond is left out.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// The status of what queries return.
pub(super) const PUBLISHED: &str = "published";
/// The status of what a removal leaves behind.
pub(super) const REMOVED: &str = "removed";

/// What the index knows about one nano.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    pub id: NanoId,
    pub title: String,
    pub description: String,
    /// Slugs.
    pub categories: Vec<String>,
    pub creator_id: UserId,
    pub creator_name: String,
    /// 1 to 3.
    pub level: u8,
    /// ISO 639-1, as `de`.
    pub language: String,
    pub format: String,
    pub duration_minutes: u32,
    /// 0 to 5.
    pub average_rating: f64,
    pub download_count: u64,
    /// Only `published` is ever found.
    pub status: String,
    pub published_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// Text of the archive's files; the first 64 KiB are searched.
    pub body: String,
}

impl Document {
    /// The searched part of the body.
    pub(super) fn searched_body(&self) -> &str {
        &self.body[..self.body.floor_char_boundary(MAX_BODY_BYTES)]
    }
}
