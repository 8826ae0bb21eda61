//! Failures of jobs, grouped by their cause.

use chrono::{DateTime, Utc};
use queue::ledger::{
    list::{Fingerprint, Total},
    stats::error_groups::Group,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::reply::time;

/// A number that is not counted without end.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Count {
    /// At most 10,000, or what the field says.
    pub count: u64,
    /// There are more.
    pub capped: bool,
}

impl From<Total> for Count {
    fn from(total: Total) -> Self {
        Self { count: total.count, capped: total.capped }
    }
}

/// Failures of one cause.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorGroup {
    /// Filters the job list, and is the filter of a bulk action.
    #[schema(value_type = String)]
    pub fingerprint: Fingerprint,
    pub kind: String,
    /// `failed`, `timeout`, `panic`, `crashed`, … or one of the job's own.
    pub class: String,
    /// Of the newest failure, at most 500 characters.
    pub sample: String,
    pub last_job_id: Uuid,
    /// Runs that failed so.
    pub failures: u64,
    /// Jobs that were given up for it and still are.
    pub open: Count,
    /// Jobs that failed so and will run again.
    pub retrying: Count,
    #[serde(serialize_with = "time")]
    pub first_seen: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub last_seen: DateTime<Utc>,
    /// The release whose worker met it first.
    pub first_version: String,
    pub last_version: String,
}

impl From<Group> for ErrorGroup {
    fn from(group: Group) -> Self {
        Self {
            fingerprint: group.fingerprint,
            kind: group.kind,
            class: group.class,
            sample: group.message,
            last_job_id: group.last_job.0,
            failures: group.failures,
            open: group.open.into(),
            retrying: group.retrying.into(),
            first_seen: group.first_seen,
            last_seen: group.last_seen,
            first_version: group.first_version,
            last_version: group.last_version,
        }
    }
}
