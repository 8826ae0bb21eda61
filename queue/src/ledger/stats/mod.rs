//! Figures about many jobs: rollups, groups of failures, backlogs, and how long a waiting job may still wait.

pub mod backlog;
pub(crate) mod cause;
pub mod counts;
pub mod error_groups;
pub mod errors;
pub mod estimate;
pub mod failures;
pub mod given_up;
pub mod histogram;
pub mod queues;
pub mod rollups;
pub mod series;
pub mod waiting;
