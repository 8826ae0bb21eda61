//! Views of the rows. Nothing is shown that is not named here.

mod account;
mod chat;
mod failure;
mod job;
mod nano;
mod overview;
mod queue;
mod rating;
mod stats;
mod trouble;
mod upload;
mod version;
mod waiting;
pub mod words;
mod worker;

pub use account::Me;
pub use chat::{Chat, Message, Report};
pub use failure::{Count, ErrorGroup};
pub use job::{About, AdminJob, Job};
pub use nano::{Nano, PendingEdit};
pub use overview::Overview;
pub use queue::{LimitView, PauseView, QueueRows, QueuesView, revision};
pub use rating::{Author, PendingOpinion, Rating, Scores};
pub use stats::StatsView;
pub use trouble::{Explanation, Retry, owners_cancel};
pub use upload::UploadView;
pub use version::{Note, Version, VersionDetail};
pub use waiting::Waiting;
pub use worker::{FleetRows, WorkerView};
