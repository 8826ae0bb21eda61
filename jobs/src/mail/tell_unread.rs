//! Writes to people who have messages that they have not read for a while: one mail for all their chats, and the next one hours
//! later at the earliest. A mail says who has written and about what, not what was written.

use chrono::{DateTime, TimeDelta, Utc};
use db::Tx;
use domain::ids::UserId;
use infra::db::{
    chat_digests::{self, Unread},
    users::{self, User},
};
use queue::{EnqueueError, Job, JobError, Level, Outcome, Priority, Queue, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Context, NewMail, queue_mail, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TellUnread {}

/// Chats that a mail names.
const NAMED: u32 = 10;

impl Job<Context> for TellUnread {
    const KIND: &'static str = "tell_unread";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Low;
    const SCHEDULE: Option<Schedule> = Some(Schedule::new::<Self, Context>("0 */10 * * * *", "UTC").jitter(60));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let hours = context.settings.periodic.chat_mail_hours;
        if hours == 0 {
            return Ok(Outcome::Done);
        }
        let mut told = 0_u64;
        while !run.cancelled().is_cancelled() {
            let now = context.clock.now();
            let due = chat_digests::due(&context.db, now).await?;
            if due.is_empty() {
                break;
            }
            // One transaction a person: whoever writes to them meanwhile waits for a moment.
            for user in due {
                let mut tx = run.transaction(context).await?;
                told += u64::from(tell(context, &mut tx, user, TimeDelta::hours(hours.into()), now).await?);
                tx.commit().await?;
            }
            run.progress(told, None, "telling of unread messages");
        }
        if told > 0 {
            run.log(Level::Info, "people were told of unread messages", &[("people", told.into())]);
        }
        Ok(Outcome::Done)
    }
}

/// Tells one person, unless they were told too lately; true when there is a mail.
async fn tell(
    context: &Context,
    tx: &mut Tx,
    id: UserId,
    pause: TimeDelta,
    now: DateTime<Utc>,
) -> Result<bool, JobError> {
    let next = chat_digests::told_at(tx, id).await?.map(|told| told + pause);
    if let Some(next) = next.filter(|next| *next > now) {
        chat_digests::put_off(tx, id, next).await?;
        return Ok(false);
    }
    let user = users::get_in(tx, id).await?;
    let user = user.filter(|user| user.status.may_sign_in() && user.email_verified_at.is_some());
    let unread = chat_digests::unread(tx, id, NAMED).await?;
    let Some(user) = user.filter(|_| !unread.is_empty()) else {
        chat_digests::settle(tx, id).await?;
        return Ok(false);
    };
    mail(context, tx, &user, &unread, now).await.map_err(JobError::from)?;
    chat_digests::told(tx, id, now).await?;
    Ok(true)
}

async fn mail(
    context: &Context,
    tx: &mut Tx,
    user: &User,
    unread: &[Unread],
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    let site = context.settings.public_url.trim_end_matches('/');
    let chats: Vec<_> = unread
        .iter()
        .map(|chat| {
            json!({
                "other": chat.other_name,
                "title": chat.nano_title,
                "messages": chat.unread,
                "link": format!("{site}/chats/{}", chat.chat_id),
            })
        })
        .collect();
    let mail = NewMail {
        key: &format!("unread_messages:{}:{}", user.id, now.timestamp_micros()),
        template: "unread_messages",
        language: user.language,
        user_id: Some(user.id),
        recipient: &user.email,
        params: json!({"name": user.name, "chats": chats, "link": format!("{site}/chats")}),
        now,
    };
    queue_mail(tx, mail).await
}
