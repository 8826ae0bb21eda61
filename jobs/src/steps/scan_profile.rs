//! Looks at the new words of a profile, which become public when nothing speaks against them. No moderator judges the others: their
//! owner is told, and writes something else.

use content::scan;
use db::Tx;
use domain::ids::UserId;
use infra::db::{nanos, profiles, users};
use queue::{Job, JobError, Level, Outcome, Queue, Reference, Run, enqueue_all};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, IndexNano, Notice, mail, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ScanProfile {
    pub user_id: UserId,
}

impl Job<Context> for ScanProfile {
    const KIND: &'static str = "scan_profile";
    const QUEUE: Queue = queues::UPLOADS;
    const OWNER_MAY_RETRY: bool = true;

    fn tenant(&self) -> Option<Uuid> {
        Some(self.user_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("user", self.user_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.user_id.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(edit) = profiles::edit(&context.db, self.user_id).await? else { return Ok(Outcome::Done) };
        let Some(user) = users::get(&context.db, self.user_id).await? else { return Ok(Outcome::Done) };
        let words = &edit.words;
        let fields = [
            ("name", words.name.as_str()),
            ("bio", words.bio.as_str()),
            ("company", words.company.as_str()),
            ("job_title", words.job_title.as_str()),
        ];
        let findings = scan::text(&fields, Some(user.language.as_str()));
        let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        run.log(if rules.is_empty() { Level::Info } else { Level::Warn }, "scanned", &[("rules", json!(rules))]);

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some(user) = users::lock(&mut tx, self.user_id).await? else { return Ok(Outcome::Done) };
        // Written anew meanwhile: this job runs once more for it.
        if profiles::edit_in(&mut tx, user.id).await?.is_none_or(|now| now != edit) {
            return Ok(Outcome::Done);
        }
        if findings.is_empty() {
            profiles::set_words(&mut tx, user.id, &edit.words, now).await?;
            profiles::remove_edit(&mut tx, user.id).await?;
            if edit.words.name != user.name {
                tell_by_whom(&mut tx, user.id).await?;
            }
        } else {
            let findings = serde_json::to_value(&findings).map_err(JobError::failed)?;
            profiles::hold_edit(&mut tx, user.id, &findings).await?;
            mail::queue_notice(&mut tx, &user, Notice::ProfileHeld, now).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}

/// Lists and the search index name a nano's creator.
async fn tell_by_whom(tx: &mut Tx, creator_id: UserId) -> Result<(), JobError> {
    let mut jobs = Vec::new();
    for nano_id in nanos::public_of(tx, creator_id).await? {
        nanos::next_index_version(tx, nano_id).await?;
        jobs.push(IndexNano { nano_id, creator_id });
    }
    enqueue_all(tx, &jobs).await?;
    Ok(())
}
