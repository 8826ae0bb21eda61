//! Telling people what happened: in the app and by mail, as each of them wants it.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    ids::{RatingId, UserId},
    notification::Kind,
};
use infra::db::{
    nanos::Nano,
    notification_preferences,
    notifications::{self, NewNotification},
    users,
};
use queue::EnqueueError;
use serde_json::{Value, json};

use crate::{NewMail, queue_mail};

/// Something that somebody is told of.
pub struct News<'a> {
    pub kind: Kind,
    pub to: UserId,
    /// What gives the cause: of the same kind and subject nobody is told twice.
    pub subject: &'a str,
    pub nano: &'a Nano,
    pub rating_id: Option<RatingId>,
    /// Why it was decided so.
    pub reason: Option<&'a str>,
    /// What else the mail says.
    pub details: Value,
}

/// Tells it with the transaction that makes it true. Nobody is written to at an address that they have not confirmed; whether they
/// still want the mail is asked once more when it is sent (`mail/unsubscribe.rs`).
pub async fn notify(tx: &mut Tx, news: News<'_>, site: &str, now: DateTime<Utc>) -> Result<(), EnqueueError> {
    let News { kind, to, subject, nano, rating_id, reason, details } = news;
    let Some(person) = users::get_in(tx, to).await? else { return Ok(()) };
    let wanted = notification_preferences::get_in(tx, to, kind).await?;
    if wanted.in_app {
        let nano_id = Some(nano.id);
        let new = NewNotification { user_id: to, kind, subject, nano_id, rating_id, found: None, reason };
        notifications::insert(tx, &new, now).await?;
    }
    if !wanted.mail || person.email_verified_at.is_none() {
        return Ok(());
    }
    let link = format!("{}/nanos/{}", site.trim_end_matches('/'), nano.id);
    let mut params = json!({ "name": person.name, "title": nano.title, "link": link, "reason": reason });
    if let (Some(params), Value::Object(details)) = (params.as_object_mut(), details) {
        params.extend(details);
    }
    let mail = NewMail {
        key: &format!("{kind}:{subject}"),
        template: kind.as_str(),
        language: person.language,
        user_id: Some(to),
        recipient: &person.email,
        params,
        now,
    };
    queue_mail(tx, mail).await
}
