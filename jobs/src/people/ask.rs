//! Asking for an export or an erasure: one way in for the person, administrators and the job that looks for unused accounts. The
//! caller has locked the account, writes the audit row and commits.

use chrono::{DateTime, Utc};
use db::Tx;
use domain::{
    data_request::{self, Cause, Kind, State},
    ids::DataRequestId,
};
use infra::db::{
    data_requests::{self, NewDataRequest},
    users::User,
};
use queue::{EnqueueError, enqueue};
use serde_json::json;

use super::ExportPerson;
use crate::{NewMail, queue_mail};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is written down.
    New(DataRequestId),
    /// The same was asked for before, and is not over.
    UnderWay(DataRequestId),
    /// Not before this time.
    TooSoon(DateTime<Utc>),
}

/// A copy of everything, as soon as a worker is free.
pub async fn ask_export(tx: &mut Tx, user: &User, cause: Cause, now: DateTime<Utc>) -> Result<Asked, EnqueueError> {
    let last = data_requests::lock_newest(tx, user.id, Kind::Export).await?;
    if let Some(live) = last.as_ref().filter(|last| last.state.is_live()) {
        return Ok(Asked::UnderWay(live.id));
    }
    if let Some(next) = data_request::next_export(last.map(|last| (last.created_at, last.state)), now) {
        return Ok(Asked::TooSoon(next));
    }
    let id = DataRequestId::new();
    let new = NewDataRequest { id, user_id: user.id, kind: Kind::Export, cause, due_at: now };
    data_requests::insert(tx, new, now).await?;
    enqueue(tx, &ExportPerson { request_id: id, user_id: user.id }).await?;
    Ok(Asked::New(id))
}

/// That nothing is left, once the grace is over; a mail says what happens when, and how to keep the account.
pub async fn ask_erasure(
    tx: &mut Tx,
    user: &User,
    cause: Cause,
    public_url: &str,
    now: DateTime<Utc>,
) -> Result<Asked, EnqueueError> {
    let last = data_requests::lock_newest(tx, user.id, Kind::Erasure).await?;
    if let Some(live) = last.filter(|last| last.state.is_live()) {
        // What a person asks for outlives the guess that nobody uses the account.
        let only_a_guess =
            live.cause == Cause::Inactivity && cause != Cause::Inactivity && live.state == State::Waiting;
        if !only_a_guess {
            return Ok(Asked::UnderWay(live.id));
        }
        data_requests::end(tx, live.id, State::Withdrawn, now).await?;
    }
    let id = DataRequestId::new();
    let due_at = now + data_request::GRACE;
    let new = NewDataRequest { id, user_id: user.id, kind: Kind::Erasure, cause, due_at };
    data_requests::insert(tx, new, now).await?;
    let template = match cause {
        Cause::Person => "erasure_asked",
        Cause::Admin => "erasure_asked_by_admin",
        Cause::Inactivity => "account_unused",
    };
    mail(tx, user, template, id, public_url, Some(due_at), now).await?;
    Ok(Asked::New(id))
}

/// Keeps the account; `None` when there is nothing to take back. A mail says so.
pub async fn withdraw_erasure(
    tx: &mut Tx,
    user: &User,
    public_url: &str,
    now: DateTime<Utc>,
) -> Result<Option<DataRequestId>, EnqueueError> {
    let last = data_requests::lock_newest(tx, user.id, Kind::Erasure).await?;
    let Some(waiting) = last.filter(|last| last.state == State::Waiting) else { return Ok(None) };
    data_requests::end(tx, waiting.id, State::Withdrawn, now).await?;
    mail(tx, user, "erasure_withdrawn", waiting.id, public_url, None, now).await?;
    Ok(Some(waiting.id))
}

/// Writes to the owner. An address that nobody has confirmed gets no mail: it may be a stranger's.
pub(super) async fn mail(
    tx: &mut Tx,
    user: &User,
    template: &str,
    request: DataRequestId,
    public_url: &str,
    day: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    if user.email_verified_at.is_none() {
        return Ok(());
    }
    let mail = NewMail {
        key: &format!("{template}:{request}"),
        template,
        language: user.language,
        user_id: Some(user.id),
        recipient: &user.email,
        params: json!({
            "username": user.username,
            "link": format!("{}/account/data", public_url.trim_end_matches('/')),
            "day": day.map(|day| day.format("%Y-%m-%d").to_string()),
        }),
        now,
    };
    queue_mail(tx, mail).await
}
