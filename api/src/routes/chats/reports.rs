//! Reports about messages: made by who gets them, decided by moderators.

use axum::extract::State;
use domain::{
    chat::{LONGEST_NOTE, ReportReason, ReportState},
    ids::{ChatId, ReportId},
    review::Decision,
};
use http::StatusCode;
use infra::db::{audit_log, chat_messages, chat_reports, chat_sessions};
use serde::Serialize;
use serde_json::json;
use utoipa::{ToSchema, openapi::Object};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Issue, Reply, Written},
    request::{
        ClientInfo, CurrentUser, Json, Keyed, ModerationDecide, Page, Path, Query, RequirePermission,
        fields::{self, Fields, Input, Raw},
    },
    routes::jobs::reason::reason,
    state::AppState,
    views::{Message, Report, words},
    write::{once, transaction},
};

/// Messages before a reported one that moderators see, too.
const CONTEXT: u32 = 5;

#[derive(ToSchema)]
pub struct NewReport {
    #[schema(schema_with = words::report_reason)]
    reason: ReportReason,
    /// What moderators should know.
    #[schema(max_length = 500)]
    note: Option<String>,
}

impl Input for NewReport {
    fn read(fields: &mut Fields) -> Option<Self> {
        let reason = fields.required("reason", fields::word);
        let note = fields.optional("note", fields::paragraphs(LONGEST_NOTE));
        Some(Self { reason: reason?, note })
    }
}

/// Reports a message of the other person to the moderators. A second report of the same message is the first one.
#[utoipa::path(post, path = "/chats/{session_id}/messages/{seq}/report", tag = "chats",
    params(("session_id" = Uuid, Path,), ("seq" = u32, Path,)), request_body = NewReport, security(("bearer" = [])),
    responses((status = 201, description = "Reported", body = Envelope<Report>),
        (status = 200, description = "It was reported already", body = Envelope<Report>)),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::NotFound, Code::OwnMessage
    ])), ("x-permission" = json!("member"))))]
pub async fn report(
    State(state): State<AppState>,
    user: CurrentUser,
    Path((id, seq)): Path<(ChatId, u32)>,
    Keyed(Json(form), key): Keyed<Json<NewReport>>,
) -> Result<Written, Error> {
    let chat = chat_sessions::get(&state.db, id).await?.filter(|chat| chat.has(user.id));
    chat.ok_or_else(Error::not_found)?;
    let message = chat_messages::get(&state.db, id, seq).await?.ok_or_else(Error::not_found)?;
    if message.sender_id == user.id {
        return Err(Error::new(Code::OwnMessage));
    }
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let what = (form.reason, form.note.as_deref().unwrap_or_default());
        let (report, is_new) = chat_reports::put(tx, id, seq, user.id, what, now).await?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok(Reply::with_status(status, Report::from(report)))
    })
}

/// A report that waits, with what it is about.
#[derive(Serialize, ToSchema)]
pub struct ReportCase {
    pub report: Report,
    pub reporter_id: Uuid,
    /// The reported message, the last of these, and up to five before it.
    pub messages: Vec<Message>,
}

/// Reports that wait for a decision, oldest first.
#[utoipa::path(get, path = "/admin/chats/reports", tag = "moderation", params(Page), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<ReportCase>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])),
        ("x-permission" = json!("moderation:decide"))))]
pub async fn list(
    State(state): State<AppState>,
    _: RequirePermission<ModerationDecide>,
    Query(page): Query<Page>,
) -> Result<Reply<Vec<ReportCase>>, Error> {
    let (found, total) = chat_reports::pending(&state.db, page.offset(), page.limit).await?;
    let mut list = Vec::with_capacity(found.len());
    for report in found {
        let reporter_id = report.reporter_id.0;
        let until = report.seq.saturating_add(1);
        let messages = chat_messages::before(&state.db, report.session_id, until, CONTEXT + 1).await?;
        let messages = messages.into_iter().map(Message::from).collect();
        list.push(ReportCase { report: Report::from(report), reporter_id, messages });
    }
    Ok(Reply::ok(list).meta(page.meta(total)))
}

#[derive(ToSchema)]
pub struct ReportJudgement {
    #[schema(schema_with = judgements)]
    decision: Decision,
    /// Kept in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "an advertisement")]
    reason: String,
}

/// What there is to decide about a message.
const JUDGEMENTS: &[&str] = &["no_action", "delete"];

fn judgements() -> Object {
    words::one_of(JUDGEMENTS)
}

fn decision(raw: Raw) -> Result<Decision, Issue> {
    match fields::word(raw) {
        Ok(decision @ (Decision::NoAction | Decision::Delete)) => Ok(decision),
        _ => Err(Issue::Choice(JUDGEMENTS)),
    }
}

impl Input for ReportJudgement {
    fn read(fields: &mut Fields) -> Option<Self> {
        let decision = fields.required("decision", decision);
        let reason = fields.required("reason", reason);
        Some(Self { decision: decision?, reason: reason? })
    }
}

#[derive(Serialize, ToSchema)]
pub struct ReportDecided {
    pub id: Uuid,
    #[schema(schema_with = words::report_state)]
    pub state: ReportState,
}

/// Decides everything that was reported about a message: `delete` takes its text away, `no_action` leaves it.
#[utoipa::path(post, path = "/admin/chats/reports/{id}/decision", tag = "moderation", params(("id" = Uuid, Path,)),
    request_body = ReportJudgement, security(("bearer" = [])),
    responses((status = 200, description = "Decided", body = Envelope<ReportDecided>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::OwnChat, Code::NotFound, Code::CaseClosed
    ])), ("x-permission" = json!("moderation:decide"))))]
pub async fn decide(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<ModerationDecide>,
    Path(id): Path<ReportId>,
    Json(form): Json<ReportJudgement>,
) -> Result<Reply<ReportDecided>, Error> {
    let now = state.clock.now();
    let decided = transaction!(state.db, |tx| {
        let report = chat_reports::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if report.state != ReportState::Pending {
            return Err(Error::new(Code::CaseClosed));
        }
        let (chat, seq) = (report.session_id, report.seq);
        if chat_sessions::lock(tx, chat).await?.is_some_and(|chat| chat.has(user.id)) {
            return Err(Error::new(Code::OwnChat));
        }
        let decided = if form.decision == Decision::Delete {
            chat_messages::remove(tx, chat, seq, now).await?;
            ReportState::Resolved
        } else {
            ReportState::Dismissed
        };
        chat_reports::decide(tx, chat, seq, decided, now).await?;
        let details = json!({"decision": form.decision, "session_id": chat, "seq": seq, "reason": form.reason});
        let entry = client.audit("chat.decide_report", Some(user.id), ("chat_report", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(decided)
    })?;
    Ok(Reply::ok(ReportDecided { id: id.0, state: decided }))
}
