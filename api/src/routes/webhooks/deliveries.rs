//! What an endpoint was told, and what became of it.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    ids::{WebhookDeliveryId, WebhookId},
    webhook::{DeliveryState, ROUNDS_MAX, TESTS_MAX},
};
use http::header;
use infra::db::{
    webhook_attempts::{self, WebhookAttempt},
    webhook_deliveries::{self, WebhookDelivery},
    webhook_endpoints::{self, Webhook},
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    reply::{Code, Envelope, Error, Meta, Reply, Written, maybe_time, time},
    request::{
        CurrentUser, Keyed, NoBody, Path, Query,
        fields::{self, Fields, Input},
    },
    state::AppState,
    views::words,
    write::once,
};

/// One attempt to deliver.
#[derive(Serialize, ToSchema)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    #[serde(serialize_with = "time")]
    pub started_at: DateTime<Utc>,
    pub duration_ms: u32,
    /// Of the answer; null when none came.
    pub status: Option<u16>,
    /// Why none came.
    pub error: Option<String>,
    /// How the answer begins: at most 1,000 characters.
    pub answer: String,
}

impl From<WebhookAttempt> for Attempt {
    fn from(attempt: WebhookAttempt) -> Self {
        let WebhookAttempt { number, started_at, duration_ms, status, error, answer, .. } = attempt;
        Self { number, started_at, duration_ms, status, error, answer }
    }
}

/// One event told to one endpoint.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    pub id: Uuid,
    /// What is sent as `webhook-id`, the same for every attempt.
    pub event_id: Uuid,
    /// What it tells of: an event of the webhook, or `webhook.test`.
    #[serde(rename = "type")]
    #[schema(example = "nano.published")]
    pub kind: String,
    /// The message, as it is sent.
    #[schema(value_type = Object)]
    pub message: Value,
    #[schema(schema_with = words::delivery_state)]
    pub state: DeliveryState,
    /// About when it is tried again; null when it is not.
    #[serde(serialize_with = "maybe_time")]
    pub next_at: Option<DateTime<Utc>>,
    /// When an attempt was answered with 2xx.
    #[serde(serialize_with = "maybe_time")]
    pub delivered_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// The last 20, in their order.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    fn of(delivery: WebhookDelivery, attempts: Vec<Attempt>) -> Self {
        Self {
            id: delivery.id.0,
            event_id: delivery.event_id.0,
            kind: delivery.kind,
            message: serde_json::from_str(&delivery.body).unwrap_or_default(),
            state: delivery.state,
            next_at: delivery.next_at,
            delivered_at: delivery.delivered_at,
            created_at: delivery.created_at,
            attempts,
        }
    }
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only its shape is used, in the OpenAPI document")]
pub struct DeliveriesParams {
    /// Only those in this state; otherwise all.
    #[param(schema_with = words::delivery_state)]
    state: Option<DeliveryState>,
    /// Of the page before, from `meta.next_cursor`.
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
}

pub struct DeliveriesQuery {
    state: Option<DeliveryState>,
    cursor: Option<String>,
    limit: u32,
}

impl Input for DeliveriesQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let state = fields.optional("state", fields::word);
        let cursor = fields.optional("cursor", fields::text);
        let limit = fields.optional("limit", fields::whole(1, 100)).and_then(|limit| u32::try_from(limit).ok());
        Some(Self { state, cursor, limit: limit.unwrap_or(20) })
    }
}

/// What a webhook was told in the last 30 days, the newest first, each with its last 20 attempts.
#[utoipa::path(get, path = "/me/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = Uuid, Path,), DeliveriesParams), security(("bearer" = [])),
    responses((status = 200, description = "A page of them", body = Envelope<Vec<Delivery>>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::CursorInvalid, Code::NotFound])),
        ("x-permission" = json!("owner"))))]
pub async fn list(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<WebhookId>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Reply<Vec<Delivery>>, Error> {
    let before = match &query.cursor {
        None => WebhookDeliveryId(Uuid::max()),
        Some(cursor) => cursor.parse().map_err(|_| Error::new(Code::CursorInvalid))?,
    };
    webhook_endpoints::get(&state.db, user.id, id).await?.ok_or_else(Error::not_found)?;
    // One more, to know whether the list goes on.
    let mut rows = webhook_deliveries::page(&state.db, id, before, query.state, query.limit + 1).await?;
    let goes_on = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next_cursor = rows.last().filter(|_| goes_on).map(|last| last.id.to_string());
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut attempts = webhook_attempts::of(&state.db, &ids).await?;
    let mut list = Vec::with_capacity(rows.len());
    for row in rows {
        let (own, others): (Vec<_>, Vec<_>) = attempts.into_iter().partition(|attempt| attempt.delivery_id == row.id);
        attempts = others;
        list.push(Delivery::of(row, own.into_iter().map(Attempt::from).collect()));
    }
    let meta = Meta { per_page: Some(query.limit.into()), next_cursor, ..Meta::default() };
    Ok(Reply::ok(list).meta(meta).header(header::CACHE_CONTROL, "private, no-store"))
}

/// What was asked for.
#[derive(Serialize, ToSchema)]
pub struct Asked {
    /// In the list of deliveries.
    pub delivery_id: Uuid,
}

fn enabled(webhook: &Webhook) -> Result<(), Error> {
    match webhook.disabled_at {
        None => Ok(()),
        Some(_) => Err(Error::with(Code::WebhookDisabled, json!({"disabled_for": webhook.disabled_for}))),
    }
}

/// Sends a webhook a message of the type `webhook.test`, whatever else it is told of; at most 20 of them are under way at a
/// time. The list of deliveries says what became of it.
#[utoipa::path(post, path = "/me/webhooks/{id}/test", tag = "webhooks", params(("id" = Uuid, Path,)),
    security(("bearer" = [])),
    responses((status = 202, description = "It is on its way", body = Envelope<Asked>,
        headers(("Location" = String, description = "The deliveries")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::NotFound, Code::WebhookDisabled, Code::CollectionFull])),
        ("x-permission" = json!("owner"))))]
pub async fn try_it(
    State(state): State<AppState>,
    user: CurrentUser,
    Path(id): Path<WebhookId>,
    Keyed(NoBody, key): Keyed<NoBody>,
) -> Result<Written, Error> {
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let webhook = webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        enabled(&webhook)?;
        if webhook_deliveries::count_tests(tx, id).await? >= TESTS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": TESTS_MAX})));
        }
        let delivery = jobs::try_webhook(tx, &webhook, now).await?;
        Ok(Reply::accepted(Asked { delivery_id: delivery.0 }, &format!("/api/v1/me/webhooks/{id}/deliveries")))
    })
}

/// Sends a message again, now, whatever became of it: with its `webhook-id` and all the attempts of a new one. A
/// delivery is sent 20 times at most.
#[utoipa::path(post, path = "/me/webhooks/{id}/deliveries/{delivery_id}/resend", tag = "webhooks",
    params(("id" = Uuid, Path,), ("delivery_id" = Uuid, Path,)), security(("bearer" = [])),
    responses((status = 202, description = "It is on its way", body = Envelope<Asked>,
        headers(("Location" = String, description = "The deliveries")))),
    extensions(("x-keyed" = json!(true)), ("x-errors" = json!([Code::NotFound, Code::WebhookDisabled, Code::CollectionFull])),
        ("x-permission" = json!("owner"))))]
pub async fn resend(
    State(state): State<AppState>,
    user: CurrentUser,
    Path((id, delivery_id)): Path<(WebhookId, WebhookDeliveryId)>,
    Keyed(NoBody, key): Keyed<NoBody>,
) -> Result<Written, Error> {
    let now = state.clock.now();
    once!(state, key, now, |tx| {
        let webhook = webhook_endpoints::lock(tx, user.id, id).await?.ok_or_else(Error::not_found)?;
        enabled(&webhook)?;
        let delivery = webhook_deliveries::lock(tx, id, delivery_id).await?.ok_or_else(Error::not_found)?;
        if delivery.round >= ROUNDS_MAX {
            return Err(Error::with(Code::CollectionFull, json!({"limit": ROUNDS_MAX})));
        }
        jobs::redeliver(tx, &webhook, &delivery, now).await?;
        Ok(Reply::accepted(Asked { delivery_id: delivery.id.0 }, &format!("/api/v1/me/webhooks/{id}/deliveries")))
    })
}
