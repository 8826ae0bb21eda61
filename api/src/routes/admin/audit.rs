//! The audit log.

use axum::extract::State;
use chrono::SecondsFormat;
use domain::ids::UserId;
use infra::db::audit_log;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Reply},
    request::{
        AuditRead, Page, Query, RequirePermission,
        fields::{self, Fields, Input},
    },
    state::AppState,
};

/// Which rows of the audit log.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Who did it.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    #[param(example = "auth.login")]
    action: Option<String>,
    #[param(ignore)]
    page: Page,
}

impl Input for AuditQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let user_id = fields.optional("user_id", fields::parsed::<UserId>("01930000-0000-7000-8000-000000000001"));
        let action = fields.optional("action", fields::line(64));
        Some(Self { user_id, action, page: Page::read(fields) })
    }
}

/// One row of the audit log.
#[derive(Serialize, ToSchema)]
pub struct AuditRow {
    pub seq: u64,
    pub id: Uuid,
    pub action: String,
    pub actor_id: Option<Uuid>,
    pub target_type: String,
    pub target_id: Option<Uuid>,
    pub details: Value,
    /// /24 or /48; full addresses are never kept.
    pub ip_prefix: Option<String>,
    pub user_agent: Option<String>,
    #[schema(example = "ok")]
    pub result: &'static str,
    pub request_id: Option<String>,
    pub created_at: String,
    /// Hex; covers this row and everything before it.
    pub hash: String,
}

/// The audit log, newest first.
#[utoipa::path(get, path = "/admin/audit-logs", tag = "admin", params(AuditQuery, Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of it", body = Envelope<Vec<AuditRow>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("audit:read"))))]
pub async fn audit(
    State(state): State<AppState>,
    _: RequirePermission<AuditRead>,
    Query(query): Query<AuditQuery>,
) -> Result<Reply<Vec<AuditRow>>, Error> {
    let filter = audit_log::Filter { actor: query.user_id, action: query.action };
    let (links, total) = audit_log::page(&state.db, &filter, query.page.offset(), query.page.limit).await?;
    let rows = links
        .into_iter()
        .map(|link| AuditRow {
            seq: link.seq,
            id: link.entry.id,
            action: link.entry.action,
            actor_id: link.entry.actor_id,
            target_type: link.entry.target_type,
            target_id: link.entry.target_id,
            details: link.entry.details,
            ip_prefix: link.entry.ip_prefix,
            user_agent: link.entry.user_agent,
            result: link.entry.outcome.as_str(),
            request_id: link.entry.request_id,
            created_at: link.entry.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            hash: hex::encode(link.hash),
        })
        .collect();
    Ok(Reply::ok(rows).meta(query.page.meta(total)))
}
