//! The overview: how everything is, as one answer.

use chrono::{DateTime, Utc};
use db::Db;
use queue::{
    health::{self, Health, Seen, Text, Tone, Verdict},
    ledger::{
        State as JobState,
        list::Total,
        stats::error_groups::{self, Group},
        workers::{self, WorkerRow, WorkerState},
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Count, ErrorGroup, QueueRows, QueuesView, StatsView, words};
use crate::reply::{Error, maybe_time};

/// How everything is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    pub health: HealthView,
    pub figures: Figures,
    /// What `/admin/jobs/queues` shows.
    pub queues: QueuesView,
    /// The twenty causes of failures that were seen last, as `/admin/jobs/errors` has them.
    pub causes: Vec<ErrorGroup>,
    /// How runs ended in each of the last 60 minutes, as `/admin/jobs/stats?by=outcome` has it.
    pub runs: StatsView,
}

/// The one thing to know first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HealthView {
    /// `bad`: act now; `warn`: look at it today.
    #[schema(schema_with = words::tone)]
    pub tone: Tone,
    /// What it is, the worst there is.
    #[schema(schema_with = words::verdict)]
    pub verdict: Verdict,
    /// The queues that it is about, the one that is furthest behind first.
    pub queues: Vec<String>,
    /// One sentence, the same that `worker status` and alerts say.
    pub sentence: Wording,
    /// How much waits, what it would take, and what else there is.
    pub detail: Wording,
}

/// The same in each language of the site.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Wording {
    pub de: String,
    pub en: String,
}

/// The whole in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// Jobs that are ready and wait, in all queues; each is counted to 10,000.
    pub waiting: Count,
    /// Since when the first of them could run.
    #[serde(serialize_with = "maybe_time")]
    pub oldest_available_at: Option<DateTime<Utc>>,
    pub running: Count,
    /// Jobs that were set aside because they kill their processes.
    pub quarantined: Count,
    /// Jobs that were given up and still are, of the causes that were seen last.
    pub open: Count,
    /// How many of these causes have such jobs.
    pub open_causes: u64,
    pub paused_queues: u64,
    /// Workers that live, and how many of them take no more jobs.
    pub workers: u64,
    pub draining: u64,
    /// Jobs that those that live run at a time.
    pub slots: u64,
}

impl From<Text> for Wording {
    fn from(Text { de, en }: Text) -> Self {
        Self { de, en }
    }
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        Self {
            tone: health.verdict.tone(),
            verdict: health.verdict,
            queues: health.queues,
            sentence: health.sentence.into(),
            detail: health.detail.into(),
        }
    }
}

impl Overview {
    /// As it stands, by the database's time, which the signs of life of the workers are in.
    pub async fn of(db: &Db) -> Result<Self, Error> {
        let now = db::clock::now(db).await?;
        let rows = QueueRows::load(db, now, QueuesView::WINDOW).await?;
        let workers = workers::list(db).await?;
        let (causes, _) = error_groups::page(db, &error_groups::Filter::default(), None, health::CAUSES).await?;
        let runs = StatsView::last_hour(db, now).await?;
        Ok(Self::made(&rows, &workers, &causes, runs, now))
    }

    /// The same of what was loaded.
    pub fn made(
        rows: &QueueRows,
        workers: &[WorkerRow],
        causes: &[Group],
        runs: StatsView,
        now: DateTime<Utc>,
    ) -> Self {
        let QueueRows { status, ended, pauses, .. } = rows;
        let seen = Seen { queues: status, ended, pauses, workers, causes };
        let queues = QueuesView::from(rows);
        Self {
            health: health::health(&seen, now).into(),
            figures: figures(&seen, &queues, now),
            queues,
            causes: causes.iter().cloned().map(ErrorGroup::from).collect(),
            runs,
        }
    }
}

fn figures(seen: &Seen<'_>, queues: &QueuesView, now: DateTime<Utc>) -> Figures {
    let count = |wanted: JobState| {
        let counts = seen.queues.iter().flat_map(|status| &status.counts).filter(|(state, _)| *state == wanted);
        let total = counts.fold(Total::default(), |sum, (_, total)| Total {
            count: sum.count + total.count,
            capped: sum.capped || total.capped,
        });
        Count::from(total)
    };
    let alive: Vec<&WorkerRow> = seen.workers.iter().filter(|worker| health::is_alive(worker, now)).collect();
    let drains = |worker: &&&WorkerRow| worker.state == WorkerState::Draining || worker.drain_requested_at.is_some();
    let (open, open_causes) = health::open(seen.causes);
    Figures {
        waiting: count(JobState::Available),
        oldest_available_at: seen.queues.iter().filter_map(|status| status.oldest).min(),
        running: count(JobState::Running),
        quarantined: count(JobState::Quarantined),
        open: open.into(),
        open_causes: open_causes as u64,
        paused_queues: queues.queues.iter().filter(|queue| queue.paused.is_some()).count() as u64,
        workers: alive.len() as u64,
        draining: alive.iter().filter(drains).count() as u64,
        slots: alive.iter().map(|worker| u64::from(worker.slots)).sum(),
    }
}
