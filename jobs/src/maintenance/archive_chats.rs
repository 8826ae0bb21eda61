//! Archives chats in which nobody has written for a month. The next message opens such a chat again.

use chrono::TimeDelta;
use infra::db::chat_sessions;
use queue::{Job, JobError, Level, Outcome, Priority, Queue, Run, schedule::Schedule};
use serde::{Deserialize, Serialize};

use crate::{Context, queues};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ArchiveChats {}

impl Job<Context> for ArchiveChats {
    const KIND: &'static str = "archive_chats";
    const QUEUE: Queue = queues::MAINTENANCE;
    const PRIORITY: Priority = Priority::Bulk;
    const SCHEDULE: Option<Schedule> =
        Some(Schedule::new::<Self, Context>("0 15 4 * * *", "Europe/Berlin").jitter(300));

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let before = context.clock.now() - TimeDelta::days(context.settings.periodic.chat_idle_days.into());
        let mut archived = 0;
        while !run.cancelled().is_cancelled() {
            let found = chat_sessions::archive_idle(&context.db, before).await?;
            if found == 0 {
                break;
            }
            archived += found;
            run.progress(archived, None, "archiving chats");
        }
        if archived > 0 {
            run.log(Level::Info, "archived idle chats", &[("chats", archived.into())]);
        }
        Ok(Outcome::Done)
    }
}
