//! The limits of each kind of job in the whole fleet: concurrency limits and rate limits, set by operators.

use axum::extract::State;
use db::Tx;
use http::{StatusCode, header};
use infra::db::audit_log;
use queue::{
    control::{self, BadLimit, NewLimit},
    ledger::{By, controls::limits},
};
use utoipa::{IntoParams, ToSchema};

use super::kinds;
use crate::{
    reply::{Code, Envelope, Error, Issue, Reply},
    request::{
        ClientInfo, IfMatch, JobsOperate, JobsRead, Json, Name, Path, Query, RequirePermission,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::{Reasoned, entry, reason},
    state::AppState,
    views::{LimitView, revision},
    write::transaction,
};

/// All limits, by kind.
#[utoipa::path(get, path = "/admin/jobs/limits", tag = "admin jobs", security(("bearer" = [])),
    responses((status = 200, description = "Kinds without limits are not in it", body = Envelope<Vec<LimitView>>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
) -> Result<Reply<Vec<LimitView>>, Error> {
    let limits = limits::list(&state.db).await?;
    let limits: Vec<_> = limits.into_iter().map(LimitView::from).collect();
    Ok(Reply::ok(limits).header(header::CACHE_CONTROL, "private, no-cache").tagged())
}

/// The limits that a kind shall have from now on. What is left out is not limited.
#[derive(ToSchema)]
pub struct LimitForm {
    #[schema(required = false, minimum = 1, maximum = 100_000, example = 4)]
    max_running: Option<u32>,
    /// At most `max_running`.
    #[schema(required = false, minimum = 1, maximum = 100_000)]
    max_running_per_tenant: Option<u32>,
    /// Starts per `rate_seconds`.
    #[schema(required = false, minimum = 1, maximum = 100_000)]
    rate: Option<u32>,
    /// At most a day; 1 when left out.
    #[schema(required = false, minimum = 1, maximum = 86_400)]
    rate_seconds: Option<u32>,
    /// Starts that may come at once; 1 when left out.
    #[schema(required = false, minimum = 1, maximum = 100_000)]
    burst: Option<u32>,
    /// Kept in the audit log, and shown beside the limit.
    #[schema(min_length = 1, max_length = 500, example = "the mail server takes 10 a second")]
    reason: String,
}

impl LimitForm {
    const fn limit(&self) -> NewLimit {
        NewLimit {
            max_running: self.max_running,
            max_running_per_tenant: self.max_running_per_tenant,
            rate: self.rate,
            rate_seconds: self.rate_seconds,
            burst: self.burst,
        }
    }
}

impl Input for LimitForm {
    fn read(fields: &mut Fields) -> Option<Self> {
        let count = |raw: fields::Raw| fields::whole(1, control::LIMIT_MAX)(raw).map(small);
        let form = Self {
            max_running: fields.optional("max_running", count),
            max_running_per_tenant: fields.optional("max_running_per_tenant", count),
            rate: fields.optional("rate", count),
            rate_seconds: fields
                .optional("rate_seconds", |raw| fields::whole(1, control::RATE_SECONDS_MAX)(raw).map(small)),
            burst: fields.optional("burst", count),
            reason: fields.required("reason", reason).unwrap_or_default(),
        };
        if fields.is_good() {
            match form.limit().check() {
                Ok(()) => {}
                Err(BadLimit::Nothing) => fields.error("max_running", Issue::Missing),
                Err(BadLimit::TenantAboveAll) => {
                    let most = u64::from(form.max_running.unwrap_or_default());
                    fields.error("max_running_per_tenant", Issue::Range(1, most));
                }
                Err(BadLimit::NoRate) => fields.error("rate", Issue::Missing),
            }
        }
        Some(form)
    }
}

/// Within the bounds just checked.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Sets the limits of a kind, for the whole fleet and at once. Jobs beyond `max_running` step aside (`blocked`) and are let
/// go in turn; starts beyond the rate are put off, each to its own time. `If-Match` with the limit's `revision` in quotes refuses
/// it (412) when somebody else has set or lifted it since.
#[utoipa::path(put, path = "/admin/jobs/limits/{kind}", tag = "admin jobs",
    params(("kind" = String, Path, example = "send_email")), request_body = LimitForm, security(("bearer" = [])),
    responses((status = 200, description = "In force", body = Envelope<LimitView>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn set(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    if_match: IfMatch,
    Path(kind): Path<Name>,
    Json(form): Json<LimitForm>,
) -> Result<Reply<LimitView>, Error> {
    kinds::known(&state, &kind).await?;
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    let limit = transaction!(state.db, |tx| {
        check(tx, &if_match, &kind).await?;
        let (limit, act) = control::set_limit(tx, &kind, form.limit(), &by).await?;
        // Its time is the database's.
        let limit = limits::get(tx, &kind).await?.unwrap_or(limit);
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(limit)
    })?;
    let limit = LimitView::from(limit);
    let revision = limit.revision.clone();
    Ok(Reply::ok(limit).revised(revision))
}

/// Nobody else sets or lifts limits until the transaction ends.
async fn check(tx: &mut Tx, if_match: &IfMatch, kind: &str) -> Result<(), Error> {
    if !if_match.is_given() {
        return Ok(());
    }
    let current = limits::current(tx, kind).await?;
    if_match.check(&current.as_ref().map_or_else(|| "none".to_owned(), revision))
}

/// Why something goes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct ReasonParams {
    /// Kept in the audit log.
    #[param(min_length = 1, max_length = 500, example = "the mail server was enlarged")]
    reason: String,
}

/// Lifts all limits of a kind; what they held back goes on.
#[utoipa::path(delete, path = "/admin/jobs/limits/{kind}", tag = "admin jobs",
    params(("kind" = String, Path, example = "send_email"), ReasonParams), security(("bearer" = [])),
    responses((status = 204, description = "Lifted")),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    if_match: IfMatch,
    Path(kind): Path<Name>,
    Query(form): Query<Reasoned>,
) -> Result<StatusCode, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        check(tx, &if_match, &kind).await?;
        let act = control::remove_limit(tx, &kind, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
