//! Who works: the fleet's processes and what each runs.

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Db;
use http::header;
use queue::ledger::workers::{self, RunningJob, WorkerRow};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    code::Code,
    error::Error,
    extract::{JobsRead, RequirePermission, StrictQuery},
    fields::{Fields, Input, boolean},
    reply::{Envelope, Reply, maybe_time, time},
    state::AppState,
};

/// Running jobs shown of each worker.
const SHOWN: usize = 100;

/// Which workers.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct WorkersParams {
    /// `true`: those that ended within the last day, too.
    #[param(default = false)]
    ended: Option<bool>,
}

pub struct WorkersQuery {
    ended: bool,
}

impl Input for WorkersQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { ended: fields.optional("ended", boolean).unwrap_or(false) })
    }
}

/// A worker, in one of its lives: it comes back under another id.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkerView {
    pub id: Uuid,
    /// Host and process.
    pub name: String,
    pub version: String,
    pub queues: Vec<String>,
    /// `alive`, `draining`, `stopped` or `dead`.
    pub state: String,
    /// Jobs it runs at a time.
    pub slots: u32,
    /// Resident memory of the worker and its child processes, in bytes.
    pub memory_bytes: Option<u64>,
    #[serde(serialize_with = "time")]
    pub started_at: DateTime<Utc>,
    /// The last sign of life; a second ago at most while all is well.
    #[serde(serialize_with = "time")]
    pub seen_at: DateTime<Utc>,
    /// When somebody asked it to finish what it runs and end.
    #[serde(serialize_with = "maybe_time")]
    pub drain_requested_at: Option<DateTime<Utc>>,
    pub drain_reason: Option<String>,
    /// How many jobs it runs.
    pub in_flight: u64,
    /// The first 100 of them.
    pub running: Vec<RunningView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunningView {
    pub id: Uuid,
    pub kind: String,
    pub queue: String,
    #[serde(serialize_with = "maybe_time")]
    pub started_at: Option<DateTime<Utc>>,
}

/// The workers of the fleet, newest first; at most 500.
#[utoipa::path(get, path = "/admin/jobs/workers", tag = "admin jobs", params(WorkersParams),
    security(("bearer" = [])),
    responses((status = 200, description = "The workers", body = Envelope<Vec<WorkerView>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<WorkersQuery>,
) -> Result<Reply<Vec<WorkerView>>, Error> {
    let view = view(&state.db, query.ended).await?;
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}

/// What the page and the live stream show.
pub(super) async fn live(db: &Db) -> Result<Vec<WorkerView>, Error> {
    view(db, false).await
}

async fn view(db: &Db, ended: bool) -> Result<Vec<WorkerView>, Error> {
    let (rows, running) = tokio::try_join!(workers::list(db), workers::running(db))?;
    let mut by_worker: BTreeMap<Uuid, Vec<RunningJob>> = BTreeMap::new();
    for job in running {
        by_worker.entry(job.worker_id).or_default().push(job);
    }
    let lives = |row: &WorkerRow| matches!(row.state.as_str(), "alive" | "draining");
    // A dead one that still owns jobs is news.
    let rows = rows.into_iter().filter(|row| ended || lives(row) || by_worker.contains_key(&row.id));
    let views = rows.collect::<Vec<_>>().into_iter().map(|row| {
        let running = by_worker.remove(&row.id).unwrap_or_default();
        WorkerView {
            id: row.id,
            name: row.name,
            version: row.version,
            queues: row.queues.split(',').map(str::to_owned).collect(),
            state: row.state,
            slots: row.slots,
            memory_bytes: row.memory_bytes,
            started_at: row.started_at,
            seen_at: row.seen_at,
            drain_requested_at: row.drain_requested_at,
            drain_reason: row.drain_reason,
            in_flight: running.len() as u64,
            running: running
                .into_iter()
                .take(SHOWN)
                .map(|job| RunningView { id: job.id, kind: job.kind, queue: job.queue, started_at: job.started_at })
                .collect(),
        }
    });
    Ok(views.collect())
}
