//! What an endpoint's messages are signed with.

use axum::extract::State;
use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{
    ids::{WebhookId, WebhookSecretId},
    webhook::{REPLACED_SECRET_GOOD_FOR, SECRETS_MAX},
};
use http::{StatusCode, header};
use infra::{
    db::{
        audit_log, webhook_endpoints,
        webhook_secrets::{self, WebhookSecret},
    },
    seal::Place,
    webhook::WebhookKey,
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    reply::{Code, Envelope, Error, Reply, time},
    request::{ClientInfo, CurrentUser, Path},
    state::AppState,
    write::transaction,
};

/// A new secret, as its owner gets it and as it is kept.
pub(super) fn make(state: &AppState) -> Result<(String, WebhookSecret), Error> {
    let (id, secret) = (WebhookSecretId::new(), WebhookKey::generate());
    let sealed = state.data_keys.seal(Place::Webhook(id), secret.as_bytes());
    let sealed = sealed.map_err(|error| Error::Internal(error.to_string()))?;
    Ok((secret, WebhookSecret { id, sealed }))
}

/// Keeps it for a locked endpoint. The one before is good for a day.
pub(super) async fn keep(
    tx: &mut Tx,
    webhook: WebhookId,
    secret: &WebhookSecret,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    webhook_secrets::replace(tx, webhook, secret, now + REPLACED_SECRET_GOOD_FOR, now).await
}

/// A secret that takes the place of another.
#[derive(Serialize, ToSchema)]
pub struct NewSecret {
    /// Shown once.
    #[schema(example = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")]
    pub secret: String,
    /// Until then messages are signed with the one before, too.
    #[serde(serialize_with = "time")]
    pub previous_until: DateTime<Utc>,
}

/// Replaces a webhook's secret. For a day each message is signed with the new one and with the one before, so that a receiver can
/// take its time; of one that others have learnt, let your receiver take the new one alone at once.
#[utoipa::path(post, path = "/me/webhooks/{id}/secrets", tag = "webhooks", params(("id" = uuid::Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 201, description = "The new secret", body = Envelope<NewSecret>)),
    extensions(("x-errors" = json!([Code::NotFound, Code::CollectionFull])), ("x-permission" = json!("owner"))))]
pub async fn replace(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    Path(id): Path<WebhookId>,
) -> Result<Reply<NewSecret>, Error> {
    let now = state.clock.now();
    let (secret, sealed) = make(&state)?;
    transaction!(state.db, |tx| {
        webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        if webhook_secrets::count(tx, id, now).await? >= SECRETS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": SECRETS_MAX})));
        }
        keep(tx, id, &sealed, now).await?;
        let entry = client.audit("webhook.secret_replace", Some(user.id), ("webhook", Some(id.0)), json!({}), now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let new = NewSecret { secret, previous_until: now + REPLACED_SECRET_GOOD_FOR };
    Ok(Reply::with_status(StatusCode::CREATED, new).header(header::CACHE_CONTROL, "no-store"))
}
