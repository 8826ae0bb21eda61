//! Endpoints, as whoever has made them sees and changes them.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    ids::WebhookId,
    webhook::{DisabledFor, WEBHOOKS_MAX, WebhookEvent},
};
use http::{StatusCode, header};
use infra::db::{
    audit_log, users,
    webhook_endpoints::{self, NewWebhook as Row},
};
use serde::Serialize;
use serde_json::json;
use url::Url;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    forms::{EditWebhook, NewWebhook},
    secrets,
};
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply, maybe_time, time},
    request::{ClientInfo, CurrentUser, IfMatch, Json, Path},
    state::AppState,
    views::words,
    write::transaction,
};

/// An endpoint, without its secrets.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    pub id: Uuid,
    pub name: String,
    pub url: String,
    #[schema(schema_with = words::webhook_events)]
    pub events: Vec<WebhookEvent>,
    pub enabled: bool,
    /// Why it is told nothing: `owner`, you have switched it off; `failures`, it has failed for days, or has answered 410. Null
    /// while it is enabled.
    #[schema(schema_with = words::maybe_disabled_for)]
    pub disabled_for: Option<DisabledFor>,
    #[serde(serialize_with = "maybe_time")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// The first failed attempt after which none has succeeded.
    #[serde(serialize_with = "maybe_time")]
    pub failing_since: Option<DateTime<Utc>>,
    /// Raised by every edit: an edit may name it in `If-Match`, in quotes.
    #[schema(example = 1)]
    pub revision: u32,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "time")]
    pub updated_at: DateTime<Utc>,
}

impl From<webhook_endpoints::Webhook> for Webhook {
    fn from(webhook: webhook_endpoints::Webhook) -> Self {
        Self {
            id: webhook.id.0,
            name: webhook.name,
            url: webhook.url,
            events: webhook.events.0,
            enabled: webhook.disabled_at.is_none(),
            disabled_for: webhook.disabled_for,
            disabled_at: webhook.disabled_at,
            failing_since: webhook.failing_since,
            revision: webhook.revision,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// Refuses addresses that lead into somebody's own network.
async fn check(state: &AppState, url: &Url) -> Result<(), Error> {
    let checked = state.settings.webhook_targets.check(url).await;
    checked.map_err(|error| Error::Fields(vec![FieldError::new("url", Issue::Target(error))]))
}

/// Your webhooks, the newest first: all there are, 10 at most.
#[utoipa::path(get, path = "/me/webhooks", tag = "webhooks", security(("bearer" = [])),
    responses((status = 200, description = "Without their secrets", body = Envelope<Vec<Webhook>>)),
    extensions(("x-errors" = json!([])), ("x-permission" = json!("signed_in"))))]
pub async fn list(State(state): State<AppState>, user: CurrentUser) -> Result<Reply<Vec<Webhook>>, Error> {
    let endpoints = webhook_endpoints::of(&state.db, user.id).await?;
    let list = endpoints.into_iter().map(Webhook::from).collect();
    Ok(Reply::ok(list).header(header::CACHE_CONTROL, "private, no-store"))
}

/// An endpoint with its first secret.
#[derive(Serialize, ToSchema)]
pub struct MadeWebhook {
    /// What messages are signed with, as libraries for Standard Webhooks take it. Shown once.
    #[schema(example = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")]
    pub secret: String,
    pub webhook: Webhook,
}

/// Makes a webhook: your nanos' events are sent there, signed as Standard Webhooks say. Needs a confirmed email address.
#[utoipa::path(post, path = "/me/webhooks", tag = "webhooks", request_body = NewWebhook, security(("bearer" = [])),
    responses((status = 201, description = "Made", body = Envelope<MadeWebhook>,
        headers(("Location" = String, description = "The webhook")))),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::EmailNotVerified, Code::CollectionFull])),
        ("x-permission" = json!("signed_in"))))]
pub async fn create(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Json(form): Json<NewWebhook>,
) -> Result<Reply<MadeWebhook>, Error> {
    user.require_verified()?;
    check(&state, &form.url).await?;
    let (id, now) = (WebhookId::new(), state.clock.now());
    let new = Row { id, user_id: user.id, name: &form.name, url: form.url.as_str(), events: &form.events };
    let (secret, sealed) = secrets::make(&state)?;
    let webhook = transaction!(state.db, |tx| {
        // Of two requests at once the second counts what the first has made.
        users::lock(tx, user.id).await?;
        if webhook_endpoints::count(tx, user.id).await? >= WEBHOOKS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": WEBHOOKS_MAX})));
        }
        webhook_endpoints::insert(tx, &new, now).await?;
        secrets::keep(tx, id, &sealed, now).await?;
        let details = json!({"events": form.events});
        let entry = client.audit("webhook.make", Some(user.id), ("webhook", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)
    })?;
    let made = MadeWebhook { secret, webhook: webhook.into() };
    Ok(Reply::created(made, &format!("/api/v1/me/webhooks/{id}")).header(header::CACHE_CONTROL, "no-store"))
}

/// One of your webhooks.
#[utoipa::path(get, path = "/me/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 200, description = "It", body = Envelope<Webhook>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner"))))]
pub async fn get(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<WebhookId>,
) -> Result<Reply<Webhook>, Error> {
    // Workers write there, too; a replica may not know of it yet.
    let webhook = webhook_endpoints::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    let revision = webhook.revision;
    let reply = Reply::ok(Webhook::from(webhook)).header(header::CACHE_CONTROL, "private, no-cache");
    Ok(reply.revised(revision))
}

/// Changes a webhook, switches it off or on; fields that are left out stay. `If-Match` with the `ETag` of what was read refuses the
/// edit (412) when it was edited since.
#[utoipa::path(patch, path = "/me/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path,)),
    request_body = EditWebhook, security(("bearer" = [])),
    responses((status = 200, description = "As it is now", body = Envelope<Webhook>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([Code::ValidationFailed, Code::NotFound])),
        ("x-permission" = json!("owner"))))]
pub async fn edit(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<WebhookId>,
    Json(form): Json<EditWebhook>,
) -> Result<Reply<Webhook>, Error> {
    // Nobody learns what names stand for by asking about a webhook that is not theirs.
    webhook_endpoints::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    if let Some(url) = &form.url {
        check(&state, url).await?;
    }
    let now = state.clock.now();
    let webhook = transaction!(state.db, |tx| {
        let mut webhook = webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        if_match.check(&webhook.revision.to_string())?;
        if let Some(name) = &form.name {
            webhook.name.clone_from(name);
        }
        if let Some(url) = &form.url {
            webhook.url = url.as_str().to_owned();
        }
        if let Some(events) = &form.events {
            webhook.events.0.clone_from(events);
        }
        match form.enabled {
            Some(true) => (webhook.disabled_for, webhook.disabled_at, webhook.failing_since) = (None, None, None),
            Some(false) if webhook.disabled_at.is_none() => {
                (webhook.disabled_for, webhook.disabled_at) = (Some(DisabledFor::Owner), Some(now));
            }
            _ => {}
        }
        webhook_endpoints::update(tx, &webhook, now).await?;
        let details = json!({"address": form.url.is_some(), "events": form.events, "enabled": form.enabled});
        let entry = client.audit("webhook.edit", Some(user.id), ("webhook", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)
    })?;
    let revision = webhook.revision;
    Ok(Reply::ok(Webhook::from(webhook)).revised(revision))
}

/// Deletes a webhook with its secrets and its deliveries. What is on its way is not called back.
#[utoipa::path(delete, path = "/me/webhooks/{id}", tag = "webhooks", params(("id" = Uuid, Path,)),
    security(("bearer" = [])), responses((status = 204, description = "Gone")),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("owner"))))]
pub async fn remove(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<WebhookId>,
) -> Result<StatusCode, Error> {
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        webhook_endpoints::delete(tx, id).await?;
        let entry = client.audit("webhook.delete", Some(user.id), ("webhook", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
