//! Failures by their cause.

use axum::extract::State;
use chrono::{DateTime, Utc};
use queue::ledger::{
    list::{CursorError, Fingerprint, Total},
    stats::error_groups::{self, Filter, Group, Place},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::admin_jobs::{TIME, fingerprint, kind, limit, paged};
use crate::{
    code::Code,
    error::Error,
    extract::{JobsRead, RequirePermission, StrictQuery},
    fields::{self, Fields, Input, line, parsed},
    reply::{Envelope, Meta, Reply, time},
    state::AppState,
};

/// Which groups.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct ErrorsParams {
    #[param(example = "send_email", pattern = r"^[a-z0-9_]{1,48}$")]
    kind: Option<String>,
    /// The failures' class, as `timeout` or `panic`.
    #[param(max_length = 32)]
    class: Option<String>,
    #[param(pattern = "^[0-9a-f]{32}$")]
    fingerprint: Option<String>,
    /// Last seen at this time or later.
    since: Option<DateTime<Utc>>,
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

pub struct ErrorsQuery {
    filter: Filter,
    cursor: Option<String>,
    limit: u32,
}

impl Input for ErrorsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let filter = Filter {
            kind: fields.optional("kind", kind),
            class: fields.optional("class", line(32)),
            fingerprint: fields.optional("fingerprint", fingerprint),
            since: fields.optional("since", parsed(TIME)),
        };
        let cursor = fields.optional("cursor", fields::text);
        Some(Self { filter, cursor, limit: limit(fields) })
    }
}

/// A number that is not counted without end.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Count {
    /// At most 10,000, or what the field says.
    pub count: u64,
    /// There are more.
    pub capped: bool,
}

impl From<Total> for Count {
    fn from(total: Total) -> Self {
        Self { count: total.count, capped: total.capped }
    }
}

/// Failures of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorGroup {
    /// Filters the job list, and is the filter of a bulk action.
    #[schema(value_type = String)]
    pub fingerprint: Fingerprint,
    pub kind: String,
    /// `failed`, `timeout`, `panic`, `crashed`, … or one of the job's own.
    pub class: String,
    /// Of the newest failure, at most 500 characters.
    pub sample: String,
    pub last_job_id: Uuid,
    /// Runs that failed so.
    pub failures: u64,
    /// Jobs that were given up for it and still are.
    pub open: Count,
    /// Jobs that failed so and will run again.
    pub retrying: Count,
    #[serde(serialize_with = "time")]
    pub first_seen: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub last_seen: DateTime<Utc>,
    /// The release whose worker met it first.
    pub first_version: String,
    pub last_version: String,
}

impl From<Group> for ErrorGroup {
    fn from(group: Group) -> Self {
        Self {
            fingerprint: group.fingerprint,
            kind: group.kind,
            class: group.class,
            sample: group.message,
            last_job_id: group.last_job.0,
            failures: group.failures,
            open: group.open.into(),
            retrying: group.retrying.into(),
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            first_version: group.first_version,
            last_version: group.last_version,
        }
    }
}

/// Failures grouped by their cause, last seen first. A group that is seen again while you page moves to the front.
#[utoipa::path(get, path = "/admin/jobs/errors", tag = "admin jobs", params(ErrorsParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<ErrorGroup>>,
        headers(("Link" = String, description = "`rel=\"next\"`: the page behind this one")))),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden, Code::QueryTooSlow
    ])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    axum::extract::RawQuery(raw): axum::extract::RawQuery,
    StrictQuery(query): StrictQuery<ErrorsQuery>,
) -> Result<Reply<Vec<ErrorGroup>>, Error> {
    let after = query.cursor.map(|text| text.parse::<Place>()).transpose().map_err(|error: CursorError| error)?;
    let (mut groups, total) = error_groups::page(&state.db, &query.filter, after, query.limit + 1).await?;
    let more = groups.len() > query.limit as usize;
    groups.truncate(query.limit as usize);
    let next = groups.last().filter(|_| more);
    let next = next.map(|group| Place { last_seen: group.last_seen, fingerprint: group.fingerprint }.to_string());
    let meta = Meta {
        total: Some(total.count),
        total_capped: total.capped,
        per_page: Some(query.limit.into()),
        next_cursor: next,
        ..Meta::default()
    };
    let groups = groups.into_iter().map(ErrorGroup::from).collect();
    Ok(paged(Reply::ok(groups), "/api/v1/admin/jobs/errors", raw.as_deref().unwrap_or_default(), meta))
}
