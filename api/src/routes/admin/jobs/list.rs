//! The list of jobs, filtered and by cursor.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::user::Words;
use queue::ledger::{
    State as JobState,
    list::{self, Cursor, Filter},
};
use utoipa::{IntoParams, openapi::Object};

use super::{
    filter::filter,
    paging::{limit, paged},
    titles::entitle,
};
use crate::{
    reply::{Code, Envelope, Error, Meta, Reply},
    request::{
        JobsRead, RequirePermission, StrictQuery,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::{AdminJob, words},
};

fn states() -> Object {
    words::list_of(JobState::WORDS, "Any of these, separated by commas, or the parameter repeated.")
}

/// Which jobs; everything that is given must hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct JobsParams {
    #[param(schema_with = states)]
    state: Option<String>,
    #[param(example = "send_email", pattern = r"^[a-z0-9_]{1,48}$")]
    kind: Option<String>,
    #[param(example = "mail")]
    queue: Option<String>,
    /// The owner's id, or `system` for the system's own work.
    tenant: Option<String>,
    /// What it is about: `nano`, `version`, `upload` or `user`, a colon, and the id.
    #[param(example = "nano:01930000-0000-7000-8000-000000000001")]
    reference: Option<String>,
    /// The cause of its newest failure, unless it has completed since: 32 hexadecimal digits.
    #[param(pattern = "^[0-9a-f]{32}$")]
    fingerprint: Option<String>,
    /// Created at this time or later.
    since: Option<DateTime<Utc>>,
    /// Created before this time.
    until: Option<DateTime<Utc>>,
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

pub struct JobsQuery {
    filter: Filter,
    cursor: Option<String>,
    limit: u32,
}

impl Input for JobsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (filter, cursor) = (filter(fields), fields.optional("cursor", fields::text));
        Some(Self { filter, cursor, limit: limit(fields) })
    }
}

/// Jobs, newest first. `meta.total` is as of the first page and exact to 10,000; `meta.partial` says that the page is
/// not full because one request looks at 10,000 entries at most: go on at `meta.next_cursor`.
#[utoipa::path(get, path = "/admin/jobs", tag = "admin jobs", params(JobsParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<AdminJob>>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden, Code::QueryTooSlow
    ])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<JobsQuery>,
) -> Result<Reply<Vec<AdminJob>>, Error> {
    let cursor = query.cursor.map(|text| Cursor::read(&text, &query.filter)).transpose()?;
    let page = list::page(&state.db, &query.filter, cursor.as_ref(), query.limit).await?;
    let meta = Meta {
        total: Some(page.total.count),
        total_capped: page.total.capped,
        per_page: Some(query.limit.into()),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        partial: page.partial,
        ..Meta::default()
    };
    let mut jobs: Vec<AdminJob> = page.jobs.into_iter().map(AdminJob::from).collect();
    entitle(&state, &user, &mut jobs).await?;
    Ok(paged(Reply::ok(jobs), meta))
}
