//! What people have asked about their own data, and asking for somebody who cannot.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    data_request::{Cause, Kind, Receipt, State as RequestState},
    ids::UserId,
    user::UserStatus,
};
use http::header;
use infra::db::{
    audit_log,
    data_requests::{self, DataRequest, Filter},
    users,
};
use jobs::Asked;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time, time},
    request::{
        ClientInfo, Json, Page, RequirePermission, StrictQuery, UsersManage,
        fields::{self, Fields, Input},
    },
    routes::{
        accounts::{data_export::too_soon, deletion::check_admins},
        jobs::reason::reason,
    },
    state::AppState,
    views::words,
    write::transaction,
};

const PATH: &str = "/api/v1/admin/data-requests";
/// What a person's id looks like, for messages.
const AN_ID: &str = "01930000-0000-7000-8000-000000000001";

/// Which requests.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DataRequestQuery {
    /// Whose.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    #[param(schema_with = words::data_request_kind)]
    kind: Option<Kind>,
    #[param(schema_with = words::data_request_state)]
    state: Option<RequestState>,
    #[param(ignore)]
    page: Page,
}

impl Input for DataRequestQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let user_id = fields.optional("user_id", fields::parsed::<UserId>(AN_ID));
        let kind = fields.optional("kind", fields::word);
        let state = fields.optional("state", fields::word);
        Some(Self { user_id, kind, state, page: Page::read(fields) })
    }
}

/// A request about somebody's data.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataRequestRow {
    pub id: Uuid,
    /// `null` once the person is erased.
    pub user_id: Option<Uuid>,
    #[schema(schema_with = words::data_request_kind)]
    pub kind: Kind,
    #[schema(schema_with = words::data_request_cause)]
    pub cause: Cause,
    #[schema(schema_with = words::data_request_state)]
    pub state: RequestState,
    #[serde(serialize_with = "time")]
    pub asked_at: DateTime<Utc>,
    /// An erasure begins then.
    #[serde(serialize_with = "time")]
    pub due_at: DateTime<Utc>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// Of an export.
    pub bytes: Option<u64>,
    /// The export's file goes then.
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Of an erasure that has begun: its steps with their times, and how many of what it has erased. Nothing of the person.
    #[schema(value_type = Option<Object>, example = json!({"steps": [], "erased": {"nanos": 3, "mails": 12}}))]
    pub receipt: Option<Receipt>,
}

impl From<DataRequest> for DataRequestRow {
    fn from(request: DataRequest) -> Self {
        Self {
            id: request.id.0,
            user_id: request.user_id.map(|user| user.0),
            kind: request.kind,
            cause: request.cause,
            state: request.state,
            asked_at: request.created_at,
            due_at: request.due_at,
            finished_at: request.finished_at,
            bytes: request.file_bytes,
            expires_at: request.expires_at,
            receipt: request.receipt.map(|receipt| receipt.0),
        }
    }
}

/// What people have asked about their own data, the newest first.
#[utoipa::path(get, path = "/admin/data-requests", tag = "data protection", params(DataRequestQuery, Page),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of it", body = Envelope<Vec<DataRequestRow>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])),
        ("x-permission" = json!("users:manage"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<UsersManage>,
    StrictQuery(query): StrictQuery<DataRequestQuery>,
) -> Result<Reply<Vec<DataRequestRow>>, Error> {
    let filter = Filter { user: query.user_id, kind: query.kind, state: query.state };
    let (found, total) = data_requests::page(&state.db, filter, query.page.offset(), query.page.limit).await?;
    let rows = found.into_iter().map(DataRequestRow::from).collect();
    Ok(Reply::ok(rows).meta(query.page.meta(total)).header(header::CACHE_CONTROL, "no-store"))
}

#[derive(ToSchema)]
pub struct NewDataRequest {
    /// Whose data.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(schema_with = words::data_request_kind)]
    kind: Kind,
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "asked by letter, identity checked")]
    reason: String,
}

impl Input for NewDataRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let user_id = fields.required("user_id", fields::parsed::<UserId>(AN_ID));
        let kind = fields.required("kind", fields::word);
        let reason = fields.required("reason", reason);
        Some(Self { user_id: user_id?, kind: kind?, reason: reason? })
    }
}

/// Asks for somebody who cannot: an export, which only its owner can download, or an erasure, which they can take back for 30 days.
/// A mail tells them. The end of your own account you ask for yourself, with a proof that it is you.
#[utoipa::path(post, path = "/admin/data-requests", tag = "data protection", request_body = NewDataRequest,
    security(("bearer" = [])),
    responses((status = 202, description = "It is begun", body = Envelope<DataRequestRow>,
        headers(("Location" = String, description = "The list")))),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::OwnAccount, Code::AccountState,
        Code::ExportTooSoon, Code::ErasureWaits, Code::LastAdmin
    ])), ("x-permission" = json!("users:manage"))))]
pub async fn begin(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<UsersManage>,
    Json(form): Json<NewDataRequest>,
) -> Result<Reply<DataRequestRow>, Error> {
    // Password and second factor are asked for where people end their own accounts.
    if form.kind == Kind::Erasure && form.user_id == user.id {
        return Err(Error::new(Code::OwnAccount));
    }
    let now = state.clock.now();
    let request = transaction!(state.db, |tx| {
        let about = users::get_in(tx, form.user_id).await?.ok_or_else(Error::not_found)?;
        if form.kind == Kind::Erasure {
            // Before the account's own row: everybody takes them in one order.
            check_admins(tx, &about).await?;
        }
        let about = users::lock(tx, form.user_id).await?.ok_or_else(Error::not_found)?;
        // Only who can sign in can download an export.
        let possible = match form.kind {
            Kind::Export => about.status.may_sign_in(),
            Kind::Erasure => about.status != UserStatus::Deleted,
        };
        if !possible {
            return Err(Error::new(Code::AccountState));
        }
        let asked = match form.kind {
            Kind::Export => jobs::ask_export(tx, &about, Cause::Admin, now).await?,
            Kind::Erasure => {
                jobs::ask_erasure(tx, &about, Cause::Admin, state.settings.public_url.as_str(), now).await?
            }
        };
        let request = match (asked, form.kind) {
            (Asked::New(request), _) => request,
            (Asked::UnderWay(request), Kind::Export) => return Ok(request),
            (Asked::UnderWay(_), Kind::Erasure) => return Err(Error::new(Code::ErasureWaits)),
            (Asked::TooSoon(next), _) => return Err(too_soon(next, now)),
        };
        let details: Value = json!({"request": request, "kind": form.kind, "reason": form.reason});
        let entry = client.audit("user.data_request", Some(user.id), ("user", Some(about.id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(request)
    })?;
    let row = data_requests::get(&state.db, request).await?.ok_or_else(Error::not_found)?;
    Ok(Reply::accepted(DataRequestRow::from(row), PATH).header(header::CACHE_CONTROL, "no-store"))
}
