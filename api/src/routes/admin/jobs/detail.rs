//! Everything about one job.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    ids::{DeliveryId, NanoId, UploadId, VersionId},
    redact::redact,
};
use http::header;
use infra::db::{email_deliveries, nano_versions, nanos, uploads};
use queue::{
    ids::JobId,
    ledger::{
        self as ledger, JobRow, Place, flow_members,
        history::{
            attempts::{self, Attempt},
            logs::{self, Level, LogLine},
            timeline::{self, Timeline},
        },
    },
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::titles::entitle;
use crate::{
    reply::{Code, Envelope, Error, Reply, maybe_time, tag::revision_of, time},
    request::{JobsRead, Path, RequirePermission},
    state::AppState,
    views::{AdminJob, words},
};

/// A job with everything that is known of it.
#[derive(Serialize, ToSchema)]
pub struct AdminJobDetail {
    #[serde(flatten)]
    pub job: AdminJob,
    pub args_version: u16,
    /// The stored arguments. Hidden from every caller, as `[redacted]`: the values of fields whose names contain a
    /// word like `password`, `token`, `secret`, `email`, `recipient`, `phone`, `ip`, `subject`, `body`, `text` or
    /// `params` (ids such as `token_id` are shown), and texts that contain an email address, are a JSON Web Token or
    /// have more than 200 characters.
    pub arguments: Option<Value>,
    /// The trace of the request or the tick that made it, and of every run (W3C, 32 hexadecimal digits).
    pub trace_id: Option<String>,
    pub references: Vec<ReferenceView>,
    /// What happened, oldest first.
    pub timeline: Vec<Happening>,
    /// Runs that are recorded: all but a plain first success, and those that said something.
    pub attempts: Vec<AttemptView>,
    /// Set while it runs although somebody asked it to stop.
    pub stop_requested: Option<StopView>,
    /// What it works on, as that stands now.
    pub effects: Vec<EffectView>,
    /// The job that waits for this one and its siblings.
    pub parent_id: Option<Uuid>,
    /// The jobs this one waits for; the first 100.
    pub children: Vec<AdminJob>,
}

#[derive(Serialize, ToSchema)]
pub struct ReferenceView {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: Uuid,
}

/// One point of a timeline.
#[derive(Serialize, ToSchema)]
pub struct Happening {
    #[serde(serialize_with = "time")]
    pub at: DateTime<Utc>,
    /// `created`, `started`, `ended` (a run), `retry`, `cancel`, `discard`, `rerun`, `change` (by a person or the
    /// system), `finished`.
    #[schema(example = "started")]
    pub event: &'static str,
    /// Which run.
    pub run: Option<u32>,
    /// The outcome of a run, the state after an action, the final state.
    pub what: Option<String>,
    /// Who did it; absent for the system and the workers.
    pub actor: Option<Uuid>,
    pub reason: Option<String>,
    /// Of a change: `state`, `run_at`, `priority` and `queue`, `before` and `after`.
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

/// A run.
#[derive(Serialize, ToSchema)]
pub struct AttemptView {
    pub run: u32,
    /// Absent while it runs, and for a plain first success.
    pub outcome: Option<String>,
    pub class: Option<String>,
    pub error: Option<String>,
    /// Host and process.
    pub worker: Option<String>,
    /// Of the worker.
    pub version: Option<String>,
    #[serde(serialize_with = "maybe_time")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "maybe_time")]
    pub finished_at: Option<DateTime<Utc>>,
    /// What it said: the last 200 lines, of the job's last five runs.
    pub logs: Vec<LogView>,
}

#[derive(Serialize, ToSchema)]
pub struct LogView {
    pub seq: u16,
    #[serde(serialize_with = "time")]
    pub at: DateTime<Utc>,
    #[schema(schema_with = words::log_level)]
    pub level: Level,
    pub message: String,
    /// Hidden like `arguments`; `message` is shown as the run wrote it.
    pub fields: Option<Value>,
}

#[derive(Serialize, ToSchema)]
pub struct StopView {
    #[serde(serialize_with = "time")]
    pub at: DateTime<Utc>,
    pub reason: String,
    pub actor: Option<Uuid>,
}

/// Something the job works on.
#[derive(Serialize, ToSchema)]
pub struct EffectView {
    /// `version`, `thumbnails`, `index`, `upload` or `mail`.
    #[serde(rename = "type")]
    #[schema(example = "mail")]
    pub kind: &'static str,
    pub id: Uuid,
    /// As its own endpoint says it; for thumbnails `pending`, `made` or `none`; for the index the version of the
    /// search document that is due.
    #[schema(example = "sent")]
    pub state: String,
}

/// One job: its timeline, runs with what they said, arguments, effects, parents and children.
#[utoipa::path(get, path = "/admin/jobs/{id}", tag = "admin jobs", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 200, description = "The job", body = Envelope<AdminJobDetail>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::Forbidden, Code::NotFound, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    Path(id): Path<JobId>,
) -> Result<Reply<AdminJobDetail>, Error> {
    let row = ledger::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let revision = revision_of(&Place::of(&row));
    let story = timeline::of(&state.db, id).await?;
    let attempts = attempts::by_job(&state.db, id).await?;
    let logs = logs::by_job(&state.db, id).await?;
    let parent_id = match row.flow_id {
        Some(flow) => flow_members::parent_of(&state.db, flow).await?.map(Uuid::from),
        None => None,
    };
    let children = flow_members::children_of(&state.db, id).await?.into_iter().map(AdminJob::from).collect();
    let effects = effects(&state, &story).await?;
    let mut detail = AdminJobDetail {
        args_version: row.args_version,
        arguments: story.args.as_ref().map(redact),
        trace_id: row.trace_parent.as_deref().and_then(trace_id),
        timeline: timeline(&row, &attempts, &story),
        attempts: runs(&row, attempts, logs),
        stop_requested: story.stop_request.map(|stop| StopView { at: stop.at, reason: stop.reason, actor: stop.actor }),
        references: story.references.into_iter().map(|(kind, id)| ReferenceView { kind, id }).collect(),
        job: row.into(),
        effects,
        parent_id,
        children,
    };
    entitle(&state, &user, std::iter::once(&mut detail.job).chain(&mut detail.children)).await?;
    Ok(Reply::ok(detail).header(header::CACHE_CONTROL, "private, no-cache").revised(revision))
}

/// The second part of a `traceparent` (W3C Trace Context, 3.2).
fn trace_id(parent: &str) -> Option<String> {
    parent.split('-').nth(1).filter(|id| id.len() == 32).map(str::to_owned)
}

fn timeline(row: &JobRow, attempts: &[Attempt], story: &Timeline) -> Vec<Happening> {
    let plain = |at, event, run, what| Happening { at, event, run, what, actor: None, reason: None, details: None };
    let mut list = vec![plain(row.created_at, "created", None, None)];
    for attempt in attempts {
        list.extend(attempt.started_at.map(|at| plain(at, "started", Some(attempt.run), None)));
        let ended = plain(attempt.finished_at, "ended", Some(attempt.run), Some(attempt.outcome.to_string()));
        list.push(Happening { reason: attempt.error.clone(), ..ended });
    }
    // The run under way, or a plain first success, which leaves no attempt.
    if let Some(at) = row.started_at
        && attempts.last().is_none_or(|attempt| attempt.run < row.runs)
    {
        list.push(plain(at, "started", Some(row.runs), None));
    }
    for done in &story.actions {
        let after = Some(done.after.as_str().to_owned());
        let action = plain(done.at, done.action.as_str(), None, after);
        let details = done.details.as_ref().map(|details| details.0.clone());
        list.push(Happening { actor: done.actor, reason: Some(done.reason.clone()), details, ..action });
    }
    list.extend(row.finished_at.map(|at| plain(at, "finished", None, Some(row.state.as_str().to_owned()))));
    // Stable: what happened at the same time stays in the order above.
    list.sort_by_key(|happening| happening.at);
    list
}

fn runs(row: &JobRow, attempts: Vec<Attempt>, logs: Vec<(u32, LogLine)>) -> Vec<AttemptView> {
    let mut runs: BTreeMap<u32, AttemptView> = BTreeMap::new();
    for attempt in attempts {
        let view = AttemptView {
            run: attempt.run,
            outcome: Some(attempt.outcome.to_string()),
            class: attempt.class,
            error: attempt.error,
            worker: attempt.worker,
            version: attempt.version,
            started_at: attempt.started_at,
            finished_at: Some(attempt.finished_at),
            logs: Vec::new(),
        };
        runs.insert(attempt.run, view);
    }
    for (run, line) in logs {
        let last = run == row.runs;
        let view = runs.entry(run).or_insert_with(|| AttemptView {
            run,
            outcome: None,
            class: None,
            error: None,
            worker: None,
            version: None,
            started_at: row.started_at.filter(|_| last),
            finished_at: row.finished_at.filter(|_| last),
            logs: Vec::new(),
        });
        let LogLine { seq, at, level, message, fields } = line;
        view.logs.push(LogView { seq, at, level, message, fields: fields.as_ref().map(redact) });
    }
    runs.into_values().collect()
}

async fn effects(state: &AppState, story: &Timeline) -> Result<Vec<EffectView>, Error> {
    let mut effects = Vec::new();
    for (kind, id) in &story.references {
        match kind.as_str() {
            "version" => {
                if let Some(version) = nano_versions::get(&state.db, VersionId(*id)).await? {
                    let thumbnails = match version.thumbnail_key.as_deref() {
                        None => "pending",
                        Some("") => "none",
                        Some(_) => "made",
                    };
                    effects.push(EffectView { kind: "version", id: *id, state: version.state.to_string() });
                    effects.push(EffectView { kind: "thumbnails", id: *id, state: thumbnails.into() });
                }
            }
            "nano" => {
                let nano = nanos::get(&state.db, NanoId(*id)).await?;
                let effect =
                    nano.map(|nano| EffectView { kind: "index", id: *id, state: nano.index_version.to_string() });
                effects.extend(effect);
            }
            "upload" => {
                let upload = uploads::get(&state.db, UploadId(*id)).await?;
                let effect =
                    upload.map(|upload| EffectView { kind: "upload", id: *id, state: upload.state.to_string() });
                effects.extend(effect);
            }
            _ => {}
        }
    }
    let delivery = story.args.as_ref().and_then(|args| args["delivery_id"].as_str()?.parse::<Uuid>().ok());
    if let Some(id) = delivery {
        let mail = email_deliveries::get(&state.db, DeliveryId(id)).await?;
        effects.extend(mail.map(|mail| EffectView { kind: "mail", id, state: mail.state.to_string() }));
    }
    Ok(effects)
}
