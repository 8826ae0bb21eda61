//! Nanos as they stand in lists.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    nano::{Format, License, Status},
    user::Language,
};
use infra::{
    db::{nano_edits::NanoEdit, nano_lists::Card},
    storage::{Key, Storage},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::{
    answers::OLDEST,
    reply::{Error, maybe_time, time},
};

/// How long a thumbnail's address is good for at least: an hour, in an answer that was kept as long as may be.
const THUMBNAIL_LIFETIME: Duration = OLDEST.saturating_add(Duration::from_secs(60 * 60));

#[derive(Debug, Serialize, ToSchema)]
pub struct Creator {
    pub id: Uuid,
    pub username: String,
    pub name: String,
}

/// Addresses of one picture in three widths, good for an hour at least.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thumbnail {
    #[serde(rename = "320")]
    pub w320: String,
    #[serde(rename = "640")]
    pub w640: String,
    #[serde(rename = "1280")]
    pub w1280: String,
}

/// A title and a description that are not public yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingEdit {
    pub title: String,
    pub description: String,
    /// What the scan found, so that a person has to look. Absent while it has not run, which takes seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Value>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<NanoEdit> for PendingEdit {
    fn from(edit: NanoEdit) -> Self {
        let NanoEdit { title, description, findings, created_at } = edit;
        Self { title, description, findings, created_at }
    }
}

/// A nano as it stands in lists.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nano {
    pub id: Uuid,
    pub title: String,
    pub description: String,
    pub duration_minutes: u32,
    /// 1 foundation, 2 intermediate, 3 advanced.
    #[schema(minimum = 1, maximum = 3)]
    pub level: u8,
    #[schema(schema_with = words::language)]
    pub language: Language,
    #[schema(schema_with = words::format)]
    pub format: Format,
    #[schema(schema_with = words::license)]
    pub license: License,
    #[schema(schema_with = words::status)]
    pub status: Status,
    /// Slugs.
    pub categories: Vec<String>,
    pub creator: Creator,
    pub thumbnail: Option<Thumbnail>,
    pub download_count: u32,
    pub rating_count: u32,
    /// 1–5 to the hundredth; 0 without ratings.
    pub average_rating: f64,
    /// How many have it among their favourites.
    pub favorite_count: u32,
    /// Raised by every edit: an edit may name it in `If-Match`, in quotes.
    #[schema(example = 1)]
    pub revision: u32,
    /// What title and description are to become. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_edit: Option<PendingEdit>,
    #[serde(serialize_with = "maybe_time")]
    pub published_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl Nano {
    /// Signs the thumbnails' addresses: a computation, no request to the store.
    pub async fn of(storage: &Storage, card: Card) -> Result<Self, Error> {
        let Card { nano, creator_username, creator_name, rating_count, average_hundredths, favorite_count, categories } =
            card;
        // A wrong count is below zero until it is mended.
        let count = |count: i64| u32::try_from(count).unwrap_or(0);
        let thumbnail = match nano.thumbnail_key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => Some(Thumbnail {
                w320: thumbnail_url(storage, key, 320).await?,
                w640: thumbnail_url(storage, key, 640).await?,
                w1280: thumbnail_url(storage, key, 1280).await?,
            }),
            None => None,
        };
        Ok(Self {
            id: nano.id.0,
            title: nano.title,
            description: nano.description,
            duration_minutes: nano.duration_minutes,
            level: nano.level,
            language: nano.language,
            format: nano.format,
            license: nano.license,
            status: nano.status,
            categories,
            creator: Creator { id: nano.creator_id.0, username: creator_username, name: creator_name },
            thumbnail,
            download_count: nano.download_count,
            rating_count: count(rating_count),
            average_rating: f64::from(count(average_hundredths)) / 100.0,
            favorite_count: count(favorite_count),
            revision: nano.revision,
            pending_edit: None,
            published_at: nano.published_at,
            created_at: nano.created_at,
            updated_at: nano.updated_at,
        })
    }

    pub async fn list(storage: &Storage, cards: Vec<Card>) -> Result<Vec<Self>, Error> {
        let mut list = Vec::with_capacity(cards.len());
        for card in cards {
            list.push(Self::of(storage, card).await?);
        }
        Ok(list)
    }
}

async fn thumbnail_url(storage: &Storage, prefix: &str, width: u32) -> Result<String, Error> {
    let key: Key = format!("{prefix}/{width}.webp")
        .parse()
        .map_err(|error| Error::Internal(format!("a stored thumbnail key: {error}")))?;
    let name = format!("{width}.webp");
    let url = storage.presign_get_steadily(&key, THUMBNAIL_LIFETIME, &name).await;
    url.map(String::from).map_err(|error| Error::Unavailable(error.to_string()))
}
