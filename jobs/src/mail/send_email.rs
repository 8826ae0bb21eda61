//! Sends one mail, at most once.
//!
//! The intent is a row committed before SMTP is spoken. The row says `sending` from the moment the mail server waits for
//! the message until its answer is written down: whoever finds it so later knows that a process died in between and nobody
//! can tell whether the mail left. Such a mail is `ambiguous`: counted and shown, never silently sent again. Whoever has
//! begun to hand a mail over goes on although its job is cancelled, takes too long or is given to others, and writes down
//! what it learns as soon as the database takes it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::{DeliveryId, UserId},
    user::Language,
};
use infra::{
    db::email_deliveries::{self, DeliveryRow, DeliveryState, Fate, NewDelivery},
    mail::{Handover, Mail, MailError},
};
use queue::{EnqueueError, GivenUp, Job, JobError, Level, Outcome, Queue, Reference, RetryPolicy, Run, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    links::{self, Prepared},
    unsubscribe,
};
use crate::{Context, queues};

/// When a mail that its server puts off is tried again, in minutes; from the last on always after as many.
const LATER: [i64; 7] = [5, 15, 30, 60, 120, 240, 480];
/// And how long after the first time it is given up.
const PUT_OFF_AT_MOST: TimeDelta = TimeDelta::days(3);
/// How long what became of a mail waits for the database, beyond the end of the job if need be.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// The class of a mail that was put off until it was given up.
const PUT_OFF: &str = "mail_put_off";

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
    /// Since version 2 verification mails are written when they are sent, since version 3 other mails with links, too; a build
    /// of before cannot.
    const VERSION: u16 = 3;
    const QUEUE: Queue = queues::MAIL;
    const GIVEN_UP: Option<GivenUp<Self, Context>> = Some(|mail, _, tx, reason| Box::pin(mail.given_up(tx, reason)));
    const RETRY: RetryPolicy = RetryPolicy { max_failures: 8, ..RetryPolicy::DEFAULT };
    /// A connection, its login and the exchange may take three and a half minutes, after a minute of waiting for the
    /// connection; the rest is for a database that is away when the server has answered.
    const TIMEOUT: Duration = Duration::from_secs(15 * 60);

    fn upgrade(version: u16, args: Value) -> Option<Value> {
        (1..Self::VERSION).contains(&version).then_some(args)
    }

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
            DeliveryState::Sending => return self.nobody_knows(context, run).await,
            // A job that was given up and is retried sends what it had not.
            DeliveryState::Queued | DeliveryState::GivenUp => {}
        }
        let (language, params) = match links::prepare(context, &delivery).await? {
            Some(Prepared::Mail { language, params }) => (language, params),
            Some(Prepared::Nothing(tx)) => return Ok(Outcome::DoneIn(tx)),
            None => (delivery.language, delivery.params.clone()),
        };
        let content = super::render(&delivery.template, language.as_str(), &params)
            .map_err(|error| JobError::Discard(error.into()))?;
        let mail = Mail {
            to: delivery.recipient.clone(),
            subject: content.subject,
            text: content.text,
            html: content.html,
            message_id: format!("{}@{}", delivery.message_id, context.mailer.domain()),
            idempotency: delivery.message_id.clone(),
            unsubscribe: params[unsubscribe::PARAM].as_str().map(str::to_owned),
        };
        match context.mailer.begin(&mail).await {
            Ok(handover) => {
                // Not the run's number, which begins anew with the job of a mail that is sent again.
                let sending = hand_over(context.db.clone(), delivery.id, rand::random(), delivery.state, handover);
                // On a task of its own: nobody stops in the middle of it.
                let sent = tokio::spawn(sending.instrument(tracing::Span::current())).await;
                match sent.map_err(|panic| JobError::failed(anyhow::anyhow!("handing the mail over: {panic}")))? {
                    Ok(Exchange::Ended(outcome)) => self.ended(context, run, &delivery, outcome).await,
                    Ok(Exchange::TakenByOthers) => Ok(Outcome::Done),
                    Err(error) => Err(error.into()),
                }
            }
            Err(error @ MailError::Rejected { .. }) => {
                let mut tx = context.db.begin().await?;
                email_deliveries::refuse(&mut tx, delivery.id, delivery.state, &error.to_string()).await?;
                self.ended(context, run, &delivery, Err(error)).await?;
                Ok(Outcome::DoneIn(tx))
            }
            Err(error) => self.ended(context, run, &delivery, Err(error)).await,
        }
    }
}

/// How handing a mail over came out.
enum Exchange {
    Ended(Result<(), MailError>),
    /// Another run was first.
    TakenByOthers,
}

/// Says so, sends the message, and writes down what became of it. `mark` tells it from every other time that the mail is handed
/// over.
async fn hand_over(
    db: Db,
    id: DeliveryId,
    mark: u32,
    state: DeliveryState,
    handover: Handover,
) -> Result<Exchange, DbError> {
    match email_deliveries::begin_sending(&db, id, mark, state).await {
        Ok(true) => {}
        Ok(false) => return Ok(Exchange::TakenByOthers),
        Err(error) => {
            // The row may say `sending` all the same; the server has nothing.
            drop(handover);
            record(&db, id, mark, Fate::NotSent, Some(&error.to_string())).await?;
            return Err(error);
        }
    }
    let outcome = handover.deliver().await;
    let fate = match &outcome {
        Ok(()) => Fate::Sent,
        Err(MailError::Rejected { .. }) => Fate::Failed,
        Err(MailError::Unknown { .. }) => Fate::Ambiguous,
        Err(MailError::NotSent { .. } | MailError::Deferred { .. }) => Fate::NotSent,
    };
    let error = outcome.as_ref().err().map(ToString::to_string);
    record(&db, id, mark, fate, error.as_deref()).await?;
    Ok(Exchange::Ended(outcome))
}

/// Writes down the fate of a mail, again and again while the database is away. Should this process die before, or the
/// database stay away for longer than [`REMEMBERED`], nobody knows it any more.
async fn record(db: &Db, id: DeliveryId, mark: u32, fate: Fate, error: Option<&str>) -> Result<(), DbError> {
    let started = std::time::Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match email_deliveries::record(db, id, mark, fate, error).await {
            Err(error) if error.is_transient() && started.elapsed() < REMEMBERED => {
                tracing::warn!(%error, ?fate, "what became of a mail waits for the database");
            }
            written => return written,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

impl SendEmail {
    /// What an exchange means for the job; what became of the mail is written already. What the server said stays with the
    /// delivery: it may quote the address, which a log line and the job's error must not.
    async fn ended(
        &self,
        context: &Context,
        run: &Run,
        delivery: &DeliveryRow,
        outcome: Result<(), MailError>,
    ) -> Result<Outcome, JobError> {
        let fields = [("delivery", self.delivery_id.to_string().into())];
        match outcome {
            Ok(()) => run.log(Level::Info, "the mail was handed to the mail server", &fields),
            Err(MailError::Rejected { .. }) => run.log(Level::Warn, "the mail was refused for good", &fields),
            Err(MailError::Unknown { .. }) => count_ambiguous(run, &fields),
            Err(error @ MailError::NotSent { .. }) => {
                run.log(Level::Warn, "not sent: the mail server is away or busy", &fields);
                return Err(JobError::Transient(error.without_quotes().into()));
            }
            Err(error @ MailError::Deferred { .. }) => return self.later(context, run, delivery, error).await,
        }
        Ok(Outcome::Done)
    }

    /// The server puts the mail off: minutes at first, hours later, and in the end it is given up.
    async fn later(
        &self,
        context: &Context,
        run: &Run,
        delivery: &DeliveryRow,
        error: MailError,
    ) -> Result<Outcome, JobError> {
        let now = context.clock.now();
        // A retry by hand begins anew.
        let anew = delivery.state == DeliveryState::GivenUp;
        let since = delivery.deferred_since.filter(|_| !anew).unwrap_or(now);
        let before = if anew { 0 } else { delivery.deferrals };
        email_deliveries::defer(&context.db, delivery.id, before.saturating_add(1), since, &error.to_string()).await?;
        let minutes = LATER[usize::from(before).min(LATER.len() - 1)];
        let brief = error.without_quotes();
        if now - since + TimeDelta::minutes(minutes) > PUT_OFF_AT_MOST {
            let times = before + 1;
            let what = format!("put off {times} times within {} days: {brief}", PUT_OFF_AT_MOST.num_days());
            return Err(JobError::discard_as(PUT_OFF, anyhow::anyhow!(what)));
        }
        let fields = [("delivery", self.delivery_id.to_string().into()), ("minutes", minutes.into())];
        run.log(Level::Warn, &format!("put off: {brief}"), &fields);
        Ok(Outcome::Snooze(Duration::from_secs(60 * minutes.unsigned_abs())))
    }

    /// An earlier run died in the middle, or is in it and has lost its job.
    async fn nobody_knows(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let reason = "the sending process died between handing the mail over and writing down the answer";
        let mut tx = context.db.begin().await?;
        if email_deliveries::make_ambiguous(&mut tx, self.delivery_id, reason).await? {
            count_ambiguous(run, &[("delivery", self.delivery_id.to_string().into())]);
        }
        Ok(Outcome::DoneIn(tx))
    }

    /// What is known of the mail when its sending is given up.
    async fn given_up(&self, tx: &mut Tx, reason: &str) -> Result<(), DbError> {
        if email_deliveries::give_up(tx, self.delivery_id, reason).await? {
            metrics::counter!("emails_ambiguous_total").increment(1);
        }
        Ok(())
    }
}

fn count_ambiguous(run: &Run, fields: &[(&str, Value)]) {
    run.log(Level::Error, "nobody can tell whether this mail left", fields);
    metrics::counter!("emails_ambiguous_total").increment(1);
}
