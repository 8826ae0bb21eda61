//! The queues: jobs by state, what each got done lately, and what holds them up.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError};
use jobs::QUEUES;
use queue::{
    health,
    ledger::{
        State as JobState,
        controls::{
            limits::{self, Limit},
            pauses::{self, Pause, Scope},
        },
        stats::{
            histogram,
            queues::{self, QueueStatus},
            series::{self, Ended},
        },
    },
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Count;
use crate::reply::{Error, maybe_time, time};

/// The queues, and what holds them up.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueuesView {
    pub window_minutes: u64,
    /// Nothing starts at all.
    pub paused: Option<PauseView>,
    pub queues: Vec<QueueView>,
    /// Kinds of which nothing starts.
    pub paused_kinds: Vec<PauseView>,
    /// Limits across the fleet, by kind.
    pub limits: Vec<LimitView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct QueueView {
    pub name: String,
    /// Nothing of it starts.
    pub paused: Option<PauseView>,
    /// Jobs by state, each counted to 10,000; ended ones to 1,000.
    pub counts: BTreeMap<&'static str, Count>,
    /// Jobs that run just now, counted to 10,000.
    pub in_flight: u64,
    /// Since when the first available job could run.
    #[serde(serialize_with = "maybe_time")]
    pub oldest_available_at: Option<DateTime<Utc>>,
    /// More than 10,000 jobs of more than 16 owners are available: there may be an older one.
    pub oldest_is_a_guess: bool,
    /// From the time a job could run to its start.
    pub wait: Percentiles,
    /// From a run's start to its end.
    pub run: Percentiles,
    /// Runs that ended within the window, by outcome.
    pub ended: BTreeMap<String, u64>,
    /// Runs that completed, per minute of the window.
    pub completed_per_minute: f64,
}

/// Of the runs within the window; absent without any.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Percentiles {
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PauseView {
    pub name: String,
    pub reason: String,
    /// Who paused it; absent for the system and for the command line.
    pub actor: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub since: DateTime<Utc>,
    /// When it ends by itself.
    #[serde(serialize_with = "maybe_time")]
    pub until: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LimitView {
    pub kind: String,
    /// Runs at a time, in the whole fleet.
    pub max_running: Option<u32>,
    /// Runs at a time of each owner.
    pub max_running_per_tenant: Option<u32>,
    /// Starts in `rate_seconds`.
    pub rate: Option<u32>,
    pub rate_seconds: Option<u32>,
    /// Starts that may come at once.
    pub burst: Option<u32>,
    pub reason: String,
    pub actor: Option<Uuid>,
    #[serde(serialize_with = "time")]
    pub changed_at: DateTime<Utc>,
    /// What a change may name in `If-Match`, in quotes.
    pub revision: String,
}

/// Of a limit: when it was set, to the microsecond. Limits are set one after the other.
pub fn revision(limit: &Limit) -> String {
    limit.changed_at.timestamp_micros().to_string()
}

impl From<Pause> for PauseView {
    fn from(pause: Pause) -> Self {
        let Pause { name, reason, actor, paused_at, expires_at, .. } = pause;
        Self { name, reason, actor, since: paused_at, until: expires_at }
    }
}

impl From<Limit> for LimitView {
    fn from(limit: Limit) -> Self {
        Self {
            revision: revision(&limit),
            kind: limit.kind,
            max_running: limit.max_running,
            max_running_per_tenant: limit.max_running_per_tenant,
            rate: limit.rate,
            rate_seconds: limit.rate_seconds,
            burst: limit.burst,
            reason: limit.reason,
            actor: limit.actor,
            changed_at: limit.changed_at,
        }
    }
}

/// What the page of the queues is made from.
pub struct QueueRows {
    pub window_minutes: u64,
    pub status: Vec<QueueStatus>,
    pub ended: Vec<Ended>,
    pub pauses: Vec<Pause>,
    durations: Vec<series::Duration>,
    limits: Vec<Limit>,
}

impl QueueRows {
    /// As it stands, with what was done in the last `window` minutes.
    pub async fn load(db: &Db, now: DateTime<Utc>, window: u64) -> Result<Self, DbError> {
        let names = QUEUES.names();
        let until = now + TimeDelta::minutes(1);
        let since = now - TimeDelta::minutes(i64::try_from(window).unwrap_or_default());
        let filter = series::Filter { since, until, ..series::Filter::default() };
        let (status, durations, ended, pauses, limits) = tokio::try_join!(
            queues::all(db, &names),
            series::durations(db, &filter),
            series::by_queue(db, &filter),
            pauses::list(db),
            limits::list(db),
        )?;
        Ok(Self { window_minutes: window, status, ended, pauses, durations, limits })
    }
}

impl QueuesView {
    /// Minutes that the percentiles and throughput of a page are made from.
    pub const WINDOW: u64 = health::WINDOW;

    /// As it stands, with what was done in the last `window` minutes.
    pub async fn of(db: &Db, now: DateTime<Utc>, window: u64) -> Result<Self, Error> {
        Ok(Self::from(&QueueRows::load(db, now, window).await?))
    }
}

impl From<&QueueRows> for QueuesView {
    fn from(rows: &QueueRows) -> Self {
        let QueueRows { window_minutes, status, ended, pauses, durations, limits } = rows;
        let of = |scope: Scope| pauses.iter().filter(move |pause| pause.scope == scope).cloned();
        let mut paused: BTreeMap<String, PauseView> =
            of(Scope::Queue).map(|pause: Pause| (pause.name.clone(), pause.into())).collect();
        let queues = status.iter().map(|status| {
            let durations = |what: &str| {
                let buckets: Vec<(u8, u64)> = durations
                    .iter()
                    .filter(|row| row.queue == status.queue && row.what == what)
                    .map(|row| (row.bucket, row.runs))
                    .collect();
                percentiles(&buckets)
            };
            let ended: BTreeMap<String, u64> = ended
                .iter()
                .filter(|row| row.queue == status.queue)
                .map(|row| (row.outcome.clone(), row.runs))
                .collect();
            let completed = ended.get("completed").copied().unwrap_or_default();
            let running = status.counts.iter().find(|(state, _)| *state == JobState::Running);
            QueueView {
                paused: paused.remove(&status.queue),
                in_flight: running.map_or(0, |(_, total)| total.count),
                counts: status.counts.iter().map(|(state, total)| (state.as_str(), (*total).into())).collect(),
                oldest_available_at: status.oldest,
                oldest_is_a_guess: status.oldest_is_a_guess,
                wait: durations("wait"),
                run: durations("run"),
                completed_per_minute: (completed as f64 / *window_minutes as f64 * 100.0).round() / 100.0,
                ended,
                name: status.queue.clone(),
            }
        });
        Self {
            window_minutes: *window_minutes,
            paused: of(Scope::All).next().map(PauseView::from),
            queues: queues.collect(),
            paused_kinds: of(Scope::Kind).map(PauseView::from).collect(),
            limits: limits.iter().cloned().map(LimitView::from).collect(),
        }
    }
}

fn percentiles(buckets: &[(u8, u64)]) -> Percentiles {
    let at = |quantile| {
        let duration = histogram::percentile(buckets, quantile)?;
        Some((duration.as_secs_f64() * 1e5).round() / 100.0)
    };
    Percentiles { p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99) }
}
