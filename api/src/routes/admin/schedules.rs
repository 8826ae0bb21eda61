//! The schedules: their times, their ticks, and their controls.

use axum::extract::State;
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use infra::db::audit_log;
use queue::{
    control,
    ledger::{
        By, State as JobState,
        list::CursorError,
        schedules::{self, Schedule, Tick},
    },
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    jobs::paging::{limit, paged},
    pauses::NewPause,
};
use crate::{
    reply::{Code, Envelope, Error, Meta, Reply, Written, maybe_time, time},
    request::{
        ClientInfo, JobsOperate, JobsRead, Json, Keyed, Name, Path, RequirePermission, StrictQuery,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::{Reasoned, entry},
    state::AppState,
    views::words,
    write::{once, transaction},
};

/// Ticks that are shown of a schedule.
const TICKS: u32 = 20;

/// A schedule with its next and its last ticks.
#[derive(Serialize, ToSchema)]
pub struct ScheduleView {
    pub name: String,
    /// Of the job it enqueues.
    pub kind: String,
    /// Seconds, minutes, hours, day of month, month, day of week.
    #[schema(example = "0 30 3 * * *")]
    pub expression: String,
    /// The time zone the expression is meant in.
    #[schema(example = "Europe/Berlin")]
    pub zone: String,
    /// A tick's job starts up to this much later than the tick.
    pub jitter_seconds: u32,
    /// What happens with ticks for which no scheduler was there: `skip`, `once` or `all:N`.
    #[schema(example = "once")]
    pub catch_up: String,
    /// False when it is switched off by configuration.
    pub enabled: bool,
    /// The next five ticks. Times in the past mean that no scheduler runs, or that it is switched off.
    #[schema(value_type = Vec<String>)]
    pub next: Vec<String>,
    /// The last twenty ticks, newest first.
    pub last: Vec<TickView>,
    /// When a scheduler last looked, give or take 5 s.
    #[serde(serialize_with = "maybe_time")]
    pub seen_at: Option<DateTime<Utc>>,
    /// When a job of it last completed, as a scheduler found at most a quarter of a minute later. Null: never, or not since
    /// successes are kept.
    #[serde(serialize_with = "maybe_time")]
    pub last_success_at: Option<DateTime<Utc>>,
    pub pause: Option<SchedulePause>,
}

/// While it lasts, ticks are skipped.
#[derive(Serialize, ToSchema)]
pub struct SchedulePause {
    pub reason: String,
    /// Null for the command line.
    pub actor: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub paused_at: DateTime<Utc>,
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A time at which the schedule was due, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct TickView {
    #[serde(serialize_with = "time")]
    pub due: DateTime<Utc>,
    /// `fired`, `missed` (no scheduler was there; a later tick stands for it), `skipped` (paused), or `manual`.
    #[schema(example = "fired")]
    pub outcome: &'static str,
    /// When it was decided about.
    #[serde(serialize_with = "time")]
    pub decided_at: DateTime<Utc>,
    pub job_id: Option<Uuid>,
    /// Null without a job, and when it was pruned since.
    #[schema(schema_with = words::maybe_job_state)]
    pub job_state: Option<JobState>,
    /// The scheduler's host and process.
    pub fired_by: Option<String>,
    /// Of a manual one: who asked, null for the command line.
    pub actor: Option<Uuid>,
    pub reason: Option<String>,
}

impl ScheduleView {
    fn of(schedule: Schedule, ticks: Vec<Tick>) -> Self {
        let next = schedule.upcoming.iter().map(|due| due.to_rfc3339_opts(SecondsFormat::Millis, true)).collect();
        Self {
            name: schedule.name,
            kind: schedule.kind,
            expression: schedule.expression,
            zone: schedule.zone,
            jitter_seconds: schedule.jitter_seconds,
            catch_up: schedule.catch_up,
            enabled: schedule.enabled,
            next,
            last: ticks.into_iter().map(TickView::from).collect(),
            seen_at: schedule.seen_at,
            last_success_at: schedule.last_success_at,
            pause: schedule.pause.map(|pause| SchedulePause {
                reason: pause.reason,
                actor: pause.actor_id,
                paused_at: pause.paused_at,
                expires_at: pause.expires_at,
            }),
        }
    }
}

impl From<Tick> for TickView {
    fn from(tick: Tick) -> Self {
        Self {
            due: tick.due,
            outcome: tick.outcome.as_str(),
            decided_at: tick.decided_at,
            job_id: tick.job_id.map(Uuid::from),
            job_state: tick.job_state,
            fired_by: tick.fired_by,
            actor: tick.actor_id,
            reason: tick.reason,
        }
    }
}

/// All schedules, by name.
#[utoipa::path(get, path = "/admin/jobs/schedules", tag = "admin jobs", security(("bearer" = [])),
    responses((status = 200, description = "As the scheduler last wrote them", body = Envelope<Vec<ScheduleView>>)),
    extensions(("x-errors" = json!([Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
) -> Result<Reply<Vec<ScheduleView>>, Error> {
    let mut list = Vec::new();
    for schedule in schedules::list(&state.db).await? {
        let ticks = schedules::ticks(&state.db, &schedule.name, TICKS).await?;
        list.push(ScheduleView::of(schedule, ticks));
    }
    Ok(Reply::ok(list))
}

/// Which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TicksQuery {
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: u32,
}

impl Input for TicksQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { cursor: fields.optional("cursor", fields::text), limit: limit(fields) })
    }
}

/// The ticks of a schedule, newest first, as long as they are kept.
#[utoipa::path(get, path = "/admin/jobs/schedules/{name}/ticks", tag = "admin jobs",
    params(("name" = String, Path, example = "prune_ledger"), TicksQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<TickView>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:read"))))]
pub async fn ticks(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    Path(name): Path<Name>,
    StrictQuery(query): StrictQuery<TicksQuery>,
) -> Result<Reply<Vec<TickView>>, Error> {
    if !schedules::list(&state.db).await?.iter().any(|schedule| schedule.name == *name) {
        return Err(Error::not_found());
    }
    let before = query.cursor.map(|text| place(&text).ok_or(CursorError)).transpose()?;
    let wanted = query.limit + 1;
    let mut ticks = match before {
        Some(before) => schedules::ticks_before(&state.db, &name, before, wanted).await?,
        None => schedules::ticks(&state.db, &name, wanted).await?,
    };
    let more = ticks.len() > query.limit as usize;
    ticks.truncate(query.limit as usize);
    let next = ticks.last().filter(|_| more).map(|tick| tick.due.timestamp_micros().to_string());
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor: next, ..Meta::default() };
    Ok(paged(Reply::ok(ticks.into_iter().map(TickView::from).collect()), meta))
}

/// When the last tick of a page was due, in microseconds. Other years than a column can hold were never given out.
fn place(text: &str) -> Option<DateTime<Utc>> {
    let due = DateTime::from_timestamp_micros(text.parse().ok()?)?;
    (1970..=9999).contains(&due.year()).then_some(due)
}

/// The job that was enqueued.
#[derive(Serialize, ToSchema)]
pub struct Started {
    pub job_id: Uuid,
}

/// Runs a schedule's job now, beside its times, also while it is paused. A job of it that still waits is answered instead
/// of a second one; one that runs will run once more.
#[utoipa::path(post, path = "/admin/jobs/schedules/{name}/run", tag = "admin jobs",
    params(("name" = String, Path, example = "prune_ledger")), request_body = Reasoned, security(("bearer" = [])),
    responses((status = 202, description = "Enqueued", body = Envelope<Started>,
        headers(("Location" = String, description = "The job")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::ScheduleUnknownJob])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn run(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(name): Path<Name>,
    Keyed(Json(form), key): Keyed<Json<Reasoned>>,
) -> Result<Written, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let (job, act) = control::run_schedule(tx, &jobs::KINDS, &name, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(Reply::accepted(Started { job_id: job.0 }, &format!("/api/v1/jobs/{job}")))
    })
}

/// A schedule's pause, or its end.
#[derive(Serialize, ToSchema)]
pub struct SchedulePaused {
    pub name: String,
    pub paused: bool,
    #[serde(serialize_with = "maybe_time")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Pauses a schedule: its ticks are skipped, and remembered as skipped. Jobs of earlier ticks are not touched.
#[utoipa::path(post, path = "/admin/jobs/schedules/{name}/pause", tag = "admin jobs",
    params(("name" = String, Path, example = "prune_ledger")), request_body = NewPause, security(("bearer" = [])),
    responses((status = 200, description = "Paused", body = Envelope<SchedulePaused>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn pause(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(name): Path<Name>,
    Json(form): Json<NewPause>,
) -> Result<Reply<SchedulePaused>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    let expires_at = transaction!(state.db, |tx| {
        let (expires_at, act) = control::pause_schedule(tx, &name, &by, form.expires_in_seconds).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(expires_at)
    })?;
    Ok(Reply::ok(SchedulePaused { name: name.into(), paused: true, expires_at }))
}

/// Lets a paused schedule go on with its next tick.
#[utoipa::path(post, path = "/admin/jobs/schedules/{name}/resume", tag = "admin jobs",
    params(("name" = String, Path, example = "prune_ledger")), request_body = Reasoned, security(("bearer" = [])),
    responses((status = 200, description = "It goes on", body = Envelope<SchedulePaused>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::NotPaused])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn resume(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(name): Path<Name>,
    Json(form): Json<Reasoned>,
) -> Result<Reply<SchedulePaused>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let act = control::resume_schedule(tx, &name, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(())
    })?;
    Ok(Reply::ok(SchedulePaused { name: name.into(), paused: false, expires_at: None }))
}
