//! The mail by which somebody confirms an address. Nothing that the person who registered has chosen stands in it but the
//! username, which tells several registrations of one address apart and is made of `a-z 0-9 _ -`.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::UserId,
    user::{Email, Language},
};
use infra::db::{
    email_deliveries::{self, DeliveryRow},
    email_tokens::Purpose,
    registrations::{self, Registration},
    users,
};
use queue::{EnqueueError, JobError};
use serde_json::json;

use super::{
    links::{self, Prepared},
    send_email::{NewMail, queue_mail},
};
use crate::Context;

pub(super) const TEMPLATE: &str = "verify_email";

/// Queues a mail to the address: about this registration, or without one about all that wait with the address.
pub async fn queue_verification(
    tx: &mut Tx,
    address: &Email,
    registration: Option<UserId>,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    links::queue(tx, TEMPLATE, address, registration, language, now).await
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
        let link = links::make(context, &mut tx, registration.id, Purpose::VerifyEmail, now).await?;
        accounts.push(json!({ "username": registration.username, "link": link }));
    }
    tx.commit().await?;
    Ok(Prepared::Mail { language, params: json!({ "accounts": accounts }) })
}

/// The address has an account: its owner gets a mail about that, at most one an hour.
pub(super) async fn tell_owner(tx: &mut Tx, owner: &users::User, now: DateTime<Utc>) -> Result<(), EnqueueError> {
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
