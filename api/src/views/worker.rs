//! The fleet's processes and what each runs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use queue::{
    ids::WorkerId,
    ledger::workers::{self, RunningJob, WorkerRow},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::reply::{Error, maybe_time, time};

/// Running jobs shown of each worker.
const SHOWN: usize = 100;

/// A worker, in one of its lives: it comes back under another id.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WorkerView {
    pub id: Uuid,
    /// Host and process.
    pub name: String,
    pub version: String,
    pub queues: Vec<String>,
    /// `alive`, `draining`, `stopped` or `dead`.
    pub state: &'static str,
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
    /// What keeps its readers of hostile files from being wholly confined; empty when nothing does, null while nobody has
    /// looked.
    pub unconfined: Option<String>,
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

/// What the page of the workers is made from.
pub struct FleetRows {
    pub workers: Vec<WorkerRow>,
    running: Vec<RunningJob>,
}

impl FleetRows {
    pub async fn load(db: &Db) -> Result<Self, DbError> {
        let (workers, running) = tokio::try_join!(workers::list(db), workers::running(db))?;
        Ok(Self { workers, running })
    }
}

impl WorkerView {
    /// The fleet, newest first; with those that ended within the last day, if `ended`.
    pub async fn list(db: &Db, ended: bool) -> Result<Vec<Self>, Error> {
        Ok(Self::of(&FleetRows::load(db).await?, ended))
    }

    /// The same of what was loaded.
    pub fn of(fleet: &FleetRows, ended: bool) -> Vec<Self> {
        let mut by_worker: BTreeMap<WorkerId, Vec<RunningJob>> = BTreeMap::new();
        for job in &fleet.running {
            by_worker.entry(job.worker_id).or_default().push(job.clone());
        }
        let lives = |row: &WorkerRow| row.state.lives();
        // A dead one that still owns jobs is news.
        let rows = fleet.workers.iter().filter(|row| ended || lives(row) || by_worker.contains_key(&row.id));
        let views = rows.cloned().collect::<Vec<_>>().into_iter().map(|row| {
            let running = by_worker.remove(&row.id).unwrap_or_default();
            Self {
                id: row.id.into(),
                name: row.name,
                version: row.version,
                queues: row.queues.split(',').map(str::to_owned).collect(),
                state: row.state.as_str(),
                slots: row.slots,
                memory_bytes: row.memory_bytes,
                started_at: row.started_at,
                seen_at: row.seen_at,
                drain_requested_at: row.drain_requested_at,
                drain_reason: row.drain_reason,
                unconfined: row.unconfined,
                in_flight: running.len() as u64,
                running: running
                    .into_iter()
                    .take(SHOWN)
                    .map(|job| RunningView {
                        id: job.id.into(),
                        kind: job.kind,
                        queue: job.queue,
                        started_at: job.started_at,
                    })
                    .collect(),
            }
        });
        views.collect()
    }
}
