//! Words of ratings that wait for a person.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::{CaseId, RatingId, UserId},
    notification::Kind,
    rating::{Part, RatingStatus},
    review::{self, Decision},
};
use infra::db::{
    audit_log,
    moderation_cases::{self, Case},
    nanos::{self, Nano},
    rating_lists, rating_words, ratings,
};
use jobs::News;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Error},
    request::{ClientInfo, CurrentUser},
    state::AppState,
    views::{PendingOpinion, Rating},
    write::transaction,
};

/// A rating whose comment or reply is judged.
#[derive(Serialize, ToSchema)]
pub struct JudgedWords {
    pub rating: Rating,
    pub words: PendingOpinion,
}

impl JudgedWords {
    /// None when nobody waits for them any more.
    pub async fn of(state: &AppState, case: &Case) -> Result<Option<Self>, Error> {
        let Some((id, part)) = case.words() else { return Ok(None) };
        let words = rating_words::of(&state.db, id).await?.into_iter().find(|words| words.part == part);
        let card = rating_lists::card(&state.db, id).await?;
        Ok(card.zip(words).map(|(card, words)| Self { rating: Rating::of(card), words: words.into() }))
    }
}

/// Decides about words: approved ones are public, others are gone, and whoever wrote them is told why.
pub async fn judge(
    state: &AppState,
    (client, user): (&ClientInfo, &CurrentUser),
    (id, rating_id, part): (CaseId, RatingId, Part),
    (decision, reason): (Decision, &str),
) -> Result<(), Error> {
    let rating = ratings::get(&state.db, rating_id).await?.ok_or_else(|| Error::new(Code::CaseClosed))?;
    let nano = nanos::get(&state.db, rating.nano_id).await?.ok_or_else(Error::not_found)?;
    let writer = match part {
        Part::Comment => rating.user_id,
        Part::Reply => nano.creator_id,
    };
    // Both are at odds here: neither judges the other, or themselves.
    let is_own = [rating.user_id, nano.creator_id].contains(&user.id);
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        let rating = ratings::lock(tx, rating_id).await?.ok_or_else(|| Error::new(Code::CaseClosed))?;
        let case = moderation_cases::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        let locked_to_other = case.reviewer_id.is_some_and(|reviewer| reviewer != user.id);
        review::may_decide(case.state, is_own, locked_to_other)?;
        let words = rating_words::get_in(tx, rating_id, part).await?;
        let words = words.filter(|_| rating.status == RatingStatus::Published);
        let words = words.ok_or_else(|| Error::new(Code::CaseClosed))?;
        moderation_cases::decide(tx, id, decision, reason, user.id, now).await?;
        rating_words::remove(tx, rating_id, part).await?;
        if decision == Decision::Approve {
            ratings::set_words(tx, rating_id, part, &words.text, now).await?;
            if part == Part::Reply {
                jobs::tell_of_reply(tx, &nano, &rating, state.settings.public_url.as_str(), now).await?;
            }
        } else {
            tell_writer(state, tx, (&case, &nano), (writer, part), reason, now).await?;
        }
        let details = json!({
            "decision": decision, "nano_id": rating.nano_id, "rating_id": rating_id, "part": part, "reason": reason,
        });
        let entry = client.audit("moderation.decide", Some(user.id), ("case", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })
}

async fn tell_writer(
    state: &AppState,
    tx: &mut Tx,
    (case, nano): (&Case, &Nano),
    (writer, part): (UserId, Part),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let news = News {
        kind: match part {
            Part::Comment => Kind::CommentRejected,
            Part::Reply => Kind::ReplyRejected,
        },
        to: writer,
        // A case may be opened again, for the next words.
        subject: &format!("{}:{}", case.id, now.timestamp_micros()),
        nano,
        rating_id: case.words().map(|(rating, _)| rating),
        reason: Some(reason),
        details: json!({}),
    };
    Ok(jobs::notify(tx, news, state.settings.public_url.as_str(), now).await?)
}
