//! Mails of which nobody can tell whether they left, and what somebody has found out about them.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{ids::DeliveryId, user::Permission};
use infra::db::{
    audit_log,
    email_deliveries::{self, AmbiguousRow},
};
use jobs::mail::{MailVerdict, judge_mail};
use queue::ledger::{By, list::CursorError};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::jobs::paging::{limit, paged};
use crate::{
    reply::{Code, Envelope, Error, Meta, Reply, time},
    request::{
        ClientInfo, JobsOperate, JobsRead, Json, Path, RequirePermission, StrictQuery,
        fields::{self, Fields, Input},
    },
    routes::jobs::reason::{entry, reason},
    state::AppState,
    views::words,
    write::transaction,
};

/// Which page of them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MailsQuery {
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: u32,
}

impl Input for MailsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { cursor: fields.optional("cursor", fields::text), limit: limit(fields) })
    }
}

/// A mail whose sender died, or lost the connection, after the mail server had asked for the message and before its answer was
/// written down.
#[derive(Serialize, ToSchema)]
pub struct AmbiguousMail {
    pub id: Uuid,
    #[schema(example = "verify_email")]
    pub template: String,
    pub user_id: Option<Uuid>,
    /// For those who manage accounts (`users:manage`).
    pub recipient: Option<String>,
    /// The local part of its `Message-ID`, by which the mail server's log knows it.
    pub message_id: String,
    /// For those who manage accounts (`users:manage`): it may quote the address.
    pub error: Option<String>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// When nobody could tell any more.
    #[serde(serialize_with = "time")]
    pub since: DateTime<Utc>,
}

impl AmbiguousMail {
    fn of(row: AmbiguousRow, with_recipient: bool) -> Self {
        Self {
            id: row.id.0,
            template: row.template,
            user_id: row.user_id.map(|user| user.0),
            recipient: Some(row.recipient).filter(|_| with_recipient),
            message_id: row.message_id,
            error: row.error.filter(|_| with_recipient),
            created_at: row.created_at,
            since: row.updated_at,
        }
    }
}

/// Mails of which nobody can tell whether they left, newest first. They are never sent again by themselves.
#[utoipa::path(get, path = "/admin/mails/ambiguous", tag = "admin jobs", params(MailsQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<AmbiguousMail>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid, Code::Forbidden])), ("x-permission" = json!("jobs:read"))))]
pub async fn ambiguous(
    State(state): State<AppState>,
    RequirePermission { user, .. }: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<MailsQuery>,
) -> Result<Reply<Vec<AmbiguousMail>>, Error> {
    let before = query.cursor.map(|text| text.parse::<DeliveryId>()).transpose().map_err(|_| CursorError)?;
    let mut rows = email_deliveries::ambiguous(&state.db, before, query.limit + 1).await?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor: next, ..Meta::default() };
    let with_recipients = user.allows(Permission::UsersManage);
    let views = rows.into_iter().map(|row| AmbiguousMail::of(row, with_recipients)).collect();
    Ok(paged(Reply::ok(views), meta))
}

/// What somebody has found out.
#[derive(ToSchema)]
pub struct MailJudgement {
    /// `sent`: it left; `send_again`: it did not, or twice is better than never. It goes out once more under the same
    /// `Message-ID`.
    #[schema(schema_with = words::mail_verdict)]
    verdict: MailVerdict,
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "the mail server's log has it")]
    reason: String,
}

impl Input for MailJudgement {
    fn read(fields: &mut Fields) -> Option<Self> {
        let verdict = fields.required("verdict", fields::word::<MailVerdict>);
        let reason = fields.required("reason", reason);
        Some(Self { verdict: verdict?, reason: reason? })
    }
}

/// What became of the mail.
#[derive(Serialize, ToSchema)]
pub struct MailJudged {
    pub id: Uuid,
    #[schema(schema_with = words::mail_verdict)]
    pub verdict: MailVerdict,
    /// The job that sends it again.
    pub job_id: Option<Uuid>,
}

/// Settles a mail of which nobody could tell whether it left. One that is settled already is not found.
#[utoipa::path(post, path = "/admin/mails/{id}/judge", tag = "admin jobs", params(("id" = Uuid, Path,)),
    request_body = MailJudgement, security(("bearer" = [])),
    responses((status = 200, description = "Settled", body = Envelope<MailJudged>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::NotFound])),
        ("x-permission" = json!("jobs:operate"))))]
pub async fn judge(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<JobsOperate>,
    Path(id): Path<DeliveryId>,
    Json(form): Json<MailJudgement>,
) -> Result<Reply<MailJudged>, Error> {
    let by = By { actor: Some(user.id.0), reason: &form.reason };
    let now = state.clock.now();
    let job = transaction!(state.db, |tx| {
        let (job, act) = judge_mail(tx, id, form.verdict, &by).await?;
        audit_log::append(tx, &entry(&client, &user, &act, now)).await?;
        Ok(job)
    })?;
    Ok(Reply::ok(MailJudged { id: id.0, verdict: form.verdict, job_id: job.map(Uuid::from) }))
}
