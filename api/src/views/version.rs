//! Versions of a nano, in a list and with everything.

use chrono::{DateTime, Utc};
use domain::nano::VersionState;
use infra::db::nano_versions::VersionRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Job, words};
use crate::reply::{maybe_time, time};

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

/// What a step could not do with a file, without any harm to the upload.
#[derive(Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Note {
    /// Name of the file in the archive; empty when it is not known which.
    #[schema(example = "skript.pdf")]
    pub entry: String,
    /// Stable.
    #[schema(example = "pdf_encrypted")]
    pub code: String,
    /// What to do about it.
    pub hint: Hint,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hint {
    pub de: String,
    pub en: String,
}

impl Note {
    /// Of the thumbnails, then of the text.
    pub fn of(row: &VersionRow) -> Vec<Self> {
        let text = row.metadata.as_ref().and_then(|metadata| metadata.get("notes"));
        let lists = [row.thumbnail_notes.as_ref(), text].into_iter().flatten().filter_map(Value::as_array);
        // Of a version that was read by an older build there may be none that can be told.
        lists.flatten().filter_map(|note| serde_json::from_value(note.clone()).ok()).collect()
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
    /// What cost the nano a thumbnail or some words in the search, and what to do about it. For the creator and the
    /// moderators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Vec<Note>>,
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
