//! The mail by which somebody who has forgotten the password gets a new one: only for an account that has confirmed the address
//! and may sign in.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::user::{Email, Language};
use infra::db::{
    email_deliveries::{self, DeliveryRow},
    email_tokens::Purpose,
    users,
};
use queue::{EnqueueError, JobError};
use serde_json::json;

use super::links::{self, Prepared};
use crate::Context;

pub(super) const TEMPLATE: &str = "reset_password";

/// Queues a mail to the address, whether or not it has an account.
pub async fn queue_password_reset(
    tx: &mut Tx,
    address: &Email,
    language: Language,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    links::queue(tx, TEMPLATE, address, None, language, now).await
}

pub(super) async fn prepare(context: &Context, delivery: &DeliveryRow) -> Result<Prepared, JobError> {
    let now = context.clock.now();
    let mut tx = context.db.begin().await?;
    let account = users::confirmed(&mut tx, &delivery.recipient).await?;
    let Some(account) = account.filter(|account| account.status.may_sign_in()) else {
        email_deliveries::withdraw(&mut tx, delivery.id, "no account that may sign in has this address").await?;
        return Ok(Prepared::Nothing(tx));
    };
    let link = links::make(context, &mut tx, account.id, Purpose::ResetPassword, now).await?;
    tx.commit().await?;
    let params = json!({ "username": account.username, "link": link });
    Ok(Prepared::Mail { language: account.language, params })
}
