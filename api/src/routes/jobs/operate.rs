//! Acts of owners and operators on one job: retry, cancel, discard, rerun.

use std::time::Duration;

use axum::extract::State;
use domain::user::Permission;
use http::header;
use infra::db::audit_log;
use queue::{
    control::{self, JobChange},
    ids::JobId,
    ledger::{Action, By, State as JobState},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    job::visible,
    reason::{Reasoned, entry, reason},
};
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, RateLimit, Reply, Written},
    request::{
        ClientInfo, CurrentUser, JobsOperate, Json, Keyed, MaybeJson, Path, RequirePermission,
        fields::{self, Fields, Input},
        keyed::Key,
    },
    state::AppState,
    views::{Retry, owners_cancel, words},
    write::once,
};

/// Retries and cancels of their own steps that an owner has per hour.
const OWNER_QUOTA: u64 = 20;
const OWNER_WINDOW: Duration = Duration::from_secs(60 * 60);
/// What is written down when an owner gives no reason.
const OWNER_REASON: &str = "asked for by its owner";

/// Why, and how far.
#[derive(Default, ToSchema)]
pub struct Operation {
    /// Required of those who operate jobs; kept in the audit log and in the job's timeline.
    #[schema(required = false, min_length = 1, max_length = 500, example = "the mail server is back")]
    reason: Option<String>,
    /// Also acts on everything the job waits for; at most 1,000 jobs. Needs `jobs:operate`.
    #[schema(required = false, value_type = bool, default = false)]
    flow: bool,
}

impl Input for Operation {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            reason: fields.optional("reason", reason),
            flow: fields.optional("flow", fields::boolean).unwrap_or_default(),
        })
    }
}

/// What became of the job.
#[derive(Serialize, ToSchema)]
pub struct Operated {
    pub job_id: Uuid,
    #[schema(schema_with = words::job_state)]
    pub state_before: JobState,
    /// A running job that was asked to stop is still `running`.
    #[schema(schema_with = words::job_state)]
    pub state: JobState,
    /// Jobs that are in another state now: 1, or with `flow` any number.
    pub changed: u32,
    /// Running jobs that were asked to stop. They are told within a second, and end as `cancelled` unless they complete
    /// first.
    pub asked: u32,
    /// Jobs of the flow that were left alone, because their state does not fit.
    pub skipped: u32,
}

/// Runs a job again, with a clean slate of failures.
///
/// Its owner: a step of an upload that is `discarded`, `cancelled` or `retryable` (then it need not wait); 20 times an
/// hour, together with cancels. Who operates jobs: any that is `discarded`, `cancelled`, `quarantined`, `retryable` or
/// `scheduled` (then it runs now); a parent whose children have not all completed waits for them again. With `flow`,
/// everything the job waits for that failed runs again as well.
#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "jobs", params(("id" = uuid::Uuid, Path,)),
    request_body(content = Option<Operation>), security(("bearer" = [])),
    responses((status = 200, description = "It runs again", body = Envelope<Operated>)),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::JobState, Code::JobKeyTaken, Code::FlowTooLarge,
        Code::RateLimited
    ])), ("x-permission" = json!("owner/jobs:operate"))))]
pub async fn retry(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<JobId>,
    Keyed(MaybeJson(form), key): Keyed<MaybeJson<Operation>>,
) -> Result<Written, Error> {
    let act = Act { state: &state, client: &client, user: &user, id, action: Action::Retry };
    act.by_either(form.unwrap_or_default(), &key).await
}

/// Stops a job for good; it can be retried later.
///
/// Its owner: a step of an upload that failed and waits for its next attempt (`retryable`). Who operates jobs: any that
/// has not ended. A running job is asked to stop (202): its handler is told within a second, its child process is ended,
/// and a completion that commits first wins. With `flow`, everything the job waits for is cancelled as well.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "jobs", params(("id" = uuid::Uuid, Path,)),
    request_body(content = Option<Operation>), security(("bearer" = [])),
    responses(
        (status = 200, description = "Cancelled", body = Envelope<Operated>),
        (status = 202, description = "It runs, and was asked to stop", body = Envelope<Operated>,
            headers(("Location" = String, description = "The job")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::JobState, Code::JobKeyTaken, Code::FlowTooLarge,
        Code::RateLimited
    ])), ("x-permission" = json!("owner/jobs:operate"))))]
pub async fn cancel(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<JobId>,
    Keyed(MaybeJson(form), key): Keyed<MaybeJson<Operation>>,
) -> Result<Written, Error> {
    let act = Act { state: &state, client: &client, user: &user, id, action: Action::Cancel };
    act.by_either(form.unwrap_or_default(), &key).await
}

/// Gives a job up, as if its last attempt had failed: it will not run again by itself. For jobs that are not running and
/// have not completed.
#[utoipa::path(post, path = "/admin/jobs/{id}/discard", tag = "admin jobs", params(("id" = uuid::Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "Given up", body = Envelope<Operated>)),
    extensions(("x-keyed" = json!(true)),
        ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::JobState, Code::JobKeyTaken])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn discard(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(id): Path<JobId>,
    Keyed(Json(form), key): Keyed<Json<Reasoned>>,
) -> Result<Written, Error> {
    let act = Act { state: &state, client: &client, user: &user, id, action: Action::Discard };
    act.by_operator(&form.reason, false, &key).await
}

/// Runs a completed job once more, with a clean slate of failures. What it wrote the first time stays; its handler writes it
/// again.
#[utoipa::path(post, path = "/admin/jobs/{id}/rerun", tag = "admin jobs", params(("id" = uuid::Uuid, Path,)),
    request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It runs once more", body = Envelope<Operated>)),
    extensions(("x-keyed" = json!(true)),
        ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::JobState, Code::JobKeyTaken])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn rerun(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(id): Path<JobId>,
    Keyed(Json(form), key): Keyed<Json<Reasoned>>,
) -> Result<Written, Error> {
    let act = Act { state: &state, client: &client, user: &user, id, action: Action::Rerun };
    act.by_operator(&form.reason, false, &key).await
}

/// An act on one job, by somebody who may see it.
struct Act<'a> {
    state: &'a AppState,
    client: &'a ClientInfo,
    user: &'a CurrentUser,
    id: JobId,
    action: Action,
}

/// Whether a job's state is one that the act is for.
type Fits = dyn Fn(JobState) -> bool + Sync;

impl Act<'_> {
    /// By its owner, or by who operates jobs.
    async fn by_either(self, form: Operation, key: &Key) -> Result<Written, Error> {
        let row = visible(self.state, self.user, self.id).await?;
        // Operators say why; with a job of their own they may also act as anybody else would.
        let operates = self.user.allows(Permission::JobsOperate);
        let as_owner = row.tenant == self.user.id.0 && !(operates && (form.reason.is_some() || form.flow));
        if !as_owner || form.flow {
            self.user.require(Permission::JobsOperate)?;
            let Some(reason) = form.reason else {
                return Err(Error::Fields(vec![FieldError::new("reason", Issue::Missing)]));
            };
            return self.by_operator(&reason, form.flow, key).await;
        }
        if !jobs::KINDS.find(&row.kind).is_some_and(|kind| kind.owner_may_retry) {
            self.user.require(Permission::JobsOperate)?;
        }
        let fits: &Fits = match self.action {
            Action::Retry => &Retry::owners,
            _ => &owners_cancel,
        };
        if !fits(row.state) {
            return Err(wrong_state(row.state, self.action));
        }
        let limit = RateLimit {
            policy: "own-jobs",
            quota: OWNER_QUOTA,
            window: OWNER_WINDOW,
            state: self.state.cache.hit(&format!("own-jobs:{}", self.user.id), OWNER_QUOTA, OWNER_WINDOW).await,
        };
        let limit = limit.check(Code::RateLimited)?;
        let reason = form.reason.as_deref().unwrap_or(OWNER_REASON);
        self.write(reason, false, fits, key, |reply| reply.limit(limit)).await
    }

    /// By somebody who may act on all jobs.
    async fn by_operator(self, reason: &str, flow: bool, key: &Key) -> Result<Written, Error> {
        self.write(reason, flow, &|_| true, key, |reply| reply).await
    }

    /// One transaction: the change, who made it and why, and the answer. `fits` is asked about the state under the job's lock.
    async fn write(
        self,
        reason: &str,
        flow: bool,
        fits: &Fits,
        key: &Key,
        dress: impl Fn(Reply<Operated>) -> Reply<Operated> + Sync,
    ) -> Result<Written, Error> {
        let Self { state, client, user, id, action } = self;
        let targets = control::targets(&state.db, id, flow).await?;
        let by = By { actor: Some(user.id.0), reason };
        let now = state.clock.now();
        once!(state, key, now, |tx| {
            let change = match control::job(tx, &jobs::KINDS, id, &targets, action, &by).await {
                Err(control::Refused::State(before)) => return Err(wrong_state(before, action)),
                other => other?,
            };
            if !fits(change.before) {
                return Err(wrong_state(change.before, action));
            }
            audit_log::append(tx, &entry(client, user, &change.act, now)).await?;
            Ok(dress(reply(id, &change)))
        })
    }
}

fn wrong_state(state: JobState, action: Action) -> Error {
    Error::with(Code::JobState, json!({ "state": state, "action": action }))
}

fn operated(id: JobId, change: &JobChange) -> Operated {
    Operated {
        job_id: id.0,
        state_before: change.before,
        state: change.after,
        changed: change.changed,
        asked: change.asked,
        skipped: change.skipped,
    }
}

fn reply(id: JobId, change: &JobChange) -> Reply<Operated> {
    let body = operated(id, change);
    let reply = if change.asked > 0 { Reply::accepted(body, &format!("/api/v1/jobs/{id}")) } else { Reply::ok(body) };
    reply.header(header::CACHE_CONTROL, "no-store")
}
