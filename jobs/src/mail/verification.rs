//! The mail by which somebody confirms an address.
//!
//! Whoever asks for it learns nothing about the address: a request writes the same rows for every address, and what the mail
//! says, or whether there is one, is decided here, when it is about to be sent. Its links are made then, too. Only their hashes
//! are stored, never the links: a mail that certainly did not leave gets new ones at its next attempt, and one that may have
//! left is not attempted again. Nothing that the person who registered has chosen stands in it but the username, which tells
//! several registrations of one address apart and is made of `a-z 0-9 _ -`.

use chrono::{DateTime, TimeDelta, Utc};
use db::Tx;
use domain::{
    ids::{DeliveryId, UserId},
    token::SecretToken,
    user::{Email, Language},
};
use infra::db::{
    email_deliveries::{self, DeliveryRow, NewDelivery},
    email_tokens::{self, Purpose},
    registrations::{self, Registration},
    users,
};
use queue::{EnqueueError, JobError, enqueue};
use serde_json::{Value, json};

use super::send_email::{NewMail, SendEmail, queue_mail};
use crate::Context;

pub(super) const TEMPLATE: &str = "verify_email";
/// How long a link works.
const LINK_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Queues a mail to the address: about this registration, or without one about all that wait with the address.
pub async fn queue_verification(
    tx: &mut Tx,
    address: &Email,
    registration: Option<UserId>,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    let id = DeliveryId::new();
    let delivery = NewDelivery {
        id,
        idempotency_key: &format!("{TEMPLATE}:{id}"),
        template: TEMPLATE,
        language,
        user_id: registration,
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

pub(super) async fn prepare(context: &Context, delivery: &DeliveryRow) -> Result<Prepared, JobError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let account = match delivery.user_id {
        Some(id) => users::get_in(&mut tx, id).await?,
        None => None,
    };
    // A build before this one has made the link.
    if let (Some(account), Some(link)) = (&account, delivery.params["link"].as_str()) {
        let params = json!({ "accounts": [{ "username": account.username, "link": link }] });
        return Ok(Prepared::Mail { language: account.language, params });
    }
    let waiting = match (delivery.user_id, &account) {
        (None, _) => registrations::waiting(&mut tx, &delivery.recipient).await?,
        (Some(_), Some(account)) if account.email_verified_at.is_none() && account.status.may_sign_in() => {
            if let Some(owner) = users::confirmed(&mut tx, &account.email).await? {
                tell_owner(&mut tx, &owner, now).await?;
                Vec::new()
            } else {
                let (username, language) = (account.username.clone(), account.language);
                vec![Registration { id: account.id, username, language }]
            }
        }
        _ => Vec::new(),
    };
    let Some(newest) = waiting.first() else {
        email_deliveries::withdraw(&mut tx, delivery.id, "no registration waits for this mail").await?;
        return Ok(Prepared::Nothing(tx));
    };
    let language = newest.language;
    let mut accounts = Vec::new();
    for registration in &waiting {
        let secret = SecretToken::from_random(rand::random());
        email_tokens::insert(&mut tx, registration.id, Purpose::VerifyEmail, &secret.hash(), now + LINK_LIFETIME, now)
            .await?;
        let site = context.settings.public_url.trim_end_matches('/');
        let link = format!("{site}/verify-email?token={}", secret.reveal());
        accounts.push(json!({ "username": registration.username, "link": link }));
    }
    tx.commit().await?;
    Ok(Prepared::Mail { language, params: json!({ "accounts": accounts }) })
}

/// The address has an account: its owner gets a mail about that, at most one an hour.
async fn tell_owner(tx: &mut Tx, owner: &users::User, now: DateTime<Utc>) -> Result<(), EnqueueError> {
    let mail = NewMail {
        key: &format!("already_registered:{}:{}", owner.id, now.timestamp() / 3600),
        template: "already_registered",
        language: owner.language,
        user_id: Some(owner.id),
        recipient: &owner.email,
        params: json!({}),
        now,
    };
    queue_mail(tx, mail).await
}
