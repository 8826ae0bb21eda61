//! What people keep: favourites and lists of nanos.

mod favorites;
pub mod forms;
mod lists;
mod shared;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::ids::NanoId;
use infra::db::nano_lists;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    reads::Chosen,
    reply::{Error, time},
    state::AppState,
    views::Nano,
};

/// Routes and what describes them.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(favorites::add, favorites::remove))
        .routes(routes!(favorites::list))
        .routes(routes!(lists::mine))
        .routes(routes!(lists::create))
        .routes(routes!(lists::get, lists::edit, lists::remove))
        .routes(routes!(lists::arrange))
        .routes(routes!(lists::add, lists::take_off))
        .routes(routes!(shared::share, shared::unshare))
        .routes(routes!(shared::get))
}

/// A nano that somebody keeps.
#[derive(Serialize, ToSchema)]
pub struct Kept {
    pub nano_id: Uuid,
    /// Null while it is off the shelf: it keeps its place, and is there again when it comes back.
    pub nano: Option<Nano>,
    #[serde(serialize_with = "time")]
    pub added_at: DateTime<Utc>,
}

/// These nanos as far as everybody may see them, in their order.
async fn kept(state: &AppState, at: &Chosen, entries: &[(NanoId, DateTime<Utc>)]) -> Result<Vec<Kept>, Error> {
    let ids: Vec<NanoId> = entries.iter().map(|(id, _)| *id).collect();
    let mut cards: HashMap<NanoId, _> = HashMap::new();
    for card in nano_lists::by_ids(&at.db, &ids).await? {
        if card.nano.status.is_public() {
            cards.insert(card.nano.id, card);
        }
    }
    let mut list = Vec::with_capacity(entries.len());
    for (id, added_at) in entries {
        let nano = match cards.remove(id) {
            Some(card) => Some(Nano::of(&state.storage, card).await?),
            None => None,
        };
        list.push(Kept { nano_id: id.0, nano, added_at: *added_at });
    }
    Ok(list)
}
