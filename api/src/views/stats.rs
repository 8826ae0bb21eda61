//! Runs over time, from the rollups.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use db::Db;
use queue::ledger::stats::series::{self, Filter, Split, Step};
use serde::Serialize;
use utoipa::ToSchema;

use super::words;
use crate::reply::{Error, time};

/// Runs that ended, over time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatsView {
    /// The beginning of the first step.
    #[serde(serialize_with = "time")]
    pub since: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub until: DateTime<Utc>,
    #[schema(schema_with = words::stats_step)]
    pub step: Step,
    pub series: Vec<Series>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Series {
    /// Of the queue, kind or outcome; empty for the one line of everything.
    pub name: String,
    pub total: u64,
    /// Steps without runs are left out.
    pub points: Vec<PointView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PointView {
    /// The step's beginning.
    #[serde(serialize_with = "time")]
    pub at: DateTime<Utc>,
    pub runs: u64,
}

impl StatsView {
    /// The runs of a filter, a line for each word of `split`.
    pub async fn of(db: &Db, filter: &Filter, step: Step, split: Option<Split>) -> Result<Self, Error> {
        let mut series: BTreeMap<String, Vec<PointView>> = BTreeMap::new();
        for point in series::series(db, filter, step, split).await? {
            series.entry(point.name).or_default().push(PointView { at: point.at, runs: point.runs });
        }
        let series = series.into_iter().map(|(name, points)| {
            let total = points.iter().map(|point| point.runs).sum();
            Series { name, total, points }
        });
        Ok(Self { since: filter.since, until: filter.until, step, series: series.collect() })
    }

    /// How runs ended, for each minute of the last hour.
    pub async fn last_hour(db: &Db, now: DateTime<Utc>) -> Result<Self, Error> {
        let since = now - TimeDelta::hours(1);
        let since = since.duration_trunc(TimeDelta::minutes(1)).unwrap_or(since);
        let filter = Filter { since, until: now, ..Filter::default() };
        Self::of(db, &filter, Step::Minute, Some(Split::Outcome)).await
    }
}
