//! The mail by which somebody shows that the address they want for their account is theirs.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::UserId,
    user::{Email, Language},
};
use infra::db::{
    email_changes,
    email_deliveries::{self, DeliveryRow},
    email_tokens::Purpose,
    users,
};
use queue::{EnqueueError, JobError};
use serde_json::json;

use super::{
    links::{self, Prepared},
    verification,
};
use crate::Context;

pub(super) const TEMPLATE: &str = "confirm_email";

/// Queues a mail to the address that this person wants.
pub async fn queue_email_change(
    tx: &mut Tx,
    address: &Email,
    user: UserId,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    links::queue(tx, TEMPLATE, address, Some(user), language, now).await
}

pub(super) async fn prepare(context: &Context, delivery: &DeliveryRow) -> Result<Prepared, JobError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let wished = match delivery.user_id {
        Some(user) => email_changes::lock(&mut tx, user).await?.filter(|wished| *wished == delivery.recipient),
        None => None,
    };
    let account = match (delivery.user_id, wished) {
        (Some(user), Some(_)) => users::get_in(&mut tx, user).await?.filter(|account| account.status.may_sign_in()),
        _ => None,
    };
    let reason = match (account, users::confirmed(&mut tx, &delivery.recipient).await?) {
        (Some(account), None) => {
            let link = links::make(context, &mut tx, account.id, Purpose::ChangeEmail, now).await?;
            tx.commit().await?;
            let params = json!({ "username": account.username, "link": link });
            return Ok(Prepared::Mail { language: account.language, params });
        }
        (Some(_), Some(owner)) => {
            verification::tell_owner(&mut tx, &owner, now).await?;
            "somebody else has confirmed the address"
        }
        (None, _) => "nobody waits for this mail",
    };
    email_deliveries::withdraw(&mut tx, delivery.id, reason).await?;
    Ok(Prepared::Nothing(tx))
}
