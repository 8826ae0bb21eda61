//! What the endpoints of people are told: written in the transaction that makes it true, and delivered by a job for each endpoint.

mod deliver_webhook;

use chrono::{DateTime, SecondsFormat, Utc};
use db::Tx;
use domain::{
    ids::{RatingId, UserId, WebhookDeliveryId, WebhookEventId, WebhookId},
    webhook::{TEST_EVENT, WebhookEvent},
};
use infra::db::{
    nano_versions::VersionRow,
    nanos::Nano,
    webhook_deliveries::{self, WebhookDelivery},
    webhook_endpoints::{self, Webhook},
    webhook_events::{self, NewWebhookEvent},
};
use queue::{EnqueueError, enqueue};
use serde_json::{Value, json};

pub use deliver_webhook::DeliverWebhook;

/// Something that a nano's creator may want to be told. Nobody else is named in it.
pub enum Announcement<'a> {
    Published {
        nano: &'a Nano,
        version: &'a VersionRow,
    },
    Rejected {
        nano: &'a Nano,
        version: &'a VersionRow,
        reason: &'a str,
    },
    /// Also when a score changes, which raises the rating's revision.
    Rated {
        nano: &'a Nano,
        rating_id: RatingId,
        revision: u32,
        score: u8,
        before: Option<u8>,
    },
}

impl Announcement<'_> {
    const fn nano(&self) -> &Nano {
        match self {
            Self::Published { nano, .. } | Self::Rejected { nano, .. } | Self::Rated { nano, .. } => nano,
        }
    }

    const fn event(&self) -> WebhookEvent {
        match self {
            Self::Published { .. } => WebhookEvent::NanoPublished,
            Self::Rejected { .. } => WebhookEvent::NanoRejected,
            Self::Rated { .. } => WebhookEvent::NanoRated,
        }
    }

    /// The same for the same thing, however often it is told.
    fn key(&self) -> String {
        let event = self.event();
        match self {
            Self::Published { version, .. } | Self::Rejected { version, .. } => format!("{event}:{}", version.id),
            Self::Rated { rating_id, revision, .. } => format!("{event}:{rating_id}:{revision}"),
        }
    }

    fn data(&self) -> Value {
        let nano = self.nano();
        let mut data = json!({ "nano_id": nano.id, "title": nano.title });
        match self {
            Self::Published { version, .. } => {
                data["version_id"] = json!(version.id);
                data["version"] = json!(version.semver);
            }
            Self::Rejected { version, reason, .. } => {
                data["version_id"] = json!(version.id);
                data["version"] = json!(version.semver);
                data["reason"] = json!(reason);
            }
            Self::Rated { rating_id, score, before, .. } => {
                data["rating_id"] = json!(rating_id);
                data["score"] = json!(score);
                data["score_before"] = json!(before);
            }
        }
        data
    }
}

/// Tells the creator's endpoints once the transaction has committed; does nothing when they were told before.
pub async fn announce(tx: &mut Tx, what: &Announcement<'_>, now: DateTime<Utc>) -> Result<(), EnqueueError> {
    let owner = what.nano().creator_id;
    let endpoints = webhook_endpoints::listening(tx, owner, what.event()).await?;
    if endpoints.is_empty() {
        return Ok(());
    }
    let event = WebhookEventId::new();
    if write(tx, (event, owner), &what.key(), (what.event().as_str(), what.data()), now).await? {
        for endpoint in endpoints {
            tell(tx, (owner, endpoint), event, now).await?;
        }
    }
    Ok(())
}

/// Tells one endpoint, whatever it listens to, that this works.
pub async fn try_webhook(
    tx: &mut Tx,
    endpoint: &Webhook,
    now: DateTime<Utc>,
) -> Result<WebhookDeliveryId, EnqueueError> {
    let event = WebhookEventId::new();
    let data = json!({ "webhook_id": endpoint.id });
    write(tx, (event, endpoint.user_id), &format!("{TEST_EVENT}:{event}"), (TEST_EVENT, data), now).await?;
    tell(tx, (endpoint.user_id, endpoint.id), event, now).await
}

/// Tells an endpoint the same thing again, now, whatever became of it so far. Both rows are locked.
pub async fn redeliver(
    tx: &mut Tx,
    endpoint: &Webhook,
    delivery: &WebhookDelivery,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    webhook_deliveries::ask_again(tx, delivery.id, now).await?;
    let job = DeliverWebhook {
        delivery_id: delivery.id,
        webhook_id: endpoint.id,
        user_id: endpoint.user_id,
        round: delivery.round + 1,
    };
    enqueue(tx, &job).await?;
    Ok(())
}

/// Writes an event down as it is sent; false when it was written before.
async fn write(
    tx: &mut Tx,
    (id, owner): (WebhookEventId, UserId),
    key: &str,
    (kind, data): (&str, Value),
    now: DateTime<Utc>,
) -> Result<bool, EnqueueError> {
    let timestamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = json!({ "type": kind, "timestamp": timestamp, "data": data }).to_string();
    Ok(webhook_events::insert(tx, &NewWebhookEvent { id, user_id: owner, key, kind, body: &body, now }).await?)
}

async fn tell(
    tx: &mut Tx,
    (owner, endpoint): (UserId, WebhookId),
    event: WebhookEventId,
    now: DateTime<Utc>,
) -> Result<WebhookDeliveryId, EnqueueError> {
    let id = WebhookDeliveryId::new();
    webhook_deliveries::insert(tx, id, endpoint, event, now).await?;
    enqueue(tx, &DeliverWebhook { delivery_id: id, webhook_id: endpoint, user_id: owner, round: 1 }).await?;
    Ok(id)
}
