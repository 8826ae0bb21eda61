//! Versions, and words of ratings, that wait for a person (`/admin/moderation`).

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::{CaseId, VersionId},
    notification::Kind,
    review::{self, CaseState, Cause, Decision},
};
use infra::db::{
    audit_log,
    moderation_cases::{self, Case},
    nano_edits, nano_events, nano_lists,
    nano_versions::{self, VersionRow},
    nanos,
};
use jobs::{News, PublishNano, RemoveObject, VersionRef};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{ToSchema, openapi::Object};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Issue, Reply, time},
    request::{
        ClientInfo, Json, ModerationDecide, Page, Path, Query, RequirePermission,
        fields::{self, Fields, Input, Raw},
    },
    routes::ratings::{self, JudgedWords},
    state::AppState,
    views::{Nano, PendingEdit, Version, words},
    write::transaction,
};

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(queue)).routes(routes!(decide))
}

/// What waits for a decision: a version, an edit, or words of a rating.
#[derive(Serialize, ToSchema)]
pub struct CaseView {
    pub id: Uuid,
    #[schema(schema_with = words::cause)]
    pub cause: Cause,
    #[schema(schema_with = words::case_state)]
    pub state: CaseState,
    pub nano: Option<Nano>,
    pub version: Option<Version>,
    /// What the content scan found.
    pub scan: Option<Value>,
    /// What the case is about when its cause is `edited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<PendingEdit>,
    /// What the case is about when its cause is `comment` or `reply`; then there is no version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<JudgedWords>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

/// Open cases, oldest first.
#[utoipa::path(get, path = "/admin/moderation/queue", tag = "moderation", params(Page),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<CaseView>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden])), ("x-permission" = json!("moderation:decide"))))]
pub async fn queue(
    State(state): State<AppState>,
    _: RequirePermission<ModerationDecide>,
    Query(page): Query<Page>,
) -> Result<Reply<Vec<CaseView>>, Error> {
    let (cases, total) = moderation_cases::queue(&state.db, page.offset(), page.limit).await?;
    let mut list = Vec::with_capacity(cases.len());
    for case in cases {
        let version = match case.version() {
            Some(version) => nano_versions::get(&state.db, version).await?,
            None => None,
        };
        let nano = match nano_lists::card(&state.db, case.nano_id).await? {
            Some(mut card) => {
                // The picture of what is judged, not of what is live.
                if case.version().is_some() {
                    card.nano.thumbnail_key = version.as_ref().and_then(|version| version.thumbnail_key.clone());
                }
                Some(Nano::of(&state.storage, card).await?)
            }
            None => None,
        };
        let edit = match case.cause {
            Cause::Edited => nano_edits::get(&state.db, case.nano_id).await?.map(PendingEdit::from),
            _ => None,
        };
        list.push(CaseView {
            id: case.id.0,
            cause: case.cause,
            state: case.state,
            nano,
            version: version.as_ref().map(Version::from),
            rating: JudgedWords::of(&state, &case).await?,
            scan: version.and_then(|version| version.scan).filter(|_| edit.is_none()),
            edit,
            created_at: case.created_at,
        });
    }
    Ok(Reply::ok(list).meta(page.meta(total)))
}

#[derive(ToSchema)]
pub struct Judgement {
    #[schema(schema_with = judgements)]
    decision: Decision,
    /// Told to the creator of a rejected nano.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl Input for Judgement {
    fn read(fields: &mut Fields) -> Option<Self> {
        let decision = fields.required("decision", decision);
        let reason = fields.required("reason", |raw| {
            let text = fields::paragraphs(1000)(raw)?;
            if text.is_empty() { Err(Issue::Empty) } else { Ok(text) }
        });
        Some(Self { decision: decision?, reason: reason? })
    }
}

/// The other decisions are about nanos that are public already.
const JUDGEMENTS: &[&str] = &["approve", "reject"];

fn judgements() -> Object {
    words::one_of(JUDGEMENTS)
}

fn decision(raw: Raw) -> Result<Decision, Issue> {
    match fields::word(raw) {
        Ok(decision @ (Decision::Approve | Decision::Reject)) => Ok(decision),
        _ => Err(Issue::Choice(JUDGEMENTS)),
    }
}

#[derive(Serialize, ToSchema)]
pub struct Decided {
    pub case_id: Uuid,
    pub nano_id: Uuid,
    #[schema(schema_with = words::decision)]
    pub decision: Decision,
}

/// Decides a case: approving publishes the version by a job, or the edit or the words of a rating at once; rejecting tells whoever
/// made it why.
#[utoipa::path(post, path = "/admin/moderation/{case_id}/decision", tag = "moderation",
    params(("case_id" = Uuid, Path,)), request_body = Judgement, security(("bearer" = [])),
    responses((status = 200, description = "Decided", body = Envelope<Decided>)),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::OwnNano, Code::NotFound, Code::CaseClosed
    ])), ("x-permission" = json!("moderation:decide"))))]
pub async fn decide(
    State(state): State<AppState>,
    client: ClientInfo,
    RequirePermission { user, .. }: RequirePermission<ModerationDecide>,
    Path(id): Path<CaseId>,
    Json(judgement): Json<Judgement>,
) -> Result<Reply<Decided>, Error> {
    let case = moderation_cases::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let nano_id = case.nano_id;
    if let Some((rating, part)) = case.words() {
        ratings::judge(&state, (&client, &user), (id, rating, part), (judgement.decision, &judgement.reason)).await?;
        return Ok(Reply::ok(Decided { case_id: id.0, nano_id: nano_id.0, decision: judgement.decision }));
    }
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let nano = nanos::lock(tx, nano_id).await?.ok_or_else(Error::not_found)?;
        let case = moderation_cases::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        let version_id = case.version().ok_or_else(Error::not_found)?;
        let version = nano_versions::lock(tx, version_id).await?.ok_or_else(Error::not_found)?;
        let locked_to_other = case.reviewer_id.is_some_and(|reviewer| reviewer != user.id);
        review::may_decide(case.state, nano.creator_id == user.id, locked_to_other)?;
        let edit = match case.cause {
            Cause::Edited => nano_edits::get_in(tx, nano_id).await?,
            Cause::Unknown => return Err(review::DecisionError::NewerRelease.into()),
            _ => None,
        };
        if edit.is_none() && !version.state.is_open() {
            return Err(Error::new(Code::CaseClosed));
        }
        moderation_cases::decide(tx, id, judgement.decision, &judgement.reason, user.id, now).await?;
        match (edit, judgement.decision) {
            (Some(edit), Decision::Approve) => jobs::publish_edit(tx, nano, edit, "moderator", now).await?,
            (Some(_), _) => reject_edit(&state, tx, &nano, &case, &judgement.reason, now).await?,
            (None, Decision::Approve) => approve(tx, &nano, version_id, now).await?,
            (None, _) => reject(&state, tx, &nano, &version, &judgement.reason, now).await?,
        }
        let details = json!({
            "decision": judgement.decision, "nano_id": nano_id, "version_id": version_id,
            "reason": judgement.reason,
        });
        let entry = client.audit("moderation.decide", Some(user.id), ("case", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(Reply::ok(Decided { case_id: id.0, nano_id: nano_id.0, decision: judgement.decision }))
}

async fn approve(tx: &mut Tx, nano: &nanos::Nano, version_id: VersionId, now: DateTime<Utc>) -> Result<(), Error> {
    let data = json!({"by": "moderator", "version_id": version_id});
    nano_events::append(tx, nano.id, "approved", &data, now).await?;
    let subject = VersionRef { nano_id: nano.id, version_id, creator_id: nano.creator_id };
    queue::enqueue(tx, &PublishNano(subject)).await?;
    Ok(())
}

async fn reject(
    state: &AppState,
    tx: &mut Tx,
    nano: &nanos::Nano,
    version: &VersionRow,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let status = nano.status.reject()?;
    let version_state = version.state.reject().map_err(|_| Error::new(Code::CaseClosed))?;
    nanos::set_status(tx, nano.id, status, now).await?;
    nano_versions::set_state(tx, version.id, version_state, now).await?;
    let data = json!({"by": "moderator", "version_id": version.id, "reason": reason, "status": status});
    nano_events::append(tx, nano.id, "rejected", &data, now).await?;
    queue::enqueue(tx, &RemoveObject { key: version.uploaded_key.clone() }).await?;
    jobs::announce(tx, &jobs::Announcement::Rejected { nano, version, reason }, now).await?;
    tell_creator(state, tx, nano, (Kind::NanoRejected, &version.id.to_string()), reason, now).await
}

async fn reject_edit(
    state: &AppState,
    tx: &mut Tx,
    nano: &nanos::Nano,
    case: &Case,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    nano_edits::remove(tx, nano.id).await?;
    let data = json!({"by": "moderator", "reason": reason});
    nano_events::append(tx, nano.id, "edit_rejected", &data, now).await?;
    // A case may be opened again, for the next edit.
    let subject = format!("{}:{}", case.id, now.timestamp_micros());
    tell_creator(state, tx, nano, (Kind::EditRejected, &subject), reason, now).await
}

/// Why something was refused.
async fn tell_creator(
    state: &AppState,
    tx: &mut Tx,
    nano: &nanos::Nano,
    (kind, subject): (Kind, &str),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let details = json!({"findings": []});
    let news = News { kind, to: nano.creator_id, subject, nano, rating_id: None, reason: Some(reason), details };
    Ok(jobs::notify(tx, news, state.settings.public_url.as_str(), now).await?)
}
