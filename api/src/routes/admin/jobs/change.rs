//! Changing a job that waits: when it may run, how urgent it is, which queue has it.

use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use infra::db::audit_log;
use queue::{
    control::{self, Refused},
    ids::JobId,
    ledger::{By, Place, State as JobState, Wanted},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::filter::queue;
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, tag::revision_of, time},
    request::{
        ClientInfo, IfMatch, JobsOperate, Json, Path, RequirePermission,
        fields::{Fields, Input, instant, whole},
    },
    routes::jobs::reason::{entry, reason},
    state::AppState,
    views::words,
    write::transaction,
};

/// What is to be different; at least one of `run_at`, `priority` and `queue`.
#[derive(ToSchema)]
pub struct JobWanted {
    /// When it may run, at most 3,653 days from now; a time that has passed means now. Not for a job that waits for its flow.
    #[schema(required = false)]
    run_at: Option<DateTime<Utc>>,
    /// 0 first to 4 last.
    #[schema(required = false, minimum = 0, maximum = 4)]
    priority: Option<u8>,
    #[schema(required = false, value_type = String, example = "heavy")]
    queue: Option<&'static str>,
    /// For the audit log and the job's timeline.
    #[schema(min_length = 1, max_length = 500, example = "the creator is on the phone")]
    reason: String,
}

impl Input for JobWanted {
    fn read(fields: &mut Fields) -> Option<Self> {
        let run_at = fields.optional("run_at", instant);
        let priority = fields.optional("priority", whole(0, 4)).and_then(|priority| u8::try_from(priority).ok());
        let queue = fields.optional("queue", queue);
        let reason = fields.required("reason", reason);
        if fields.is_good() && run_at.is_none() && priority.is_none() && queue.is_none() {
            fields.error("run_at", Issue::Missing);
        }
        Some(Self { run_at, priority, queue, reason: reason? })
    }
}

/// Where a job stands in line.
#[derive(Serialize, ToSchema)]
pub struct PlaceView {
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
    #[serde(serialize_with = "time")]
    pub run_at: DateTime<Utc>,
    /// 0 first to 4 last.
    pub priority: u8,
    pub queue: String,
}

impl From<Place> for PlaceView {
    fn from(place: Place) -> Self {
        Self { state: place.state, run_at: place.run_at, priority: place.priority, queue: place.queue }
    }
}

/// Where it stood and stands.
#[derive(Serialize, ToSchema)]
pub struct JobChanged {
    pub job_id: Uuid,
    pub before: PlaceView,
    pub after: PlaceView,
}

/// Changes when a job may run, how urgent it is, or which queue has it. For jobs that have not begun: `available`,
/// `scheduled`, `retryable` and `blocked` ones, and of those that are `waiting` for their flow priority and queue. A deadline
/// moves with the time. `If-Match` with the `ETag` of what was read refuses the change (412) when the job stands elsewhere by now.
#[utoipa::path(patch, path = "/admin/jobs/{id}", tag = "admin jobs", params(("id" = uuid::Uuid, Path,)),
    request_body = JobWanted, security(("bearer" = [])),
    responses((status = 200, description = "Changed", body = Envelope<JobChanged>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::JobState])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn change(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    if_match: IfMatch,
    Path(id): Path<JobId>,
    Json(form): Json<JobWanted>,
) -> Result<Reply<JobChanged>, Error> {
    let now = state.clock.now();
    let latest = now + TimeDelta::days(control::RUN_AT_DAYS);
    if form.run_at.is_some_and(|at| at > latest) {
        let issue = Issue::MustBe(format!("at most {} days from now", control::RUN_AT_DAYS));
        return Err(Error::Fields(vec![FieldError::new("run_at", issue)]));
    }
    let wanted = Wanted { run_at: form.run_at, priority: form.priority, queue: form.queue };
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let change = transaction!(state.db, |tx| {
        let change = match control::change(tx, id, &wanted, &by).await {
            Err(Refused::State(before)) => {
                return Err(Error::with(Code::JobState, json!({ "state": before, "action": "change" })));
            }
            other => other?,
        };
        // Under the job's lock: what was changed is given up.
        if_match.check(&revision_of(&change.before))?;
        audit_log::append(tx, &entry(&client, &user, &change.act, now)).await?;
        Ok(change)
    })?;
    let revision = revision_of(&change.after);
    let changed = JobChanged { job_id: id.0, before: change.before.into(), after: change.after.into() };
    Ok(Reply::ok(changed).revised(revision))
}
