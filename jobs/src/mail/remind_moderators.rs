//! Writes to moderators when cases wait for too long: one mail a day and person.

use chrono::TimeDelta;
use domain::ids::UserId;
use infra::db::{moderation_cases, users};
use queue::{
    Job, JobError, Level, Outcome, Queue, Run,
    schedule::{Schedule, table::CatchUp},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, NewMail, queue_mail, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RemindModerators {}

impl Job<Context> for RemindModerators {
    const KIND: &'static str = "remind_moderators";
    const QUEUE: Queue = queues::MAINTENANCE;
    // After a weekend without schedulers nobody needs a reminder at night.
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 0 8 * * *", "Europe/Berlin").jitter(60).catch_up(CatchUp::Skip));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let hours = context.settings.periodic.remind_hours;
        if hours == 0 {
            return Ok(Outcome::Done);
        }
        let now = context.clock.now();
        let before = now - TimeDelta::hours(hours.into());
        let Some((cases, oldest)) = moderation_cases::waiting(&context.db, before).await? else {
            return Ok(Outcome::Done);
        };
        let link = format!("{}/admin/moderation", context.settings.public_url.trim_end_matches('/'));
        let mut reminded = 0_u64;
        let mut after = UserId(Uuid::nil());
        loop {
            let moderators = users::moderators(&context.db, after).await?;
            let Some(last) = moderators.last() else { break };
            after = last.id;
            let mut tx = run.transaction(context).await?;
            for moderator in &moderators {
                let mail = NewMail {
                    // The day is part of it: however often this runs, a person gets one mail a day.
                    key: &format!("remind_moderators:{}:{}", moderator.id, now.date_naive()),
                    template: "remind_moderators",
                    language: moderator.language,
                    user_id: Some(moderator.id),
                    recipient: &moderator.email,
                    params: json!({
                        "name": moderator.name,
                        "link": link,
                        "cases": cases,
                        "hours": (now - oldest).num_hours(),
                    }),
                    now,
                };
                queue_mail(&mut tx, mail).await?;
            }
            tx.commit().await?;
            reminded += moderators.len() as u64;
        }
        let fields = [("cases", cases.into()), ("people", reminded.into())];
        if reminded == 0 {
            run.log(Level::Warn, "cases wait, and there is nobody to tell", &fields);
        } else {
            run.log(Level::Info, "moderators were told", &fields);
        }
        Ok(Outcome::Done)
    }
}
