//! The mail to whoever has written what a moderator does not let stand.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::ids::UserId;
use infra::db::{nanos::Nano, users};
use jobs::NewMail;
use serde_json::json;

use crate::{reply::Error, state::AppState};

/// Tells them in the same transaction, unless their account is gone. `key` is one for each thing that is told.
pub(super) async fn tell_writer(
    state: &AppState,
    tx: &mut Tx,
    (writer, nano): (UserId, &Nano),
    (template, key): (&str, &str),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(writer) = users::get_in(tx, writer).await? else { return Ok(()) };
    let mail = NewMail {
        key,
        template,
        language: writer.language,
        user_id: Some(writer.id),
        recipient: &writer.email,
        params: json!({
            "name": writer.name,
            "title": nano.title,
            "link": state.settings.link(&format!("/nanos/{}", nano.id)),
            "reason": reason,
        }),
        now,
    };
    Ok(jobs::queue_mail(tx, mail).await?)
}
