//! The reason that somebody gives for an act on jobs, and the audit row that keeps it.

use domain::audit::Entry;
use queue::control::{self, Act};
use utoipa::ToSchema;

use crate::{
    reply::Issue,
    request::{
        ClientInfo, CurrentUser,
        fields::{self, Fields, Input},
    },
};

/// A reason that must be there.
#[derive(ToSchema)]
pub struct Reasoned {
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "the disk of the media workers is full")]
    pub reason: String,
}

impl Input for Reasoned {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reason = fields.required("reason", reason);
        Some(Self { reason: reason? })
    }
}

/// 1 to 500 characters on one line.
pub fn reason(raw: fields::Raw) -> Result<String, Issue> {
    fields::line(control::REASON_LIMIT)(raw)
}

/// The audit row of an act.
pub fn entry(client: &ClientInfo, user: &CurrentUser, act: &Act, now: chrono::DateTime<chrono::Utc>) -> Entry {
    client.audit(act.action, Some(user.id), (act.target_type, act.target_id), act.details.clone(), now)
}
