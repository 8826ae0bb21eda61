//! Requests: callers and clients, bodies and queries, checked field by field.

mod body;
mod caller;
mod client;
pub mod fields;
mod query;

pub use body::{JSON_LIMIT, Json, MaybeJson};
pub use caller::{
    AuditRead, CurrentUser, JobsOperate, JobsRead, ModerationDecide, NanosCreate, RequirePermission, served,
};
pub use client::ClientInfo;
pub use query::{Page, Path, Query, StrictQuery};
