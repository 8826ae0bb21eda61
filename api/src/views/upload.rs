//! Uploads.

use chrono::{DateTime, Utc};
use domain::upload::UploadState;
use infra::db::uploads::Upload;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::reply::time;

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
