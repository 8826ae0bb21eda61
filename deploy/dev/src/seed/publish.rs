//! One unit's way from the creator's disk to the catalogue, as the API shows it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use uuid::Uuid;

use crate::seed::{
    client::{Case, Event, Session},
    content::Unit,
};

/// For one unit, waiting behind others on two cores included.
pub const DECIDED_WITHIN: Duration = Duration::from_secs(300);
const CASE_WITHIN: Duration = Duration::from_secs(20);

/// How the pipeline left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Published and in the search index.
    Live,
    PendingReview,
    Rejected,
}

/// A nano whose file has been sent, and the job that checks it.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub nano: Uuid,
    pub job: Uuid,
}

/// Makes the nano and uploads the file.
pub async fn upload(creator: &Session, unit: &Unit) -> Result<Sent> {
    let nano = creator.create_nano(unit).await.with_context(|| format!("creating {:?}", unit.title))?.id;
    let job = creator.upload(nano, &unit.path).await.with_context(|| format!("uploading {}", unit.path.display()))?;
    Ok(Sent { nano, job })
}

/// Follows the stream of events until one of `ends` is reached; every event goes to `show`.
pub async fn follow(creator: &Session, nano: Uuid, ends: &[Outcome], mut show: impl FnMut(&Event)) -> Result<Outcome> {
    let mut reached = None;
    let mut failed = None;
    let events = creator.follow(nano, |event| {
        show(event);
        let outcome = match event.kind.as_str() {
            "indexed" => Some(Outcome::Live),
            "pending_review" => Some(Outcome::PendingReview),
            "rejected" => Some(Outcome::Rejected),
            "step_failed" => {
                failed = Some(event.data["step"].to_string());
                return false;
            }
            _ => None,
        };
        reached = outcome.filter(|outcome| ends.contains(outcome));
        reached.is_none()
    });
    let followed = tokio::time::timeout(DECIDED_WITHIN, events).await;
    followed.with_context(|| format!("nothing was decided within {} s", DECIDED_WITHIN.as_secs()))??;
    if let Some(step) = failed {
        bail!("the step {step} was given up");
    }
    reached.context("the stream ended early")
}

fn about(case: &Case, nano: Uuid) -> bool {
    case.nano.as_ref().is_some_and(|shown| shown.id == nano)
}

/// The moderator finds the nano's case in the queue and approves it.
pub async fn approve(moderator: &Session, nano: Uuid) -> Result<()> {
    let search = async {
        loop {
            if let Some(case) = moderator.moderation_queue().await?.into_iter().find(|case| about(case, nano)) {
                return anyhow::Ok(case);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let case =
        tokio::time::timeout(CASE_WITHIN, search).await.context("the moderation queue does not list the nano")??;
    moderator.decide(case.id, "approve", "Checked by the demo moderator.").await
}
