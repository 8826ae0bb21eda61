//! A copy of everything that is kept about oneself.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::data_request::{Cause, Kind, State as RequestState};
use http::header;
use infra::{
    db::{
        audit_log,
        data_requests::{self, DataRequest},
        users,
    },
    storage::Key,
};
use jobs::Asked;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time, time},
    request::{ClientInfo, CurrentUser},
    state::AppState,
    views::words,
    write::transaction,
};

pub const PATH: &str = "/api/v1/me/data-export";

/// Where a copy of your data stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataExport {
    #[schema(schema_with = words::data_request_state)]
    pub state: RequestState,
    #[serde(serialize_with = "time")]
    pub asked_at: DateTime<Utc>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Of the ZIP; `null` until it is made.
    #[schema(example = 48_211)]
    pub bytes: Option<u64>,
    /// Until then it can be downloaded.
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Another one can be asked for from then on; `null`: now, or once this one is made.
    #[serde(serialize_with = "maybe_time")]
    pub next_at: Option<DateTime<Utc>>,
}

impl DataExport {
    fn of(request: DataRequest, now: DateTime<Utc>) -> Self {
        let last = Some((request.created_at, request.state)).filter(|(_, state)| !state.is_live());
        Self {
            state: request.state,
            asked_at: request.created_at,
            finished_at: request.finished_at,
            bytes: request.file_bytes,
            expires_at: request.expires_at,
            next_at: domain::data_request::next_export(last, now),
        }
    }
}

async fn shown(state: &AppState, user: &CurrentUser) -> Result<DataExport, Error> {
    let request = data_requests::newest(&state.db, user.id, Kind::Export).await?.ok_or_else(Error::not_found)?;
    Ok(DataExport::of(request, state.clock.now()))
}

/// Asks for a copy of everything that is kept about you: a ZIP with a JSON file for each kind of data and your own files. A mail says
/// when it is ready, so it needs a confirmed address. While one is being made you get that one, and the next one a day after it was
/// asked for at the earliest.
#[utoipa::path(post, path = "/me/data-export", tag = "data protection", security(("bearer" = [])),
    responses((status = 202, description = "It is being made", body = Envelope<DataExport>,
        headers(("Location" = String, description = "Where it stands")))),
    extensions(("x-errors" = json!([Code::EmailNotVerified, Code::ExportTooSoon])),
        ("x-permission" = json!("signed_in"))))]
pub async fn ask(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
) -> Result<Reply<DataExport>, Error> {
    user.require_verified()?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let account = users::lock(tx, user.id).await?.ok_or_else(Error::not_found)?;
        match jobs::ask_export(tx, &account, Cause::Person, now).await? {
            Asked::UnderWay(_) => {}
            Asked::TooSoon(next) => return Err(too_soon(next, now)),
            Asked::New(request) => {
                let details = json!({"request": request});
                let entry = client.audit("user.export_ask", Some(user.id), ("user", Some(user.id.0)), details, now);
                audit_log::append(tx, &entry).await?;
            }
        }
        Ok(())
    })?;
    Ok(Reply::accepted(shown(&state, &user).await?, PATH).header(header::CACHE_CONTROL, "no-store"))
}

/// 429 with the time to wait.
pub fn too_soon(next: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let wait = (next - now).to_std().unwrap_or_default();
    Error::after(Code::ExportTooSoon, json!({"next_at": next}), wait)
}

/// Where the newest copy of your data stands.
#[utoipa::path(get, path = "/me/data-export", tag = "data protection", security(("bearer" = [])),
    responses((status = 200, description = "It", body = Envelope<DataExport>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn show(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<DataExport>, Error> {
    Ok(Reply::ok(shown(&state, &user).await?).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(Serialize, ToSchema)]
pub struct ExportLink {
    pub url: String,
    /// Seconds the link works.
    pub expires_in: u64,
    #[schema(example = "nano-data-2026-12-01.zip")]
    pub filename: String,
}

/// A link to the newest copy of your data, that works for a few minutes. There is none before it is made, and after its week.
#[utoipa::path(get, path = "/me/data-export/download", tag = "data protection", security(("bearer" = [])),
    responses((status = 200, description = "Signed", body = Envelope<ExportLink>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn download(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<ExportLink>, Error> {
    let request = data_requests::newest(&state.db, user.id, Kind::Export).await?;
    let kept = |request: &DataRequest| {
        request.state == RequestState::Done && request.expires_at.is_some_and(|until| until > state.clock.now())
    };
    let request = request.filter(kept).ok_or_else(Error::not_found)?;
    let filename = format!("nano-data-{}.zip", request.created_at.format("%Y-%m-%d"));
    let lifetime = state.settings.download_link_lifetime;
    let url = state.storage.presign_get(&Key::export(request.id), lifetime, &filename).await;
    let url = url.map_err(|error| Error::Unavailable(error.to_string()))?;
    let link = ExportLink { url: url.into(), expires_in: lifetime.as_secs(), filename };
    Ok(Reply::ok(link).header(header::CACHE_CONTROL, "no-store"))
}
