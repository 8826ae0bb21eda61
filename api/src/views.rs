//! What the API shows of its rows. Nothing is shown that is not named here.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    nano::{Format, License, Status, VersionState},
    upload::UploadState,
    user::{Language, Role, UserStatus},
};
use infra::{
    db::{nano_lists::Card, nano_versions::VersionRow, uploads::Upload, users::User},
    storage::Key,
};
use queue::ledger::JobRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Error,
    reply::{maybe_time, time},
    state::AppState,
    words,
};

/// How long a thumbnail's address is good for.
const THUMBNAIL_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The signed-in person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub id: Uuid,
    pub email: String,
    pub username: String,
    pub name: String,
    pub bio: String,
    #[schema(schema_with = words::role)]
    pub role: Role,
    #[schema(schema_with = words::user_status)]
    pub status: UserStatus,
    #[schema(schema_with = words::language)]
    pub language: Language,
    pub email_verified: bool,
    pub creator_terms_version: Option<String>,
    /// What this role may do.
    pub permissions: Vec<&'static str>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<User> for Me {
    fn from(user: User) -> Self {
        let permissions = domain::user::Permission::ALL.iter().filter(|right| user.role.allows(**right));
        Self {
            id: user.id.0,
            email: user.email,
            username: user.username,
            name: user.name,
            bio: user.bio,
            role: user.role,
            status: user.status,
            language: user.language,
            email_verified: user.email_verified_at.is_some(),
            creator_terms_version: user.creator_terms_version,
            permissions: permissions.map(|right| right.as_str()).collect(),
            created_at: user.created_at,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Creator {
    pub id: Uuid,
    pub username: String,
    pub name: String,
}

/// Addresses of one picture in three widths, good for an hour.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thumbnail {
    #[serde(rename = "320")]
    pub w320: String,
    #[serde(rename = "640")]
    pub w640: String,
    #[serde(rename = "1280")]
    pub w1280: String,
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
    /// 0–5.
    pub average_rating: f64,
    #[serde(serialize_with = "maybe_time")]
    pub published_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl Nano {
    /// Signs the thumbnails' addresses: a computation, no request to the store.
    pub async fn of(state: &AppState, card: Card) -> Result<Self, Error> {
        let Card { nano, creator_username, creator_name, categories } = card;
        let thumbnail = match nano.thumbnail_key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => Some(Thumbnail {
                w320: thumbnail_url(state, key, 320).await?,
                w640: thumbnail_url(state, key, 640).await?,
                w1280: thumbnail_url(state, key, 1280).await?,
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
            rating_count: nano.rating_count,
            average_rating: nano.average_rating,
            published_at: nano.published_at,
            created_at: nano.created_at,
            updated_at: nano.updated_at,
        })
    }

    pub async fn list(state: &AppState, cards: Vec<Card>) -> Result<Vec<Self>, Error> {
        let mut list = Vec::with_capacity(cards.len());
        for card in cards {
            list.push(Self::of(state, card).await?);
        }
        Ok(list)
    }
}

async fn thumbnail_url(state: &AppState, prefix: &str, width: u32) -> Result<String, Error> {
    let key: Key = format!("{prefix}/{width}.webp")
        .parse()
        .map_err(|error| Error::Internal(format!("a stored thumbnail key: {error}")))?;
    let name = format!("{width}.webp");
    let url = state.storage.presign_get(&key, THUMBNAIL_LIFETIME, &name).await;
    url.map(String::from).map_err(|error| Error::Unavailable(error.to_string()))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UploadView {
    pub id: Uuid,
    pub nano_id: Uuid,
    pub filename: String,
    #[schema(schema_with = words::upload_state)]
    pub state: UploadState,
    /// Bytes received, once all are.
    pub size: Option<u64>,
    /// Hex, once all bytes are received.
    pub sha256: Option<String>,
    /// The job that checks it, once finished.
    pub job_id: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub expires_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<Upload> for UploadView {
    fn from(upload: Upload) -> Self {
        Self {
            id: upload.id.0,
            nano_id: upload.nano_id.0,
            filename: upload.filename,
            state: upload.state,
            size: upload.size,
            sha256: upload.sha256.map(hex::encode),
            job_id: upload.job_id,
            expires_at: upload.expires_at,
            created_at: upload.created_at,
        }
    }
}

/// A version in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    pub id: Uuid,
    /// 1, 2, 3 … per nano.
    pub number: u32,
    pub semver: String,
    pub changelog: String,
    #[schema(schema_with = words::version_state)]
    pub state: VersionState,
    /// Bytes of the archive that is served, once it is made.
    pub size: Option<u64>,
    /// Hex, of the archive that is served.
    pub sha256: Option<String>,
    #[serde(serialize_with = "maybe_time")]
    pub published_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<&VersionRow> for Version {
    fn from(row: &VersionRow) -> Self {
        Self {
            id: row.id.0,
            number: row.number,
            semver: row.semver.clone(),
            changelog: row.changelog.clone(),
            state: row.state,
            size: row.canonical_size,
            sha256: row.canonical_sha256.as_ref().map(hex::encode),
            published_at: row.published_at,
            created_at: row.created_at,
        }
    }
}

/// A version with everything its viewer may know.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionDetail {
    #[serde(flatten)]
    pub version: Version,
    /// The archive's entries with type and size.
    pub manifest: Option<Value>,
    /// What the archive check found. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
    /// What the content scan found. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan: Option<Value>,
    /// Bytes as uploaded. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_size: Option<u64>,
    /// Hex, of the bytes as uploaded. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_sha256: Option<String>,
    /// The steps this version went through. For the creator and the moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Vec<Job>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Progress {
    pub done: u64,
    pub total: Option<u64>,
    pub note: String,
}

/// A step of background work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: Uuid,
    pub kind: String,
    #[schema(example = "running")]
    pub state: &'static str,
    /// Times it was started.
    pub runs: u32,
    /// Runs that failed by its own fault.
    pub failures: u32,
    pub progress: Option<Progress>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// Of the last run.
    #[serde(serialize_with = "maybe_time")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// From when it could run to the start of its last run.
    pub wait_ms: Option<i64>,
    /// From the start of its last run to its end.
    pub run_ms: Option<i64>,
    /// The last error: the text for those who operate jobs, a hint for everybody else.
    pub error: Option<String>,
}

impl Job {
    /// `full` shows error texts, which may speak of the inside of the system.
    pub fn of(row: JobRow, full: bool) -> Self {
        let ended = row.finished_at;
        let error = row.last_error.map(|error| {
            if full { error } else { "The step met an error; it is retried by itself while that makes sense.".into() }
        });
        Self {
            id: row.id.0,
            kind: row.kind,
            state: row.state.as_str(),
            runs: row.runs,
            failures: row.failures,
            progress: row.progress_done.map(|done| Progress {
                done,
                total: row.progress_total,
                note: row.progress_note.unwrap_or_default(),
            }),
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: ended,
            wait_ms: row.started_at.map(|started| (started - row.run_at).num_milliseconds().max(0)),
            run_ms: row.started_at.zip(ended).map(|(started, ended)| (ended - started).num_milliseconds()),
            error,
        }
    }
}
