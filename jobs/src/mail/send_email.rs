//! Sends one mail, at most once.
//!
//! The intent is a row committed before SMTP is spoken. The row says `sending` during the exchange: whoever finds it
//! so later knows that a process died in it and nobody can tell whether the mail left. Such a mail is `ambiguous`:
//! counted and shown, never silently sent again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::{
    ids::{DeliveryId, UserId},
    user::Language,
};
use infra::{
    db::email_deliveries::{self, DeliveryState, NewDelivery},
    mail::{Mail, MailError},
};
use queue::{EnqueueError, GivenUp, Job, JobError, Level, Outcome, Queue, Reference, RetryPolicy, Run, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Context, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct SendEmail {
    pub delivery_id: DeliveryId,
    /// Whom it is about; none for an address without an account.
    pub user_id: Option<UserId>,
}

/// A mail to be sent once the transaction has committed.
pub struct NewMail<'a> {
    /// Unique: a second mail with the same key is not sent.
    pub key: &'a str,
    pub template: &'a str,
    pub language: Language,
    pub user_id: Option<UserId>,
    pub recipient: &'a str,
    pub params: Value,
    pub now: DateTime<Utc>,
}

/// Writes the intent and enqueues the sending; does nothing when the key was used before.
pub async fn queue_mail(tx: &mut Tx, mail: NewMail<'_>) -> Result<(), EnqueueError> {
    let delivery = NewDelivery {
        id: DeliveryId::new(),
        idempotency_key: mail.key,
        template: mail.template,
        language: mail.language,
        user_id: mail.user_id,
        recipient: mail.recipient,
        params: mail.params,
        now: mail.now,
    };
    let id = delivery.id;
    match email_deliveries::insert(tx, delivery).await {
        Ok(()) => {}
        Err(DbError::Conflict { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    enqueue(tx, &SendEmail { delivery_id: id, user_id: mail.user_id }).await?;
    Ok(())
}

impl Job<Context> for SendEmail {
    const KIND: &'static str = "send_email";
    const QUEUE: Queue = queues::MAIL;
    const GIVEN_UP: Option<GivenUp<Self, Context>> = Some(|mail, _, tx, reason| Box::pin(mail.given_up(tx, reason)));
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 8, ..RetryPolicy::DEFAULT };
    const TIMEOUT: Duration = Duration::from_secs(90);

    fn tenant(&self) -> Option<Uuid> {
        self.user_id.map(Uuid::from)
    }

    fn references(&self) -> Vec<Reference> {
        self.user_id.map(|user| Reference::new("user", user)).into_iter().collect()
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(delivery) = email_deliveries::get(&context.db, self.delivery_id).await? else {
            return Ok(Outcome::Done);
        };
        match delivery.state {
            DeliveryState::Sent | DeliveryState::Failed | DeliveryState::Ambiguous => return Ok(Outcome::Done),
            DeliveryState::Sending => {
                let reason = "the sending process died during the SMTP exchange";
                return self.settle(context, run, DeliveryState::Ambiguous, Some(reason)).await;
            }
            // A job that was given up and is retried sends what it had not.
            DeliveryState::Queued | DeliveryState::GivenUp => {}
        }
        let content = super::render(&delivery.template, delivery.language.as_str(), &delivery.params)
            .map_err(|error| JobError::Discard(error.into()))?;
        let mail = Mail {
            to: delivery.recipient,
            subject: content.subject,
            text: content.text,
            html: content.html,
            message_id: format!("<{}@{}>", delivery.message_id, context.mailer.domain()),
            idempotency: delivery.message_id,
        };
        if !email_deliveries::begin_sending(&context.db, self.delivery_id).await? {
            return Ok(Outcome::Done);
        }
        let template = [("template", delivery.template.into()), ("language", delivery.language.as_str().into())];
        match context.mailer.send(&mail).await {
            Ok(()) => self.settle(context, run, DeliveryState::Sent, None).await,
            Err(error @ MailError::NotSent { .. }) => {
                run.log(Level::Warn, "not sent: the mail server is away or busy", &template);
                email_deliveries::back_to_queued(&context.db, self.delivery_id, &error.to_string()).await?;
                // The delivery keeps the server's words; they may quote the address, which the job's error must not.
                Err(JobError::Transient(error.without_quotes().into()))
            }
            Err(error @ MailError::Rejected { .. }) => {
                self.settle(context, run, DeliveryState::Failed, Some(&error.to_string())).await
            }
            Err(error @ MailError::Unknown { .. }) => {
                self.settle(context, run, DeliveryState::Ambiguous, Some(&error.to_string())).await
            }
        }
    }
}

impl SendEmail {
    /// What is known of the mail when its sending is given up.
    async fn given_up(&self, tx: &mut Tx, reason: &str) -> Result<(), DbError> {
        if email_deliveries::give_up(tx, self.delivery_id, reason).await? {
            metrics::counter!("emails_ambiguous_total").increment(1);
        }
        Ok(())
    }
}

impl SendEmail {
    /// What the server said stays with the delivery: it may quote the address, which a log line must not.
    async fn settle(
        &self,
        context: &Context,
        run: &Run,
        state: DeliveryState,
        error: Option<&str>,
    ) -> Result<Outcome, JobError> {
        let (level, text) = match state {
            DeliveryState::Ambiguous => (Level::Error, "nobody can tell whether this mail left"),
            DeliveryState::Failed => (Level::Warn, "the mail was refused for good"),
            _ => (Level::Info, "the mail was handed to the mail server"),
        };
        run.log(level, text, &[("delivery", self.delivery_id.to_string().into())]);
        if state == DeliveryState::Ambiguous {
            metrics::counter!("emails_ambiguous_total").increment(1);
        }
        let mut tx = context.db.begin().await?;
        email_deliveries::set_state(&mut tx, self.delivery_id, state, error).await?;
        Ok(Outcome::DoneIn(tx))
    }
}
