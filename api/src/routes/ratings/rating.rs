//! Single ratings: written, read, changed and removed.

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::{NanoId, RatingId, UserId},
    notification::Kind,
    rating::{self, Part, RatingStatus},
    user::Permission,
};
use http::{StatusCode, header};
use infra::db::{
    audit_log, moderation_cases,
    nanos::{self, Nano},
    rating_lists, rating_words,
    ratings::{self, NewRating},
};
use jobs::{Announcement, News, ScanRating, announce, index_ratings};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    forms::{self, EditRating, Removal},
    limit,
};
use crate::{
    reads::{Chosen, read},
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, Written},
    request::{ClientInfo, CurrentUser, IfMatch, Json, Keyed, Path, Query},
    state::AppState,
    views::{PendingOpinion, Rating},
    write::{once, transaction},
};

/// A nano whose ratings everybody sees.
pub(super) async fn public_nano(state: &AppState, id: NanoId) -> Result<Nano, Error> {
    nanos::get(&state.db, id).await?.filter(|nano| nano.status.is_public()).ok_or_else(Error::not_found)
}

/// A rating with what this person may see of it: nothing, when the nano is not theirs to see, or somebody else's rating was
/// removed. What only some see is read at the primary, where workers write; a replica has nothing to say of it.
pub(super) async fn shown(
    state: &AppState,
    at: &Chosen,
    user: Option<&CurrentUser>,
    id: RatingId,
) -> Result<Option<Rating>, Error> {
    let Some(card) = rating_lists::card(&at.db, id).await? else { return Ok(None) };
    let Some(nano) = nanos::get(&at.db, card.rating.nano_id).await? else { return Ok(None) };
    let wrote = user.is_some_and(|user| user.id == card.rating.user_id);
    let judges = user.is_some_and(|user| user.allows(Permission::ModerationDecide));
    let made = user.is_some_and(|user| user.id == nano.creator_id);
    let sees_nano = nano.status.is_public() || user.is_some_and(|user| user.sees_private(&nano));
    let may = judges || wrote || (sees_nano && card.rating.status == RatingStatus::Published);
    let private = wrote || judges || made;
    if !may || private && at.is_replica {
        return Ok(None);
    }
    let mut rating = Rating::of(card);
    if private {
        let words = rating_words::of(&state.db, id).await?;
        let theirs = |part: Part| judges || if part == Part::Reply { made } else { wrote };
        rating.pending = words.into_iter().filter(|words| theirs(words.part)).map(PendingOpinion::from).collect();
    }
    Ok(Some(rating))
}

/// Has new words looked at, in the place of those that wait. What is public stays until then; empty words and those that are
/// public already need no look.
pub(super) async fn propose(
    tx: &mut Tx,
    rating: &ratings::Rating,
    (part, text): (Part, &str),
    writer: UserId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    rating_words::remove(tx, rating.id, part).await?;
    moderation_cases::dismiss_words(tx, rating.id, Some(part), now).await?;
    let public = match part {
        Part::Comment => &rating.comment,
        Part::Reply => &rating.reply,
    };
    if text.is_empty() && !public.is_empty() {
        ratings::set_words(tx, rating.id, part, "", now).await?;
    } else if text != public {
        rating_words::put(tx, rating.id, part, text, now).await?;
        let scan = ScanRating { rating_id: rating.id, nano_id: rating.nano_id, user_id: writer };
        queue::enqueue(tx, &scan).await?;
    }
    Ok(())
}

/// Stands for a person and a nano where the person must not be named: a mail outlives its cause.
fn of_whom(nano: NanoId, user: UserId) -> String {
    hex::encode(&Sha256::digest([*nano.0.as_bytes(), *user.0.as_bytes()].concat())[..16])
}

/// Rates a nano of somebody else: a score, which counts at once, and perhaps a comment, which is scanned first. Needs a
/// confirmed email address. One rating for each person and nano: `RATING_EXISTS` names the one to change.
#[utoipa::path(post, path = "/nanos/{id}/ratings", tag = "ratings", params(("id" = uuid::Uuid, Path,)),
    request_body = forms::NewRating, security(("bearer" = [])),
    responses((status = 201, description = "The rating", body = Envelope<Rating>,
        headers(("Location" = String, description = "The rating")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::EmailNotVerified, Code::OwnNano, Code::NotFound,
        Code::RatingExists, Code::RatingRemoved
    ])), ("x-permission" = json!("signed_in"))))]
pub async fn create(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(nano_id): Path<NanoId>,
    Keyed(Json(form), key): Keyed<Json<forms::NewRating>>,
) -> Result<Written, Error> {
    user.require_verified()?;
    let nano = public_nano(&state, nano_id).await?;
    rating::may_rate(nano.creator_id == user.id)?;
    let limit = limit(&state, &user).await?;
    let (id, now) = (RatingId::new(), state.clock.now());
    let new = NewRating { id, nano_id, user_id: user.id, score: form.score };
    once!(state, key, now, |tx| {
        // Before it is counted: for what that locks everybody waits who rates this nano.
        let news = News {
            kind: Kind::RatingReceived,
            to: nano.creator_id,
            // Once for each person: not each time that they delete their rating and write another.
            subject: &of_whom(nano_id, user.id),
            nano: &nano,
            rating_id: Some(id),
            reason: None,
            details: json!({"score": form.score}),
        };
        jobs::notify(tx, news, state.settings.public_url.as_str(), now).await?;
        if let Some(there) = ratings::insert(tx, new, now).await? {
            there.status.edit()?;
            return Err(Error::with(Code::RatingExists, json!({"rating_id": there.id})));
        }
        if let Some(comment) = form.comment.as_deref().filter(|comment| !comment.is_empty()) {
            let rating = ratings::get_in(tx, id).await?.ok_or_else(Error::not_found)?;
            propose(tx, &rating, (Part::Comment, comment), user.id, now).await?;
        }
        index_ratings(tx, nano_id, nano.creator_id).await?;
        let rated = Announcement::Rated { nano: &nano, rating_id: id, revision: 1, score: form.score, before: None };
        announce(tx, &rated, now).await?;
        let card = rating_lists::card_in(tx, id).await?.ok_or_else(Error::not_found)?;
        let mut made = Rating::of(card);
        made.pending = rating_words::of_in(tx, id).await?.into_iter().map(PendingOpinion::from).collect();
        let details = json!({"nano_id": nano_id, "score": form.score});
        let entry = client.audit("rating.create", Some(user.id), ("rating", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        let reply = Reply::created(made, &format!("/api/v1/ratings/{id}"));
        Ok(reply.limit(limit))
    })
}

/// One rating. Whoever wrote it sees it in whatever state, and so do the moderators.
#[utoipa::path(get, path = "/ratings/{rating_id}", tag = "ratings", params(("rating_id" = uuid::Uuid, Path,)),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The rating", body = Envelope<Rating>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path(id): Path<RatingId>,
) -> Result<Reply<Rating>, Error> {
    let chosen = state.reads.of_caller(&state.cache, user.as_ref()).await;
    let rating =
        read!(state.reads, chosen, |at| { shown(&state, at, user.as_ref(), id).await?.ok_or_else(Error::not_found) })?;
    let (cache, revision) = (if user.is_some() { "private, no-cache" } else { "public, max-age=30" }, rating.revision);
    Ok(Reply::ok(rating).header(header::CACHE_CONTROL, cache).header(header::VARY, "authorization").revised(revision))
}

/// Whether this person has the say over a locked rating: they wrote it, or have the right. For everybody else it is refused, or
/// not there when they cannot see it.
async fn require_say(
    state: &AppState,
    user: &CurrentUser,
    rating: &ratings::Rating,
    right: Permission,
) -> Result<(), Error> {
    if rating.user_id == user.id || user.allows(right) {
        return Ok(());
    }
    match shown(state, &state.reads.at_the_primary(), Some(user), rating.id).await? {
        Some(_) => user.require(right),
        None => Err(Error::not_found()),
    }
}

/// Changes a rating; fields that are left out stay. The score counts at once. A new comment is scanned first: it is in
/// `pending` until then, and what is public stays. Sending what is public gives the change up.
///
/// `If-Match` with the `ETag` of what was read refuses the edit (412) when it was edited since. Who edits somebody else's rating
/// must send it (428).
#[utoipa::path(patch, path = "/ratings/{rating_id}", tag = "ratings", params(("rating_id" = uuid::Uuid, Path,)),
    request_body = EditRating, security(("bearer" = [])),
    responses((status = 200, description = "The rating as it is now", body = Envelope<Rating>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound, Code::RatingRemoved, Code::PreconditionRequired
    ])), ("x-permission" = json!("owner/nanos:manage"))))]
pub async fn edit(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<RatingId>,
    Json(form): Json<EditRating>,
) -> Result<Reply<Rating>, Error> {
    let there = ratings::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    require_say(&state, &user, &there, Permission::NanosManage).await?;
    let nano = nanos::get(&state.db, there.nano_id).await?.ok_or_else(Error::not_found)?;
    let limit = limit(&state, &user).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let rating = ratings::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if rating.user_id != user.id && !if_match.is_given() {
            return Err(Error::new(Code::PreconditionRequired));
        }
        if_match.check(&rating.revision.to_string())?;
        rating.status.edit()?;
        if let Some(comment) = &form.comment {
            propose(tx, &rating, (Part::Comment, comment), user.id, now).await?;
        }
        let score = form.score.unwrap_or(rating.score);
        ratings::edit(tx, &rating, score, now).await?;
        if score != rating.score {
            index_ratings(tx, rating.nano_id, nano.creator_id).await?;
            let (revision, before) = (rating.revision + 1, Some(rating.score));
            let rated = Announcement::Rated { nano: &nano, rating_id: id, revision, score, before };
            announce(tx, &rated, now).await?;
        }
        let details = json!({"nano_id": rating.nano_id, "before": rating.score, "after": score,
            "comment": form.comment.is_some()});
        let entry = client.audit("rating.edit", Some(user.id), ("rating", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let rating = shown(&state, &state.reads.at_the_primary(), Some(&user), id).await?.ok_or_else(Error::not_found)?;
    let revision = rating.revision;
    Ok(Reply::ok(rating).revised(revision).limit(limit))
}

/// Deletes your own rating with everything about it; you may write another. A moderator removes somebody else's with a reason,
/// which its writer is told: it counts no more, and they cannot write another.
#[utoipa::path(delete, path = "/ratings/{rating_id}", tag = "ratings",
    params(("rating_id" = uuid::Uuid, Path,), Removal), security(("bearer" = [])),
    responses((status = 204, description = "Gone")),
    extensions(("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::OwnNano, Code::NotFound, Code::RatingRemoved
    ])), ("x-permission" = json!("owner/moderation:decide"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<RatingId>,
    Query(removal): Query<Removal>,
) -> Result<StatusCode, Error> {
    let there = ratings::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    require_say(&state, &user, &there, Permission::ModerationDecide).await?;
    let nano = nanos::get(&state.db, there.nano_id).await?.ok_or_else(Error::not_found)?;
    let own = there.user_id == user.id;
    if !own {
        if removal.reason.is_none() {
            return Err(Error::Fields(vec![FieldError::new("reason", Issue::Missing)]));
        }
        // Nobody takes away what speaks against their own nano.
        if nano.creator_id == user.id {
            return Err(Error::new(Code::OwnNano));
        }
    }
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let rating = ratings::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        // Also to one's own: else whoever was removed deletes it, and writes another.
        rating.status.edit()?;
        moderation_cases::dismiss_words(tx, id, None, now).await?;
        let (action, details) = match removal.reason.as_deref().filter(|_| !own) {
            None => {
                ratings::delete(tx, &rating).await?;
                ("rating.delete", json!({"nano_id": rating.nano_id, "score": rating.score}))
            }
            Some(reason) => {
                ratings::remove(tx, &rating, reason, now).await?;
                let news = News {
                    kind: Kind::RatingRemoved,
                    to: rating.user_id,
                    subject: &id.to_string(),
                    nano: &nano,
                    rating_id: Some(id),
                    reason: Some(reason),
                    details: json!({}),
                };
                jobs::notify(tx, news, state.settings.public_url.as_str(), now).await?;
                ("rating.remove", json!({"nano_id": rating.nano_id, "score": rating.score, "reason": reason}))
            }
        };
        index_ratings(tx, rating.nano_id, nano.creator_id).await?;
        let entry = client.audit(action, Some(user.id), ("rating", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
