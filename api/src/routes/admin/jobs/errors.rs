//! Failures by their cause.

use axum::extract::State;
use chrono::{DateTime, Utc};
use queue::ledger::{
    list::{CursorError, Fingerprint},
    stats::error_groups::{self, Filter, Place},
};
use utoipa::IntoParams;

use super::{
    filter::{fingerprint, kind},
    paging::{limit, paged},
};
use crate::{
    reply::{Code, Envelope, Error, Meta, Reply},
    request::{
        JobsRead, RequirePermission, StrictQuery,
        fields::{self, Fields, Input, instant},
    },
    state::AppState,
    views::ErrorGroup,
};

/// Which groups.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ErrorsQuery {
    #[param(example = "send_email", pattern = r"^[a-z0-9_]{1,48}$")]
    kind: Option<String>,
    /// The failures' class, as `timeout` or `panic`.
    #[param(max_length = 32, pattern = r"^[!-~]+$")]
    class: Option<String>,
    #[param(value_type = Option<String>, pattern = "^[0-9a-f]{32}$")]
    fingerprint: Option<Fingerprint>,
    /// Last seen at this time or later.
    since: Option<DateTime<Utc>>,
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: u32,
}

impl Input for ErrorsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            kind: fields.optional("kind", kind),
            class: fields.optional("class", fields::name(32, "timeout")).map(String::from),
            fingerprint: fields.optional("fingerprint", fingerprint),
            since: fields.optional("since", instant),
            cursor: fields.optional("cursor", fields::text),
            limit: limit(fields),
        })
    }
}

/// Failures grouped by their cause, last seen first. A group that is seen again while you page moves to the front.
#[utoipa::path(get, path = "/admin/jobs/errors", tag = "admin jobs", params(ErrorsQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<ErrorGroup>>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden, Code::QueryTooSlow
    ])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<ErrorsQuery>,
) -> Result<Reply<Vec<ErrorGroup>>, Error> {
    let after = query.cursor.map(|text| text.parse::<Place>()).transpose().map_err(|error: CursorError| error)?;
    let ErrorsQuery { kind, class, fingerprint, since, .. } = query;
    let filter = Filter { kind, class, fingerprint, since };
    let (mut groups, total) = error_groups::page(&state.db, &filter, after, query.limit + 1).await?;
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
    Ok(paged(Reply::ok(groups), meta))
}
