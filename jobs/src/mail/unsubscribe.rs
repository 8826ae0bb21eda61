//! Mails of which somebody may want no more. Whether they do is asked when the mail is sent, which may be days after it was queued;
//! and each has a link that ends mails of its kind without a login, for people and for mail programs (RFC 8058).

use domain::notification::{Kind, Unsubscribe};
use infra::db::{
    email_deliveries::{self, DeliveryRow},
    mail_link_keys, notification_preferences,
};
use queue::JobError;
use serde_json::json;

use super::links::Prepared;
use crate::Context;

/// The link's place among a mail's parameters. It stands in no row: it follows from its person's key.
pub(super) const PARAM: &str = "unsubscribe";

/// The mail with its link; `None` for one that is nobody's.
pub(super) async fn prepare(
    context: &Context,
    delivery: &DeliveryRow,
    kind: Kind,
) -> Result<Option<Prepared>, JobError> {
    let Some(user) = delivery.user_id else { return Ok(None) };
    let mut tx = context.db.begin().await?;
    if !notification_preferences::get_in(&mut tx, user, kind).await?.mail {
        email_deliveries::withdraw(&mut tx, delivery.id, "its recipient wants no mails of this kind").await?;
        return Ok(Some(Prepared::Nothing(tx)));
    }
    let key = mail_link_keys::get_or_keep(&mut tx, user, rand::random(), context.clock.now()).await?;
    tx.commit().await?;
    let site = context.settings.public_url.trim_end_matches('/');
    let signed = Unsubscribe::sign(user, kind, &key).digits();
    let mut params = delivery.params.clone();
    params[PARAM] = json!(format!("{site}/api/v1/unsubscribe/{kind}/{signed}"));
    Ok(Some(Prepared::Mail { language: delivery.language, params }))
}
