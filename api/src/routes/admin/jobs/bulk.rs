//! One action on many jobs: looked at first, then done by a job, step by step.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use domain::user::Words;
use http::header;
use infra::db::audit_log;
use queue::{
    builtin::bulk_states,
    control::{self, NewBulk, act::Action},
    ledger::{
        self as ledger, By, State as JobState,
        bulk_actions::{self, BulkAction as Row},
        list::{self, CursorError, Filter},
    },
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema, openapi::Array};
use uuid::Uuid;

use super::{
    filter,
    paging::{limit, paged},
    titles::entitle,
};
use crate::{
    reply::{Code, Envelope, Error, Issue, Meta, Reply, maybe_time, time},
    request::{
        ClientInfo, JobsOperate, JobsRead, Json, Keyed, Path, RequirePermission, StrictQuery,
        fields::{self, Fields, Input, boolean, paragraphs, parsed, whole},
    },
    routes::jobs::reason::entry,
    state::AppState,
    views::{AdminJob, Count, words},
    write::once,
};

/// Jobs shown of those that match.
const SAMPLE: u32 = 10;
const REASON_MAX: usize = 500;
/// How an id looks.
const ID: &str = "01930000-0000-7000-8000-000000000001";

/// What to do to which jobs.
#[derive(ToSchema)]
pub struct BulkRequest {
    /// `retry` runs again what was given up or waits for its retry; `cancel` ends what has not ended, and asks what
    /// runs to stop; `discard` gives up; `rerun` runs once more what has completed.
    #[schema(schema_with = words::job_action)]
    action: Action,
    /// At least one field.
    #[schema(value_type = BulkFilter)]
    filter: Filter,
    /// For the audit log and the jobs' timelines.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Jobs a second at most; as fast as it goes by default.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    per_second: Option<u32>,
    /// Changes nothing: says how many jobs match, and shows ten of them.
    #[schema(value_type = Option<bool>, default = false)]
    dry_run: bool,
}

fn states() -> Array {
    let description = "Only states that the action fits. By default all of them; for `retry` `discarded`, `quarantined` and \
        `retryable`, so that what somebody cancelled stays cancelled unless it is named.";
    words::array_of(JobState::WORDS, description)
}

/// The filters of the job list; everything that is given must hold.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct BulkFilter {
    #[schema(schema_with = states)]
    state: Option<Vec<String>>,
    #[schema(example = "send_email")]
    kind: Option<String>,
    queue: Option<String>,
    /// The owner's id, or `system`.
    tenant: Option<String>,
    #[schema(example = "nano:01930000-0000-7000-8000-000000000001")]
    reference: Option<String>,
    #[schema(pattern = "^[0-9a-f]{32}$")]
    fingerprint: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Jobs by their ids, alone or with `state`.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Option<Vec<Uuid>>,
}

struct Filters(Filter);

impl Input for Filters {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mut filter = filter::filter(fields);
        let ids = fields.optional("ids", fields::list(list::IDS_MAX, parsed(ID))).unwrap_or_default();
        // What is chosen one by one is known: a filter beside it would be a slip of the pen.
        let alone = Filter { states: filter.states.clone(), ..Filter::default() };
        if !ids.is_empty() && filter != alone {
            fields.error("ids", Issue::Alone);
        }
        filter.ids = ids;
        Some(Self(filter))
    }
}

impl Input for BulkRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let action = fields.required("action", fields::word::<Action>);
        let filter = fields.nested::<Filters>("filter").map(|filter| filter.0);
        let reason = fields.required("reason", |raw| {
            let text = paragraphs(REASON_MAX)(raw)?;
            if text.is_empty() { Err(Issue::Empty) } else { Ok(text) }
        });
        let per_second = fields.optional("per_second", whole(1, 1000)).and_then(|rate| u32::try_from(rate).ok());
        let dry_run = fields.optional("dry_run", boolean).unwrap_or(false);
        if filter.as_ref().is_some_and(Filter::is_empty) {
            fields.error("filter", Issue::Empty);
        }
        let (action, mut filter) = (action?, filter?);
        if filter.states.is_empty() {
            filter.states = bulk_states(action);
        } else if filter.states.iter().any(|state| !action.fits(*state)) {
            let fitting: Vec<&str> =
                JobState::ALL.iter().filter(|state| action.fits(**state)).map(|state| state.as_str()).collect();
            fields.error("filter.state", Issue::MustBe(fitting.join(", ")));
        }
        Some(Self { action, filter, reason: reason?, per_second, dry_run })
    }
}

/// What a bulk action would do, or that it was begun.
#[derive(Serialize, ToSchema)]
pub struct BulkAnswer {
    pub dry_run: bool,
    /// Jobs that match now.
    pub matched: Count,
    /// The newest ten of them.
    pub sample: Vec<AdminJob>,
    /// Absent from a dry run.
    pub bulk: Option<BulkView>,
}

/// A bulk action and how far it is.
#[derive(Serialize, ToSchema)]
pub struct BulkView {
    pub id: Uuid,
    #[schema(schema_with = words::job_action)]
    pub action: Action,
    /// As it is applied, with the states it touches; in lists without the `ids`.
    #[schema(value_type = Object)]
    pub filter: Filter,
    /// How many jobs the filter names by their ids; 0 when it names none.
    pub named: u64,
    pub reason: String,
    /// Who asked for it.
    pub actor: Option<Uuid>,
    pub per_second: Option<u32>,
    /// Jobs that matched when it was asked for.
    pub matched: Count,
    /// Jobs it acted upon.
    pub changed: u64,
    /// Jobs that had come into another state when their turn came.
    pub skipped: u64,
    /// The job that does it; cancelling it stops it after the step under way.
    pub job_id: Uuid,
    /// Of that job.
    #[schema(schema_with = words::maybe_job_state)]
    pub state: Option<JobState>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When it had been through all of them.
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
}

impl BulkView {
    fn of(row: Row, state: Option<JobState>) -> Self {
        Self {
            id: row.id,
            action: row.action,
            named: row.filter.0.ids.len() as u64,
            filter: row.filter.0,
            reason: row.reason,
            actor: row.actor,
            per_second: row.per_second,
            matched: Count { count: row.matched.min(list::COUNT_CAP), capped: row.matched > list::COUNT_CAP },
            changed: row.changed,
            skipped: row.skipped,
            job_id: row.job.0,
            state,
            created_at: row.created_at,
            finished_at: row.finished_at,
        }
    }

    /// As it stands in a list, which a thousand ids of each would make megabytes.
    fn without_ids(mut self) -> Self {
        self.filter.ids.clear();
        self
    }
}

/// Retries, cancels, discards or reruns every job of a filter, as a job of its own: 202 with its address, which shows the
/// progress, and cancelling which stops it. Jobs that are created later are left alone. With `dry_run` nothing changes.
#[utoipa::path(post, path = "/admin/jobs/bulk", tag = "admin jobs", request_body = BulkRequest,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What it would do (`dry_run`)", body = Envelope<BulkAnswer>),
        (status = 202, description = "Begun", body = Envelope<BulkAnswer>,
            headers(("Location" = String, description = "The job that does it"))),
    ),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:operate"))))]
pub async fn begin(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Keyed(Json(request), key): Keyed<Json<BulkRequest>>,
) -> Result<Response, Error> {
    let page = list::page(&state.db, &request.filter, None, SAMPLE).await?;
    let (matched, mut sample) = (page.total, page.jobs.into_iter().map(AdminJob::from).collect::<Vec<_>>());
    entitle(&state, &user, &mut sample).await?;
    if request.dry_run {
        let answer = BulkAnswer { dry_run: true, matched: matched.into(), sample, bulk: None };
        return Ok(Reply::ok(answer).header(header::CACHE_CONTROL, "private, no-store").into_response());
    }
    let now = state.clock.now();
    let new = NewBulk { action: request.action, filter: request.filter, per_second: request.per_second, matched };
    let by = By { actor: Some(user.id.0), reason: &request.reason };
    let written = once!(state, key, now, |tx| {
        let (row, act) = control::bulk(tx, &new, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        let location = format!("/api/v1/jobs/{}", row.job);
        let bulk = Some(BulkView::of(row, Some(JobState::Available)));
        let answer = BulkAnswer { dry_run: false, matched: matched.into(), sample: sample.clone(), bulk };
        Ok(Reply::accepted(answer, &location))
    })?;
    Ok(written.into_response())
}

/// Which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BulkQuery {
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: u32,
}

impl Input for BulkQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { cursor: fields.optional("cursor", fields::text), limit: limit(fields) })
    }
}

/// Bulk actions, whoever asked for them, newest first, and how far each is.
#[utoipa::path(get, path = "/admin/jobs/bulk", tag = "admin jobs", params(BulkQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<BulkView>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn list_all(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<BulkQuery>,
) -> Result<Reply<Vec<BulkView>>, Error> {
    let before = query.cursor.map(|text| text.parse::<Uuid>()).transpose().map_err(|_| CursorError)?;
    let mut rows = bulk_actions::page(&state.db, before, query.limit + 1).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = rows.last().filter(|_| more).map(|(row, _)| row.id.to_string());
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor: next, ..Meta::default() };
    let views = rows.into_iter().map(|(row, state)| BulkView::of(row, state).without_ids()).collect();
    Ok(paged(Reply::ok(views), meta))
}

/// A bulk action and how far it is.
#[utoipa::path(get, path = "/admin/jobs/bulk/{id}", tag = "admin jobs", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The bulk action", body = Envelope<BulkView>)),
    extensions(("x-errors" = json!([Code::Forbidden, Code::NotFound])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    Path(id): Path<Uuid>,
) -> Result<Reply<BulkView>, Error> {
    let row = bulk_actions::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let job = ledger::get(&state.db, row.job).await?;
    let view = BulkView::of(row, job.map(|job| job.state));
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}
