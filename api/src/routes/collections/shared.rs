//! Lists that somebody shows to whoever has the link.
//!
//! The secret is the link's last part, and only its hash is stored. It opens one list for reading, and nothing else.

use axum::extract::State;
use domain::{
    ids::{ListId, UserId},
    token::SecretToken,
};
use http::{HeaderName, StatusCode, header};
use infra::db::{audit_log, saved_lists, users};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::kept;
use crate::{
    reads::read,
    reply::{Code, Envelope, Error, Reply},
    request::{ClientInfo, CurrentUser, Name, Path},
    state::AppState,
    views::{Author, Nano},
    write::transaction,
};

/// Search engines follow links, too.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Where a list can be seen.
#[derive(Serialize, ToSchema)]
pub struct ShareLink {
    /// The page of the site. Shown once; only a hash of its secret is kept.
    pub link: String,
    /// The last part of the link, for `GET /shared-lists/{secret}`.
    #[schema(example = "0707070707070707070707070707070707070707070707070707070707070707")]
    pub secret: String,
}

/// Gives a list a link, by which anybody who has it sees the list. An earlier link stops working.
#[utoipa::path(put, path = "/lists/{id}/share", tag = "collections", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "The link", body = Envelope<ShareLink>)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn share(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<ListId>,
) -> Result<Reply<ShareLink>, Error> {
    let secret = SecretToken::from_random(rand::random());
    set_link(&state, (&client, user.id), id, Some(&secret)).await?;
    let secret = secret.digits();
    let link = state.settings.link(&format!("/shared-lists/{secret}"));
    Ok(Reply::ok(ShareLink { link, secret }).header(header::CACHE_CONTROL, "no-store"))
}

/// Takes a list's link away, if it has one: nobody else sees the list any more.
#[utoipa::path(delete, path = "/lists/{id}/share", tag = "collections", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "It has none")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("signed_in"))))]
pub async fn unshare(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<ListId>,
) -> Result<StatusCode, Error> {
    set_link(&state, (&client, user.id), id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_link(
    state: &AppState,
    (client, user): (&ClientInfo, UserId),
    id: ListId,
    secret: Option<&SecretToken>,
) -> Result<(), Error> {
    let now = state.clock.now();
    let hash = secret.map(SecretToken::hash);
    transaction!(state.db, |tx| {
        let list = saved_lists::lock(tx, user, id).await?.ok_or_else(Error::not_found)?;
        if hash.is_none() && !list.shared {
            return Ok(());
        }
        saved_lists::set_link(tx, id, hash.as_ref(), now).await?;
        let action = if hash.is_some() { "list.share" } else { "list.unshare" };
        let entry = client.audit(action, Some(user), ("list", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })
}

/// A list as others see it.
#[derive(Serialize, ToSchema)]
pub struct SharedList {
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Whoever keeps it.
    pub owner: Author,
    /// In its order, without those that are off the shelf.
    pub nanos: Vec<Nano>,
}

/// The list of a link, as it is now.
#[utoipa::path(get, path = "/shared-lists/{secret}", tag = "collections",
    params(("secret" = String, Path, description = "The last part of the link", pattern = "^[!-~]+$")),
    responses((status = 200, description = "The list", body = Envelope<SharedList>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn get(State(state): State<AppState>, Path(secret): Path<Name>) -> Result<Reply<SharedList>, Error> {
    let secret = SecretToken::from_digits(&secret).map_err(|_| Error::not_found())?;
    // Nobody who is shown a list may see one whose link was taken back: that is asked at the primary.
    let list = saved_lists::by_link(&state.db, &secret.hash()).await?.ok_or_else(Error::not_found)?;
    let owner = users::get(&state.db, list.user_id).await?.filter(|owner| owner.status.may_sign_in());
    let owner = owner.ok_or_else(Error::not_found)?;
    let entries = saved_lists::entries(&state.db, list.id).await?;
    let entries: Vec<_> = entries.iter().map(|entry| (entry.nano_id, entry.added_at)).collect();
    let kept = read!(state.reads, state.reads.of_anybody(), |at| { kept(&state, at, &entries).await })?;
    let nanos = kept.into_iter().filter_map(|kept| kept.nano).collect();
    let shared = SharedList {
        name: list.name,
        description: list.description,
        owner: Author { id: owner.id.0, username: owner.username, name: owner.name },
        nanos,
    };
    Ok(Reply::ok(shared).header(header::CACHE_CONTROL, "private, no-cache").header(ROBOTS, "noindex").tagged())
}
