//! Looks at the new title and description of a published nano, which become public when nothing speaks against them.

use chrono::{DateTime, Utc};
use content::scan;
use db::Tx;
use domain::{
    ids::{NanoId, UserId},
    review::{self, Cause, Verdict},
};
use infra::db::{
    moderation_cases,
    nano_edits::{self, NanoEdit},
    nano_events,
    nanos::{self, Nano},
};
use queue::{EnqueueError, Job, JobError, Level, Outcome, Queue, Reference, Run, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Context, IndexNano, queues};

#[derive(Debug, Serialize, Deserialize)]
pub struct ScanEdit {
    pub nano_id: NanoId,
    pub creator_id: UserId,
}

impl Job<Context> for ScanEdit {
    const KIND: &'static str = "scan_edit";
    const QUEUE: Queue = queues::UPLOADS;
    const OWNER_MAY_RETRY: bool = true;

    fn tenant(&self) -> Option<Uuid> {
        Some(self.creator_id.0)
    }

    fn references(&self) -> Vec<Reference> {
        vec![Reference::new("nano", self.nano_id)]
    }

    fn unique_key(&self) -> Option<String> {
        Some(self.nano_id.to_string())
    }

    async fn run(&self, context: &Context, run: &Run) -> Result<Outcome, JobError> {
        let Some(nano) = nanos::get(&context.db, self.nano_id).await? else { return Ok(Outcome::Done) };
        let Some(edit) = nano_edits::get(&context.db, self.nano_id).await? else { return Ok(Outcome::Done) };
        let fields = [("title", edit.title.as_str()), ("description", edit.description.as_str())];
        let findings = scan::text(&fields, Some(nano.language.as_str()));
        let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        run.log(if rules.is_empty() { Level::Info } else { Level::Warn }, "scanned", &[("rules", json!(rules))]);
        let gravest = findings.iter().map(|finding| finding.action).max();
        // Its creator has a nano on the shelf, this one.
        let verdict = review::judge(context.settings.review_policy, true, gravest);

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some(nano) = nanos::lock(&mut tx, self.nano_id).await? else { return Ok(Outcome::Done) };
        // Written anew meanwhile: this job runs once more for it. Taken off the shelf: nobody waits for it.
        let same = nano_edits::get_in(&mut tx, nano.id).await?.is_some_and(|now| now == edit);
        let Some(version) = nano.current_version_id.filter(|_| same && nano.status.is_public()) else {
            return Ok(Outcome::Done);
        };
        if verdict == Verdict::Publish {
            moderation_cases::dismiss(&mut tx, version, now).await?;
            publish_edit(&mut tx, nano, edit, "policy", now).await?;
        } else {
            let findings = serde_json::to_value(&findings).map_err(JobError::failed)?;
            nano_edits::hold(&mut tx, nano.id, &findings).await?;
            moderation_cases::open(&mut tx, nano.id, version, Cause::Edited, now).await?;
            nano_events::append(&mut tx, nano.id, "edit_pending_review", &json!({}), now).await?;
        }
        Ok(Outcome::DoneIn(tx))
    }
}

/// Makes an edit what everybody reads, with the nano locked. `by`: who found nothing against it.
pub async fn publish_edit(
    tx: &mut Tx,
    nano: Nano,
    edit: NanoEdit,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), EnqueueError> {
    nanos::set_words(tx, nano.id, &edit.title, &edit.description, now).await?;
    nano_edits::remove(tx, nano.id).await?;
    nano_events::append(tx, nano.id, "edit_published", &json!({ "by": by }), now).await?;
    nanos::next_index_version(tx, nano.id).await?;
    enqueue(tx, &IndexNano { nano_id: nano.id, creator_id: nano.creator_id }).await?;
    Ok(())
}
