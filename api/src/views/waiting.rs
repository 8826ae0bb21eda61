//! The place of a waiting job in its queue, as its owner sees it.

use db::Db;
use queue::ledger::{
    JobRow, State,
    stats::{
        estimate::{Estimate, NoEstimate},
        waiting,
    },
    workers,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::words;
use crate::reply::Error;

/// A waiting job's place, and how long it may take until it begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waiting {
    /// From 1, if every tenant that waits takes its turns: `own_place` times `tenants`. None while a limit or a pause of
    /// its kind holds the job back.
    pub place: Option<u64>,
    /// From 1, among the own jobs of the same queue; at most 10,001.
    pub own_place: Option<u64>,
    /// How many people's jobs wait in the queue, the own included; at most 64, which means 64 or more.
    pub tenants: Option<u64>,
    /// Until it begins; none when nobody can say, and `no_estimate` says why.
    pub estimate: Option<EstimateView>,
    #[schema(schema_with = words::maybe_no_estimate)]
    pub no_estimate: Option<NoEstimate>,
}

/// Hardly sooner than, hardly later than.
#[derive(Debug, Serialize, ToSchema)]
pub struct EstimateView {
    pub from_seconds: u64,
    pub to_seconds: u64,
}

impl From<Estimate> for EstimateView {
    fn from(estimate: Estimate) -> Self {
        Self { from_seconds: estimate.from, to_seconds: estimate.to }
    }
}

impl Waiting {
    /// For a job that is ready but has not begun; none for every other.
    pub async fn of(db: &Db, row: &JobRow) -> Result<Option<Self>, Error> {
        match row.state {
            State::Blocked => {
                let why = if waiting::paused(db, &row.queue, &row.kind).await? {
                    NoEstimate::Paused
                } else {
                    NoEstimate::Limited
                };
                Ok(Some(Self { place: None, own_place: None, tenants: None, estimate: None, no_estimate: Some(why) }))
            }
            State::Available => {
                let standing = waiting::of(db, row).await?;
                let estimate = if waiting::paused(db, &row.queue, &row.kind).await? {
                    Err(NoEstimate::Paused)
                } else if !workers::takes(db, &row.queue).await? {
                    Err(NoEstimate::NoWorker)
                } else if standing.tenants >= waiting::TENANTS_CAP || standing.own_ahead >= waiting::AHEAD_CAP {
                    Err(NoEstimate::Crowded)
                } else {
                    standing.estimate(&waiting::pace(db, &row.queue).await?)
                };
                Ok(Some(Self {
                    place: Some(standing.place()),
                    own_place: Some(standing.own_ahead + 1),
                    tenants: Some(standing.tenants),
                    no_estimate: estimate.err(),
                    estimate: estimate.ok().map(EstimateView::from),
                }))
            }
            _ => Ok(None),
        }
    }
}
