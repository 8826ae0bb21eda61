//! Mails with a link that works once.
//!
//! Whoever asks for one learns nothing about the address: a request writes the same rows for every address, and what the mail
//! says, or whether there is one, is decided when it is about to be sent. Its links are made then, too. Only their hashes are
//! stored, never the links: a mail that certainly did not leave gets new ones at its next attempt, and one that may have left is
//! not attempted again.

use chrono::{DateTime, TimeDelta, Utc};
use db::{DbError, Tx};
use domain::{
    ids::{DeliveryId, UserId},
    token::SecretToken,
    user::{Email, Language},
};
use infra::db::{
    email_deliveries::{self, DeliveryRow, NewDelivery},
    email_tokens::{self, Purpose},
};
use queue::{EnqueueError, JobError, enqueue};
use serde_json::{Value, json};

use super::{email_change, password_reset, send_email::SendEmail, unsubscribe, verification};
use crate::Context;

/// Queues a mail to the address: about this account, or without one about whoever the address belongs to when it is sent.
pub(super) async fn queue(
    tx: &mut Tx,
    template: &str,
    address: &Email,
    account: Option<UserId>,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    let id = DeliveryId::new();
    let delivery = NewDelivery {
        id,
        idempotency_key: &format!("{template}:{id}"),
        template,
        language,
        user_id: account,
        recipient: address.as_str(),
        params: json!({}),
        now,
    };
    email_deliveries::insert(tx, delivery).await?;
    // Nobody's job: what becomes of it would tell its owner about the address.
    enqueue(tx, &SendEmail { delivery_id: id, user_id: None }).await?;
    Ok(())
}

/// What there is to send.
pub(super) enum Prepared {
    /// The links work.
    Mail { language: Language, params: Value },
    /// Nothing, which the transaction says.
    Nothing(Tx),
}

/// What a mail with a link says now; `None` when it is a mail of another kind, which says what was written down for it.
pub(super) async fn prepare(context: &Context, delivery: &DeliveryRow) -> Result<Option<Prepared>, JobError> {
    match delivery.template.as_str() {
        verification::TEMPLATE => verification::prepare(context, delivery).await.map(Some),
        password_reset::TEMPLATE => password_reset::prepare(context, delivery).await.map(Some),
        email_change::TEMPLATE => email_change::prepare(context, delivery).await.map(Some),
        template => match template.parse() {
            Ok(kind) => unsubscribe::prepare(context, delivery, kind).await,
            Err(_) => Ok(None),
        },
    }
}

/// How long a link works.
const fn lifetime(purpose: Purpose) -> TimeDelta {
    match purpose {
        Purpose::VerifyEmail | Purpose::ChangeEmail => TimeDelta::hours(24),
        Purpose::ResetPassword => TimeDelta::hours(1),
    }
}

/// The page of the web app that it leads to.
const fn page(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::VerifyEmail => "verify-email",
        Purpose::ResetPassword => "reset-password",
        Purpose::ChangeEmail => "confirm-email",
    }
}

/// A link for this account; it works once `tx` is committed.
pub(super) async fn make(
    context: &Context,
    tx: &mut Tx,
    account: UserId,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<String, DbError> {
    let secret = SecretToken::from_random(rand::random());
    email_tokens::insert(tx, account, purpose, &secret.hash(), now + lifetime(purpose), now).await?;
    let site = context.settings.public_url.trim_end_matches('/');
    Ok(format!("{site}/{}?token={}", page(purpose), secret.reveal()))
}
