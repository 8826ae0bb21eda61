//! Requests: callers and clients, bodies and queries, checked field by field.

mod body;
pub mod caller;
mod client;
pub mod fields;
pub mod host;
mod if_match;
pub mod keyed;
mod proxies;
mod query;

pub use body::{JSON_LIMIT, Json, MaybeJson, NoBody, read};
pub use caller::{
    AuditRead, ChatsClose, CurrentUser, JobsOperate, JobsRead, ModerationDecide, NanosCreate, OWN_ACCOUNT,
    RequirePermission, UsersManage, served,
};
pub use client::ClientInfo;
pub use domain::name::Name;
pub use if_match::IfMatch;
pub use keyed::Keyed;
pub use proxies::TrustedProxies;
pub use query::{Page, Path, Query, StrictQuery};
