//! Tells one endpoint of one event, at least once: a run that dies between the answer and writing it down is repeated, with the
//! same `webhook-id`. A broken endpoint is its owner's business: its deliveries end as failed, not as dead letters.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, Tx};
use domain::{
    ids::{UserId, WebhookDeliveryId, WebhookId},
    webhook::{DeliveryState, pause_after},
};
use infra::{
    db::{
        users,
        webhook_attempts::{self, WebhookAttempt},
        webhook_deliveries,
        webhook_endpoints::{self, Webhook},
        webhook_secrets,
    },
    seal::Place,
    webhook::{Exchange, WebhookKey},
};
use queue::{EnqueueError, GivenUp, Job, JobError, Level, Outcome, Priority, Queue, Reference, RetryPolicy, Run};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, NewMail, queue_mail, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct DeliverWebhook {
    pub delivery_id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    /// Whose endpoint it is.
    pub user_id: UserId,
    /// Which time its owner has asked for it; a later one takes its place.
    pub round: u32,
}

impl Job<Context> for DeliverWebhook {
    const KIND: &'static str = "deliver_webhook";
    /// Both talk to servers outside that may be slow. Mails go first.
    const QUEUE: Queue = queues::MAIL;
    const PRIORITY: Priority = Priority::Low;
    /// For faults of ours, such as a data key that is being replaced: a receiver's are no failures of the job.
    const RETRY: RetryPolicy =
        RetryPolicy { max_failures: 12, base: Duration::from_secs(60), max: Duration::from_secs(3_600) };
    const TIMEOUT: Duration = Duration::from_secs(60);
    const GIVEN_UP: Option<GivenUp<Self, Context>> =
        Some(|delivery, context, tx, _| Box::pin(delivery.given_up(tx, context.clock.now())));

    fn tenant(&self) -> Option<Uuid> {
        Some(self.user_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("webhook", self.webhook_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.delivery_id, self.round))
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(delivery) = webhook_deliveries::get(&context.db, self.delivery_id).await? else {
            return Ok(Outcome::Done);
        };
        if delivery.state != DeliveryState::Pending || delivery.round != self.round {
            return Ok(Outcome::Done);
        }
        let Some(endpoint) = webhook_endpoints::any(&context.db, self.webhook_id).await? else {
            return Ok(Outcome::Done);
        };
        let owner = users::get(&context.db, endpoint.user_id).await?;
        if endpoint.disabled_at.is_some() || !owner.is_some_and(|owner| owner.status.may_sign_in()) {
            let mut tx = context.db.begin().await?;
            webhook_deliveries::drop_pending(&mut tx, delivery.id, delivery.round, context.clock.now()).await?;
            return Ok(Outcome::DoneIn(tx));
        }
        let began = context.clock.now();
        let keys = keys(context, endpoint.id, began).await?;
        // The event's id: a receiver knows by it what it has been told before.
        let id = delivery.event_id.to_string();
        let exchange = context.webhooks.send(&endpoint.url, &keys, &id, began, delivery.body).await;
        self.note(context, run, began, exchange).await
    }
}

/// What the endpoint's messages are signed with at this time.
async fn keys(context: &Context, endpoint: WebhookId, now: DateTime<Utc>) -> Result<Vec<WebhookKey>, JobError> {
    let mut keys = Vec::new();
    for secret in webhook_secrets::live(&context.db, endpoint, now).await? {
        let opened = context.data_keys.open(Place::Webhook(secret.id), &secret.sealed).map_err(JobError::failed)?;
        let text = String::from_utf8(opened).map_err(|_| JobError::failed(anyhow::anyhow!("a secret is no text")))?;
        let key = WebhookKey::parse(&text);
        keys.push(key.map_err(|wrong| JobError::failed(anyhow::anyhow!("a webhook's secret {wrong}")))?);
    }
    Ok(keys)
}

impl DeliverWebhook {
    /// Writes down what became of an attempt, and what follows from it.
    async fn note(
        &self,
        context: &Context,
        run: &Run,
        began: DateTime<Utc>,
        exchange: Exchange,
    ) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        let (delivered, gone, status, wanted_at) = match exchange.answered() {
            Some(answered) => (answered.is_success(), answered.is_gone(), Some(answered.status), answered.retry_after),
            None => (false, false, None, None),
        };
        count(&exchange, delivered);
        let fields = [
            ("delivery", json!(self.delivery_id)),
            ("status", json!(status)),
            ("milliseconds", json!(milliseconds(exchange.duration))),
        ];
        let level = if delivered { Level::Info } else { Level::Warn };
        run.log(level, if delivered { "delivered" } else { "not delivered" }, &fields);

        let mut tx = context.db.begin().await?;
        let Some(endpoint) = webhook_endpoints::lock(&mut tx, self.user_id, self.webhook_id).await? else {
            return Ok(Outcome::Done);
        };
        let Some(delivery) = webhook_deliveries::lock(&mut tx, endpoint.id, self.delivery_id).await? else {
            return Ok(Outcome::Done);
        };
        webhook_attempts::insert(&mut tx, &attempt(self.delivery_id, delivery.attempts + 1, began, exchange)).await?;
        if delivered {
            webhook_deliveries::attempted(&mut tx, delivery.id, DeliveryState::Delivered, None, now).await?;
            if endpoint.failing_since.is_some() {
                webhook_endpoints::set_failing_since(&mut tx, endpoint.id, None).await?;
            }
            return Ok(Outcome::DoneIn(tx));
        }
        let is_over = self.failing(context, &mut tx, &endpoint, gone, now).await?;
        if delivery.round != self.round {
            // Asked for again meanwhile: another job goes on with it.
            webhook_deliveries::attempted(&mut tx, delivery.id, delivery.state, delivery.next_at, now).await?;
            return Ok(Outcome::DoneIn(tx));
        }
        let pause = pause_after(delivery.tries + 1).filter(|_| !is_over);
        let Some(pause) = pause.map(|pause| pause.max(wanted_at.unwrap_or_default())) else {
            webhook_deliveries::attempted(&mut tx, delivery.id, DeliveryState::Failed, None, now).await?;
            return Ok(Outcome::DoneIn(tx));
        };
        webhook_deliveries::attempted(&mut tx, delivery.id, DeliveryState::Pending, Some(now + pause), now).await?;
        tx.commit().await?;
        Ok(Outcome::Snooze(pause))
    }

    /// A locked endpoint has failed: since when, and whether that is too long, or it says that it is gone for good. True
    /// when it is told nothing any more.
    async fn failing(
        &self,
        context: &Context,
        tx: &mut Tx,
        endpoint: &Webhook,
        gone: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, JobError> {
        if endpoint.disabled_at.is_some() {
            return Ok(true);
        }
        let since = endpoint.failing_since.unwrap_or(now);
        if endpoint.failing_since.is_none() {
            webhook_endpoints::set_failing_since(tx, endpoint.id, Some(now)).await?;
        }
        let at_most = TimeDelta::days(context.settings.periodic.webhook_failing_days.into());
        if !gone && now - since < at_most {
            return Ok(false);
        }
        webhook_endpoints::give_up(tx, endpoint.id, now).await?;
        metrics::counter!("webhooks_disabled_total").increment(1);
        tell_owner(context, tx, endpoint, now).await?;
        Ok(true)
    }

    /// An operator has cancelled it, or it was broken by a fault of ours.
    async fn given_up(&self, tx: &mut Tx, now: DateTime<Utc>) -> Result<(), DbError> {
        webhook_deliveries::drop_pending(tx, self.delivery_id, self.round, now).await
    }
}

async fn tell_owner(
    context: &Context,
    tx: &mut Tx,
    endpoint: &Webhook,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    let Some(owner) = users::get_in(tx, endpoint.user_id).await? else { return Ok(()) };
    let site = context.settings.public_url.trim_end_matches('/');
    let mail = NewMail {
        key: &format!("webhook_disabled:{}:{}", endpoint.id, now.timestamp_micros()),
        template: "webhook_disabled",
        language: owner.language,
        user_id: Some(owner.id),
        recipient: &owner.email,
        // Its address may have a secret in it.
        params: json!({ "name": owner.name, "title": endpoint.name, "link": format!("{site}/account") }),
        now,
    };
    queue_mail(tx, mail).await
}

fn attempt(
    delivery_id: WebhookDeliveryId,
    number: u32,
    started_at: DateTime<Utc>,
    exchange: Exchange,
) -> WebhookAttempt {
    let duration_ms = milliseconds(exchange.duration);
    let (status, error, answer) = match exchange.outcome {
        Ok(answered) => (Some(answered.status), None, answered.beginning),
        Err(error) => (None, Some(error), String::new()),
    };
    WebhookAttempt { delivery_id, number, started_at, duration_ms, status, error, answer }
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn count(exchange: &Exchange, delivered: bool) {
    let result = match exchange.outcome {
        Ok(_) if delivered => "delivered",
        Ok(_) => "refused",
        Err(_) => "no_answer",
    };
    metrics::counter!("webhook_attempts_total", "result" => result).increment(1);
    metrics::histogram!("webhook_attempt_seconds").record(exchange.duration.as_secs_f64());
}
