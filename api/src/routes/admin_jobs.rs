//! The ledger as operators look through it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::header;
use jobs::QUEUES;
use queue::{
    ids::JobId,
    ledger::{
        JobRow,
        list::{self, Cursor, Filter, Fingerprint},
    },
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    code::Code,
    error::Error,
    extract::{JobsRead, RequirePermission, StrictQuery},
    fields::{self, Fields, Input, Issue, Raw, parsed, whole},
    reply::{Envelope, Meta, Reply, maybe_time, time},
    state::AppState,
    views::Progress,
    words,
};

/// How an id looks.
pub(super) const ID: &str = "01930000-0000-7000-8000-000000000001";
/// How a time looks.
pub(super) const TIME: &str = "2026-11-22T10:00:00Z";

/// Which jobs; everything that is given must hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct JobsParams {
    /// Any of these: `available`, `scheduled`, `running`, `retryable`, `waiting`, `blocked`, `completed`,
    /// `cancelled`, `discarded`, `quarantined`; separated by commas, or the parameter repeated.
    #[param(example = "discarded,quarantined")]
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

/// Reads a filter from a query or a body.
pub(super) fn filter(fields: &mut Fields) -> Filter {
    Filter {
        states: fields.optional("state", fields::words).unwrap_or_default(),
        kind: fields.optional("kind", kind),
        queue: fields.optional("queue", queue),
        tenant: fields.optional("tenant", tenant),
        reference: fields.optional("reference", reference),
        fingerprint: fields.optional("fingerprint", fingerprint),
        since: fields.optional("since", parsed(TIME)),
        until: fields.optional("until", parsed(TIME)),
    }
}

pub(super) fn kind(raw: Raw) -> Result<String, Issue> {
    let text = fields::text(raw)?;
    let fits = (1..=48).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if fits { Ok(text) } else { Err(Issue::Format("send_email")) }
}

pub(super) fn queue(raw: Raw) -> Result<String, Issue> {
    let text = fields::text(raw)?;
    let queue = QUEUES.parse(&text).map_err(|error| Issue::NoSuch(error.to_string()))?;
    Ok(queue.as_str().to_owned())
}

fn tenant(raw: Raw) -> Result<Uuid, Issue> {
    let text = fields::text(raw)?;
    if text == "system" {
        return Ok(Uuid::nil());
    }
    text.parse().map_err(|_| Issue::Format(ID))
}

fn reference(raw: Raw) -> Result<(String, Uuid), Issue> {
    let like = Issue::Format("nano:01930000-0000-7000-8000-000000000001");
    let text = fields::text(raw)?;
    let Some((kind, id)) = text.split_once(':') else { return Err(like) };
    match id.parse() {
        Ok(id) if ["nano", "version", "upload", "user"].contains(&kind) => Ok((kind.to_owned(), id)),
        _ => Err(like),
    }
}

pub(super) fn fingerprint(raw: Raw) -> Result<Fingerprint, Issue> {
    parsed("0123456789abcdef0123456789abcdef")(raw)
}

/// `limit` of a list by cursor.
pub(super) fn limit(fields: &mut Fields) -> u32 {
    fields.optional("limit", whole(1, 100)).and_then(|limit| u32::try_from(limit).ok()).unwrap_or(20)
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

/// A job in a list.
#[derive(Serialize, ToSchema)]
pub struct AdminJob {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    #[schema(schema_with = words::job_state)]
    pub state: queue::ledger::State,
    /// 0 first to 4 last.
    pub priority: u8,
    /// The owner; absent for the system's own work.
    pub tenant: Option<Uuid>,
    /// Times it was started.
    pub runs: u32,
    /// Runs that failed by its own fault.
    pub failures: u32,
    /// Failures until it is given up.
    pub max_failures: u32,
    /// Runs lost with their worker.
    pub lost: u32,
    /// Runs whose child process died.
    pub crashes: u32,
    pub worker_id: Option<Uuid>,
    pub progress: Option<Progress>,
    /// From when it may or might run.
    #[serde(serialize_with = "time")]
    pub run_at: DateTime<Utc>,
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
    /// What groups its newest failure with others of the same cause.
    #[schema(value_type = Option<String>)]
    pub fingerprint: Option<Fingerprint>,
    /// The newest error.
    pub error: Option<String>,
}

impl From<JobRow> for AdminJob {
    fn from(row: JobRow) -> Self {
        let milliseconds = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).num_milliseconds().max(0);
        Self {
            id: row.id.0,
            kind: row.kind,
            queue: row.queue,
            state: row.state,
            priority: row.priority,
            tenant: Some(row.tenant).filter(|tenant| !tenant.is_nil()),
            runs: row.runs,
            failures: row.failures,
            max_failures: row.max_failures,
            lost: row.lost,
            crashes: row.crashes,
            worker_id: row.worker_id,
            progress: row.progress_done.map(|done| Progress {
                done,
                total: row.progress_total,
                note: row.progress_note.unwrap_or_default(),
            }),
            run_at: row.run_at,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            wait_ms: row.started_at.map(|started| milliseconds(row.run_at, started)),
            run_ms: row.started_at.zip(row.finished_at).map(|(started, ended)| milliseconds(started, ended)),
            fingerprint: row.fingerprint,
            error: row.last_error,
        }
    }
}

/// What an answer says about its place in a list by cursor, and the link to the page behind it.
pub(super) fn paged<T: Serialize>(reply: Reply<T>, path: &str, query: &str, meta: Meta) -> Reply<T> {
    let link = meta.next_cursor.as_ref().map(|cursor| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "cursor"));
        format!("<{path}?{}>; rel=\"next\"", pairs.append_pair("cursor", cursor).finish())
    });
    let reply = reply.meta(meta).header(header::CACHE_CONTROL, "private, no-store");
    match link {
        Some(link) => reply.header(header::LINK, &link),
        None => reply,
    }
}

/// Jobs, newest first. `meta.total` is as of the first page and exact to 10,000; `meta.partial` says that the page is
/// not full because one request looks at 10,000 entries at most: go on at `meta.next_cursor`.
#[utoipa::path(get, path = "/admin/jobs", tag = "admin jobs", params(JobsParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<AdminJob>>,
        headers(("Link" = String, description = "`rel=\"next\"`: the page behind this one")))),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden, Code::QueryTooSlow
    ])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    axum::extract::RawQuery(raw): axum::extract::RawQuery,
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
    let jobs = page.jobs.into_iter().map(AdminJob::from).collect();
    Ok(paged(Reply::ok(jobs), "/api/v1/admin/jobs", raw.as_deref().unwrap_or_default(), meta))
}

/// Rows of a page, for tests and for other views: the id as it stands in addresses.
pub(super) fn address(id: JobId) -> String {
    format!("/api/v1/jobs/{id}")
}
