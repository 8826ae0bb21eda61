//! A nano's ratings with what they amount to.

use axum::extract::State;
use domain::ids::NanoId;
use http::header;
use infra::db::{
    nano_totals,
    rating_lists::{self, Begin, RatingPlace, RatingSort},
    rating_votes, ratings,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{forms::ListRatings, rating::shown};
use crate::{
    reads::read,
    reply::{Code, Envelope, Error, Meta, Reply},
    request::{CurrentUser, Page, Path, Query},
    routes::nanos::visible_at,
    state::AppState,
    views::{Rating, Scores},
};

/// What a nano's ratings amount to, and some of them.
#[derive(Serialize, ToSchema)]
pub struct Ratings {
    /// 1–5 to the hundredth; 0 without ratings.
    pub average_rating: f64,
    pub rating_count: u32,
    pub distribution: Scores,
    pub ratings: Vec<Rating>,
    /// Your own rating, in whatever state. For whoever is signed in and has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<Rating>,
    /// Which of these ratings you found helpful. For whoever is signed in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found_helpful: Vec<Uuid>,
}

/// A nano's ratings. Those that a moderator removed are not there and do not count.
#[utoipa::path(get, path = "/nanos/{id}/ratings", tag = "ratings",
    params(("id" = Uuid, Path,), Page, ListRatings), security((), ("bearer" = [])),
    responses((status = 200, description = "A page of them, and the figures of all", body = Envelope<Ratings>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::CursorInvalid, Code::NotFound
    ]))))]
pub async fn list(
    State(state): State<AppState>,
    user: Option<CurrentUser>,
    Path(id): Path<NanoId>,
    Query(query): Query<ListRatings>,
) -> Result<Reply<Ratings>, Error> {
    let (sort, page) = (query.sort.unwrap_or(RatingSort::Newest), query.page);
    let place = query.cursor.as_deref().map(|cursor| RatingPlace::read(cursor, sort));
    let place = place.transpose().map_err(|_| Error::new(Code::CursorInvalid))?;
    let from = place.map_or(Begin::Offset(page.offset()), Begin::After);
    let chosen = state.reads.of_caller(&state.cache, user.as_ref()).await;
    let (mut cards, scores) = read!(state.reads, chosen, |at| {
        visible_at(at, user, id).await?;
        // One more than asked for says whether there are more.
        let cards = rating_lists::page(&at.db, id, sort, from, page.limit + 1).await?;
        Ok((cards, nano_totals::get(&at.db, id).await?.scores))
    })?;
    let more = cards.len() > page.limit as usize;
    cards.truncate(page.limit as usize);
    let next = cards.last().filter(|_| more).map(|card| RatingPlace::of(&card.rating, sort).to_string());
    let found_helpful = match user {
        Some(user) => {
            let ids: Vec<_> = cards.iter().map(|card| card.rating.id).collect();
            rating_votes::of_person(&state.db, user.id, &ids).await?.into_iter().map(Uuid::from).collect()
        }
        None => Vec::new(),
    };
    let own = match user {
        Some(user) => match ratings::of_person(&state.db, id, user.id).await? {
            Some(own) => shown(&state, &state.reads.at_the_primary(), Some(&user), own.id).await?,
            None => None,
        },
        None => None,
    };
    let meta = match place {
        Some(_) => Meta { per_page: Some(page.limit.into()), next_cursor: next, ..Meta::default() },
        None => Meta { next_cursor: next, ..page.meta(scores.count().into()) },
    };
    let ratings = Ratings {
        average_rating: scores.average(),
        rating_count: scores.count(),
        distribution: scores.into(),
        ratings: cards.into_iter().map(Rating::of).collect(),
        own,
        found_helpful,
    };
    let cache = if user.is_some() { "private, no-cache" } else { "public, max-age=30" };
    let reply = Reply::ok(ratings).meta(meta).header(header::CACHE_CONTROL, cache);
    Ok(reply.header(header::VARY, "authorization").tagged())
}
